"""Real traffic of every provider, played back through Envoy: the client gets the provider's bytes and is charged the
provider's own figures, however the answer is cut, framed, or broken off."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from charges import Charge, Judge, charge, check
from harness import Runtime, Stack, StandIn, documented, figures, recordings
from harness.envoy_config import HTTP_PROTOCOL_OPTIONS, Config, cluster, http, listener, routes
from harness.recordings import Recording
from policies import AMPLE
from replay import Answer, send_all

pytestmark = pytest.mark.long

PIECES = "write=cut:{size}"
HANGS = f"{PIECES}; hang={{half}}"
BREAKS = f"{PIECES}; reset={{half}}"


def test_recorded_traffic_is_here() -> None:
    if recordings.corpus_file() is None:
        pytest.skip("no corpus of recordings: documented answers alone are played")
    assert len(recordings.corpus()) > 400


@pytest.fixture(scope="module")
def traffic(provider: StandIn) -> list[Recording]:
    found = [*documented.ALL, *recordings.corpus()]
    for recording in found:
        provider.keep(recording)
    return found


@pytest.fixture
def stack(
    request: pytest.FixtureRequest, runtime: Runtime, tmp_path: Path, provider: StandIn
) -> Iterator[Stack]:
    """One for each test: the tenants are the recordings, and a worker keeps a thousand label sets apart."""

    def edit(config: Config) -> None:
        routes(config)[0]["match"]["prefix"] = "/"
        # How long a connection lingers that Envoy breaks off, by default a second.
        http(listener(config))["delayed_close_timeout"] = "0.01s"
        if getattr(request, "param", None) == "HTTP/2":
            cluster(config, "provider")["typed_extension_protocol_options"] = {
                HTTP_PROTOCOL_OPTIONS: {
                    "@type": f"type.googleapis.com/{HTTP_PROTOCOL_OPTIONS}",
                    "explicit_http_config": {"http2_protocol_options": {}},
                }
            }

    with Stack(runtime, tmp_path / "stack", provider, AMPLE, edit=edit) as stack:
        yield stack
        assert not stack.envoy.crashes()


@pytest.mark.parametrize("stack", ["HTTP/1.1", "HTTP/2"], indirect=True)
@pytest.mark.parametrize("how", ["", PIECES, f"{PIECES}; trailers", f"{PIECES}; gzip=always"])
def test_calls_are_charged_the_providers_figures(stack: Stack, traffic: list[Recording], how: str) -> None:
    answers = send_all(stack.envoy.port, traffic, how)
    for recording in traffic:
        answer = answers[recording.id]
        assert answer.complete and answer.status == recording.status, recording.id
        assert answer.body == as_the_client_asked(recording, recording.request), recording.id
    check(stack, traffic, as_reported)


@pytest.mark.parametrize("how", [PIECES, f"{PIECES}; trailers", f"{PIECES}; gzip=always"])
def test_usage_that_a_client_did_not_ask_for_is_asked_for_and_taken_out(
    stack: Stack, traffic: list[Recording], how: str
) -> None:
    streams = [recording for recording in traffic if "stream_options" in _json(recording.request)]
    requests = {}
    for recording in streams:
        body = _json(recording.request)
        del body["stream_options"]
        requests[recording.id] = json.dumps(body).encode()
    answers = send_all(stack.envoy.port, streams, how, requests)
    for recording in streams:
        assert answers[recording.id].body == as_the_client_asked(recording, requests[recording.id])
    check(stack, streams, as_reported)


@pytest.mark.parametrize("stack", ["HTTP/1.1", "HTTP/2"], indirect=True)
def test_an_answer_that_breaks_off_is_charged_once(stack: Stack, traffic: list[Recording]) -> None:
    answers = send_all(stack.envoy.port, traffic, BREAKS)
    for recording in traffic:
        answer = answers[recording.id]
        # Over HTTP/2 a reset may overtake the answer's head, which Envoy then stands in for.
        without_answer = answer.status == 503 and b"before headers" in answer.body
        assert without_answer or not answer.complete, recording.id
        assert without_answer or recording.answer.startswith(answer.body), recording.id
    check(stack, traffic, as_far_as_it_went(answers))


def test_a_client_that_leaves_is_charged_once(stack: Stack, traffic: list[Recording]) -> None:
    streams = [recording for recording in traffic if recording.streamed]
    answers = send_all(stack.envoy.port, streams, HANGS, patience=0.3)
    assert not any(answer.complete for answer in answers.values())
    check(stack, streams, as_far_as_it_went(answers))


def as_reported(recording: Recording, charged: Charge) -> str:
    if recording.status >= 400:
        return "error" if charged == charge(1, "none", Counter()) else "wrong"
    if (expected := figures.of(recording)) is not None:
        return "reported" if charged == charge(1, "reported", expected) else "wrong"
    # Some say nothing of usage. The prompt at least was work.
    return "no figures" if charged.source in ("counted", "estimated") and charged.prompt else "wrong"


def as_far_as_it_went(answers: dict[str, Answer]) -> Judge:
    """The provider's figures may have come before the end, or not; nothing is free that it had begun."""

    def judge(recording: Recording, charged: Charge) -> str:
        if charged == charge(1, "none", Counter()):
            return "error" if recording.status >= 400 else "wrong"
        if charged.source not in ("reported", "counted", "estimated") or not charged.prompt:
            return "wrong"
        whole = figures.of(recording)
        if charged.source == "counted" and whole and charged.prompt != charge(1, "", whole).prompt:
            return "wrong"  # a count that calls itself exact must be
        answer = answers[recording.id]
        told = figures.prompt_told(replace(recording, answer=answer.body))
        if answer.status != recording.status or told is None:
            return charged.source
        prompt = charge(1, "", told).tokens
        return "prompt told" if set(prompt) <= set(charged.tokens) else "wrong"

    return judge


def as_the_client_asked(recording: Recording, request: bytes) -> bytes:
    """The recorded answer, without the chunk that OpenAI's streams have for those only who ask for it."""
    asked = (_json(request).get("stream_options") or {}).get("include_usage")
    if asked or recording.content_type != "text/event-stream" or not COMPLETIONS.search(recording.path):
        return recording.answer
    events = re.findall(rb".*?(?:\r\n\r\n|\n\n)|.+$", recording.answer, re.DOTALL)
    return b"".join(event for event in events if not _is_usage_alone(event))


COMPLETIONS = re.compile(r"/completions(\?|$)")


def _is_usage_alone(event: bytes) -> bool:
    chunk = _json(event.strip().removeprefix(b"data:"))
    return chunk.get("choices") == [] and bool(chunk.get("usage"))


def _json(text: bytes) -> dict[str, Any]:
    """An object; an empty one where there is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
