"""Was it really done? Each variant did its work on every call, by its own counters and by the server's."""

import time

from processes import Failure
from rig import Line


def check(lines: dict[str, Line]) -> dict:
    checks = {"empty": empty, "ratelimit": rate_limit, "tollkeeper": tollkeeper}
    return {variant: checks[variant](line) for variant, line in lines.items() if variant in checks}


def empty(line: Line) -> dict:
    active = line.envoy.stats(r"^wasm\.envoy\.wasm\.runtime\.v8\.active$")
    if any(count < 2 for count in active.values()) or not active:
        raise Failure(f"the empty module is not in the main thread and the worker: {active}")
    return active


def rate_limit(line: Line) -> dict:
    counters = line.envoy.stats(r"^cluster\.provider\.ratelimit\.")
    counts = {name.rsplit(".", 1)[1]: count for name, count in counters.items()}
    if counts.get("ok") != line.calls or counts.get("error", 0) or counts.get("over_limit", 0):
        raise Failure(f"{line.calls} calls, but the rate-limit filter counts {counts}")
    answered = line.server.counters().get('tollkeeper_server_rate_limits_total{code="ok"}')
    if answered != line.calls:
        raise Failure(f"{line.calls} calls, but the server answered {answered}")
    return {"calls": line.calls, "filter": counts, "server": answered}


def tollkeeper(line: Line, seconds: float = 20) -> dict:
    """To the token. The worker's last tick may still have to come."""
    sent = {"requests": line.calls, "prompt_tokens": line.prompt_tokens, "completion_tokens": line.completion_tokens}
    deadline = time.monotonic() + seconds
    while (usage := line.server.usage()) != sent:
        if time.monotonic() > deadline:
            raise Failure(f"sent {sent}, but the server has {usage}")
        time.sleep(0.2)
    # How many acquires and syncs that took says whether leases were warm.
    return {"sent": sent, "server": usage, "server_counters": line.server.counters()}
