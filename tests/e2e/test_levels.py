"""Organisation (the tenant) over team over user over key: no child outspends its parent."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from calls import body
from harness import CHAT, Runtime, Stack, StandIn, until

LEVELS = {"tenant": 40, "team": 30, "user": 20, "key": 12}
"""Calls that each may make."""

DIMENSIONS = {"tenant": "x-tenant-id", "team": "x-team", "user": "x-user", "key": "x-key"}


def _budgets() -> Iterator[str]:
    for level, limit in LEVELS.items():
        per = list(LEVELS)[: list(LEVELS).index(level) + 1]
        yield f"  - {{ name: per-{level}, per: [{', '.join(per)}], limit: {limit} requests, window: 1d }}\n"


POLICY = (
    "dimensions:\n"
    + "".join(f"  {name}: {{ header: {header} }}\n" for name, header in DIMENSIONS.items())
    + "output_limit: 50\nbudgets:\n"
    + "".join(_budgets())
)


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, POLICY, envoys=2) as stack:
        yield stack


def headers(tenant: str, team: int, user: int, key: int) -> dict[str, str]:
    values = (tenant, f"team-{team}", f"user-{user}", f"key-{key}")
    return dict(zip(DIMENSIONS.values(), values, strict=True)) | {"x-stand-in": "tokens=1"}


def used(stack: Stack, level: str, tenant: str) -> list[int]:
    return [bucket["used"] for bucket in stack.server.buckets(f"per-{level}", tenant=tenant)]


def _reported(stack: Stack, tenant: str, calls: int) -> bool:
    return sum(used(stack, "tenant", tenant)) == calls


def test_a_refusal_names_the_level_that_binds(stack: Stack, tenant: str) -> None:
    def refuses(team: int, user: int, key: int) -> tuple[int, str]:
        """How many calls get through, and which budget ends it."""
        with httpx.Client(base_url=stack.envoy.url, headers=headers(tenant, team, user, key)) as client:
            admitted = 0
            # As long as something is only held, and not yet reported as spent, it is worth asking again.
            while (answer := client.post(CHAT, json=body())).headers.get("x-should-retry") != "false":
                admitted += answer.is_success
                time.sleep(int(answer.headers.get("retry-after-ms", 0)) / 1000)
            return admitted, str(answer.json()["error"]["message"])

    for who, calls, level in [
        ((1, 1, 1), 12, "key"),
        ((1, 1, 2), 20 - 12, "user"),
        ((1, 2, 1), 30 - 20, "team"),
        ((2, 3, 1), 40 - 30, "tenant"),
        ((3, 4, 1), 0, "tenant"),
    ]:
        count, message = refuses(*who)
        assert (count, f"'per-{level}'" in message) == (calls, True), (who, message)


def test_under_concurrency_the_parent_binds(stack: Stack, tenant: str) -> None:
    """Each of twelve keys alone may make 12 calls, and 144 together; the organisation 40."""
    keys = [(team, user, key) for team in (1, 2) for user in (1, 2) for key in (1, 2, 3)]

    async def one(client: httpx.AsyncClient, number: int) -> int:
        who = headers(tenant, *keys[number % len(keys)])
        url = stack.envoys[number // len(keys) % 2].url
        return (await client.post(f"{url}{CHAT}", json=body(), headers=who)).status_code

    async def storm() -> Counter[int]:
        async with httpx.AsyncClient(timeout=30) as client:
            return Counter(await asyncio.gather(*(one(client, number) for number in range(144))))

    admitted = 0
    for _ in range(3):  # what one Envoy held is another's the next time
        statuses = asyncio.run(storm())
        assert set(statuses) <= {200, 429}
        admitted += statuses[200]
        assert len(stack.provider.seen(tenant)) == admitted
        until(partial(_reported, stack, tenant, admitted), "all of them are reported")
        stack.nothing_reserved(tenant=tenant)
    assert admitted == LEVELS["tenant"]
    for level, limit in LEVELS.items():
        assert sum(used(stack, level, tenant)) == admitted and max(used(stack, level, tenant)) <= limit
