from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from simulator_account import RECORD, Account, open_account, rest_error


@pytest.fixture(scope="module")
def ns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("books")) as account:
        yield account
        _check_balance(account)


def _check_balance(ns: Account) -> None:
    """After whatever tests ran on these books: what documents are paid is what their links say."""
    connection = ns.simulator.control_state.books.reader()
    rows = connection.execute(
        "SELECT t.id, t.type, t.paid, t.total, t.status, "
        "(SELECT COALESCE(SUM(foreignamount), 0) FROM link WHERE previousdoc = t.id AND linktype IN ('Payment', 'Refund') "
        "AND nexttype <> 'Deposit') AS got, "
        "(SELECT COALESCE(SUM(foreignamount), 0) FROM link WHERE nextdoc = t.id AND linktype IN ('Payment', 'Refund')) AS gave "
        "FROM txn t WHERE t.type IN ('CustInvc', 'CustCred', 'CustPymt', 'CustRfnd')"
    ).fetchall()
    assert len(rows) >= 4
    for row in rows:
        assert row["paid"] == row["got"] + row["gave"], dict(row)
        assert 0 <= row["paid"] <= row["total"], dict(row)
        if row["type"] in ("CustInvc", "CustCred"):
            assert row["status"] == ("B" if row["paid"] == row["total"] else "A"), dict(row)


BASE = {"entity": {"id": "201"}, "tranDate": "2026-02-10"}
PAYER = {"customer": {"id": "201"}, "tranDate": "2026-02-12"}


def _items(amount: float, **more: Any) -> dict[str, Any]:
    return {"items": [{"item": {"id": "11"}, "amount": amount, **more}]}


def _invoice(ns: Account, amount: float, **more: Any) -> str:
    return ns.create("invoice", BASE | {"item": _items(amount)} | more)


def _credit(ns: Account, amount: float, **more: Any) -> str:
    return ns.create("creditMemo", BASE | {"item": _items(amount)} | more)


def _apply(*lines: tuple[str, float | None] | tuple[str, float | None, bool]) -> dict[str, Any]:
    """Apply lines: document, amount (none: left out), applied or not."""
    items = []
    for doc, amount, *rest in lines:
        item: dict[str, Any] = {"doc": {"id": doc}, "apply": rest[0] if rest else True}
        items.append(item if amount is None else item | {"amount": amount})
    return {"items": items}


def _state(ns: Account, invoice: str) -> str:
    body = ns.record(f"/invoice/{invoice}")
    return f"{body['status']['id']} {body['amountPaid']:.2f} {body['amountRemaining']:.2f}"


def _links(ns: Account, payment: str) -> list[tuple[str, str, str]]:
    rows = ns.rows(
        "SELECT previousdoc, linktype, foreignamount FROM nexttransactionlinelink WHERE nextdoc = ? ORDER BY previousdoc",
        payment,
    )
    return [(row["previousdoc"], row["linktype"], row["foreignamount"]) for row in rows]


# --- customer payments ------------------------------------------------------------------------------------------


def test_a_payment_settles_invoices_whole_and_in_part(ns: Account) -> None:
    one, two = _invoice(ns, 100), _invoice(ns, 50.50)
    body = PAYER | {"account": {"id": "4"}, "payment": 130, "apply": _apply((one, 100), (two, 20.25))}
    payment = ns.create("customerPayment", body)
    assert (_state(ns, one), _state(ns, two)) == ("B 100.00 0.00", "A 20.25 30.25")
    shown = ns.record(f"/customerPayment/{payment}")
    assert (shown["payment"], shown["applied"], shown["unapplied"]) == (130, Decimal("120.25"), Decimal("9.75"))
    assert shown["account"]["refName"] == "1160 Amazon Clearing"
    assert shown["status"]["refName"] == "Deposited"  # straight into an account
    assert _links(ns, payment) == [(one, "Payment", "100"), (two, "Payment", "20.25")]
    paid = ns.rows("SELECT foreignamountpaid, foreignamountunpaid, status FROM transaction WHERE id = ?", two)
    assert paid == [{"foreignamountpaid": "20.25", "foreignamountunpaid": "30.25", "status": "A"}]
    used = ns.rows(
        "SELECT foreignpaymentamountused u, foreignpaymentamountunused n FROM transaction WHERE id = ?", payment
    )
    assert used == [{"u": "120.25", "n": "9.75"}]


