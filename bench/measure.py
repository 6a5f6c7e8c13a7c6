"""The measurements: slices in rounds, idling, memory, starting."""

import json
import sys
import time
from functools import partial

from envoys import DIMENSIONS
from processes import Failure, steal_ticks
from rig import Line, Rig
from server import QuotaServer
from workloads import WORKLOADS, Mode, Workload


def say(text: str):
    print(f"==> {text}", file=sys.stderr, flush=True)


def rounds(rig: Rig, lines: dict[str, Line], mode: Mode) -> list[dict]:
    """All variants under all workloads, in turns."""
    for variant, line in lines.items():
        say(f"warming: {variant}")
        for workload in filter(partial(takes_part, variant), WORKLOADS):
            rig.drive(line, workload, workload.seconds * mode.slice_scale / 2)
    rows = []
    for number in range(mode.rounds):
        say(f"round {number + 1} of {mode.rounds}")
        # Another variant goes first each time: what one leaves in the caches meets the next.
        turn = number % len(rig.variants)
        for workload in WORKLOADS:
            for variant in rig.variants[turn:] + rig.variants[:turn]:
                if not takes_part(variant, workload):
                    continue
                row = one_slice(rig, lines[variant], workload, mode)
                rows.append({"round": number, "variant": variant, "workload": workload.key} | row)
    return rows


def takes_part(variant: str, workload: Workload) -> bool:
    """Counting every prompt differs from counting when it matters by the length of the prompt: the longest shows it."""
    return variant != "counting" or workload.name == "32 kB"


def one_slice(rig: Rig, line: Line, workload: Workload, mode: Mode) -> dict:
    """One variant under one load. Every call that starts also ends in the slice, so all CPU time is theirs."""
    rig.drive(line, workload, mode.warm_seconds)
    watched = {"envoy": line.envoy, "provider": rig.provider} | ({"server": line.server} if line.server else {})
    stolen = steal_ticks(rig.envoy_core)
    before = {name: process.cpu() for name, process in watched.items()}
    said, client_ns = rig.drive(line, workload, workload.seconds * mode.slice_scale)
    used = {name: process.cpu().since(before[name]) for name, process in watched.items()}
    calls, envoy = said["requests"], used["envoy"]
    load_core_ns = client_ns + sum(cpu.on_cpu_ns for name, cpu in used.items() if name != "envoy")
    row = {
        "calls": calls,
        "calls_per_s": calls / said["seconds"],
        "envoy_us": envoy.on_cpu_ns / calls / 1e3,
        "envoy_system_share": envoy.system_share,
        "envoy_waited": envoy.waiting_ns / max(envoy.on_cpu_ns, 1),
        "envoy_core_busy": envoy.on_cpu_ns / 1e9 / said["seconds"],
        "envoy_core_stolen_ms": (steal_ticks(rig.envoy_core) - stolen) * 10,
        "server_us": used["server"].on_cpu_ns / calls / 1e3 if line.server else 0.0,
        "provider_us": used["provider"].on_cpu_ns / calls / 1e3,
        "client_us": client_ns / calls / 1e3,
        "load_core_busy": load_core_ns / 1e9 / said["seconds"],
        "body_bytes": said["body_bytes"],
        "latency": said["latency"],
    }
    if workload.stream:
        row["envoy_us_per_chunk"] = envoy.on_cpu_ns / said["chunks"] / 1e3
        row |= {times: said[times] for times in ("first_chunk", "gap", "transit")}
    return row


def idle(lines: dict[str, Line], seconds: float = 2.0) -> dict[str, float]:
    """CPU time that each Envoy takes with nothing to do (its timers, the module's tick), in microseconds a second."""
    before = {variant: line.envoy.cpu() for variant, line in lines.items()}
    time.sleep(seconds)
    return {
        variant: line.envoy.cpu().since(before[variant]).on_cpu_ns / 1e3 / seconds for variant, line in lines.items()
    }


def resident(rig: Rig) -> list[str]:
    """The variants whose memory and start are compared: those with a module, and the one without."""
    return [variant for variant in rig.variants if variant not in ("ratelimit", "counting")]


def memory(rig: Rig, server: QuotaServer | None, mode: Mode) -> list[dict]:
    """Resident bytes of fresh Envoys before and after the same load, with one worker and with two."""
    rows = []
    for number in range(mode.memory_repeats):
        say(f"memory, {number + 1} of {mode.memory_repeats}")
        for workers in (1, 2):
            for variant in resident(rig):
                line = rig.line(variant, f"memory-{variant}-{workers}-{number}", server_of(variant, server), workers)
                unused = line.envoy.memory()
                for workload in WORKLOADS:
                    if workload.connections == 16:
                        rig.drive(line, workload, 0.4)
                shares = sorted(line.envoy.stats(r"listener\..*\.worker_\d+\.downstream_cx_total").values())
                if len(shares) != workers or 0 in shares:
                    raise Failure(f"{line.envoy.name}: of {workers} workers, connections went to {shares}")
                used = line.envoy.memory()
                line.envoy.stop()
                rows.append({"variant": variant, "workers": workers, "unused": unused, "used": used})
    return rows


def starts(rig: Rig, server: QuotaServer | None, mode: Mode) -> list[dict]:
    """From the start of the process to the first answers."""
    body = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Good morning!"}]})
    headers = {"content-type": "application/json"} | {header: "first" for header in DIMENSIONS.values()}
    rows = []
    for number in range(mode.start_repeats):
        say(f"start, {number + 1} of {mode.start_repeats}")
        for variant in resident(rig):
            envoy = rig.line(variant, f"start-{variant}-{number}", server_of(variant, server)).envoy
            ready_cpu = envoy.cpu()
            # The worker's own VM is made before it answers; this path is no business of the filter.
            envoy.call("GET", "/healthz")
            answered = time.monotonic() - envoy.started
            first, second = (envoy.call("POST", "/v1/chat/completions", body, headers) for _ in range(2))
            envoy.stop()
            rows.append({
                "variant": variant, "ready_ms": envoy.ready_seconds * 1e3, "ready_cpu_ms": ready_cpu.on_cpu_ns / 1e6,
                "answer_ms": answered * 1e3, "first_call_ms": first * 1e3, "second_call_ms": second * 1e3,
            })
    return rows


def server_of(variant: str, server: QuotaServer | None) -> QuotaServer | None:
    return server if variant == "tollkeeper" else None
