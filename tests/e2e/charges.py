"""What calls were charged, by Envoy's stats and by the server, one tenant a call."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness import Stack, figures, until
from harness.figures import Figures
from harness.recordings import Recording


@dataclass(frozen=True)
class Charge:
    """One side's record of a tenant's calls."""

    calls: int
    source: str
    """Where the figures come from; several with a `+` between."""
    tokens: tuple[tuple[str, int], ...]
    """By class, without zeros."""

    @property
    def prompt(self) -> int:
        return sum(tokens for name, tokens in self.tokens if name not in OUTPUT)

    @property
    def output(self) -> int:
        return sum(tokens for name, tokens in self.tokens if name in OUTPUT)


OUTPUT = ("output_visible", "reasoning", "audio_out")

Sides = dict[str, Charge | None]
Judge = Callable[[Recording, Charge], str]


def charge(calls: int, source: str, tokens: Figures) -> Charge:
    return Charge(calls, source, tuple(sorted((name, n) for name, n in tokens.items() if n)))


def of_envoy(stack: Stack) -> dict[str, Charge]:
    """By tenant."""
    stats = stack.envoy.stats()
    calls: Figures = Counter()
    sources: dict[str, list[str]] = {}
    tokens: dict[str, Figures] = {}
    for sample in stats.named("tollkeeper_requests_total"):
        calls[sample.labels["tenant"]] += int(sample.value)
    for sample in stats.named("tollkeeper_usage_source_total"):
        sources.setdefault(sample.labels["tenant"], []).append(sample.labels["source"])
    for sample in stats.named("tollkeeper_tokens_total"):
        tokens.setdefault(sample.labels["tenant"], Counter())[sample.labels["class"]] += int(sample.value)
    # A worker hands its counters over one by one: a scrape in between finds a call and not yet its source.
    return {
        name: charge(calls[name], "+".join(sources.get(name, [])), tokens.get(name, Counter())) for name in calls
    }


def of_server(stack: Stack) -> dict[str, Charge]:
    """By tenant."""
    calls: Figures = Counter()
    sources: dict[str, list[str]] = {}
    tokens: dict[str, Figures] = {}
    for row in stack.server.usage("tenant,source"):
        name = row["group"]["tenant"]
        calls[name] += row["requests"]
        sources.setdefault(name, []).append(row["group"]["source"])
        tokens.setdefault(name, Counter()).update(row["tokens"])
    return {name: charge(calls[name], "+".join(sources[name]), tokens[name]) for name in calls}


def check(stack: Stack, sent: Iterable[Recording], judge: Judge) -> None:
    """Each call of a model is charged once, as `judge` finds right, by both sides alike; nothing else is charged.

    `judge` gives the column of the printed table, `wrong` for a charge that is not right.
    """
    sent = list(sent)
    calls = sum(map(figures.is_call, sent))

    def told() -> bool:
        envoy = of_envoy(stack)
        return sum(one.calls for one in envoy.values()) >= calls and envoy == of_server(stack)

    try:
        until(told, "", within=5)
    except TimeoutError:
        pass  # those that are missing are named below
    envoy, server = of_envoy(stack), of_server(stack)
    table: dict[str, Figures] = {}
    wrong = []
    for recording in sent:
        sides = {"Envoy": envoy.get(recording.id), "server": server.get(recording.id)}
        verdict = _verdict(recording, sides, judge)
        table.setdefault(recording.host, Counter()).update([verdict, "sent"])
        if verdict == "wrong":
            where = f"{recording.id} {recording.host}{recording.path}"
            wrong.append(f"{where}: {sides}, not {figures.of(recording)}")
    _print(table)
    assert not wrong, "\n".join([f"{len(wrong)} of {len(sent)}:", *wrong])


def _verdict(recording: Recording, sides: Sides, judge: Judge) -> str:
    first, second = sides.values()
    if first != second:
        return "wrong"
    if not figures.is_call(recording):
        return "wrong" if first else "no call"
    return judge(recording, first) if first and first.calls == 1 else "wrong"


def _print(table: dict[str, Figures]) -> None:
    columns = sorted({column for row in table.values() for column in row}, key=lambda name: name != "sent")
    print(f"{'host':44}" + "".join(f"{column:>12}" for column in columns))
    for host, row in sorted(table.items()):
        print(f"{host:44}" + "".join(f"{row[column] or '':>12}" for column in columns))