def test_without_an_amount_a_line_takes_what_is_due_and_the_payment_is_their_sum(ns: Account) -> None:
    one, two = _invoice(ns, 10), _invoice(ns, 20)
    payment = ns.create("customerPayment", PAYER | {"apply": _apply((one, None), (two, 5))})
    shown = ns.record(f"/customerPayment/{payment}")
    assert (shown["payment"], shown["unapplied"]) == (15, 0)
    assert shown["status"]["refName"] == "Not Deposited"
    assert shown["undepFunds"]["id"] == "T"


def test_auto_apply_pays_the_oldest_invoice_first(ns: Account) -> None:
    customer = ns.create("customer", {"companyName": "Auto", "subsidiary": {"id": "1"}})
    own = {"entity": {"id": customer}}
    late = _invoice(ns, 10, **own, tranDate="2026-02-20")
    early = _invoice(ns, 10, **own, tranDate="2026-02-02")
    ns.create(
        "customerPayment", {"customer": {"id": customer}, "tranDate": "2026-02-21", "payment": 15, "autoApply": True}
    )
    assert (_state(ns, early), _state(ns, late)) == ("B 10.00 0.00", "A 5.00 5.00")


@pytest.mark.parametrize(
    "payment,applied,text",
    [
        (100, 10.01, "cannot apply more than the amount due"),
        (5, 6, "cannot apply more than your total payments"),
        (100, -1, "cannot apply more than the amount due"),
        (0, 0, "Please enter value(s) for: Payment Amount"),
        (-5, 0, "Please enter value(s) for: Payment Amount"),
    ],
)
def test_amounts_that_cannot_be_applied_are_refused_and_nothing_is_kept(
    ns: Account, payment: float, applied: float, text: str
) -> None:
    invoice = _invoice(ns, 10)
    answer = ns.call(
        "POST", f"{RECORD}/customerPayment", json=PAYER | {"payment": payment, "apply": _apply((invoice, applied))}
    )
    status, code, detail = rest_error(answer)
    assert (status, code) == (400, "USER_ERROR")
    assert text in detail
    assert _state(ns, invoice) == "A 0.00 10.00"
    assert ns.rows("SELECT nextdoc FROM nexttransactionlinelink WHERE previousdoc = ?", invoice) == []


def test_only_open_invoices_of_the_same_customer_and_currency_can_be_paid(ns: Account) -> None:
    other = ns.create("customer", {"companyName": "Other", "subsidiary": {"id": "1"}})
    foreign = _invoice(ns, 10, entity={"id": other})
    euro = _invoice(ns, 10, currency={"id": "2"}, exchangeRate=1.1)
    for document in (foreign, euro, "106", "99999"):
        answer = ns.call(
            "POST", f"{RECORD}/customerPayment", json=PAYER | {"payment": 10, "apply": _apply((document, 1))}
        )
        assert f"Invalid Field Value {document} for the following field: doc" in rest_error(answer)[2]
        assert answer.json()["o:errorDetails"][0]["o:errorPath"] == "apply.items[0].doc"


def test_the_customer_is_called_customer_and_not_entity(ns: Account) -> None:
    body = {"entity": {"id": "201"}, "payment": 1, "tranDate": "2026-02-10"}
    assert rest_error(ns.call("POST", f"{RECORD}/customerPayment", json=body))[2].endswith("for: Customer")
    headers = {"X-NetSuite-PropertyNameValidation": "error"}
    answer = ns.call("POST", f"{RECORD}/customerPayment", json=body, headers=headers)
    assert "Property 'entity' was not found in the resource 'customerPayment'" in rest_error(answer)[2]


def test_a_patch_changes_adds_and_takes_back_applications(ns: Account) -> None:
    one, two, three = _invoice(ns, 10), _invoice(ns, 20), _invoice(ns, 30)
    payment = ns.create("customerPayment", PAYER | {"payment": 40, "apply": _apply((one, 10), (two, 20))})
    change = {"customer": {"id": "201"}, "apply": _apply((one, None, False), (two, 15), (three, 12.50))}
    assert ns.patch(f"/customerPayment/{payment}", change).status_code == 204
    assert [_state(ns, key) for key in (one, two, three)] == ["A 0.00 10.00", "A 15.00 5.00", "A 12.50 17.50"]
    assert ns.record(f"/customerPayment/{payment}")["unapplied"] == Decimal("12.5")
    assert ns.patch(f"/customerPayment/{payment}", {"apply": _apply((two, 0))}).status_code == 204
    assert (_state(ns, two), _state(ns, three)) == ("A 0.00 20.00", "A 12.50 17.50")
    params = {"replace": "apply"}
    assert ns.patch(f"/customerPayment/{payment}", {"apply": _apply((one, 10))}, params=params).status_code == 204
    assert [_state(ns, key) for key in (one, two, three)] == ["B 10.00 0.00", "A 0.00 20.00", "A 0.00 30.00"]
    assert _links(ns, payment) == [(one, "Payment", "10")]


