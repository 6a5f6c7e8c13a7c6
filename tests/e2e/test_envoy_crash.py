"""An Envoy dies with leases in hand: they count as spent or come back, as the budget says."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from calls import ask, body
from harness import CHAT, Runtime, Stack, StandIn, until
from policies import policy

pytestmark = pytest.mark.long

PROMPT, OUTPUT = 19, 100
POLICY = policy(
    "name: careful, per: [tenant], limit: 100000 tokens, window: 1d, lost_lease: spent",
    "name: generous, per: [tenant], limit: 100000 tokens, window: 1d, lost_lease: released",
)


@pytest.fixture
def stack(runtime: Runtime, tmp_path: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, tmp_path, provider, POLICY, envoys=2, lease_ttl="2s") as stack:
        yield stack


@pytest.mark.also_old
def test_kill_9_of_an_envoy_leaves_its_leases_to_the_budgets_rule(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "tokens=10") as client:
        ask(client, max_tokens=OUTPUT).raise_for_status()
    reported = stack.agreed(tenant, calls=1).tokens

    # One more is in flight, holding its worst case, when the Envoy dies.
    with stack.http(tenant, "hang=4") as client, pytest.raises(httpx.RemoteProtocolError):
        with client.stream("POST", CHAT, json=body(stream=True, max_tokens=OUTPUT)) as answer:
            pieces = answer.iter_text()
            next(pieces)
            held = {bucket["budget"]: bucket["outstanding"] for bucket in stack.server.buckets(tenant=tenant)}
            stack.envoy.kill()
            list(pieces)
    assert held["careful"] >= PROMPT + OUTPUT and held["generous"] >= PROMPT + OUTPUT
    assert not stack.envoy.alive

    until(
        lambda: all(bucket["outstanding"] == 0 for bucket in stack.server.buckets(tenant=tenant)), "lapsed", 8
    )
    used = {bucket["budget"]: bucket["used"] for bucket in stack.server.buckets(tenant=tenant)}
    assert used == {"careful": reported + held["careful"], "generous": reported}

    # The other Envoy goes on with what is left.
    with stack.http(tenant, "tokens=10", at=1) as client:
        ask(client, max_tokens=OUTPUT).raise_for_status()
    after = until(
        lambda: (
            {
                name: amount
                for name, amount in (
                    (bucket["budget"], bucket["used"]) for bucket in stack.server.buckets(tenant=tenant)
                )
                if amount > used[name]
            }
            or None
        ),
        "the second call is charged",
    )
    assert after == {name: amount + PROMPT + 10 for name, amount in used.items()}


def test_an_envoy_that_comes_back_is_a_process_of_its_own(stack: Stack, tenant: str) -> None:
    """Its sequence begins again at 1, under another epoch: nothing of it is taken for a repetition."""
    for generation in range(3):
        with stack.http(tenant, at=-1) as client:
            ask(client).raise_for_status()
        expected = {"ok": generation + 1}
        until(partial(_has, stack, tenant, expected), "the call is charged")
        stack.restart_envoy()


def _has(stack: Stack, tenant: str, outcomes: dict[str, int]) -> bool:
    return stack.outcomes(tenant) == outcomes
