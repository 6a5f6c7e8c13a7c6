"""Changes to the shipped Envoy configuration that tests need."""

import copy
from typing import Any

from harness.envoy_config import Config, cluster, routes

CLUSTER = "x-test-cluster"
"""Sends a call to another cluster: nobody listens at `dead`, `plain` is the provider under another name."""

TIMEOUT = "x-test-timeout"
"""Gives a call a route with a timeout of half a second."""


def with_test_routes(config: Config) -> None:
    """Adds the clusters and routes that the headers above choose."""
    for name in ("dead", "plain"):
        twin = copy.deepcopy(cluster(config, "provider")) | {"name": name}
        twin["load_assignment"]["cluster_name"] = name
        config["static_resources"]["clusters"].append(twin)
    # Port 9 is discard's, which nobody serves any more.
    _address(cluster(config, "dead"))["port_value"] = 9

    usual = routes(config)[0]
    hurried = _when(usual, TIMEOUT, {"present_match": True})
    hurried["route"]["timeout"] = "0.5s"
    others = [_when(usual, CLUSTER, {"string_match": {"exact": name}}) for name in ("dead", "plain")]
    for name, other in zip(("dead", "plain"), others, strict=True):
        other["route"]["cluster"] = name
    routes(config)[:0] = [hurried, *others]


def _when(route: Config, header: str, match: dict[str, Any]) -> Config:
    special = copy.deepcopy(route) | {"name": f"{header}-{match}"}
    special["match"]["headers"] = [{"name": header, **match}]
    return special


def _address(cluster: Config) -> Config:
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    return endpoint["address"]["socket_address"]  # type: ignore[no-any-return]
