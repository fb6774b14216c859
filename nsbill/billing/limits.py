"""The guard of billing without a person at the screen: how many orders, and how much money, one run may bill."""

from __future__ import annotations

from decimal import Decimal

from nsbill.billing.plan import Plan
from nsbill.billing.run import NOT_STARTED, RunResult
from nsbill.errors import BillingRefused
from nsbill.money import exact, format_money
from nsbill.vocabulary import Outcome

__all__ = ["check_limits", "run_figures"]


def check_limits(plan: Plan, *, max_orders: int, max_total: str | Decimal) -> None:
    """Refuse a plan beyond the limits, with the figures. ``max_total`` holds for each currency by itself.

    Raises
    ------
    BillingRefused
        The plan has more orders, or in some currency a larger total, than allowed.
    MoneyError
        ``max_total`` is not an exact amount such as ``"100000.00"``.
    """
    limit, orders = exact(max_total), len(plan.to_bill)
    beyond = [f"{orders:,} orders are to bill and max_orders is {max_orders:,}"] if orders > max_orders else []
    beyond += [
        f"{format_money(total, currency)} is to bill and max_total is {format_money(limit, currency)}"
        for currency, total in plan.totals.items()
        if total > limit
    ]
    if beyond:
        raise BillingRefused(
            "limits",
            "the plan is beyond the limits of this run: " + "; ".join(beyond),
            "Look at the plan (notebook 02_preview_and_bill, or nsbill plan), then bill it there or raise the limits.",
        )


def run_figures(plan: Plan, result: RunResult | None = None) -> dict[str, object]:
    """Return what a run record keeps: numbers of orders by outcome, and totals per currency.

    Without a ``result`` (a dry run) nothing was created; ``totals`` are then those of the plan.
    """
    names = {
        "created": Outcome.CREATED,
        "existing": Outcome.EXISTS,
        "rejected": Outcome.REJECTED,
        "unknown": Outcome.UNKNOWN,
        "not_started": NOT_STARTED,
    }
    return {
        "to_bill": len(plan.to_bill),
        "skipped": len(plan.skipped),
        **{name: result.count(outcome) if result else 0 for name, outcome in names.items()},
        "totals": result.totals if result else plan.totals,
        "differences": list(result.differences) if result else [],
        "run_id": result.run_id if result else "",
    }
