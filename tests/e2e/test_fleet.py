"""Four Envoys with two workers each, 64 clients, one budget: used up to the last call it can admit, and never more."""

from pathlib import Path

import pytest
from calls import ask_until_used_up
from fleet import PROMPT, Mix, use_up
from harness import ProcessRuntime, Stack, StandIn
from policies import policy

# On a busy machine using up the largest budget alone takes more than the usual limit.
pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

BUDGETS = {
    1_000: Mix((5, 23)),
    100_000: Mix((20, 200, 700)),
    10_000_000: Mix((50, 4_000, 12_000), streams=0.1),
}


@pytest.mark.parametrize("limit", BUDGETS)
def test_a_budget_is_used_up_and_not_overspent(limit: int, tmp_path: Path, provider: StandIn) -> None:
    text = policy(f"name: shared, per: [tenant], limit: {limit} tokens, window: 1d")
    tenant = f"tenant-{limit}"
    with Stack(ProcessRuntime(), tmp_path, provider, text, envoys=4) as stack:
        seen = use_up(stack, tenant, clients=64, mix=BUDGETS[limit], seed=limit)
        assert set(seen.statuses) == {200, 429}
        bill = stack.agreed(tenant, calls=seen.admitted, within=15)
        assert stack.outcomes(tenant).get("client_closed", 0) == seen.left
        stack.nothing_reserved(tenant=tenant)
        used = stack.server.used("shared", tenant=tenant)
        assert bill.tokens == used <= limit

        print(
            f"limit {limit}: {seen.admitted} calls admitted, {seen.left} left by the client, {used} used, "
            f"{seen.statuses[429]} refused, unused {limit - used} ({(limit - used) / limit:.3%})"
        )
        # Nobody was sent away for good who could have been admitted with what was there in the end, but for 1 %.
        assert limit - used < min(seen.refused) + limit // 100

        # What is left is of use from any Envoy, to the last call.
        admitted = sum(_smallest_calls(stack, tenant, at) for at in range(len(stack.envoys)))
        bill = stack.agreed(tenant, calls=seen.admitted + admitted)
        assert bill.tokens == stack.server.used("shared", tenant=tenant) <= limit
        assert limit - bill.tokens < PROMPT + 1
        assert not any(envoy.crashes() for envoy in stack.envoys)


def _smallest_calls(stack: Stack, tenant: str, at: int) -> int:
    """How many calls of one output token an Envoy admits before it says that there is no more."""
    with stack.http(tenant, "tokens=1", at=at) as client:
        admitted, _ = ask_until_used_up(client, max_completion_tokens=1)
    return admitted
