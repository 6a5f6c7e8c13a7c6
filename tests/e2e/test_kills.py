"""Servers and Envoys are killed one after the other while clients call: the books stay true.

KILLS says how often (3 each in a test run; hundreds for some minutes of it).
"""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from calls import body
from harness import CHAT, Envoy, ProcessRuntime, Stack, StandIn, bill
from harness.bill import Bill
from policies import policy

KILLS = int(os.environ.get("KILLS", "3"))
REPORTED_S = 1.0
"""After this a call that has ended is in the ledger, if Envoy and server live: ten ticks."""

LIMIT = 500_000_000
POLICY = policy(
    f"name: all, per: [tenant], limit: {LIMIT} tokens, window: 1d, when_unreachable: deny, lost_lease: spent"
).replace("dimensions:\n", "dimensions:\n  app: { header: x-app }\n")


@dataclass
class Life:
    """One Envoy process, and what its clients know of their calls."""

    envoy: Envoy
    name: str
    killed_at: float | None = None
    ends: list[float] = field(default_factory=list)
    """When calls ended, or were broken off by its death."""


class Fleet:
    """Envoys, each with clients that go over to its successor when it dies."""

    def __init__(self, stack: Stack, tenant: str) -> None:
        self._stack, self._tenant = stack, tenant
        self._lives = [Life(envoy, f"envoy-{at}") for at, envoy in enumerate(stack.envoys)]
        self.dead: list[Life] = []
        self.statuses: set[int] = set()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._client, args=(slot, number))
            for slot in range(len(self._lives))
            for number in range(4)
        ]

    @property
    def living(self) -> list[Life]:
        return self._lives

    def _client(self, slot: int, number: int) -> None:
        while not self._over.is_set():
            life = self._lives[slot]
            headers = {"x-tenant-id": self._tenant, "x-app": life.name, "x-stand-in": "tokens=20; gap_ms=2"}
            with httpx.Client(base_url=life.envoy.url, headers=headers, timeout=10) as http:
                while life.killed_at is None and not self._over.is_set():
                    self._call(http, life, stream=number % 2 == 0)
            time.sleep(0.02)

    def _call(self, http: httpx.Client, life: Life, stream: bool) -> None:
        try:
            self.statuses.add(http.post(CHAT, json=body(stream=stream, max_completion_tokens=30)).status_code)
        except httpx.TransportError:
            time.sleep(0.05)  # its Envoy has died
        life.ends.append(time.monotonic())

    def kill(self, slot: int) -> None:
        life = self._lives[slot]
        life.killed_at = time.monotonic()
        life.envoy.kill()
        self.dead.append(life)
        self._stack.envoys.remove(life.envoy)
        envoy = self._stack.add_envoy()
        self._lives[slot] = Life(envoy, f"envoy-{len(self.dead) + len(self._lives)}")

    def __enter__(self) -> "Fleet":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_the_books_stay_true_whoever_is_killed(tmp_path: Path, provider: StandIn) -> None:
    with Stack(ProcessRuntime(), tmp_path, provider, POLICY, envoys=3, lease_ttl="3s") as stack:
        with Fleet(stack, "acme") as fleet:
            for kill in range(KILLS):
                time.sleep(REPORTED_S)
                fleet.kill(kill % 3)
                time.sleep(0.5)
                stack.server.kill()
                time.sleep(0.4)
                stack.server.start()
            time.sleep(REPORTED_S)
        # 503: the server was away, and no lease covered the call.
        assert {200} <= fleet.statuses <= {200, 503}
        stack.nothing_reserved(within=20)

        for life in fleet.living:
            served, envoys, servers = _sides(stack, life)
            assert served == envoys == servers, life.name
        for life in fleet.dead:
            served, _, charged = _sides(stack, life)
            assert life.killed_at is not None
            late = sum(end > life.killed_at - REPORTED_S for end in life.ends)
            assert 0 <= served.calls - charged.calls <= late, f"{life.name}: {served}, {charged}"
            assert charged.tokens <= served.tokens and charged.calls > 0

        [bucket] = stack.server.buckets("all")
        served, charged = bill.of_provider(provider.seen()), bill.of_server(stack.server, tenant="acme")
        print(f"{KILLS} kills each: {served.calls} calls of {served.tokens} tokens served, {charged.tokens} in")
        print(f"the ledger, {bucket['used']} charged to the budget, {bucket['lost']} of it for leases that died")
        # The budget has paid for all that the dead had not reported, and for nothing twice.
        assert bucket["used"] == charged.tokens + bucket["lost"]
        assert served.tokens <= bucket["used"]


def _sides(stack: Stack, life: Life) -> tuple[Bill, Bill, Bill]:
    seen = [record for record in stack.provider.seen() if record["headers"].get("x-app") == life.name]
    stats = [life.envoy.stats()] if life.envoy.alive else []
    return (
        bill.of_provider(seen),
        bill.of_envoy(stats, tenant="acme"),
        bill.of_server(stack.server, app=life.name),
    )