def test_a_patch_that_goes_too_far_leaves_everything_as_it_was(ns: Account) -> None:
    one, two = _invoice(ns, 10), _invoice(ns, 20)
    payment = ns.create("customerPayment", PAYER | {"payment": 10, "apply": _apply((one, 10))})
    assert rest_error(ns.patch(f"/customerPayment/{payment}", {"apply": _apply((two, 1))}))[0] == 400
    assert rest_error(ns.patch(f"/customerPayment/{payment}", {"payment": 5}))[0] == 400
    assert (_state(ns, one), _state(ns, two)) == ("B 10.00 0.00", "A 0.00 20.00")
    assert ns.patch(f"/customerPayment/{payment}", {"payment": 12, "apply": _apply((two, 2))}).status_code == 204
    assert (_state(ns, one), _state(ns, two)) == ("B 10.00 0.00", "A 2.00 18.00")


@pytest.mark.parametrize(
    "change,text",
    [
        ({"payment": None}, "Payment Amount"),
        ({"payment": 0}, "Payment Amount"),
        ({"tranDate": None}, "Date"),
        ({"undepFunds": False}, "Account"),
    ],
)
def test_what_a_payment_must_have_cannot_be_emptied(ns: Account, change: Any, text: str) -> None:
    payment = _undeposited(ns, 10)
    assert rest_error(ns.patch(f"/customerPayment/{payment}", change))[2].endswith(f"Please enter value(s) for: {text}")


def test_naming_an_account_takes_a_payment_out_of_undeposited_funds_and_back(ns: Account) -> None:
    payment = _undeposited(ns, 10)
    assert ns.patch(f"/customerPayment/{payment}", {"account": {"id": "4"}}).status_code == 204
    assert _status(ns, f"/customerPayment/{payment}") == "Deposited"
    assert ns.patch(f"/customerPayment/{payment}", {"undepFunds": False}).status_code == 204  # as it is
    assert ns.record(f"/customerPayment/{payment}")["account"]["id"] == "4"
    assert ns.patch(f"/customerPayment/{payment}", {"undepFunds": True}).status_code == 204
    shown = ns.record(f"/customerPayment/{payment}")
    assert shown["status"]["refName"] == "Not Deposited"
    assert "account" not in shown


def test_deleting_a_payment_opens_its_invoices_again(ns: Account) -> None:
    invoice = _invoice(ns, 10)
    payment = ns.create("customerPayment", PAYER | {"apply": _apply((invoice, 10))})
    assert "dependent records" in rest_error(ns.delete(f"/invoice/{invoice}"))[2]
    assert ns.delete(f"/customerPayment/{payment}").status_code == 204
    assert _state(ns, invoice) == "A 0.00 10.00"
    assert ns.delete(f"/invoice/{invoice}").status_code == 204


# --- credit memos and refunds -----------------------------------------------------------------------------------


def test_a_credit_memo_is_applied_like_a_payment(ns: Account) -> None:
    invoice = _invoice(ns, 30)
    memo = _credit(ns, 12, apply=_apply((invoice, 10)))
    shown = ns.record(f"/creditMemo/{memo}")
    assert (shown["status"]["refName"], shown["applied"], shown["unapplied"]) == ("Open", 10, 2)
    assert shown["apply"]["items"][0]["doc"]["refName"].startswith("Invoice #")
    assert _state(ns, invoice) == "A 10.00 20.00"
    assert ns.patch(f"/creditMemo/{memo}", {"apply": _apply((invoice, 12))}).status_code == 204
    assert ns.record(f"/creditMemo/{memo}")["status"]["refName"] == "Fully Applied"
    total = ns.rows("SELECT foreigntotal, foreignpaymentamountused FROM transaction WHERE id = ?", memo)
    assert total == [{"foreigntotal": "-12", "foreignpaymentamountused": "12"}]
    assert _links(ns, memo) == [(invoice, "Payment", "12")]


