"""The quota server under the benchmark, and what it says was used."""

import json
import socket
import subprocess
import urllib.request
from pathlib import Path

from processes import Failure, Process


class QuotaServer(Process):
    def __init__(self, binary: Path, policy: Path, cores: set[int], folder: Path):
        folder.mkdir(parents=True)
        self.grpc_port, self.http_port = free_port(), free_port()
        self._binary = binary
        super().__init__(
            f"quota server ({folder.name})",
            [binary, "serve", "--policy", policy, "--store", f"sqlite:{folder / 'store.db'}",
             "--grpc", f"127.0.0.1:{self.grpc_port}", "--http", f"127.0.0.1:{self.http_port}"],
            cores, folder / "server.log",
        )
        self.wait_until("ready", self._ready)

    def _ready(self) -> bool:
        try:
            return self.get("/readyz") is not None
        except OSError:
            return False

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def usage(self) -> dict[str, int]:
        """Requests and tokens that it has on record, over all tenants and models."""
        said = subprocess.run(
            [self._binary, "usage", "--json", "--server", f"http://127.0.0.1:{self.http_port}"],
            capture_output=True, text=True, timeout=10,
        )
        if said.returncode != 0:
            raise Failure(f"tollkeeper usage: {said.stderr.strip()}")
        rows = json.loads(said.stdout)
        return {field: sum(row[field] for row in rows) for field in ("requests", "prompt_tokens", "completion_tokens")}

    def counters(self) -> dict[str, int]:
        """Its own Prometheus counters by name and labels, as they are written."""
        samples = (line.rsplit(" ", 1) for line in self.get("/metrics").splitlines() if not line.startswith("#"))
        return {name: int(value) for name, value in samples if "_total" in name}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
