"""Many calls: a steady load in the background, or all at once."""

import asyncio
import threading
from collections import Counter
from types import TracebackType
from typing import Any

import httpx
from calls import ask, body
from harness import CHAT, Stack


class Load:
    """Clients that call one after the other, JSON and streams by turns, until the block is left."""

    def __init__(
        self, stack: Stack, tenant: str, clients: int = 8, steer: str = "tokens=5; gap_ms=2"
    ) -> None:
        self.statuses: Counter[int] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(stack, tenant, steer, number))
            for number in range(clients)
        ]

    def _call(self, stack: Stack, tenant: str, steer: str, number: int) -> None:
        with stack.http(tenant, steer, at=number % len(stack.envoys)) as client:
            while not self._over.is_set():
                answer = ask(client, stream=number % 4 >= 2, max_completion_tokens=5)
                with self._lock:
                    self.statuses[answer.status_code] += 1

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def storm(stack: Stack, tenant: str, calls: int, steer: str, **fields: Any) -> Counter[int]:
    """So many calls at once over all Envoys, JSON and streams; how often which status came back."""

    async def one(client: httpx.AsyncClient, number: int) -> int:
        envoy = stack.envoys[number % len(stack.envoys)]
        request = body(stream=number % 4 >= 2, **fields)
        return (await client.post(f"{envoy.url}{CHAT}", json=request)).status_code

    async def all_of_them() -> list[int]:
        headers = {"x-tenant-id": tenant, "x-stand-in": steer}
        limits = httpx.Limits(max_connections=calls, max_keepalive_connections=0)
        async with httpx.AsyncClient(headers=headers, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(one(client, number) for number in range(calls)))

    return Counter(asyncio.run(all_of_them()))
