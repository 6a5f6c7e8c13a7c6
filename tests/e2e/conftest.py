"""What the tests share: the runtimes, and a stand-in for each module."""

import itertools
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from harness import (
    OLDEST,
    ContainerRuntime,
    ProcessRuntime,
    Runtime,
    Stack,
    StandIn,
    leave_nothing_behind,
    why_no_containers,
)

RUNTIMES: dict[str, Runtime] = {
    "process": ProcessRuntime(),
    "container": ContainerRuntime(),
    f"process-{OLDEST}": ProcessRuntime(OLDEST),
}

leave_nothing_behind()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test runs in each runtime; those marked `also_old` with the oldest Envoy, too."""
    if "runtime" in metafunc.fixturenames:
        old = metafunc.definition.get_closest_marker("also_old") is not None
        names = [name for name in RUNTIMES if old or not name.endswith(OLDEST)]
        metafunc.parametrize("runtime", names, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files are handed out first."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def runtime(request: pytest.FixtureRequest) -> Runtime:
    if request.param == "container" and (reason := why_no_containers()):
        pytest.skip(reason)
    return RUNTIMES[request.param]


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    stand_in = StandIn(tmp_path_factory.mktemp("provider"))
    yield stand_in
    stand_in.stop()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


_numbers = itertools.count()


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    """A tenant of the test's own, so that tests can share a stack."""
    name: str = request.node.originalname
    return f"{re.sub('^test_', '', name)[:40]}-{next(_numbers)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the logs of the test's stack where it failed."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        for envoy in stack.envoys:
            report.sections.append((f"log of {envoy.log.parent.name}", envoy.log_text()[-6000:]))
        report.sections.append(("log of the server", stack.server.log.read_text()[-4000:]))
    return report
