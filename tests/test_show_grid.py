"""The grid without a browser: what it would send, and how it answers what the browser sends."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from show_samples import HOSTILE, RIGHT_TO_LEFT, SCRIPT

import nsbill.show.grid
from nsbill.errors import SchemaError
from nsbill.money import MONEY
from nsbill.show.grid import PAGE_SIZE, Grid, grid_column

TEXT = pa.string()
COLUMNS = [
    grid_column("number", title="Sales order"),
    grid_column("customer"),
    grid_column("record_type"),
    grid_column("amount"),
    grid_column("currency"),
]


def orders(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    ids = [str(5001 + i) for i in range(len(rows))]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    table = pa.table(
        {
            "id": pa.array(ids, TEXT),
            "number": pa.array(columns[0], TEXT),
            "customer": pa.array(columns[1], TEXT),
            "record_type": pa.array(columns[2], TEXT),
            "amount": pa.array([Decimal(text) for text in columns[3]], MONEY),
            "currency": pa.array(columns[4], TEXT),
        }
    )
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


THREE = orders(
    ("SO9", "Ada", "invoice", "1234.50", "USD"),
    ("SO10", "bert", "cashSale", "20.00", "USD"),
    ("SO11", "Ädith", "invoice", "1234", "JPY"),
)


def grid_of(frame: pd.DataFrame, *, ticks: bool = True) -> Grid:
    return Grid(frame, COLUMNS, key="id", label="orders to bill", ticks=ticks)


def column(grid: Grid, index: int) -> list[Any]:
    return [row[index + 2] for row in grid.page(0)]


def sent_by(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(grid, "send", sent.append)
    return sent


def test_amounts_leave_as_exact_grouped_text_in_their_currencys_decimals() -> None:
    assert column(grid_of(THREE), 3) == ["1,234.50", "20.00", "1,234"]


def test_an_amount_beyond_a_floats_precision_keeps_every_cent() -> None:
    grid = grid_of(orders(("SO1", "a", "invoice", "9999999999999999.99", "USD")))
    assert column(grid, 3) == ["9,999,999,999,999,999.99"]


def test_codes_are_shown_and_found_in_words() -> None:
    grid = grid_of(THREE)
    assert column(grid, 2) == ["invoice", "cash sale", "invoice"]
    grid.query = "CASH sale"
    assert column(grid, 0) == ["SO10"]


@pytest.mark.parametrize(
    "query, found",
    [
        ("", ["SO9", "SO10", "SO11"]),
        ("so1", ["SO10", "SO11"]),
        ("ädith", ["SO11"]),
        ("1,234", ["SO9", "SO11"]),
        ("1234.5", ["SO9"]),
        (".*", []),
        ("  bert  ", ["SO10"]),
    ],
)
def test_the_filter_finds_what_is_shown_in_any_column(query: str, found: list[str]) -> None:
    grid = grid_of(THREE)
    grid.query = query
    assert column(grid, 0) == found


def test_column_filters_and_the_general_one_must_all_hold() -> None:
    grid = grid_of(THREE)
    grid.filters = {"record_type": "invoice", "currency": " "}
    assert column(grid, 0) == ["SO9", "SO11"]
    grid.query = "jpy"
    assert column(grid, 0) == ["SO11"]


def test_sorting_is_by_number_for_amounts_and_without_case_for_text() -> None:
    grid = grid_of(THREE)
    grid.sort = ["amount", True]
    assert column(grid, 3) == ["20.00", "1,234", "1,234.50"]
    grid.sort = ["amount", False]
    assert column(grid, 3) == ["1,234.50", "1,234", "20.00"]
    grid.sort = ["customer", True]
    assert column(grid, 1) == ["Ada", "bert", "Ädith"]


def test_equal_rows_keep_their_order_in_both_directions() -> None:
    grid = grid_of(THREE)
    grid.sort = ["record_type", False]
    assert column(grid, 0) == ["SO9", "SO11", "SO10"]


def test_ticks_are_known_by_key_and_survive_sorting_and_a_new_frame() -> None:
    grid = grid_of(THREE)
    grid.tick(["5002"], on=False)
    grid.sort = ["amount", True]
    assert [(row[0], row[1]) for row in grid.page(0)] == [("5002", False), ("5003", True), ("5001", True)]
    grid.set_frame(THREE[1:])
    assert grid.excluded == {"5002"}
    grid.tick(["5002"], on=True)
    assert grid.excluded == frozenset()


def test_tick_shown_touches_only_the_rows_that_pass_the_filter() -> None:
    grid = grid_of(THREE)
    grid.query = "usd"
    grid.tick_shown(on=False)
    grid.query = ""
    assert grid.excluded == {"5001", "5002"}
    assert grid.status == "3 rows, 2 excluded"


def test_the_status_line_counts_rows_and_excluded_ones() -> None:
    grid = grid_of(THREE)
    assert grid.status == "3 rows, 0 excluded"
    grid.query = "so1"
    assert grid.status == "2 of 3 rows, 0 excluded"
    assert grid_of(THREE[:1], ticks=False).status == "1 row"


def test_the_browser_gets_the_page_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    many = orders(*((f"SO{i}", "c", "invoice", f"{i}.00", "USD") for i in range(450)))
    grid = grid_of(many)
    sent = sent_by(grid, monkeypatch)
    grid._on_message(None, {"op": "rows", "start": 300, "view": "v1", "seq": 7}, [])
    answer = sent[0]
    assert (answer["view"], answer["seq"], answer["start"], answer["total"]) == ("v1", 7, 300, 450)
    assert len(answer["rows"]) == 150
    assert answer["rows"][0] == ["5301", True, "SO300", "c", "invoice", "300.00", "USD"]
    assert len(grid.page(0)) == PAGE_SIZE


def test_ticks_from_the_browser_count_only_while_the_grid_lets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(THREE)
    grid._on_message(None, {"op": "tick", "key": "5001", "on": False}, [])
    assert grid.excluded == {"5001"}
    grid.enabled = False
    grid._on_message(None, {"op": "tick_shown", "on": False}, [])
    assert grid.excluded == {"5001"}
    fixed = grid_of(THREE, ticks=False)
    fixed._on_message(None, {"op": "tick", "key": "5001", "on": False}, [])
    assert fixed.excluded == frozenset()


def test_hostile_names_leave_as_plain_text_and_the_browser_never_reads_html() -> None:
    frame = orders(*((f"SO{i}", name, "invoice", "1.00", "USD") for i, name in enumerate(HOSTILE)))
    shown = column(grid_of(frame), 1)
    assert SCRIPT in shown
    assert not any(RIGHT_TO_LEFT[3] in text for text in shown)
    source = Path(nsbill.show.grid.__file__).with_name("grid.js").read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in source


def test_an_empty_frame_is_a_grid_without_rows() -> None:
    grid = grid_of(orders())
    assert (grid.page(0), grid.status) == ([], "0 rows, 0 excluded")


def test_a_missing_column_and_a_repeated_key_are_refused() -> None:
    with pytest.raises(SchemaError, match="lacks currency"):
        grid_of(THREE.drop(columns="currency"))
    with pytest.raises(SchemaError, match="two rows with the same id"):
        grid_of(pd.concat([THREE, THREE]))


def test_the_callers_frame_is_not_changed() -> None:
    before = THREE.copy(deep=True)
    grid = grid_of(THREE)
    grid.sort = ["amount", False]
    grid.query = "usd"
    pd.testing.assert_frame_equal(THREE, before)


def test_filtering_and_sorting_a_hundred_thousand_rows_takes_well_under_a_second() -> None:
    many = orders(*((f"SO{i}", f"Customer {i % 977}", "invoice", f"{i}.25", "USD") for i in range(100_000)))
    grid = grid_of(many)
    began = time.process_time()
    grid.query = "customer 55"
    grid.sort = ["amount", False]
    first = grid.page(0)[0]
    took = time.process_time() - began
    last = max(i for i in range(100_000) if "customer 55" in f"customer {i % 977}")
    assert first[2:] == [f"SO{last}", f"Customer {last % 977}", "invoice", f"{last:,}.25", "USD"]
    assert took < 2  # about 0.1 s on the two cores where it was written
