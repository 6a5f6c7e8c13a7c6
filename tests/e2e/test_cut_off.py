"""A stream that the policy ends is a whole one to its provider's own SDK: it came to its output limit."""

import base64
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import boto3
import botocore.config
import cohere
import httpx
import openai
import pytest
from google import genai
from google.genai.types import HttpOptions
from harness import Runtime, Stack, StandIn, until
from harness.recordings import Recording

WORDS = 40
"""Words that the provider sends, a token each."""
LIMIT = 10
"""Tokens after which the policy ends the stream."""

POLICY = f"""
dimensions:
  tenant: {{ header: x-tenant-id }}
output_limit: 200
guardrails:
  - {{ when: {{ tenant: cut-* }}, max_output_tokens: {LIMIT}, on_exceeded: stop }}
budgets:
  - {{ name: tokens, per: [tenant], limit: 50000000 tokens, window: 1d }}
"""

USAGE = (12, WORDS)
"""Prompt and output tokens, as the provider says."""

EVENTS, FRAMES = "text/event-stream", "application/vnd.amazon.eventstream"


def events(*data: dict[str, Any], named: bool = True, done: bool = False) -> bytes:
    text = ""
    for one in data:
        name = f"event: {one['type']}\n" if named and "type" in one else ""
        text += f"{name}data: {json.dumps(one)}\n\n"
    return (text + ("data: [DONE]\n\n" if done else "")).encode()


def frame(event: str, payload: dict[str, Any]) -> bytes:
    """A message of AWS's event stream."""
    headers = b""
    for name, value in ((":event-type", event), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def chat() -> bytes:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return head | {"choices": [choice]}

    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_795_458_000, "model": "gpt-4o"}
    usage = {"prompt_tokens": 12, "completion_tokens": WORDS, "total_tokens": 12 + WORDS}
    return events(
        chunk({"role": "assistant", "content": ""}),
        *[chunk({"content": " mesh"})] * WORDS,
        chunk({}, "stop"),
        head | {"choices": [], "usage": usage},
        done=True,
    )


def completion() -> bytes:
    def chunk(text: str, finish: str | None = None) -> dict[str, Any]:
        return head | {"choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}]}

    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "gpt-3.5-turbo-instruct"}
    usage = {"prompt_tokens": 12, "completion_tokens": WORDS, "total_tokens": 12 + WORDS}
    last = head | {"choices": [], "usage": usage}
    return events(*[chunk(" mesh")] * WORDS, chunk("", "stop"), last, done=True)


def response() -> bytes:
    def about(status: str, usage: Any = None) -> dict[str, Any]:
        return {
            "id": "resp_1", "object": "response", "created_at": 1_795_458_000, "status": status, "error": None,
            "incomplete_details": None, "instructions": None, "model": "gpt-4o-2024-08-06", "output": [],
            "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage, "metadata": {},
        }  # fmt: skip

    usage = {
        "input_tokens": 12, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": WORDS,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 12 + WORDS,
    }  # fmt: skip
    item = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    said: list[dict[str, Any]] = [
        {"type": "response.created", "response": about("in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **place, "part": part},
        *[{"type": "response.output_text.delta", **place, "delta": " mesh", "logprobs": []}] * WORDS,
        {"type": "response.completed", "response": about("completed", usage)},
    ]
    return events(*[one | {"sequence_number": at} for at, one in enumerate(said)])


def message() -> list[dict[str, Any]]:
    usage = {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1}
    begun = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage,
    }  # fmt: skip
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " mesh"}}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[delta] * WORDS,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": WORDS}},
        {"type": "message_stop"},
    ]


def content() -> bytes:
    def chunk(text: str, **more: Any) -> dict[str, Any]:
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
        return {"candidates": [candidate], "modelVersion": "gemini-2.5-flash", "responseId": "r1"}

    usage = {"promptTokenCount": 12, "candidatesTokenCount": WORDS, "totalTokenCount": 12 + WORDS}
    last = chunk("", finishReason="STOP") | {"usageMetadata": usage}
    return events(*[chunk(" mesh")] * WORDS, last).replace(b"\n\n", b"\r\n\r\n")


def conversation() -> bytes:
    usage = {"inputTokens": 12, "outputTokens": WORDS, "totalTokens": 12 + WORDS}
    delta = frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": " mesh"}})
    return b"".join(
        [
            frame("messageStart", {"role": "assistant"}),
            *[delta] * WORDS,
            frame("contentBlockStop", {"contentBlockIndex": 0}),
            frame("messageStop", {"stopReason": "end_turn"}),
            frame("metadata", {"usage": usage, "metrics": {"latencyMs": 7}}),
        ]
    )


