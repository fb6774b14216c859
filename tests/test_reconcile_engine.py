"""The surface of an engine: keys that stand several times, empty cells, and sentences that name the duplicate."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nsbill.errors import ReconcileError, SchemaError
from nsbill.money import MONEY
from nsbill.reconcile.added_up import Parts, added_up
from nsbill.reconcile.engine import assert_grain, records_of
from nsbill.reconcile.engine_duckdb import DuckEngine
from nsbill.schema import DATE, TEXT, Column, Schema

SCHEMA = Schema("rows", (Column("name", TEXT, "a name"), Column("day", DATE, "a day", nullable=True)))


@pytest.fixture
def engine() -> Iterator[DuckEngine]:
    with DuckEngine() as opened:
        yield opened


def table(rows: list[tuple[str | None, str]]) -> pa.Table:
    return pa.table({"order": pa.array([row[0] for row in rows], TEXT), "currency": [row[1] for row in rows]})


@pytest.mark.parametrize(
    "rows, expected",
    [
        pytest.param([("a", "USD"), ("b", "USD")], [], id="none"),
        pytest.param([], [], id="no rows"),
        pytest.param([("a", "USD"), ("a", "CAD"), ("a", "USD")], [("a", "USD", 2)], id="a pair"),
        pytest.param([(None, "USD"), (None, "USD"), (None, "CAD")], [(None, "USD", 2)], id="an empty cell is a key"),
        pytest.param([("ab", "c"), ("a", "bc")], [], id="what reads the same side by side is not the same"),
    ],
)
def test_keys_that_stand_several_times_are_found(
    engine: DuckEngine, rows: list[tuple[str | None, str]], expected: list[tuple[Any, ...]]
) -> None:
    found = engine.repeated(engine.frame(table(rows)), keys=["order", "currency"], what="pairs")
    told = [] if found is None else [tuple(row.values()) for row in engine.read(found.keys).to_pylist()]
    assert told == expected
    own = [] if found is None else [tuple(row.values()) for row in engine.read(found.rows).to_pylist()]
    assert own == [key[:2] for key in expected if key[0] is not None for _ in range(key[2])]


def test_they_are_found_in_parts_too(engine: DuckEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsbill.reconcile.engine_duckdb._HASHES_AT_ONCE", 10)
    frame = engine.frame(table([(str(number % 90), "USD") for number in range(100)]))
    found = engine.repeated(frame, keys=["order"], what="orders")
    assert found is not None
    assert sorted(engine.read(found.keys)["order"].to_pylist()) == sorted(map(str, range(10)))


def test_two_keys_with_one_hash_are_two_keys(engine: DuckEngine) -> None:
    engine._connection.execute("CREATE MACRO hash(one) AS 1")  # every key has the same
    frame = engine.frame(table([("a", "USD"), ("b", "USD"), ("c", "USD"), ("c", "USD")]))
    found = engine.repeated(frame, keys=["order"], what="orders")
    assert found is not None
    assert engine.read(found.keys).to_pylist() == [{"order": "c", "times": 2}]
    assert engine.read(found.rows)["order"].to_pylist() == ["c", "c"]
    assert engine.repeated(frame.filter(nw.col("order") != "c"), keys=["order"], what="orders") is None


def test_the_first_duplicate_is_named(engine: DuckEngine) -> None:
    frame = engine.frame(table([("c", "USD"), ("c", "USD"), ("b", "USD"), ("b", "USD"), ("b", "USD"), ("a", "USD")]))
    with pytest.raises(ReconcileError, match="the rows hold order 'b' 3 times, where once is the rule"):
        assert_grain(engine, frame, grain=["order"], what="rows")
    assert_grain(engine, frame.unique(["order"]), grain=["order"], what="rows")


@pytest.mark.parametrize("statistics", [True, False, ["day"]])
def test_an_empty_cell_is_found_whatever_the_file_says_of_itself(
    engine: DuckEngine, tmp_path: Path, statistics: bool | list[str]
) -> None:
    for name, names in (("whole", ["a", "b"]), ("empty", ["a", None])):
        rows = pa.table({"name": pa.array(names, TEXT), "day": pa.array([None, None], DATE)})
        pq.write_table(rows, tmp_path / f"{name}.parquet", write_statistics=statistics)
    whole, empty = (tmp_path / f"{name}.parquet" for name in ("whole", "empty"))
    assert engine.read(records_of(engine, [whole], SCHEMA).sort("name"))["name"].to_pylist() == ["a", "b"]
    for paths in ([empty], [whole, empty]):
        with pytest.raises(SchemaError, match="has empty cells in name"):
            records_of(engine, paths, SCHEMA)


def test_what_is_alone_stays_and_the_rest_is_added_up(engine: DuckEngine) -> None:
    rows = pa.table({"key": ["a", "b", "a"], "paid": pa.array(map(Decimal, [1, 2, 3]), MONEY), "day": [5, 6, 7]})
    parts = Parts(
        amounts={"paid": nw.col("paid")},
        counts={"times": nw.lit(1)},
        least={"first": nw.col("day")},
        most={"last": nw.col("day")},
    )
    frame = engine.frame(rows)
    several = engine.repeated(frame, keys=["key"], what="keys")
    alone, added = added_up(frame, several, parts, keys=["key"])
    assert added is not None
    found = [tuple(map(str, row.values())) for part in (alone, added) for row in engine.read(part).to_pylist()]
    assert alone.collect_schema() == added.collect_schema()
    assert found == [("b", "6", "6", "2.00", "1"), ("a", "7", "5", "4.00", "2")]
    assert added_up(frame, None, parts, keys=["key"])[1] is None
