"""The quota server under the benchmark, and what it says was used."""

import json
import re
import shlex
import socket
import urllib.request
from collections import Counter
from pathlib import Path

from processes import Process
from stores import File, Nothing, Redis, free_port


class QuotaServer(Process):
    def __init__(self, binary: Path, policy: Path, cores: set[int], folder: Path, store: File | Redis | None = None):
        folder.mkdir(parents=True)
        log, self.store = folder / "server.log", store or File(folder)
        super().__init__(
            f"quota server ({folder.name})",
            [binary, "serve", "--policy", policy, "--store", self.store.url,
             "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"],
            cores, log,
        )
        said = r"^listening grpc=127\.0\.0\.1:(\d+) http=127\.0\.0\.1:(\d+)$"
        ports = self.wait_until("listening", lambda: re.search(said, log.read_text(), re.M))
        self.grpc_port, self._http_port = int(ports[1]), int(ports[2])
        self.wait_until("ready", self._ready)

    def _ready(self) -> bool:
        try:
            return bool(self._get("/readyz"))
        except OSError:
            return False

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._http_port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def usage(self) -> dict:
        """The ledger's totals."""
        return json.loads(self._get("/v1/usage"))["total"]

    def used(self) -> dict[str, int]:
        """Per budget, what is charged in all its buckets, in its own unit."""
        sums = Counter()
        for bucket in json.loads(self._get("/v1/budgets"))["buckets"]:
            sums[bucket["budget"]] += bucket["used"]
        return dict(sums)

    def counters(self) -> dict[str, int]:
        """Its own Prometheus counters by name and labels, as they are written."""
        samples = (line.rsplit(" ", 1) for line in self._get("/metrics").splitlines() if not line.startswith("#"))
        return {name: int(value) for name, value in samples if "_total" in name}


class OtherServer(Process):
    """Somebody else's, of Envoy's rate limit protocol, by its command line."""

    def __init__(self, command: str, cores: set[int], log: Path):
        self.grpc_port, self.store = free_port(), Nothing()
        words = [word.replace("{port}", str(self.grpc_port)) for word in shlex.split(command)]
        super().__init__(f"rate limit server ({words[0]})", words, cores, log)
        self.wait_until("listening", self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.grpc_port)) == 0
