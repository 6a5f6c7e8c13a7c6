"""What two sides say of the same calls, side by side."""

from dataclasses import dataclass, fields

from harness.prometheus import Samples
from harness.quota_server import Row

INPUT = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_1h", "audio_in", "image_in")
OUTPUT = ("output_visible", "reasoning", "audio_out")

Who = tuple[str, str]
"""Tenant and model."""


@dataclass(frozen=True)
class Figures:
    """What one side says of a tenant's calls to a model. Refused calls are among the requests."""

    requests: int = 0
    prompt: int = 0
    completion: int = 0
    nano_usd: int = 0
    refused: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Figures)))

    def cells(self) -> str:
        dollars, rest = divmod(self.nano_usd, 10**9)
        cost = f"{dollars}.{rest:09}"[:-2]
        return f"{self.requests:>5} {self.prompt:>7,} {self.completion:>7,} {cost:>10} {self.refused:>3}"


def of_envoy(stats: Samples) -> dict[Who, Figures]:
    def total(name: str, who: Who, **labels: str) -> int:
        return stats.total(f"tollkeeper_{name}", tenant=who[0], model=who[1], **labels)

    def tokens(who: Who, classes: tuple[str, ...]) -> int:
        return sum(total("tokens_total", who, **{"class": name}) for name in classes)

    series = [
        sample.labels
        for name in ("tollkeeper_requests_total", "tollkeeper_refused_total")
        for sample in stats.named(name)
    ]
    figures = {}
    for who in {(labels["tenant"], labels["model"]) for labels in series}:
        refused = total("refused_total", who)
        figures[who] = Figures(
            requests=total("requests_total", who) + refused,
            prompt=tokens(who, INPUT),
            completion=tokens(who, OUTPUT),
            nano_usd=total("cost_nanousd_total", who),
            refused=refused,
        )
    return figures


def of_server(rows: list[Row]) -> dict[Who, Figures]:
    return {
        (row["group"]["tenant"], row["group"]["model"]): Figures(
            requests=row["requests"],
            prompt=row["prompt_tokens"],
            completion=row["completion_tokens"],
            # Exact: list prices are whole nano-USD per token.
            nano_usd=int(row["cost_pico_usd"]) // 1000,
            refused=row["refused"],
        )
        for row in rows
    }


def side_by_side(envoy: dict[Who, Figures], server: dict[Who, Figures]) -> str:
    """Within 100 columns, with a mark where both say the same."""
    head = f"{'calls':>5} {'prompt':>7} {'compl.':>7} {'cost USD':>10} {'ref':>3}"
    width = len(head)
    lines = [
        f"{'':20}  {'Envoy’s stats':^{width}}   {'the quota server':^{width}}".rstrip(),
        f"{'tenant':8} {'model':11}  {head}   {head}",
        "─" * (22 + 2 * width + 6),
    ]
    nothing = Figures()
    for who in sorted(envoy.keys() | server.keys()):
        lines.append(_line(*who, envoy.get(who, nothing), server.get(who, nothing)))
    lines.append(lines[2])
    lines.append(_line("total", "", sum(envoy.values(), nothing), sum(server.values(), nothing)))
    return "\n".join(lines)


def _line(tenant: str, model: str, envoy: Figures, server: Figures) -> str:
    mark = "✓" if envoy == server else "✗"
    return f"{tenant:8.8} {model:11.11}  {envoy.cells()}   {server.cells()}  {mark}"
