"""Whatever comes in, there is a clear answer, and Envoy and all other streams live on."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from calls import ask, body
from harness import CHAT, Runtime, Stack, StandIn
from healthy import Streams
from policies import AMPLE

pytestmark = pytest.mark.long

MIB = 1 << 20


@pytest.fixture(scope="module")
def shared(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, AMPLE) as stack:
        with stack.http("warm") as client:
            for _ in range(8):
                ask(client)
        yield stack


@pytest.fixture
def stack(shared: Stack) -> Iterator[Stack]:
    """The shared stack, with streams that must outlive the test, and an Envoy that must not lose a VM."""
    with Streams(shared):
        yield shared
    assert shared.envoy.alive
    assert not shared.envoy.crashes()
    stats = shared.envoy.stats()
    assert stats.total("envoy_wasm_tollkeeper_vm_reload") == 0
    # One VM for each of the two workers and the main thread, and the one that others are cloned from.
    assert stats.total("envoy_wasm_envoy_wasm_runtime_v8_active") == 4


def send(stack: Stack, tenant: str, content: bytes) -> httpx.Response:
    with stack.http(tenant) as client:
        return client.post(CHAT, content=content, headers={"content-type": "application/json"})


NOT_UTF8 = b"\xff\xfe\xc3(\xf0\x9f"


@pytest.mark.also_old
@pytest.mark.parametrize(
    "name", [b"x-tenant-id", b"authorization", b"content-type", b"accept-encoding", b"x-anything"]
)
def test_a_header_value_that_is_not_utf8(stack: Stack, tenant: str, name: bytes) -> None:
    headers = {b"x-tenant-id": tenant.encode(), b"content-type": b"application/json"} | {name: NOT_UTF8}
    answer = httpx.post(f"{stack.envoy.url}{CHAT}", content=json.dumps(body()), headers=list(headers.items()))
    assert answer.status_code == 200
    # Bytes that are no text become `_` where they would name a tenant.
    stack.charged("_" * len(NOT_UTF8) if name == b"x-tenant-id" else tenant, calls=1)


@pytest.mark.also_old
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\x00\xff\xfe",
        b'{"model":"gpt-4o","messages":[}',
        b'{"model":"gpt-4o"}{}',
        b'"' * 1000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_invalid_json_is_refused_with_a_reason(stack: Stack, tenant: str, content: bytes) -> None:
    # A call without any body is no chat call to us; the provider says what is wrong with it.
    answer = send(stack, tenant, content)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error" and error["message"]
    if content:
        assert (error["code"], answer.headers["x-tollkeeper-refused"]) == (
            "invalid_request",
            "invalid_request",
        )
        assert answer.headers["x-should-retry"] == "false"
        assert stack.provider.seen(tenant) == []


@pytest.mark.also_old
@pytest.mark.parametrize(
    "model", [b"4", b"null", b"true", b'["gpt-4o"]', b'{"name":"gpt-4o"}', b"1e999"], ids=bytes.decode
)
def test_a_model_that_is_no_name_is_refused_with_a_reason(stack: Stack, tenant: str, model: bytes) -> None:
    answer = send(stack, tenant, b'{"model":%s,"messages":[]}' % model)
    assert answer.status_code == 400
    assert "model" in answer.json()["error"]["message"]
    assert answer.headers["x-tollkeeper-refused"] == "invalid_request"


@pytest.mark.parametrize(
    "model", ["gpt-4o;.;tenant=.=acme;.;", "x" * 200, "\u0000\n", "модель", 'gpt-4o" } evil 1']
)
def test_a_model_that_would_forge_a_label_does_not(stack: Stack, tenant: str, model: str) -> None:
    with stack.http(tenant) as client:
        client.post(CHAT, json={"model": model, "messages": []})
    stack.charged(tenant, calls=1)
    [series] = stack.envoy.stats().named("tollkeeper_requests_total", tenant=tenant)
    assert len(series.labels["model"]) <= 64 and not set(series.labels["model"]) & set(';="\n ')


def test_a_model_name_without_end_is_refused(stack: Stack, tenant: str) -> None:
    assert send(stack, tenant, json.dumps(body("x" * 100_000)).encode()).status_code == 400


@pytest.mark.also_old
def test_5_mb_of_json_pass_and_are_metered(stack: Stack, tenant: str) -> None:
    prompt = "The quick brown fox jumps over the lazy dog. " * (5_000_000 // 45)
    content = json.dumps(body() | {"messages": [{"role": "user", "content": prompt}]}).encode()
    assert len(content) > 5_000_000 - 100
    assert send(stack, tenant, content).status_code == 200
    # Ten tokens a sentence, as OpenAI's tokenizer page shows.
    assert stack.agreed(tenant, calls=1, within=20).prompt == pytest.approx(10 * (5_000_000 // 45), rel=0.01)


def test_5_mb_of_invalid_json_are_refused(stack: Stack, tenant: str) -> None:
    assert (
        send(stack, tenant, b'{"model":"gpt-4o","messages":[' + b'"a",' * (5 * MIB // 4)).status_code == 400
    )


@pytest.mark.also_old
def test_a_body_over_the_buffer_limit_gets_413(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:
        content = json.dumps(body() | {"messages": [{"role": "user", "content": "a" * 9 * MIB}]})
        assert client.post(CHAT, content=content).status_code == 413
        # The next on the same connection or a new one goes well.
        ask(client).raise_for_status()
    assert stack.agreed(tenant, calls=1).completion == 40


@pytest.mark.also_old
@pytest.mark.parametrize("depth", [100, 10_000, 500_000])
def test_a_nested_body(stack: Stack, tenant: str, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    answer = send(
        stack,
        tenant,
        b'{"model":"gpt-4o-mini","metadata":%s,"messages":[{"role":"user","content":"Hello!"}]}' % nested,
    )
    if depth == 100:
        assert answer.status_code == 200
        assert stack.agreed(tenant, calls=1).prompt == 9
    else:
        # Ours, or the provider's, whose parser has a limit, too.
        assert answer.status_code == 400 and answer.json()["error"]["message"]


def test_fields_of_the_wrong_kind(stack: Stack, tenant: str) -> None:
    """The provider decides what it makes of them; nothing breaks, and nothing passes without end."""
    for stream in (b"1", b'"yes"', b"null", b"[true]"):
        for limit in (b"-5", b"1.5", b'"many"', b"18446744073709551616", b"null"):
            content = b'{"model":"gpt-4o","messages":[],"stream":%s,"max_tokens":%s}' % (stream, limit)
            assert send(stack, tenant, content).status_code in (200, 400, 429)
    stack.agreed(tenant, calls=len([call for call in stack.provider.seen(tenant) if call["status"] == 200]))


@pytest.mark.also_old
def test_a_limit_beyond_all_budgets_is_refused_and_loses_no_report(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:
        ask(client).raise_for_status()
        answer = ask(client, max_completion_tokens=2**64 - 1, n=128)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "insufficient_quota")
        ask(client).raise_for_status()
    stack.agreed(tenant, calls=2)
    assert stack.envoy.stats().total("tollkeeper_reports_dropped_total") == 0


def test_afterwards_nothing_is_reserved(shared: Stack) -> None:
    assert shared.nothing_reserved()
