"""Waiting for something to become true, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(check: Callable[[], T | None], what: str, within: float = 10.0, every: float = 0.02) -> T:
    """The first result of `check` that is true; TimeoutError after `within` seconds."""
    give_up = time.monotonic() + within
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > give_up:
            raise TimeoutError(f"not within {within:g} s: {what}")
        time.sleep(every)
