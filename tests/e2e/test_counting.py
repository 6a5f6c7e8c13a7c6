"""Prompts are counted when that matters or always, by the model behind a name, and what can't be counted is learned."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from calls import ask
from harness import CHAT, Runtime, Stack, StandIn, until
from policies import AMPLE

COUNTED = "tollkeeper_prompts_counted_total"
LEARNED = "tollkeeper_prompts_learned_total"

NAMES = """
models:
  chat-prod: gpt-4o
"""


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / f"{runtime.name}-counting", provider, AMPLE + NAMES) as stack:
        yield stack


def counted(stack: Stack) -> float:
    return stack.envoy.stats().total(COUNTED)


def test_a_prompt_that_fits_by_its_bound_is_not_counted(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:

        def call() -> float:
            """The prompts counted once this call is reported, too."""
            ask(client).raise_for_status()
            stack.agreed(tenant, calls=next(sent))
            return counted(stack)

        sent = count(1)
        # Leases grow with demand; until they leave plenty, each call asks the server, with the exact count.
        until(lambda: call() == call(), "a call is admitted by its bound", within=20)
        before = counted(stack)
        for _ in range(5):
            call()
    assert counted(stack) == before


def test_policy_has_every_prompt_counted(
    runtime: Runtime, directory: Path, provider: StandIn, tenant: str
) -> None:
    policy = f"count: always\n{AMPLE}"
    with Stack(runtime, directory / f"{runtime.name}-always", provider, policy) as stack:
        with stack.http(tenant) as client:
            for _ in range(6):
                ask(client).raise_for_status()
        stack.agreed(tenant, calls=6)
        until(lambda: counted(stack) == 6, "every prompt is counted")


def test_a_deployment_counts_and_costs_as_the_model_behind_it(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "usage=none; tokens=50") as client:
        for model in ("chat-prod", "gpt-4o"):
            ask(client, model=model).raise_for_status()
    bill = stack.charged(tenant, calls=2)
    billed = [call["usage"] for call in stack.provider.seen(tenant)]
    assert bill.prompt == sum(usage["prompt_tokens"] for usage in billed)
    assert bill.completion == sum(usage["completion_tokens"] for usage in billed) == 100
    rows = {row["group"]["model"]: row for row in stack.server.usage() if row["group"]["tenant"] == tenant}
    assert int(rows["chat-prod"]["cost_pico_usd"]) == int(rows["gpt-4o"]["cost_pico_usd"]) > 0
    assert stack.envoy.stats().total("tollkeeper_usage_source_total", tenant=tenant, source="counted") == 2


def words(length: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": "hello " * length}]


def test_a_tokenizer_is_learned_from_what_its_provider_reports(stack: Stack, tenant: str) -> None:
    learned = stack.envoy.stats().total(LEARNED)
    with stack.http(tenant, "scale=2; tokens=20") as client:
        for length in range(50, 450, 5):
            answer = client.post(CHAT, json={"model": "sphinx-1", "messages": words(length)})
            answer.raise_for_status()
    stack.charged(tenant, calls=80)
    until(lambda: stack.envoy.stats().total(LEARNED) == learned + 80, "every call is learned from")
    # A call whose usage nobody tells: what it would have been is near.
    with stack.http(f"{tenant}-2", "scale=2; tokens=20; usage=none") as client:
        request = {"model": "sphinx-1", "messages": words(300), "stream": True}
        client.post(CHAT, json=request).raise_for_status()
    bill = stack.charged(f"{tenant}-2", calls=1)
    billed = provider_prompt(stack, f"{tenant}-2")
    assert billed > 600
    assert bill.prompt == pytest.approx(billed, rel=0.05)
    assert bill.completion == pytest.approx(40, rel=0.2)
    sources = stack.envoy.stats()
    assert sources.total("tollkeeper_usage_source_total", tenant=f"{tenant}-2", source="estimated") == 1


def provider_prompt(stack: Stack, tenant: str) -> int:
    """What the provider itself bills for a tenant's prompts."""
    return sum(call["usage"]["prompt_tokens"] for call in stack.provider.seen(tenant))
