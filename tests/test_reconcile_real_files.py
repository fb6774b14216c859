"""Real Amazon.ca settlements per order, without any books: every cent is there, and what cannot be known is said."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from reconcile_tables import SELLER, records

from nsbill import schemas
from nsbill.amazon.store import SettlementStore
from nsbill.reconcile import ReconcileRules, Reconciliation, reconcile

SAMPLES = Path(__file__).parents[2] / "shared" / "samples" / "settlement_v1_ca"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real settlement files are not beside this checkout")

AMOUNTS = (
    "shipment-fee-amount", "order-fee-amount", "price-amount", "item-related-fee-amount", "misc-fee-amount",
    "other-fee-amount", "promotion-amount", "direct-payment-amount", "other-amount",
)  # fmt: skip


def rows() -> Iterator[dict[str, str]]:
    """The rows of all files, read by Python's own reader."""
    for path in sorted(SAMPLES.glob("*.txt")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def money(row: dict[str, str]) -> Decimal:
    return sum((Decimal(row[name]) for name in AMOUNTS if (row.get(name) or "").strip()), Decimal(0))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Reconciliation:
    store = SettlementStore(tmp_path_factory.mktemp("workspace"), seller_account=SELLER)
    added = store.add(sorted(SAMPLES.glob("*.txt")))
    assert {one.state for one in added} == {"added"}
    day = date(2099, 1, 1)
    return reconcile(
        orders=schemas.ORDERS.frame(),
        billing_records=schemas.BILLING_RECORDS.frame(),
        credits=schemas.CREDITS.frame(),
        lines=store.lines_files(),
        settlements=store.settlements(),
        proofs=store.check(as_of=day),
        rules=ReconcileRules(as_of=day, seller_account=SELLER),
    )


def test_every_order_has_the_net_cash_that_its_rows_in_the_files_add_up_to(result: Reconciliation) -> None:
    wanted: Counter[str] = Counter()
    for row in rows():
        if row["order-id"].count("-") == 2 and row["order-id"].replace("-", "").isdigit():
            wanted[row["order-id"]] += money(row)  # type: ignore[assignment]
    found = {str(row["amazon_order_id"]): row["net_cash"] for row in records(result.statement)}
    assert len(found) == 288
    assert found == dict(wanted)


def test_orders_and_the_rest_add_up_to_what_the_files_state(result: Reconciliation) -> None:
    of_orders = sum((Decimal(str(row["net_cash"])) for row in records(result.statement)), Decimal(0))
    others = sum(
        (
            money(row)
            for row in rows()
            if not row["order-id"].replace("-", "").isdigit() or row["order-id"].count("-") != 2
        ),
        Decimal(0),
    )
    stated = sum((Decimal(row["total-amount"]) for row in rows() if row["total-amount"].strip()), Decimal(0))
    assert of_orders + others == stated


def test_without_books_every_order_is_said_to_be_unknown_and_its_money_stays(result: Reconciliation) -> None:
    assert {row["status"] for row in records(result.statement)} == {"NOT_BILLED"}
    assert all(
        "no sales order and no billing record with this Amazon order id is known" in str(row["explanation"])
        for row in records(result.statement)
    )
    orphans = [row for row in records(result.exceptions) if row["exception_class"] == "ORPHAN_ORDER_ID"]
    assert {row["amazon_order_id"] for row in orphans} == {row["amazon_order_id"] for row in records(result.statement)}


def test_the_chain_ties_as_far_as_can_be_told(result: Reconciliation) -> None:
    states = Counter(row["holds"] for row in records(result.tie_out))
    assert states[False] == 0
    assert states[True] > states[None] > 0, "the bank and the clearing account were not given"
    assert not {"SETTLEMENT_DOES_NOT_FOOT", "SETTLEMENT_GAP", "RESERVE_BREAK"} & set(
        result.exceptions["exception_class"]
    )
