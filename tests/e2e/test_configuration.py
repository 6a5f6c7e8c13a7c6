"""How the filter is configured: clusters of any name, and mistakes that are told and change nothing."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from calls import ask, events
from harness import Envoy, EnvoyDidNotStart, EnvoyOptions, Runtime, Stack, StandIn, until
from harness.envoy_config import Config, cluster, listener, render, wasm
from policies import AMPLE

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, AMPLE) as stack:
        yield stack


def options(stack: Stack, **changes: Any) -> EnvoyOptions:
    return EnvoyOptions(provider_port=stack.provider.port, quota_ports=[stack.server.grpc_port], **changes)


@pytest.mark.also_old
@pytest.mark.parametrize("name", ["quota-svc", "a-quotas!", "mesh1"])
def test_a_cluster_whose_name_reads_as_protobuf_does_not_take_envoy_down(
    stack: Stack, runtime: Runtime, tmp_path: Path, tenant: str, name: str
) -> None:
    """Envoy tries to parse the name as a message, and aborts on some that succeed."""

    def rename(config: Config) -> None:
        quota = cluster(config, "tollkeeper")
        quota["name"] = quota["load_assignment"]["cluster_name"] = name

    envoy = Envoy(
        runtime,
        tmp_path,
        options(stack, node=name, edit=rename, plugin={"quota_cluster": name, "tick_ms": 100}),
    )
    stack.envoys.append(envoy)
    try:
        with stack.http(tenant, at=-1) as client:
            ask(client).raise_for_status()
        stack.agreed(tenant, calls=1)
        assert envoy.alive and not envoy.crashes()
    finally:
        stack.envoys.remove(envoy)
        envoy.stop()


@pytest.mark.also_old
@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ({"tickms": 5}, "unknown field `tickms`"),
        ({"tick_ms": 1}, "tick_ms is 1, must be from 10 to 60000"),
        ({"quota_cluster": ""}, "quota_cluster is empty"),
        ({"tick_ms": "fast"}, "invalid type: string"),
    ],
    ids=["unknown field", "out of range", "empty", "wrong type"],
)
def test_envoy_does_not_start_with_a_wrong_configuration_and_says_why(
    stack: Stack, runtime: Runtime, tmp_path: Path, plugin: dict[str, Any], said: str
) -> None:
    with pytest.raises(EnvoyDidNotStart) as refused:
        Envoy(runtime, tmp_path, options(stack, plugin=plugin)).stop()
    lines = [line for line in str(refused.value).splitlines() if said in line]
    assert lines and "tollkeeper: configuration:" in lines[0], str(refused.value)[-2000:]
    assert "panicked" not in str(refused.value)


def test_a_cluster_that_does_not_exist_is_said_and_refused_with_503(
    stack: Stack, runtime: Runtime, tmp_path: Path, tenant: str
) -> None:
    """Without a server there is no policy, so nobody can be let through."""
    envoy = Envoy(runtime, tmp_path, options(stack, plugin={"quota_cluster": "nowhere", "tick_ms": 100}))
    stack.envoys.append(envoy)
    try:
        with stack.http(tenant, at=-1) as client:
            assert ask(client).status_code == 503
        until(lambda: "cluster 'nowhere'" in envoy.log_text(), "the log says why")
        assert not envoy.crashes()
    finally:
        stack.envoys.remove(envoy)
        envoy.stop()


@pytest.mark.also_old
def test_a_wrong_update_leaves_the_working_listener(
    stack: Stack, runtime: Runtime, tmp_path: Path, tenant: str
) -> None:
    """As a control plane would send it: a listener by LDS, here from a watched directory."""
    file = tmp_path / "listeners" / "lds.yaml"
    file.parent.mkdir()
    config = render(options(stack, plugin={"tick_ms": 100}))
    good = listener(config)
    config["static_resources"]["listeners"] = []
    config["dynamic_resources"] = {
        "lds_config": {
            "path_config_source": {"path": str(file), "watched_directory": {"path": str(file.parent)}}
        }
    }
    _publish(file, good)
    envoy = Envoy(runtime, tmp_path, config)
    stack.envoys.append(envoy)
    try:
        with stack.http(tenant, "gap_ms=20; tokens=60", at=-1) as client:
            with client.stream(
                "POST", "/v1/chat/completions", json={"model": "gpt-4o", "messages": [], "stream": True}
            ) as running:
                bad = copy.deepcopy(good)
                wasm({"static_resources": {"listeners": [bad]}})["configuration"]["value"] = (
                    '{"quota_cluster": "q", "oops": 1}'
                )
                _publish(file, bad)
                until(
                    lambda: envoy.stats().total("envoy_listener_manager_lds_update_rejected"),
                    "the update is rejected",
                )
                assert len(events("".join(running.iter_text()))) == 62
            ask(client).raise_for_status()
        until(lambda: "unknown field `oops`" in envoy.log_text(), "the log says why")
        assert not envoy.crashes()
        stack.agreed(tenant, calls=2)

        # And the next right one is taken.
        good["per_connection_buffer_limit_bytes"] = 65536
        _publish(file, good)
        until(
            lambda: envoy.stats().total("envoy_listener_manager_lds_update_success") >= 2,
            "the update is taken",
        )
        with stack.http(tenant, at=-1) as client:
            ask(client).raise_for_status()
        stack.agreed(tenant, calls=3)
    finally:
        stack.envoys.remove(envoy)
        envoy.stop()


def _publish(file: Path, listener: Config) -> None:
    """By a rename, which is what Envoy watches for."""
    resource = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", **listener}
    new = file.with_suffix(".new")
    new.write_text(yaml.safe_dump({"resources": [resource]}))
    new.rename(file)
