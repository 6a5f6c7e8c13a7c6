"""The stand-in for a provider, and its side of the bill."""

from pathlib import Path
from typing import Any

import httpx

from . import paths
from .processes import Process
from .recordings import Recording
from .waiting import until

Record = dict[str, Any]
"""One call as the stand-in saw it; tests/provider/src/seen.rs says what is in it."""


class StandIn:
    def __init__(self, directory: Path, listen: str = "127.0.0.1:0") -> None:
        log = directory / "provider.log"
        self.process = Process([paths.stand_in(), "--listen", listen], log)
        self.port = int(
            until(lambda: _first_line(log, self.process), "the stand-in serves").rpartition(":")[2]
        )
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)

    def seen(self, tenant: str | None = None) -> list[Record]:
        """The calls so far, in the order of arrival; of one tenant, or of all."""
        records: list[Record] = self._client.get("/_seen").raise_for_status().json()
        return [
            record for record in records if tenant is None or record["headers"].get("x-tenant-id") == tenant
        ]

    def keep(self, recording: Recording) -> None:
        """Has it ready for calls that ask for it with `recording=ID`."""
        headers = {f"x-recorded-{name}": value for name, value in recording.headers.items()}
        headers["x-recorded-status"] = str(recording.status)
        self._client.put(
            f"/_recordings/{recording.id}", content=recording.answer, headers=headers
        ).raise_for_status()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._client.close()
        self.process.stop()


def _first_line(log: Path, process: Process) -> str | None:
    text = log.read_text()
    if not process.alive:
        raise RuntimeError(f"it ended: {text}")
    return text.splitlines()[0] if "\n" in text else None
