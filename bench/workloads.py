"""What is sent, and for how long a slice of it lasts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    name: str
    connections: int
    arguments: tuple
    seconds: float  # of one slice in a full run
    stream: bool = False

    @property
    def key(self) -> str:
        return f"{self.name}, {self.connections} conn"


def _workloads():
    for size, bytes_ in (("0.3 kB", 300), ("2 kB", 2_000), ("32 kB", 32_000)):
        for connections, seconds in ((16, 1.2), (1, 0.8)):
            yield Workload(size, connections, ("--prompt", bytes_), seconds)
    yield Workload("400 kB", 16, ("--prompt", 400_000), 1.5)
    for connections, seconds in ((16, 1.2), (1, 0.8)):
        yield Workload("stream", connections, ("--prompt", 2_000, "--stream"), seconds, stream=True)
    # One such stream takes 0.3 s.
    for connections, seconds in ((16, 1.5), (1, 1.5)):
        arguments = ("--prompt", 2_000, "--stream", "--pace-ms", 3)
        yield Workload("paced stream", connections, arguments, seconds, stream=True)


WORKLOADS = tuple(_workloads())


@dataclass(frozen=True)
class Mode:
    """How much is done of everything."""

    rounds: int
    slice_scale: float
    warm_seconds: float  # before each slice, not measured
    memory_repeats: int
    start_repeats: int


MODES = {
    "full": Mode(rounds=6, slice_scale=1.0, warm_seconds=0.15, memory_repeats=3, start_repeats=5),
    "quick": Mode(rounds=2, slice_scale=0.25, warm_seconds=0.05, memory_repeats=1, start_repeats=3),
}
