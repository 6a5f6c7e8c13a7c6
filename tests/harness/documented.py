"""Answers as the providers document them, for what no recording has: their streams in other forms, older interfaces,
images and audio, errors in the middle.

The texts follow the providers' API references (late 2026) and the types of their SDKs; the figures are made up.
"""

import base64
import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .recordings import FRAMES, LINES, Recording

Value = dict[str, Any]

EVENTS = "text/event-stream; charset=utf-8"
JSON = "application/json"


def recording(
    id: str, host: str, path: str, request: Value, kind: str, answer: str | bytes, **headers: str
) -> Recording:
    """A POST, answered with 200; `headers` with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = answer.encode() if isinstance(answer, str) else answer
    text = json.dumps(request).encode()
    return Recording(id, host, "POST", path, text, 200, body, {"content-type": kind} | named)


def events(values: Iterable[Value], named: bool = False, end: str = "") -> str:
    """Server-sent events, with their type as a name or without."""
    names = (f"event: {value['type']}\n" if named else "" for value in values)
    lines = (f"{name}data: {json.dumps(value)}\n\n" for name, value in zip(names, values, strict=True))
    return "".join(lines) + end


def frame(kind: str, payload: Value, message: str = "event") -> bytes:
    """One of an `application/vnd.amazon.eventstream`, checksums and all (AWS' "Event stream encoding")."""
    names = {"event": ":event-type", "exception": ":exception-type"}
    given = {names[message]: kind, ":content-type": JSON, ":message-type": message}
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in given.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack("!II", 16 + len(headers) + len(body), len(headers))
    prelude += struct.pack("!I", zlib.crc32(prelude))
    rest = prelude + headers + body
    return rest + struct.pack("!I", zlib.crc32(rest))


def chunk(value: Value) -> bytes:
    """A piece of the model's own answer in a Bedrock stream."""
    return frame("chunk", {"bytes": base64.b64encode(json.dumps(value).encode()).decode(), "p": "abcdefg"})


PROMPT: list[Any] = [{"role": "user", "content": "Where is the toll paid? Answer in a few words."}]
SAID = ["At", " the", " gate", ", früher", " beim", " Zöllner", " 🙂", "."]
TEXT = "".join(SAID)

OPENAI, ANTHROPIC, COHERE = "api.openai.com", "api.anthropic.com", "api.cohere.com"
BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"
GEMINI, OLLAMA = "generativelanguage.googleapis.com", "localhost:11434"


# OpenAI's older and other interfaces


def _completion(text: str, reason: str | None, usage: Value | None = None) -> Value:
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}
    return {
        "id": "cmpl-uqkvlQyYK7bGYrRHQ0eXlWi7",
        "object": "text_completion",
        "created": 1589478378,
        "model": "gpt-3.5-turbo-instruct",
        "choices": [choice],
    } | ({"usage": usage} if usage else {})


_TEXT_USAGE = {"prompt_tokens": 11, "completion_tokens": 13, "total_tokens": 24}
_TEXT_PROMPT = {"model": "gpt-3.5-turbo-instruct", "prompt": PROMPT[0]["content"], "max_tokens": 40}

COMPLETION = recording(
    "completion", OPENAI, "/v1/completions", _TEXT_PROMPT, JSON, json.dumps(_completion(TEXT, "stop", _TEXT_USAGE))
)
COMPLETION_STREAM = recording(
    "completion-stream",
    OPENAI,
    "/v1/completions",
    _TEXT_PROMPT | {"stream": True, "stream_options": {"include_usage": True}},
    EVENTS,
    events(
        [
            *(_completion(piece, None) | {"usage": None} for piece in SAID),
            _completion("", "stop") | {"usage": None},
            _completion("", None, _TEXT_USAGE) | {"choices": []},
        ],
        end="data: [DONE]\n\n",
    ),
)
IMAGE = recording(
    "image",
    OPENAI,
    "/v1/images/generations",
    {"model": "gpt-image-1", "prompt": "A toll gate at dusk", "size": "1024x1024", "quality": "low"},
    JSON,
    json.dumps(
        {
            "created": 1713833628,
            # Before the usage, as it comes: more than a megabyte of picture.
            "data": [{"b64_json": base64.b64encode(bytes(range(256)) * 4096).decode()}],
            "background": "opaque",
            "output_format": "png",
            "usage": {
                "total_tokens": 290,
                "input_tokens": 18,
                "output_tokens": 272,
                "input_tokens_details": {"text_tokens": 18, "image_tokens": 0},
            },
        }
    ),
)
_FORM = "\r\n".join(
    [
        "--toll",
        'content-disposition: form-data; name="model"',
        "",
        "gpt-4o-transcribe",
        "--toll",
        'content-disposition: form-data; name="file"; filename="gate.wav"',
        "content-type: audio/wav",
        "",
        "RIFF----WAVEfmt ",
        "--toll--",
        "",
    ]
)
TRANSCRIPTION = replace(
    recording(
        "transcription",
        OPENAI,
        "/v1/audio/transcriptions",
        {},
        JSON,
        json.dumps(
            {
                "text": TEXT,
                "usage": {
                    "type": "tokens",
                    "input_tokens": 14,
                    "input_token_details": {"text_tokens": 2, "audio_tokens": 12},
                    "output_tokens": 45,
                    "total_tokens": 59,
                },
            }
        ),
    ),
    request=_FORM.encode(),
    request_type="multipart/form-data; boundary=toll",
)


