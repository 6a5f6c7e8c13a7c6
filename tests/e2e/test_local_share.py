"""The quota server is away, and each Envoy goes on with its lease and a share of its own: no more than that."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import ask
from harness import Runtime, Stack, StandIn, until
from load import Load, storm
from policies import policy

PROMPT, OUTPUT = 19, 23
"""Tokens of each call: what `calls.QUESTION` takes, and what is asked for at most."""

CALL = PROMPT + OUTPUT
LIMIT = 1_000 * CALL
SHARE = 20 * CALL
"""2 %"""

ENVOYS = 2
RULE = "when_unreachable: local, local_share: 2%"
POLICY = policy(f"name: shared, per: [tenant], limit: {LIMIT} tokens, window: 1d, {RULE}")


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    plugin = {"acquire_timeout_ms": 300}
    with Stack(runtime, directory / runtime.name, provider, POLICY, ENVOYS, "5s", plugin) as stack:
        yield stack


def warm(stack: Stack) -> None:
    """Has every worker know the policy."""
    with Load(stack, "warm", clients=8):
        time.sleep(0.3)


def calls(stack: Stack, tenant: str, count: int) -> Counter[int]:
    return storm(stack, tenant, count, f"tokens={OUTPUT}", max_completion_tokens=OUTPUT)


def used(stack: Stack, tenant: str) -> int:
    return sum(int(bucket["used"]) for bucket in stack.server.buckets("shared", tenant=tenant))


def without_server(stack: Stack, of: str = "") -> int:
    name = f"tollkeeper_without_server_{of}total"
    return sum(envoy.stats().total(name, budget="shared", mode="local") for envoy in stack.envoys)


def test_no_envoy_spends_more_than_its_share_and_all_of_it_is_charged(stack: Stack, tenant: str) -> None:
    warm(stack)
    calls_before, amount_before = without_server(stack, "calls_"), without_server(stack)
    stack.server.kill()
    assert calls(stack, tenant, 100) == {200: ENVOYS * SHARE // CALL, 503: 100 - ENVOYS * SHARE // CALL}
    assert calls(stack, tenant, 20)[503] == 20
    admitted = ENVOYS * SHARE // CALL

    stack.server.start()
    bill = stack.agreed(tenant, calls=admitted, within=15)
    assert bill.tokens == ENVOYS * SHARE
    until(lambda: used(stack, tenant) == bill.tokens, "the budget is charged")
    assert without_server(stack, "calls_") - calls_before == admitted
    assert without_server(stack) - amount_before >= bill.tokens


def test_a_share_is_not_new_when_the_server_was_back_in_between(stack: Stack, tenant: str) -> None:
    warm(stack)
    stack.server.kill()
    while calls(stack, tenant, 20)[200] > 0:
        pass
    stack.server.start()
    stack.agreed(tenant, calls=ENVOYS * 20, within=15)
    stack.server.kill()
    assert calls(stack, tenant, 8)[503] == 8
    stack.server.start()


@pytest.mark.also_old
def test_what_is_in_hand_comes_first(stack: Stack, tenant: str) -> None:
    warm(stack)
    with stack.http(tenant, f"tokens={OUTPUT}") as client:
        for _ in range(3):
            ask(client, max_completion_tokens=OUTPUT).raise_for_status()
    stack.agreed(tenant, calls=3)
    [bucket] = stack.server.buckets("shared", tenant=tenant)
    held = int(bucket["outstanding"])
    stack.server.kill()
    admitted = sum(calls(stack, tenant, 20)[200] for _ in range(held // CALL // 10 + 5))
    assert ENVOYS * SHARE < admitted * CALL <= held + ENVOYS * SHARE
    stack.server.start()
    bill = stack.agreed(tenant, calls=3 + admitted, within=15)
    until(lambda: used(stack, tenant) == bill.tokens, "the budget is charged")


def test_afterwards_nothing_is_reserved(stack: Stack) -> None:
    assert stack.nothing_reserved()
    assert not any(envoy.crashes() for envoy in stack.envoys)
