"""Where the things are that get started."""

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def tollkeeper() -> Path:
    """The quota server and command line."""
    return _built("TOLLKEEPER_BIN", TARGET / "release" / "tollkeeper")


def stand_in() -> Path:
    """The provider stand-in."""
    return _built("STAND_IN_BIN", TARGET / "release" / "provider-stand-in")


def module() -> Path:
    """The filter."""
    return _built("TOLLKEEPER_WASM", ROOT / "target" / "tollkeeper.wasm")


@cache
def envoy(version: str = "") -> Path:
    """An Envoy binary, fetched if this machine has none: of a version, or $ENVOY_BIN, or the default one."""
    script = [str(ROOT / "scripts" / "setup-envoy"), *([version] if version else [])]
    return Path(subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


@cache
def redis() -> Path | None:
    """A redis-server, brought if this machine has none; nothing where none is to be had."""
    script = subprocess.run([str(ROOT / "scripts" / "setup-redis")], stdout=subprocess.PIPE, text=True)
    return Path(script.stdout.strip()) if script.returncode == 0 else None


def _built(variable: str, usual: Path) -> Path:
    path = Path(os.environ.get(variable, usual)).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not built (or say where it is with {variable})")
    return path
