"""A believable mix of calls, sent with the official SDK."""

import threading
from collections.abc import Callable
from typing import Any

import openai
from openai import OpenAI

Say = Callable[[str, str], None]
"""Tells who did what."""

CHATS = [
    "My order has not arrived. What can I do?",
    "Which plan includes single sign-on?",
    "Summarise this ticket in one sentence: the export button does nothing since Monday.",
    "Translate to French: the invoice is attached.",
    "How do I rotate an API key without downtime?",
    "Write a polite reminder for an unpaid invoice.",
]


class Tenant:
    """A customer of the platform, with its SDK client. The stand-in answers as `steer` tells it."""

    def __init__(self, base_url: str, name: str, app: str, say: Say) -> None:
        self.name = name
        self._say = say
        self._client = OpenAI(
            api_key="sk-demo", base_url=base_url, default_headers={"x-tenant-id": name, "x-app": app}
        )

    def say(self, what: str) -> None:
        self._say(self.name, what)

    def ask(self, model: str, question: str, steer: str, **options: Any) -> None:
        """One call, read to its end."""
        answer = self._create(model, question, steer, **options)
        if options.get("stream"):
            for _ in answer:
                pass

    def hang_up(self, model: str, question: str, after: int) -> None:
        """A streamed call whose client goes away after so many chunks."""
        with self._create(model, question, f"hang={after}", stream=True) as answer:
            for _ in range(after):
                next(answer)

    def _create(self, model: str, question: str, steer: str, **options: Any) -> Any:
        messages = [{"role": "user", "content": question}]
        return self._client.chat.completions.create(
            model=model, messages=messages, extra_headers={"x-stand-in": steer}, **options
        )


def acme(tenant: Tenant) -> None:
    tenant.say(
        "a support chat: 24 streamed answers of gpt-4o-mini, 6 of gpt-4o with part of the prompt cached"
    )
    for turn in range(24):
        question = CHATS[turn % len(CHATS)]
        tenant.ask(
            "gpt-4o-mini",
            question,
            f"tokens={30 + 7 * turn}; first_ms=25; gap_ms=1; seed={turn}",
            stream=True,
        )
    for turn in range(6):
        tenant.ask("gpt-4o", CHATS[turn], f"tokens={60 + 11 * turn}; cached=6; first_ms=40")


def globex(tenant: Tenant) -> None:
    tenant.say("a search assistant: 16 short answers of gpt-4o, some with hidden reasoning; 8 of gpt-4o-mini")
    for turn in range(16):
        steer = f"tokens={20 + 5 * turn}; reasoning={12 * (turn % 3)}; first_ms=20"
        tenant.ask("gpt-4o", CHATS[turn % len(CHATS)], steer, stream=turn % 4 == 0)
    for turn in range(8):
        tenant.ask(
            "gpt-4o-mini", CHATS[turn % len(CHATS)], f"tokens={25 + 3 * turn}", max_completion_tokens=40
        )
    tenant.say("a client closes its laptop in the middle of a streamed answer: it pays for what it saw")
    tenant.hang_up("gpt-4o", "Tell me the whole history of the company.", after=33)


def initech(tenant: Tenant) -> None:
    tenant.say("long reports, up to 1,000 tokens each, one after the other")
    for turn in range(60):
        model = "gpt-4o" if turn % 3 else "gpt-4o-mini"
        try:
            tenant.ask(
                model,
                "Write the weekly TPS report.",
                f"tokens=950; gap_ms=0; seed={turn}",
                stream=turn % 2 == 0,
            )
        except openai.RateLimitError as refused:
            tenant.say(f"refused after {turn} calls, and the SDK does not try again: {refused.code}")
            tenant.say(
                f"“{refused.body['message']}”" if isinstance(refused.body, dict) else str(refused.body)
            )
            break
    for _ in range(4):
        try:
            tenant.ask("gpt-4o-mini", "Just one more?", "tokens=900")
        except openai.RateLimitError:
            pass


def send(base_url: str, say: Say) -> None:
    """All tenants at once. Whatever goes wrong with one is raised."""
    failures: list[BaseException] = []

    def run(traffic: Callable[[Tenant], None], tenant: Tenant) -> None:
        try:
            traffic(tenant)
        except BaseException as failure:
            failures.append(failure)

    threads = [
        threading.Thread(target=run, args=(traffic, Tenant(base_url, name, app, say)), daemon=True)
        for traffic, name, app in (
            (acme, "acme", "support"),
            (globex, "globex", "search"),
            (initech, "initech", "reports"),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
