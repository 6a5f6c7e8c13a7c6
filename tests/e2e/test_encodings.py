"""Answers that come encoded although no encoding was asked for: read as they pass, through the real Envoy."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import QUESTION, body
from harness import CHAT, Runtime, Stack, StandIn, paths
from harness.recordings import Recording
from policies import AMPLE

FIXTURES = paths.ROOT / "crates/wire/tests/encoding"
"""A stream of 48 words, then its usage (17 and 45 tokens, it says), in every encoding; `make.py` there writes them."""

CODINGS = {"gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd", "gzip, br": "gzip-br"}


def pieces(name: str) -> list[bytes]:
    """What was flushed, piece by piece."""
    rest, found = (FIXTURES / f"events.{name}").read_bytes(), []
    while rest:
        size = struct.unpack("<I", rest[:4])[0]
        found.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    return found


PLAIN = pieces("plain")


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    for coding, file in CODINGS.items():
        headers = {"content-type": "text/event-stream", "content-encoding": coding}
        answer = b"".join(pieces(file))
        provider.keep(
            Recording(
                id=file, host="", method="POST", path=CHAT, request=b"", status=200, answer=answer, headers=headers
            )
        )
    with Stack(runtime, directory / runtime.name, provider, AMPLE) as stack:
        yield stack
        assert not stack.envoy.crashes()


def ask(stack: Stack, tenant: str, file: str, **options: object) -> tuple[bytes, str | None]:
    """What came, still encoded, and what it said it was."""
    steer = f"recording={file}; write=cut:25; seed=3"
    with (
        stack.http(tenant, steer) as client,
        client.stream("POST", CHAT, json=body(stream=True, **options)) as answer,
    ):
        return b"".join(answer.iter_raw()), answer.headers.get("content-encoding")


def charged(stack: Stack, tenant: str) -> tuple[int, int]:
    bill = stack.charged(tenant, calls=1)
    assert stack.envoy.stats().total("tollkeeper_usage_source_total", tenant=tenant, source="reported") == 1
    assert stack.envoy.stats().total("tollkeeper_unread_bytes_total", tenant=tenant) == 0
    return bill.prompt, bill.output_visible


@pytest.mark.parametrize("coding", CODINGS)
def test_the_client_gets_what_was_sent(stack: Stack, tenant: str, coding: str) -> None:
    file = CODINGS[coding]
    answer = ask(stack, tenant, file, stream_options={"include_usage": True})
    assert answer == (b"".join(pieces(file)), coding)
    assert charged(stack, tenant) == (17, 45)
    [record] = stack.provider.seen(tenant)
    assert "accept-encoding" not in record["headers"]


@pytest.mark.parametrize("coding", CODINGS)
def test_usage_that_nobody_asked_for_is_taken_out_where_that_holds_nothing_up(
    stack: Stack, tenant: str, coding: str
) -> None:
    file = CODINGS[coding]
    answer = ask(stack, tenant, file)
    if coding == "zstd":  # comes out of its decoder late
        assert answer == (b"".join(pieces(file)), "zstd")
    else:
        assert answer == (b"".join(PLAIN[:-2] + PLAIN[-1:]), None)
    assert charged(stack, tenant) == (17, 45)


def test_the_sdk_reads_both(stack: Stack, tenant: str) -> None:
    with stack.openai(tenant, "recording=gzip; write=cut:25") as client:
        for options in ({}, {"stream_options": {"include_usage": True}}):
            stream = client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True, **options)  # type: ignore[call-overload]
            chunks = list(stream)
            assert sum(len(chunk.choices) for chunk in chunks) == 48
            assert bool(chunks[-1].usage) == bool(options)
