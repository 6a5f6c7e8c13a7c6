"""Budgets that are used up, and what people do about it: top them up, or reset them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import ask, ask_until_used_up
from harness import Runtime, Stack, StandIn, until
from policies import policy

LIMIT = 6
POLICY = policy(f"name: calls, per: [tenant], limit: {LIMIT} requests, window: month")


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, POLICY, envoys=2) as stack:
        yield stack


def _say(stack: Stack, *words: str) -> str:
    done = stack.server.command(*words, "--reason", "the launch")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _admitted(stack: Stack, tenant: str) -> int:
    """How many calls get through before both Envoys refuse for good."""
    admitted = 0
    for envoy in (0, 1, 0):
        with stack.http(tenant, at=envoy) as client:
            admitted += ask_until_used_up(client)[0]
    return admitted


def _let_through_again(stack: Stack, tenant: str) -> None:
    """Both Envoys hear of a change by themselves, though they know the budget to be used up until the month ends."""
    for envoy in (0, 1):
        with stack.http(tenant, at=envoy) as client:
            until(lambda client=client: ask(client).is_success, f"Envoy {envoy} lets calls through again")


def test_what_is_added_is_had_from_every_envoy_and_no_more(stack: Stack, tenant: str) -> None:
    others = f"{tenant}-others"
    assert (_admitted(stack, tenant), _admitted(stack, others)) == (LIMIT, LIMIT)
    for added, so_far in ((5, LIMIT), (4, LIMIT + 5)):
        _say(stack, "top-up", "calls", f"{added} requests", "--for", f"tenant={tenant}")
        _let_through_again(stack, tenant)
        assert 2 + _admitted(stack, tenant) == added
        assert len(stack.provider.seen(tenant)) == so_far + added
    assert _admitted(stack, others) == 0, "what was added is for one tenant"
    stack.nothing_reserved(tenant=tenant)
    [bucket] = stack.server.buckets("calls", tenant=tenant)
    assert (bucket["limit"], bucket["added"], bucket["used"]) == (LIMIT + 9, 9, LIMIT + 9)


def test_after_a_reset_all_of_it_is_had_once_more_and_the_ledger_forgets_nothing(
    stack: Stack, tenant: str
) -> None:
    assert _admitted(stack, tenant) == LIMIT
    stack.nothing_reserved(tenant=tenant)
    said = _say(stack, "reset", "calls", "--for", f"tenant={tenant}", "--key", f"reset-{tenant}")
    assert f"was reset: {LIMIT} requests count no more" in said
    _let_through_again(stack, tenant)
    assert 2 + _admitted(stack, tenant) == LIMIT
    # The same once more, as by somebody who got no answer: nothing happens.
    assert "(before, with this key)" in _say(
        stack, "reset", "calls", "--for", f"tenant={tenant}", "--key", f"reset-{tenant}"
    )
    assert _admitted(stack, tenant) == 0
    stack.agreed(tenant, calls=2 * LIMIT)
    trail = stack.server.command("audit").stdout
    [line] = [line for line in trail.splitlines() if f"tenant={tenant} " in line]
    assert all(word in line for word in ("local", "reset", "the launch", f"{LIMIT} requests → 0 requests")), line
