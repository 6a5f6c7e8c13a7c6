"""Many clients at one Envoy take nothing from a few at another, as long as there is something left."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from calls import ask
from harness import Runtime, Stack, StandIn
from policies import policy

PROMPT, OUTPUT = 19, 23
"""Tokens of each call: what `calls.QUESTION` takes, and what is asked for at most."""

CALL = PROMPT + OUTPUT
POLICY = policy(
    f"name: shared, per: [tenant], limit: {20_000 * CALL} tokens, window: 1d",
    f"name: steady, per: [tenant], limit: {1_000_000 * CALL} tokens, window: refill 60s",
)


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, POLICY, envoys=2) as stack:
        yield stack


@contextmanager
def flood(stack: Stack, tenant: str) -> Iterator[None]:
    """Clients that call at the first Envoy, one call after the other, until the block is left."""
    over = threading.Event()

    def call() -> None:
        with stack.http(tenant, f"tokens={OUTPUT}", at=0) as client:
            while not over.is_set():
                ask(client, max_completion_tokens=OUTPUT)

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_flood_at_one_envoy_refuses_nobody_at_another(stack: Stack, tenant: str) -> None:
    with flood(stack, tenant), stack.http(tenant, f"tokens={OUTPUT}", at=1) as client:
        for _ in range(40):
            ask(client, max_completion_tokens=OUTPUT).raise_for_status()
    assert stack.server.used("shared", tenant=tenant) < 20_000 * CALL


def test_a_flood_of_one_tenant_does_not_touch_anothers_bucket(stack: Stack, tenant: str) -> None:
    other = f"{tenant}-other"
    with flood(stack, tenant), stack.http(other, f"tokens={OUTPUT}") as client:
        for _ in range(40):
            ask(client, max_completion_tokens=OUTPUT).raise_for_status()
    stack.agreed(other, calls=40)
    assert stack.nothing_reserved(tenant=other)
    assert stack.server.used("shared", tenant=other) == 40 * CALL
