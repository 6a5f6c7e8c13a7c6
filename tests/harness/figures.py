"""What recorded answers cost by the provider's own figures: an independent reading, to hold the filter's against.

It follows the providers' documents, on whole bodies and with the parsers that Python and botocore bring.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from botocore.eventstream import EventStreamBuffer

from .recordings import FRAMES, LINES, Recording

Figures = Counter[str]
"""Tokens by class, none of which overlap. A class that is absent is 0."""


def of(recording: Recording) -> Figures | None:
    """None for an answer without any usage."""
    read = _reader(recording.path.partition("?")[0])
    return read(list(values(recording)), recording) if read and recording.status < 400 else None


def prompt_told(broken_off: Recording) -> Figures | None:
    """What an answer that broke off had said of the prompt by then: Anthropic's streams begin with it, Gemini's pieces
    each have it. None where the provider tells at the end."""
    if broken_off.path.endswith("/v1/messages") and broken_off.content_type == "text/event-stream":
        starts = [value["message"] for value in values(broken_off) if value.get("type") == "message_start"]
        figures = _anthropic(starts, broken_off)
    elif ":streamGenerateContent" in broken_off.path:
        figures = _gemini(list(values(broken_off)), broken_off)
    else:
        return None
    output = ("output_visible", "reasoning", "audio_out")
    return figures and Counter({name: n for name, n in figures.items() if name not in output})


def is_call(recording: Recording) -> bool:
    """Whether the request has a model do something that is billed by tokens."""
    return _reader(recording.path.partition("?")[0]) is not None


def values(recording: Recording) -> Iterator[Any]:
    """The JSON values of an answer: one, or one an event, as far as the answer goes."""
    match recording.content_type:
        case "text/event-stream":
            for event in re.split(r"\r\n\r\n|\n\n|\r\r", recording.answer.decode(errors="replace")):
                lines = [line for line in event.splitlines() if line.startswith("data:")]
                yield from _json("\n".join(line.removeprefix("data:").strip() for line in lines))
        case kind if kind == FRAMES:
            buffer = EventStreamBuffer()
            buffer.add_data(recording.answer)
            for frame in buffer:
                for value in _json(frame.payload.decode()):
                    yield json.loads(base64.b64decode(value["bytes"])) if "bytes" in value else value
        case kind if kind in LINES:
            for line in recording.answer.decode(errors="replace").splitlines():
                yield from _json(line)
        case _:
            for value in _json(recording.answer.decode(errors="replace")):
                yield from value if isinstance(value, list) else [value]


def _json(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
    except json.JSONDecodeError:  # `[DONE]`, nothing, or what a broken connection left
        return


Reader = Callable[[list[Any], Recording], Figures | None]


def _reader(path: str) -> Reader | None:
    return next((read for pattern, read in _READERS if re.search(pattern, path)), None)


def _last(found: list[Any]) -> Any | None:
    """Figures are cumulative, and the last ones hold."""
    return found[-1] if found else None


def _openai(answer: list[Any], _: Recording) -> Figures | None:
    """Details are parts of the totals. Groq has streams' usage under a name of its own, too."""
    found = [value["usage"] for value in answer if isinstance(value.get("usage"), dict)]
    found += [value["x_groq"]["usage"] for value in answer if (value.get("x_groq") or {}).get("usage")]
    if (usage := _last(found)) is None:
        return None
    return _with_details(usage, "prompt_tokens", "completion_tokens")


def _responses(answer: list[Any], _: Recording) -> Figures | None:
    whole = [value.get("response") or value for value in answer]
    usage = _last([value["usage"] for value in whole if isinstance(value.get("usage"), dict)])
    return None if usage is None else _with_details(usage, "input_tokens", "output_tokens")


