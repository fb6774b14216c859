"""The demo company: same seed same bytes, files that add up, a status mix, faults that can be found and nothing else."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path

import pytest
from world_reading import AMAZON_ID, World, overdue, read_world, reconcile, released, text

from nsbill.simulator.world import build_world
from nsbill.simulator.world_chains import BANK_CLASSES, CHAIN_CLASSES, FILE_CLASSES
from nsbill.simulator.world_finances import ACTIVITY_CLASSES
from nsbill.simulator.world_more import MORE_CLASSES
from nsbill.simulator.world_payments import PAYMENT_CLASSES
from nsbill.simulator.world_planted import CLASSES

TODAY = date(2026, 11, 22)


def build(folder: Path, *, orders: int = 300, seed: int = 7, today: date = TODAY) -> World:
    database = folder / "simulator.db"
    return read_world(build_world(database, folder / "amazon_files", orders=orders, seed=seed, today=today), database)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("world"), orders=900)


def promised(each: int) -> Counter[str]:
    """How often each class is planted where each fault is planted so often."""
    more = Counter({name: times * each for name, times in MORE_CLASSES.items()})
    once = Counter(
        dict.fromkeys((*CHAIN_CLASSES, *BANK_CLASSES, *FILE_CLASSES), 1)
    )  # there are only twenty settlements
    return Counter(dict.fromkeys((*CLASSES, *PAYMENT_CLASSES, *ACTIVITY_CLASSES), each)) + more + once


def dump(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_the_same_seed_gives_the_same_books_and_the_same_bytes(tmp_path: Path) -> None:
    one, two = build(tmp_path / "one"), build(tmp_path / "two")
    assert dump(tmp_path / "one" / "simulator.db") == dump(tmp_path / "two" / "simulator.db")
    assert [p.name for p in one.summary.settlement_files] == [p.name for p in two.summary.settlement_files]
    for first, second in zip(
        (*one.summary.settlement_files, one.summary.bank_statement, one.summary.finances, one.summary.answer_key),
        (*two.summary.settlement_files, two.summary.bank_statement, two.summary.finances, two.summary.answer_key),
        strict=True,
    ):
        assert first.read_bytes() == second.read_bytes()


def test_another_seed_gives_another_company(tmp_path: Path) -> None:
    one, two = build(tmp_path / "one", seed=1), build(tmp_path / "two", seed=2)
    assert not set(one.orders()) & set(two.orders())
    secret = "SELECT consumer_secret FROM credential"
    assert one.books.execute(secret).fetchone()[0] != two.books.execute(secret).fetchone()[0]


def test_books_that_are_there_already_are_left_alone(tmp_path: Path) -> None:
    build(tmp_path)
    before = (tmp_path / "simulator.db").read_bytes()
    with pytest.raises(FileExistsError, match="holds books already"):
        build(tmp_path, seed=8)
    assert (tmp_path / "simulator.db").read_bytes() == before


def test_an_interrupted_build_leaves_no_books_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("nsbill.simulator.world.post_order", interrupt)
        with pytest.raises(KeyboardInterrupt):
            build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["amazon_files"]
    build(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"amazon_files", "answer_key.json", "simulator.db"}


def test_settlement_files_of_another_company_are_refused_and_its_own_are_written_again(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "simulator.db").unlink()
    with pytest.raises(FileExistsError, match="files of another company"):
        build(tmp_path, seed=8)
    assert not (tmp_path / "simulator.db").exists()
    build(tmp_path)


def test_too_few_orders_for_the_faults_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 30 orders"):
        build(tmp_path / "new", orders=29)
    assert not (tmp_path / "new").exists()


def test_the_statuses_come_in_the_promised_mix(world: World) -> None:
    found = dict(world.books.execute("SELECT status, COUNT(*) FROM txn WHERE type = 'SalesOrd' GROUP BY status"))
    assert sum(found.values()) == 900
    assert found == {"F": 540, "G": 198, "B": 81, "C": 36, "E": 18, "D": 9, "A": 9, "H": 9}
    assert found == world.key["orders_by_status"]


def test_amazon_order_ids_are_well_formed_and_unique(world: World) -> None:
    rows = world.books.execute("SELECT otherrefnum, etail_order_id FROM txn WHERE type = 'SalesOrd'").fetchall()
    well_formed = [row[0] for row in rows if AMAZON_ID.fullmatch(row[0])]
    assert all(row[0] == row[1] for row in rows)
    assert (len(rows), len(well_formed), len(set(well_formed))) == (900, 897, 894)  # three mistyped, three twice


OUT_OF_PLAN = """t.status = 'F' AND (t.total = 0 OR t.otherrefnum NOT LIKE '___-_______-_______' OR EXISTS
    (SELECT 1 FROM txn u WHERE u.type = 'SalesOrd' AND u.otherrefnum = t.otherrefnum AND u.id <> t.id))"""


def test_some_orders_that_are_pending_billing_must_be_skipped_by_a_plan(world: World) -> None:
    rows = world.books.execute(f"SELECT t.id, t.otherrefnum FROM txn t WHERE t.type = 'SalesOrd' AND {OUT_OF_PLAN}")
    assert world.key["skipped"] == {
        "malformed_amazon_order_id": 3,
        "nothing_to_bill": 3,
        "same_amazon_order_twice": 6,
    }
    found = rows.fetchall()
    assert len(found) == 12
    assert not any(world.money()[row[1], "USD"].received for row in found)


def test_every_total_is_the_sum_of_its_lines(world: World) -> None:
    wrong = world.books.execute(
        """SELECT t.tranid FROM txn t JOIN txnline l ON l.txn = t.id GROUP BY t.id
        HAVING t.total <> SUM(l.amount) + SUM(l.tax) OR t.tax <> SUM(l.tax) OR SUM(l.amount <> l.quantity * l.rate)"""
    ).fetchall()
    assert wrong == []


def test_billed_quantities_follow_the_status(world: World) -> None:
    rows = world.books.execute(
        """SELECT t.status, MIN(l.quantitybilled = l.quantity) AS whole, MAX(l.quantitybilled > 0) AS some,
        SUM(CASE WHEN l.item < 300 THEN l.quantityfulfilled ELSE 0 END) AS shipped,
        SUM(CASE WHEN l.item < 300 THEN l.quantity ELSE 0 END) AS units, t.shipdate,
        (SELECT COUNT(*) FROM link k WHERE k.previousdoc = t.id AND k.linktype = 'OrdBill') AS links
        FROM txn t JOIN txnline l ON l.txn = t.id WHERE t.type = 'SalesOrd' GROUP BY t.id"""
    ).fetchall()
    partly = 0
    for row in rows:
        status, whole, some, shipped, units = row["status"], row["whole"], row["some"], row["shipped"], row["units"]
        assert bool(some) == bool(row["links"])
        if status == "G":
            assert whole
            assert shipped == units
        elif status == "F":
            assert not whole
            assert shipped == units
            partly += bool(some)
        elif status in "DE":
            assert 0 < shipped < units
            assert bool(some) == (status == "D")
        else:
            assert not some
            assert shipped == 0
            assert row["shipdate"] is None
    assert partly == 18


def test_no_line_is_billed_twice_through_its_order(world: World) -> None:
    rows = world.books.execute(
        """SELECT k.previousdoc, k.previousline, SUM(b.quantity), o.quantitybilled FROM link k
        JOIN txnline b ON b.txn = k.nextdoc AND b.line = k.nextline
        JOIN txnline o ON o.txn = k.previousdoc AND o.line = k.previousline
        WHERE k.linktype = 'OrdBill' GROUP BY k.previousdoc, k.previousline HAVING SUM(b.quantity) <> o.quantitybilled"""
    ).fetchall()
    assert rows == []


def test_payments_and_credit_memos_cover_what_the_invoices_say(world: World) -> None:
    rows = world.books.execute(
        """SELECT t.tranid, t.total, t.paid, t.status, COALESCE(SUM(k.foreignamount), 0) AS linked FROM txn t
        LEFT JOIN link k ON k.previousdoc = t.id AND k.linktype = 'Payment' WHERE t.type = 'CustInvc' GROUP BY t.id"""
    ).fetchall()
    assert all(row["paid"] == row["linked"] <= row["total"] for row in rows)
    assert all((row["status"] == "B") == (row["paid"] == row["total"]) for row in rows)
    assert Counter("open" if not r["paid"] else r["status"] for r in rows).keys() == {"open", "A", "B"}


def test_about_one_order_in_seven_names_a_payment_method_and_a_few_became_cash_sales(world: World) -> None:
    count = world.books.execute("SELECT COUNT(paymentoption) FROM txn WHERE type = 'SalesOrd'").fetchone()[0]
    assert 90 <= count <= 180
    cash = world.books.execute("SELECT paymentoption, paid FROM txn WHERE type = 'CashSale'").fetchall()
    assert 1 <= len(cash) <= 30
    assert all(row["paymentoption"] for row in cash)


def test_documents_are_dated_before_today_and_in_an_accounting_period(world: World) -> None:
    rows = world.books.execute(
        "SELECT type, MIN(trandate), MAX(trandate), MAX(shipdate) FROM txn GROUP BY type"
    ).fetchall()
    for kind, first, last, shipped in rows:
        if kind != "CustInvc":  # some are planted in a closed period
            assert first >= str(TODAY - timedelta(days=70))
        assert last <= (str(TODAY) if kind == "SalesOrd" else str(TODAY - timedelta(days=1)))
        assert shipped is None or shipped < str(TODAY)
    outside = world.books.execute(
        """SELECT t.tranid FROM txn t LEFT JOIN accountingperiod p ON p.id = t.postingperiod
        WHERE t.type <> 'SalesOrd' AND (p.id IS NULL OR t.trandate NOT BETWEEN p.startdate AND p.enddate OR p.closed = 'T')"""
    ).fetchall()
    assert len(outside) == len(world.with_fault("CLOSED_PERIOD"))
    today = world.books.execute(
        "SELECT closed FROM accountingperiod WHERE ? BETWEEN startdate AND enddate", (str(TODAY),)
    ).fetchall()
    assert [row[0] for row in today] == ["F"]


def test_references_point_to_rows_that_exist(world: World) -> None:
    for column, table in (
        ("entity", "customer"), ("subsidiary", "subsidiary"), ("currency", "currency"), ("terms", "term"),
        ("paymentoption", "paymentmethod"), ("channel", "channel"), ("createdfrom", "txn"),
    ):  # fmt: skip
        lost = f"SELECT COUNT(*) FROM txn WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM {table})"
        assert world.books.execute(lost).fetchone()[0] == 0, column
    assert (
        world.books.execute("SELECT COUNT(*) FROM txnline WHERE item NOT IN (SELECT id FROM item)").fetchone()[0] == 0
    )


def test_the_saved_searches_are_those_that_the_simulator_promises(world: World) -> None:
    rows = {row["id"]: row for row in world.books.execute("SELECT * FROM savedsearch")}
    main, other = rows[1201], rows[1202]
    assert main["scriptid"] == "customsearch_nsbill_orders_to_bill"
    assert [column["name"] for column in json.loads(main["columns"])] == [
        "internalid", "tranid", "otherrefnum", "trandate", "shipdate", "statusref", "entity", "subsidiary",
        "custbody_celigo_etail_channel", "currency", "fxamount", "paymentmethod", "terms",
    ]  # fmt: skip
    assert [(f["name"], f["operator"], f["values"]) for f in json.loads(main["filters"])] == [
        ("mainline", "is", ["T"]),
        ("status", "anyof", ["SalesOrd:F"]),
        ("otherrefnum", "isnotempty", []),
    ]
    assert (other["scriptid"], other["title"]) == ("customsearch_open_orders", "Open sales orders")
    assert not {"otherrefnum", "currency", "fxamount"} & {column["name"] for column in json.loads(other["columns"])}
    assert len(rows) >= 3


def test_credentials_and_meta_are_filled(world: World) -> None:
    credential = world.books.execute("SELECT * FROM credential").fetchone()
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in tuple(credential)[:4])
    meta = dict(world.books.execute("SELECT key, value FROM meta").fetchall())
    assert meta["account"] == "9000001_SB1"
    assert (meta["orders"], meta["seed"], meta["today"]) == ("900", "7", "2026-11-22")
    assert {"script", "deploy", "saved_search", "instance"} <= meta.keys()


def test_each_class_is_planted_the_promised_number_of_times(world: World) -> None:
    found = Counter(row["exception_class"] for row in world.key["exceptions"])
    assert found == promised(3)
    faults = defaultdict(set)
    for row in world.key["exceptions"]:
        faults[row["amazon_order_id"]].add(row["exception_class"])
    faults.pop(None)
    several = {frozenset(names) for names in faults.values() if len(names) > 1}
    goods = "AMOUNT_MISMATCH_PRINCIPAL"
    assert several == {
        *(frozenset({goods, f"AMOUNT_MISMATCH_{kind}"}) for kind in ("SHIPPING", "GIFT_WRAP", "TAX", "PROMOTION")),
        frozenset({"OVERPAID", "DUPLICATE_SETTLEMENT_LINE"}),
        frozenset({"OVERPAID", "TAX_RESIDUAL"}),
        frozenset({"REFUND_WITHOUT_CREDIT_MEMO", "TAX_ONLY_REFUND"}),
    }, "no order carries two faults; some faults have two sides"


@pytest.mark.parametrize(
    "orders, seed, today",
    [
        (30, 1, TODAY),
        (100, 2, date(2027, 1, 1)),
        (300, 3, date(2024, 2, 29)),
        (300, 7, TODAY),
        (1500, 11, date(2026, 3, 8)),
    ],
)
def test_reconciling_by_the_rules_of_the_domain_finds_what_was_planted_and_nothing_else(
    tmp_path: Path, orders: int, seed: int, today: date
) -> None:
    world = build(tmp_path, orders=orders, seed=seed, today=today)
    names = ("exception_class", "amazon_order_id", "settlement_id", "currency", "amount")
    assert reconcile(world) == Counter(tuple(row[name] for name in names) for row in world.key["exceptions"])


def test_what_amazon_settled_of_a_faultless_order_is_what_netsuite_bills(world: World) -> None:
    planted, orders, checked, half = world.planted(), world.orders(), 0, 0
    for (amazon_id, _), money in world.money().items():
        if amazon_id in planted or not money.received:
            continue
        assert orders[amazon_id]["status"] in "FG"
        assert money.refund_leg >= 0
        if money.sale_leg:  # the second parcel is on its way
            half += 1
            assert released(orders[amazon_id]) > TODAY
        checked += 1
        assert money.received <= orders[amazon_id]["total"]
    assert checked > 500
    assert half < 10


def test_a_faultless_order_that_is_due_by_the_calendar_is_settled(world: World) -> None:
    planted, orders, settled = world.planted(), world.orders(), world.money()
    symbol = world.currencies()
    waiting = 0
    for amazon_id, order in orders.items():
        if order["status"] not in "FG" or amazon_id in planted:
            continue
        if not settled[amazon_id, symbol[order["currency"]]].received:
            waiting += 1
            assert not overdue(world, order)
            assert released(order) > TODAY, "not even the strictest reading of the calendar calls it late"
    assert waiting > 20


def test_the_statement_of_the_answer_key_can_be_added_up_from_books_and_files(world: World) -> None:
    names = ("billed", "received", "refunded", "credited", "fees", "net")
    query = f"SELECT t.otherrefnum FROM txn t WHERE t.type = 'SalesOrd' AND {OUT_OF_PLAN}"
    skipped = {row[0] for row in world.books.execute(query)}
    found = {
        key: tuple(text(getattr(money, name)) for name in names)
        for key, money in world.money().items()
        if any(getattr(money, name) for name in names) and key[0] not in skipped
    }
    columns = ("billed_gross", "received_gross", "refunded", "credited", "fee_withheld", "net_cash")
    told = {
        (row["amazon_order_id"], row["currency"]): tuple(row[name] for name in columns)
        for row in world.key["statement"]
    }
    assert found == told


def test_the_billable_totals_of_the_answer_key_are_what_is_open_on_the_orders(world: World) -> None:
    for name, letter in (("pending-billing", "F"), ("pending-fulfillment", "B")):
        rows = world.books.execute(
            f"""SELECT c.symbol, COUNT(*), SUM(t.total - COALESCE((SELECT SUM(b.total) FROM txn b WHERE b.createdfrom = t.id
            AND b.type IN ('CustInvc', 'CashSale')), 0)) FROM txn t JOIN currency c ON c.id = t.currency
            WHERE t.type = 'SalesOrd' AND t.status = ? AND NOT ({OUT_OF_PLAN}) GROUP BY c.symbol""",
            letter,
        ).fetchall()
        assert world.key["billable"][name]["count"] == sum(row[1] for row in rows)
        assert world.key["billable"][name]["totals"] == {row[0]: text(row[2]) for row in rows}


def test_a_large_company_is_built_in_seconds_and_omits_the_statement(tmp_path: Path) -> None:
    began = time.monotonic()
    database = tmp_path / "simulator.db"
    summary = build_world(database, tmp_path / "files", orders=20_001, seed=1, today=TODAY)
    assert time.monotonic() - began < 60
    key = json.loads(summary.answer_key.read_text(encoding="utf-8"))
    assert "statement" not in key
    assert Counter(row["exception_class"] for row in key["exceptions"]) == promised(67)
