#!/usr/bin/env python3
"""What budgets cost: per call in Envoy, between workers, between Envoys and the server, and in the server itself.

Four tables. Variants take turns, slice by slice, as in run.py; figures are medians over the rounds. The calls come from
`bench-load drive` through real Envoys, the server's own load from `bench-load ask`, which speaks for many Envoys.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from machine import facts
from processes import Failure, run_pinned
from rig import BUILT, LOAD, Line, Rig
from server import OtherServer, QuotaServer
from workloads import Workload

CALL = Workload("0.3 kB", 16, ("--prompt", 300), 1.0)
BUDGETS = (0, 1, 4, 8)
WORKERS = (1, 2, 4, 8)
ENVOYS = (1, 2, 4)
TENANTS = (1_000, 100_000)  # a million take some minutes to open: --tenants 1000000

DIMENSIONS = ("tenant", "team", "user", "app")


def policy(folder: Path, budgets: int, limit: str = "1000000000000 tokens") -> Path:
    """So many budgets, by turns over the dimensions that the bench's calls carry."""
    dimensions = "".join(f"  {name}: {{ header: x-{'tenant-id' if name == 'tenant' else name} }}\n" for name in DIMENSIONS)
    lines = "".join(
        f"  - {{ name: b{at}, per: [{DIMENSIONS[at % 4]}], limit: {limit}, window: 1d }}\n" for at in range(budgets)
    )
    return _written(folder / f"budgets-{budgets}.yaml", f"dimensions:\n{dimensions}budgets:\n{lines or '  []'}\n")


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def cpu_per_call(rig: Rig, line: Line, seconds: float) -> float:
    """Microseconds of Envoy's CPU time."""
    rig.drive(line, CALL, seconds / 4)
    before = line.envoy.cpu()
    said, _ = rig.drive(line, CALL, seconds)
    return line.envoy.cpu().since(before).on_cpu_ns / said["requests"] / 1e3


def turns(rig: Rig, lines: dict[int, Line], rounds: int, seconds: float) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {number: [] for number in lines}
    for turn in range(rounds):
        order = list(lines)[turn % len(lines):] + list(lines)[: turn % len(lines)]
        for number in order:
            found[number].append(cpu_per_call(rig, lines[number], seconds))
    return found


def admission(rig: Rig, rounds: int, seconds: float) -> list[dict]:
    """CPU time of a call that so many budgets have to admit, out of warm leases."""
    lines = {}
    for count in BUDGETS:
        server = rig.server_with(policy(rig.folder, count), f"server-budgets-{count}")
        lines[count] = rig.line("tollkeeper", f"budgets-{count}", server)
    found = turns(rig, lines, rounds, seconds)
    for line in lines.values():
        line.envoy.stop()
    base = found[0]
    return [
        {"budgets": count, "us_per_call": statistics.median(found[count]),
         "added_us": statistics.median(us - without for us, without in zip(found[count], base))}
        for count in BUDGETS
    ]


def contention(rig: Rig, rounds: int, seconds: float) -> list[dict]:
    """CPU time of a call where so many workers take from the same four leases; all on one core."""
    server = rig.server_with(policy(rig.folder, 4), "server-workers")
    lines = {workers: rig.line("tollkeeper", f"workers-{workers}", server, workers) for workers in WORKERS}
    alone = {workers: rig.line("alone", f"alone-{workers}", None, workers) for workers in WORKERS}
    found, without = turns(rig, lines, rounds, seconds), turns(rig, alone, rounds, seconds)
    for line in (*lines.values(), *alone.values()):
        line.envoy.stop()
    return [
        {"workers": workers, "us_per_call": statistics.median(found[workers]),
         "envoy_alone_us": statistics.median(without[workers]),
         "added_us": statistics.median(found[workers]) - statistics.median(without[workers])}
        for workers in WORKERS
    ]


def asked(rig: Rig, rounds: int, seconds: float) -> list[dict]:
    """Questions and reports to the server per thousand calls, in steady state."""
    rows = []
    for count in ENVOYS:
        server = rig.server_with(policy(rig.folder, 4), f"server-fleet-{count}")
        lines = [rig.line("tollkeeper", f"fleet-{count}-{at}", server, workers=2) for at in range(count)]
        for line in lines:
            rig.drive(line, CALL, seconds)
        before, calls = server.counters(), 0
        for _ in range(rounds):
            for line in lines:
                calls += rig.drive(line, CALL, seconds)[0]["requests"]
        after = server.counters()
        messages = {
            kind: sum(value - before.get(name, 0) for name, value in after.items() if name.startswith(f"tollkeeper_server_{kind}"))
            for kind in ("acquires_total", "syncs_total")
        }
        for line in lines:
            line.envoy.stop()
        rows.append({
            "envoys": count, "calls": calls,
            "acquires_per_1000": 1000 * messages["acquires_total"] / calls,
            "syncs_per_1000": 1000 * messages["syncs_total"] / calls,
        })
    return rows


