"""What the notebooks record: amounts by currency and age, breaks, exceptions, reserve; exact, and whole or said to be cut."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from reconcile_tables import Case

from nsbill.amazon.payouts import PAYOUTS
from nsbill.billing.journal import Journal
from nsbill.netsuite.certificate import create_certificate
from nsbill.reconcile.reserve import reserve_kept
from nsbill.runs import figures as f
from nsbill.runs.results import plain_values
from nsbill.schemas import EXCEPTIONS, SETTLEMENTS, STATEMENT
from nsbill.settings import Settings

EMPTY = Case().run()


def _statement(rows: list[tuple[str, str, int | None, str | None]]) -> pd.DataFrame:
    """Only the columns that the ageing is made of."""
    names = ("currency", "due", "age_days", "aging_bucket")
    types = {name: pd.ArrowDtype(STATEMENT.arrow.field(name).type) for name in names}
    values = [dict(zip(names, (code, Decimal(due), age, bucket), strict=True)) for code, due, age, bucket in rows]
    return pd.DataFrame(values, columns=list(names)).astype(types)


def test_due_money_is_kept_by_currency_bucket_and_day_and_an_unknown_age_stays_apart() -> None:
    found = f._due_by_age(
        _statement(
            [
                ("USD", "10.00", 40, "31–60"),
                ("USD", "0.10", 40, "31–60"),
                ("USD", "5.00", -3, "not yet expected"),
                ("USD", "-7.00", 40, None),
                ("USD", "0.00", 99, None),
                ("USD", "2.50", None, None),
                ("EUR", "1.00", 9, "8–14"),
            ]
        )
    )
    assert found == {
        "due_by_age": {
            "EUR": {"8–14": Decimal("1.00")},
            "USD": {"not yet expected": Decimal("5.00"), "31–60": Decimal("10.10"), "unknown": Decimal("2.50")},
        },
        "due_by_days": {
            "EUR": {"9": Decimal("1.00")},
            "USD": {"-3": Decimal("5.00"), "40": Decimal("10.10"), "unknown": Decimal("2.50")},
        },
    }


def _exceptions(number: int) -> pd.DataFrame:
    row = {"exception_class": "UNCLASSIFIED_LINE", "seller_account": "main", "settlement_id": "900", "currency": "USD"}
    more = {"amazon_order_id": None, "reference": "Order|NewFee", "evidence": "line 7", "action": "Look at it."}
    return EXCEPTIONS.frame([{**row, **more, "amount": Decimal(f"{i}.01")} for i in range(1, number + 1)])


def test_exceptions_are_counted_summed_and_listed_and_unknown_labels_are_summed_once_each() -> None:
    found = f._exceptions(_exceptions(2))
    assert found["exceptions_by_class"] == {"UNCLASSIFIED_LINE": 2}
    assert found["exception_amounts"] == {"UNCLASSIFIED_LINE": {"USD": Decimal("3.02")}}
    assert found["unclassified"] == [{"labels": "Order|NewFee", "currency": "USD", "amount": Decimal("3.02")}]
    assert "exception_list_in_all" not in found


def test_a_list_that_is_cut_says_how_many_there_are() -> None:
    found = f._exceptions(_exceptions(f.LISTED + 1))
    assert len(cast("list[object]", found["exception_list"])) == f.LISTED
    assert found["exception_list_in_all"] == f.LISTED + 1


def test_a_reconciliation_of_nothing_records_empty_figures_that_json_can_hold() -> None:
    found = f.reconciliation_figures(EMPTY, PAYOUTS.frame())
    assert (found["orders"], found["exceptions"], found["due"], found["reserve"]) == (0, 0, {}, {})
    plain_values(found)
    assert "reserve" not in f.reconciliation_figures(EMPTY), "not known is not zero"


def test_the_breaks_of_the_tie_out_are_recorded_with_what_is_missing() -> None:
    case = Case(
        settlements="settlement | end | states\nK1 | 2026-10-28 | 100.00",
        lines="order | settlement | amount | type | kind\nA | K1 | 99.99 | Order | PRINCIPAL",
    )
    found: dict[str, Any] = f.reconciliation_figures(case.run())
    lines_to_total = [row for row in found["tie_out_breaks"] if row["step"] == "lines sum to total"]
    assert [(row["settlement_id"], row["currency"], row["residual"]) for row in lines_to_total] == [
        ("K1", "USD", Decimal("-0.01"))
    ]
    assert found["tie_out_residual"]["USD"] >= Decimal("0.01")
    assert found["tie_out_steps"]["break"] == len(found["tie_out_breaks"])


@pytest.mark.parametrize(
    "ends,kept",
    [
        ({"1": ("Amazon.com", 1, "-10.00"), "2": ("Amazon.com", 2, "-30.00")}, {"USD": Decimal("30.00")}),
        ({"1": ("Amazon.com", 2, "-10.00"), "2": ("Amazon.ca", 1, "-30.00")}, {"USD": Decimal("40.00")}),
        ({"1": ("Amazon.com", 1, "-10.00"), "2": ("Amazon.com", 2, "0.00")}, {"USD": Decimal("0.00")}),
        ({"1": ("Amazon.com", 1, "-10.00"), "2": ("Amazon.com", None, "-99.00")}, {"USD": Decimal("10.00")}),
    ],
)
def test_the_reserve_is_what_the_newest_settlement_of_each_ledger_kept(
    ends: dict[str, tuple[str, int | None, str]], kept: dict[str, Decimal]
) -> None:
    day = datetime(2026, 10, 1, tzinfo=UTC)
    rows = [
        dict.fromkeys(SETTLEMENTS.names)
        | {
            "settlement_id": name, "seller_account": "main", "currency": "USD", "marketplace": place,
            "period_end": None if end is None else day + timedelta(days=end), "lines_total": Decimal(0), "lines": 1,
            "unclassified_lines": 0, "ties": "ties", "source_name": "a", "source_digest": "b",
        }
        for name, (place, end, _) in ends.items()
    ]  # fmt: skip
    paid = [
        {column.name: Decimal(0) for column in PAYOUTS.columns}
        | {"settlement_id": name, "seller_account": "main", "currency": "USD", "current_reserve": Decimal(reserve)}
        for name, (_, _, reserve) in ends.items()
    ]
    assert reserve_kept(SETTLEMENTS.frame(rows), PAYOUTS.frame(paid)) == kept


def test_the_account_records_what_is_unresolved_and_how_long_the_certificate_lasts(tmp_path: Path) -> None:
    pair = create_certificate(tmp_path, account="1_SB1", kind="ec", days=20)
    settings = Settings(account="1_SB1", sign_in="certificate", certificate_file=str(pair.certificate_file))
    journal = Journal.in_workspace(tmp_path)
    try:
        found = f.account_figures(settings, journal)
        without = f.account_figures(Settings(account="1_SB1"), journal)
    finally:
        journal.close()
    assert (found["unresolved"], found["certificate_valid_until"]) == (0, pair.valid_until)
    assert found["certificate_days_left"] in {19, 20}
    assert (without["certificate_days_left"], without["certificate_valid_until"]) == (None, None)


def test_a_dry_run_records_the_plan_by_its_fingerprint_and_why_orders_are_skipped() -> None:
    skipped = pd.DataFrame({"reason": ["already billed", "already billed", "closed"]})
    plan = SimpleNamespace(
        to_bill=[1, 2], skipped=skipped, totals={"USD": Decimal("3.00")}, fingerprint="abc", as_of=date(2026, 1, 1)
    )
    found = f.billing_figures(cast("Any", plan))
    assert (found["plan_fingerprint"], found["planned_totals"]) == ("abc", {"USD": Decimal("3.00")})
    assert found["skipped_by_reason"] == {"already billed": 2, "closed": 1}
    assert found["amounts"] == {}
