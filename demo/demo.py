"""Shows Tollkeeper at work: three tenants through a real Envoy, and their bill from both sides.

`--up` starts the same and leaves it running.
"""

import argparse
import os
import signal
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import table
import traffic
import yaml
from harness import Envoy, EnvoyOptions, ProcessRuntime, QuotaServer, StandIn, leave_nothing_behind, paths
from harness.bill import of_provider
from harness.envoy_config import Config

ENVOY, ADMIN, GRPC, HTTP, PROVIDER = 10000, 9901, 9090, 9091, 9300
"""The ports of envoy/envoy.yaml and of the server's defaults."""

OPENAI = "api.openai.com:443"


class Running:
    """A quota server, an Envoy and, without the real one, a stand-in for the provider."""

    def __init__(
        self, directory: Path, started: ExitStack, real_provider: bool = False, any_port: bool = True
    ) -> None:
        def port(usual: int) -> int:
            if is_free(usual):
                return usual
            if any_port:
                return 0
            raise SystemExit(f"port {usual} is taken: is another `./just up` running?")

        self.provider: StandIn | None = None
        if real_provider:
            progress(f"provider: {OPENAI} itself, over TLS")
        else:
            self.provider = StandIn(directory, f"127.0.0.1:{port(PROVIDER)}")
            started.callback(self.provider.stop)
            progress(f"provider: a stand-in that speaks OpenAI's bytes, on 127.0.0.1:{self.provider.port}")

        policy = paths.ROOT / "envoy" / "policy.yaml"
        grpc, http = f"127.0.0.1:{port(GRPC)}", f"127.0.0.1:{port(HTTP)}"
        self.server = QuotaServer(directory, policy, grpc=grpc, http=http)
        started.callback(self.server.stop)
        progress(f"quota server: envoy/policy.yaml, SQLite, {self.server.http_url}")

        options = EnvoyOptions(
            provider_port=self.provider.port if self.provider else 0,
            quota_ports=[self.server.grpc_port],
            node="demo",
            listen_port=port(ENVOY),
            admin_port=port(ADMIN),
            edit=use_openai if real_provider else None,
        )
        progress("Envoy: envoy/envoy.yaml with the filter, two workers; a moment, it compiles the module …")
        self.envoy = Envoy(ProcessRuntime(), directory / "envoy", options)
        started.callback(self.envoy.stop)
        progress(f"Envoy: {self.envoy.url}, stats {self.envoy.admin.base_url}/stats/prometheus")


def progress(text: str) -> None:
    print(f"==> {text}", flush=True)


def told(who: str, what: str) -> None:
    print(f"    {who:8} {what}\n", end="", flush=True)  # in one piece, for tenants talk at once


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def use_openai(config: Config) -> None:
    clusters = config["static_resources"]["clusters"]
    real = yaml.safe_load((paths.ROOT / "envoy" / "provider-openai.yaml").read_text())
    clusters[:] = [real if cluster["name"] == "provider" else cluster for cluster in clusters]


def demo() -> int:
    """The exit status: 0 if both sides agree to the token."""
    with ExitStack() as started:
        directory = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="tollkeeper-demo-")))
        running = Running(directory, started)
        assert running.provider
        progress("three tenants, each with the official openai SDK:")
        traffic.send(f"{running.envoy.url}/v1", told)
        progress("what happened, by tenant and model:\n")
        return report(running, running.provider)


def report(running: Running, provider: StandIn) -> int:
    """Waits for the last reports, and prints what each side says. The exit status: 0 if they agree."""
    give_up = time.monotonic() + 10
    while True:
        envoy = table.of_envoy(running.envoy.stats())
        server = table.of_server(running.server.usage())
        charged = sum(figures.prompt + figures.completion for figures in server.values())
        billed = of_provider(provider.seen()).tokens
        if envoy == server and charged == billed or time.monotonic() > give_up:
            break
        time.sleep(0.1)
    print(table.side_by_side(envoy, server), end="\n\n")
    verdict = "agree" if envoy == server else "DO NOT AGREE"
    print(f"Envoy and the quota server {verdict} to the token and the nano-dollar.")
    verdict = "the same" if billed == charged else "NOT THE SAME"
    print(f"The provider billed {billed:,} tokens; {charged:,} were charged: {verdict}.")
    crashes = running.envoy.crashes()
    print(*crashes, sep="\n", end="")
    return 0 if envoy == server and charged == billed and not crashes else 1


def up() -> None:
    """Leaves everything running until Ctrl-C."""
    real = bool(os.environ.get("OPENAI_API_KEY"))
    directory = paths.ROOT / "target" / "up"  # budgets and ledger outlive a restart
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as started:
        running = Running(directory, started, real, any_port=False)
        key = "$OPENAI_API_KEY" if real else "sk-anything"
        print(
            f"""
Send a call as you would to OpenAI, with a tenant of your choice:

    curl {running.envoy.url}/v1/chat/completions \\
      -H 'content-type: application/json' -H "authorization: Bearer {key}" \\
      -H 'x-tenant-id: acme' \\
      -d '{{"model": "gpt-4o-mini", "messages": [{{"role": "user", "content": "Hello!"}}]}}'

    from openai import OpenAI
    client = OpenAI(base_url="{running.envoy.url}/v1", default_headers={{"x-tenant-id": "acme"}})

What became of it:

    target/release/tollkeeper usage           by tenant and model, as the server has it
    target/release/tollkeeper budgets         used, reserved and remaining
    curl {running.server.http_url}/v1/usage       the same for programs
    curl -s {running.envoy.admin.base_url}/stats/prometheus | grep ^tollkeeper

Change envoy/policy.yaml while it runs. Logs and database: {os.path.relpath(directory)}. Ctrl-C ends it all.""",
            flush=True,
        )
        try:
            while running.envoy.alive and running.server.process.alive:
                time.sleep(0.5)
            print("one of them has ended; see the logs", file=sys.stderr)
        except KeyboardInterrupt:
            print("\n==> stopping")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--up", action="store_true", help="leave it running instead of sending calls")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    leave_nothing_behind()
    if arguments.parse_args().up:
        up()
        return 0
    return demo()


if __name__ == "__main__":
    sys.exit(main())
