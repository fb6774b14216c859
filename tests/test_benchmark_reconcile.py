"""The benchmark of the reconciliation runs, and pandas and nsbill say the same of its data; the figures are the machine's."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks import reconcile
from benchmarks.reconcile_data import generate
from benchmarks.reconcile_steps import WAYS, compare
from nsbill.schemas import BILLING_RECORDS, LINES, ORDERS


@pytest.mark.slow
def test_reconciling_is_measured_beside_a_scan_and_pandas(capsys: pytest.CaptureFixture[str]) -> None:
    assert reconcile.main(["--lines", "20000", "--month", "--json"]) == 0
    *figures, ratios = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    spent = {figure["way"]: figure["seconds"] for figure in figures}
    assert spent.keys() == {"scan", "nsbill-duckdb", "nsbill-statement", "nsbill-month", "pandas", "pandas-figures"}
    assert all(figure["lines"] == ratios["lines"] > 15_000 and figure["peak_mb"] > 20 for figure in figures)
    assert ratios["ratio_to_scan"] == pytest.approx(spent["nsbill-duckdb"] / spent["scan"], rel=0.05, abs=0.01)
    expected = spent["pandas"] / spent["nsbill-duckdb"]
    assert ratios["times_faster_than_pandas"] == pytest.approx(expected, rel=0.05, abs=0.01)
    assert ratios["rows_compared"] == ratios["statement_rows"] > 3_000
    same_work = spent["pandas"] / spent["nsbill-statement"]
    assert ratios["statement_times_faster_than_pandas"] == pytest.approx(same_work, rel=0.05, abs=0.01)
    share = spent["nsbill-month"] / spent["nsbill-statement"]
    assert ratios["month_share"] == pytest.approx(share, rel=0.05, abs=0.01)


def test_a_statement_that_differs_in_one_place_fails_the_benchmark(tmp_path: Path) -> None:
    data = generate(tmp_path, lines=2_000)
    WAYS["nsbill-statement"](data)()
    written = WAYS["pandas"](data)()["written"]
    whole = pq.read_table(written)
    assert compare(data) == {"rows": whole.num_rows, "columns": 47}
    first = whole["amazon_order_id"][0].as_py()
    words = pc.replace_substring(whole["explanation"], "Amazon", "Somebody", max_replacements=1)
    only_first = pc.if_else(pc.equal(whole["amazon_order_id"], first), words, whole["explanation"])
    pq.write_table(whole.set_column(whole.schema.get_field_index("explanation"), "explanation", only_first), written)
    with pytest.raises(SystemExit, match=rf"explanation in 1 rows differ, such as \('{first}'"):
        compare(data)
    pq.write_table(whole.slice(1), written)
    with pytest.raises(SystemExit, match=r"billed_gross in 1 rows"):
        compare(data)


def test_the_generated_data_fit_their_schemas_and_a_month_comes_on_top(tmp_path: Path) -> None:
    data = generate(tmp_path, lines=5_000)
    base, more = data.lines_files(), data.lines_files(with_month=True)
    assert (len(base), len(more)) == (52, 54)
    settlements = data.settlement_rows(with_month=True)
    assert set(settlements["ties"]) == {"ties"}
    assert LINES.from_arrow(pq.read_table(base[3]))["amazon_order_id"].nunique() > 10
    for name, schema in (("orders", ORDERS), ("billing_records", BILLING_RECORDS)):
        frame = schema.from_arrow(pq.read_table(data.books_files(name, with_month=True)))
        assert frame.iloc[:, 0].is_unique
