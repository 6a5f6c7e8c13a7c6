"""Envoys, servers and a Redis master are killed one after the other while clients call: the books stay true.

KILLS says how often (3 each in a test run; hundreds for some minutes of it).
"""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from calls import body
from harness import (
    CHAT,
    Envoy,
    ProcessRuntime,
    QuotaServer,
    Stack,
    StandIn,
    WatchedRedis,
    bill,
    paths,
    until,
)
from harness.bill import Bill
from policies import policy

KILLS = int(os.environ.get("KILLS", "3"))
PATIENCE = 40.0
"""For what becomes true soon on a machine that is not busy."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(120 + 60 * KILLS)]

LIMIT = 500_000_000
POLICY = policy(
    f"name: all, per: [tenant], limit: {LIMIT} tokens, window: 1d, when_unreachable: deny, lost_lease: spent"
).replace("dimensions:\n", "dimensions:\n  app: { header: x-app }\n")


@dataclass
class Life:
    """One Envoy process, and what its clients know of their calls."""

    envoy: Envoy
    name: str
    dead: bool = False
    answered: int = 0
    """Calls that had all of their answers."""
    reported: int = 0
    """So many of them were in the ledger when it was last waited for that."""


class Fleet:
    """Envoys, each with clients that go over to its successor when it dies."""

    def __init__(self, stack: Stack, tenant: str) -> None:
        self._stack, self._tenant = stack, tenant
        self._lives = [Life(envoy, f"envoy-{at}") for at, envoy in enumerate(stack.envoys)]
        self.dead: list[Life] = []
        self.statuses: set[int] = set()
        self._lock = threading.Lock()
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
                while not life.dead and not self._over.is_set():
                    self._call(http, life, stream=number % 2 == 0)
            time.sleep(0.02)

    def _call(self, http: httpx.Client, life: Life, stream: bool) -> None:
        try:
            status = http.post(CHAT, json=body(stream=stream, max_completion_tokens=30)).status_code
        except httpx.TransportError:
            time.sleep(0.05)  # its Envoy has died
            return
        with self._lock:
            self.statuses.add(status)
            life.answered += status == 200

    def kill(self, slot: int) -> None:
        life = self._lives[slot]
        life.dead = True
        life.envoy.kill()
        self.dead.append(life)
        self._stack.envoys.remove(life.envoy)
        envoy = self._stack.add_envoy()
        self._lives[slot] = Life(envoy, f"envoy-{len(self.dead) + len(self._lives)}")

    def reported(self) -> None:
        """Waits until all that was answered so far is in the ledger: something of each Envoy."""
        until(lambda: all(life.answered > 0 for life in self._lives), "each Envoy answers", within=PATIENCE)
        for life in self._lives:
            life.reported = life.answered
        done = lambda life: self._charged(life) >= life.reported
        until(lambda: all(map(done, self._lives)), "each Envoy reports", within=PATIENCE)

    def _charged(self, life: Life) -> int:
        try:
            return bill.of_server(self._stack.server, app=life.name).calls
        except httpx.HTTPStatusError:
            return 0  # its store can't be read just now

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
        _kill_and_compare(stack, "acme", [lambda _: _away(stack.server)])


def test_so_they_do_over_a_redis_whose_master_is_killed_too(tmp_path: Path, provider: StandIn) -> None:
    if not paths.redis():
        pytest.skip("there is no Redis")
    redis = WatchedRedis(tmp_path)
    runtime = ProcessRuntime()
    with Stack(runtime, tmp_path, provider, POLICY, 3, "3s", servers=2, store=redis.url) as stack:
        one_server = lambda kill: _away(stack.servers[kill % 2])
        _kill_and_compare(stack, "globex", [one_server, lambda _: redis.kill_master()])
    redis.stop()


def _away(server: QuotaServer) -> None:
    server.kill()
    time.sleep(0.4)
    until(lambda: _starts(server), "the server starts again", within=PATIENCE)


def _starts(server: QuotaServer) -> bool:
    """It ends where its store can't be used at that moment, as while a replica is behind, for whoever runs it to try again."""
    try:
        server.start()
        return True
    except RuntimeError:
        return False


def _kill_and_compare(stack: Stack, tenant: str, others: list[Callable[[int], None]]) -> None:
    """Kills an Envoy and each of the `others` in turn under load; the books are true afterwards."""
    with Fleet(stack, tenant) as fleet:
        for kill in range(KILLS):
            fleet.reported()
            fleet.kill(kill % 3)
            for other in others:
                time.sleep(0.5)
                other(kill)
        fleet.reported()
    # 503: the server was away, and no lease covered the call.
    assert {200} <= fleet.statuses <= {200, 503}
    stack.nothing_reserved(within=PATIENCE)

    for life in fleet.living:
        _agree(stack, tenant, life)
    for life in fleet.dead:
        served, _, charged = _sides(stack, tenant, life)
        assert 0 < life.reported <= charged.calls <= served.calls, f"{life.name}: {served}, {charged}"
        assert charged.tokens <= served.tokens

    [bucket] = stack.server.buckets("all")
    served, charged = bill.of_provider(stack.provider.seen(tenant)), bill.of_server(stack.server, tenant=tenant)
    print(f"{KILLS} kills each: {served.calls} calls of {served.tokens} tokens served, {charged.tokens} in")
    print(f"the ledger, {bucket['used']} charged to the budget, {bucket['lost']} of it for leases that died")
    # The budget has paid for all that the dead had not reported, and for nothing twice.
    assert bucket["used"] == charged.tokens + bucket["lost"]
    assert served.tokens <= bucket["used"]


def _agree(stack: Stack, tenant: str, life: Life) -> None:
    """A worker to which its server did not answer reports once it has waited for that and for its backoff."""
    agreed = lambda: len(set(_sides(stack, tenant, life))) == 1
    try:
        until(agreed, "", within=PATIENCE)
    except TimeoutError:
        served, envoys, servers = _sides(stack, tenant, life)
        assert served == envoys == servers, life.name


def _sides(stack: Stack, tenant: str, life: Life) -> tuple[Bill, Bill, Bill]:
    seen = [record for record in stack.provider.seen(tenant) if record["headers"].get("x-app") == life.name]
    stats = [life.envoy.stats()] if life.envoy.alive else []
    return (
        bill.of_provider(seen),
        bill.of_envoy(stats, tenant=tenant),
        bill.of_server(stack.server, app=life.name),
    )
