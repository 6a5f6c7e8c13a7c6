"""An Envoy with the filter in it."""

import re
from pathlib import Path

import httpx

from . import envoy_config
from .envoy_config import Config, EnvoyOptions
from .prometheus import Samples
from .runtimes import Runtime
from .waiting import until

CRASHES = re.compile(
    r"(?i)panicked at|wasm trap|RuntimeError|Uncaught|Function: proxy_\w+ failed|Caught Segmentation"
)
"""What Envoy's log says when a wasm VM, or Envoy itself, has broken down."""


class EnvoyDidNotStart(Exception):
    """Its log is the message."""


class Envoy:
    def __init__(self, runtime: Runtime, directory: Path, config: EnvoyOptions | Config) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "envoy.log"
        self._output = directory / "envoy.out"
        file, admin = directory / "envoy.yaml", directory / "admin-address"
        admin.unlink(missing_ok=True)
        rendered = envoy_config.render(config) if isinstance(config, EnvoyOptions) else config
        envoy_config.write(rendered, file)
        # No shared memory with other Envoys of this machine, which is what a base id would keep apart.
        arguments = [
            "-c",
            str(file),
            "--concurrency",
            "2",
            "--disable-hot-restart",
            "--log-path",
            str(self.log),
        ]
        # Its log is otherwise written every ten seconds.
        arguments += ["--admin-address-path", str(admin), "--file-flush-interval-msec", "50"]
        self._running = runtime.start(arguments, directory)
        address = until(lambda: self._ready(admin), "Envoy is ready", within=30)
        self.admin = httpx.Client(base_url=f"http://{address}", timeout=10)
        self.port = self._listening_port()

    def _ready(self, admin: Path) -> str | None:
        if not self._running.alive:
            raise EnvoyDidNotStart(self.log_text())
        address = admin.read_text().strip() if admin.exists() else ""
        try:
            return address if address and httpx.get(f"http://{address}/ready").is_success else None
        except httpx.TransportError:
            return None

    def _listening_port(self) -> int:
        listeners = self.admin.get("/listeners", params={"format": "json"}).json()["listener_statuses"]
        return int(listeners[0]["local_address"]["socket_address"]["port_value"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        return self._running.alive

    def stats(self) -> Samples:
        return Samples(self.admin.get("/stats/prometheus").raise_for_status().text)

    def arrivals(self) -> int:
        """Requests that arrived from clients."""
        return self.stats().total("envoy_http_downstream_rq_total", envoy_http_conn_manager_prefix="llm")

    def log_text(self) -> str:
        """Everything it said."""
        return "".join(file.read_text(errors="replace") for file in (self.log, self._output) if file.exists())

    def crashes(self) -> list[str]:
        """Lines of the log that tell of a VM or an Envoy that broke down."""
        return [line for line in self.log_text().splitlines() if CRASHES.search(line)]

    def kill(self) -> None:
        self.admin.close()
        self._running.kill()

    def stop(self) -> None:
        self.admin.close()
        self._running.stop()
