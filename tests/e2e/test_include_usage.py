"""Streams are asked for their usage, and the client sees only what it asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from calls import QUESTION, ask, body, events, text
from envoys import CLUSTER, with_test_routes
from harness import CHAT, Runtime, Stack, StandIn
from policies import AMPLE


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, AMPLE, edit=with_test_routes) as stack:
        yield stack


@pytest.mark.also_old
@pytest.mark.parametrize(
    "options", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}], ids=str
)
@pytest.mark.parametrize("how", ["write=event", "write=batch:100", "write=cut:9"])
def test_it_is_added_where_the_client_left_it_out_and_its_chunk_taken_out_again(
    stack: Stack, tenant: str, options: dict[str, object], how: str
) -> None:
    with stack.http(tenant, f"{how}; tokens=10") as client:
        chunks = events(ask(client, stream=True, **options).text)
    [record] = stack.provider.seen(tenant)
    assert record["stream_options"]["include_usage"] is True
    assert all(chunk["choices"] for chunk in chunks) and not any(chunk.get("usage") for chunk in chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert stack.agreed(tenant, calls=1).output_visible == 10
    assert stack.envoy.stats().total("tollkeeper_usage_source_total", tenant=tenant, source="reported") == 1


def test_other_stream_options_stay(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:
        chunks = events(ask(client, stream=True, stream_options={"include_obfuscation": False}).text)
    [record] = stack.provider.seen(tenant)
    assert record["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert not any("obfuscation" in chunk for chunk in chunks)


def test_a_client_that_asks_for_it_gets_its_chunk(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "tokens=10") as client:
        *_, last = events(ask(client, stream=True, stream_options={"include_usage": True}).text)
    assert last["choices"] == [] and last["usage"]["completion_tokens"] == 10
    stack.agreed(tenant, calls=1)


def test_a_json_call_is_not_asked(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:
        ask(client).raise_for_status()
    assert stack.provider.seen(tenant)[0]["stream_options"] is None


def test_an_upstream_that_refuses_the_field_is_tolerated_by_the_sdks_own_retry(
    stack: Stack, tenant: str
) -> None:
    client = stack.openai(tenant, "refuse_stream_options; tokens=10")
    call: dict[str, Any] = {"model": "gpt-4o", "messages": QUESTION, "extra_headers": {CLUSTER: "plain"}}
    with client:
        answer = client.chat.completions.create(stream=True, **call)
        said = text([chunk.model_dump() for chunk in answer])
    first, second = stack.provider.seen(tenant)
    assert (first["status"], second["status"]) == (400, 200)
    assert first["stream_options"] and second["stream_options"] is None
    assert said and stack.agreed(tenant, calls=2).output_visible == 10  # counted, for nobody reported it
    # Another worker has it from this one, and other upstreams are still asked.
    for cluster, expected in (("plain", None), ("", {"include_usage": True})):
        for _ in range(4):
            with stack.http(f"{tenant}-{cluster}") as fresh:
                fresh.post(CHAT, json=body(stream=True), headers={CLUSTER: cluster})
        asked = [record["stream_options"] for record in stack.provider.seen(f"{tenant}-{cluster}")]
        assert asked == [expected] * 4


def test_the_sdk_is_told_to_try_again_only_where_we_caused_the_error(stack: Stack, tenant: str) -> None:
    with stack.openai(tenant, "status=400") as client, pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
    assert "x-should-retry" not in refused.value.response.headers
    assert len(stack.provider.seen(tenant)) == 1