def test_a_customer_refund_pays_out_what_a_credit_memo_has_left(ns: Account) -> None:
    memo = _credit(ns, 12)
    body = PAYER | {"account": {"id": "1"}, "apply": _apply((memo, 5))}
    refund = ns.create("customerRefund", body)
    shown = ns.record(f"/customerRefund/{refund}")
    assert (shown["total"], shown["account"]["refName"], shown["deposit"]["items"]) == (5, "1000 Checking", [])
    assert shown["apply"]["items"][0]["type"] == "Credit Memo"
    assert ns.record(f"/creditMemo/{memo}")["unapplied"] == 7
    assert ns.patch(f"/customerRefund/{refund}", {"apply": _apply((memo, 12))}).status_code == 204
    assert ns.record(f"/creditMemo/{memo}")["status"]["id"] == "B"
    assert ns.record(f"/customerRefund/{refund}")["total"] == 12
    assert "dependent records" in rest_error(ns.delete(f"/creditMemo/{memo}"))[2]
    assert ns.delete(f"/customerRefund/{refund}").status_code == 204
    assert ns.record(f"/creditMemo/{memo}")["unapplied"] == 12


def test_a_customer_refund_needs_an_account_and_something_to_refund(ns: Account) -> None:
    memo = _credit(ns, 5)
    refused = [
        ({"apply": _apply((memo, 5))}, "Please enter value(s) for: Account"),
        ({"account": {"id": "1"}}, "You must enter at least one line item"),
        ({"account": {"id": "1"}, "apply": _apply((memo, 6))}, "cannot apply more than the amount due"),
        ({"account": {"id": "1"}, "apply": _apply((_invoice(ns, 5), 5))}, "for the following field: doc"),
    ]
    for body, text in refused:
        assert text in rest_error(ns.call("POST", f"{RECORD}/customerRefund", json=PAYER | body))[2]


def test_a_cash_refund_stands_alone(ns: Account) -> None:
    body = BASE | {"item": _items(8, taxAmount=0.64), "paymentMethod": {"id": "3"}, "account": {"id": "1"}}
    refund = ns.create("cashRefund", body)
    assert ns.record(f"/cashRefund/{refund}")["total"] == Decimal("8.64")
    assert ns.rows("SELECT foreigntotal FROM transaction WHERE id = ?", refund) == [{"foreigntotal": "-8.64"}]


# --- deposits ---------------------------------------------------------------------------------------------------


def _undeposited(ns: Account, amount: float) -> str:
    return ns.create("customerPayment", PAYER | {"payment": amount})


def _status(ns: Account, path: str) -> str:
    return str(ns.record(path)["status"]["refName"])


def test_a_deposit_takes_undeposited_payments_less_fees_to_the_bank(ns: Account) -> None:
    payment, sale = _undeposited(ns, 100), ns.create("cashSale", BASE | {"item": _items(20)})
    deposit = ns.create(
        "deposit",
        {
            "account": {"id": "1"},
            "tranDate": "2026-02-15",
            "memo": "Settlement 1",
            "payment": {"items": [{"id": int(payment), "deposit": True}, {"id": int(sale), "deposit": True}]},
            "other": {"items": [{"account": {"id": "4"}, "amount": -3.10, "memo": "Reserve"}]},
            "cashback": {"items": [{"account": {"id": "11"}, "amount": 15.25, "memo": "Fees"}]},
        },
    )
    shown = ns.record(f"/deposit/{deposit}")
    assert shown["total"] == Decimal("101.65")
    assert [(one["id"], one["paymentAmount"]) for one in shown["payment"]["items"]] == [
        (int(payment), 100),
        (int(sale), 20),
    ]
    assert shown["cashback"]["items"][0]["account"]["refName"] == "6100 Amazon Fees"
    assert shown["other"]["items"][0]["amount"] == Decimal("-3.1")
    assert (_status(ns, f"/customerPayment/{payment}"), _status(ns, f"/cashSale/{sale}")) == ("Deposited", "Deposited")
    assert ns.rows("SELECT type, foreigntotal FROM transaction WHERE id = ?", deposit) == [
        {"type": "Deposit", "foreigntotal": "101.65"}
    ]
    assert "dependent records" in rest_error(ns.delete(f"/customerPayment/{payment}"))[2]
    assert ns.delete(f"/deposit/{deposit}").status_code == 204
    assert _status(ns, f"/customerPayment/{payment}") == "Not Deposited"
    assert ns.delete(f"/customerPayment/{payment}").status_code == 204


