"""Requests as tests send them."""

import json
import time
from typing import Any

import httpx
from harness import CHAT

QUESTION: list[Any] = [{"role": "user", "content": "What is a service mesh? Answer in a few words."}]


def body(model: str = "gpt-4o-mini", **fields: Any) -> dict[str, Any]:
    """A chat-completions request."""
    return {"model": model, "messages": QUESTION, **fields}


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    """One call, its answer read to the end."""
    return client.post(CHAT, json=body(**fields))


def ask_until_used_up(client: httpx.Client, **fields: Any) -> tuple[int, httpx.Response]:
    """One call after the other, until asking again is of no use: how many got through, and the refusal.

    As long as something is only held, and not yet reported as spent, it is worth asking again.
    """
    admitted = 0
    while (answer := ask(client, **fields)).headers.get("x-should-retry") != "false":
        admitted += answer.is_success
        time.sleep(int(answer.headers.get("retry-after-ms", 0)) / 1000)
    return admitted, answer


def events(text: str) -> list[dict[str, Any]]:
    """The chunks of a stream that came to its end."""
    data = [event.removeprefix("data: ") for event in text.split("\n\n") if event]
    assert data[-1] == "[DONE]", data[-1]
    return [json.loads(event) for event in data[:-1]]


def text(chunks: list[dict[str, Any]]) -> str:
    """What a stream's chunks say together."""
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
