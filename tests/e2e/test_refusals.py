"""A refused call gets OpenAI's error shape, and the SDK does the right thing with it by itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import openai
import pytest
from calls import QUESTION, ask
from harness import Runtime, Stack, StandIn, until
from policies import policy

WINDOW_S = 3
THROTTLE = policy(f"name: burst, per: [tenant], limit: 2 requests, window: {WINDOW_S}s")
DAILY = policy(
    "name: daily, per: [tenant], limit: 300 tokens, window: 1d",
    "name: watched, per: [tenant], limit: 1 requests, window: 1d, mode: shadow",
    output_limit=100,
)


@pytest.fixture(scope="module")
def stacks(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Callable[[str], Stack]]:
    """A stack for each policy, when it is first asked for."""
    made: dict[str, Stack] = {}
    with ExitStack() as closing:

        def stack(policy: str) -> Stack:
            if policy not in made:
                place = directory / f"{runtime.name}-{len(made)}"
                made[policy] = closing.enter_context(Stack(runtime, place, provider, policy))
            return made[policy]

        yield stack


@pytest.fixture
def throttled(stacks: Callable[[str], Stack]) -> Stack:
    """A stack at the beginning of a window."""
    stack = stacks(THROTTLE)
    time.sleep(WINDOW_S - time.time() % WINDOW_S + 0.05)
    return stack


@pytest.fixture
def daily(stacks: Callable[[str], Stack]) -> Stack:
    return stacks(DAILY)


def refused(stack: Stack, tenant: str, reason: str) -> int:
    return stack.envoy.stats().total("tollkeeper_refused_total", tenant=tenant, reason=reason)


@pytest.mark.also_old
def test_a_throttle_says_when_to_come_again(throttled: Stack, tenant: str) -> None:
    with throttled.http(tenant) as client:
        assert [ask(client).status_code for _ in range(2)] == [200, 200]
        answer = ask(client)
    assert answer.status_code == 429
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("requests", "rate_limit_exceeded", None)
    assert "burst" in error["message"] and "2 requests" in error["message"]
    headers = answer.headers
    assert headers["x-tollkeeper-refused"] == "rate_limit_exceeded"
    assert headers["x-tollkeeper-limited-by"] == "gateway"
    assert 0 < int(headers["retry-after-ms"]) <= WINDOW_S * 1000
    assert 1 <= int(headers["retry-after"]) <= WINDOW_S
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("2", "0")
    assert headers["x-ratelimit-reset-requests"].endswith("s")
    assert "x-should-retry" not in headers
    throttled.agreed(tenant, calls=2)


def test_the_sdk_sits_a_throttle_out(throttled: Stack, tenant: str) -> None:
    began = time.time()
    with throttled.openai(tenant) as client:
        for _ in range(2):
            client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        # Settled with the server: until then they are only held, and worth asking for again sooner.
        throttled.agreed(tenant, calls=2)
        arrivals = throttled.envoy.arrivals()
        client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    # It was refused once, and admitted in the next window: not sooner, and not after hammering.
    assert time.time() // WINDOW_S == began // WINDOW_S + 1
    assert throttled.envoy.arrivals() - arrivals == 2
    until(lambda: refused(throttled, tenant, "rate_limit_exceeded") == 1, "Envoy has the refusal")
    throttled.agreed(tenant, calls=3)


@pytest.mark.also_old
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
def test_the_sdk_does_not_retry_an_exhausted_budget(daily: Stack, tenant: str, stream: bool) -> None:
    error, used = exhaust(daily, tenant, stream)
    arrivals = daily.envoy.arrivals()
    with daily.openai(tenant) as client, pytest.raises(openai.RateLimitError) as again:
        client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=stream)
    assert daily.envoy.arrivals() - arrivals == 1
    assert (again.value.code, again.value.type) == (error.code, error.type) == ("insufficient_quota",) * 2
    headers = again.value.response.headers
    assert (headers["x-should-retry"], headers["x-tollkeeper-refused"]) == ("false", "insufficient_quota")
    assert "retry-after" not in headers and "retry-after-ms" not in headers
    assert 0 < int(headers["x-tollkeeper-reset-ms"]) <= 86_400_000
    assert (headers["x-ratelimit-limit-tokens"], headers["x-ratelimit-remaining-tokens"]) == ("300", "0")
    assert used <= 300


def exhaust(stack: Stack, tenant: str, stream: bool) -> tuple[openai.RateLimitError, int]:
    """Calls until the budget is gone. Answers the refusal, and the tokens used."""
    used = 0
    with stack.openai(tenant, "tokens=100") as client:
        for calls in range(1, 10):
            try:
                answer = client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=stream)
                if stream:
                    list(answer)
            except openai.RateLimitError as error:
                return error, used
            # Settled with the server: what is refused from here on is used up, not only held.
            used = stack.agreed(tenant, calls).tokens
    raise AssertionError("never refused")


def test_refusals_are_counted_on_both_sides(daily: Stack, tenant: str) -> None:
    _, used = exhaust(daily, tenant, stream=False)
    with daily.http(tenant) as client:
        for _ in range(4):
            assert ask(client).status_code == 429
    until(lambda: refused(daily, tenant, "insufficient_quota") == 5, "Envoy has the refusals")
    expected = {"ok": 2, "refused:insufficient_quota": 5}
    until(lambda: daily.outcomes(tenant) == expected, "the server has the refusals")
    assert daily.agreed(tenant, calls=2).tokens == used


def test_a_call_that_can_never_fit_is_told_what_to_do(daily: Stack, tenant: str) -> None:
    with daily.http(tenant) as client:
        answer = ask(client, max_completion_tokens=5000)
        assert ask(client).is_success, "a refusal takes nothing"
    assert (answer.status_code, answer.headers["x-should-retry"]) == (429, "false")
    assert "fewer output tokens" in answer.json()["error"]["message"]


def test_a_shadow_budget_only_counts(daily: Stack, tenant: str) -> None:
    with daily.http(tenant, "tokens=10") as client:
        for _ in range(3):
            ask(client, max_completion_tokens=10).raise_for_status()
    daily.agreed(tenant, calls=3)
    [bucket] = daily.server.buckets("watched", tenant=tenant)
    assert (bucket["used"], bucket["limit"]) == (3, 1)


def test_a_tenants_refusals_do_not_touch_another(daily: Stack, tenant: str) -> None:
    exhaust(daily, tenant, stream=False)
    with daily.http(f"{tenant}-neighbour") as client:
        ask(client).raise_for_status()


def test_a_client_without_a_tenant_is_held_to_the_budget_of_the_unknown(daily: Stack) -> None:
    answers = [
        httpx.post(f"{daily.envoy.url}/v1/chat/completions", json={"model": "gpt-4o", "messages": QUESTION})
    ]
    while answers[-1].is_success:
        answers.append(httpx.post(answers[0].url, json={"model": "gpt-4o", "messages": QUESTION}))
    assert answers[-1].status_code == 429 and len(answers) <= 5
    assert daily.server.buckets("daily", tenant="unknown")[0]["used"] <= 300
