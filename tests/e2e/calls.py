"""Requests as tests send them."""

import json
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


def events(text: str) -> list[dict[str, Any]]:
    """The chunks of a stream that came to its end."""
    data = [event.removeprefix("data: ") for event in text.split("\n\n") if event]
    assert data[-1] == "[DONE]", data[-1]
    return [json.loads(event) for event in data[:-1]]


def text(chunks: list[dict[str, Any]]) -> str:
    """What a stream's chunks say together."""
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
