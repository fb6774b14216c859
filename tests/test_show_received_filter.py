"""What the filters of the received panel show and leave out, without a widget."""

from __future__ import annotations

import time
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from show_samples import AS_OF, order_row, sample_reconciliation, sample_statement, statement_of, totals_of

from nsbill.desk import Desk
from nsbill.reconcile import Reconciliation
from nsbill.schemas import EXCEPTIONS
from nsbill.show.received_filter import ReceivedFilter, shown_orders
from nsbill.show.received_state import ReceivedState
from nsbill.vocabulary import ExceptionClass, StatementStatus

S = StatementStatus
OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))


def row(name: str, marketplace: str | None, status: StatementStatus, due: str, **days: Any) -> dict[str, Any]:
    return {**order_row(name, billed=due, status=status), "marketplace": marketplace, **days}


def exception(order: str | None, currency: str = "USD") -> dict[str, Any]:
    return {
        "exception_class": ExceptionClass.BILLED_NOT_SETTLED.value, "seller_account": "main", "amazon_order_id": order,
        "settlement_id": None, "currency": currency, "amount": Decimal("1.00"), "evidence": "-", "action": "-",
    }  # fmt: skip


ROWS = [
    row("A", "Amazon.com", S.AWAITING_SETTLEMENT, "10.00", order_date=date(2026, 9, 30)),
    row("B", "Amazon.com", S.PARTIALLY_SETTLED, "20.00", order_date=date(2026, 10, 1)),
    row("C", "Amazon.ca", S.AWAITING_SETTLEMENT, "40.00", order_date=date(2026, 10, 31)),
    row("D", None, S.DEFERRED, "80.00", order_date=None, first_billed=date(2026, 10, 15)),
    row("E", "Amazon.com", S.DEFERRED, "160.00", order_date=date(2026, 11, 1)),
    {**row("F", "Amazon.de", S.DEFERRED, "0.00"), "currency": "EUR"},
]
STATEMENT_ROWS = statement_of(ROWS)
WRONG = EXCEPTIONS.frame([exception("A"), exception("B"), exception("B"), exception(None), exception("F", "EUR")])


def show(chosen: ReceivedFilter) -> tuple[list[str], str]:
    shown = shown_orders(STATEMENT_ROWS, WRONG, chosen, currency="USD")
    return list(shown.statement["amazon_order_id"]), shown.sentence


@pytest.mark.parametrize(
    "chosen, orders",
    [
        (ReceivedFilter(), "A B C D E"),
        (ReceivedFilter(marketplace="Amazon.com"), "A B E"),
        (ReceivedFilter(marketplace=""), "D"),
        (ReceivedFilter(marketplace="Amazon.de"), ""),
        (ReceivedFilter(statuses=frozenset({S.DEFERRED})), "D E"),
        (ReceivedFilter(statuses=frozenset({S.DEFERRED, S.PARTIALLY_SETTLED})), "B D E"),
        (ReceivedFilter(begin=OCTOBER[0], end=OCTOBER[1]), "B C"),
        (ReceivedFilter(begin=OCTOBER[1]), "C E"),
        (ReceivedFilter(end=date(2026, 9, 30)), "A"),
        (ReceivedFilter(day="first_billed", begin=date(2026, 10, 15), end=date(2026, 10, 15)), "D"),
        (ReceivedFilter(marketplace="Amazon.com", statuses=frozenset({S.DEFERRED}), begin=OCTOBER[0]), "E"),
    ],
)
def test_orders_pass_that_fulfil_everything_that_is_asked_for(chosen: ReceivedFilter, orders: str) -> None:
    assert show(chosen)[0] == orders.split()


def test_what_is_left_out_is_counted_with_its_money() -> None:
    assert show(ReceivedFilter())[1] == ""
    assert show(ReceivedFilter(marketplace="Amazon.com", begin=OCTOBER[0]))[1] == (
        "Shown: 2 of 5 orders in USD (marketplace Amazon.com; ordered from 2026-10-01). "
        "Left out: 3 orders with 130.00 USD due in all. 1 order of the currency has no such day. "
        "Exceptions: 2 of 4, those of these orders; 2 are left out, 1 of them about no single order."
    )


def test_shown_and_left_out_add_up_to_the_statement() -> None:
    chosen = ReceivedFilter(statuses=frozenset({S.DEFERRED, S.PARTIALLY_SETTLED}))
    shown = shown_orders(STATEMENT_ROWS, WRONG, chosen, currency="USD")
    assert "Left out: 2 orders with 50.00 USD due" in shown.sentence
    assert sum(shown.statement["due"]) + Decimal("50.00") == Decimal("310.00")


