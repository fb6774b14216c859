"""The limit of a whole run, and the order to stop one: told from a success, and from the limit of a cell."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from notebooks_for_tests import read_notebook, write_notebook

from nsbill.runs.runner import run_notebook
from nsbill.runs.worker import Halt


def test_a_run_past_its_limit_is_ended_and_names_the_cell_that_was_running(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "slow", "1", "import time\ntime.sleep(60)", "2")
    began = time.monotonic()
    done = run_notebook(notebook, runs_folder=tmp_path / "runs", time_limit=3, timeout_per_cell=50)
    assert time.monotonic() - began < 40
    assert (done.status, done.failing_cell) == ("failed", 1)
    assert "code cell 2 of 3 (import time) was running when the 3 s were over that the whole run may take" in str(
        done.problem
    ).replace("Code", "code")
    cells = [cell for cell in read_notebook(done.folder / "notebook.ipynb").cells if cell.cell_type == "code"]
    assert [cell.metadata.papermill["status"] for cell in cells][-2:] == ["failed", "pending"]


def test_a_cell_s_own_limit_is_still_told_as_such(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "slow", "import time\ntime.sleep(60)")
    done = run_notebook(notebook, runs_folder=tmp_path / "runs", time_limit=100, timeout_per_cell=1)
    assert "took longer than the 1 s that a cell may take" in str(done.problem)


def test_a_run_that_is_told_to_stop_stops_at_once_and_says_why(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "slow", "open('begun', 'w').close()", "import time\ntime.sleep(60)")
    halt, begun = Halt(), []

    def stop_later() -> None:
        until = time.monotonic() + 60
        while not (tmp_path / "begun").exists() and time.monotonic() < until:
            time.sleep(0.05)
        halt.give("another machine has taken the job over")

    thread = threading.Thread(target=stop_later)
    thread.start()
    done = run_notebook(
        notebook, runs_folder=tmp_path / "runs", halt=halt, begun=lambda run_id, folder: begun.append((run_id, folder))
    )
    thread.join()
    assert done.status == "failed"
    assert done.problem == "The run was stopped: another machine has taken the job over."
    assert [(run_id, folder.name) for run_id, folder in begun] == [(done.run_id, f".partial-{done.run_id}")]
    assert done.folder.is_dir()
