"""Calls are metered: Envoy's stats, the server's report and the provider's own bill say the same."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from calls import ask, body, events, text
from harness import CHAT, Runtime, Stack, StandIn, until
from policies import AMPLE


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, AMPLE) as stack:
        yield stack


@pytest.mark.also_old
def test_a_json_call_is_metered(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "tokens=30; cached=5; reasoning=7") as client:
        usage = ask(client, model="gpt-4o").raise_for_status().json()["usage"]
    bill = stack.agreed(tenant, calls=1)
    assert (bill.prompt, bill.completion) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert (bill.cache_read, bill.reasoning, bill.output_visible) == (5, 7, 30)


@pytest.mark.also_old
def test_a_stream_is_metered(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "tokens=30; cached=5; reasoning=7") as client:
        answer = ask(client, model="gpt-4o", stream=True)
    assert len(events(answer.text)) == 1 + 30 + 1  # the role, the tokens, the reason of the end
    bill = stack.agreed(tenant, calls=1)
    assert (bill.cache_read, bill.reasoning, bill.output_visible) == (5, 7, 30)


def test_each_model_has_its_own_series_and_price(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:
        for model in ("gpt-4o", "gpt-4o-mini", "gpt-4o"):
            ask(client, model=model).raise_for_status()
    stack.agreed(tenant, calls=3)
    rows = {
        row["group"]["model"]: row["requests"]
        for row in stack.server.usage()
        if row["group"]["tenant"] == tenant
    }
    assert rows == {"gpt-4o": 2, "gpt-4o-mini": 1}
    counted = stack.envoy.stats().named("tollkeeper_requests_total", tenant=tenant)
    assert {sample.labels["model"]: sample.value for sample in counted} == rows
    assert {sample.labels["provider"] for sample in counted} == {"openai"}


@pytest.mark.parametrize("place", ["with_choices", "every"])
def test_usage_is_found_wherever_a_stream_carries_it(stack: Stack, tenant: str, place: str) -> None:
    with stack.http(tenant, f"usage={place}; tokens=12; cached=3") as client:
        events(ask(client, stream=True).text)
    assert stack.agreed(tenant, calls=1).output_visible == 12


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_call_without_usage_is_counted(stack: Stack, tenant: str, stream: bool) -> None:
    with stack.http(tenant, "usage=none; tokens=50") as client:
        ask(client, stream=stream).raise_for_status()
    bill = stack.agreed(tenant, calls=1)
    assert bill.output_visible == 50
    assert stack.envoy.stats().total("tollkeeper_usage_source_total", tenant=tenant, source="counted") == 1


@pytest.mark.parametrize("cut", ["write=batch:7", "write=cut:1; seed=1", "write=cut:30; seed=2"])
def test_any_cutting_of_a_stream_gives_the_same_bytes_and_the_same_charge(
    stack: Stack, tenant: str, cut: str
) -> None:
    with stack.http(tenant, f"tokens=60; {cut}") as client:
        answer = ask(client, stream=True).text
    with stack.http(tenant, "tokens=60") as client:
        whole = ask(client).json()["choices"][0]["message"]["content"]
    assert text(events(answer)) == whole
    assert stack.agreed(tenant, calls=2).output_visible == 120


def test_an_answer_is_never_compressed_out_of_sight(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "gzip") as client:
        for stream in (False, True):
            answer = ask(client, stream=stream)
            assert "content-encoding" not in answer.headers
    assert stack.agreed(tenant, calls=2).output_visible == 80


def test_an_answer_compressed_all_the_same_is_read(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "gzip=always; tokens=10") as client:
        answer = ask(client)
        assert answer.headers["content-encoding"] == "gzip", "the client gets what was sent"
        assert answer.json()["usage"]["completion_tokens"] == 10
        # Its usage chunk has to be taken out: it comes decoded.
        answer = ask(client, stream=True)
        assert "content-encoding" not in answer.headers
        assert all(chunk["choices"] for chunk in events(answer.text))
    assert stack.agreed(tenant, calls=2).output_visible == 20


def test_a_request_without_a_length_is_metered(stack: Stack, tenant: str) -> None:
    """It comes in chunks, cut inside words."""
    chunks = iter([b'{"model":"gpt-4o-mini","messages":[{"role":"us', b'er","content":"Hello!"}]', b"}"])
    with stack.http(tenant) as client:
        client.post(CHAT, content=chunks, headers={"content-type": "application/json"}).raise_for_status()
    # `Hello!` is 2 tokens, in a message of 3 with a role of 1, after 3 of priming.
    assert stack.agreed(tenant, calls=1).prompt == 9


def test_a_long_prompt_is_metered(stack: Stack, tenant: str) -> None:
    prompt = "All work and no play makes Jack a dull boy. " * 20_000
    with stack.http(tenant) as client:
        answer = client.post(CHAT, json=body() | {"messages": [{"role": "user", "content": prompt}]})
    assert answer.is_success, answer.text
    assert stack.agreed(tenant, calls=1).prompt > 200_000


def test_the_policys_output_limit_is_enforced_where_the_client_names_none(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "tokens=1000") as client:
        assert ask(client).json()["choices"][0]["finish_reason"] == "length"
        ask(client, max_tokens=300)
    without, own = stack.provider.seen(tenant)
    assert (without["max_completion_tokens"], without["usage"]["completion_tokens"]) == (200, 200)
    assert (own["max_tokens"], own["usage"]["completion_tokens"]) == (300, 300)
    stack.agreed(tenant, calls=2)


def test_durations_are_in_the_stats(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "first_ms=120; gap_ms=20; tokens=20") as client:
        ask(client, stream=True)

    def total(name: str, **labels: str) -> int:
        return stack.envoy.stats().total(f"tollkeeper_{name}", **labels)

    # Envoy merges the workers' histograms every five seconds.
    until(lambda: total("request_duration_ms_sum", tenant=tenant), "the call is in the histograms")
    first = total("time_to_first_token_ms_sum", tenant=tenant)
    each = total("time_per_output_token_us_sum", tenant=tenant)
    whole = total("request_duration_ms_sum", tenant=tenant)
    assert first >= 120 and each >= 18_000 and whole >= first + 19 * 18, (first, each, whole)
    assert total("overhead_us_count") > 0


def test_nothing_of_a_prompt_or_an_answer_is_in_logs_stats_or_reports(stack: Stack, tenant: str) -> None:
    secret = "xylophone-7731"
    with stack.http(tenant, f"text={secret}-back") as client:
        client.post(
            CHAT, json=body() | {"messages": [{"role": "user", "content": secret}]}
        ).raise_for_status()
        client.post(CHAT, content=f'{{"model":"gpt-4o","messages":["{secret}"')
    stack.agreed(tenant, calls=1)
    stats = httpx.get(f"{stack.envoy.admin.base_url}/stats").text
    for place in (
        stack.envoy.log_text(),
        stack.server.log.read_text(),
        stats,
        str(stack.server.usage("tenant,outcome")),
    ):
        assert secret not in place


def test_afterwards_nothing_is_reserved(stack: Stack) -> None:
    assert stack.nothing_reserved()
    assert not stack.envoy.crashes()
