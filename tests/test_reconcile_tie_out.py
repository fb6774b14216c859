"""The tie-out chain per settlement and month, and the exceptions of whole settlements, from files to frames."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from reconcile_tables import records
from settlement_files import ORDER_1, lines, summary, write
from test_amazon_proofs import LONG, RESERVE, settlement

from nsbill.amazon.bank import BankStatement, read_bank
from nsbill.amazon.store import SettlementStore
from nsbill.reconcile import ReconcileRules, Reconciliation, reconcile
from nsbill.reconcile.tie_out_schemas import TIE_OUT, TIE_OUT_MONTHS, TieStep
from nsbill.reconcile.tie_out_sums import ORDER_PARTS, PARTS
from nsbill.schemas import BILLING_RECORDS, CREDITS, ORDERS

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
DATA = Path(__file__).parent / "data"
EXAMPLE = (DATA / "worked_example_k.txt", DATA / "worked_example_k1.txt")


@pytest.fixture
def store(tmp_path: Path) -> SettlementStore:
    return SettlementStore(tmp_path / "workspace", seller_account="main")


def tied(
    store: SettlementStore, *, as_of: str = "2026-07-31", bank: Sequence[BankStatement] = (), proved: bool = True
) -> Reconciliation:
    """Reconcile what is stored with empty books."""
    day = date.fromisoformat(as_of)
    return reconcile(
        orders=ORDERS.frame(),
        billing_records=BILLING_RECORDS.frame(),
        credits=CREDITS.frame(),
        lines=store.lines_files(),
        settlements=store.settlements(),
        rules=ReconcileRules(as_of=day, seller_account="main"),
        proofs=store.check(bank, as_of=day) if proved else None,
    )


def added(store: SettlementStore, tmp_path: Path, *made: list[dict[str, str]], untied: bool = False) -> None:
    files = [write(tmp_path / f"{number}.txt", rows) for number, rows in enumerate(made)]
    results = store.add(files, accept_untied=untied)
    assert [result.state for result in results] == ["added"] * len(made), results


def statement(tmp_path: Path, *movements: str, last: str = "2026-07-31") -> BankStatement:
    """A bank statement in dollars from June to ``last``, of movements ``date amount text``."""
    rows = [movement.split(" ", 2) for movement in ("2026-06-01 -9.00 Rent", *movements, f"{last} -9.00 Rent")]
    path = tmp_path / "bank.csv"
    path.write_text("Date,Amount,Text,Currency\n" + "".join(f"{','.join(row)},USD\n" for row in rows))
    return read_bank(path)


def chain(found: Reconciliation, settlement_id: str) -> list[str]:
    """``step expected found residual holds`` of one settlement, – for what is empty."""
    names = ["step", "expected", "found", "residual", "holds"]
    own = TIE_OUT.check(found.tie_out)
    own = own[own["settlement_id"].str.endswith(settlement_id)]
    return [" ".join("–" if pd.isna(cell) else str(cell) for cell in row) for row in own[names].itertuples(index=False)]


def wrong(found: Reconciliation) -> list[str]:
    """``class settlement amount`` of the exceptions of settlements."""
    orders = {"ORPHAN_ORDER_ID", "CHARGEBACK_OR_CLAIM", "UNCLASSIFIED_LINE"}
    return [
        f"{row['exception_class']} {str(row['settlement_id']).removeprefix(LONG)} {row['amount']}"
        for row in records(found.exceptions)
        if row["exception_class"] not in orders
    ]


def evidence(found: Reconciliation, name: str) -> str:
    (row,) = [row for row in records(found.exceptions) if row["exception_class"] == name]
    return str(row["evidence"]).replace(LONG, "")


# --- the chain --------------------------------------------------------------------------------------------------------


def test_the_worked_example_ties_from_its_lines_to_the_bank(store: SettlementStore, tmp_path: Path) -> None:
    store.add(EXAMPLE)
    found = tied(store, bank=[statement(tmp_path, "2026-06-17 53.49 AMAZON", "2026-07-01 7.01 AMAZON")])
    assert chain(found, "0001") == [
        "lines as they were read 53.49 53.49 0.00 True",
        "parts give the sum 53.49 53.49 0.00 True",
        "orders reach the statement 63.48 63.48 0.00 True",  # 42.23 of A and 21.25 of B
        "lines sum to total 53.49 53.49 0.00 True",
        "reserve rolls forward – 50.00 – –",  # who held these 50.00 is not known
        "negative balance carried 0.00 0.00 0.00 True",
        "periods chain – – – –",
        "deposit in bank 53.49 53.49 0.00 True",
        "clearing account 0.00 – – –",
    ]
    assert chain(found, "0002") == [
        "lines as they were read 7.01 7.01 0.00 True",
        "parts give the sum 7.01 7.01 0.00 True",
        "orders reach the statement -12.99 -12.99 0.00 True",  # -16.74 of A, 3.75 of B
        "lines sum to total 7.01 7.01 0.00 True",
        "reserve rolls forward 20.00 20.00 0.00 True",
        "negative balance carried 0.00 0.00 0.00 True",
        "periods chain – – – True",
        "deposit in bank 7.01 7.01 0.00 True",
        "clearing account 0.00 – – –",
    ]
    assert wrong(found) == []
    told = set(found.tie_out[found.tie_out["step"] == TieStep.CLEARING.value]["explanation"])
    assert told == {"No balance of the clearing account was given."}


def test_the_parts_of_the_worked_example_stand_in_its_months(store: SettlementStore, tmp_path: Path) -> None:
    store.add(EXAMPLE)
    found = tied(store, bank=[statement(tmp_path, "2026-06-17 53.49 AMAZON", "2026-07-01 7.01 AMAZON")])
    (month,) = records(TIE_OUT_MONTHS.check(found.tie_out_months))
    assert (month["month"], month["currency"], month["settlements"]) == ("2026-06", "USD", 2)
    parts = {
        "receipts": "130.64", "refunds": "-83.80", "tax_withheld": "-3.84", "fees": "-17.51", "order_other": "25.00",
        "account": "-39.99", "reserve": "50.00", "transfers": "0.00",
    }  # fmt: skip
    assert {name: str(month[name]) for name in PARTS} == parts
    assert [str(month[name]) for name in ("payout", "stated_total", "foot_residual", "deposited", "residual")] == [
        "60.50", "60.50", "0.00", "60.50", "0.00",
    ]  # fmt: skip
    assert (month["breaks"], month["cannot_be_told"]) == (0, 4)
    assert month["explanation"] == (
        "2 of 2 settlements tie; cannot be told everywhere: clearing account, periods chain, reserve rolls forward."
    )


def test_months_add_up_to_their_settlements_and_orders_to_the_statement(store: SettlementStore, tmp_path: Path) -> None:
    euros = settlement("51", (1, 9), "Subscription Fee -1.00")
    euros[0]["currency"] = "EUR"
    july = settlement("33", (17, 25), "", sold="8.00")
    july[0] |= {"settlement-end-date": "2026-07-02 00:00:00 UTC"}
    made = [settlement("31", (1, 9), f"{RESERVE[1]} -2.00"), settlement("32", (9, 17), f"{RESERVE[0]} 2.00")]
    added(store, tmp_path, *made, july, euros)
    found = tied(store)
    months = found.tie_out_months.set_index(["month", "currency"])
    assert months["settlements"].to_dict() == {("2026-06", "EUR"): 1, ("2026-06", "USD"): 2, ("2026-07", "USD"): 1}
    totals = found.tie_out[found.tie_out["step"] == TieStep.TOTAL.value].groupby(["month", "currency"])["found"].sum()
    assert months["payout"].to_dict() == totals.to_dict()
    assert (months[list(PARTS)].sum(axis=1) == months["payout"]).all()
    net_cash = found.statement.groupby("currency")["net_cash"].sum().to_dict()
    assert months.groupby("currency")[list(ORDER_PARTS)].sum().sum(axis=1).to_dict() == net_cash


def test_residuals_of_a_month_never_cancel(store: SettlementStore, tmp_path: Path) -> None:
    above, below = settlement("31", (1, 9), ""), settlement("32", (9, 17), "")
    above[0]["total-amount"], below[0]["total-amount"] = "4.00", "6.00"
    added(store, tmp_path, above, below, untied=True)
    found = tied(store)
    (month,) = records(found.tie_out_months)
    assert [str(month[name]) for name in ("foot_residual", "residual")] == ["0.00", "2.00"]
    assert month["breaks"] == 2
    assert str(month["explanation"]).startswith("0 of 2 settlements tie; ")
    assert wrong(found) == ["SETTLEMENT_DOES_NOT_FOOT 31 1.00", "SETTLEMENT_DOES_NOT_FOOT 32 -1.00"]


def test_without_proofs_and_without_a_bank_statement_it_says_so(store: SettlementStore) -> None:
    store.add(EXAMPLE)
    found = tied(store, proved=False)
    told = found.tie_out[found.tie_out["holds"].isna()].groupby("step")["explanation"].unique().map(list).to_dict()
    none = ["The proofs of the stored settlements were not given."]
    assert told == {
        "reserve rolls forward": none,
        "negative balance carried": none,
        "periods chain": none,
        "deposit in bank": ["No bank statement was given."],
        "clearing account": ["No balance of the clearing account was given."],
    }
    assert wrong(found) == []


def test_a_settlement_without_a_summary_ties_as_far_as_can_be_told(store: SettlementStore, tmp_path: Path) -> None:
    rows = lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1", f"{LONG}31", currency="CAD")
    added(store, tmp_path, rows)
    found = tied(store)
    assert chain(found, "31") == [
        "lines as they were read 5.00 5.00 0.00 True",
        "parts give the sum 5.00 5.00 0.00 True",
        "orders reach the statement 5.00 – – –",
        "lines sum to total – 5.00 – –",
        "reserve rolls forward – – – –",
        "negative balance carried – – – –",
        "periods chain – – – –",
        "deposit in bank – – – –",
        "clearing account 0.00 – – –",
    ]
    (month,) = records(found.tie_out_months)
    assert (month["month"], month["stated_total"], month["foot_residual"]) == (None, None, None)
    assert wrong(found) == []


def test_as_of_a_day_nothing_of_later_settlements_is_known(store: SettlementStore, tmp_path: Path) -> None:
    added(store, tmp_path, settlement("31", (1, 9), "", sold="-7.00"))
    before = tied(store, as_of="2026-06-12")
    added(store, tmp_path, settlement("32", (9, 17), "Payable to Amazon -6.00", sold="9.00"))
    after = tied(store, as_of="2026-06-12")
    pd.testing.assert_frame_equal(before.tie_out, after.tie_out)
    pd.testing.assert_frame_equal(before.tie_out_months, after.tie_out_months)
    assert wrong(tied(store)) == ["BALANCE_BREAK 32 1.00"]


def test_a_reclassified_reserve_line_that_names_an_order_stays_in_both_sums(
    store: SettlementStore, tmp_path: Path
) -> None:
    rows = [summary("5.00", f"{LONG}31"), *lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1", f"{LONG}31")]
    rows += lines(f"other-transaction | {ORDER_1} | other-transaction | Current Reserve Amount | -1.00", f"{LONG}31")
    rows[0]["total-amount"] = "4.00"
    added(store, tmp_path, rows)
    found = tied(store)
    assert chain(found, "31")[2] == "orders reach the statement 4.00 4.00 0.00 True"
    (month,) = records(found.tie_out_months)
    assert (str(month["reserve"]), str(month["receipts"]), str(month["payout"])) == ("-1.00", "5.00", "4.00")


# --- what breaks it ---------------------------------------------------------------------------------------------------


def test_a_gap_names_the_missing_time_and_the_settlement_behind_it(store: SettlementStore, tmp_path: Path) -> None:
    added(store, tmp_path, settlement("31", (1, 9), ""), settlement("32", (11, 17), ""))
    found = tied(store)
    assert wrong(found) == ["SETTLEMENT_GAP 32 5.00"]
    assert evidence(found, "SETTLEMENT_GAP") == (
        "settlement 32 of 1.txt: 2 days, 0:00:00 are missing after 31: add the settlement of "
        "2026-06-09 00:00:00 to 2026-06-11 00:00:00 UTC"
    )


def test_an_overlap_is_told_by_the_reserve_that_is_handed_on(store: SettlementStore, tmp_path: Path) -> None:
    added(
        store, tmp_path,
        settlement("31", (1, 9), f"{RESERVE[1]} -3.00"),
        settlement("32", (7, 17), f"{RESERVE[0]} 3.00"),
    )  # fmt: skip
    found = tied(store)
    assert wrong(found) == ["SETTLEMENT_OVERLAP 32 8.00"]
    assert "It overlaps 31 by 2 days" in evidence(found, "SETTLEMENT_OVERLAP")


def test_ledgers_that_only_run_side_by_side_are_no_exception(store: SettlementStore, tmp_path: Path) -> None:
    added(store, tmp_path, settlement("31", (1, 9), ""), settlement("41", (3, 12), ""), settlement("32", (9, 17), ""))
    assert wrong(tied(store)) == []


def test_a_reserve_that_does_not_roll_forward_shows_its_residual_and_its_lines(
    store: SettlementStore, tmp_path: Path
) -> None:
    added(
        store, tmp_path,
        settlement("31", (1, 9), f"{RESERVE[1]} -10.00", sold="20.00"),
        settlement("32", (9, 17), f"{RESERVE[0]} 8.00"),
    )  # fmt: skip
    found = tied(store)
    assert chain(found, "32")[4] == "reserve rolls forward 10.00 8.00 -2.00 False"
    assert wrong(found) == ["RESERVE_BREAK 32 -2.00"]
    assert evidence(found, "RESERVE_BREAK").startswith(
        "settlement 32, line 4 of 1.txt: 31 held 10.00, it gives back 8.00"
    )


def test_a_settlement_that_two_files_state_differently_is_asked_about(store: SettlementStore, tmp_path: Path) -> None:
    added(store, tmp_path, settlement("31", (1, 9), ""))
    added(store, tmp_path, settlement("31", (1, 9), "Storage Fee -1.00"))
    found = tied(store)
    assert wrong(found) == ["DUPLICATE_SETTLEMENT_LINE 31 5.00"]
    assert "settlement 31 of 0.txt: Another file states this settlement differently: 0.txt (digest" in evidence(
        found, "DUPLICATE_SETTLEMENT_LINE"
    )


# --- the bank ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "as_of, found", [("2026-06-15", []), ("2026-06-16", []), ("2026-06-17", ["DEPOSIT_MISSING 31 5.00"])]
)
def test_a_deposit_is_missing_only_after_its_five_business_days(
    store: SettlementStore, tmp_path: Path, as_of: str, found: list[str]
) -> None:
    added(store, tmp_path, settlement("31", (1, 9), ""))  # to be deposited on Tuesday, 9 June: by Tuesday, 16 June
    bank = statement(tmp_path, "2026-06-15 -1.00 Coffee", "2026-06-16 -1.00 Coffee", last="2026-06-17")
    assert wrong(tied(store, as_of=as_of, bank=[bank])) == found


def test_a_deposit_of_another_amount_shows_the_difference(store: SettlementStore, tmp_path: Path) -> None:
    added(store, tmp_path, settlement("31", (1, 9), ""))
    found = tied(store, bank=[statement(tmp_path, "2026-06-10 4.50 AMAZON")])
    assert wrong(found) == ["DEPOSIT_MISMATCH 31 -0.50"]
    assert chain(found, "31")[7] == "deposit in bank 5.00 4.50 -0.50 False"
    assert "line 3 of bank.csv (2026-06-10, 4.50 USD)" in evidence(found, "DEPOSIT_MISMATCH")
    (month,) = records(found.tie_out_months)
    assert (str(month["deposited"]), str(month["residual"])) == ("4.50", "0.50")


def test_two_deposits_that_fit_are_asked_about_and_never_chosen(store: SettlementStore, tmp_path: Path) -> None:
    added(store, tmp_path, settlement("31", (1, 9), ""))
    found = tied(store, bank=[statement(tmp_path, "2026-06-10 5.00 AMAZON", "2026-06-11 5.00 AMAZON")])
    assert wrong(found) == ["DEPOSIT_AMBIGUOUS 31 5.00"]
    assert chain(found, "31")[7] == "deposit in bank 5.00 – – –"


def test_a_deposit_of_no_known_settlement_is_an_exception_of_its_own(store: SettlementStore, tmp_path: Path) -> None:
    added(store, tmp_path, settlement("31", (1, 9), ""), settlement("32", (9, 17), ""))
    movements = ("2026-06-10 5.00 AMAZON", "2026-06-11 8.00 AMAZON", "2026-06-17 5.00 AMAZON")
    found = tied(store, bank=[statement(tmp_path, *movements)])
    assert wrong(found) == ["DEPOSIT_WITHOUT_SETTLEMENT None 8.00"]
    (row,) = [row for row in records(found.exceptions) if row["settlement_id"] is None and row["reference"]]
    assert row["reference"] == "Line 4 of bank.csv (2026-06-11, 8.00 USD)"


def test_what_the_statement_does_not_cover_is_no_exception(store: SettlementStore, tmp_path: Path) -> None:
    added(store, tmp_path, settlement("31", (1, 9), ""))
    found = tied(store, bank=[statement(tmp_path, last="2026-06-10")])
    assert wrong(found) == []
    assert chain(found, "31")[7] == "deposit in bank 5.00 – – –"


# --- real files -------------------------------------------------------------------------------------------------------


def test_the_real_files_of_amazon_ca_tie_from_end_to_end_as_far_as_can_be_told(store: SettlementStore) -> None:
    folder = SAMPLES / "settlement_v1_ca"
    if not folder.exists():
        pytest.skip("sample files are not there: settlement_v1_ca")
    store.add([folder])
    found = tied(store, as_of="2026-12-31")
    assert not (found.tie_out["holds"] == False).any()  # noqa: E712 -- a column of three values
    untold = found.tie_out[found.tie_out["holds"].isna()].groupby("step").size().to_dict()
    assert untold == {"clearing account": 5, "deposit in bank": 3, "periods chain": 1}
    assert found.tie_out_months["residual"].unique().tolist() == [Decimal("0.00")]
    stated = store.settlements()["total_amount"].sum()
    assert found.tie_out_months["payout"].sum() == found.tie_out_months["stated_total"].sum() == stated
    orders = found.tie_out_months[list(ORDER_PARTS)].sum().sum()
    assert orders == found.statement["net_cash"].sum()
    assert wrong(found) == []
