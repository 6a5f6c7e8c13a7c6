#!/usr/bin/env python3
"""What the filter costs: Envoy alone, with an empty wasm filter, with its own rate-limit filter, and with ours.

All variants run at the same time on one core and take turns under load, slice by slice and round by round, so that
whatever else the machine does falls on all of them alike; the mock provider, the client and the quota servers have the
other core. The main figure is Envoy's CPU time per call, which noise moves least, and its ratio to Envoy alone in the
same round. README.md beside this file says how to read the table.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import measure
import report
from checks import check
from machine import facts
from processes import Failure
from rig import BUILT, VARIANTS, WITH_SERVER, Rig
from workloads import MODES, Mode


def bench(rig: Rig, mode: Mode) -> dict:
    lines = {}
    for variant in rig.variants:
        server = rig.server(variant, f"server-{variant}") if variant in WITH_SERVER else None
        lines[variant] = rig.line(variant, variant, server)
    rounds, idle = measure.rounds(rig, lines, mode), measure.idle(lines)
    checks = check(lines)
    for line in lines.values():
        line.envoy.stop()
    # An Envoy that is stopped early may not have reported all: a server of its own, which is not asked.
    server = rig.server("tollkeeper", "server-scratch") if "tollkeeper" in rig.variants else None
    return {
        "rounds": rounds, "idle_us_per_s": idle, "checks": checks,
        "memory": measure.memory(rig, server, mode), "starts": measure.starts(rig, server, mode),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=MODES, default="full", help="full takes about ten minutes, quick about one")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="some of %(default)s")
    parser.add_argument("--output", type=Path, default=BUILT / "bench.json")
    options = parser.parse_args()
    asked = options.variants.split(",")
    if unknown := set(asked) - set(VARIANTS):
        parser.error(f"unknown variants: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, so that what was started is stopped

    begin = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as folder, ExitStack() as stack:
            rig = Rig([variant for variant in VARIANTS if variant in asked], Path(folder), stack)
            machine = facts(rig)
            measured = bench(rig, MODES[options.mode])
    except Failure as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    found = report.summary(measured, rig.variants)
    result = {
        "mode": options.mode, "seconds": round(time.monotonic() - begin), "machine": machine,
        "summary": found, "raw": measured,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    print(report.table(found))
    print(f"\n{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, commit {machine['commit']}; "
          f"{options.mode} run of {result['seconds']} s; all rounds in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
