"""What budgets count, and whose limit is which."""

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import ask, body
from harness import CHAT, Runtime, Stack, StandIn, paths, until
from policies import policy

POLICY = policy(
    "name: calls, per: [tenant], limit: 4 requests, window: 1d, overrides: ["
    "{ when: { tenant: big-* }, limit: 9 requests }, { when: { tenant: small }, limit: 1 request }]",
    "name: weighted, per: [tenant], limit: 1000 weighted tokens, window: 1d, "
    "weights: { prompt: 0.5, output: 4 }",
    "name: gpus, per: [tenant], limit: 60 GPU seconds, window: 1d",
).replace("budgets:", "models: { gpt-4o-mini: { gpus: 2, max_seconds: 20 } }\nbudgets:")


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
        stack.charged(name, calls=limit)  # the provider knows these names from other runs
        [bucket] = stack.server.buckets("calls", tenant=name)
        assert (bucket["limit"], bucket["used"]) == (limit, limit)


def test_tokens_count_by_their_weights(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "tokens=10") as client:
        ask(client, max_completion_tokens=10).raise_for_status()
        stack.agreed(tenant, calls=1)
        [bucket] = stack.server.buckets("weighted", tenant=tenant)
        assert (bucket["unit"], bucket["used"]) == ("weighted tokens", 50)  # 19 × 0.5 + 10 × 4 = 49.5
        # 950 are left: 19 × 0.5 + 236 × 4 = 953.5 do not fit.
        refused = ask(client, max_completion_tokens=236)
        assert (refused.status_code, "1000 weighted tokens per 1d" in refused.text) == (429, True)


def test_gpus_are_paid_for_the_time_they_worked(stack: Stack, tenant: str) -> None:
    began = time.monotonic()
    with stack.http(tenant, "gap_ms=100; tokens=5") as client:
        ask(client, stream=True).raise_for_status()
    took_ms = (time.monotonic() - began) * 1000
    stack.agreed(tenant, calls=1)
    [bucket] = stack.server.buckets("gpus", tenant=tenant)
    assert bucket["unit"] == "gpu_ms"
    # Two GPUs; the provider waited 100 ms between its writes, of which there were at least five.
    assert 2 * 500 <= bucket["used"] <= 2 * (took_ms + 1)


def test_gpus_are_reserved_for_as_long_as_a_call_may_take(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "hang=2") as client, client.stream(
        "POST", CHAT, json=body(stream=True, max_completion_tokens=5)
    ) as first:
        pieces = first.iter_text()
        next(pieces)
        with stack.http(tenant, "tokens=1") as other:
            refused = ask(other, max_completion_tokens=5)
    # 2 × 20 s are held of 60: another 40 are not to be had, until the first has been let go of.
    assert (refused.status_code, "60 GPU seconds per 1d" in refused.text) == (429, True)
    until(lambda: stack.outcomes(tenant).get("client_closed"), "the first is over")
    with stack.http(tenant, "tokens=1") as client:
        # It may take another tick until another worker can have it.
        until(lambda: ask(client).is_success, "what the first held is there for others")


def test_check_says_who_has_which_limit(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    done = subprocess.run([paths.tollkeeper(), "check", file], capture_output=True, text=True, check=True)
    assert (
        "calls: 4 requests per 1d for each tenant; 9 requests for tenant big-*; 1 requests for tenant small"
        in done.stdout
    )
    assert "gpus: 60 GPU seconds per 1d for each tenant" in done.stdout
    assert "warning" not in done.stdout


def test_check_warns_where_a_child_has_more_than_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        policy(
            "name: org, limit: 100 USD, window: month", "name: tenant, per: [tenant], limit: 500 USD, window: month"
        )
    )
    done = subprocess.run([paths.tollkeeper(), "check", file], capture_output=True, text=True, check=True)
    assert "warning: line 6: budgets[1].limit: 500.00 USD, but `org` allows" in done.stdout
