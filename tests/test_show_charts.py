from __future__ import annotations

import json
import time
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from show_samples import FORMULA, HOSTILE, LONG, RIGHT_TO_LEFT, SCRIPT, order_row, sample_statement, statement_of

from nsbill.errors import ReconcileError
from nsbill.money import ZERO
from nsbill.schemas import STATEMENT
from nsbill.show.charts import aging, due_by_status, order_waterfall, received_versus_due
from nsbill.show.palette import Meaning
from nsbill.vocabulary import AgingBucket, StatementStatus

RECEIVED = ("received", "refunded beyond what was received")
DUE = ("due", "overpaid by Amazon", "refund that Amazon will take")
CURRENCIES = ("USD", "EUR", "GBP", "JPY")


def exact_sum(figure: Any, names: Iterable[str]) -> Decimal:
    """Σ of the amounts as they stand in the bars' hover data."""
    return sum((Decimal(bar[1]) for trace in figure.data if trace.name in names for bar in trace.customdata), ZERO)


def drawn_sum(figure: Any, names: Iterable[str], *, axis: str) -> Decimal:
    """Σ of the bar lengths."""
    return sum((Decimal(value) for trace in figure.data if trace.name in names for value in trace[axis]), ZERO)


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize("top", [1, 5, 1000])
def test_the_bars_add_up_to_the_statement_exactly(currency: str, top: int) -> None:
    statement = sample_statement(200)
    mine = statement[statement["currency"] == currency]
    figure = received_versus_due(statement, currency=currency, top=top)
    for add in (exact_sum(figure, RECEIVED), drawn_sum(figure, RECEIVED, axis="x")):
        assert add == mine["received"].sum()
    for add in (exact_sum(figure, DUE), drawn_sum(figure, DUE, axis="x")):
        assert add == mine["due"].sum()


def test_orders_come_by_due_and_the_rest_is_one_bar_that_says_how_many() -> None:
    rows = [order_row(f"111-0000000-000000{n}", billed=f"{n}.10", age=1) for n in range(1, 8)]
    figure = received_versus_due(statement_of(rows), currency="USD", top=3)
    first, rest = figure.data
    assert list(first.y) == ["111-0000000-0000007", "111-0000000-0000006", "111-0000000-0000005"]
    assert list(first.x) == ["7.10", "6.10", "5.10"]
    assert (list(rest.y), list(rest.x)) == (["4 more orders"], ["10.40"])
    assert figure.layout.xaxis.title.text == "USD"
    assert figure.layout.xaxis2.title.text == "the 4 more orders together, USD (scale of its own)"


def test_a_negative_due_is_a_series_of_its_own_and_is_not_netted() -> None:
    rows = [
        order_row("A", billed="97", received_gross="57", credited="54"),  # due −14, a refund in transit
        order_row("B", billed="10", received_gross="13"),  # overpaid 3
        order_row("C", billed="10", received_gross="13", credited="2"),  # overpaid 3, and 2 in transit
        order_row("D", received_gross="5", refunded="9"),  # received −4
    ]
    figure = received_versus_due(statement_of(rows), currency="USD", top=1)
    assert {name: drawn_sum(figure, [name], axis="x") for name in (*RECEIVED, *DUE)} == {
        "received": Decimal(83),
        "refunded beyond what was received": Decimal(-4),
        "due": ZERO,
        "overpaid by Amazon": Decimal(-11),
        "refund that Amazon will take": Decimal(-16),
    }


def test_the_same_order_id_of_two_sellers_gives_two_bars() -> None:
    rows = [order_row("111-0000000-0000001", billed="5", seller=seller) for seller in ("north", "south")]
    figure = received_versus_due(statement_of(rows), currency="USD")
    assert list(figure.data[0].y) == ["111-0000000-0000001 (north)", "111-0000000-0000001 (south)"]


