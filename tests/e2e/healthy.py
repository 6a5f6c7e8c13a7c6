"""Calls that go well while something else goes wrong."""

import threading
from types import TracebackType

from calls import ask, events
from harness import Stack


class Streams:
    """Streams that run while the block does; each must come to its end, whole.

    Enough of them that each of the two workers has some (a connection goes to one or the other by chance).
    """

    TOKENS = 40

    def __init__(self, stack: Stack, count: int = 6) -> None:
        self._stack = stack
        self._complete: list[int] = []
        self._threads = [threading.Thread(target=self._stream) for _ in range(count)]

    def _stream(self) -> None:
        with self._stack.http("healthy", f"tokens={self.TOKENS}; gap_ms=10") as client:
            answer = ask(client, stream=True)
            self._complete.append(len(events(answer.text)))

    def __enter__(self) -> None:
        before = len(self._stack.provider.seen("healthy"))
        for thread in self._threads:
            thread.start()
        while len(self._stack.provider.seen("healthy")) < before + len(self._threads):
            pass  # each is under way before anything goes wrong

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        for thread in self._threads:
            thread.join()
        if kind is None:
            assert self._complete == [1 + self.TOKENS + 1] * len(self._threads)
