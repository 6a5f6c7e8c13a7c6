"""Where figures come from: without it they mean nothing."""

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

from rig import MODULES, ROOT, Rig


def facts(rig: Rig) -> dict:
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.M)
    memory = re.search(r"^MemTotal:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.M)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": said("git", "describe", "--always", "--dirty", "--abbrev=12"),
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in cpuinfo,
        "memory_bytes": int(memory[1]) * 1024 if memory else None,
        "kernel": platform.release(),
        "envoy": said(rig.envoy_binary, "--version").removeprefix(str(rig.envoy_binary)).strip(),
        "rustc": said("rustc", "--version"),
        "module_bytes": {variant: path.stat().st_size for variant, path in MODULES.items() if variant in rig.variants},
        "envoy_core": rig.envoy_core,
        "load_core": rig.load_core,
    }


def said(*command) -> str:
    try:
        return subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    except OSError:
        return ""
