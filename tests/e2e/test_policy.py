"""The policy file: a change is in force within seconds, a mistake never."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from calls import ask
from harness import Runtime, Stack, StandIn, paths, until
from policies import policy

WIDE = policy("name: calls, per: [tenant], limit: 1000 requests, window: 1d")
NARROW = policy("name: calls, per: [tenant], limit: 2 requests, window: 1d")
BROKEN = [
    "budgets: [",
    WIDE.replace("limit", "limitt"),
    WIDE.replace("[tenant]", "[tenan]"),
    "",
    WIDE.replace("1d", "soon"),
]


@pytest.fixture(scope="module")
def stack(runtime: Runtime, directory: Path, provider: StandIn) -> Iterator[Stack]:
    with Stack(runtime, directory / runtime.name, provider, WIDE) as stack:
        yield stack


_wide: list[str] = []


@pytest.fixture(autouse=True)
def wide(stack: Stack) -> None:
    if not _wide:
        _wide.append(stack.server.policy_version())
    stack.server.change_policy(WIDE)
    until(lambda: stack.server.policy_version() == _wide[0], "the usual policy is back")


def statuses(stack: Stack, tenant: str, calls: int) -> list[int]:
    """Each call on a connection of its own, so that both workers get some."""
    answers = []
    for _ in range(calls):
        with stack.http(tenant, "tokens=1") as client:
            answers.append(ask(client).status_code)
    return answers


@pytest.mark.also_old
def test_a_changed_policy_is_in_force_within_seconds(stack: Stack, tenant: str) -> None:
    assert set(statuses(stack, tenant, 8)) == {200}
    stack.server.policy.write_text(NARROW)  # in place, without a signal
    began = time.monotonic()
    until(
        lambda: 429 in statuses(stack, f"{tenant}-{time.monotonic()}", 3),
        "the new limit is in force",
        within=15,
        every=0.5,
    )
    assert time.monotonic() - began < 10
    # What was used before counts, in every worker.
    until(lambda: set(statuses(stack, tenant, 4)) == {429}, "all workers have it", within=10, every=0.5)
    # And back: what is known to be used up under the old limit is not under the new one.
    stack.server.change_policy(WIDE)
    until(
        lambda: 429 not in statuses(stack, tenant, 4), "the old limit is back in force", within=15, every=0.5
    )


@pytest.mark.parametrize(
    "broken", BROKEN, ids=["no YAML", "unknown field", "unknown dimension", "empty", "no window"]
)
def test_a_broken_policy_never_replaces_a_working_one(stack: Stack, tenant: str, broken: str) -> None:
    version, said = stack.server.policy_version(), stack.server.log.read_text()
    stack.server.change_policy(broken)
    if broken:
        until(
            lambda: "the one in force stays" in stack.server.log.read_text()[len(said) :],
            "the server says what is wrong",
        )
    time.sleep(0.5)  # several ticks, in which a worker could have taken it
    assert stack.server.policy_version() == version
    assert set(statuses(stack, tenant, 4)) == {200}
    stack.agreed(tenant, calls=4)


def test_a_server_does_not_start_with_a_broken_policy(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(WIDE.replace("[tenant]", "[tenan]"))
    serve = ["serve", "--policy", str(file), "--store", f"sqlite:{tmp_path}/store"]
    for command in (["check", str(file)], serve):
        done = subprocess.run([paths.tollkeeper(), *command], capture_output=True, text=True, timeout=10)
        assert done.returncode != 0
        assert "did you mean `tenant`?" in done.stdout + done.stderr


def test_check_says_what_a_policy_means(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(NARROW)
    done = subprocess.run([paths.tollkeeper(), "check", file], capture_output=True, text=True, check=True)
    assert "calls: 2 requests per 1d for each tenant" in done.stdout


def test_usage_and_budgets_on_the_command_line(stack: Stack, tenant: str) -> None:
    statuses(stack, tenant, 2)
    stack.agreed(tenant, calls=2)
    for command in ("usage", "budgets"):
        arguments = [paths.tollkeeper(), command, "--server", stack.server.http_url]
        table = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
        assert tenant in table
        json = subprocess.run([*arguments, "--json"], capture_output=True, text=True, check=True).stdout
        assert f'"{tenant}"' in json
