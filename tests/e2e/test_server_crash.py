"""The quota server dies and comes back: calls go on by the budget's rule, and each is charged once."""

import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from calls import QUESTION, ask
from harness import Runtime, Stack, StandIn
from load import Load
from policies import policy

pytestmark = pytest.mark.long

RULES = ["allow", "deny"]


@pytest.fixture(scope="module")
def allowing(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with _stack("allow", runtime, directory, provider) as stack:
        yield stack


@pytest.fixture(scope="module")
def denying(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with _stack("deny", runtime, directory, provider) as stack:
        yield stack


def _stack(rule: str, runtime: Runtime, directory: Path, provider: StandIn) -> Stack:
    place = directory / f"{runtime.name}-{rule}"
    budget = f"name: tokens, per: [tenant], limit: 10000000 tokens, window: 1d, when_unreachable: {rule}"
    return Stack(runtime, place, provider, policy(budget), lease_ttl="5s", plugin={"acquire_timeout_ms": 300})


def warm(stack: Stack) -> None:
    """Has every worker know the policy."""
    with Load(stack, "warm", clients=8):
        time.sleep(0.3)


def test_kill_9_in_mid_load_charges_each_call_once(allowing: Stack, tenant: str) -> None:
    warm(allowing)
    with Load(allowing, tenant) as load:
        for _ in range(3):
            time.sleep(0.5)
            allowing.server.kill()
            time.sleep(0.5)
            allowing.server.start()
        time.sleep(0.5)
    assert set(load.statuses) == {200}, "budgets that allow never refuse for want of a server"
    bill = allowing.agreed(tenant, calls=load.statuses[200], within=15)
    assert allowing.server.used("tokens", tenant=tenant) == bill.tokens


def test_kill_9_loses_nothing_that_was_acknowledged(allowing: Stack, tenant: str) -> None:
    warm(allowing)
    with allowing.http(tenant) as client:
        ask(client).raise_for_status()
    before = allowing.agreed(tenant, calls=1)
    allowing.server.kill()
    allowing.server.start()
    assert allowing.agreed(tenant, calls=1) == before


def test_sigterm_exits_0_and_loses_nothing(allowing: Stack, tenant: str) -> None:
    warm(allowing)
    with Load(allowing, tenant) as load:
        time.sleep(0.4)
        assert allowing.server.stop() == 0
        time.sleep(0.3)
        allowing.server.start()
        time.sleep(0.3)
    assert set(load.statuses) == {200}
    allowing.agreed(tenant, calls=load.statuses[200], within=15)
    assert "stopped" in allowing.server.log.read_text()


def test_a_server_that_is_away_is_waited_for_by_none_but_the_first(allowing: Stack, tenant: str) -> None:
    warm(allowing)
    allowing.server.kill()
    began = time.monotonic()
    with allowing.http(tenant) as client:
        for _ in range(10):
            ask(client).raise_for_status()
    took = time.monotonic() - began
    allowing.server.start()
    assert took < 10 * 0.3, f"{took:.1f} s: each call waited out its timeout"
    allowing.agreed(tenant, calls=10, within=15)


@pytest.mark.also_old
def test_a_denying_budget_refuses_what_no_lease_covers_and_recovers(denying: Stack, tenant: str) -> None:
    warm(denying)
    denying.server.kill()
    with (
        denying.openai(tenant, max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as refused,
    ):
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert refused.value.status_code == 503
    assert refused.value.code == "quota_unavailable"
    assert refused.value.response.headers["x-tollkeeper-refused"] == "quota_unavailable"
    assert refused.value.response.headers["retry-after"] == "1"
    denying.server.start()
    # The SDK's own retry bridges what is left of the outage.
    with denying.openai(tenant, max_retries=5) as client:
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    denying.agreed(tenant, calls=1)


def test_a_denying_budget_under_load_charges_exactly_what_went_through(denying: Stack, tenant: str) -> None:
    warm(denying)
    with Load(denying, tenant) as load:
        time.sleep(0.4)
        denying.server.kill()
        time.sleep(0.6)
        denying.server.start()
        time.sleep(1)
    assert set(load.statuses) <= {200, 503}
    bill = denying.agreed(tenant, calls=load.statuses[200], within=15)
    assert denying.server.used("tokens", tenant=tenant) == bill.tokens


@pytest.mark.parametrize("rule", RULES)
def test_an_envoy_that_starts_without_a_server_has_no_policy_and_refuses(
    rule: str, allowing: Stack, denying: Stack, tenant: str
) -> None:
    """It cannot know who may go on: nothing passes unmetered."""
    stack = {"allow": allowing, "deny": denying}[rule]
    stack.server.kill()
    fresh = stack.add_envoy()
    try:
        with stack.http(tenant, at=len(stack.envoys) - 1) as client:
            answer = ask(client)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "quota_unavailable")
            stack.server.start()
            time.sleep(1)
            ask(client).raise_for_status()
        stack.agreed(tenant, calls=1)
    finally:
        stack.envoys.remove(fresh)
        fresh.stop()


def test_afterwards_nothing_is_reserved(allowing: Stack, denying: Stack) -> None:
    for stack in (allowing, denying):
        assert stack.nothing_reserved()
        assert not stack.envoy.crashes()
