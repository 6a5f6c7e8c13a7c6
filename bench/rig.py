"""The rig: a mock provider, quota servers and Envoys on their cores, and a client to send calls through one of them."""

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from envoys import Envoy, configuration, envoy_binary, rate_limit, tollkeeper, wasm
from processes import Failure, Process, run_pinned
from server import OtherServer, QuotaServer
from stores import Redis
from workloads import Workload

ROOT = Path(__file__).resolve().parent.parent
VARIANTS = ("alone", "empty", "ratelimit", "tollkeeper", "counting")
WITH_SERVER = {"ratelimit", "tollkeeper", "counting"}

BUILT = ROOT / "target"
LOAD, SERVER = BUILT / "release/bench-load", BUILT / "release/tollkeeper"
OURS = BUILT / "tollkeeper.wasm"
MODULES = {"empty": BUILT / "empty-filter.wasm", "tollkeeper": OURS, "counting": OURS}


@dataclass
class Line:
    """One variant, running, and what was sent through it."""

    envoy: Envoy
    server: QuotaServer | None
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Rig:
    def __init__(self, variants: list[str], folder: Path, stack: ExitStack):
        self.variants, self.folder, self._stack = variants, folder, stack
        cores = sorted(os.sched_getaffinity(0))
        self.load_core, self.envoy_core = cores[0], cores[-1]
        self.envoy_binary = envoy_binary(ROOT)
        self._check_built()
        self._drives = 0
        log = folder / "provider"
        self.provider = self._start(Process("provider", [LOAD, "upstream"], {self.load_core}, log))
        self._provider_port = int(self.provider.wait_until("listening", lambda: log.read_text().strip()))

    def _check_built(self):
        needed = [LOAD] + [module for variant, module in MODULES.items() if variant in self.variants]
        needed += [SERVER] if WITH_SERVER & set(self.variants) else []
        missing = [str(path.relative_to(ROOT)) for path in needed if not path.exists()]
        if missing:
            raise Failure(f"not built: {', '.join(missing)}")

    def _start(self, process):
        self._stack.callback(process.stop)
        return process

    def server(self, variant: str, name: str) -> QuotaServer:
        return self.server_with(ROOT / f"bench/policies/{variant}.yaml", name)

    def server_with(
        self, policy: Path, name: str, cores: set[int] | None = None, store: Redis | None = None
    ) -> QuotaServer:
        return self._start(QuotaServer(SERVER, policy, cores or {self.load_core}, self.folder / name, store))

    def other_server(self, command: str, cores: set[int]) -> OtherServer:
        return self._start(OtherServer(command, cores, self.folder / "other-server.log"))

    def redis(self, cores: set[int]) -> Redis:
        return self._start(Redis(os.environ["REDIS_SERVER"], cores, self.folder / "redis"))

    def line(
        self, variant: str, name: str, server: QuotaServer | None, workers: int = 1, cores: set[int] | None = None
    ) -> Line:
        http_filter = {
            "alone": lambda: None,
            "empty": lambda: wasm("empty", MODULES["empty"], None),
            "ratelimit": rate_limit,
            "tollkeeper": lambda: tollkeeper(OURS),
            "counting": lambda: tollkeeper(OURS),
        }[variant]()
        config = configuration(self._provider_port, http_filter, server.grpc_port if server else None)
        folder = self.folder / name
        envoy = Envoy(self.envoy_binary, f"Envoy ({name})", config, cores or {self.envoy_core}, folder, workers)
        return Line(self._start(envoy), server)

    def drive(self, line: Line, workload: Workload, seconds: float) -> tuple[dict, int]:
        """Sends calls for a while: the client's report and its CPU time. A single wrong answer ends the run."""
        self._drives += 1
        command = [LOAD, "drive", line.envoy.address, "--connections", workload.connections, "--seed", self._drives,
                   "--duration-ms", round(seconds * 1000), *workload.arguments]
        done, cpu_ns = run_pinned(command, {self.load_core}, seconds + 30)
        if done.returncode != 0:
            raise Failure(f"{line.envoy.name}, {workload.key}: {done.stderr.strip()}\n{line.envoy.tail()}")
        said = json.loads(done.stdout)
        calls = said["requests"]
        if calls == 0 or said["by_status"] != {"200": calls}:
            raise Failure(f"{line.envoy.name}, {workload.key}: {calls} calls, answered {said['by_status']}")
        line.calls += calls
        line.prompt_tokens += calls * said["prompt_tokens"]
        line.completion_tokens += calls * said["completion_tokens"]
        return said, cpu_ns