@pytest.mark.parametrize(
    "currency, label, hover, ticks",
    [("USD", "1,234.50", "1,234.50 USD", ",.2~f"), ("JPY", "1,234", "1,234 JPY", ",.0f")],
)
def test_amounts_are_written_as_their_currency_wants(currency: str, label: str, hover: str, ticks: str) -> None:
    billed = "1234.50" if currency == "USD" else "1234"
    figure = aging(statement_of([order_row("A", currency, billed=billed, age=3)]), currency=currency)
    assert figure.data[0].text[1] == label
    assert figure.data[0].customdata[1][2] == hover
    assert figure.layout.yaxis.tickformat == ticks
    assert currency in figure.layout.yaxis.title.text


def test_ageing_shows_every_bucket_in_order_and_adds_up_to_the_positive_due() -> None:
    statement = sample_statement(200)
    figure = aging(statement, currency="USD")
    assert list(figure.data[0].x) == [bucket.value for bucket in AgingBucket]
    positive = statement[(statement["currency"] == "USD") & (statement["due"] > 0)]
    assert exact_sum(figure, ["due"]) == drawn_sum(figure, ["due"], axis="y") == positive["due"].sum()


def test_due_without_a_known_age_is_shown_and_not_dropped() -> None:
    figure = aging(statement_of([order_row("A", billed="5"), order_row("B", billed="7", age=100)]), currency="USD")
    assert dict(zip(figure.data[0].x, figure.data[0].y, strict=True))["age not known"] == "5.00"


def test_due_by_status_adds_up_to_the_due_of_the_statement() -> None:
    statement = sample_statement(200)
    figure = due_by_status(statement, currency="EUR")
    assert exact_sum(figure, DUE) == statement[statement["currency"] == "EUR"]["due"].sum()


@pytest.mark.parametrize(
    "given, expected",
    [
        (
            {"billed": "97", "received_gross": "97", "refunded": "54", "fees": "17.51"},
            "billed 97.00 · still to come 0.00 · received gross 97.00 · refunds -54.00 · fees -17.51 · reimbursed 0 · net cash 25.49",
        ),
        (
            {"billed": "25", "received_gross": "28", "refunded": "25", "reimbursed": "25", "fees": "-1"},
            "billed 25.00 · overpaid 3.00 · received gross 28.00 · refunds -25.00 · fees 1.00 · reimbursed 25.00 · net cash 29.00",
        ),
    ],
)
def test_the_waterfall_goes_from_billed_to_exactly_net_cash(given: dict[str, str], expected: str) -> None:
    figure = order_waterfall(statement_of([order_row("A", **given)]), "A", currency="USD")  # type: ignore[arg-type]
    steps = [(trace.name, Decimal(trace.customdata[0][1]), Decimal(trace.base[0])) for trace in figure.data]
    wanted = [part.rsplit(" ", 1) for part in expected.split(" · ")]
    assert [(name, amount) for name, amount, _ in steps] == [(name, Decimal(amount)) for name, amount in wanted]
    for (_, amount, base), (name, _, next_base) in pairwise(steps):
        assert next_base == (ZERO if name in {"received gross", "net cash"} else base + amount)
    before_last = steps[-2]
    assert before_last[1] + before_last[2] == steps[-1][1]  # the last change ends where net cash is


def test_the_waterfall_names_remitted_tax_and_anything_unexplained() -> None:
    row = order_row("A", billed="105.64", received_gross="105.64", refunded="58.80", fees="17.51")
    taxed = row | {"tax_withheld": Decimal("3.84"), "net_cash": Decimal("25.49")}
    names = [t.name for t in order_waterfall(statement_of([taxed]), "A", currency="USD").data]
    assert "tax that Amazon remits" in names
    odd = row | {"net_cash": Decimal("25.50")}
    figure = order_waterfall(statement_of([odd]), "A", currency="USD")
    assert [t.marker.color for t in figure.data if t.name == "not explained"] == [Meaning.EXCEPTION.colour]


def test_an_order_of_two_sellers_must_be_named_with_its_seller() -> None:
    statement = statement_of([order_row("A", billed="1", seller=seller) for seller in ("north", "south")])
    with pytest.raises(ReconcileError, match="several seller accounts"):
        order_waterfall(statement, "A", currency="USD")
    assert order_waterfall(statement, "A", currency="USD", seller_account="south").data[0].customdata[0][1] == "1.00"


