"""Processes of the benchmark: started on given cores, measured from the outside, gone when the run is."""

import ctypes
import os
import re
import resource
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None)


class Failure(Exception):
    """Ends the run: a figure that cannot be trusted is worse than none."""


def bound(cores: set[int]):
    """For a child about to start: to these cores, and to its parent's life."""

    def in_child():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, cores)

    return in_child


def run_pinned(command: list, cores: set[int], seconds: float) -> tuple[subprocess.CompletedProcess, int]:
    """Runs a command to its end; its output and its CPU time in nanoseconds."""

    def children_ns() -> int:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return round((used.ru_utime + used.ru_stime) * 1e9)

    before = children_ns()
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, preexec_fn=bound(cores))
    return done, children_ns() - before


class Process:
    """A child that dies with this one, even when this one is killed."""

    def __init__(self, name: str, command: list, cores: set[int], log: Path):
        self.name, self.log = name, log
        self.started = time.monotonic()
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, preexec_fn=bound(cores),
            )
        self.pid = self._child.pid

    def wait_until(self, what: str, probe, seconds: float = 20, pause: float = 0.001):
        """The first true answer of `probe`; a process that ends meanwhile, or takes too long, fails the run."""
        deadline = time.monotonic() + seconds
        while True:
            answer = probe()
            if answer:
                return answer
            if self._child.poll() is not None:
                raise Failure(f"{self.name} ended with {self._child.returncode}, not {what}\n{self.tail()}")
            if time.monotonic() > deadline:
                raise Failure(f"{self.name}: not {what} after {seconds} s\n{self.tail()}")
            time.sleep(pause)

    def alive(self) -> bool:
        return self._child.poll() is None

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self):
        if self.alive():
            self._child.terminate()
            try:
                self._child.wait(5)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._child.wait()

    def cpu(self) -> "Cpu":
        return Cpu.of(self.pid)

    def memory(self) -> dict[str, int]:
        """Resident bytes: all of them, and those that are not pages of a file (the heap, V8's code, linear memory)."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        fields = dict(re.findall(r"^(\w+):\s+(\d+) kB$", rollup, re.M))
        return {"rss": int(fields["Rss"]) * 1024, "anonymous": int(fields["Anonymous"]) * 1024}


@dataclass
class Cpu:
    """What a process has used so far."""

    on_cpu_ns: int  # user and system, to the nanosecond; all threads
    waiting_ns: int  # ready to run, but something else had the core
    user_ticks: int  # 10 ms each: only for the split
    system_ticks: int

    @staticmethod
    def of(pid: int) -> "Cpu":
        on_cpu = waiting = 0
        # /proc/PID/schedstat is the first thread's alone. Threads of Envoy and the server live as long as they do.
        for task in Path(f"/proc/{pid}/task").iterdir():
            ran, waited, _ = (task / "schedstat").read_text().split()
            on_cpu, waiting = on_cpu + int(ran), waiting + int(waited)
        # After the command's name, which may hold spaces: state is field 3, utime 14, stime 15 (proc_pid_stat(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return Cpu(on_cpu, waiting, int(fields[11]), int(fields[12]))

    def since(self, before: "Cpu") -> "Cpu":
        return Cpu(
            self.on_cpu_ns - before.on_cpu_ns, self.waiting_ns - before.waiting_ns,
            self.user_ticks - before.user_ticks, self.system_ticks - before.system_ticks,
        )

    @property
    def system_share(self) -> float | None:
        ticks = self.user_ticks + self.system_ticks
        return self.system_ticks / ticks if ticks else None


def steal_ticks(core: int) -> int:
    """What the hypervisor gave to others of this core's time, in 10 ms ticks: explains an odd round."""
    line = re.search(rf"^cpu{core} (.*)$", Path("/proc/stat").read_text(), re.M)
    return int(line[1].split()[7]) if line else 0
