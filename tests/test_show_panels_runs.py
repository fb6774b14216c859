"""The panel of runs: figures beside each other, the trend, what changed, and a static page without widgets."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from run_folders import record

from nsbill.errors import WorkspaceError
from nsbill.runs.run_book import RunBook
from nsbill.show.charts_runs import due_over_runs, seconds_of_runs
from nsbill.show.panels_runs import RunsPanel, runs_panel
from nsbill.show.runs_state import RunsState


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    record(tmp_path, 0, "recon", due={"EUR": "100.10", "JPY": "500"}, exceptions=7, exception_list=[])
    record(tmp_path, 1, None, created=12, rejected=1, unknown=0)
    record(tmp_path, 2, "recon", status="failed")
    record(tmp_path, 3, "recon", due={"EUR": "90.05", "JPY": "500"}, exceptions=9, exception_list=[])
    record(tmp_path, 4, "recon", due={"EUR": "90.05", "JPY": "500"}, exceptions=9, exception_list=[])
    record(tmp_path, 5, "recon", workspace="/other", due={"EUR": "1.00"}, exceptions=0)
    return tmp_path


def test_each_run_is_compared_with_the_one_before_of_its_name_and_workspace(folder: Path) -> None:
    runs, due = RunBook(folder, workspace="/w").overview()
    shown = [
        (row["name"], row["status"], row["due"], row["trend"])
        for row in runs.astype(object).where(runs.notna(), None).to_dict("records")
    ]
    assert shown == [
        ("recon", "succeeded", "90.05 EUR, 500 JPY", "as before"),
        ("recon", "succeeded", "90.05 EUR, 500 JPY", "due -10.05 EUR, exceptions +2"),
        ("recon", "failed", None, None),
        ("10_billing", "succeeded", None, None),
        ("recon", "succeeded", "100.10 EUR, 500 JPY", None),
    ]
    assert runs[runs["name"] == "10_billing"][["created", "refused", "unknown"]].to_numpy().tolist() == [[12, 1, 0]]
    assert due[due["currency"] == "EUR"]["due"].tolist() == [Decimal("100.10"), Decimal("90.05"), Decimal("90.05")]
    everybody, _ = RunBook(folder).overview()
    assert everybody["trend"].isna().iloc[0], "the run of another workspace is not compared with these"


def test_what_changed_is_said_for_the_newest_run_and_for_the_one_that_is_chosen(folder: Path) -> None:
    state = RunsState(RunBook(folder, workspace="/w"))
    state.load()
    assert state.names == ("10_billing", "recon")
    assert state.changes[1:] == ("Nothing changed.",)
    state.look_at(state.runs["run_id"].iloc[1])
    assert "due EUR: 100.10 EUR → 90.05 EUR  (-10.05 EUR)" in state.changes
    state.choose("10_billing")
    assert state.run_id == state.shown["run_id"].iloc[0]
    assert "no run before it recorded figures" in state.changes[0]
    assert dict(state.headline) == {"Runs": "1", "Not succeeded": "0", "Last good run": "2026-11-01 07:00 UTC"}


def test_the_panel_and_its_static_page_show_the_same_and_obey_no_text_from_outside(folder: Path) -> None:
    panel = runs_panel(RunBook(folder, workspace="/w"))
    panel.state.name = "no such job"
    panel.prepare()
    page = panel.static()
    assert "due -10.05 EUR, exceptions +2" in page
    assert "Nothing changed." in page
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; failed." in page
    assert panel._table.value in page
    assert [option for option, _ in panel.name.options] == ["all", "10_billing", "recon"]
    assert len(panel._charts.children) == len(panel.figures()) == 3  # EUR, JPY, seconds
    panel.name.value = "10_billing"
    panel.worker.join()
    assert panel.state.name == "10_billing"
    assert "due -10.05 EUR" not in panel.static()


def test_the_charts_hold_exact_amounts_and_say_the_currency(folder: Path) -> None:
    runs, due = RunBook(folder).overview()
    figure = due_over_runs(due, currency="EUR")
    assert figure.layout.yaxis.title.text == "due, EUR"
    assert list(figure.data[0].y) == ["100.10", "90.05", "90.05", "1.00"]
    assert [trace.name for trace in seconds_of_runs(runs).data] == ["succeeded", "not succeeded"]
    assert "No run recorded" in due_over_runs(due, currency="CHF").layout.annotations[0].text


class Broken:
    def overview(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        raise WorkspaceError("runs", "cannot be read", "Look at its permissions.")

    def changes(self, run_id: str) -> Sequence[str]:
        return [run_id]


def test_a_folder_that_cannot_be_read_is_one_sentence_and_an_empty_one_is_no_error(tmp_path: Path) -> None:
    panel = RunsPanel(RunsState(Broken()))
    panel.prepare()
    assert "Look at its permissions." in panel._error.value
    empty = runs_panel(RunBook(tmp_path / "nothing"))
    empty.prepare()
    assert (empty.state.error, empty.figures()) == ("", [])
    assert "no run yet" in empty.static()
