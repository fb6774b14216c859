"""Charts of due by reason, over time, and of one order's events: exact sums, nothing left out, texts as text."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from show_samples import AS_OF, HOSTILE, SCRIPT, order_row, sample_statement, statement_of

from nsbill.money import ZERO
from nsbill.schemas import ALLOCATION, LINES, SETTLEMENTS, STATEMENT
from nsbill.show.charts import due_by_reason, over_time
from nsbill.show.charts_timeline import order_timeline
from nsbill.show.order_events import LANES, order_events
from nsbill.show.palette import Meaning
from nsbill.vocabulary import EventClass, LineKind, OrderRoute, TieState

D = Decimal
CURRENCIES = ("USD", "EUR", "GBP", "JPY")


def bars(figure: Any, *, axis: str) -> dict[str, list[str]]:
    return {trace.name: list(trace[axis]) for trace in figure.data}


def exact_of(figure: Any, names: set[str]) -> Decimal:
    return sum((D(bar[1]) for trace in figure.data if trace.name in names for bar in trace.customdata), ZERO)


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_reasons_add_up_to_due_exactly(currency: str) -> None:
    statement = sample_statement(300)
    mine = statement[statement["currency"] == currency]
    figure = due_by_reason(statement, currency=currency)
    assert exact_of(figure, {trace.name for trace in figure.data}) == mine["due"].sum()
    drawn = sum((D(length) for trace in figure.data for length in trace.x), ZERO)
    assert drawn == mine["due"].sum()
    assert currency in figure.layout.xaxis.title.text


def divided(name: str, *, deferred: str, released: str, unposted: str, short: str, **amounts: str) -> dict[str, Any]:
    parts = {"due_deferred": deferred, "due_released_open": released, "due_unposted": unposted, "due_short": short}
    return {**order_row(name, **amounts), **{part: D(text) for part, text in parts.items()}}  # type: ignore[arg-type]


REASONED = [
    divided("A", deferred="4", released="3", unposted="2", short="0", billed="10", received_gross="1"),
    divided("B", deferred="0", released="0", unposted="0", short="1.5", billed="10", received_gross="8.5"),
    divided("C", deferred="0", released="0", unposted="0", short="0", billed="10", received_gross="13", credited="2"),
]


def test_each_reason_has_its_bar_its_orders_and_one_meaning() -> None:
    figure = due_by_reason(statement_of(REASONED), currency="USD")
    told = {trace.y[0]: (trace.x[0], trace.marker.color) for trace in figure.data}
    due, refund, wrong = Meaning.DUE.colour, Meaning.REFUND.colour, Meaning.EXCEPTION.colour
    assert told == {
        "deferred by Amazon<br>1 order": ("4.00", due),
        "released, not received yet<br>1 order": ("3.00", due),
        "nothing posted yet<br>1 order": ("2.00", due),
        "short: all is posted, less than billed<br>1 order": ("1.50", due),
        "overpaid by Amazon<br>1 order": ("-3.00", wrong),
        "credited, Amazon will take it<br>1 order": ("-2.00", refund),
    }
    assert figure.layout.title.subtitle.text == "Due 5.50 USD in all"


def test_what_is_not_known_is_not_shown_as_nothing() -> None:
    figure = due_by_reason(statement_of([order_row("A", billed="5")]), currency="USD")
    places = [trace.y[0] for trace in figure.data]
    assert places[:2] == ["deferred by Amazon<br>not known", "released, not received yet<br>not known"]
    assert "not known" in figure.layout.title.subtitle.text


def test_what_the_parts_leave_over_is_a_bar_of_its_own() -> None:
    row = {**order_row("A", billed="5"), "due_unposted": D("3")}
    figure = due_by_reason(statement_of([row]), currency="USD")
    assert bars(figure, axis="x")["not divided"] == ["2.00"]


@pytest.mark.parametrize(
    "draw, sentence", [(due_by_reason, "No Amazon orders in CHF."), (over_time, "No Amazon orders in CHF.")]
)
def test_nothing_to_show_is_said(draw: Any, sentence: str) -> None:
    for statement in (STATEMENT.frame(), sample_statement(10)):
        assert draw(statement, currency="CHF").layout.annotations[0].text == sentence


def test_nothing_due_has_no_reason() -> None:
    figure = due_by_reason(statement_of([order_row("A", billed="5", received_gross="5")]), currency="USD")
    assert figure.layout.annotations[0].text == "Nothing is due in USD, in 1 order."


def dated(name: str, first_billed: str | None, **more: Any) -> dict[str, Any]:
    day = date.fromisoformat(first_billed) if first_billed else None
    amounts = {key: value for key, value in more.items() if isinstance(value, str)}
    row = order_row(name, **amounts)  # type: ignore[arg-type]
    return {**row, "order_date": None, "last_posted": None, "first_billed": day} | {
        key: value for key, value in more.items() if not isinstance(value, str)
    }


def test_months_are_those_of_the_first_bill_gaps_included() -> None:
    rows = [
        dated("A", "2026-07-31", billed="10", received_gross="4"),
        dated("B", "2026-07-01", billed="5", received_gross="5", refunded="5"),
        dated("C", "2026-10-01", billed="7"),
        dated("D", None, order_date=date(2026, 9, 30), received_gross="3"),
        dated("E", None, received_gross="2"),
    ]
    figure = over_time(statement_of(rows), currency="USD")
    months = ["2026-07", "2026-08", "2026-09", "2026-10", "no day known"]
    assert list(figure.layout.xaxis.categoryarray) == months
    found = bars(figure, axis="y")
    assert found["received"] == ["4.00", "0.00", "3.00", "0.00", "2.00"]
    assert found["due"] == ["6.00", "0.00", "0.00", "7.00", "0.00"]
    assert found["billed"] == ["15.00", "0.00", "0.00", "7.00", "0.00"]
    assert figure.layout.yaxis.title.text == "USD"


@pytest.mark.parametrize("currency", CURRENCIES)
def test_the_months_add_up_to_the_statement_exactly(currency: str) -> None:
    statement = sample_statement(300)
    mine = statement[statement["currency"] == currency]
    figure = over_time(statement, currency=currency)
    assert exact_of(figure, {"received", "refunded beyond what was received"}) == mine["received"].sum()
    due = {"due", "overpaid by Amazon", "refund that Amazon will take"}
    assert exact_of(figure, due) == mine["due"].sum()
    assert exact_of(figure, {"billed"}) == mine["billed_gross"].sum()


def test_years_of_months_stay_readable_and_whole() -> None:
    rows = [dated(f"A{year}{month}", f"{year}-{month:02d}-15", billed="1") for year in (2023, 2024, 2025) for month in range(1, 13)]  # fmt: skip
    figure = over_time(statement_of(rows), currency="USD")
    months = list(figure.layout.xaxis.categoryarray)
    assert (months[0], months[1], months[-1], len(months)) == ("before 2024-01", "2024-01", "2025-12", 25)
    assert bars(figure, axis="y")["due"][0] == "12.00"
    assert exact_of(figure, {"due"}) == D(36)


# Order A of domain reference 2.4, after both settlements.

ORDER_A = order_row("A", billed="97.00", received_gross="97.00", refunded="54.00", fees="17.51") | {
    "order_date": date(2026, 9, 1), "ship_date": date(2026, 9, 3), "first_billed": date(2026, 9, 3),
    "last_posted": date(2026, 10, 20), "billing_records": "INV1, INV2",
}  # fmt: skip
BILLS = ALLOCATION.frame(
    [
        {
            "amazon_order_id": "A", "currency": "USD", "billing_record_id": number, "number": f"INV{number}", "date": day,
            "billed": D(billed), "received": D(billed), "due": ZERO, "rung": "ITEM_ID",
        }
        for number, day, billed in (("1", date(2026, 9, 3), "57.00"), ("2", date(2026, 9, 20), "40.00"))
    ]
)  # fmt: skip


def line(settlement: str, event: EventClass, amount: str, posted: str) -> dict[str, Any]:
    at = datetime.fromisoformat(f"{posted}T12:00:00+00:00")
    return {
        "settlement_id": settlement, "seller_account": "main", "source_digest": "ab" * 32, "source_line": 2,
        "event_class": event.value, "line_kind": LineKind.PRINCIPAL.value, "transaction_type": "Order",
        "amount_type": "ItemPrice", "amount_description": "Principal", "amount": D(amount), "currency": "USD",
        "order_route": OrderRoute.AMAZON_ORDER.value, "order_reference": "A", "amazon_order_id": "A",
        "posted_at": at, "posted_day": (at.date() - date(1970, 1, 1)).days,
    }  # fmt: skip


LINES_A = LINES.frame(
    [
        line("K", EventClass.SALE, "57.00", "2026-09-04"),
        line("K", EventClass.SALE, "-14.77", "2026-09-04"),
        line("K+1", EventClass.SALE, "30.78", "2026-09-21"),
        line("K+1", EventClass.REFUND, "-47.52", "2026-09-25"),
        line("LATER", EventClass.SALE, "1000.00", "2026-10-30"),  # not closed by the day: does not count
    ]
)


def settlement(name: str, end: str, deposit: str | None) -> dict[str, Any]:
    return {
        "settlement_id": name, "seller_account": "main", "currency": "USD",
        "period_end": datetime.fromisoformat(f"{end}T00:00:00").replace(tzinfo=UTC),
        "deposit_date": date.fromisoformat(deposit) if deposit else None, "lines_total": ZERO, "lines": 1,
        "unclassified_lines": 0, "ties": TieState.TIES.value, "source_name": "f", "source_digest": "ab" * 32,
    }  # fmt: skip


SETTLED = SETTLEMENTS.frame([settlement("K", "2026-09-15", "2026-09-17"), settlement("K+1", "2026-09-29", None)])


def events_a(**changes: Any) -> list[tuple[str, str, str | None]]:
    given: dict[str, Any] = {"as_of": AS_OF, "bills": BILLS, "lines": LINES_A, "settlements": SETTLED} | changes
    found = order_events({**dict.fromkeys(STATEMENT.names), **ORDER_A, **given.pop("row", {})}, **given)
    return [(e.lane, e.day.isoformat(), None if e.amount is None else str(e.amount)) for e in found]


def test_the_events_of_the_worked_example_in_order() -> None:
    assert events_a() == [
        ("ordered", "2026-09-01", None),
        ("shipped", "2026-09-03", None),
        ("billed", "2026-09-03", "57.00"),
        ("billed", "2026-09-20", "40.00"),
        ("posted", "2026-09-04", "42.23"),
        ("posted", "2026-09-21", "30.78"),
        ("posted", "2026-09-25", "-47.52"),
        ("settled", "2026-09-15", "42.23"),
        ("settled", "2026-09-29", "-16.74"),
        ("deposited", "2026-09-17", "42.23"),
    ]


@pytest.mark.parametrize("lane", ["posted", "settled"])
def test_posted_and_settled_add_up_to_net_cash(lane: str) -> None:
    assert sum(D(amount) for of_lane, _, amount in events_a() if of_lane == lane and amount) == ORDER_A["net_cash"]


def test_what_is_still_due_is_to_come_and_deferred_money_says_when_it_matures() -> None:
    row = {
        "due": D("40.00"), "expected_settled": date(2026, 11, 20), "due_deferred": D("15.00"),
        "maturity_date": date(2026, 11, 10), "deferral_reason": "DD7",
    }  # fmt: skip
    found = order_events({**dict.fromkeys(STATEMENT.names), **ORDER_A, **row}, as_of=AS_OF, bills=BILLS, lines=None, settlements=SETTLED)  # fmt: skip
    due = [event for event in found if event.lane == "still due"]
    assert [(e.day, e.amount, e.expected, e.words) for e in due] == [
        (date(2026, 11, 10), D("15.00"), True, "deferred money matures (DD7)"),
        (date(2026, 11, 20), D("40.00"), True, "settlement is expected"),
    ]


def test_without_lines_and_bills_the_statement_tells_what_it_knows() -> None:
    found = events_a(lines=None, bills=ALLOCATION.frame())
    assert ("billed", "2026-09-03", "97.00") in found
    assert ("posted", "2026-10-20", str(ORDER_A["net_cash"])) in found


def test_an_order_of_which_nothing_is_known_has_no_events() -> None:
    row = {**dict.fromkeys(STATEMENT.names), "due": ZERO}
    assert order_events(row, as_of=AS_OF, bills=ALLOCATION.frame(), lines=LINES.frame(), settlements=SETTLED) == []
    figure = order_timeline([], "A", currency="USD", as_of=AS_OF)
    assert figure.layout.annotations[0].text == "No day of this order is known."


def test_the_timeline_draws_every_event_with_its_exact_amount() -> None:
    events = order_events({**dict.fromkeys(STATEMENT.names), **ORDER_A}, as_of=AS_OF, bills=BILLS, lines=LINES_A, settlements=SETTLED)  # fmt: skip
    figure = order_timeline(events, "A", currency="USD", as_of=AS_OF)
    drawn = [(mark.name, mark.x[0], mark.text[0]) for mark in figure.data]
    assert ("posted", "2026-09-25", "-47.52") in drawn
    assert len(drawn) == len(events)
    assert list(figure.layout.yaxis.categoryarray) == list(LANES[:-1])
    assert "USD" in figure.layout.xaxis.title.text
    colours = {mark.name: mark.marker.color for mark in figure.data if mark.name in {"billed", "settled"}}
    assert colours["billed"] == Meaning.NEUTRAL.colour
    assert len(json.dumps(figure.to_plotly_json())) < 30_000


def test_events_of_one_day_are_one_mark_with_their_sum() -> None:
    twice = pd.concat([BILLS, BILLS.assign(number=SCRIPT)], ignore_index=True)
    events = order_events({**dict.fromkeys(STATEMENT.names), **ORDER_A}, as_of=AS_OF, bills=twice, lines=None, settlements=SETTLED)  # fmt: skip
    figure = order_timeline(events, HOSTILE[0], currency="USD", as_of=AS_OF)
    billed = {mark.x[0]: mark for mark in figure.data if mark.name == "billed"}
    assert {day: mark.text[0] for day, mark in billed.items()} == {"2026-09-03": "114.00", "2026-09-20": "80.00"}
    assert "&lt;script&gt;" in billed["2026-09-03"].customdata[0][3]
    assert "<script" not in figure.to_json()


def test_a_hundred_thousand_orders_are_drawn_in_under_two_seconds_and_stay_small() -> None:
    few = sample_statement(1000)
    many = few.loc[few.index.repeat(100)].reset_index(drop=True)
    for draw in (due_by_reason, over_time):
        started = time.perf_counter()
        figure = draw(many, currency="USD")
        assert time.perf_counter() - started < 2
        assert len(json.dumps(figure.to_plotly_json(), default=str)) < 60_000