def ask(rig: Rig, server: QuotaServer | OtherServer, what: str, seconds: float, *more) -> dict:
    command = [LOAD, "ask", f"http://127.0.0.1:{server.grpc_port}", "--what", what,
               "--duration-ms", round(seconds * 1000), *more]
    done, _ = run_pinned(command, {rig.load_core}, seconds + 60)
    if done.returncode != 0:
        raise Failure(f"{server.name}, {what}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def serving(
    rig: Rig, rounds: int, seconds: float, tenant_counts: tuple[int, ...] = TENANTS, other: str | None = None
) -> list[dict]:
    """Servers under `bench-load ask`, by turns, on a core of their own (and of Redis'); `other` is somebody else's."""
    text = "dimensions:\n  tenant: { header: x-tenant-id }\nbudgets:\n" \
        "  - { name: tenant, per: [tenant], limit: 1000000000000 tokens, window: 1d }\n"
    policy, cores = _written(rig.folder / "serving.yaml", text), {rig.envoy_core}
    servers = {"sqlite": rig.server_with(policy, "server-serving-sqlite", cores)}
    if os.environ.get("REDIS_SERVER"):
        servers["redis"] = rig.server_with(policy, "server-serving-redis", cores, rig.redis(cores))
    if other:
        servers["other"] = rig.other_server(other, cores)
    rows, first = [], 0
    for tenants in tenant_counts:
        answers = {name: ("rate-limit",) if name == "other" else ("acquire", "sync", "rate-limit") for name in servers}
        # Each has its bucket before anything is measured.
        opened = {name: ask(rig, server, answers[name][0], 600, "--requests", tenants, "--tenants", tenants,
                            "--first", first, "--envoys", 64) for name, server in servers.items()}
        memory = {name: (server.memory()["rss"], server.store.bytes()) for name, server in servers.items()}
        found: dict[tuple[str, str], list[dict]] = {(name, what): [] for name in servers for what in answers[name]}
        for turn in range(rounds):
            order = list(found)[turn % len(found):] + list(found)[: turn % len(found)]
            for name, what in order:
                server, first = servers[name], first + 10_000_000
                before, store_before = server.cpu(), server.store.cpu_ns()
                one = ask(rig, server, what, seconds, "--tenants", tenants, "--first", first, "--envoys", 64)
                one["server_us"] = server.cpu().since(before).on_cpu_ns / one["requests"] / 1e3
                one["store_us"] = (server.store.cpu_ns() - store_before) / one["requests"] / 1e3
                found[name, what].append(one)
        for (name, what), said in found.items():
            median = lambda value: statistics.median(map(value, said))
            rows.append({
                "server": name, "buckets": tenants, "what": what,
                "per_s": median(lambda one: one["requests"] / one["seconds"]),
                "p50_ms": median(lambda one: one["latency"]["p50"]) / 1e3,
                "p99_ms": median(lambda one: one["latency"]["p99"]) / 1e3,
                "server_us": median(lambda one: one["server_us"]), "store_us": median(lambda one: one["store_us"]),
                "server_mb": memory[name][0] / 1e6, "store_mb": memory[name][1] / 1e6,
                "opened_per_s": opened[name]["requests"] / opened[name]["seconds"],
            })
    for server in servers.values():
        server.stop()
    return rows


TABLES = {"admission": admission, "contention": contention, "asked": asked, "serving": serving}


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def table(rows: list[dict]) -> str:
    columns = list(rows[0])
    cells = [columns] + [
        [f"{row[column]:,.1f}" if isinstance(row[column], float) else f"{row[column]}" for column in columns] for row in rows
    ]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    return "\n".join("  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths)) for line in cells)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=",".join(TABLES), help="some of %(default)s")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one slice")
    parser.add_argument("--tenants", type=_numbers, default=TENANTS, help="buckets in the server's table")
    parser.add_argument("--rate-limit-server", metavar="COMMAND",
                        help="a server that answers Envoy's rate limit protocol, to be measured beside ours; {port} in it is "
                             "replaced by the one it is to listen on")
    parser.add_argument("--output", type=Path, default=BUILT / "bench-quota.json")
    options = parser.parse_args()
    names = options.tables.split(",")
    if unknown := set(names) - set(TABLES):
        parser.error(f"unknown tables: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that what was started is stopped

    found = {}
    try:
        with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as folder, ExitStack() as stack:
            rig = Rig(["alone", "tollkeeper"], Path(folder), stack)
            machine = facts(rig)
            for name in names:
                more = {"tenant_counts": options.tenants, "other": options.rate_limit_server} if name == "serving" else {}
                found[name] = TABLES[name](rig, options.rounds, options.seconds, **more)
                print(f"{name}: {TABLES[name].__doc__}\n{table(found[name])}\n", flush=True)
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    options.output.write_text(json.dumps({"machine": machine, "tables": found}, indent=1) + "\n")
    print(f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, commit {machine['commit']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
