"""What the quota server under the benchmark keeps its budgets in."""

import re
import socket
from pathlib import Path

from processes import Process


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class File:
    def __init__(self, folder: Path):
        self._path = folder / "store.db"

    @property
    def url(self) -> str:
        return f"sqlite:{self._path}"

    def bytes(self) -> int:
        """Of the file and its log."""
        return sum(path.stat().st_size for path in self._path.parent.glob(f"{self._path.name}*"))

    def cpu_ns(self) -> int:
        """Beside the server's."""
        return 0


class Redis(Process):
    """As durable as the file: each commit is on the disk before it is answered."""

    def __init__(self, binary: Path, cores: set[int], folder: Path):
        folder.mkdir(parents=True)
        self._port = free_port()
        log = folder / "redis.log"
        super().__init__(
            "Redis",
            [binary, "--port", self._port, "--bind", "127.0.0.1", "--dir", folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "always"],
            cores, log,
        )
        self.wait_until("ready", lambda: "Ready to accept connections" in log.read_text(errors="replace"))

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}"

    def bytes(self) -> int:
        """Of its memory."""
        with socket.create_connection(("127.0.0.1", self._port), 5) as connection:
            connection.sendall(b"INFO memory\r\n")
            return int(re.search(rb"used_memory:(\d+)", connection.recv(1 << 16))[1])

    def cpu_ns(self) -> int:
        return self.cpu().on_cpu_ns


class Nothing:
    """Of a server that keeps all it knows in its own memory."""

    def bytes(self) -> int:
        return 0

    def cpu_ns(self) -> int:
        return 0
