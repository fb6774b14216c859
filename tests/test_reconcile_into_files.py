"""``reconcile_into``: the same rows as ``reconcile``, from files and into files, within a limit of memory, whole or not at all."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reconcile_histories import random_history
from reconcile_tables import Case
from test_reconcile_statement import SCENARIOS
from test_reconcile_worked_example import CASE

from nsbill import schemas
from nsbill.errors import ReconcileError, SchemaError
from nsbill.reconcile import Inputs, ReconcileRules, Reconciliation, reconcile, reconcile_into
from nsbill.reconcile.into_files import FILES
from nsbill.schema import Schema
from nsbill.vocabulary import ReceiptBasis

BOOKS: dict[str, Schema] = {
    "orders": schemas.ORDERS,
    "billing_records": schemas.BILLING_RECORDS,
    "credits": schemas.CREDITS,
    "lines": schemas.LINES,
    "applications": schemas.APPLICATIONS,
    "bill_items": schemas.BILL_ITEMS,
}


def in_files(frames: dict[str, Any], folder: Path) -> Inputs:
    """The inputs, each that may be in files in two files."""
    folder.mkdir()
    given = dict(frames)
    for name, schema in BOOKS.items():
        if given.get(name) is not None:
            half = len(given[name]) // 2
            given[name] = [
                write(part, schema, folder / f"{name}-{place}.parquet")
                for place, part in enumerate((given[name].iloc[:half], given[name].iloc[half:]))
            ]
    return Inputs(credit_records=given.pop("credits"), **given)


def write(frame: pd.DataFrame, schema: Schema, path: Path) -> Path:
    pq.write_table(pa.Table.from_pandas(frame, schema=schema.arrow, preserve_index=False), path)
    return path


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns)).reset_index(drop=True)


def assert_same(result: Reconciliation, files: Any) -> None:
    assert {path.stem for path in files.folder.glob("*.parquet")} == set(FILES)
    for name in FILES:
        ours: pd.DataFrame = getattr(result, name)
        assert files.rows[name] == len(ours)
        pd.testing.assert_frame_equal(ordered(files.frame(name)), ordered(ours), obj=name)


@pytest.mark.parametrize("case", [pytest.param(CASE, id="worked example"), pytest.param(SCENARIOS, id="statuses")])
def test_files_hold_the_rows_of_the_frames(case: Case, tmp_path: Path) -> None:
    frames = case.frames()
    result = reconcile(**frames, rules=case.reconcile_rules())  # type: ignore[arg-type]
    assert_same(result, reconcile_into(tmp_path / "out", in_files(frames, tmp_path / "in"), case.reconcile_rules()))
    given = Inputs(credit_records=frames.pop("credits"), **frames)  # type: ignore[arg-type]
    assert_same(result, reconcile_into(tmp_path / "again", given, case.reconcile_rules()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again", "in", "out"]


def test_a_random_history_and_little_memory_change_nothing(tmp_path: Path) -> None:
    frames = random_history(31, 400, activity=True, bank=True).frames()
    rules = ReconcileRules(as_of=date(2026, 11, 12), seller_account="main")
    result = reconcile(**frames, rules=rules)
    given = in_files(frames, tmp_path / "in")
    assert_same(result, reconcile_into(tmp_path / "out", given, rules, memory="200MB"))
    assert len(result.statement) > 300


@pytest.mark.parametrize("basis", list(ReceiptBasis))
@pytest.mark.parametrize("as_of", [date(2026, 10, 25), date(2026, 11, 12)], ids=["some settlements count", "all count"])
def test_the_statement_alone_is_that_of_the_whole(tmp_path: Path, basis: ReceiptBasis, as_of: date) -> None:
    frames = random_history(32, 120, activity=True, bank=True).frames()
    rules = ReconcileRules(as_of=as_of, seller_account="main", basis=basis)
    result = reconcile(**frames, rules=rules)
    given = in_files(frames, tmp_path / "in")
    alone = reconcile_into(tmp_path / "alone", given, rules, statement_only=True)
    assert alone.rows == {"statement": len(result.statement), "settlements": len(result.settlements)}
    pd.testing.assert_frame_equal(ordered(alone.frame("statement")), ordered(result.statement))
    assert len(result.statement) > 60


def test_a_settlement_that_stands_twice_is_refused(tmp_path: Path) -> None:
    frames = CASE.frames()
    twice = {**frames, "settlements": pd.concat([frames["settlements"], frames["settlements"].head(1)])}
    with pytest.raises(ReconcileError, match=r"the settlements hold settlement_id .* 2 times"):
        reconcile_into(tmp_path / "out", in_files(twice, tmp_path / "in"), CASE.reconcile_rules(), statement_only=True)


@pytest.mark.parametrize("statement_only", [True, False])
def test_what_goes_wrong_leaves_nothing_behind(tmp_path: Path, statement_only: bool) -> None:
    frames = CASE.frames()
    twice = pd.concat([frames["orders"], frames["orders"].head(1)])
    given = in_files({**frames, "orders": twice}, tmp_path / "in")
    with pytest.raises(ReconcileError, match=r"the sales orders hold sales_order_id .* 2 times"):
        reconcile_into(tmp_path / "out", given, CASE.reconcile_rules(), statement_only=statement_only)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_the_identity_is_asserted_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nsbill.reconcile.pieces._FEES", ("FEE_COMMISSION",))  # other fees are in no sum then
    given = in_files(CASE.frames(), tmp_path / "in")
    with pytest.raises(ReconcileError, match="but their parts to"):
        reconcile_into(tmp_path / "out", given, CASE.reconcile_rules(), statement_only=True)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ReconcileError, match="out is there already"):
        reconcile_into(tmp_path / "out", in_files(CASE.frames(), tmp_path / "in"), CASE.reconcile_rules())


def test_two_at_once_make_one_and_the_other_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def faster(*_: object) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "statement.parquet").touch()

    monkeypatch.setattr("nsbill.reconcile.into_files.assert_identity", faster)
    given = in_files(CASE.frames(), tmp_path / "in")
    with pytest.raises(ReconcileError, match="See whether somebody else made it meanwhile"):
        reconcile_into(tmp_path / "out", given, CASE.reconcile_rules(), statement_only=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    with pytest.raises(ReconcileError, match="nothing can be written to"):
        reconcile_into(tmp_path / "in" / "orders-0.parquet" / "out", given, CASE.reconcile_rules())


def test_no_amount_of_memory_is_refused_with_a_sentence(tmp_path: Path) -> None:
    given = in_files(CASE.frames(), tmp_path / "in")
    with pytest.raises(ReconcileError, match="the memory limit is 'much'"):
        reconcile_into(tmp_path / "out", given, CASE.reconcile_rules(), memory="much")


def test_files_with_an_empty_cell_or_without_a_column_are_refused(tmp_path: Path) -> None:
    frames = CASE.frames()
    given = in_files(frames, tmp_path / "in")
    table = pq.read_table(given.orders)
    empty = table.set_column(table.column_names.index("total"), "total", pa.nulls(len(table), schemas.ORDERS.arrow.field("total").type))  # fmt: skip
    for broken, words in ((empty, "has empty cells in total"), (table.drop_columns(["total"]), "lacks total")):
        pq.write_table(broken, tmp_path / "orders.parquet")
        wrong = Inputs(**{**given.__dict__, "orders": [tmp_path / "orders.parquet"]})
        with pytest.raises(SchemaError, match=words):
            reconcile_into(tmp_path / "out", wrong, CASE.reconcile_rules())
