"""Calls in flight: never more than the limit, and all of it is to be had."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from calls import body
from harness import CHAT, Runtime, Stack, StandIn, until
from policies import policy

LIMIT, CLIENTS = 20, 30
LEASE_S = 2
POLICY = policy(f"name: flights, per: [tenant], limit: {LIMIT} concurrent requests, when_unreachable: deny")


@pytest.fixture
def stack(runtime: Runtime, tmp_path: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, tmp_path, provider, POLICY, envoys=2, lease_ttl=f"{LEASE_S}s") as stack:
        yield stack


def in_flight(stack: Stack, tenant: str) -> int:
    return sum(record["ended"] is None for record in stack.provider.seen(tenant))


class Flights:
    """Streams that go on until they are let go of, each on a connection of its own."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.refused: list[httpx.Response] = []
        self._landing = asyncio.Event()
        self._flying: set[asyncio.Task[None]] = set()

    async def start(self, url: str) -> None:
        """Waits for the verdict."""
        decided = asyncio.Event()
        self._flying.add(asyncio.create_task(self._fly(url, decided)))
        await decided.wait()

    async def _fly(self, url: str, decided: asyncio.Event) -> None:
        try:
            async with self._client.stream("POST", f"{url}{CHAT}", json=body(stream=True)) as answer:
                if not answer.is_success:
                    await answer.aread()
                    self.refused.append(answer)
                decided.set()
                if answer.is_success:
                    await self._landing.wait()
        except httpx.TransportError:
            decided.set()

    async def land(self) -> None:
        self._landing.set()
        await asyncio.gather(*self._flying)
        self._landing.clear()
        self._flying.clear()


@asynccontextmanager
async def flights(tenant: str) -> AsyncIterator[Flights]:
    headers = {"x-tenant-id": tenant, "x-stand-in": "hang=3"}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(headers=headers, timeout=30, limits=limits) as client:
        yield Flights(client)


def test_all_that_is_allowed_is_in_flight_and_never_more(stack: Stack, tenant: str) -> None:
    urls = [envoy.url for envoy in stack.envoys]

    async def play() -> None:
        # By one Envoy with two workers, then by both: what the first had is the second's as soon as it has landed.
        for url_of in (lambda number: urls[0], lambda number: urls[number % 2], lambda number: urls[1]):
            async with flights(tenant) as of:
                await asyncio.gather(*(of.start(url_of(number)) for number in range(CLIENTS)))
                began = time.monotonic()
                while (flying := in_flight(stack, tenant)) < LIMIT and time.monotonic() < began + 5:
                    # As SDKs do: what an Envoy kept for its own next calls comes back with its next report.
                    await asyncio.sleep(0.2)
                    await of.start(url_of(flying))
                assert in_flight(stack, tenant) == LIMIT
                refused = of.refused[-1]
                await of.land()
            assert refused.status_code == 429
            assert refused.headers["x-tollkeeper-refused"] == "rate_limit_exceeded"
            assert 0 < int(refused.headers["retry-after-ms"]) <= 1_000
            assert "at most 20 concurrent requests" in refused.json()["error"]["message"]
            until(lambda: in_flight(stack, tenant) == 0, "all have landed")

    asyncio.run(play())
    assert stack.nothing_reserved(tenant=tenant)
    assert {bucket["used"] for bucket in stack.server.buckets(tenant=tenant)} == {0}


def test_kill_9_of_an_envoy_frees_what_it_held_after_the_lease_term(stack: Stack, tenant: str) -> None:
    urls = [envoy.url for envoy in stack.envoys]

    async def play() -> None:
        async with flights(tenant) as of, flights(tenant) as others:
            await asyncio.gather(*(of.start(urls[0]) for _ in range(LIMIT)))
            assert in_flight(stack, tenant) == LIMIT
            stack.envoys[0].kill()
            await others.start(urls[1])
            assert [answer.status_code for answer in others.refused] == [429]
            until(lambda: not _held(stack, tenant), "the lease has lapsed", within=LEASE_S + 6)
            await asyncio.gather(*(others.start(urls[1]) for _ in range(CLIENTS)))
            until(lambda: in_flight(stack, tenant) == LIMIT, "all of them are the other's")
            await others.land()
            await of.land()

    asyncio.run(play())


def _held(stack: Stack, tenant: str) -> int:
    return sum(bucket["outstanding"] for bucket in stack.server.buckets(tenant=tenant))
