"""An Envoy whose wall clock can be set while it runs."""

import struct
import subprocess
from pathlib import Path

from . import paths
from .processes import Process
from .runtimes import EnvoyProcess, ProcessRuntime, Running

SOURCE = Path(__file__).with_name("wall_clock.c")


class SettableClock(ProcessRuntime):
    """Runs Envoys by the machine's clock, until it is set."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._library, self._step = directory / "wall_clock.so", directory / "wall-clock-step"
        compiler = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self._library), str(SOURCE), "-ldl"]
        subprocess.run(compiler, check=True)
        self.set_ahead(0)

    def set_ahead(self, seconds: int) -> None:
        """From now on, of all Envoys; to the past if it is negative."""
        with self._step.open("r+b" if self._step.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))

    def start(self, arguments: list[str], directory: Path) -> Running:
        environment = {"LD_PRELOAD": str(self._library), "WALL_CLOCK_STEP": str(self._step)}
        return EnvoyProcess(Process([paths.envoy(), *arguments], directory / "envoy.out", environment))
