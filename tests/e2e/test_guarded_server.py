"""A server that other machines may reach: Envoys come with a certificate and a token, or count as without a server."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from calls import ask
from harness import Guard, Runtime, Stack, StandIn, until
from policies import policy

POLICY = policy("name: tokens, per: [tenant], limit: 10000000 tokens, window: 1d")


@pytest.fixture(scope="module")
def guard(directory: Path) -> Guard:
    return Guard(directory / "guard")


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn, guard: Guard) -> Iterator[Stack]:
    place = directory / runtime.name
    with Stack(runtime, place, provider, POLICY, edit=guard.introduce, guard=guard) as stack:
        yield stack


@pytest.mark.also_old
def test_calls_are_held_to_budgets_over_mutual_tls_with_a_token(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:
        for _ in range(3):
            ask(client).raise_for_status()
    bill = stack.agreed(tenant, calls=3)
    assert stack.server.used("tokens", tenant=tenant) == bill.tokens
    ssl = stack.envoy.admin.get("/stats", params={"filter": r"cluster\.tollkeeper\.ssl\.handshake"})
    assert int(ssl.text.split(": ")[1]) > 0


def test_the_token_shows_nowhere(stack: Stack, guard: Guard) -> None:
    shown = stack.envoy.admin.get("/config_dump").text + stack.envoy.log_text() + stack.server.log.read_text()
    assert guard.envoys_token not in shown


@pytest.mark.also_old
def test_a_wrong_token_is_as_no_server_and_said_so(
    runtime: Runtime, directory: Path, provider: StandIn, guard: Guard, tenant: str
) -> None:
    place = directory / f"{runtime.name}-wrong"
    edit = partial(guard.introduce, token="0" * 64)
    with Stack(runtime, place, provider, POLICY, edit=edit, guard=guard) as stack:
        with stack.http(tenant) as client:
            refused = ask(client)
        # It never got a policy, so that nothing may pass unmetered.
        assert (refused.status_code, refused.headers["x-tollkeeper-refused"]) == (503, "quota_unavailable")
        assert stack.provider.seen(tenant) == []
        until(
            lambda: stack.envoy.stats().total("tollkeeper_server_unauthenticated_total") > 0,
            "the stat says why",
        )
        said = "takes no calls without a token that it knows (cluster 'tollkeeper')"
        until(lambda: said in stack.envoy.log_text(), "the log says why")
        turned_away = re.search(r'turned_away_total\{listener="grpc"\} (\d+)', stack.server.metrics())
        assert turned_away and int(turned_away[1]) > 0
        assert not stack.envoy.crashes()