def invocation() -> bytes:
    inner = message()
    inner[-1] |= {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 12, "outputTokenCount": WORDS}}
    encoded = [base64.b64encode(json.dumps(one).encode()).decode() for one in inner]
    return b"".join(frame("chunk", {"bytes": one}) for one in encoded)


def cohere_chat() -> bytes:
    said = {"message": {"content": {"text": " mesh"}}}
    usage = {"billed_units": {"input_tokens": 12, "output_tokens": WORDS}}
    return events(
        {"type": "message-start", "id": "m", "delta": {"message": {"role": "assistant", "content": []}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        *[{"type": "content-delta", "index": 0, "delta": said}] * WORDS,
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
        done=True,
    )


Headers = dict[str, str]
Said = tuple[str, Any, int | None]
"""The text, why it ended, and its output tokens, as the SDK has it."""

QUESTION = "How long is the mesh?"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]


def ask_chat(url: str, headers: Headers, usage: bool = True) -> Said:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k", default_headers=headers, max_retries=0) as client:
        more: Any = {"stream_options": {"include_usage": True}} if usage else {}
        stream = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True, **more)
        chunks = list(stream)
    choices = [choice for chunk in chunks for choice in chunk.choices]
    reported = chunks[-1].usage
    text = "".join(choice.delta.content or "" for choice in choices)
    return text, choices[-1].finish_reason, reported.completion_tokens if reported else None


def ask_chat_without_usage(url: str, headers: Headers) -> Said:
    return ask_chat(url, headers, usage=False)


def ask_chat_helper(url: str, headers: Headers) -> Said:
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="k", default_headers=headers, max_retries=0) as client,
        client.chat.completions.stream(model="gpt-4o", messages=MESSAGES) as stream,
        # So it is with every answer that came to its limit.
        pytest.raises(openai.LengthFinishReasonError) as limited,
    ):
        stream.get_final_completion()
    choice = limited.value.completion.choices[0]
    return choice.message.content or "", choice.finish_reason, None


def ask_completion(url: str, headers: Headers) -> Said:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k", default_headers=headers, max_retries=0) as client:
        chunks = list(client.completions.create(model="gpt-3.5-turbo-instruct", prompt=QUESTION, stream=True))
    choices = [choice for chunk in chunks for choice in chunk.choices]
    return "".join(choice.text for choice in choices), choices[-1].finish_reason, None


def ask_response(url: str, headers: Headers) -> Said:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="k", default_headers=headers, max_retries=0) as client:
        *_, last = client.responses.create(model="gpt-4o", input=QUESTION, stream=True)
    assert last.type == "response.incomplete" and last.response.status == "incomplete"
    details, usage = last.response.incomplete_details, last.response.usage
    return last.response.output_text, details and details.reason, usage.output_tokens if usage else None


def ask_message(url: str, headers: Headers) -> Said:
    with (
        anthropic.Anthropic(base_url=url, api_key="k", default_headers=headers, max_retries=0) as client,
        client.messages.stream(model="claude-haiku-4-5", max_tokens=500, messages=MESSAGES) as stream,
    ):
        final = stream.get_final_message()
    [block] = final.content
    assert block.type == "text"
    return block.text, final.stop_reason, final.usage.output_tokens


def ask_content(url: str, headers: Headers) -> Said:
    with genai.Client(api_key="k", http_options=HttpOptions(base_url=url, headers=headers)) as client:
        chunks = list(client.models.generate_content_stream(model="gemini-2.5-flash", contents=QUESTION))
    text = "".join(chunk.text or "" for chunk in chunks)
    [candidate] = chunks[-1].candidates or []
    usage = chunks[-1].usage_metadata
    return text, candidate.finish_reason, usage.candidates_token_count if usage else None


def bedrock(url: str, headers: Headers) -> Any:
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "example"}
    client = boto3.client("bedrock-runtime", endpoint_url=url, region_name="us-east-1", config=config, **keys)

    def add(request: Any, **_: Any) -> None:
        for name, value in headers.items():
            request.headers[name] = value

    client.meta.events.register("before-send.bedrock-runtime.*", add)
    return client


def ask_conversation(url: str, headers: Headers) -> Said:
    question = [{"role": "user", "content": [{"text": QUESTION}]}]
    answer = bedrock(url, headers).converse_stream(modelId="us.amazon.nova-micro-v1:0", messages=question)
    said = list(answer["stream"])
    text = "".join(one["contentBlockDelta"]["delta"]["text"] for one in said if "contentBlockDelta" in one)
    [reason] = [one["messageStop"]["stopReason"] for one in said if "messageStop" in one]
    return text, reason, said[-1]["metadata"]["usage"]["outputTokens"]


