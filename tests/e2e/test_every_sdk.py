"""The providers' own SDKs get the same objects with the filter as without: of recorded and documented answers that such a
call may get."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import clients
import pytest
from charges import of_server
from clients import Client
from harness import Runtime, Stack, StandIn, documented, recordings, until
from harness.envoy_config import Config, routes
from harness.recordings import Recording
from policies import AMPLE

ENOUGH = 20
"""Recordings of a kind, of all over the corpus."""

STREAM, FRAMES = "text/event-stream", recordings.FRAMES


def at(end: str, kind: str = "application/json", host: str = "") -> Callable[[Recording], bool]:
    """Answers to calls of a path that ends so, in a form."""

    def suits(recording: Recording) -> bool:
        path = recording.path.partition("?")[0]
        return path.endswith(end) and recording.content_type == kind and host in recording.host

    return suits


CALLS: list[tuple[Client, Callable[[Recording], bool]]] = [
    (clients.openai_chat, at("/chat/completions")),
    (clients.openai_chat_stream, at("/chat/completions", STREAM)),
    (clients.openai_chat_stream_without_usage, at("/chat/completions", STREAM)),
    (clients.openai_chat_stream_helper, at("/chat/completions", STREAM)),
    (clients.openai_chat_async, at("/chat/completions", STREAM)),
    (clients.openai_completion, at("/v1/completions")),
    (clients.openai_completion_stream, at("/v1/completions", STREAM)),
    (clients.openai_response, at("/responses")),
    (clients.openai_response_stream, at("/responses", STREAM)),
    (clients.openai_response_stream_helper, at("/responses", STREAM)),
    (clients.openai_embeddings, at("/embeddings")),
    (clients.openai_image, at("/images/generations")),
    (clients.openai_transcription, at("/audio/transcriptions")),
    (clients.anthropic_message, at("/v1/messages")),
    (clients.anthropic_stream, at("/v1/messages", STREAM)),
    (clients.anthropic_stream_helper, at("/v1/messages", STREAM)),
    (clients.genai_content, at(":generateContent")),
    (clients.genai_content_stream, at(":streamGenerateContent", STREAM)),
    (clients.genai_embeddings, at(":batchEmbedContents")),
    (clients.bedrock_converse, at("/converse")),
    (clients.bedrock_converse_stream, at("/converse-stream", FRAMES)),
    (clients.bedrock_invoke, at("/invoke")),
    (clients.bedrock_invoke_stream, at("/invoke-with-response-stream", FRAMES)),
    (clients.cohere_chat, at("/v2/chat")),
    (clients.cohere_chat_stream, at("/v2/chat", STREAM)),
    (clients.cohere_v1, at("/v1/chat", host="cohere")),
    (clients.cohere_v1_stream, at("/v1/chat", recordings.LINES[1], host="cohere")),
]


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    def every_path(config: Config) -> None:
        routes(config)[0]["match"]["prefix"] = "/"

    with Stack(runtime, directory / runtime.name, provider, AMPLE, edit=every_path) as stack:
        yield stack
        assert not stack.envoy.crashes()


@pytest.fixture(scope="module")
def answers(provider: StandIn) -> list[Recording]:
    """The documented ones, and the recorded ones where they are."""
    found = [*documented.ALL, *recordings.corpus()]
    for recording in found:
        provider.keep(recording)
    return found


@pytest.mark.parametrize(("client", "suits"), CALLS, ids=[client.__name__ for client, _ in CALLS])
def test_the_same_objects_with_the_filter_and_without(
    stack: Stack,
    answers: list[Recording],
    tenant: str,
    client: Client,
    suits: Callable[[Recording], bool],
) -> None:
    suitable = [recording for recording in answers if suits(recording)]
    suitable = suitable[:: len(suitable) // ENOUGH + 1]
    if not suitable:
        pytest.skip("no recorded answer")
    fine = 0
    for number, recording in enumerate(suitable):
        size = len(recording.answer) // 20 + 1
        steer = f"recording={recording.id}; write=cut:{size}; seed={number}"
        headers = {"x-stand-in": steer, "x-tenant-id": tenant}
        without = outcome(client, stack.provider.url, headers)
        assert outcome(client, stack.envoy.url, headers) == without, recording.id
        fine += not isinstance(without, Failed)
    # Most are objects, not errors alike; without the corpus there may be two answers in all.
    good = sum(recording.status < 400 for recording in suitable)
    assert fine >= min(good, max(1, good * 4 // 5))
    calls = len(suitable)
    until(lambda: (said := of_server(stack).get(tenant)) and said.calls == calls, f"{calls} calls are charged")


class Failed(tuple[str, str]):
    """What went wrong, in the client's words."""


def outcome(client: Client, url: str, headers: clients.Headers) -> Any:
    """The objects, or the error: an SDK must fail alike, too."""
    try:
        return client(url, headers)
    except Exception as error:
        return Failed((type(error).__name__, str(error).replace(url, "")))