def _with_details(usage: dict[str, Any], prompt: str, completion: str) -> Figures:
    into, out = (usage.get(f"{name}_details") or {} for name in (prompt, completion))
    read = max(
        into.get("cached_tokens") or 0, usage.get("cached_tokens") or 0, usage.get("num_cached_tokens") or 0
    )
    read = max(read, usage.get("prompt_cache_hit_tokens") or 0)
    parts = Counter(
        cache_read=read,
        cache_write_5m=into.get("cache_write_tokens") or 0,
        audio_in=into.get("audio_tokens") or 0,
        image_in=into.get("image_tokens") or 0,
    )
    said = Counter(reasoning=out.get("reasoning_tokens") or 0, audio_out=out.get("audio_tokens") or 0)
    total_in, total_out = usage.get(prompt) or 0, usage.get(completion) or 0
    if parts.total() > total_in:
        parts["cache_write_5m"] = 0  # the same tokens, written and read (OpenRouter on Gemini)
    parts["uncached_input"] = total_in - parts.total()
    said["reasoning"] = min(said["reasoning"], total_out)
    said["output_visible"] = total_out - said.total()
    return parts + said


def _media(answer: list[Any], _: Recording) -> Figures | None:
    """Images and transcriptions have the names of responses; the second, a singular in its details."""
    usage = _last([value["usage"] for value in answer if isinstance(value.get("usage"), dict)])
    if usage is None:
        return None
    details = usage.get("input_tokens_details") or usage.get("input_token_details")
    return _with_details(usage | {"input_tokens_details": details}, "input_tokens", "output_tokens")


