"""The providers' own SDKs, asking for something; what they make of the answer, as plain values.

Each takes the address of the one to ask and the headers to send along, which say how the stand-in is to answer.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import anthropic
import boto3
import botocore.config
import cohere
import httpx
import openai
from google import genai
from google.genai.types import HttpOptions

Headers = dict[str, str]
Client = Callable[[str, Headers], Any]

QUESTION = "Where is the toll paid?"
MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]
USAGE: Any = {"include_usage": True}


def dumped(objects: Iterable[Any]) -> list[Any]:
    return [one.model_dump() for one in objects]


# OpenAI


def _openai(url: str, headers: Headers) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="k", default_headers=headers, max_retries=0)


def openai_chat(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        return client.chat.completions.create(model="gpt-4o", messages=MESSAGES).model_dump()


def openai_chat_stream(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        return dumped(
            client.chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True, stream_options=USAGE
            )
        )


def openai_chat_stream_without_usage(url: str, headers: Headers) -> Any:
    """Without the usage chunk that nobody asked for: the stand-in sends it all the same."""
    with _openai(url, headers) as client:
        chunks = dumped(client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True))
        return [chunk for chunk in chunks if chunk["choices"] or not chunk["usage"]]


def openai_chat_stream_helper(url: str, headers: Headers) -> Any:
    with (
        _openai(url, headers) as client,
        client.chat.completions.stream(model="gpt-4o", messages=MESSAGES, stream_options=USAGE) as stream,
    ):
        return [*dumped(stream), stream.get_final_completion().model_dump()]


def openai_chat_async(url: str, headers: Headers) -> Any:
    async def ask() -> Any:
        async with openai.AsyncOpenAI(
            base_url=f"{url}/v1", api_key="k", default_headers=headers, max_retries=0
        ) as client:
            chunks: AsyncIterator[Any] = await client.chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True, stream_options=USAGE
            )
            return [chunk.model_dump() async for chunk in chunks]

    return asyncio.run(ask())


def openai_completion(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        return client.completions.create(model="gpt-3.5-turbo-instruct", prompt=QUESTION).model_dump()


def openai_completion_stream(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        return dumped(
            client.completions.create(
                model="gpt-3.5-turbo-instruct", prompt=QUESTION, stream=True, stream_options=USAGE
            )
        )


def openai_response(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        return client.responses.create(model="gpt-4o", input=QUESTION).model_dump()


def openai_response_stream(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        return dumped(client.responses.create(model="gpt-4o", input=QUESTION, stream=True))


def openai_response_stream_helper(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client, client.responses.stream(model="gpt-4o", input=QUESTION) as stream:
        return [*dumped(stream), stream.get_final_response().model_dump()]


def openai_embeddings(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        return client.embeddings.create(model="text-embedding-3-small", input=QUESTION).model_dump()


def openai_image(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        return client.images.generate(model="gpt-image-1", prompt="A toll gate at dusk").model_dump()


def openai_transcription(url: str, headers: Headers) -> Any:
    with _openai(url, headers) as client:
        file = ("gate.wav", b"RIFF----WAVEfmt ")
        return client.audio.transcriptions.create(model="gpt-4o-transcribe", file=file).model_dump()


# Anthropic


def _anthropic(url: str, headers: Headers) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key="k", default_headers=headers, max_retries=0)


CLAUDE = "claude-sonnet-4-5"


def anthropic_message(url: str, headers: Headers) -> Any:
    with _anthropic(url, headers) as client:
        return client.messages.create(model=CLAUDE, max_tokens=1000, messages=MESSAGES).model_dump()


def anthropic_stream(url: str, headers: Headers) -> Any:
    with _anthropic(url, headers) as client:
        return dumped(
            client.messages.create(model=CLAUDE, max_tokens=1000, messages=MESSAGES, stream=True)
        )


def anthropic_stream_helper(url: str, headers: Headers) -> Any:
    with (
        _anthropic(url, headers) as client,
        client.messages.stream(model=CLAUDE, max_tokens=1000, messages=MESSAGES) as stream,
    ):
        return [*dumped(stream), stream.get_final_message().model_dump()]


# Google


def _genai(url: str, headers: Headers) -> genai.Client:
    return genai.Client(api_key="k", http_options=HttpOptions(base_url=url, headers=headers))


ABOUT_HTTP: Any = {"sdk_http_response"}
"""Headers such as the date, which no two answers share."""


def genai_content(url: str, headers: Headers) -> Any:
    with _genai(url, headers) as client:
        answer = client.models.generate_content(model="gemini-2.5-flash", contents=QUESTION)
        return answer.model_dump(exclude=ABOUT_HTTP)


def genai_content_stream(url: str, headers: Headers) -> Any:
    with _genai(url, headers) as client:
        answer = client.models.generate_content_stream(model="gemini-2.5-flash", contents=QUESTION)
        return [chunk.model_dump(exclude=ABOUT_HTTP) for chunk in answer]


def genai_embeddings(url: str, headers: Headers) -> Any:
    with _genai(url, headers) as client:
        answer = client.models.embed_content(model="gemini-embedding-001", contents=QUESTION)
        return answer.model_dump(exclude=ABOUT_HTTP)


# AWS


def _bedrock(url: str, headers: Headers) -> Any:
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )

    def add(request: Any, **_: Any) -> None:
        for name, value in headers.items():
            request.headers[name] = value

    client.meta.events.register("before-send.bedrock-runtime.*", add)
    return client


HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
CONVERSATION: Any = {
    "modelId": HAIKU,
    "messages": [{"role": "user", "content": [{"text": QUESTION}]}],
    "inferenceConfig": {"maxTokens": 1000},
}
INVOCATION: Any = {
    "modelId": HAIKU,
    "body": '{"anthropic_version": "bedrock-2023-05-31", "max_tokens": 1000, '
    f'"messages": [{{"role": "user", "content": "{QUESTION}"}}]}}',
}


def bedrock_converse(url: str, headers: Headers) -> Any:
    answer = _bedrock(url, headers).converse(**CONVERSATION)
    del answer["ResponseMetadata"]
    return answer


def bedrock_converse_stream(url: str, headers: Headers) -> Any:
    return list(_bedrock(url, headers).converse_stream(**CONVERSATION)["stream"])


def bedrock_invoke(url: str, headers: Headers) -> Any:
    return _bedrock(url, headers).invoke_model(**INVOCATION)["body"].read()


def bedrock_invoke_stream(url: str, headers: Headers) -> Any:
    return list(_bedrock(url, headers).invoke_model_with_response_stream(**INVOCATION)["body"])


# Cohere


def cohere_chat(url: str, headers: Headers) -> Any:
    with httpx.Client(headers=headers) as http:
        client = cohere.ClientV2(api_key="k", base_url=url, httpx_client=http)
        return client.chat(model="command-a-03-2025", messages=MESSAGES).model_dump()


def cohere_chat_stream(url: str, headers: Headers) -> Any:
    with httpx.Client(headers=headers) as http:
        client = cohere.ClientV2(api_key="k", base_url=url, httpx_client=http)
        return dumped(client.chat_stream(model="command-a-03-2025", messages=MESSAGES))


def cohere_v1(url: str, headers: Headers) -> Any:
    with httpx.Client(headers=headers) as http:
        client = cohere.Client(api_key="k", base_url=url, httpx_client=http)
        return client.chat(model="command-r", message=QUESTION).model_dump()


def cohere_v1_stream(url: str, headers: Headers) -> Any:
    with httpx.Client(headers=headers) as http:
        client = cohere.Client(api_key="k", base_url=url, httpx_client=http)
        return dumped(client.chat_stream(model="command-r", message=QUESTION))