@pytest.mark.parametrize(
    "draw, sentence",
    [
        (received_versus_due, "No Amazon orders in CHF."),
        (aging, "Nothing is due in CHF."),
        (due_by_status, "No Amazon orders in CHF."),
        (lambda s, currency: order_waterfall(s, "A", currency=currency), "No Amazon order A in CHF."),
    ],
)
def test_nothing_to_show_is_said(draw: Any, sentence: str) -> None:
    for statement in (STATEMENT.frame(), sample_statement(10)):
        figure = draw(statement, currency="CHF")
        assert not figure.data
        assert figure.layout.annotations[0].text == sentence


def test_all_settled_gives_a_status_chart_that_says_that_nothing_is_due() -> None:
    row = order_row("A", billed="5", received_gross="5", status=StatementStatus.SETTLED)
    figure = due_by_status(statement_of([row]), currency="USD")
    assert figure.layout.annotations[0].text == "Nothing is due in USD, in 1 order."


def test_a_currency_is_never_mixed_with_another() -> None:
    statement = sample_statement(100)
    for currency in CURRENCIES:
        figure = received_versus_due(statement, currency=currency)
        assert all(bar[2].endswith(currency) for trace in figure.data for bar in trace.customdata)


def test_hostile_names_are_text_in_labels_and_hover() -> None:
    figure = received_versus_due(sample_statement(0), currency="USD", top=100)
    labels, headings = figure.layout.yaxis.ticktext, [bar[4] for bar in figure.data[0].customdata]
    assert len(labels) == len(HOSTILE)
    for text in (*labels, *headings):
        assert "<" not in text
        assert "\u202e" not in text
        assert len(text) < 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in labels
    assert any("\\u202e" in label for label in labels)
    keys = {bar[0] for bar in figure.data[0].customdata}  # for drill-down: the ids as they are
    assert {SCRIPT, FORMULA, RIGHT_TO_LEFT, LONG} <= keys


def test_an_amazon_order_id_is_never_cut() -> None:
    figure = received_versus_due(statement_of([order_row("111-2345678-9012345", billed="5")]), currency="USD")
    assert figure.layout.yaxis.ticktext == ("111-2345678-9012345",)
    assert figure.layout.yaxis.automargin


def test_one_meaning_has_one_colour_and_the_background_is_transparent() -> None:
    statement = sample_statement(100)
    seen: dict[str, set[str]] = {}
    for figure in (received_versus_due(statement, currency="USD"), due_by_status(statement, currency="USD")):
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
        for trace in figure.data:
            seen.setdefault(trace.name, set()).add(trace.marker.color)
    assert all(len(colours) == 1 for colours in seen.values())
    assert seen["received"] == {Meaning.RECEIVED.colour}
    assert seen["due"] == {Meaning.DUE.colour}
    looks = [(meaning.colour, meaning.pattern) for meaning in Meaning]
    assert len({colour for colour, _ in looks}) == len(looks)


def test_series_of_one_colour_differ_by_pattern() -> None:
    figure = received_versus_due(sample_statement(100), currency="USD", top=1)
    looks = {(trace.name, trace.marker.color, trace.marker.pattern.shape) for trace in figure.data}
    assert len({look[1:] for look in looks}) == len(looks) == 5


def test_the_statement_is_left_as_it_was() -> None:
    statement = sample_statement(30)
    before = statement.copy(deep=True)
    for draw in (received_versus_due, aging, due_by_status):
        draw(statement, currency="USD")
    assert statement.equals(before)


def test_a_hundred_thousand_orders_are_drawn_in_under_two_seconds_and_stay_small() -> None:
    statement = sample_statement(1000)
    many = statement.loc[statement.index.repeat(100)].reset_index(drop=True)
    assert len(many) > 100_000
    for draw in (received_versus_due, aging, due_by_status):
        started = time.process_time()  # other work on the machine does not count
        figure = draw(many, currency="USD")
        assert time.process_time() - started < 2
        assert len(json.dumps(figure.to_plotly_json(), default=str)) < 60_000
