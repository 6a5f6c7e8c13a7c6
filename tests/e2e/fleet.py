"""Clients of a whole fleet at once, each with its own mix of calls, until the budget is used up."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field

import httpx
from calls import body
from harness import CHAT, Stack

PROMPT = 19
"""Tokens of `calls.QUESTION`."""


@dataclass(frozen=True)
class Mix:
    """What clients send: each call's output limit is one of these, and its answer takes some part of it."""

    output_limits: tuple[int, ...]
    streams: float = 0.4
    """Share of calls that stream, of which half are left by the client in mid-answer."""


@dataclass
class Outcome:
    """What the clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    left: int = 0
    """Streams that the client left."""
    refused: list[int] = field(default_factory=list)
    """What each call could have taken at most that was refused for good."""

    @property
    def admitted(self) -> int:
        return self.statuses[200]


def use_up(stack: Stack, tenant: str, clients: int, mix: Mix, seed: int, within: float = 120) -> Outcome:
    """Each client calls, as an SDK does, until it is told that asking again is of no use."""
    outcome = Outcome()

    async def client(number: int) -> None:
        dice = random.Random(f"{seed} {number}")
        url = f"{stack.envoys[number % len(stack.envoys)].url}{CHAT}"
        async with httpx.AsyncClient(headers={"x-tenant-id": tenant}, timeout=60) as http:
            while await _call(http, url, mix, dice, outcome):
                pass

    async def all_of_them() -> None:
        await asyncio.wait_for(asyncio.gather(*map(client, range(clients))), within)

    asyncio.run(all_of_them())
    return outcome


async def _call(http: httpx.AsyncClient, url: str, mix: Mix, dice: random.Random, outcome: Outcome) -> bool:
    """Whether it makes sense to call again."""
    limit = dice.choice(mix.output_limits)
    # Some answers would be longer than the limit.
    tokens = dice.randint(1, limit + limit // 4)
    if dice.random() >= mix.streams:
        request = body(max_completion_tokens=limit)
        answer = await http.post(url, json=request, headers={"x-stand-in": f"tokens={tokens}"})
        return await _go_on(answer, limit, outcome)
    # What a client leaves behind is known where the provider waits for it to go.
    hang = dice.randint(1, min(6, tokens, limit)) if dice.random() < 0.5 else 0
    steer = f"tokens={tokens}; hang={hang}" if hang else f"tokens={tokens}"
    request = body(stream=True, max_completion_tokens=limit)
    async with http.stream("POST", url, json=request, headers={"x-stand-in": steer}) as answer:
        got = ""
        async for piece in answer.aiter_text():
            got += piece
            if hang and answer.is_success and got.count("\n\n") >= hang:
                outcome.left += 1
                break
        return await _go_on(answer, limit, outcome)


async def _go_on(answer: httpx.Response, limit: int, outcome: Outcome) -> bool:
    outcome.statuses[answer.status_code] += 1
    if answer.status_code == 429:
        if answer.headers.get("x-should-retry") == "false":
            outcome.refused.append(PROMPT + limit)
            return False
        await asyncio.sleep(int(answer.headers["retry-after-ms"]) / 1000)
    return True
