"""nsbill.billing.dry_run, and what a plan makes of it: what has shipped of an order is billed, to NetSuite's own cent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from simulator_account import Account, open_account

from nsbill.billing.dry_run import read_document
from nsbill.billing.plan import Plan
from nsbill.billing.run import carry_out
from nsbill.credentials import TokenCredentials
from nsbill.desk import Desk
from nsbill.errors import BillingRefused, NetSuiteError
from nsbill.settings import save_settings
from nsbill.simulator import tables

SEARCH = "customsearch_nsbill_orders_to_bill"
STATUSES = ["SalesOrd:B", "SalesOrd:D", "SalesOrd:E", "SalesOrd:F"]
SECRETS = ("consumer_key", "consumer_secret", "token_id", "token_secret")


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as opened:
        opened.result(action="set_status", search=SEARCH, statuses=STATUSES)
        yield opened


@pytest.fixture
def desk(account: Account, tmp_path: Path) -> Iterator[Desk]:
    given = account.keys
    plain = {name: value for name, value in given.items() if name not in (*SECRETS, "client_id")}
    settings = save_settings(tmp_path, {**plain, "saved_search": SEARCH, "transaction_date": "2026-02-10"})
    with Desk(tmp_path, settings, TokenCredentials.of({name: given[name] for name in SECRETS})) as opened:
        yield opened


def reasons(plan: Plan) -> dict[str, str]:
    return dict(zip(plan.skipped["sales_order_id"], plan.skipped["reason"], strict=True))


def row(plan: Plan, order: str) -> pd.Series:
    [found] = [row for _, row in plan.to_bill.iterrows() if row["sales_order_id"] == order]
    return found


def explanation(plan: Plan, order: str) -> str:
    told = dict(zip(plan.skipped["sales_order_id"], plan.skipped["explanation"], strict=True))
    return str(told[order])


def change(tmp_path: Path, sql: str) -> None:
    books = tables.connect(tmp_path / "books.db")
    books.execute(sql)
    books.close()


def test_what_has_shipped_is_billed_and_the_rest_when_it_ships(desk: Desk, account: Account, tmp_path: Path) -> None:
    plan = desk.preview()
    part = row(plan, "105")  # two mugs shipped at 10.00 with 1.60 tax, and shipping 5.00; the pot at 27.00 has not
    assert (part["amount"], part["part"], part["shipped_only"]) == (Decimal("26.60"), 1, True)
    assert part["note"] == "Bills what has shipped; 27.00 USD stay until the rest has."
    assert reasons(plan)["104"] == "partially_fulfilled"
    assert "What of it has shipped is billed" in explanation(plan, "104")
    result = desk.bill(plan)
    assert result.counts == {"created": len(plan.to_bill)}
    assert result.differences == ()
    assert reasons(desk.preview())["105"] == "partially_fulfilled"
    change(tmp_path, "UPDATE txnline SET quantityfulfilled = quantity WHERE txn = 105")
    change(tmp_path, "UPDATE txn SET status = 'F' WHERE id = 105")
    rest = desk.preview()
    last = row(rest, "105")
    assert (last["amount"], last["part"], last["external_id"]) == (Decimal("27.00"), 2, "nsbill-INV-105-2")
    assert last["note"].startswith("Part 2: 26.60 USD are billed by ")
    assert desk.bill(rest).differences == ()
    assert account.record("/salesOrder/105")["status"]["id"] == "G"


def test_shipped_goods_of_a_partly_billed_order_are_billed_also_when_netsuite_calls_it_partially_fulfilled(
    desk: Desk, tmp_path: Path
) -> None:
    change(tmp_path, "UPDATE txnline SET quantityfulfilled = 2 WHERE txn = 104")  # the second mug has shipped too
    change(
        tmp_path,
        "INSERT INTO txnline (txn, line, item, quantity, rate, amount, tax) VALUES (104, 2, 12, 1, 2500, 2500, 200)",
    )
    change(tmp_path, "UPDATE txn SET total = total + 2700 WHERE id = 104")
    part = row(desk.preview(), "104")
    assert (part["status"], part["amount"], part["part"]) == ("D", Decimal("10.80"), 2)


def test_orders_of_which_a_part_has_shipped_wait_when_the_setting_says_so(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(update={"partially_shipped": "skip"})
    plan = desk.preview()
    assert reasons(plan)["105"] == "partially_fulfilled"
    assert "'partially_shipped' says skip" in explanation(plan, "105")


@pytest.mark.parametrize("visible", ["T", "F"])
def test_an_account_that_invoices_in_advance_does_not_make_unshipped_goods_billed(
    desk: Desk, account: Account, visible: str
) -> None:
    account.simulator.control("preferences", {"invoice_in_advance": "T", "account_settings_visible": visible})
    account.result(action="set_status", search=SEARCH, statuses=["SalesOrd:E"])
    plan = desk.preview()
    assert reasons(plan) == {"105": "partially_fulfilled"}
    assert "also what has not shipped" in plan.skipped["explanation"].iloc[0]


def test_pending_fulfillment_is_billed_only_where_the_preference_lets_it(desk: Desk, account: Account) -> None:
    account.result(action="set_status", search=SEARCH, statuses=["SalesOrd:B"])
    off = desk.preview()
    assert set(off.skipped["reason"]) == {"not_in_advance"}
    assert "'Invoice in Advance of Fulfillment' is off" in off.skipped["explanation"].iloc[0]
    account.simulator.control("preferences", {"invoice_in_advance": "T"})
    on = desk.preview()
    assert (len(on.to_bill), len(on.skipped)) == (2, 0)
    account.simulator.control("preferences", {"account_settings_visible": "F"})
    hidden = desk.preview()
    assert len(hidden.to_bill) == 2
    assert "2 of the orders are Pending Fulfillment" in hidden.notices[-1]


def test_an_order_that_netsuite_would_refuse_is_skipped_with_its_words(desk: Desk, account: Account) -> None:
    account.simulator.control("preferences", {"mandatory_fields": "class"})
    plan = desk.preview()
    assert reasons(plan)["105"] == "refused_by_netsuite"
    assert "Class" in explanation(plan, "105")


def test_an_order_without_a_clear_answer_is_skipped_and_the_others_are_planned(desk: Desk, account: Account) -> None:
    fault = {"where": "transform", "kind": "drop_before", "times": 1}
    account.simulator.control("faults", {"faults": [fault], "seed": 1})
    plan = desk.preview()
    assert "not_previewed" in reasons(plan).values()
    assert plan.orders == len(plan.to_bill) + len(plan.skipped) == 8


def test_an_exact_check_compares_amounts_and_asks_about_partial_bills_first(desk: Desk, tmp_path: Path) -> None:
    plan = desk.preview()
    assert desk.check_exactly(plan).differences == ()
    assert desk.check_exactly(plan).checked == len(plan.to_bill)
    change(tmp_path, "UPDATE txnline SET amount = amount + 1 WHERE txn = 105 AND line = 1")
    change(tmp_path, "UPDATE txn SET status = 'H' WHERE id = 106")
    found = desk.check_exactly(plan, sample=1)
    assert (found.checked, found.differences) == (
        1,
        ("SO105: NetSuite would bill 26.61 USD, planned are 26.60 USD.",),
    )
    everything = desk.check_exactly(plan)
    assert len(everything.differences) == 2
    assert everything.differences[1].startswith("SO106: NetSuite would refuse it. ")


def test_one_orders_document_has_netsuites_lines_and_says_what_is_not_as_planned(desk: Desk, tmp_path: Path) -> None:
    plan = desk.preview()
    made = read_document(desk.client, plan, "105")
    assert made.bill is not None
    assert (made.bill.total, made.currency, made.differences) == (Decimal("26.60"), "USD", ())
    assert sum(line.amount for line in made.bill.lines) + made.bill.tax == made.bill.total
    change(tmp_path, "UPDATE txn SET status = 'H' WHERE id = 106")
    refused = read_document(desk.client, plan, "106")
    assert refused.bill is None
    assert refused.differences[0].startswith("SO106: NetSuite would refuse it. ")
    with pytest.raises(BillingRefused, match="sales order 104 is not in it"):
        read_document(desk.client, plan, "104")
    assert desk.bill(desk.preview()).clean  # nothing had been saved by looking


def test_a_limit_in_the_settings_stops_a_run_before_anything_is_sent(desk: Desk) -> None:
    plan = desk.preview()
    desk.settings = desk.settings.model_copy(update={"max_orders": len(plan.to_bill) - 1})
    with pytest.raises(BillingRefused, match="beyond the limits in the settings"):
        desk.bill(plan)
    desk.settings = desk.settings.model_copy(update={"max_orders": len(plan.to_bill)})
    assert desk.bill(plan).complete


def test_an_account_that_saves_dry_runs_is_found_out_with_the_first_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def saved(_client: object, order: str, *_: object, **__: object) -> None:
        asked.append(order)
        raise NetSuiteError("Try", status=200, code="NO_DRY_RUN", detail="it may have saved it", remedy="Look.")

    plan = desk.preview()
    monkeypatch.setattr("nsbill.billing.dry_run.preview_bill", saved)
    with pytest.raises(NetSuiteError, match="may have saved"):
        desk.check_exactly(plan)
    assert len(asked) == 1


def test_the_parts_of_an_order_with_a_discount_and_odd_tax_add_up_to_it_to_the_cent(
    desk: Desk, account: Account, tmp_path: Path
) -> None:
    """Three of an item for 10.00 and tax 1.00, a discount of 1.00 for all: neither can be shared out evenly by three."""
    change(
        tmp_path,
        "INSERT INTO txnline (txn, line, item, quantity, rate, amount, tax) VALUES (112, 2, 31, 1, -100, -100, 0)",
    )
    change(tmp_path, "UPDATE txn SET total = 1000 + 100 - 100 WHERE id = 112")
    made = []
    for shipped, status in ((1, "E"), (2, "E"), (3, "F")):
        change(tmp_path, f"UPDATE txnline SET quantityfulfilled = {shipped} WHERE txn = 112 AND line = 1")
        change(tmp_path, f"UPDATE txn SET status = '{status}' WHERE id = 112")
        plan = desk.preview()
        part = row(plan, "112")
        assert part["shipped_only"] == (shipped < 3)
        mine = plan.to_bill[plan.to_bill["sales_order_id"] == "112"].reset_index(drop=True)
        result = carry_out(replace(plan, to_bill=mine), journal=desk.journal, client=desk.client)
        assert (result.counts, result.differences) == ({"created": 1}, ())
        made.append((part["external_id"], part["amount"]))
    amounts = [Decimal("2.66"), Decimal("3.66"), Decimal("3.68")]  # the last part carries what the others left
    assert made == [(f"nsbill-INV-112-{n}", amount) for n, amount in enumerate(amounts, 1)]
    assert sum(amounts) == Decimal("10.00")
    assert account.record("/salesOrder/112")["status"]["id"] == "G"
