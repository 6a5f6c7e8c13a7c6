#!/usr/bin/env python3
"""Compares this crate with the others there are, natively, as wasm in node and in Envoy, and prints tables:

    benches/run.py [--rounds N] [--texts FOLDER] [--only native,node,envoy] [--output FILE]

Everything is interleaved in one run a host, so that what else the machine does falls on all alike. What is not here
(node, an Envoy in $ENVOY_BIN, the wasm target) is said and left out. Figures also go to a file, as JSON.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
OTHERS = ["tiktoken-rs", "bpe-openai", "tiktoken"]
NAMES = ["tokens", *OTHERS, "no cache"]
REAL = ["prose", "code", "chat", "chinese", "japanese", "russian", "arabic", "hindi", "emoji"]
IN_ENVOY = ["prose", "code", "chat", "chinese"]
TITLES = {
    "fresh": "MB/s, fresh text, in pieces of {} bytes", "again": "MB/s, the same text again and again, {} bytes",
    "worst": "ms for a megabyte that makes some slow",
}


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


failed = []


def run(*command, **environment):
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    if done.returncode:
        print(f"failed: {' '.join(command)} ended with {done.returncode}; what it measured until then is below")
        failed.append(command[0])
    return [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 4]


def module():
    """The contenders as one module."""
    wasm_cargo = ROOT / "scripts/wasm-cargo"
    cargo = [wasm_cargo] if wasm_cargo.exists() else ["cargo"]
    build = ["build", "--release", "-p", "tokens", "--example", "contenders", "--target", "wasm32-wasip1"]
    if subprocess.run([*map(str, cargo), *build], cwd=ROOT).returncode:
        failed.append("the module's build")
        return None
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "wasm32-wasip1/release/examples/contenders.wasm"


def measure(options):
    hosts = {}
    if "native" in options.only:
        say("native")
        hosts["native"] = run("cargo", "bench", "-p", "tokens", "--bench", "speed", "--", options.texts, options.rounds)
    wasm = module() if {"node", "envoy"} & options.only else None
    if "node" in options.only:
        if wasm and shutil.which("node"):
            say("node")
            script = HERE / "wasm.mjs"
            hosts["node"] = run("node", "--no-warnings", script, wasm, options.texts, options.rounds)
        else:
            print("skipped: node (no node, or no wasm target)")
    if "envoy" in options.only:
        if wasm and "ENVOY_BIN" in os.environ:
            say("envoy")
            texts = [path for name in IN_ENVOY if (path := options.texts / f"{name}.txt").exists()]
            hosts["envoy"] = run(sys.executable, HERE / "envoy.py", wasm, *texts)
        else:
            print("skipped: envoy (no ENVOY_BIN, or no wasm target)")
    return hosts


def table(host, title, rows):
    """Markdown, with our figure's ratio to the quickest other one's, or of the others' to ours where less is better."""
    print(f"\n{title}, {host}\n\n| | " + " | ".join(NAMES) + " | best of the others × |")
    print("|---|" + "---:|" * (len(NAMES) + 1))
    for name, figures in rows.items():
        numbers = {who: float(figure) for who, figure in figures.items() if figure[0].isdigit()}
        others = [numbers[who] for who in OTHERS if who in numbers]
        less = title.startswith("ms")
        ratio = min(others) / max(numbers["tokens"], 1e-6) if less else numbers["tokens"] / max(others)
        show = [f"{numbers[who]:.3g}" if who in numbers else figures.get(who, "–") for who in NAMES]
        print(f"| {name} | " + " | ".join(show) + f" | {ratio:.2f} |")


def report(host, lines):
    found = defaultdict(dict)
    for what, text, size, who, figure in lines:
        found[what, int(size), text][who] = figure
    for what, title in [("start", "ms until the first count"), ("heap", "kB on the heap after the first count")]:
        rows = {what: figures for (kind, _, _), figures in found.items() if kind == what}
        if rows:
            table(host, title, rows)
    for what in ("fresh", "again"):
        for size in sorted({size for kind, size, _ in found if kind == what}):
            rows = {text: found[what, size, text] for text in REAL if (what, size, text) in found}
            table(host, TITLES[what].format(f"{size:,}"), rows)
    worst = {text: figures for (kind, _, text), figures in found.items() if kind == "worst"}
    if worst:
        table(host, TITLES["worst"], worst)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=Path, default=ROOT / "target/texts", help="made there if missing")
    parser.add_argument("--only", type=lambda hosts: set(hosts.split(",")), default={"native", "node", "envoy"})
    parser.add_argument("--output", type=Path, default=ROOT / "target/bench-tokens.json")
    options = parser.parse_args()
    options.texts = options.texts.resolve()
    subprocess.run([sys.executable, HERE / "texts.py", options.texts], cwd=ROOT, check=True)
    hosts = measure(options)
    options.output.write_text(json.dumps(hosts, indent=1) + "\n")
    for host, lines in hosts.items():
        report(host, lines)
    data = HERE.parent / "data"
    print("\ndata in the module: " + ", ".join(f"{blob.stem} {blob.stat().st_size / 1e6:.2f} MB" for blob in sorted(data.glob("*.bin"))))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
