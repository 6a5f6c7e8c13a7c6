"""A Redis master with two replicas, and a Sentinel that has one of them take over when the master dies."""

import socket
import subprocess
from pathlib import Path

from . import paths
from .processes import Process
from .waiting import until

NAME = "main"
DURABLE = ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"]


class WatchedRedis:
    """Whatever is answered is on the disks of the master and of both replicas, as long as servers use `url`.

    One would do if a master never lived on that the Sentinel has given up, as it does on a busy machine: the replica that
    has not taken over goes on following it for a while, and would vouch for what is lost.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._nodes: dict[int, Process] = {}
        first = _free_port()
        self._start(first)
        for _ in range(2):
            self._start(_free_port(), "--replicaof", "127.0.0.1", str(first))
        self._sentinel_port = _free_port()
        config = directory / "sentinel.conf"
        config.write_text(
            f"port {self._sentinel_port}\nbind 127.0.0.1\ndir {directory}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {first} 1\n"
            f"sentinel down-after-milliseconds {NAME} 500\nsentinel failover-timeout {NAME} 2000\n"
        )
        self._sentinel = Process([_server(), config, "--sentinel"], directory / "sentinel.log")
        until(lambda: self._known_replicas() == 2, "the Sentinel knows both replicas")
        self._wait_for_replicas()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._sentinel_port}?master={NAME}&wait=2"

    def _start(self, port: int, *more: str) -> None:
        home = self._directory / f"redis-{port}"
        home.mkdir(exist_ok=True)
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), *DURABLE, *more]
        self._nodes[port] = Process([_server(), *options], home / "redis.log")
        until(lambda: _ask(port, "PING") == "PONG", "Redis answers")

    def kill_master(self) -> None:
        """Has another take over, which the dead one then follows."""
        dead = self._master()
        self._nodes[dead].kill()
        until(lambda: self._master() != dead, "the Sentinel has named another master", within=40)
        self._start(dead, "--replicaof", "127.0.0.1", str(self._master()))
        self._wait_for_replicas()

    def _wait_for_replicas(self) -> None:
        """Until both have what is written now: to one that the master calls online, what was written since the snapshot it
        read may be sent only a second later. The first write may have been in the snapshot."""
        write = "SET key value\nDEL key\nWAIT 2 1000\n"
        counts = lambda: _ask(self._master(), commands=2 * write).splitlines()[2::3]
        until(lambda: counts() == ["2", "2"], "both replicas follow", within=40)

    def _master(self) -> int:
        """As the Sentinel has it now: it may find a master dead that is only slow."""
        return int(_ask(self._sentinel_port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME).split()[1])

    def _known_replicas(self) -> int:
        return _ask(self._sentinel_port, "SENTINEL", "REPLICAS", NAME).split().count("runid")

    def stop(self) -> None:
        for process in (self._sentinel, *self._nodes.values()):
            process.stop()


def _server() -> Path:
    found = paths.redis()
    assert found, "no redis-server"
    return found


def _ask(port: int, *words: str, commands: str = "") -> str:
    """What redis-cli prints for the words or, without any, for commands over one connection; nothing where nobody answers."""
    command = [str(_server().with_name("redis-cli")), "-p", str(port), *words]
    return subprocess.run(command, input=commands, capture_output=True, text=True, timeout=10).stdout.strip()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
