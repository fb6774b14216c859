"""``nsbill report``: formats, folder, months that are over and months that are not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from demo_company import Company, demo_company
from pyarrow import parquet
from test_cli import facts

from nsbill.cli import cli
from nsbill.cli.connection import announced


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=60) as made, announced(made.simulator, made.workspace):
        made.desk().close()
        yield made


def report(company: Company, *words: str) -> Result:
    return CliRunner().invoke(cli, ["report", *words, "--workspace", str(company.workspace)])


def today(company: Company) -> date:
    with company.desk() as desk:
        return desk.today()


def last_month(day: date) -> date:
    """The last day of the month before."""
    return day.replace(day=1) - timedelta(days=1)


def test_every_format_of_a_month_goes_into_the_folder_that_is_named(company: Company, tmp_path: Path) -> None:
    end = last_month(today(company))
    done = report(
        company, "--month", f"{end:%Y-%m}", "--out", str(tmp_path / "out"), "--formats", "xlsx,html,csv,parquet"
    )
    assert done.exit_code == 1, done.output  # exceptions are planted
    assert f"as of {end}, month {end:%Y-%m}:" in done.output
    stem = tmp_path / "out" / f"received-vs-due-{end:%Y-%m}-as-of-{end}"
    for path in (f"{stem}.html", f"{stem}.xlsx"):
        assert Path(path).stat().st_size > 10_000
        assert path in done.output
    names = {path.name for path in stem.iterdir()}
    assert {"month.csv", "month.parquet", "statement.csv", "statement.parquet", "exceptions.csv"} <= names
    assert not [path for path in (tmp_path / "out").rglob("*") if ".part" in path.name]
    sources, settlements = (parquet.read_table(stem / f"{name}.parquet") for name in ("sources", "settlements"))
    assert sources.num_rows > 20
    assert set(sources["source_name"].to_pylist()) == set(settlements["source_name"].to_pylist())
    found, stated = (
        table.group_by("currency").aggregate([(amount, "sum"), ("lines", "sum")]).sort_by("currency").to_pylist()
        for table, amount in ((sources, "amount"), (settlements, "lines_total"))
    )
    assert [tuple(row.values()) for row in found] == [tuple(row.values()) for row in stated]


def test_what_came_in_during_the_month_is_the_difference_of_both_ends(company: Company, tmp_path: Path) -> None:
    end = last_month(today(company))
    begin = last_month(end)
    read = facts(report(company, "--month", f"{end:%Y-%m}", "--out", str(tmp_path), "--formats", "parquet", "--json"))
    assert (read["month"], read["month_is_over"]) == (f"{end:%Y-%m}", True)
    paths = read["reports"]
    assert isinstance(paths, list)
    rows = parquet.read_table(next(path for path in paths if path.endswith("month.parquet"))).to_pylist()
    with company.desk() as desk:
        first, last = desk.reconcile(begin), desk.reconcile(end)
    assert any(row["in_month"] for row in rows if row["figure"] == "received")
    for row in rows:
        ends = []
        for found in (first, last):
            mine = found.statement[found.statement["currency"] == row["currency"]]
            ends.append(sum(mine[row["figure"]], Decimal(0)))
        assert (row["at_begin"], row["in_month"], row["at_end"]) == (ends[0], ends[1] - ends[0], ends[1])


def test_a_month_that_is_not_over_is_refused_and_with_a_day_in_it_said(company: Company, tmp_path: Path) -> None:
    day = today(company)
    refused = report(company, "--month", f"{day:%Y-%m}", "--out", str(tmp_path / "out"))
    assert refused.exit_code == 2
    assert f"{day:%Y-%m} is not over: today is {day}." in refused.stderr
    assert not (tmp_path / "out").exists()
    done = report(company, "--month", f"{day:%Y-%m}", "--as-of", f"{day}", "--formats", "csv", "--out", str(tmp_path))
    if day.day > 1 and (day + timedelta(days=1)).month == day.month:
        assert f"month {day:%Y-%m} up to {day}: it is not over" in done.output


@pytest.mark.parametrize(
    "words, said",
    [
        (("--month", "2026-13"), "'2026-13' is no month"),
        (("--month", "2026-01", "--as-of", "2026-02-01"), "--as-of 2026-02-01 is not in 2026-01"),
        (("--month", "2999-01", "--as-of", "2999-01-05"), "has not come yet"),
        (("--formats", "pdf"), "choose from html, xlsx, csv, parquet"),
        (("--formats", ","), "choose from html, xlsx, csv, parquet"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(company: Company, words: tuple[str, ...], said: str) -> None:
    done = report(company, *words)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
