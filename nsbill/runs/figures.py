"""What the notebooks record of what they found (``record_result``): what alerts, history and the panel of runs go by.

Amounts are by currency, never added across. Lists are cut at ``LISTED`` rows, and then say how many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from nsbill.billing.limits import run_figures
from nsbill.money import ZERO
from nsbill.netsuite.certificate import certificate_expiry
from nsbill.reconcile.reserve import reserve_kept
from nsbill.settings import Settings
from nsbill.vocabulary import AgingBucket, ExceptionClass

if TYPE_CHECKING:
    from nsbill.billing.journal import Journal
    from nsbill.billing.plan import Plan
    from nsbill.billing.run import RunResult
    from nsbill.reconcile import Reconciliation

__all__ = ["LISTED", "UNKNOWN_AGE", "account_figures", "billing_figures", "reconciliation_figures"]

LISTED = 500
UNKNOWN_AGE = "unknown"
"""Key of due money that nobody knows the expected day of."""

_TOTALS = ("billed_gross", "credited", "received", "refunded", "fee_withheld", "net_cash", "due", "overpaid")

Amounts = dict[str, Decimal]


def account_figures(settings: Settings, journal: Journal) -> dict[str, object]:
    """What holds for the account whatever the run does: creates without a clear outcome, and the certificate's end.

    ``unresolved``: records that NetSuite may or may not have. ``certificate_days_left`` is empty where none is named.
    """
    expiry = certificate_expiry(settings)
    return {
        "account": settings.account,
        "profile": settings.profile,
        "unresolved": len(journal.open_entries(settings.account)),
        "certificate_valid_until": expiry.day if expiry else None,
        "certificate_days_left": expiry.days_left if expiry else None,
    }


def billing_figures(plan: Plan, result: RunResult | None = None) -> dict[str, object]:
    """What a billing run records: orders by outcome, amounts by outcome and currency, what was skipped and why."""
    amounts: dict[str, Amounts] = {}
    if result is not None and len(result.outcomes):
        for row in _sums(result.outcomes, "outcome", "currency", amount="amount"):
            amounts.setdefault(row["outcome"], {})[row["currency"]] = row["amount"]
    skipped = plan.skipped.groupby("reason").size().to_dict() if len(plan.skipped) else {}
    return {
        **run_figures(plan, result),
        "plan_fingerprint": plan.fingerprint,
        "planned_totals": plan.totals,
        "amounts": amounts,
        "skipped_by_reason": {str(reason): int(number) for reason, number in skipped.items()},
    }


def reconciliation_figures(found: Reconciliation, payouts: pd.DataFrame | None = None) -> dict[str, object]:
    """What a reconciliation records. ``payouts`` (schema PAYOUTS): by them the reserve is told; without, it is left out.

    ``due_by_age``: currency → bucket → amount; ``due_by_days``: currency → days past the expected day → amount.
    ``tie_out_breaks``: the steps that do not hold; ``tie_out_residual``: currency → Σ |residual|.
    """
    totals = found.totals
    amounts = {name: _by_currency(totals, name) for name in _TOTALS}
    figures: dict[str, object] = {
        "as_of": found.as_of,
        "basis": found.basis.value,
        "orders": len(found.statement),
        "settlements": len(found.settlements),
        **amounts,
        **_due_by_age(found.statement),
        **_tie_out(found),
        **_exceptions(found.exceptions),
    }
    if payouts is not None:
        figures["reserve"] = reserve_kept(found.settlements, payouts)
    return figures


def _by_currency(totals: pd.DataFrame, name: str) -> Amounts:
    return {str(code): Decimal(value) for code, value in zip(totals["currency"], totals[name], strict=True)}


def _due_by_age(statement: pd.DataFrame) -> dict[str, object]:
    """Due money by how late it is; only orders of which something is due."""
    buckets: dict[str, Amounts] = {}
    days: dict[str, Amounts] = {}
    late = statement[statement["due"] > ZERO]
    for row in _sums(late, "currency", "aging_bucket", "age_days", amount="due"):
        age = UNKNOWN_AGE if row["age_days"] is None else str(row["age_days"])
        name = row["aging_bucket"] or UNKNOWN_AGE
        of_buckets, of_days = buckets.setdefault(row["currency"], {}), days.setdefault(row["currency"], {})
        of_buckets[name] = of_buckets.get(name, ZERO) + row["amount"]
        of_days[age] = of_days.get(age, ZERO) + row["amount"]
    order = [bucket.value for bucket in AgingBucket] + [UNKNOWN_AGE]
    return {
        "due_by_age": {code: {name: of[name] for name in order if name in of} for code, of in sorted(buckets.items())},
        "due_by_days": {code: dict(sorted(of.items(), key=_by_days)) for code, of in sorted(days.items())},
    }


def _by_days(item: tuple[str, Decimal]) -> tuple[bool, int]:
    return item[0] == UNKNOWN_AGE, 0 if item[0] == UNKNOWN_AGE else int(item[0])


def _tie_out(found: Reconciliation) -> dict[str, object]:
    steps = _rows(found.tie_out)
    breaks = [
        {name: row[name] for name in ("settlement_id", "step", "currency", "residual", "explanation")}
        for row in steps
        if row["holds"] is False
    ]
    residual: Amounts = {}
    for row in steps:
        if row["residual"] is not None:
            residual[row["currency"]] = residual.get(row["currency"], ZERO) + abs(row["residual"])
    return {
        "tie_out_residual": dict(sorted(residual.items())),
        "tie_out_steps": {"hold": sum(row["holds"] is True for row in steps), "break": len(breaks)}
        | {"cannot_be_told": sum(row["holds"] is None for row in steps)},
        **_listed("tie_out_breaks", breaks),
    }


def _exceptions(exceptions: pd.DataFrame) -> dict[str, object]:
    counts: dict[str, int] = {}
    money: dict[str, Amounts] = {}
    unknown: list[dict[str, object]] = []
    for row in _sums(exceptions, "exception_class", "currency", amount="amount"):
        name = row["exception_class"]
        counts[name] = counts.get(name, 0) + row["rows"]
        money.setdefault(name, {})[row["currency"]] = row["amount"]
    labels = exceptions[exceptions["exception_class"] == ExceptionClass.UNCLASSIFIED_LINE.value]
    for row in _sums(labels, "reference", "currency", amount="amount"):
        unknown.append({"labels": row["reference"], "currency": row["currency"], "amount": row["amount"]})
    columns = ["exception_class", "amazon_order_id", "settlement_id", "reference", "currency", "amount"]
    each = [{name: value for name, value in row.items() if value is not None} for row in _rows(exceptions[columns])]
    return {
        "exceptions": len(exceptions),
        "exceptions_by_class": counts,
        "exception_amounts": money,
        **_listed("unclassified", unknown),
        **_listed("exception_list", each),
    }


def _listed(name: str, rows: list[dict[str, object]]) -> dict[str, object]:
    """The rows up to the limit; and beyond it how many there are, so that nobody takes a part for the whole."""
    return {name: rows[:LISTED], **({f"{name}_in_all": len(rows)} if len(rows) > LISTED else {})}


def _sums(frame: pd.DataFrame, *by: str, amount: str) -> list[dict[str, Any]]:
    """Sum ``amount`` and count the rows by columns, in the order of the columns' values; exact, empty cells kept apart."""
    table = pa.Table.from_pandas(frame[[*by, amount]], preserve_index=False)
    found = table.group_by(list(by)).aggregate([(amount, "sum"), ([], "count_all")]).to_pylist()
    rows = [
        {**{name: row[name] for name in by}, "amount": row[f"{amount}_sum"], "rows": row["count_all"]} for row in found
    ]
    return sorted(rows, key=lambda row: [(row[name] is None, str(row[name])) for name in by])


def _rows(frame: pd.DataFrame) -> Iterable[Mapping[str, Any]]:
    rows: list[dict[str, Any]] = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    return rows
