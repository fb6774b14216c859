"""Guards before anything is sent: how many orders and how much money, which records the licence allows, what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from nsbill.billing.plan import Plan
from nsbill.billing.run import NOT_STARTED, RunResult
from nsbill.errors import BillingRefused
from nsbill.money import exact, format_money, parse_limits
from nsbill.settings import Settings
from nsbill.vocabulary import Outcome, RecordType

__all__ = [
    "check_answered",
    "check_edition",
    "check_limits",
    "check_set_limits",
    "limit_sentences",
    "parse_limits",
    "run_figures",
]


def check_limits(
    plan: Plan, *, max_orders: int | None = None, max_total: str | Decimal | Mapping[str, Decimal] | None = None
) -> None:
    """Refuse a plan beyond the limits, with the figures; ``None``: no limit.

    ``max_total``: one amount, which holds for each currency by itself; or limits by currency, as a mapping or as a text
    such as ``"USD=1000.00, EUR=500.00"``, and then a currency without a limit may not be billed at all.

    Raises
    ------
    BillingRefused
        The plan has more orders, or in some currency a larger total, than allowed.
    MoneyError
        ``max_total`` is not an exact amount such as ``"100000.00"``, nor amounts by currency.
    """
    if beyond := _beyond(plan, max_orders, max_total):
        raise BillingRefused(
            "limits",
            "the plan is beyond the limits of this run: " + "; ".join(beyond),
            "Look at the plan (notebook 02_preview_and_bill, or nsbill plan), then bill it there or raise the limits.",
        )


def limit_sentences(plan: Plan, settings: Settings) -> list[str]:
    """Say in which ways a plan is beyond the limits of the settings; empty when it is within them, or none are set."""
    return _beyond(plan, settings.max_orders or None, settings.max_total or None)


def check_set_limits(plan: Plan, settings: Settings) -> None:
    """Refuse a plan beyond the limits that the settings hold for every run.

    Raises
    ------
    BillingRefused
        Says by how much.
    """
    if beyond := limit_sentences(plan, settings):
        raise BillingRefused(
            "limits",
            "the plan is beyond the limits in the settings: " + "; ".join(beyond),
            "Leave orders out, or raise the limits: notebook 01_configure_billing, or nsbill settings set max_orders=N.",
        )


def check_edition(records: Iterable[str], settings: Settings) -> None:
    """Refuse record types (invoice, cashSale) that the licence edition does not allow.

    Raises
    ------
    BillingRefused
        One of them is not allowed; says how to override the table of editions.
    """
    for record in sorted({RecordType(name) for name in records}):
        if not settings.allows(record):
            raise BillingRefused(
                "edition",
                f"the {settings.edition.value} edition does not allow {record.title}s",
                "Choose another edition, or write what your contract allows into nsbill.toml: [edition_allows] "
                f'{settings.edition.value} = ["invoice", "cashSale"]',
            )


def check_answered(plan: Plan) -> None:
    """Refuse a plan that asks something.

    Raises
    ------
    BillingRefused
        The policy for closed periods is ``ask``, and orders would be dated in one.
    """
    if plan.undecided:
        raise BillingRefused(
            "closed_period",
            f"{plan.undecided} orders would be dated in a closed accounting period, and nobody said what to do with them",
            "Say it: --closed-period next-open dates them in the next open period, --closed-period block leaves them out.",
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


def _beyond(plan: Plan, max_orders: int | None, max_total: str | Decimal | Mapping[str, Decimal] | None) -> list[str]:
    orders = len(plan.to_bill)
    beyond = []
    if max_orders is not None and orders > max_orders:
        beyond.append(f"{orders:,} orders are to bill and max_orders is {max_orders:,}")
    if max_total is not None:
        beyond += _beyond_totals(plan.totals, max_total)
    return beyond


def _beyond_totals(totals: Mapping[str, Decimal], limit: str | Decimal | Mapping[str, Decimal]) -> Iterator[str]:
    limits = parse_limits(limit) if isinstance(limit, str) else limit
    for currency, total in totals.items():
        highest = limits.get(currency) if isinstance(limits, Mapping) else exact(limits)
        if highest is None:
            yield f"{format_money(total, currency)} is to bill and max_total names no limit for {currency}"
        elif total > highest:
            yield f"{format_money(total, currency)} is to bill and max_total is {format_money(highest, currency)}"
