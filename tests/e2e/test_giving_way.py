"""Calls that give way leave their part of a budget to others, at every Envoy."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import ask
from harness import Runtime, Stack, StandIn, until
from load import storm
from policies import policy

PROMPT, OUTPUT = 19, 23
"""Tokens of each call: what `calls.QUESTION` takes, and what is asked for at most."""

CALL = PROMPT + OUTPUT
LIMIT = 100 * CALL
WAY = "gives_way: [{ when: { tenant: batch-* }, at: 60% }]"
POLICY = policy(
    f"name: shared, limit: {LIMIT} tokens, window: 1d, {WAY}",
    "name: each, per: [tenant], limit: 1000000 tokens, window: 1d",
)


@pytest.fixture
def stack(runtime: Runtime, tmp_path: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, tmp_path, provider, POLICY, envoys=2) as stack:
        yield stack


def calls(stack: Stack, tenant: str, count: int) -> Counter[int]:
    return storm(stack, tenant, count, f"tokens={OUTPUT}", max_completion_tokens=OUTPUT)


def is_over(stack: Stack, tenant: str) -> bool:
    """Calls once more; whether waiting is of no use any more."""
    with stack.http(tenant, f"tokens={OUTPUT}") as client:
        return ask(client, max_completion_tokens=OUTPUT).headers.get("x-should-retry") == "false"


def test_what_they_leave_is_for_the_others(stack: Stack) -> None:
    statuses = calls(stack, "batch-1", 100)
    assert set(statuses) == {200, 429}
    # What the other Envoy held comes back to them, up to their part.
    until(lambda: is_over(stack, "batch-1"), "their part is spent", within=20)
    stack.nothing_reserved()
    theirs = stack.server.used("shared")
    # Beyond it only by what lay in a lease while the other Envoy spent: they are 60, under load a few more.
    assert 60 * CALL <= theirs <= 80 * CALL
    with stack.http("batch-1", at=1) as client:
        assert "keeps what is left" in ask(client, max_completion_tokens=OUTPUT).text

    until(lambda: is_over(stack, "acme"), "the others have spent the rest", within=20)
    assert stack.server.used("shared") == LIMIT
