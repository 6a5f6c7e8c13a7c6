"""What a tenant consumed, as each of three sides has it: Envoy's stats, the quota server, the provider."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from .prometheus import Samples
from .quota_server import QuotaServer
from .stand_in import Record

PRICES = {  # pico-USD per token (list price in USD per million × 10⁶): input, cached input, output.
    "gpt-4o": (2_500_000, 1_250_000, 10_000_000),
    "gpt-4o-mini": (150_000, 75_000, 600_000),
}


@dataclass(frozen=True)
class Bill:
    """Calls that went to the provider, their tokens in disjoint classes, and their cost."""

    calls: int = 0
    uncached_input: int = 0
    cache_read: int = 0
    output_visible: int = 0
    reasoning: int = 0
    nano_usd: int = 0

    def __add__(self, other: "Bill") -> "Bill":
        return Bill(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Bill)))

    @property
    def prompt(self) -> int:
        return self.uncached_input + self.cache_read

    @property
    def completion(self) -> int:
        return self.output_visible + self.reasoning

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion


CLASSES = ("uncached_input", "cache_read", "output_visible", "reasoning")


def of_envoy(stats: Iterable[Samples], **labels: str) -> Bill:
    """The sum over Envoys."""
    bill = Bill()
    for samples in stats:
        bill += Bill(
            calls=samples.total("tollkeeper_requests_total", **labels),
            nano_usd=samples.total("tollkeeper_cost_nanousd_total", **labels),
            **{
                name: samples.total("tollkeeper_tokens_total", **{"class": name}, **labels)
                for name in CLASSES
            },
        )
    return bill


def of_server(server: QuotaServer, **labels: str) -> Bill:
    bill = Bill()
    for row in server.usage(by=",".join(labels)):
        if row["group"] == labels:
            bill += Bill(
                calls=row["requests"] - row["refused"],
                # Both sides add in pico-USD; list prices of these models are whole nano-USD per token.
                nano_usd=int(row["cost_pico_usd"]) // 1000,
                **{name: row["tokens"][name] for name in CLASSES},
            )
    return bill


def of_provider(records: Iterable[Record]) -> Bill:
    bill = Bill()
    for record in records:
        bill += Bill(calls=1) if record["usage"] is None else _of_usage(record)
    return bill


def _of_usage(record: Record) -> Bill:
    usage, (price_in, price_cached, price_out) = record["usage"], PRICES[record["model"]]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    uncached = usage["prompt_tokens"] - cached
    visible = usage["completion_tokens"] - reasoning
    cost = uncached * price_in + cached * price_cached + (visible + reasoning) * price_out
    return Bill(1, uncached, cached, visible, reasoning, cost // 1000)
