"""The notebook runner: papermill's traps are closed, and each way of ending is told from success."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from notebooks_for_tests import read_notebook, write_notebook

from nsbill.errors import RunError
from nsbill.runs.history import list_runs
from nsbill.runs.kernel import socket_folder
from nsbill.runs.parameters import checked_parameters, inspect_parameters
from nsbill.runs.redaction import Leak, Secrets
from nsbill.runs.results import RESULT_FILE_VARIABLE, in_a_run, read_results, record_result
from nsbill.runs.runner import Run, run_notebook

PARAMETERS = """
as_of: str = "2026-01-31"  # last day of the books, e.g. with = and # in the help
max_total: str = '1000.00'
max_orders: int = 50
month: int | None = None
dry: bool = True
share: float = 0.5
"""


def _files(run: Run) -> list[str]:
    return sorted(path.name for path in run.folder.iterdir())


# A run that succeeds, looked at from several sides.


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[tuple[int, int]]]:
    """One run in surroundings that are unkind: braces in paths, another kernel named python3 first on the path."""
    folder = tmp_path_factory.mktemp("a folder with {braces}")
    foreign = folder / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["/nonexistent/python", "{connection_file}"], "display_name": "other", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    notebook = write_notebook(
        folder,
        "month_end",
        "# Month end",
        """
        import os, sys
        from decimal import Decimal
        from ipywidgets import IntProgress
        from nsbill.runs.results import record_result
        IntProgress(3)
        """,
        "record_result(as_of=as_of, max_orders=max_orders, due=Decimal('12.50'), python=sys.executable)",
        "record_result(folder=os.path.basename(os.getcwd()))",
        parameters=PARAMETERS,
    )
    seen: list[tuple[int, int]] = []
    run = run_notebook(
        notebook,
        runs_folder=folder / "runs",
        parameters={"as_of": date(2026, 10, 31), "max_orders": "7"},
        environment={"JUPYTER_PATH": str(folder / "jupyter"), RESULT_FILE_VARIABLE: "/nonexistent/elsewhere"},
        progress=lambda *news: seen.append(news),
    )
    return run, seen


def test_a_good_run_keeps_its_notebook_its_report_and_its_record_under_its_own_name(good: tuple[Run, Any]) -> None:
    run, _ = good
    assert run.succeeded, run.problem
    assert (run.notebook, run.failing_cell, run.problem) == ("month_end", None, None)
    assert _files(run) == ["notebook.ipynb", "report.html", "run.json"]
    assert run.folder.parent.name == "month_end"
    assert run.folder.name == run.run_id
    assert [path.name for path in run.folder.parent.iterdir()] == [run.run_id], "no .partial- is left"


def test_results_come_from_what_the_notebook_recorded_with_amounts_as_text(good: tuple[Run, Any]) -> None:
    run, _ = good
    assert {name: run.results[name] for name in ("as_of", "max_orders", "due")} == {
        "as_of": "2026-10-31",
        "max_orders": 7,
        "due": "12.50",
    }


def test_the_kernel_is_this_python_whatever_kernel_is_named_python3_elsewhere(good: tuple[Run, Any]) -> None:
    run, _ = good
    assert run.results["python"] == sys.executable


def test_a_notebook_runs_in_its_own_folder_as_in_jupyter(good: tuple[Run, Any]) -> None:
    run, _ = good
    assert run.results["folder"] == run.folder.parent.parent.parent.name


def test_the_record_says_what_ran_with_what(good: tuple[Run, Any]) -> None:
    run, _ = good
    record = json.loads((run.folder / "run.json").read_text())
    assert record["status"] == "succeeded"
    assert record["error"] is None
    assert record["parameters"] == {"as_of": "2026-10-31", "max_orders": 7}
    assert record["results"] == run.results
    assert record["code_cells"] == {"completed": 5, "of": 5}, "four of the notebook and the parameters given"
    assert record["started_at"].endswith("+00:00")
    assert {"nsbill", "python", "papermill", "pandas"} <= set(record["versions"])
    assert record["exit_status"] == 0
    assert set(record["who"]) == {"user", "host", "pid", "command"}
    assert record["who"]["pid"] == os.getpid()
    assert (record["scheduled"], record["leaks"], record["plan_fingerprint"]) == (None, [], None)


def test_the_output_notebook_holds_no_widget_state_and_no_path_of_the_machine(good: tuple[Run, Any]) -> None:
    run, _ = good
    book = read_notebook(run.folder / "notebook.ipynb")
    assert "widgets" not in book.metadata
    assert (book.metadata.papermill.input_path, book.metadata.papermill.output_path) == (
        "month_end.ipynb",
        "notebook.ipynb",
    )


def test_progress_counts_the_code_cells(good: tuple[Run, list[tuple[int, int]]]) -> None:
    _, seen = good
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


# Runs that fail.


def test_a_failing_cell_fails_the_run_and_its_notebook_is_kept(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "broken", "1", "# Then", "total = 1 / 0", "2")
    run = run_notebook(notebook, runs_folder=tmp_path / "runs")
    assert (run.status, run.failing_cell) == ("failed", 2)
    assert run.problem == "Code cell 2 of 3 (total = 1 / 0) raised ZeroDivisionError: division by zero."
    assert _files(run) == ["notebook.ipynb", "report.html", "run.json"]
    outputs = [output.ename for cell in read_notebook(run.folder / "notebook.ipynb").cells[3:] for output in _of(cell)]
    assert outputs == ["ZeroDivisionError"]
    assert "ZeroDivisionError: division by zero" in run.report.read_text()
    record = json.loads((run.folder / "run.json").read_text())
    assert record["error"] == {"kind": "cell_error", "cell": 2, "sentence": run.problem}
    assert record["code_cells"] == {"completed": 1, "of": 3}


def test_sys_exit_0_is_no_success_because_the_rest_did_not_run(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "leaver", "1", "import sys; sys.exit(0)", "2")
    run = run_notebook(notebook, runs_folder=tmp_path / "runs")
    assert (run.status, run.failing_cell) == ("failed", 1)
    assert run.problem == (
        "Code cell 2 of 3 (import sys; sys.exit(0)) stopped the notebook before its end (sys.exit or SystemExit)."
    )
    assert json.loads((run.folder / "run.json").read_text())["error"]["kind"] == "exit"


def test_a_dead_kernel_is_told_and_the_notebook_no_longer_says_completed(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "dying", "1", "import os; os._exit(0)", "2")
    run = run_notebook(notebook, runs_folder=tmp_path / "runs")
    assert (run.status, run.failing_cell) == ("failed", 1)
    assert run.problem is not None
    assert "Code cell 2 of 3 (import os; os._exit(0)) killed its kernel" in run.problem
    assert json.loads((run.folder / "run.json").read_text())["error"]["kind"] == "dead_kernel"
    book = read_notebook(run.folder / "notebook.ipynb")
    assert book.metadata.papermill.exception is True
    assert [cell.metadata.papermill.status for cell in book.cells[1:]] == ["completed", "failed", "pending"]


def test_a_cell_that_takes_too_long_is_told_with_the_limit(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "slow", "import threading; threading.Event().wait()", "2")
    run = run_notebook(notebook, runs_folder=tmp_path / "runs", timeout_per_cell=1)
    assert (run.status, run.failing_cell) == ("failed", 0)
    assert run.problem is not None
    assert run.problem.endswith("took longer than the 1 s that a cell may take.")
    assert json.loads((run.folder / "run.json").read_text())["error"]["kind"] == "timeout"
    assert "took longer than the 1 s" in run.report.read_text()


def test_a_process_that_is_killed_is_a_failed_run_with_its_signal(tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path, "murder", "1", "import os; os.kill(os.getppid(), 9)", "2")
    run = run_notebook(notebook, runs_folder=tmp_path / "runs")
    assert (run.status, run.failing_cell) == ("failed", None)
    assert run.problem is not None
    assert "ended without a word (signal SIGKILL)" in run.problem


def test_a_printed_secret_is_removed_everywhere_and_fails_the_run(tmp_path: Path) -> None:
    secret = 'top"secret<&>value'
    notebook = write_notebook(
        tmp_path,
        "chatty",
        """
        import os, base64
        from nsbill.runs.results import record_result
        value = os.environ["NSBILL_TOKEN_SECRET"]
        print(value)
        open(os.path.join(os.path.dirname(os.environ["NSBILL_RESULT_FILE"]), "dump.bin"), "wb").write(b"\\xff" + value.encode())
        """,
        "record_result(leaked=value)",
        "raise ValueError(value)",
    )
    run = run_notebook(notebook, runs_folder=tmp_path / "runs", environment={"NSBILL_TOKEN_SECRET": secret})
    assert run.status == "failed"
    assert run.problem is not None
    assert "The value of NSBILL_TOKEN_SECRET stood in the output" in run.problem
    assert run.results == {"leaked": "[removed by nsbill]"}
    assert "raised ValueError: [removed by nsbill]" in run.problem
    assert _files(run) == ["notebook.ipynb", "report.html", "run.json"], "a file that is not text is deleted"
    record = json.loads((run.folder / "run.json").read_text())
    assert {leak["variable"] for leak in record["leaks"]} == {"NSBILL_TOKEN_SECRET"}
    assert record["exit_status"] == 2
    for path in run.folder.iterdir():
        assert not Secrets({"NSBILL_TOKEN_SECRET": secret}).remove_from_folder(path.parent), path.name
    read_notebook(run.folder / "notebook.ipynb")  # is still a notebook


def test_kill_9_leaves_only_a_partial_folder_and_the_next_run_goes_well(tmp_path: Path) -> None:
    pipe, runs = tmp_path / "pipe", tmp_path / "runs"
    os.mkfifo(pipe)
    notebook = write_notebook(
        tmp_path,
        "long",
        """
        import threading
        sign = open(where, "w")
        _ = sign.write("started"), sign.flush()
        threading.Event().wait(timeout=seconds)
        """,
        parameters="where: str = '/dev/null'\nseconds: int = 0",
    )
    call = (
        "import sys; from pathlib import Path; from nsbill.runs.runner import run_notebook; "
        "run_notebook(Path(sys.argv[1]), runs_folder=Path(sys.argv[2]), "
        "parameters={'where': sys.argv[3], 'seconds': 600})"
    )
    parent = subprocess.Popen([sys.executable, "-c", call, str(notebook), str(runs), str(pipe)])
    with pipe.open() as end:
        assert end.read(7) == "started"
        assert list_runs(runs)["status"].tolist() == ["running"]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert end.read() == "", "the pipe closes: the kernel died with the run"
    assert list_runs(runs)["status"].tolist() == ["interrupted"]
    assert [path.name.startswith(".partial-") for path in (runs / "long").iterdir()] == [True]
    assert run_notebook(notebook, runs_folder=runs).succeeded
    assert sorted(list_runs(runs)["status"]) == ["interrupted", "succeeded"]


def test_where_unix_sockets_cannot_be_used_the_kernel_is_reached_over_encrypted_tcp(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 80)
    deep.mkdir()
    notebook = write_notebook(
        tmp_path,
        "wired",
        """
        import json
        from ipykernel.connect import get_connection_info
        from nsbill.runs.results import record_result
        info = json.loads(get_connection_info())
        record_result(transport=info["transport"], encrypted=bool(info.get("curve_publickey")))
        """,
    )
    run = run_notebook(notebook, runs_folder=tmp_path / "runs", environment={"TMPDIR": str(deep)})
    assert run.succeeded, run.problem
    assert run.results == {"transport": "tcp", "encrypted": True}


def test_unix_sockets_are_used_where_they_can_be() -> None:
    folder = socket_folder()
    assert folder is not None
    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o077 == 0


# Refused before anything starts.


@pytest.mark.parametrize(
    "given,sentence",
    [
        ({"max_order": 5}, "has no parameter 'max_order'. Did you mean 'max_orders'? Valid: as_of, max_total,"),
        ({"max_orders": "many"}, "parameter 'max_orders' takes int, not 'many'"),
        ({"max_orders": True}, "parameter 'max_orders' takes int, not True"),
        ({"max_orders": "1.5"}, "parameter 'max_orders' takes int, not '1.5'"),
        ({"max_total": 1000.5}, "got the binary float 1000.5, which is not exact. Give amounts as text"),
        ({"max_orders": 5.0}, "got the binary float 5.0"),
        ({"dry": "perhaps"}, "parameter 'dry' takes bool, not 'perhaps'"),
        ({"as_of": 20261031}, "parameter 'as_of' takes str, not 20261031"),
        ({"as_of": None}, "parameter 'as_of' takes str, not None"),
        ({"as_of": object()}, "parameter as_of is a object, which a run record cannot hold"),
    ],
)
def test_an_unknown_parameter_or_a_wrong_type_starts_nothing(
    tmp_path: Path, given: dict[str, object], sentence: str
) -> None:
    notebook = write_notebook(tmp_path, "careful", "1", parameters=PARAMETERS)
    with pytest.raises(RunError) as refusal:
        run_notebook(notebook, runs_folder=tmp_path / "runs", parameters=given)
    assert sentence in str(refusal.value)
    assert "othing was started" in str(refusal.value)
    assert not (tmp_path / "runs").exists()


def test_values_that_fit_are_taken_and_text_is_read_as_the_type_it_says(tmp_path: Path) -> None:
    declared = inspect_parameters(write_notebook(tmp_path, "careful", "1", parameters=PARAMETERS))
    given = {
        "as_of": date(2026, 10, 31),
        "max_total": Decimal("2500.00"),
        "max_orders": "12",
        "month": None,
        "dry": "False",
        "share": 0.25,
    }
    assert checked_parameters("careful", declared, given) == {
        "as_of": "2026-10-31",
        "max_total": "2500.00",
        "max_orders": 12,
        "month": None,
        "dry": False,
        "share": 0.25,
    }


def test_the_parameters_cell_is_read_with_types_defaults_and_help(tmp_path: Path) -> None:
    declared = inspect_parameters(write_notebook(tmp_path, "careful", "1", parameters=PARAMETERS))
    assert list(declared) == ["as_of", "max_total", "max_orders", "month", "dry", "share"]
    assert declared["as_of"].help == "last day of the books, e.g. with = and # in the help"
    assert (declared["month"].type, declared["month"].default) == ("int | None", "None")


@pytest.mark.parametrize(
    "content,sentence",
    [
        (None, "there is no file"),
        ("not json", "cannot be read as a notebook"),
        ('{"cells": []}', "cannot be read as a notebook"),
        ('{"cells": [], "metadata": {}, "nbformat": 3}', "its format is 3"),
        ('{"cells": [], "metadata": {"kernelspec": {"language": "R"}}, "nbformat": 4}', "is written in R"),
    ],
)
def test_what_is_no_python_notebook_is_refused(tmp_path: Path, content: str | None, sentence: str) -> None:
    notebook = tmp_path / "thing.ipynb"
    if content is not None:
        notebook.write_text(content)
    with pytest.raises(RunError, match=sentence):
        run_notebook(notebook, runs_folder=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


# What a notebook records.


def test_outside_a_run_results_are_only_handed_back() -> None:
    assert not in_a_run()
    assert record_result(due=Decimal("1.50"), as_of=date(2026, 1, 2), by={"USD": [1, None]}) == {
        "due": "1.50",
        "as_of": "2026-01-02",
        "by": {"USD": [1, None]},
    }


def test_inside_a_run_later_results_add_to_earlier_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "results.json"
    monkeypatch.setenv(RESULT_FILE_VARIABLE, str(target))
    record_result(orders=3, due="1.00")
    record_result(due="2.00")
    assert in_a_run()
    assert read_results(target) == {"orders": 3, "due": "2.00"}
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_float_is_no_result_because_it_is_not_exact() -> None:
    with pytest.raises(TypeError, match=r"due.USD is the binary float 1.5; give amounts as Decimal"):
        record_result(due={"USD": 1.5})


# Secrets.


@pytest.mark.parametrize(
    "variable,value,text,found",
    [
        ("NSBILL_CONSUMER_KEY", "abcdef1", "key=abcdef1;", True),
        ("NSBILL_TOKEN_SECRET", "pass/wörd", r'{"x": "pass/w\u00f6rd"}', True),
        ("NSBILL_TOKEN_SECRET", "pass/word&", "pass%2Fword%26", True),
        ("NSBILL_TOKEN_SECRET", "pass/word&", "cGFzcy93b3JkJg==", True),
        ("NSBILL_JOURNAL", "postgresql://nsbill:hushhush@db/x", "hushhush", True),
        ("NSBILL_SLACK_WEBHOOK", "https://hooks.example/T0/B0/xyz", "https://hooks.example/T0/B0/xyz", True),
        ("NSBILL_TOKEN_SECRET", "abc", "abc", False),
        ("NSBILL_ACCOUNT", "1234567_SB1", "1234567_SB1", False),
        ("HOME_SECRET", "abcdef1", "abcdef1", False),
    ],
)
def test_secrets_are_found_in_every_spelling(
    tmp_path: Path, variable: str, value: str, text: str, *, found: bool
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file.txt").write_text(text, encoding="utf-8")
    leaks = Secrets({variable: value}).remove_from_folder(tmp_path)
    assert leaks == ([Leak("deep/file.txt", variable)] if found else [])
    assert ((tmp_path / "deep" / "file.txt").read_text(encoding="utf-8") == text) is not found


def test_a_secret_in_a_workbook_is_found_though_the_file_is_packed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "report.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", "<si>" + "abcdefg1 " * 50 + "</si>")
    assert b"abcdefg1" not in (tmp_path / "report.xlsx").read_bytes()
    secrets = Secrets({"NSBILL_TOKEN_SECRET": "abcdefg1"})
    assert secrets.remove_from_folder(tmp_path) == [Leak("report.xlsx", "NSBILL_TOKEN_SECRET")]
    assert not (tmp_path / "report.xlsx").exists()
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 no archive")
    assert secrets.remove_from_folder(tmp_path) == []


def test_secrets_do_not_show_themselves() -> None:
    assert repr(Secrets({"NSBILL_TOKEN_SECRET": "abcdefg"})) == "Secrets(['NSBILL_TOKEN_SECRET'])"


def _of(cell: Any) -> list[Any]:
    return [output for output in cell.get("outputs", []) if output.output_type == "error"]
