"""Was it really done? Each variant did its work on every call, by its own counters and by the server's."""

import time

from processes import Failure
from rig import Line


def check(lines: dict[str, Line]) -> dict:
    checks = {"empty": empty, "ratelimit": rate_limit, "tollkeeper": tollkeeper, "counting": counting}
    return {variant: checks[variant](line) for variant, line in lines.items() if variant in checks}


def empty(line: Line) -> dict:
    active = line.envoy.stats(r"^wasm\.envoy\.wasm\.runtime\.v8\.active$")
    if any(count < 2 for count in active.values()) or not active:
        raise Failure(f"the empty module is not in the main thread and the worker: {active}")
    return active


def rate_limit(line: Line) -> dict:
    """Every call was let through by the server, which charged it to each of the four budgets."""
    counters = line.envoy.stats(r"^cluster\.provider\.ratelimit\.")
    counts = {name.rsplit(".", 1)[1]: count for name, count in counters.items()}
    if counts.get("ok") != line.calls or counts.get("error", 0) or counts.get("over_limit", 0):
        raise Failure(f"{line.calls} calls, but the rate-limit filter counts {counts}")
    expected = {f"{dimension}-requests": line.calls for dimension in ("tenant", "team", "user", "app")}
    if (used := line.server.used()) != expected:
        raise Failure(f"the budgets should be charged {expected}, but the server has {used}")
    return {"calls": line.calls, "filter": counts, "used": used}


def tollkeeper(line: Line, seconds: float = 20) -> dict:
    """The ledger has every call to the token, and the four budgets were charged just that."""
    tokens = line.prompt_tokens + line.completion_tokens
    sent = {"requests": line.calls, "refused": 0, "prompt_tokens": line.prompt_tokens,
            "completion_tokens": line.completion_tokens}
    deadline = time.monotonic() + seconds  # the worker's last tick may still have to come
    while True:
        usage, used = line.server.usage(), line.server.used()
        expected = {"tenant-requests": line.calls, "team-tokens": tokens, "user-tokens": tokens,
                    "app-spend": int(usage["cost_pico_usd"])}
        if usage | sent == usage and used == expected and expected["app-spend"] > 0:
            # How many acquires and syncs that took says whether leases were warm.
            return {"sent": sent, "used": used, "server_counters": line.server.counters()}
        if time.monotonic() > deadline:
            raise Failure(f"sent {sent}\nthe ledger has {usage}\nthe budgets have {used}, expected {expected}")
        time.sleep(0.2)


def counting(line: Line) -> dict:
    """As before, and every prompt was counted."""
    found = tollkeeper(line)
    counted = sum(line.envoy.stats(r"tollkeeper_prompts_counted_total$").values())
    if counted != line.calls:
        raise Failure(f"{line.calls} calls, but {counted} prompts counted")
    return found | {"counted": counted}
