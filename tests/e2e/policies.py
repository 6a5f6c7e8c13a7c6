"""Policy files of the tests."""


def policy(*budgets: str, output_limit: int = 200) -> str:
    """A policy with a tenant from a header, and these budgets (the inside of a YAML flow mapping each)."""
    lines = "".join(f"  - {{ {budget} }}\n" for budget in budgets)
    return (
        f"dimensions:\n  tenant: {{ header: x-tenant-id }}\noutput_limit: {output_limit}\nbudgets:\n{lines}"
    )


AMPLE = policy(
    "name: tokens, per: [tenant], limit: 50000000 tokens, window: 1d",
    "name: money, per: [tenant, model], limit: 1000 USD, window: 1d",
)
"""Meters all, and is in nobody's way."""
