"""Receipts of an order shared out among its billing records: each rung by hand, and random ones against plain Python."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from reconcile_tables import SELLER, Case, order_id, records, table

from nsbill import schemas
from nsbill.reconcile import ReconcileRules, reconcile
from nsbill.vocabulary import TaxMode

CENT = Decimal("0.01")
Item = tuple[str, str | None, str | None, int]
"""Billing record, SKU, Amazon's order item id, units."""


def item_frame(items: list[Item]) -> pd.DataFrame:
    names = ("billing_record_id", "sku", "order_item_code", "quantity")
    return schemas.BILL_ITEMS.frame(
        [{**dict(zip(names, item, strict=True)), "line": place} for place, item in enumerate(items, start=1)]
    )


def sale_lines(text: str) -> pd.DataFrame:
    """LINES of sales: ``order | code | sku | units | kind | amount``."""
    case = Case(
        lines="settlement | type | order | kind | amount\n"
        + "\n".join(
            f"K | Order | {row['order']} | {row['kind'] or 'PRINCIPAL'} | {row['amount']}" for row in table(text)
        )
    )
    frame = case.frames()["lines"]
    rows = table(text)
    units = [int(row["units"]) if row["units"] else None for row in rows]
    return schemas.LINES.frame(
        [
            {**line, "order_item_code": row["code"], "sku": row["sku"], "quantity": count}
            for line, row, count in zip(records(frame), rows, units, strict=True)
        ]
    )


def shares(case: Case, lines: str, items: list[Item] | None = None, mode: TaxMode = TaxMode.EXCLUDE) -> list[str]:
    """``order record received rung`` of each billing record."""
    frames: dict[str, Any] = dict(case.frames())
    frames["lines"] = sale_lines(lines)
    total = sum(frames["lines"]["amount"], Decimal("0.00"))
    settlement = {**records(frames["settlements"])[0], "lines": len(frames["lines"]), "lines_total": total}
    frames["settlements"] = schemas.SETTLEMENTS.frame([{**settlement, "total_amount": total}])
    rules = ReconcileRules(as_of=pd.Timestamp("2026-11-30").date(), seller_account=SELLER, tax_mode=mode)
    given = None if items is None else item_frame(items)
    found = records(reconcile(**frames, bill_items=given, rules=rules).allocation)
    names = {order_id(name): name for name in "ABCDEFGH"}
    return sorted(f"{names[str(r['amazon_order_id'])]} {r['number']} {r['received']} {r['rung']}" for r in found)


TWO = Case(
    bills="order | id | number | total | date\nA | 1 | INV1 | 60.00 | 2026-10-01\nA | 2 | INV2 | 40.00 | 2026-10-05",
    settlements="settlement | end\nK | 2026-10-14",
)


@pytest.mark.parametrize(
    "lines, items, wanted",
    [
        pytest.param(
            "A | c2 | s | 1 | PRINCIPAL | 40.00",
            [("1", "s", "c1", 1), ("2", "s", "c2", 1)],
            ["A INV1 0.00 ", "A INV2 40.00 ITEM_ID"],
            id="the item's id goes before everything else",
        ),
        pytest.param(
            "A | c9 | t | 1 | PRINCIPAL | 35.00",
            [("1", "s", None, 1), ("2", "t", None, 1)],
            ["A INV1 0.00 ", "A INV2 35.00 SKU_QTY"],
            id="then the SKU and its units",
        ),
        pytest.param(
            "A | c9 | s | 2 | PRINCIPAL | 50.01",
            [("1", "s", None, 1), ("2", "s", None, 2)],
            ["A INV1 25.01 SKU_QTY", "A INV2 25.00 SKU_QTY"],
            id="units that were billed first were settled first, the odd cent goes to the earlier record",
        ),
        pytest.param(
            "A | c9 | s | 3 | PRINCIPAL | 100.00",
            [("1", "s", None, 1), ("2", "s", None, 2)],
            ["A INV1 33.33 SKU_QTY", "A INV2 66.67 SKU_QTY"],
            id="cents by largest remainder",
        ),
        pytest.param(
            "A | c9 | s | 5 | PRINCIPAL | 40.00",
            [("1", "s", None, 1), ("2", "s", None, 2)],
            ["A INV1 0.00 ", "A INV2 40.00 AMOUNT"],
            id="more units than were billed tell nothing; the amount does",
        ),
        pytest.param("A | | | | PRINCIPAL | 40.00", None, ["A INV1 0.00 ", "A INV2 40.00 AMOUNT"], id="amount"),
        pytest.param(
            "A | | | | PRINCIPAL | 70.00",
            None,
            ["A INV1 60.00 FIFO", "A INV2 10.00 FIFO"],
            id="the earlier record first",
        ),
        pytest.param(
            "A | | | | PRINCIPAL | 120.00",
            None,
            ["A INV1 60.00 FIFO", "A INV2 60.00 FIFO"],
            id="the last takes the rest",
        ),
        pytest.param(
            "A | | | | PRINCIPAL | -5.00", None, ["A INV1 0.00 ", "A INV2 -5.00 FIFO"], id="a negative receipt"
        ),
        pytest.param(
            "A | c1 | s | 1 | PRINCIPAL | 50.00\nA | | | | SHIPPING | 7.00",
            [("1", "s", "c1", 1), ("2", "t", "c2", 1)],
            ["A INV1 57.00 ITEM_ID + FIFO", "A INV2 0.00 "],
            id="two rungs are both named",
        ),
    ],
)
def test_the_first_rung_that_tells_decides(lines: str, items: list[Item] | None, wanted: list[str]) -> None:
    assert shares(TWO, "order | code | sku | units | kind | amount\n" + lines, items) == wanted