# Anthropic


def _anthropic(usage: Value, last: Value, end: Iterable[Value] | None = None) -> list[Value]:
    message = {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in SAID
        ),
        *(
            end
            or [
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": delta, "usage": last},
                {"type": "message_stop"},
            ]
        ),
    ]


_CLAUDE = {"model": "claude-sonnet-4-5", "max_tokens": 1024, "messages": PROMPT}
_CACHED = {
    "input_tokens": 21,
    "cache_creation_input_tokens": 1500,
    "cache_read_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 1100},
    "output_tokens": 1,
    "service_tier": "standard",
}
ANTHROPIC_CACHES = recording(
    "anthropic-caches",
    ANTHROPIC,
    "/v1/messages",
    _CLAUDE | {"stream": True},
    EVENTS,
    events(_anthropic(_CACHED, {"output_tokens": 17}), named=True),
)
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
ANTHROPIC_ERROR = recording(
    "anthropic-error",
    ANTHROPIC,
    "/v1/messages",
    _CLAUDE | {"stream": True},
    EVENTS,
    events(_anthropic({"input_tokens": 21, "output_tokens": 1}, {}, [OVERLOADED]), named=True),
)


# Bedrock: InvokeModel in pieces, and a stream that ends with an exception

_METRICS = {
    "amazon-bedrock-invocationMetrics": {
        "inputTokenCount": 21,
        "outputTokenCount": 17,
        "invocationLatency": 900,
        "firstByteLatency": 300,
    }
}
_CLAUDE_PATH = "/model/anthropic.claude-3-haiku-20240307-v1%3A0"
_CLAUDE_BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1024, "messages": PROMPT}
_IN_PIECES = _anthropic({"input_tokens": 21, "output_tokens": 1}, {"output_tokens": 17})
_IN_PIECES[-1] |= _METRICS
INVOKE_STREAM = recording(
    "invoke-stream",
    BEDROCK,
    f"{_CLAUDE_PATH}/invoke-with-response-stream",
    _CLAUDE_BODY,
    FRAMES,
    b"".join(map(chunk, _IN_PIECES)),
)
_TITAN = {"inputText": PROMPT[0]["content"], "textGenerationConfig": {"maxTokenCount": 100}}
INVOKE_TITAN_STREAM = recording(
    "invoke-titan-stream",
    BEDROCK,
    "/model/amazon.titan-text-lite-v1/invoke-with-response-stream",
    _TITAN,
    FRAMES,
    b"".join(
        chunk({"outputText": piece, "index": 0, "totalOutputTextTokenCount": None, "completionReason": None})
        for piece in SAID[:-1]
    )
    + chunk(
        {
            "outputText": SAID[-1],
            "index": 0,
            "totalOutputTextTokenCount": 17,
            "completionReason": "FINISH",
            "inputTextTokenCount": 21,
        }
        | _METRICS
    ),
)
INVOKE_LLAMA = recording(
    "invoke-llama",
    BEDROCK,
    "/model/meta.llama3-8b-instruct-v1%3A0/invoke",
    {"prompt": PROMPT[0]["content"], "max_gen_len": 128},
    JSON,
    json.dumps(
        {"generation": TEXT, "prompt_token_count": 21, "generation_token_count": 17, "stop_reason": "stop"}
    ),
    x_amzn_bedrock_input_token_count="21",
    x_amzn_bedrock_output_token_count="17",
    x_amzn_bedrock_invocation_latency="900",
)
_CONVERSE = {
    "messages": [{"role": "user", "content": [{"text": PROMPT[0]["content"]}]}],
    "inferenceConfig": {"maxTokens": 512},
}
_CONVERSED = b"".join(
    [
        frame("messageStart", {"role": "assistant", "p": "abc"}),
        *(
            frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}, "p": "abcde"})
            for piece in SAID
        ),
    ]
)
CONVERSE_STREAM = recording(
    "converse-stream",
    BEDROCK,
    f"{_CLAUDE_PATH}/converse-stream",
    _CONVERSE,
    FRAMES,
    _CONVERSED
    + frame("contentBlockStop", {"contentBlockIndex": 0})
    + frame("messageStop", {"stopReason": "end_turn"})
    + frame(
        "metadata",
        {"usage": {"inputTokens": 21, "outputTokens": 17, "totalTokens": 38}, "metrics": {"latencyMs": 900}},
    ),
)
CONVERSE_EXCEPTION = recording(
    "converse-exception",
    BEDROCK,
    f"{_CLAUDE_PATH}/converse-stream",
    _CONVERSE,
    FRAMES,
    _CONVERSED + frame("throttlingException", {"message": "Too many tokens"}, "exception"),
)


