"""Wall clocks of Envoys are set: leases last as long as they would have, and nothing is stranded.

Of a suspended machine only the wall clock goes on: to an Envoy it looks the same as one that is set forward.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import ask
from harness import SettableClock, Stack, StandIn
from load import storm
from policies import policy

PROMPT, OUTPUT = 19, 23
"""Tokens of each call: what `calls.QUESTION` takes, and what is asked for at most."""

CALL = PROMPT + OUTPUT
LIMIT = 60 * CALL
HOUR = 3600
POLICY = policy(
    f"name: shared, per: [tenant], limit: {LIMIT} tokens, window: 1d, when_unreachable: deny",
    "name: flights, per: [tenant], limit: 6 concurrent requests, when_unreachable: deny",
)


@pytest.fixture(scope="module")
def clock(directory: Path) -> SettableClock:
    return SettableClock(directory)


@pytest.fixture(scope="module")
def stack(clock: SettableClock, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(clock, directory, provider, POLICY, envoys=2, lease_ttl="20s") as stack:
        yield stack


@pytest.fixture(autouse=True)
def right_again(clock: SettableClock) -> Iterator[None]:
    yield
    clock.set_ahead(0)


def calls(stack: Stack, tenant: str, count: int) -> Counter[int]:
    return storm(stack, tenant, count, f"tokens={OUTPUT}", max_completion_tokens=OUTPUT)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_step_strands_nothing_and_refuses_nobody(
    stack: Stack, clock: SettableClock, tenant: str, step: int
) -> None:
    assert calls(stack, tenant, 6)[200] == 6
    clock.set_ahead(step)
    with stack.http(tenant, f"tokens={OUTPUT}") as client:
        for _ in range(6):
            ask(client, max_completion_tokens=OUTPUT).raise_for_status()
    stack.agreed(tenant, calls=12)
    assert stack.nothing_reserved(tenant=tenant)
    assert stack.server.used("shared", tenant=tenant) == 12 * CALL


def test_steps_all_along_overspend_nothing(stack: Stack, clock: SettableClock, tenant: str) -> None:
    admitted = 0
    for step in (0, HOUR, -HOUR, 2 * HOUR, 30, -30, 0, 86_400):
        clock.set_ahead(step)
        admitted += calls(stack, tenant, 12)[200]
    assert 0 < admitted <= LIMIT // CALL
    stack.agreed(tenant, calls=admitted)
    assert stack.nothing_reserved(tenant=tenant)
    assert stack.server.used("shared", tenant=tenant) == admitted * CALL
    assert not any(envoy.crashes() for envoy in stack.envoys)

