"""A steady load of calls in the background."""

import threading
from collections import Counter
from types import TracebackType

from calls import ask
from harness import Stack


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
