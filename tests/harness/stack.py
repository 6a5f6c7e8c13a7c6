"""Everything together: a provider stand-in, a quota server, and Envoys with the filter in between."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from openai import OpenAI

from . import bill
from .bill import Bill
from .envoy import Envoy
from .envoy_config import Config, EnvoyOptions
from .guard import Guard
from .quota_server import QuotaServer, Row
from .runtimes import Runtime
from .stand_in import StandIn
from .waiting import until

TICK_MS = 100
"""How often workers report in tests."""

CHAT = "/v1/chat/completions"


class Stack:
    """Use it as a context manager: leaving it ends what it started."""

    def __init__(
        self,
        runtime: Runtime,
        directory: Path,
        provider: StandIn,
        policy: str,
        envoys: int = 1,
        lease_ttl: str = "60s",
        plugin: dict[str, Any] | None = None,
        edit: Callable[[Config], None] | None = None,
        guard: Guard | None = None,
        servers: int = 1,
        store: str | None = None,
    ) -> None:
        """Several servers need a `store` that they can share."""
        self.provider = provider
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._runtime = runtime
        self._plugin = {"tick_ms": TICK_MS} | (plugin or {})
        self._edit = edit
        self.envoys: list[Envoy] = []
        with ExitStack() as started:
            self.servers: list[QuotaServer] = []
            for at in range(servers):
                home = directory / f"server-{at}" if at else directory
                home.mkdir(exist_ok=True)
                self.servers.append(QuotaServer(home, policy, lease_ttl, guard=guard, store=store))
                started.callback(self.servers[-1].stop)
            started.callback(self._stop_envoys)
            for _ in range(envoys):
                self.add_envoy()
            self._started = started.pop_all()

    def add_envoy(self) -> Envoy:
        """One more, which the stack ends with the others unless it has ended before."""
        name = f"e2e-{len(self.envoys)}"
        options = EnvoyOptions(
            provider_port=self.provider.port,
            quota_ports=[server.grpc_port for server in self.servers],
            node=name,
            plugin=self._plugin,
            edit=self._edit,
        )
        self.envoys.append(Envoy(self._runtime, self.directory / name, options))
        return self.envoys[-1]

    def restart_envoy(self) -> None:
        """Kills the latest Envoy, and starts it again under the same name."""
        self.envoys.pop().kill()
        self.add_envoy()

    def _stop_envoys(self) -> None:
        for envoy in self.envoys:
            envoy.stop()

    @property
    def server(self) -> QuotaServer:
        return self.servers[0]

    @property
    def envoy(self) -> Envoy:
        return self.envoys[0]

    def __enter__(self) -> "Stack":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._started.close()

    # Clients

    def http(self, tenant: str, steer: str = "", at: int = 0) -> httpx.Client:
        """A plain HTTP client of one Envoy; `steer` tells the stand-in how to answer."""
        return httpx.Client(base_url=self.envoys[at].url, headers=_headers(tenant, steer), timeout=30)

    def openai(self, tenant: str, steer: str = "", at: int = 0, **options: Any) -> OpenAI:
        """The official SDK as a client of one Envoy."""
        base_url = f"{self.envoys[at].url}/v1"
        return OpenAI(
            api_key="sk-test", base_url=base_url, default_headers=_headers(tenant, steer), **options
        )

    # The three sides

    def bills(self, tenant: str) -> dict[str, Bill]:
        return {
            "Envoy": bill.of_envoy((envoy.stats() for envoy in self.envoys if envoy.alive), tenant=tenant),
            "server": bill.of_server(self.server, tenant=tenant),
        }

    def agreed(self, tenant: str, calls: int, within: float = 8.0) -> Bill:
        """The bill of so many calls, once all three sides have it; AssertionError if they never agree."""
        return self._agreed(
            lambda: self.bills(tenant) | {"provider": bill.of_provider(self.provider.seen(tenant))},
            calls,
            within,
        )

    def charged(self, tenant: str, calls: int, within: float = 8.0) -> Bill:
        """As `agreed`, between Envoy and the server alone: of calls whose cost the provider does not say."""
        return self._agreed(lambda: self.bills(tenant), calls, within)

    def _agreed(self, ask: Callable[[], dict[str, Bill]], calls: int, within: float) -> Bill:
        bills: dict[str, Bill] = {}

        def check() -> bool:
            bills.update(ask())
            return len(set(bills.values())) == 1 and bills["server"].calls == calls

        try:
            until(check, "", within)
        except TimeoutError:
            sides = "\n".join(f"  {side:>8}: {said}" for side, said in bills.items())
            raise AssertionError(f"no agreement on {calls} calls:\n{sides}") from None
        return bills["server"]

    def outcomes(self, tenant: str) -> dict[str, int]:
        """How a tenant's calls ended, as the server has it."""
        rows = self.server.usage("tenant,outcome")
        return {row["group"]["outcome"]: row["requests"] for row in rows if row["group"]["tenant"] == tenant}

    def nothing_reserved(self, within: float = 12.0, **subject: str) -> bool:
        """Waits until no Envoy holds anything of a budget: leases come back 5 s after their last use."""

        def held() -> list[Row]:
            return [bucket for bucket in self.server.buckets(**subject) if bucket["outstanding"]]

        try:
            return until(lambda: not held(), "", within)
        except TimeoutError:
            raise AssertionError(f"still reserved: {held()}") from None


def _headers(tenant: str, steer: str) -> dict[str, str]:
    return {"x-tenant-id": tenant} | ({"x-stand-in": steer} if steer else {})
