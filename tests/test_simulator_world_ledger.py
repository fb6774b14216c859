"""Amazon's side of the demo company: flat V2 files that add up, chain, and show the oddities of real ones."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from world_reading import File, Line, World, read_world, text

from nsbill.simulator.world import build_world

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("ledger")
    summary = build_world(folder / "simulator.db", folder / "files", orders=600, seed=21, today=TODAY)
    return read_world(summary, folder / "simulator.db")


def chains(world: World) -> dict[str, list[File]]:
    found = defaultdict(list)
    for file in sorted(world.files, key=lambda f: f.end):
        found[file.currency].append(file)
    return found


def of_kind(lines: list[Line], description: str) -> list[int]:
    return [line.amount for line in lines if line.cells["amount-description"] == description]


def by_order(world: World) -> dict[str, list[tuple[int, Line]]]:
    found = defaultdict(list)
    for number, file in enumerate(world.files):
        for line in file.lines:
            found[line.cells["order-id"]].append((number, line))
    return found


@pytest.mark.parametrize("currency", ["USD", "CAD", "EUR", "JPY"])
def test_the_lines_of_every_file_add_up_to_its_total_save_where_one_is_left_out(world: World, currency: str) -> None:
    files = chains(world)[currency]
    assert len(files) == 5
    short = world.settlements_with("SETTLEMENT_DOES_NOT_FOOT")
    for file in files:
        assert (sum(line.amount for line in file.lines) == file.total) == (file.settlement_id not in short)
    assert all(line.settlement_id == file.settlement_id for file in files for line in file.lines)


def test_the_file_that_lacks_a_line_lacks_a_charge_of_the_account_and_nothing_else_is_wrong_with_its_settlement(
    world: World,
) -> None:
    (short,) = [row for row in world.key["exceptions"] if row["exception_class"] == "SETTLEMENT_DOES_NOT_FOOT"]
    named = [
        row["exception_class"] for row in world.key["exceptions"] if row["settlement_id"] == short["settlement_id"]
    ]
    chain = {"SETTLEMENT_GAP", "SETTLEMENT_OVERLAP", "RESERVE_BREAK", "BALANCE_BREAK", "DEPOSIT_MISSING", "DEPOSIT_MISMATCH", "DEPOSIT_AMBIGUOUS"}  # fmt: skip
    assert not chain.intersection(named)
    (file,) = [file for file in world.files if file.settlement_id == short["settlement_id"]]
    assert file.end.date() < TODAY
    assert text(sum(line.amount for line in file.lines) - file.total) == short["amount"]
    assert not of_kind(file.lines, "Storage Fee") + of_kind(file.lines, "Subscription Fee")
    fees = [len(of_kind(f.lines, "Storage Fee") + of_kind(f.lines, "Subscription Fee")) for f in world.files]
    assert sorted(fees) == [0] + [1] * 19


def test_the_answer_key_names_every_settlement_with_its_total(world: World) -> None:
    told = {row["settlement_id"]: (row["currency"], row["total"]) for row in world.key["settlements"]}
    assert len(told) == 20
    for file in world.files:
        currency, total = told[file.settlement_id]
        assert currency == file.currency
        assert text(file.total) == total


def test_reserves_roll_forward_save_where_a_break_is_planted(world: World) -> None:
    broken = world.settlements_with("RESERVE_BREAK")
    for files in chains(world).values():
        for this, following in pairwise(files):
            if following.settlement_id in broken:
                continue
            assert -sum(of_kind(this.lines, "Current Reserve Amount")) == sum(
                of_kind(following.lines, "Previous Reserve Amount Balance")
            )
        assert any(of_kind(file.lines, "Current Reserve Amount") for file in files)


def test_a_negative_settlement_is_charged_in_the_next_one(world: World) -> None:
    broken = world.settlements_with("BALANCE_BREAK")
    for files in chains(world).values():
        for this, following in pairwise(files):
            if following.settlement_id in broken:
                continue
            owed = min(0, this.total)
            assert sum(of_kind(following.lines, "Payable to Amazon")) == owed
            assert sum(of_kind(following.lines, "Successful charge")) == -owed


def test_periods_are_fortnights_that_follow_each_other_and_end_shortly_before_today(world: World) -> None:
    broken = world.settlements_with("SETTLEMENT_GAP") | world.settlements_with("SETTLEMENT_OVERLAP")
    assert len(broken) == 2
    for files in chains(world).values():
        assert all(this.end + timedelta(days=14) == following.end for this, following in pairwise(files))
        whole = [file for file in files if file.settlement_id not in broken]
        assert all(file.end - file.start == timedelta(days=14) for file in whole)
        assert all(file.deposit - file.end == timedelta(days=2) for file in files)
        assert 1 <= (TODAY - files[-1].end.date()).days <= 6
        assert all(file.start <= line.posted < file.end for file in whole for line in file.lines)


@pytest.mark.parametrize(
    "currency, first_date, amount",
    [
        ("USD", r"2026-", r"-?\d+\.\d\d"),
        ("CAD", r"\d\d\.\d\d\.2026", r"-?\d+\.\d\d"),
        ("EUR", r"\d\d\.\d\d\.2026", r"-?\d+,\d\d"),
        ("JPY", r"2026-", r"-?\d+\.0"),
    ],
)
def test_dates_and_amounts_are_written_as_the_marketplace_does(
    world: World, currency: str, first_date: str, amount: str
) -> None:
    for file in chains(world)[currency]:
        raw = file.path.read_bytes()
        assert raw.endswith(b"\n\n"), "real files end with an empty line"
        assert b"\r" not in raw
        assert all(re.match(first_date, line.cells["posted-date-time"]) for line in file.lines)
        assert all(re.fullmatch(amount, line.cells["amount"]) for line in file.lines)
        assert all(line.cells["total-amount"] == line.cells["currency"] == "" for line in file.lines)
        assert len(raw.decode().splitlines()[0].split("\t")) == 24


def test_withheld_tax_cancels_collected_tax_where_amazon_remits_it(world: World) -> None:
    for currency, files in chains(world).items():
        taxes = {"Tax", "ShippingTax", "GiftWrapTax"}
        collected: Counter[str] = Counter()
        withheld: Counter[str] = Counter()
        wrong = world.with_fault("TAX_RESIDUAL") | world.with_fault("TAX_ONLY_REFUND")
        for line in (line for file in files for line in file.lines if line.cells["order-id"] not in wrong):
            if line.cells["amount-type"] == "ItemPrice" and line.cells["amount-description"] in taxes:
                collected[line.cells["order-item-code"]] += line.amount
            elif line.cells["amount-type"] == "ItemWithheldTax":
                withheld[line.cells["order-item-code"]] -= line.amount
        assert withheld == (collected if currency in {"USD", "CAD"} else Counter())
        assert bool(collected) == (currency != "JPY")


def test_some_orders_are_settled_in_two_settlements_and_in_two_shipments(world: World) -> None:
    sold = {
        order: {
            (number, line.cells["shipment-id"]) for number, line in found if line.cells["transaction-type"] == "Order"
        }
        for order, found in by_order(world).items()
        if order and not order.startswith("S01")
    }
    assert any(len({number for number, _ in places}) == 2 for places in sold.values())
    assert any(len({shipment for _, shipment in places}) == 2 for places in sold.values())


def test_some_lines_are_byte_for_byte_the_same_and_both_count(world: World) -> None:
    rows = Counter(row for file in world.files for row in file.path.read_text(encoding="ascii").splitlines() if row)
    repeated = world.with_fault("DUPLICATE_SETTLEMENT_LINE")
    twice = [row for row, count in rows.items() if count == 2 and row.split("\t")[7] not in repeated]
    assert any("\tPrincipal\t" in row for row in twice)
    assert not any("\tCommission\t" in row for row in twice)


def test_some_refunds_are_posted_before_their_sale(world: World) -> None:
    early = 0
    for found in by_order(world).values():
        sold = [line.posted for _, line in found if line.cells["transaction-type"] == "Order"]
        back = [line.posted for _, line in found if line.cells["transaction-type"] == "Refund"]
        early += bool(sold and back and min(back) < min(sold))
    assert early >= 1


def test_multi_channel_orders_and_inbound_shipments_stand_among_the_orders(world: World) -> None:
    channel = [line for line in world.lines if line.cells["order-id"].startswith("S01-")]
    assert {line.cells["marketplace-name"] for line in channel} == {"Non-Amazon"}
    assert all(line.amount == 0 for line in channel if line.cells["amount-description"] == "Principal")
    inbound = [line for line in world.lines if line.cells["order-id"].startswith("FBA19")]
    assert {line.cells["transaction-type"] for line in inbound} == {"FBAFees"}
    kinds = {(line.cells["transaction-type"], line.cells["amount-description"]) for line in world.lines}
    assert {
        ("ServiceFee", "TransactionTotalAmount"),
        ("other-transaction", "Subscription Fee"),
        ("other-transaction", "WAREHOUSE_DAMAGE"),
        ("Refund", "RefundCommission"),
        ("Order", "FBAPerUnitFulfillmentFee"),
    } <= kinds


def test_item_codes_of_the_settlement_are_those_of_the_order_lines(world: World) -> None:
    known = {
        (row["otherrefnum"], row["etail_line_id"])
        for row in world.books.execute(
            "SELECT t.otherrefnum, l.etail_line_id FROM txn t JOIN txnline l ON l.txn = t.id WHERE t.type = 'SalesOrd'"
        )
    }
    orders = world.orders()
    settled = {
        (line.cells["order-id"], line.cells["order-item-code"])
        for line in world.lines
        if line.cells["order-id"] in orders and line.cells["order-item-code"]
    }
    assert settled
    assert {order for order, _ in settled - known} == world.with_fault("REFUND_ITEM_MISMATCH")


def test_file_names_are_safe_and_unique(world: World) -> None:
    names = [file.path.name for file in world.files]
    assert len(set(names)) == 20
    assert all(Path(name).suffix == ".txt" for name in names)