def ask_invocation(url: str, headers: Headers) -> Said:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500, "messages": MESSAGES}
    answer = bedrock(url, headers).invoke_model_with_response_stream(
        modelId="anthropic.claude-3-haiku-20240307-v1:0", body=json.dumps(body)
    )
    said = [json.loads(one["chunk"]["bytes"]) for one in answer["body"]]
    text = "".join(one["delta"]["text"] for one in said if one["type"] == "content_block_delta")
    [reason] = [one["delta"]["stop_reason"] for one in said if one["type"] == "message_delta"]
    return text, reason, said[-1]["amazon-bedrock-invocationMetrics"]["outputTokenCount"]


def ask_cohere(url: str, headers: Headers) -> Said:
    with httpx.Client(headers=headers, timeout=30) as plain:
        client = cohere.ClientV2(api_key="k", base_url=url, httpx_client=plain)
        said = list(client.chat_stream(model="command-r7b-12-2024", messages=MESSAGES))
    text = "".join(one.delta.message.content.text for one in said if one.type == "content-delta")  # type: ignore[union-attr]
    last: Any = said[-1]
    assert last.type == "message-end"
    return text, last.delta.finish_reason, int(last.delta.usage.billed_units.output_tokens)


CASES: dict[str, tuple[Callable[[str, Headers], Said], str, bytes, Any, bool]] = {
    # What asks, what is answered, how the SDK calls an output limit, and whether it has usage.
    "openai chat": (ask_chat, EVENTS, chat(), "length", True),
    "openai chat without usage": (ask_chat_without_usage, EVENTS, chat(), "length", False),
    "openai chat helper": (ask_chat_helper, EVENTS, chat(), "length", False),
    "openai completion": (ask_completion, EVENTS, completion(), "length", False),
    "openai response": (ask_response, EVENTS, response(), "max_output_tokens", True),
    "anthropic": (ask_message, EVENTS, events(*message()), "max_tokens", True),
    "google": (ask_content, EVENTS, content(), "MAX_TOKENS", True),
    "bedrock converse": (ask_conversation, FRAMES, conversation(), "max_tokens", True),
    "bedrock invoke": (ask_invocation, FRAMES, invocation(), "max_tokens", True),
    "cohere": (ask_cohere, EVENTS, cohere_chat(), "MAX_TOKENS", True),
}


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, POLICY) as stack:
        yield stack
        assert not stack.envoy.crashes()


@pytest.mark.parametrize("how", ["write=cut:2000", "write=cut:30; gap_ms=1"])
@pytest.mark.parametrize("case", CASES)
def test_every_sdk_takes_it_for_an_answer_that_came_to_its_limit(
    stack: Stack, provider: StandIn, tenant: str, case: str, how: str
) -> None:
    ask, content_type, answer, reason, has_usage = CASES[case]
    tenant = f"cut-{tenant[-8:]}"
    name = case.replace(" ", "-")
    headers = {"content-type": content_type}
    provider.keep(
        Recording(id=name, host="", method="POST", path="", request=b"", status=200, answer=answer, headers=headers)
    )
    steered = {"x-tenant-id": tenant, "x-stand-in": f"recording={name}; {how}"}
    text, ended, tokens = ask(stack.envoy.url, steered)
    assert text == " mesh" * LIMIT and ended == reason
    # Anthropic's first event has a token already.
    assert tokens in ((LIMIT, LIMIT + 1) if has_usage else (None,))

    def ended_once() -> bool:
        return stack.envoy.stats().total("tollkeeper_stopped_total", tenant=tenant, reason="guardrail") == 1

    until(ended_once, "it was ended by the guardrail", within=8)
    until(lambda: stack.outcomes(tenant) == {"stopped": 1}, "the server has it", within=8)
    [row] = [row for row in stack.server.usage("tenant") if row["group"]["tenant"] == tenant]
    # What the provider had sent until its client was gone, or all that it says it did.
    assert LIMIT <= row["tokens"]["output_visible"] <= WORDS + 1


def test_a_stream_that_nobody_limits_is_whole(stack: Stack, provider: StandIn, tenant: str) -> None:
    headers = {"content-type": EVENTS}
    provider.keep(
        Recording(id="whole", host="", method="POST", path="", request=b"", status=200, answer=chat(), headers=headers)
    )
    steered = {"x-tenant-id": tenant, "x-stand-in": "recording=whole; write=cut:30"}
    assert ask_chat(stack.envoy.url, steered) == (" mesh" * WORDS, "stop", WORDS)
