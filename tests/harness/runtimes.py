"""The two ways to run an Envoy: the binary, or a container around it."""

import atexit
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Protocol

from . import paths
from .processes import Process

OLDEST = "1.36.4"
"""The oldest Envoy that is supported."""


class Running(Protocol):
    """An Envoy that was started."""

    @property
    def alive(self) -> bool: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


class Runtime(Protocol):
    name: str

    def start(self, arguments: list[str], directory: Path) -> Running:
        """Starts Envoy. It can read the whole repository, and read and write `directory`."""


class ProcessRuntime:
    """An Envoy binary."""

    def __init__(self, version: str = "") -> None:
        self.name = f"process-{version}" if version else "process"
        self._version = version

    def start(self, arguments: list[str], directory: Path) -> Running:
        return EnvoyProcess(Process([paths.envoy(self._version), *arguments], directory / "envoy.out"))


class EnvoyProcess:
    def __init__(self, process: Process) -> None:
        self._process = process
        self.kill = process.kill

    @property
    def alive(self) -> bool:
        return self._process.alive

    def stop(self) -> None:
        self._process.stop()


class ContainerRuntime:
    """Envoy in a container on the host's network, by testcontainers."""

    name = "container"

    def start(self, arguments: list[str], directory: Path) -> Running:
        from testcontainers.core.container import DockerContainer

        container = DockerContainer(image())
        for place in {paths.ROOT, paths.module().parent, directory}:
            container.with_volume_mapping(str(place), str(place), "rw" if place == directory else "ro")
        container.with_command(arguments)
        # Past the official image's entry point, which would change to a user that can't write to `directory`.
        container.with_kwargs(
            entrypoint=["envoy"],
            network_mode="host",
            user=f"{os.getuid()}:{os.getgid()}",
            working_dir=str(paths.ROOT),
        )
        return _EnvoyContainer(container)


class _EnvoyContainer:
    def __init__(self, container: "DockerContainer") -> None:  # type: ignore[name-defined]  # noqa: F821
        self._container = container
        atexit.register(self.stop)
        container.start()

    @property
    def alive(self) -> bool:
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        return bool(wrapped.status == "running")

    def kill(self) -> None:
        self._container.get_wrapped_container().kill("SIGKILL")

    def stop(self) -> None:
        atexit.unregister(self.stop)
        self._container.stop()


@cache
def why_no_containers() -> str | None:
    """The reason why containers can't be run here; none where they can."""
    # Its reaper is an image of its own, which may not be to be had; we remove our containers ourselves.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    try:
        import docker

        docker.from_env(timeout=5).ping()
    except Exception as error:  # whatever it is, it is the reason
        return f"no Docker engine answers: {error}"
    return None


@cache
def image() -> str:
    """$ENVOY_IMAGE, or the official one, or, where that can't be pulled, one built around our own binary."""
    import docker

    client = docker.from_env()
    wanted = os.environ.get("ENVOY_IMAGE", "envoyproxy/envoy:v1.40.0")
    local = f"tollkeeper-test/envoy:{wanted.rpartition(':')[2]}"
    for candidate in (wanted, local):
        if client.images.list(candidate):
            return candidate
    pulled = subprocess.run(
        [shutil.which("docker") or "docker", "pull", "--quiet", wanted], capture_output=True
    )
    if pulled.returncode == 0:
        return wanted
    subprocess.run([paths.ROOT / "tests" / "image" / "build", paths.envoy(), local], check=True)
    return local
