#!/usr/bin/env python3
"""Counts texts with every contender in Envoy and prints what benches/speed.rs prints: `envoy.py MODULE.wasm TEXT...`

The module measures while it is configured, on Envoy's main thread, with nothing else for Envoy to do. $ENVOY_BIN is the
Envoy to use.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 300


def bootstrap(module: str, text: Path) -> dict:
    value = f"{text.stem}\n{text.read_text(encoding='utf-8')}"
    plugin = {
        "name": "tokens-bench",
        "root_id": "tokens-bench",
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": os.path.abspath(module)}},
        },
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": value},
    }
    service = {
        "@type": "type.googleapis.com/envoy.extensions.wasm.v3.WasmService", "singleton": True, "config": plugin,
    }
    return {"bootstrap_extensions": [{"name": "envoy.bootstrap.wasm", "typed_config": service}]}


def measure(module: str, text: Path) -> list[str]:
    """The lines that the module logs until it is done."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "envoy.json")
        config.write_text(json.dumps(bootstrap(module, text)))
        command = [
            os.environ["ENVOY_BIN"], "-c", str(config), "--concurrency", "1", "--log-level", "warn",
            "--disable-hot-restart",
        ]
        envoy = subprocess.Popen(
            ["timeout", str(SECONDS), *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        lines, log = [], []
        for line in envoy.stderr:
            log.append(line)
            if found := re.search(r"tokens-bench\t(.*?)\s*$", line):
                if found[1] == "done":
                    break
                lines.append(found[1])
        envoy.terminate()
        envoy.wait()
        if not lines:
            sys.exit("Envoy measured nothing:\n" + "".join(log[-20:]))
        return lines


def main():
    module, texts = sys.argv[1], [Path(text) for text in sys.argv[2:]]
    for text in texts:
        for line in measure(module, text):
            print(line)


if __name__ == "__main__":
    main()