def test_a_payment_is_deposited_once(ns: Account) -> None:
    payment = _undeposited(ns, 10)
    straight = ns.create("customerPayment", PAYER | {"payment": 10, "account": {"id": "1"}})
    body = {"account": {"id": "1"}, "tranDate": "2026-02-15", "payment": {"items": [{"id": int(payment)}]}}
    first = ns.create("deposit", body)
    again = ns.call("POST", f"{RECORD}/deposit", json=body)
    assert again.json()["o:errorDetails"][0]["o:errorPath"] == "payment.items[0].id"
    for wrong in (int(straight), 901, 99999):
        answer = ns.call("POST", f"{RECORD}/deposit", json=body | {"payment": {"items": [{"id": wrong}]}})
        assert f"Invalid Field Value {wrong}" in rest_error(answer)[2]
    assert ns.record(f"/deposit/{first}")["total"] == 10


def test_a_deposit_is_changed_line_by_line(ns: Account) -> None:
    one, two = _undeposited(ns, 10), _undeposited(ns, 20)
    line = {"account": {"id": "11"}, "amount": 1}
    body = {
        "account": {"id": "1"}, "tranDate": "2026-02-15", "payment": {"items": [{"id": int(one)}]},
        "cashback": {"items": [line, line]},
    }  # fmt: skip
    deposit = ns.create("deposit", body)
    change = {
        "payment": {"items": [{"id": int(one), "deposit": False}, {"id": int(two), "deposit": True}]},
        "cashback": {"items": [{"line": 2, "amount": 4.50}]},
    }
    assert ns.patch(f"/deposit/{deposit}", change).status_code == 204
    assert ns.record(f"/deposit/{deposit}")["total"] == Decimal("14.5")
    assert (_status(ns, f"/customerPayment/{one}"), _status(ns, f"/customerPayment/{two}")) == (
        "Not Deposited",
        "Deposited",
    )
    params = {"replace": "cashback"}
    assert ns.patch(f"/deposit/{deposit}", {"cashback": {"items": [{"line": 1}]}}, params=params).status_code == 204
    assert ns.record(f"/deposit/{deposit}")["total"] == 19


@pytest.mark.parametrize(
    "body,text",
    [
        ({"subsidiary": {"id": "1"}}, "Please enter value(s) for: Account"),
        ({"account": {"id": "1"}}, "Please enter value(s) for: Subsidiary"),
        ({"account": {"id": "1"}, "subsidiary": {"id": "1"}}, "You must enter at least one line item"),
        (
            {"account": {"id": "99"}, "subsidiary": {"id": "1"}},
            "Invalid Field Value 99 for the following field: account",
        ),
        ({"account": {"id": "1"}, "subsidiary": {"id": "1"}, "other": {"items": [{"amount": 5}]}}, "for: Account"),
        (
            {"account": {"id": "1"}, "subsidiary": {"id": "1"}, "other": {"items": [{"account": {"id": "4"}}]}},
            "for: Amount",
        ),
        (
            {
                "account": {"id": "1"},
                "subsidiary": {"id": "1"},
                "cashback": {"items": [{"account": {"id": "11"}, "amount": 5}]},
            },
            "cannot be negative",
        ),
    ],
)
def test_what_is_wrong_with_a_deposit_is_refused(ns: Account, body: Any, text: str) -> None:
    before = ns.get("/deposit").json()["totalResults"]
    status, code, detail = rest_error(ns.call("POST", f"{RECORD}/deposit", json={"tranDate": "2026-02-15"} | body))
    assert (status, code) == (400, "USER_ERROR")
    assert text in detail
    assert ns.get("/deposit").json()["totalResults"] == before


def test_a_deposited_payment_keeps_its_account(ns: Account) -> None:
    payment = _undeposited(ns, 10)
    ns.create(
        "deposit", {"account": {"id": "1"}, "tranDate": "2026-02-15", "payment": {"items": [{"id": int(payment)}]}}
    )
    answer = ns.patch(f"/customerPayment/{payment}", {"account": {"id": "4"}})
    assert "on a deposit" in rest_error(answer)[2]
