"""However a call ends, it is charged once, and for what it consumed."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from calls import ask, body
from envoys import CLUSTER, TIMEOUT, with_test_routes
from harness import CHAT, Runtime, Stack, StandIn, until
from policies import AMPLE

pytestmark = pytest.mark.long

PROMPT = 19
"""Tokens of `calls.QUESTION`: `test_the_prompt_is_what_these_tests_expect` sees that it stays so."""


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, AMPLE, edit=with_test_routes) as stack:
        yield stack


def source(stack: Stack, tenant: str) -> list[str]:
    """Where the figures of a tenant's calls came from."""
    samples = stack.envoy.stats().named("tollkeeper_usage_source_total", tenant=tenant)
    return [sample.labels["source"] for sample in samples]


def read_events(answer: httpx.Response, count: int) -> None:
    """Reads so many events of a stream."""
    pieces = answer.iter_text()
    got = ""
    while got.count("\n\n") < count:
        got += next(pieces)


def test_the_prompt_is_what_these_tests_expect(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:
        assert ask(client).json()["usage"]["prompt_tokens"] == PROMPT


@pytest.mark.also_old
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_an_answer_with_trailers(stack: Stack, tenant: str, stream: bool) -> None:
    with stack.http(tenant, "trailers; tokens=21") as client:
        ask(client, stream=stream).raise_for_status()
    assert stack.agreed(tenant, calls=1).output_visible == 21
    assert stack.outcomes(tenant) == {"ok": 1}


@pytest.mark.also_old
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
def test_a_providers_error_passes_and_costs_nothing(
    stack: Stack, tenant: str, status: int, stream: bool
) -> None:
    with stack.http(tenant, f"status={status}; retry_after=7") as client:
        answer = ask(client, stream=stream)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert answer.json()["error"]["message"] and "x-tollkeeper-refused" not in answer.headers
    assert stack.agreed(tenant, calls=1).tokens == 0
    assert stack.outcomes(tenant) == {"upstream_error": 1}


@pytest.mark.also_old
def test_an_upstream_that_resets_mid_stream(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "reset=6; gap_ms=10") as client, pytest.raises(httpx.RemoteProtocolError):
        ask(client, stream=True)
    # The role and five tokens had passed.
    bill = stack.agreed(tenant, calls=1)
    assert (bill.prompt, bill.completion) == (PROMPT, 5)
    assert stack.outcomes(tenant) == {"upstream_gone": 1} and source(stack, tenant) == ["estimated"]


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_an_upstream_that_resets_before_it_answers(stack: Stack, tenant: str, stream: bool) -> None:
    with stack.http(tenant, "reset=start") as client:
        assert ask(client, stream=stream).status_code == 503
    # It had the prompt; what it made of it, and whether it bills for it, nobody knows.
    bill = stack.charged(tenant, calls=1)
    assert (bill.prompt, bill.completion) == (PROMPT, 0)
    assert stack.outcomes(tenant) == {"upstream_gone": 1} and source(stack, tenant) == ["estimated"]


@pytest.mark.also_old
def test_an_upstream_that_never_answers_in_time(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "hang=start") as client:
        assert client.post(CHAT, json=body(), headers={TIMEOUT: "1"}).status_code == 504
    bill = stack.charged(tenant, calls=1)
    assert (bill.prompt, bill.completion) == (PROMPT, 0)
    assert stack.outcomes(tenant) == {"upstream_gone": 1}


def test_an_upstream_that_runs_out_of_time_mid_stream(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "hang=4") as client, pytest.raises(httpx.RemoteProtocolError):
        client.post(CHAT, json=body(stream=True), headers={TIMEOUT: "1"})
    bill = stack.agreed(tenant, calls=1)
    assert (bill.prompt, bill.completion) == (PROMPT, 3)
    assert stack.outcomes(tenant) == {"upstream_gone": 1}


@pytest.mark.also_old
def test_a_client_that_hangs_up_mid_stream(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "hang=6") as client:
        with client.stream("POST", CHAT, json=body(stream=True)) as answer:
            read_events(answer, 6)
    bill = stack.agreed(tenant, calls=1)
    assert (bill.prompt, bill.completion) == (PROMPT, 5)
    assert stack.outcomes(tenant) == {"client_closed": 1} and source(stack, tenant) == ["counted"]


def test_a_client_that_hangs_up_in_the_middle_of_a_json_answer(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "hang=0") as client:
        with client.stream("POST", CHAT, json=body()) as answer:
            assert answer.status_code == 200
    bill = stack.agreed(tenant, calls=1)
    assert (bill.prompt, bill.completion) == (PROMPT, 0)
    assert stack.outcomes(tenant) == {"client_closed": 1}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_a_client_that_hangs_up_before_the_answer(stack: Stack, tenant: str, stream: bool) -> None:
    with stack.http(tenant, "hang=start") as client, pytest.raises(httpx.ReadTimeout):
        client.post(CHAT, json=body(stream=stream), timeout=0.3)
    until(lambda: stack.provider.seen(tenant)[0]["ended"] == "client_gone", "the provider is told")
    bill = stack.charged(tenant, calls=1)
    assert (bill.prompt, bill.completion) == (PROMPT, 0)
    assert stack.outcomes(tenant) == {"client_closed": 1}


def test_a_client_that_hangs_up_while_it_sends_is_no_call(stack: Stack, tenant: str) -> None:
    def half() -> Iterator[bytes]:
        yield b'{"model":"gpt-4o",'
        raise ConnectionAbortedError

    with stack.http(tenant) as client, pytest.raises(ConnectionAbortedError):
        client.post(CHAT, content=half())
    with stack.http(tenant) as client:
        ask(client).raise_for_status()
    assert stack.agreed(tenant, calls=1).completion == 40


@pytest.mark.also_old
def test_a_call_that_never_reaches_a_provider_costs_nothing(stack: Stack, tenant: str) -> None:
    with stack.http(tenant) as client:
        answer = client.post(CHAT, json=body(stream=True), headers={CLUSTER: "dead"})
    assert answer.status_code == 503  # Envoy's own
    assert stack.charged(tenant, calls=1).tokens == 0
    assert stack.outcomes(tenant) == {"not_reached": 1} and source(stack, tenant) == ["none"]


def test_afterwards_nothing_is_reserved(stack: Stack) -> None:
    assert stack.nothing_reserved()
    assert not stack.envoy.crashes()
