"""The benchmark of reading settlements runs, measures every way, and cleans up; the figures are the machine's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import settlements
from benchmarks.settlements_file import generate
from nsbill.amazon.store import SettlementStore


@pytest.mark.slow
def test_reading_settlements_is_measured_beside_the_raw_read_and_pandas(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert settlements.main(["--lines", "3000", "--json", "--folder", str(tmp_path)]) == 0
    *figures, ratios = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    ways = [(figure["way"], figure["decimal_mark"]) for figure in figures]
    assert ways.count(("nsbill-store", ".")) == ways.count(("nsbill-store", ",")) == 1
    assert all(figure["lines"] == 3000 and figure["peak_mb"] > 20 for figure in figures)
    spent = {way: figure["seconds"] for way, figure in zip(ways, figures, strict=True)}
    expected = spent["nsbill-store", "."] / spent["raw-to-parquet", "."]
    assert ratios["ratio_to_raw_read"] == pytest.approx(expected, rel=0.1)
    assert {"times_faster_than_pandas_decimal", "comma_to_point", "peak_mb"} <= ratios.keys()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mark", [".", ","])
def test_a_generated_settlement_ties_and_all_its_lines_are_classified(mark: str, tmp_path: Path) -> None:
    generate(tmp_path / "s.txt", lines=2_000, decimal_mark=mark)
    store = SettlementStore(tmp_path / "workspace", seller_account="main")
    (result,) = store.add([tmp_path / "s.txt"])
    assert result.state == "added", result.message
    (row,) = store.settlements().to_dict("records")
    assert (row["lines"], row["unclassified_lines"], row["ties"]) == (1_999, 0, "ties")
    assert store.lines()["amazon_order_id"].nunique() > 300
