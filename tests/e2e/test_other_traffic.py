"""What is no chat completion passes as it is, at no cost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import body
from harness import CHAT, Runtime, Stack, StandIn
from policies import AMPLE

OTHERS = [
    ("GET", "/v1/models", b""),
    ("GET", CHAT, b""),
    ("DELETE", f"{CHAT}/chatcmpl-1", b""),
    ("POST", f"{CHAT}/chatcmpl-1", b'{"metadata":{}}'),
    ("PUT", CHAT, b'{"model":"gpt-4o","messages":[]}'),
    ("POST", "/v1/moderations", b'{"model":"omni-moderation-latest","input":"hello"}'),
    ("POST", "/v1/messages", b'{"to":"somebody","text":"A chat that is none with a model."}'),
    ("POST", "/checkout", b'{"model":"the blue one"}'),
    ("POST", "/v1/files", bytes(range(256)) * 50_000),
]


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, AMPLE) as stack:
        yield stack


@pytest.mark.also_old
@pytest.mark.parametrize(
    ("method", "path", "content"), OTHERS, ids=[f"{method} {path}" for method, path, _ in OTHERS]
)
def test_another_route_or_method_is_untouched_and_free(
    stack: Stack, tenant: str, method: str, path: str, content: bytes
) -> None:
    acquires = stack.envoy.stats().total("tollkeeper_acquires_total")
    with stack.http(tenant) as client:
        answer = client.request(method, path, content=content, headers={"accept-encoding": "gzip, br"})
    assert answer.is_success, answer.text
    [record] = stack.provider.seen(tenant)
    assert (record["method"], record["path"], record["body_bytes"]) == (method, path, len(content))
    assert record["headers"]["accept-encoding"] == "gzip, br"
    assert not any(name.startswith("x-tollkeeper") for name in answer.headers)
    stats = stack.envoy.stats()
    assert stats.total("tollkeeper_requests_total", tenant=tenant) == 0
    assert stats.total("tollkeeper_acquires_total") == acquires


def test_a_body_on_another_route_is_not_held(stack: Stack, tenant: str) -> None:
    """It is larger than what is kept of a chat call: held, it would be refused with 413."""
    with stack.http(tenant) as client:
        answer = client.post("/v1/files", content=bytes(12 << 20))
    assert answer.json()["bytes"] == 12 << 20


def test_a_chat_call_reaches_the_provider_as_it_was_written(stack: Stack, tenant: str) -> None:
    """With the output limit given, there is nothing to change in a call that is not streamed."""
    with stack.http(tenant) as client:
        request = client.build_request(
            "POST", CHAT, json=body(max_tokens=50), headers={"authorization": "Bearer k"}
        )
        client.send(request).raise_for_status()
    [record] = stack.provider.seen(tenant)
    assert record["body_bytes"] == len(request.content)
    assert record["headers"]["authorization"] == "present"
