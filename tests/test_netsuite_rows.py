"""nsbill.netsuite.rows and columns: texts become amounts, dates and flags exactly; bad values are named."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from nsbill.errors import NetSuiteError, SearchError
from nsbill.netsuite.columns import AMOUNT, DATE, DATETIME, FLAG, ID, TEXT, WHOLE, Kind, as_text, text_table, typed
from nsbill.netsuite.pages import SearchRows
from nsbill.netsuite.rows import SearchColumn, orders_from_rows, places
from nsbill.settings import Settings

SETTINGS = Settings(account="9000001_SB1")
CURRENCIES = {"1": "USD", "2": "EUR"}
NAMES = ("internalid", "tranid", "otherrefnum", "trandate", "shipdate", "statusref", "entity", "currency", "fxamount")
ROW = ("106", "SO106", "111-0000006-0000006", "2026-02-01", "2026-02-03", "pendingBilling", "201", "1", "50.02")


def columns(*names: str) -> tuple[SearchColumn, ...]:
    return tuple(SearchColumn(index, name, name, None, "text") for index, name in enumerate(names))


def rows(*cells: tuple[Any, ...], texts: dict[int, str] | None = None) -> SearchRows:
    width = len(cells[0]) if cells else len(NAMES)
    raw = pa.table({str(i): pa.array([row[i] for row in cells], pa.string()) for i in range(width)})
    shown = pa.table({str(i): pa.array([(texts or {}).get(i)] * len(cells), pa.string()) for i in range(width)})
    return SearchRows(len(cells), pa.chunked_array([pa.array([row[0] for row in cells], pa.string())]), raw, shown)


def changed(**cells: str | None) -> tuple[Any, ...]:
    return tuple(cells.get(name, value) for name, value in zip(NAMES, ROW, strict=True))


def load(*cells: tuple[Any, ...], **options: Any) -> Any:
    return orders_from_rows("Orders to bill", columns(*NAMES), rows(*cells, **options), CURRENCIES, SETTINGS)


def test_a_row_becomes_an_order_with_exact_money_and_real_dates() -> None:
    found = load(ROW, texts={6: "Amazon.com"})
    [order] = found.orders.to_dict("records")
    assert order["total"] == Decimal("50.02")
    assert (order["order_date"], order["ship_date"]) == (date(2026, 2, 1), date(2026, 2, 3))
    assert (order["status"], order["currency"], order["customer"]) == ("F", "USD", "Amazon.com")
    assert len(found.problems) == 0


@pytest.mark.parametrize("spelling", ["pendingBilling", "F", "SalesOrd:F"])
def test_every_spelling_of_a_status_is_read(spelling: str) -> None:
    assert load(changed(statusref=spelling)).orders["status"].tolist() == ["F"]


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("fxamount", "50.023", "The total is not usable: found '50.023'."),
        ("fxamount", "abc", "The total is not usable: found 'abc'."),
        ("fxamount", None, "The total is not usable: found ''."),
        ("trandate", "2/1/2026", "The order date is not usable: found '2/1/2026'."),
        ("trandate", "2026-02-30", "The order date is not usable"),
        ("shipdate", "soon", "The ship date is not usable"),
        ("currency", "9", "The currency is not usable: found '9'."),
        ("statusref", "brandNew", "The status is not usable: found 'brandNew'."),
    ],
)
def test_a_row_with_an_unusable_value_is_a_problem_and_the_others_stay(
    field: str, value: str | None, words: str
) -> None:
    bad = changed(**{field: value, "internalid": "107"})
    found = load(ROW, bad)
    assert found.orders["sales_order_id"].tolist() == ["106"]
    [problem] = found.problems.to_dict("records")
    assert (problem["sales_order_id"], problem["reason"]) == ("107", "bad_row")
    assert problem["explanation"].startswith(words)
    assert problem["explanation"].endswith("then plan again.")


def test_an_empty_ship_date_is_no_problem_and_blanks_are_empty() -> None:
    found = load(changed(shipdate=None), changed(internalid="107", shipdate="  "))
    assert found.orders["ship_date"].isna().all()


def test_no_rows_give_empty_frames() -> None:
    found = load()
    assert (len(found.orders), len(found.problems)) == (0, 0)


def test_a_missing_column_names_what_is_there() -> None:
    with pytest.raises(SearchError, match=r"lacks the columns fxamount, otherrefnum; it has currency, .*trandate"):
        orders_from_rows(
            "X",
            columns(*(n for n in NAMES if n not in ("fxamount", "otherrefnum"))),
            rows(),
            CURRENCIES,
            SETTINGS,
        )


def test_joined_summed_and_computed_columns_are_never_taken_for_the_orders_own() -> None:
    odd = (
        SearchColumn(0, "tranid", "Number", "createdfrom", "text"),
        SearchColumn(1, "tranid", "Number", None, "text", summary="GROUP"),
        SearchColumn(2, "formulatext", "tranid", None, "text", formula="{tranid}"),
        SearchColumn(3, "trandate", "Month", None, "date", function="month"),
        SearchColumn(4, "tranid", "Number", None, "text"),
        SearchColumn(5, "tranid", "Number again", None, "text"),
    )
    assert places(odd, SETTINGS) == {"sales_order_number": 4}


# Typed values of SuiteQL ------------------------------------------------------------------------------------------

GOOD: list[tuple[Kind, list[Any], list[Any]]] = [
    (AMOUNT, ["1", "1.5", "-0.05", ".5", "10.500", 7, Decimal("1.25")],
     [Decimal(x) for x in ("1.00", "1.50", "-0.05", "0.50", "10.50", "7.00", "1.25")]),
    (AMOUNT, ["9999999999999999.99"], [Decimal("9999999999999999.99")]),
    (DATE, ["2026-01-31", "2024-02-29"], [date(2026, 1, 31), date(2024, 2, 29)]),
    (DATETIME, ["2026-01-31 01:02:03", "2026-01-31T01:02:03Z"], [datetime(2026, 1, 31, 1, 2, 3)] * 2),  # noqa: DTZ001
    (FLAG, ["T", "F", True, False, "true"], [True, False, True, False, True]),
    (WHOLE, ["143", 143, "-1"], [143, 143, -1]),
    (ID, ["143", 143], ["143", "143"]),
    (TEXT, ["a", " b ", "", None, 5], ["a", "b", None, None, "5"]),
]  # fmt: skip


@pytest.mark.parametrize(
    "kind, values, expected", GOOD, ids=lambda value: value.words if isinstance(value, Kind) else ""
)
def test_texts_and_json_values_are_typed_exactly(kind: Kind, values: list[Any], expected: list[Any]) -> None:
    table = text_table([{"id": str(n), "x": value} for n, value in enumerate(values)], ("id", "x"))
    made = typed("Read", table, {"id": ID, "x": kind})["x"]
    assert made.to_pylist() == expected
    if kind is AMOUNT:
        assert made.type == pa.decimal128(18, 2)


@pytest.mark.parametrize(
    "kind, value",
    [
        (AMOUNT, "1.005"),
        (AMOUNT, "1e3"),
        (AMOUNT, "1,000.00"),
        (AMOUNT, "."),
        (AMOUNT, "10000000000000000.00"),
        (DATE, "1/31/2026"),
        (DATE, "2026-02-31"),
        (DATETIME, "2026-01-31"),
        (DATETIME, "2026-01-31 25:00:00"),
        (FLAG, "yes"),
        (WHOLE, "1.5"),
        (ID, "12a"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_row_and_column(kind: Kind, value: str) -> None:
    table = text_table([{"id": "7", "x": None}, {"id": "8", "x": value}, {"id": "9", "x": value}], ("id", "x"))
    with pytest.raises(NetSuiteError) as caught:
        typed("Read the orders", table, {"id": ID, "x": kind})
    assert f"Read the orders: row 8: the x {value!r} cannot be read; expected {kind.words}. " in str(caught.value)
    assert caught.value.code == "UNREADABLE_VALUE"


def test_absent_keys_are_null_and_nested_values_stay_texts() -> None:
    table = text_table([{"id": 1}, {"id": "2", "x": {"a": 1}}], ("id", "x"))
    assert table["x"].to_pylist() == [None, '{"a": 1}']
    assert as_text(Decimal("1E+2")) == "100"
