"""Prometheus' text form, as far as Envoy writes it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


class Samples:
    """All samples of one scrape."""

    def __init__(self, text: str) -> None:
        self._samples = list(_parse(text))

    def named(self, name: str, **labels: str) -> list[Sample]:
        """The samples of one name that have all these labels."""
        return [
            sample
            for sample in self._samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def total(self, name: str, **labels: str) -> int:
        """Their sum, 0 where there are none: a counter that never counted does not appear."""
        return int(sum(sample.value for sample in self.named(name, **labels)))


def _parse(text: str) -> Iterator[Sample]:
    for line in text.splitlines():
        if match := _LINE.match(line):
            labels = dict(_LABEL.findall(match["labels"] or ""))
            yield Sample(match["name"], labels, float(match["value"]))
