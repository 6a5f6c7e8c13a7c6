"""A budget that is used up, as each provider's own SDK sees it with its own settings: its provider's error, and no retry."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import boto3
import botocore.exceptions
import cohere
import openai
import pytest
from cohere.core.api_error import ApiError
from google import genai
from google.genai import errors
from google.genai.types import HttpOptions
from harness import Runtime, Stack, StandIn, until
from policies import policy

QUESTION = "How long is the mesh?"
MESSAGES: Any = [{"role": "user", "content": QUESTION}]
Headers = dict[str, str]


def ask_openai(url: str, headers: Headers) -> Any:
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key="k", default_headers=headers) as client,
        pytest.raises(openai.RateLimitError) as refused,
    ):
        client.responses.create(model="gpt-4o", input=QUESTION)
    return refused.value.code


def ask_anthropic(url: str, headers: Headers) -> Any:
    with (
        anthropic.Anthropic(base_url=url, api_key="k", default_headers=headers) as client,
        pytest.raises(anthropic.RateLimitError) as refused,
    ):
        client.messages.create(model="claude-haiku-4-5", max_tokens=100, messages=MESSAGES)
    body: Any = refused.value.body
    return body["error"]["type"]


def ask_google(url: str, headers: Headers) -> Any:
    with (
        genai.Client(api_key="k", http_options=HttpOptions(base_url=url, headers=headers)) as client,
        pytest.raises(errors.ClientError) as refused,
    ):
        client.models.generate_content(model="gemini-2.5-flash", contents=QUESTION)
    return refused.value.code, refused.value.status


def ask_bedrock(url: str, headers: Headers) -> Any:
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "example"}
    client = boto3.client("bedrock-runtime", endpoint_url=url, region_name="us-east-1", **keys)

    def add(request: Any, **_: Any) -> None:
        for name, value in headers.items():
            request.headers[name] = value

    client.meta.events.register("before-send.bedrock-runtime.*", add)
    question = [{"role": "user", "content": [{"text": QUESTION}]}]
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        client.converse(modelId="us.amazon.nova-micro-v1:0", messages=question)
    return refused.value.response["Error"]["Code"]


def ask_cohere(url: str, headers: Headers) -> Any:
    client = cohere.ClientV2(api_key="k", base_url=url)
    with pytest.raises(ApiError) as refused:
        client.chat(
            model="command-r7b-12-2024", messages=MESSAGES, request_options={"additional_headers": headers}
        )
    return refused.value.status_code


CASES: dict[str, tuple[Callable[[str, Headers], Any], Any]] = {
    "openai": (ask_openai, "insufficient_quota"),
    "anthropic": (ask_anthropic, "rate_limit_error"),
    "google": (ask_google, (429, "RESOURCE_EXHAUSTED")),
    "bedrock": (ask_bedrock, "ServiceQuotaExceededException"),
    "cohere": (ask_cohere, 402),
}


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    one = policy("name: once, per: [tenant], limit: 1 requests, window: 1d")
    with Stack(runtime, directory / runtime.name, provider, one) as stack:
        yield stack
        assert not stack.envoy.crashes()


@pytest.mark.parametrize("case", CASES)
def test_an_exhausted_budget_is_not_asked_for_again(
    stack: Stack, provider: StandIn, tenant: str, case: str
) -> None:
    ask, expected = CASES[case]
    with stack.http(tenant) as client:
        client.post("/v1/chat/completions", json={"model": "gpt-4o", "messages": MESSAGES}).raise_for_status()
    stack.agreed(tenant, calls=1)
    arrivals = stack.envoy.arrivals()
    assert ask(stack.envoy.url, {"x-tenant-id": tenant}) == expected
    assert stack.envoy.arrivals() - arrivals == 1

    def refused() -> bool:
        stats = stack.envoy.stats()
        return stats.total("tollkeeper_refused_total", tenant=tenant, reason="insufficient_quota") == 1

    until(refused, "Envoy has the refusal", within=8)
