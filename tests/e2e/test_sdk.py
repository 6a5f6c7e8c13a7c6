"""The official `openai` SDK works through the filter as it does without."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calls import QUESTION
from harness import Runtime, Stack, StandIn
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from policies import AMPLE


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, AMPLE) as stack:
        yield stack


@pytest.mark.also_old
def test_a_completion(stack: Stack, tenant: str) -> None:
    with stack.openai(tenant, "tokens=25") as client:
        completion = client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert isinstance(completion, ChatCompletion)
    assert completion.choices[0].finish_reason == "stop" and completion.choices[0].message.content
    bill = stack.agreed(tenant, calls=1)
    assert completion.usage is not None
    assert (bill.prompt, bill.completion) == (
        completion.usage.prompt_tokens,
        completion.usage.completion_tokens,
    )


@pytest.mark.also_old
@pytest.mark.parametrize("include_usage", [False, True])
def test_a_stream(stack: Stack, tenant: str, include_usage: bool) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if include_usage else {}
    with stack.openai(tenant, "tokens=25") as client:
        stream = client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True, **options)
        chunks = list(stream)
        whole = client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in chunks)
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert said == whole.choices[0].message.content
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert [usage.completion_tokens for usage in usages] == ([25] if include_usage else [])
    assert stack.agreed(tenant, calls=2).completion == 50


def test_the_sdks_own_stream_helper(stack: Stack, tenant: str) -> None:
    with stack.openai(tenant, "tokens=25") as client:
        with client.chat.completions.stream(model="gpt-4o", messages=QUESTION) as stream:
            deltas = [event.delta for event in stream if event.type == "content.delta"]
            final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content
    assert stack.agreed(tenant, calls=1).completion == 25


def test_a_stream_that_is_closed_early(stack: Stack, tenant: str) -> None:
    with stack.openai(tenant, "hang=6") as client:
        with client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True) as stream:
            for _ in range(6):
                next(stream)
    assert stack.agreed(tenant, calls=1).completion == 5


def test_many_at_once(stack: Stack, tenant: str) -> None:
    async def talk() -> None:
        async with AsyncOpenAI(
            api_key="k",
            base_url=f"{stack.envoy.url}/v1",
            default_headers={"x-tenant-id": tenant, "x-stand-in": "gap_ms=2"},
        ) as client:

            async def one(number: int) -> None:
                stream = number % 2 == 0
                answer = await client.chat.completions.create(
                    model="gpt-4o-mini", messages=QUESTION, stream=stream, max_completion_tokens=number + 1
                )
                if not isinstance(answer, ChatCompletion):
                    async for _ in answer:
                        pass

            await asyncio.gather(*(one(number) for number in range(40)))

    asyncio.run(talk())
    # 1 + 2 + … + 40: each was cut at its own limit.
    assert stack.agreed(tenant, calls=40).completion == 820
