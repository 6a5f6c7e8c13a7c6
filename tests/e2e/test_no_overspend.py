"""Two Envoys with two workers each share one server: however many call at once, no budget is overspent."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from calls import ask_until_used_up, body
from harness import CHAT, Runtime, Stack, StandIn, until
from load import storm
from policies import policy

ADMITTED = 50
PROMPT, OUTPUT = 19, 23
"""Tokens of each call: what `calls.QUESTION` takes, and what is asked for at most."""

LIMIT = ADMITTED * (PROMPT + OUTPUT)
POLICY = policy(
    f"name: shared, per: [tenant], limit: {LIMIT} tokens, window: 1d",
    "name: ample, per: [tenant, model], limit: 1000 USD, window: 1d",
)


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, POLICY, envoys=2) as stack:
        yield stack


def refused(stack: Stack, tenant: str) -> int:
    return sum(envoy.stats().total("tollkeeper_refused_total", tenant=tenant) for envoy in stack.envoys)


@pytest.mark.also_old
def test_200_calls_at_once_against_a_budget_for_50(stack: Stack, tenant: str) -> None:
    statuses = storm(stack, tenant, 200, f"tokens={OUTPUT}; gap_ms=2", max_completion_tokens=OUTPUT)
    assert set(statuses) == {200, 429} and statuses.total() == 200
    assert statuses[200] >= ADMITTED // 2  # what the other Envoy holds may be out of reach for a moment
    bill = stack.agreed(tenant, calls=statuses[200])
    assert bill.tokens == statuses[200] * (PROMPT + OUTPUT) <= LIMIT
    assert bill.tokens == stack.server.used("shared", tenant=tenant)
    until(lambda: refused(stack, tenant) == statuses[429], "both Envoys have their refusals")

    # What no call could get because another Envoy held it comes back, and is enough for all 50.
    stack.nothing_reserved(tenant=tenant)
    with stack.http(tenant, f"tokens={OUTPUT}") as client:
        more, answer = ask_until_used_up(client, max_completion_tokens=OUTPUT)
    statuses[200] += more
    assert answer.json()["error"]["code"] == "insufficient_quota"
    assert statuses[200] == ADMITTED
    assert stack.agreed(tenant, calls=ADMITTED).tokens == stack.server.used("shared", tenant=tenant) == LIMIT


def test_what_calls_do_not_use_admits_others(stack: Stack, tenant: str) -> None:
    """Each reserves its worst case and uses a part: more than 50 get through, within the budget."""
    statuses = Counter({200: 0, 429: 0})
    for _ in range(3):
        statuses += storm(stack, tenant, 60, "tokens=3", max_completion_tokens=OUTPUT)
    assert statuses[200] > ADMITTED
    bill = stack.agreed(tenant, calls=statuses[200])
    assert bill.tokens == statuses[200] * (PROMPT + 3) == stack.server.used("shared", tenant=tenant) <= LIMIT


def test_clients_that_hang_up_in_a_storm_are_charged_once(stack: Stack, tenant: str) -> None:
    async def hang_up(client: httpx.AsyncClient, number: int) -> bool:
        url = f"{stack.envoys[number % 2].url}{CHAT}"
        async with client.stream("POST", url, json=body(stream=True, max_tokens=OUTPUT)) as answer:
            got = ""
            async for piece in answer.aiter_text():
                if (got := got + piece).count("\n\n") >= 4:
                    break
            return answer.is_success

    async def all_of_them() -> list[bool]:
        headers = {"x-tenant-id": tenant, "x-stand-in": "hang=4"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as client:
            return await asyncio.gather(*(hang_up(client, number) for number in range(40)))

    admitted = sum(asyncio.run(all_of_them()))
    assert 20 <= admitted <= 40  # what the other Envoy holds may be out of reach for a moment
    bill = stack.agreed(tenant, calls=admitted)
    assert bill.tokens == admitted * (PROMPT + 3) == stack.server.used("shared", tenant=tenant)
    assert stack.outcomes(tenant)["client_closed"] == admitted


def test_afterwards_nothing_is_reserved(stack: Stack) -> None:
    assert stack.nothing_reserved()
    assert not any(envoy.crashes() for envoy in stack.envoys)
