"""The list of runs: newest first, and a folder that cannot be read is shown and not skipped."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nsbill.errors import WorkspaceError
from nsbill.runs.folders import open_folder, time_of
from nsbill.runs.history import RUNS, list_runs

GOOD = {
    "run_id": "20261101T060000Z-aaaaaa",
    "parameters": {"workspace": "w"},
    "notebook": "11_scheduled_reconciliation",
    "status": "succeeded",
    "started_at": "2026-11-01T06:00:00+00:00",
    "seconds": 12.345,
    "results": {"due": "1.50"},
    "error": None,
}


def _run(runs: Path, name: str, record: object, *, notebook: str = "11_scheduled_reconciliation") -> None:
    folder = runs / notebook / name
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(record if isinstance(record, str) else json.dumps(record))


def test_no_folder_and_an_empty_folder_give_an_empty_frame(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("About runs.")
    for folder in (tmp_path / "none", tmp_path):
        runs = list_runs(folder)
        assert list(runs.columns) == RUNS.names
        assert len(runs) == 0


def test_runs_are_listed_newest_first_across_notebooks(tmp_path: Path) -> None:
    failed = GOOD | {"status": "failed", "error": {"kind": "timeout", "cell": 3, "sentence": "Too slow."}}
    _run(tmp_path, "20261101T060000Z-aaaaaa", GOOD)
    _run(tmp_path, "20261102T060000Z-bbbbbb", failed)
    _run(tmp_path, "20261101T070000Z-cccccc", GOOD | {"notebook": "10"}, notebook="10")
    runs = list_runs(tmp_path)
    assert runs["run_id"].tolist() == ["20261102T060000Z-bbbbbb", "20261101T070000Z-cccccc", "20261101T060000Z-aaaaaa"]
    assert runs["status"].tolist() == ["failed", "succeeded", "succeeded"]
    assert runs["problem"].fillna("").tolist() == ["Too slow.", "", ""]
    assert runs["notebook"].tolist()[1] == "10"
    assert runs["started_at"].tolist()[2] == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert json.loads(runs["results"].tolist()[2]) == {"due": "1.50"}


@pytest.mark.parametrize(
    "record,sentence",
    [
        ("", "run.json cannot be read: JSONDecodeError"),
        ("[]", "run.json cannot be read: TypeError"),
        ({}, "run.json cannot be read: KeyError: 'status'"),
        (GOOD | {"status": "fine"}, "run.json cannot be read: ValueError: status is 'fine'"),
        (GOOD | {"seconds": "long"}, "run.json cannot be read: TypeError: seconds is 'long'"),
        (GOOD | {"started_at": "noon"}, "run.json cannot be read: ValueError"),
        (GOOD | {"error": "no"}, "run.json cannot be read: TypeError"),
    ],
)
def test_a_broken_record_is_a_row_that_says_why(tmp_path: Path, record: object, sentence: str) -> None:
    _run(tmp_path, "20261101T060000Z-aaaaaa", GOOD)
    _run(tmp_path, "20261103T060000Z-dddddd", record)
    runs = list_runs(tmp_path)
    assert runs["status"].tolist() == ["broken", "succeeded"]
    assert runs["problem"].iloc[0].startswith(sentence)
    assert runs["started_at"].iloc[0] == datetime(2026, 11, 3, 6, tzinfo=UTC), "from the folder's name"


def test_a_folder_without_a_record_and_with_a_foreign_name_is_shown_as_broken(tmp_path: Path) -> None:
    (tmp_path / "mine" / "my notes").mkdir(parents=True)
    (tmp_path / "mine" / ".hidden").mkdir()
    row = list_runs(tmp_path).to_dict("records")[0]
    assert (row["run_id"], row["status"], row["problem"]) == ("my notes", "broken", "run.json is missing.")


def test_a_partial_folder_is_running_while_its_process_holds_it_and_interrupted_after(tmp_path: Path) -> None:
    with open_folder(tmp_path, Path("10_scheduled_billing.ipynb")) as folder:
        assert list_runs(tmp_path)["status"].tolist() == ["running"]
    assert list_runs(tmp_path)["status"].tolist() == ["interrupted"]
    assert list_runs(tmp_path)["run_id"].tolist() == [folder.run_id]


def test_run_ids_are_in_utc_on_a_machine_that_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    try:
        before = datetime.now(UTC).replace(microsecond=0)
        with open_folder(tmp_path, Path("n.ipynb")) as folder:
            started = time_of(folder.run_id)
        assert started is not None
        assert before <= started <= datetime.now(UTC)
        assert list_runs(tmp_path)["started_at"].tolist() == [started]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_runs_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with (
        pytest.raises(WorkspaceError, match="a folder for the run cannot be made"),
        open_folder(tmp_path / "runs", Path("n.ipynb")),
    ):
        raise AssertionError


def test_a_notebook_name_with_odd_characters_becomes_a_plain_folder(tmp_path: Path) -> None:
    with open_folder(tmp_path, Path("../Month end & more.ipynb")):
        assert [path.name for path in tmp_path.iterdir()] == ["Month-end-more"]