# Gemini's stream as a JSON array

_GEMINI_USAGE = {"promptTokenCount": 21, "totalTokenCount": 21}
_GEMINI_LAST = {
    "promptTokenCount": 21,
    "candidatesTokenCount": 17,
    "thoughtsTokenCount": 30,
    "totalTokenCount": 68,
    "cachedContentTokenCount": 5,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 21}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
}


def _gemini(piece: str, usage: Value, **more: Any) -> Value:
    content = {"parts": [{"text": piece}], "role": "model"}
    return {
        "candidates": [{"content": content, "index": 0} | more],
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "mSEXaseKG-P51PIPwv66qQs",
    }


GEMINI_PIECES = [
    *(_gemini(piece, _GEMINI_USAGE) for piece in SAID[:-1]),
    _gemini(SAID[-1], _GEMINI_LAST, finishReason="STOP"),
]
_GEMINI_REQUEST = {"contents": [{"role": "user", "parts": [{"text": PROMPT[0]["content"]}]}]}
GEMINI_ARRAY = recording(
    "gemini-array",
    GEMINI,
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
    _GEMINI_REQUEST,
    JSON,
    json.dumps(GEMINI_PIECES, indent=2),
)


# Cohere

_COHERE_USAGE = {
    "billed_units": {"input_tokens": 12.0, "output_tokens": 17.0},
    "tokens": {"input_tokens": 78.0, "output_tokens": 19.0},
}
COHERE_STREAM = recording(
    "cohere-stream",
    COHERE,
    "/v2/chat",
    {"model": "command-a-03-2025", "messages": PROMPT, "stream": True},
    EVENTS,
    events(
        [
            {
                "type": "message-start",
                "id": "29f14a5a-11de-4cae-9800-25e4747408ea",
                "delta": {
                    "message": {
                        "role": "assistant",
                        "content": [],
                        "tool_plan": "",
                        "tool_calls": [],
                        "citations": [],
                    }
                },
            },
            {
                "type": "content-start",
                "index": 0,
                "delta": {"message": {"content": {"type": "text", "text": ""}}},
            },
            *(
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
                for piece in SAID
            ),
            {"type": "content-end", "index": 0},
            {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": _COHERE_USAGE}},
        ],
        named=True,
        end="data: [DONE]\n\n",
    ),
)
_V1 = {
    "response_id": "ea9eaeb0-073c-42f4-9251-9ecef5b189ef",
    "text": TEXT,
    "generation_id": "1b5565da-733e-4c14-9ff5-88d18a26da96",
    "finish_reason": "COMPLETE",
    "meta": {"api_version": {"version": "1"}} | _COHERE_USAGE,
}
COHERE_V1 = recording(
    "cohere-v1", COHERE, "/v1/chat", {"model": "command-r", "message": PROMPT[0]["content"]}, JSON, json.dumps(_V1)
)
COHERE_V1_STREAM = recording(
    "cohere-v1-stream",
    COHERE,
    "/v1/chat",
    {"model": "command-r", "message": PROMPT[0]["content"], "stream": True},
    LINES[1],
    "".join(
        json.dumps(line) + "\n"
        for line in [
            {"is_finished": False, "event_type": "stream-start", "generation_id": _V1["generation_id"]},
            *({"is_finished": False, "event_type": "text-generation", "text": piece} for piece in SAID),
            {"is_finished": True, "event_type": "stream-end", "finish_reason": "COMPLETE", "response": _V1},
        ]
    ),
)


# Ollama's own interface


def _ollama(done: bool, **more: Any) -> Value:
    return {"model": "llama3.2", "created_at": "2026-08-04T08:52:19.385406455Z", "done": done} | more


_OLLAMA_END = {
    "done_reason": "stop",
    "total_duration": 4883583458,
    "load_duration": 1334875,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 342546000,
    "eval_count": 17,
    "eval_duration": 4535599000,
}
OLLAMA_CHAT = recording(
    "ollama-chat",
    OLLAMA,
    "/api/chat",
    {"model": "llama3.2", "messages": PROMPT},
    LINES[0],
    "".join(
        json.dumps(line) + "\n"
        for line in [
            *(_ollama(False, message={"role": "assistant", "content": piece}) for piece in SAID),
            _ollama(True, message={"role": "assistant", "content": ""}, **_OLLAMA_END),
        ]
    ),
)
OLLAMA_GENERATE = recording(
    "ollama-generate",
    OLLAMA,
    "/api/generate",
    {"model": "llama3.2", "prompt": PROMPT[0]["content"], "stream": False},
    JSON,
    json.dumps(_ollama(True, response=TEXT, context=[1, 2, 3], **_OLLAMA_END)),
)

ALL = [value for value in globals().values() if isinstance(value, Recording)]
