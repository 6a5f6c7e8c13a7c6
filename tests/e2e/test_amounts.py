"""What budgets count, and whose limit is which."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import ask
from harness import Runtime, Stack, StandIn, paths, until
from policies import policy

PROMPT = 19
"""Tokens of `calls.QUESTION`."""

POLICY = policy(
    "name: calls, per: [tenant], limit: 4 requests, window: 1d, overrides: ["
    "{ when: { tenant: big-* }, limit: 9 requests }, { when: { tenant: small }, limit: 1 request }]",
)


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, POLICY) as stack:
        yield stack


def statuses(stack: Stack, tenant: str, calls: int) -> Counter[int]:
    """One call after the other, each on a connection of its own, so that both workers get some."""
    counted: Counter[int] = Counter()
    for _ in range(calls):
        with stack.http(tenant, "tokens=1") as client:
            counted[ask(client).status_code] += 1
    return counted


def test_some_have_another_limit(stack: Stack, tenant: str) -> None:
    for name, limit in (("big-1", 9), ("small", 1), (tenant, 4)):
        assert statuses(stack, name, limit + 3) == {200: limit, 429: 3}
        stack.agreed(name, calls=limit)
        until(lambda name=name: stack.server.buckets(tenant=name), "it is reported")  # type: ignore[misc]
        [bucket] = stack.server.buckets(tenant=name)
        assert (bucket["limit"], bucket["used"]) == (limit, limit)


def test_check_says_who_has_which_limit(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    done = subprocess.run([paths.tollkeeper(), "check", file], capture_output=True, text=True, check=True)
    assert (
        "calls: 4 requests per 1d for each tenant; 9 requests for tenant big-*; 1 requests for tenant small"
        in done.stdout
    )