def test_one_record_receives_everything_and_withheld_tax_follows_the_mode() -> None:
    case = TWO.with_(bills="order | id | number | total\nA | 1 | INV1 | 60.00")
    lines = """
        order | code | sku | units | kind          | amount
        A     | c    | s   | 1     | PRINCIPAL     | 60.00
        A     | c    | s   |       | TAX_PRINCIPAL | 4.00
        A     | c    | s   |       | TAX_WITHHELD  | -4.00"""
    assert shares(case, lines) == ["A INV1 60.00 ONLY_RECORD"]
    assert shares(case, lines, mode=TaxMode.INCLUDE) == ["A INV1 64.00 ONLY_RECORD"]


def test_random_orders_are_shared_out_as_plain_python_does() -> None:
    dice = random.Random(7)
    bills, lines = ["order | id | number | total | date"], ["order | code | sku | units | kind | amount"]
    items: list[Item] = []
    wanted: dict[str, str] = {}
    for name in "ABCDEFGH":
        records_of, sold = _random_order(dice, name)
        for record, (total, billed) in records_of.items():
            bills.append(f"{name} | {record} | INV{record} | {total} | 2026-10-0{record[-1]}")
            items += [(record, sku, None, units) for sku, units in billed.items()]
        lines += [f"{name} | | {sku} | {units} | PRINCIPAL | {amount}" for sku, (units, amount) in sold.items()]
        wanted |= _plain(records_of, sold)
    case = Case(bills="\n".join(bills), settlements="settlement | end\nK | 2026-10-14")
    found = shares(case, "\n".join(lines), items)
    assert {line.split()[1]: line.split()[2] for line in found} == wanted
    assert len(wanted) > 16


Records = dict[str, tuple[Decimal, dict[str, int]]]
Sold = dict[str, tuple[int, Decimal]]


def _random_order(dice: random.Random, name: str) -> tuple[Records, Sold]:
    count = dice.choice([1, 2, 2, 3])
    found: Records = {}
    for place in range(1, count + 1):
        billed = {sku: dice.randint(1, 3) for sku in ("x", "y") if dice.random() < 0.7}
        found[f"{ord(name)}{place}"] = (Decimal(dice.randrange(1000, 9000)) / 100, billed)
    sold = {sku: (dice.randint(1, 4), Decimal(dice.randrange(100, 9999)) / 100) for sku in ("x", "y", "z")}
    return found, sold


def _plain(records_of: Records, sold: Sold) -> dict[str, str]:
    """Share out one order: units by date with cents by largest remainder, then the amount that fits, then by date."""
    got: dict[str, Decimal] = defaultdict(Decimal)
    if len(records_of) == 1:
        (only,) = records_of
        return {f"INV{only}": str(sum((amount for _, amount in sold.values()), Decimal(0)))}
    left = sum((amount for _, amount in sold.values()), Decimal(0))
    for sku, (units, amount) in sold.items():
        taken, open_units = {}, units
        for record, (_, billed) in sorted(records_of.items()):
            part = min(billed.get(sku, 0), open_units)
            if part:
                taken[record], open_units = part, open_units - part
        if taken and not open_units:
            exact = {record: amount * part / units for record, part in taken.items()}
            cut = {record: (share // CENT) * CENT for record, share in exact.items()}
            order = sorted(cut, key=lambda record: (cut[record] - exact[record], record))
            for record in order[: int((amount - sum(cut.values())) / CENT)]:
                cut[record] += CENT
            for record, share in cut.items():
                got[record] += share
            left -= amount
    lacks = {record: max(total - got[record], Decimal(0)) for record, (total, _) in records_of.items()}
    fitting = [record for record, lack in lacks.items() if lack == left and left]
    if len(fitting) == 1:
        got[fitting[0]] += left
        left = Decimal(0)
    for record in sorted(records_of):
        share = left if record == max(records_of) else min(left, lacks[record])
        got[record] += share
        left -= share
    return {f"INV{record}": str(got[record].quantize(CENT)) for record in records_of}