def test_a_period_that_ends_before_it_begins_is_said() -> None:
    orders, sentence = show(ReceivedFilter(begin=OCTOBER[1], end=OCTOBER[0]))
    assert orders == []
    assert sentence.startswith("The period ends on 2026-10-01, before it begins on 2026-10-31")


def reconciled(statement: pd.DataFrame | None = None) -> tuple[ReceivedState, Reconciliation]:
    found = sample_reconciliation(statement=statement)
    desk = SimpleNamespace(today=lambda: AS_OF, reconcile=lambda _: found)
    state = ReceivedState(cast("Desk", desk))
    state.reconcile()
    return state, found


def test_without_a_filter_the_headline_is_the_totals() -> None:
    state, found = reconciled(sample_statement(100))
    for currency in state.currencies:
        state.choose_currency(currency)
        total = found.totals[found.totals["currency"] == currency].to_dict("records")[0]
        decimals = 0 if currency == "JPY" else 2
        assert dict(state.headline) == {
            **{
                words: f"{total[name]:,.{decimals}f} {currency}"
                for words, name in (
                    ("Billed", "billed_gross"), ("Received", "received"), ("Due", "due"), ("Overpaid", "overpaid"),
                    ("Fees withheld", "fee_withheld"), ("Net cash", "net_cash"),
                )
            },
            "Orders": f"{total['orders']:,}", "Exceptions": f"{total['exceptions']:,}",
        }  # fmt: skip


def test_headline_statement_and_exceptions_follow_the_filter_and_the_record_does_not() -> None:
    state, found = reconciled(STATEMENT_ROWS)
    recorded = state.figures
    state.narrow(statuses=frozenset({S.DEFERRED.value}), begin=OCTOBER[0])
    assert list(state.statement["amazon_order_id"]) == ["E"]
    mine = totals_of(state.statement, state.exceptions).to_dict("records")[0]
    assert dict(state.headline)["Due"] == f"{mine['due']:,.2f} USD" == "160.00 USD"
    assert dict(state.headline)["Orders"] == "1"
    assert state.orders == ["E"]
    assert state.figures == recorded
    assert found.statement is state.reconciliation.statement
    state.show_all()
    assert (len(state.statement), state.left_out) == (5, "")


def test_the_chosen_order_stays_while_it_is_shown_and_can_be_opened_when_it_is_not() -> None:
    state, _ = reconciled(STATEMENT_ROWS)
    state.order = "E"
    state.narrow(marketplace="Amazon.com")
    assert state.order == "E"
    state.narrow(marketplace="Amazon.ca")
    assert state.order == "C"
    state.reconcile()
    assert state.order == "C"
    state.order = "A"  # written by hand
    assert state.order_blockers == []
    assert list(state.order_rows["due"]) == [Decimal("10.00")]
    state.order = "F"
    assert "There is no Amazon order F in USD" in state.order_blockers[0]


def test_nothing_shown_leaves_no_order_chosen() -> None:
    state, _ = reconciled(STATEMENT_ROWS)
    state.narrow(begin=date(2030, 1, 1))
    assert (state.order, len(state.statement), dict(state.headline)["Due"]) == ("", 0, "0.00 USD")
    assert state.order_blockers == ["Choose an Amazon order."]


def test_another_currency_lets_a_marketplace_go_that_it_does_not_have() -> None:
    state, _ = reconciled(STATEMENT_ROWS)
    assert state.marketplaces == ["", "Amazon.ca", "Amazon.com"]
    assert state.status_counts == [(S.PARTIALLY_SETTLED, 1), (S.DEFERRED, 2), (S.AWAITING_SETTLEMENT, 2)]
    state.narrow(marketplace="Amazon.com", statuses=frozenset({S.DEFERRED.value}))
    state.choose_currency("EUR")
    assert state.filter == ReceivedFilter(statuses=frozenset({S.DEFERRED.value}))
    assert list(state.statement["amazon_order_id"]) == ["F"]


def test_a_hundred_thousand_orders_are_filtered_while_one_looks() -> None:
    few = sample_statement(1000)
    many = few.loc[few.index.repeat(100)].reset_index(drop=True)
    chosen = ReceivedFilter("Amazon.com", frozenset({S.PARTIALLY_SETTLED}), begin=AS_OF - timedelta(days=60))
    started = time.perf_counter()
    shown = shown_orders(many, WRONG, chosen, currency="USD")
    assert time.perf_counter() - started < 1
    assert 0 < len(shown.statement) < len(many)
