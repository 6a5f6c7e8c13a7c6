"""From raw rounds to medians, and from medians to the table on screen."""

import statistics
from collections import defaultdict

from workloads import WORKLOADS

NAMES = {
    "alone": "Envoy alone", "empty": "+ empty wasm filter", "ratelimit": "+ Envoy's rate-limit filter",
    "tollkeeper": "+ Tollkeeper", "counting": "+ Tollkeeper, count: always",
}


def summary(measured: dict, variants: list[str]) -> dict:
    return {
        "workloads": {workload.key: of_workload(measured["rounds"], workload.key, variants) for workload in WORKLOADS},
        "idle_us_per_s": measured["idle_us_per_s"],
        "memory": of_memory(measured["memory"]),
        "starts": medians_by(measured["starts"], "variant"),
        "noise": of_noise(measured["rounds"]),
    }


def of_workload(rows: list[dict], workload: str, variants: list[str]) -> dict:
    """Per variant, the median of each figure over the rounds, and its CPU time as a ratio to Envoy alone.

    The ratio is taken within each round, then its median and extremes: what slows a whole round cancels out.
    """
    rows = [row for row in rows if row["workload"] == workload]
    alone = {row["round"]: row["envoy_us"] for row in rows if row["variant"] == "alone"}
    result = {}
    for variant in variants:
        mine = [row for row in rows if row["variant"] == variant]
        if not mine:  # takes no part in this one
            continue
        figures = {
            name: median(row[name] for row in mine)
            for name, value in mine[0].items() if isinstance(value, (int, float)) and name != "round"
        }
        for times in ("latency", "first_chunk", "gap", "transit"):
            if mine[0].get(times):
                figures[times] = {name: median(row[times][name] for row in mine) for name in mine[0][times]}
        if alone:
            ratios = sorted(row["envoy_us"] / alone[row["round"]] for row in mine)
            figures["ratio"] = {"median": median(ratios), "least": ratios[0], "most": ratios[-1]}
        result[variant] = figures
    return result


def of_noise(rows: list[dict]) -> dict:
    """How much others were in the way: a large figure is a reason to measure again, not to explain."""
    return {
        "envoy_waited": median(row["envoy_waited"] for row in rows),
        "envoy_waited_most": max(row["envoy_waited"] for row in rows),
        "stolen_ms": sum(row["envoy_core_stolen_ms"] for row in rows),
    }


def of_memory(rows: list[dict]) -> dict:
    """What a module adds to Envoy: once a process (compiled code, the main thread's VM), and with each worker."""
    used = defaultdict(list)
    for row in rows:
        for kind, count in row["used"].items():
            used[row["variant"], row["workers"], kind].append(count)
    used = {key: median(counts) for key, counts in used.items()}
    result = {}
    for variant in dict.fromkeys(row["variant"] for row in rows):
        result[variant] = {}
        for kind in ("rss", "anonymous"):
            one, two = (used[variant, workers, kind] for workers in (1, 2))
            figures = {"one_worker": one, "two_workers": two}
            if variant != "alone" and ("alone", 1, kind) in used:
                added_one, added_two = one - used["alone", 1, kind], two - used["alone", 2, kind]
                figures |= {"added_per_worker": added_two - added_one, "added_once": 2 * added_one - added_two}
            result[variant][kind] = figures
    return result


def medians_by(rows: list[dict], by: str) -> dict:
    groups = defaultdict(list)
    for row in rows:
        groups[row[by]].append(row)
    return {
        key: {name: median(row[name] for row in group) for name in group[0] if name != by}
        for key, group in groups.items()
    }


def median(values) -> float:
    return statistics.median(value for value in values if value is not None)


def table(found: dict) -> str:
    lines = []
    for workload in WORKLOADS:
        figures = found["workloads"][workload.key]
        lines += ["", *(stream_block if workload.stream else call_block)(workload, figures)]
    lines += ["", *memory_block(found["memory"]), "", *start_block(found["starts"], found["idle_us_per_s"])]
    noise = found["noise"]
    lines += [
        "",
        f"For a second of running, Envoy waited {noise['envoy_waited']:.2f} s for its core (median of the slices; "
        f"at most {noise['envoy_waited_most']:.2f}); the hypervisor took {noise['stolen_ms']} ms of that core.",
    ]
    return "\n".join(lines)


def call_block(workload, figures):
    title = f"{workload.name} prompt, {connections(workload)}"
    yield head(title, "CPU µs", "× alone", "(range)", "server µs", "calls/s", "p50 µs", "p99 µs", "load core")
    for variant, row in figures.items():
        yield line(variant, number(row["envoy_us"]), *ratio(row), number(row["server_us"]), number(row["calls_per_s"]),
                   number(row["latency"]["p50"]), number(row["latency"]["p99"]), percent(row["load_core_busy"]))


def stream_block(workload, figures):
    title = f"100-chunk stream, {'3 ms apart' if 'paced' in workload.name else 'back to back'}, {connections(workload)}"
    yield head(title, "CPU µs", "× alone", "(range)", "server µs", "streams/s", "µs/chunk", "first p50", "gap p50",
               "gap p99", "way p50", "way p99", "load core")
    for variant, row in figures.items():
        yield line(variant, number(row["envoy_us"]), *ratio(row), number(row["server_us"]), number(row["calls_per_s"]),
                   number(row["envoy_us_per_chunk"]), number(row["first_chunk"]["p50"]), number(row["gap"]["p50"]),
                   number(row["gap"]["p99"]), number(row["transit"]["p50"]), number(row["transit"]["p99"]),
                   percent(row["load_core_busy"]))


def memory_block(memory):
    yield head("Resident memory after load, MB", "1 worker", "2 workers", "+/worker", "+ once", "(heap)", "(heap)")
    for variant, kinds in memory.items():
        added = [kinds[kind].get(name) for kind in ("rss", "anonymous") for name in ("added_per_worker", "added_once")]
        yield line(variant, megabytes(kinds["rss"]["one_worker"]), megabytes(kinds["rss"]["two_workers"]),
                   *("" if count is None else megabytes(count) for count in added))


def start_block(starts, idle):
    yield head("Start, ms", "ready", "CPU", "answers", "1st call", "2nd call", "idle µs/s")
    for variant, row in starts.items():
        yield line(variant, number(row["ready_ms"]), number(row["ready_cpu_ms"]), number(row["answer_ms"]),
                   number(row["first_call_ms"]), number(row["second_call_ms"]), number(idle[variant]))


def connections(workload) -> str:
    return "1 connection" if workload.connections == 1 else f"{workload.connections} connections"


def head(title: str, *columns: str) -> str:
    return f"{title:<48}" + "".join(f"{column:>12}" for column in columns)


def line(variant: str, *columns: str) -> str:
    return f"  {NAMES[variant]:<46}" + "".join(f"{column:>12}" for column in columns)


def ratio(row) -> tuple[str, str]:
    if "ratio" not in row:
        return "", ""
    found = row["ratio"]
    return f"{found['median']:.2f}", f"{found['least']:.2f}-{found['most']:.2f}"


def number(value: float) -> str:
    """Three digits that count, more before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def percent(share: float) -> str:
    return f"{share:.0%}"


def megabytes(count: float) -> str:
    return f"{count / 1e6:.1f}"
