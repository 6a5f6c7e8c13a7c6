"""A budget that reserves what is expected: more calls at a time, and what they go beyond it is bounded and said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import ask
from harness import Runtime, Stack, StandIn, until
from load import storm
from policies import policy

PROMPT = 19
"""Tokens of `calls.QUESTION`."""

MOST = 200
"""Tokens that an answer may have."""

USUAL, LIKELY = 10, 11
"""Tokens that answers have, and what is learned from them: the longest answer of the same class."""

LIMIT = 5_000
TEACHING = 30
"""Calls before anything is expected."""

POLICY = "count: always\n" + policy(
    f"name: likely, per: [tenant], limit: {LIMIT} tokens, window: 1d, reserve: expected", output_limit=MOST
)


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, POLICY) as stack:
        yield stack


def teach(stack: Stack, tenant: str) -> int:
    """Answers tokens spent on it."""
    with stack.http(tenant, f"tokens={USUAL}") as client:
        for _ in range(TEACHING):
            ask(client).raise_for_status()
    stack.agreed(tenant, calls=TEACHING)
    return TEACHING * (PROMPT + USUAL)


def overshoot(stack: Stack, of: str = "") -> int:
    return stack.envoy.stats().total(f"tollkeeper_overshoot_{of}total", budget="likely")


def test_it_admits_more_at_a_time_than_the_worst_case(stack: Stack, tenant: str) -> None:
    at_once = f"tokens={USUAL}; first_ms=1500"
    untaught = storm(stack, f"{tenant}-untaught", 100, at_once)
    assert untaught[200] <= LIMIT // (PROMPT + MOST) == 22
    spent = teach(stack, tenant)
    taught = storm(stack, tenant, 100, at_once)
    assert taught[200] == 100 <= (LIMIT - spent) // (PROMPT + LIKELY)
    bill = stack.agreed(tenant, calls=TEACHING + 100)
    assert bill.tokens == stack.server.used("likely", tenant=tenant) == spent + 100 * (PROMPT + USUAL) <= LIMIT
    assert overshoot(stack, "calls_") == 0


def test_what_answers_go_beyond_it_is_charged_said_and_bounded(stack: Stack, tenant: str) -> None:
    spent = teach(stack, tenant)
    # All are in flight before the first has ended, and taught that answers are longer now.
    statuses = storm(stack, tenant, 200, "tokens=100; first_ms=3000")
    admitted = statuses[200]
    assert 22 < admitted <= (LIMIT - spent) // (PROMPT + LIKELY)
    bill = stack.agreed(tenant, calls=TEACHING + admitted)
    assert bill.tokens == stack.server.used("likely", tenant=tenant) == spent + admitted * (PROMPT + 100)
    until(lambda: overshoot(stack, "calls_") == admitted, "Envoy has the last of them in its stats")
    assert overshoot(stack) == admitted * (100 - LIKELY) >= stack.server.used("likely", tenant=tenant) - LIMIT > 0
    # Now longer answers are expected, and there is nothing left anyway.
    assert set(storm(stack, tenant, 10, "tokens=100")) == {429}


def test_afterwards_nothing_is_reserved(stack: Stack) -> None:
    assert stack.nothing_reserved()
    assert not stack.envoy.crashes()
