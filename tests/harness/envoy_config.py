"""The shipped Envoy configuration, with its addresses replaced by those of one run."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import paths

Config = dict[str, Any]

HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@dataclass
class EnvoyOptions:
    """What differs from envoy/envoy.yaml. Port 0 lets the system choose."""

    provider_port: int
    quota_ports: list[int]
    node: str = "e2e"
    listen_port: int = 0
    admin_port: int = 0
    """Fields of the filter's own configuration, over those of the shipped one."""
    plugin: dict[str, Any] = field(default_factory=dict)
    """A last change to the whole."""
    edit: Callable[[Config], None] | None = None


def render(options: EnvoyOptions) -> Config:
    """Reads envoy/envoy.yaml and gives it the options."""
    config: Config = yaml.safe_load((paths.ROOT / "envoy" / "envoy.yaml").read_text())
    config["node"]["id"] = options.node
    _place(config["admin"]["address"], options.admin_port)
    _place(listener(config)["address"], options.listen_port)
    _place_all(cluster(config, "provider"), [options.provider_port])
    _place_all(cluster(config, "tollkeeper"), options.quota_ports)
    wasm(config)["vm_config"]["code"] = {"local": {"filename": str(paths.module())}}
    set_plugin(config, options.plugin)
    if options.edit:
        options.edit(config)
    return config


def write(config: Config, file: Path) -> None:
    file.write_text(yaml.safe_dump(config, sort_keys=False))


def listener(config: Config) -> Config:
    return config["static_resources"]["listeners"][0]  # type: ignore[no-any-return]


def cluster(config: Config, name: str) -> Config:
    return next(cluster for cluster in config["static_resources"]["clusters"] if cluster["name"] == name)


def http(listener: Config) -> Config:
    """The listener's connection manager."""
    return listener["filter_chains"][0]["filters"][0]["typed_config"]  # type: ignore[no-any-return]


def routes(config: Config) -> list[Config]:
    return http(listener(config))["route_config"]["virtual_hosts"][0]["routes"]  # type: ignore[no-any-return]


def wasm(config: Config) -> Config:
    """The filter's configuration in Envoy."""
    filters = http(listener(config))["http_filters"]
    return next(entry for entry in filters if entry["name"] == "tollkeeper")["typed_config"]["config"]  # type: ignore[no-any-return]


def set_plugin(config: Config, changes: dict[str, Any]) -> None:
    """Changes the filter's own configuration."""
    configuration = wasm(config)["configuration"]
    configuration["value"] = json.dumps(json.loads(configuration["value"]) | changes)


def _endpoints(cluster: Config) -> list[Config]:
    return cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]  # type: ignore[no-any-return]


def _place_all(cluster: Config, ports: list[int]) -> None:
    """As many endpoints as ports."""
    [shipped] = _endpoints(cluster)
    _endpoints(cluster)[:] = [copy.deepcopy(shipped) for _ in ports]
    for endpoint, port in zip(_endpoints(cluster), ports, strict=True):
        _place(endpoint["endpoint"]["address"], port)


def _place(address: Config, port: int) -> None:
    address["socket_address"] = {"address": "127.0.0.1", "port_value": port}
