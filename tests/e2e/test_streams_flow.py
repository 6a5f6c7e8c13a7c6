"""Streams flow: what the provider has said is with the client before the provider says more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import body
from harness import CHAT, Runtime, Stack, StandIn
from policies import AMPLE


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, AMPLE) as stack:
        yield stack


@pytest.mark.also_old
@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_no_event_waits_for_the_next(stack: Stack, tenant: str, count: int) -> None:
    """The stand-in says so many events and then nothing: what was held back would never be let go."""
    with stack.http(tenant, f"hang={count}") as client:
        with client.stream("POST", CHAT, json=body(stream=True)) as answer:
            got, pieces = "", answer.iter_text()
            while got.count("\n\n") < count:
                got += next(pieces)
            [record] = stack.provider.seen(tenant)
            assert record["ended"] is None and record["sent"]["events"] == count
    assert got.count("data: ") == count


def test_no_piece_of_an_event_waits_for_its_rest(stack: Stack, tenant: str) -> None:
    """As above, with writes that end inside events.

    The client asks for its usage: where we take the chunk out, its beginning has to wait for the rest.
    """
    with stack.http(tenant, "hang=40; write=cut:25; seed=5") as client:
        options = {"include_usage": True}
        with client.stream("POST", CHAT, json=body(stream=True, stream_options=options)) as answer:
            got, pieces = 0, answer.iter_raw()
            while got < (sent := stack.provider.seen(tenant)[0]["sent"]["bytes"]) or sent == 0:
                got += len(next(pieces))
            [record] = stack.provider.seen(tenant)
            assert record["ended"] is None and record["sent"]["bytes"] == got


def test_the_first_token_comes_before_the_second_is_said(stack: Stack, tenant: str) -> None:
    with stack.http(tenant, "gap_ms=1000; tokens=3") as client:
        with client.stream("POST", CHAT, json=body(stream=True)) as answer:
            seen = []
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    seen.append(stack.provider.seen(tenant)[0]["sent"]["events"])
    # At each event's arrival, the provider had said just so many: the role, three tokens, the end.
    assert seen == [1, 2, 3, 4, 5]
