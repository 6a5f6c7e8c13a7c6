"""The quota server as a process."""

import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import httpx

from . import paths
from .guard import Guard
from .processes import Process
from .waiting import until

Row = dict[str, Any]
"""A row of `/v1/usage` or `/v1/budgets`."""


class QuotaServer:
    """A server, on a SQLite file of its own or on a `store`, which can be ended in any way and started again on the
    same ports."""

    def __init__(
        self,
        directory: Path,
        policy: str | Path,
        lease_ttl: str = "60s",
        grpc: str = "127.0.0.1:0",
        http: str = "127.0.0.1:0",
        guard: Guard | None = None,
        store: str | None = None,
    ) -> None:
        """`policy` is a file, or the text of one."""
        self.log = directory / "server.log"
        self.store = directory / "tollkeeper.sqlite"
        self._store_url = store or f"sqlite:{self.store}"
        self._lease_ttl = lease_ttl
        self._grpc, self._http = grpc, http
        self._guard = guard
        if isinstance(policy, Path):
            self.policy = policy
        else:
            self.policy = directory / "policy.yaml"
            self.policy.write_text(policy)
        self.start()

    def start(self) -> None:
        """Starts it, or starts it again."""
        before = self.log.stat().st_size if self.log.exists() else 0
        arguments = ["serve", "--policy", str(self.policy), "--store", self._store_url]
        arguments += ["--grpc", self._grpc, "--http", self._http, "--lease-ttl", self._lease_ttl]
        arguments += self._guard.server_options() if self._guard else []
        self.process = Process([paths.tollkeeper(), *arguments], self.log)
        ports = until(lambda: self._addresses(before), "the quota server listens")
        self._grpc, self._http = ports
        known = self._guard.http_client(self.http_port) if self._guard else {"base_url": self.http_url}
        self._client = httpx.Client(timeout=10, **known)
        until(lambda: self._client.get("/readyz").is_success, "the quota server is ready")

    def _addresses(self, since: int) -> tuple[str, str] | None:
        text = self.log.read_bytes()[since:].decode()
        if not self.process.alive:
            raise RuntimeError(f"the quota server ended:\n{text}")
        said = re.search(r"^listening grpc=(\S+) http=(\S+)$", text, re.MULTILINE)
        return (said[1], said[2]) if said else None

    @property
    def grpc_port(self) -> int:
        return int(self._grpc.rpartition(":")[2])

    @property
    def http_port(self) -> int:
        return int(self._http.rpartition(":")[2])

    @property
    def http_url(self) -> str:
        return f"http://{self._http}"

    def kill(self) -> None:
        self._client.close()
        self.process.kill()

    def stop(self) -> int:
        """Its exit status after SIGTERM."""
        self._client.close()
        return self.process.stop()

    def change_policy(self, text: str) -> None:
        """As an editor or a ConfigMap does it: a whole new file in place of the old."""
        new = self.policy.with_suffix(".new")
        new.write_text(text)
        new.rename(self.policy)
        self.process.signal(signal.SIGHUP)

    def usage(self, by: str = "tenant,model") -> list[Row]:
        rows: list[Row] = self._get("/v1/usage", by=by)["rows"]
        return rows

    def buckets(self, budget: str | None = None, **subject: str) -> list[Row]:
        """The open buckets of a budget (or of all) whose subject has all these values."""
        return [
            bucket
            for bucket in self._get("/v1/budgets")["buckets"]
            if budget in (None, bucket["budget"]) and subject.items() <= bucket["subject"].items()
        ]

    def used(self, budget: str, **subject: str) -> int:
        """What is used of the one open bucket of which this is so."""
        [bucket] = self.buckets(budget, **subject)
        return int(bucket["used"])

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command line, asking this server."""
        command = [paths.tollkeeper(), *words, "--server", self.http_url]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def policy_version(self) -> str:
        version: str = self._get("/v1/budgets")["policy_version"]
        return version

    def metrics(self) -> str:
        return self._client.get("/metrics").raise_for_status().text

    def _get(self, path: str, **parameters: str) -> Any:
        return self._client.get(path, params=parameters).raise_for_status().json()