def _anthropic(answer: list[Any], _: Recording) -> Figures | None:
    """`input_tokens` are without those of the cache. A stream's later figures restate those that changed."""
    usage: dict[str, Any] = {}
    if "message_start" in (kinds := [value.get("type") for value in answer]) and "message_delta" not in kinds:
        return None  # what it starts with is no bill yet
    for value in answer:
        for place in (value, value.get("message") or {}):
            stated = place.get("usage") or {}
            usage |= {name: figure for name, figure in stated.items() if figure is not None}
    if not usage:
        return None
    written = usage.get("cache_creation") or {}
    hour = written.get("ephemeral_1h_input_tokens") or 0
    thought = (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0
    return Counter(
        uncached_input=usage.get("input_tokens") or 0,
        cache_read=usage.get("cache_read_input_tokens") or 0,
        cache_write_1h=hour,
        cache_write_5m=(usage.get("cache_creation_input_tokens") or 0) - hour,
        output_visible=(usage.get("output_tokens") or 0) - thought,
        reasoning=thought,
    )


def _gemini(answer: list[Any], _: Recording) -> Figures | None:
    """The prompt includes what was cached; thoughts come on top of the candidates, unless the total says otherwise."""
    found = [value["usageMetadata"] for value in answer if value.get("usageMetadata")]
    usage = _last([usage for usage in found if "promptTokenCount" in usage or "totalTokenCount" in usage])
    if usage is None:
        return None

    def by_kind(name: str) -> Figures:
        return Counter({entry["modality"]: entry.get("tokenCount", 0) for entry in usage.get(name) or []})

    prompt, tools = usage.get("promptTokenCount", 0), usage.get("toolUsePromptTokenCount", 0)
    said, thought = usage.get("candidatesTokenCount", 0), usage.get("thoughtsTokenCount", 0)
    if prompt + tools + said == usage.get("totalTokenCount"):
        said -= min(thought, said)
    media = by_kind("promptTokensDetails") + by_kind("toolUsePromptTokensDetails")
    media.subtract(by_kind("cacheTokensDetails"))
    audio_out = min(by_kind("candidatesTokensDetails")["AUDIO"], said)
    cached = usage.get("cachedContentTokenCount", 0)
    figures = Counter(cache_read=cached, audio_in=max(media["AUDIO"], 0), image_in=max(media["IMAGE"], 0))
    figures["uncached_input"] = prompt + tools - figures.total()
    return figures + Counter(output_visible=said - audio_out, audio_out=audio_out, reasoning=thought)


def _vertex_predict(answer: list[Any], _: Recording) -> Figures | None:
    statistics = [entry["embeddings"]["statistics"] for value in answer for entry in value["predictions"]]
    return Counter(uncached_input=sum(int(each["token_count"]) for each in statistics))


def _converse(answer: list[Any], _: Recording) -> Figures | None:
    """`inputTokens` are without those of the cache."""
    usage = _last([value["usage"] for value in answer if value.get("usage")])
    if usage is None:
        return None
    written = usage.get("cacheWriteInputTokens") or 0
    by_time = {entry["ttl"]: entry["inputTokens"] for entry in usage.get("cacheDetails") or []}
    hour = by_time.get("1h", 0)
    return Counter(
        uncached_input=usage["inputTokens"],
        cache_read=usage.get("cacheReadInputTokens") or 0,
        cache_write_5m=written - hour,
        cache_write_1h=hour,
        output_visible=usage["outputTokens"],
    )


def _invoke(answer: list[Any], recording: Recording) -> Figures | None:
    """The model's own words, else Bedrock's: the metrics at a stream's end, or headers."""
    metrics = _last([value[_METRICS] for value in answer if _METRICS in value])
    if metrics is not None:
        return _bedrock_counts(lambda name: metrics.get(f"{name[0].lower()}{name[1:]}Count"))
    if any("input_tokens" in (value.get("usage") or {}) for value in answer):
        return _anthropic(answer, recording)
    if any("inputTokens" in (value.get("usage") or {}) for value in answer):
        return _converse(answer, recording)
    if any("inputTextTokenCount" in value for value in answer):
        out = sum(result.get("tokenCount") or 0 for value in answer for result in value.get("results") or [])
        return Counter(uncached_input=answer[-1]["inputTextTokenCount"], output_visible=out)

    def header(name: str) -> str | None:
        words = re.findall("[A-Z][a-z]+", name)
        return recording.headers.get(f"x-amzn-bedrock-{'-'.join(words).lower()}-count")

    return None if header("InputToken") is None else _bedrock_counts(header)


_METRICS = "amazon-bedrock-invocationMetrics"


def _bedrock_counts(figure: Callable[[str], Any]) -> Figures:
    return Counter(
        uncached_input=int(figure("InputToken") or 0),
        output_visible=int(figure("OutputToken") or 0),
        cache_read=int(figure("CacheReadInputToken") or 0),
        cache_write_5m=int(figure("CacheWriteInputToken") or 0),
    )


def _cohere(answer: list[Any], _: Recording) -> Figures | None:
    """Billed is what the billed units say. Where they stand: v2, v1, and the last event of either's stream."""
    places = [
        place
        for value in answer
        for place in (
            value.get("usage"),
            value.get("meta"),
            (value.get("delta") or {}).get("usage"),
            (value.get("response") or {}).get("meta"),
        )
    ]
    billed = _last([place["billed_units"] for place in places if place and place.get("billed_units")])
    if billed is None:
        return None
    return Counter(
        uncached_input=int(billed.get("input_tokens") or 0),
        output_visible=int(billed.get("output_tokens") or 0),
    )


def _ollama(answer: list[Any], _: Recording) -> Figures | None:
    """On the line that says it is done. A prompt that was cached whole is not told."""
    done = _last([value for value in answer if "prompt_eval_count" in value or "eval_count" in value])
    if done is None:
        return None
    return Counter(
        uncached_input=done.get("prompt_eval_count", 0), output_visible=done.get("eval_count", 0)
    )


_READERS: list[tuple[str, Reader]] = [
    (r"/v[12]/(chat|embed)$", _cohere),
    (r"/(chat/completions|completions|embeddings)$", _openai),
    (r"/(images|audio)/\w+$", _media),
    (r"/responses$", _responses),
    (r"/messages$|/anthropic/models/[^/]+:(streamR|r)awPredict$", _anthropic),
    (r":(generateContent|streamGenerateContent|embedContent|batchEmbedContents)$", _gemini),
    (r":predict$", _vertex_predict),
    (r"/converse(-stream)?$", _converse),
    (r"/invoke(-with-response-stream)?$", _invoke),
    (r"/api/(chat|generate|embed)$", _ollama),
]
