"""Programs in the background: their output kept, and none of them outliving us."""

import atexit
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

_running: list["Process"] = []


class Process:
    """A program that runs until it is stopped. Its output goes to a file."""

    def __init__(
        self, arguments: list[str | Path], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})},
                # Ctrl-C at a terminal is for us: we stop what we started, in order.
                start_new_session=True,
            )
        _running.append(self)

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            self._popen.send_signal(number)

    def wait(self, within: float = 10.0) -> int:
        """The exit status; negative for the signal that ended it."""
        status = self._popen.wait(within)
        if self in _running:
            _running.remove(self)
        return status

    def kill(self) -> None:
        """As a crash would end it: at once, with nothing said."""
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """Asks it to end, and insists after a while."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL


def stop_everything() -> None:
    """Ends whatever is still running, the latest first."""
    for process in reversed(_running.copy()):
        process.kill()


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def leave_nothing_behind() -> None:
    """Has everything ended when this program ends: by itself, by an exception, or because it is told to."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)


atexit.register(stop_everything)
