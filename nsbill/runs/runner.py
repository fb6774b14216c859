"""Run a notebook unattended: in a child process, into a folder of its own, and never call a failure a success.

How a run ended is taken from what happened to each cell and from what the notebook recorded
(``record_result``), never from the metadata of the output notebook.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from nsbill.errors import RunError
from nsbill.progress import Progress, silent
from nsbill.runs.folders import NOTEBOOK, REPORT, RunFolder, open_folder
from nsbill.runs.parameters import checked_parameters, inspect_parameters
from nsbill.runs.record import record_of
from nsbill.runs.redaction import Leak, Secrets
from nsbill.runs.results import RESULT_FILE_VARIABLE, read_results
from nsbill.runs.worker import Halt, Outcome, Worker

__all__ = ["Run", "run_notebook"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_RESULTS, _LOG = "results.json", "runner.log"
_LOGGED = frozenset({"dead_kernel", "child_died", "not_started", "runner_error"})


@dataclass(frozen=True)
class Run:
    """One finished run.

    ``failing_cell`` counts the cells of the notebook from 0; it is None when the run did not fail in a cell.
    ``results`` are what the notebook recorded, amounts as text. ``leaks``: secrets that stood in its output.
    """

    run_id: str
    folder: Path
    notebook: str
    status: Literal["succeeded", "failed"]
    started_at: datetime
    seconds: float
    failing_cell: int | None
    problem: str | None
    results: Mapping[str, object]
    leaks: tuple[Leak, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether every code cell completed and nothing else was wrong."""
        return self.status == "succeeded"

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / REPORT

    def with_problem(self, sentence: str) -> Run:
        """The same run, failed, with one more sentence."""
        return replace(self, status="failed", problem=" ".join(filter(None, (self.problem, sentence))))


def run_notebook(
    notebook: Path,
    *,
    runs_folder: Path,
    parameters: Mapping[str, object] = _NOTHING,
    environment: Mapping[str, str] = _NOTHING,
    timeout_per_cell: int | None = None,
    time_limit: float | None = None,
    scheduled: Mapping[str, str] | None = None,
    begun: Callable[[str, Path], None] = lambda _run_id, _folder: None,
    halt: Halt | None = None,
    progress: Progress = silent,
) -> Run:
    """Execute ``notebook`` with ``parameters`` and keep everything in ``runs_folder/<notebook>/<run id>/``.

    ``environment`` is added to this process's environment for the notebook; ``timeout_per_cell`` and ``time_limit``, of
    the whole run, are in seconds. ``scheduled``: the job and the slot that it is run for, kept in the record. ``begun`` is
    told the run's id and its folder while it is under way; ``halt`` stops it. A notebook that fails is a ``Run`` with
    status ``failed``, kept like any other.

    Raises
    ------
    RunError
        When it could not start: no such notebook, an unknown parameter or one of the wrong type.
    """
    notebook = notebook.resolve()
    if not notebook.is_file():
        raise RunError(notebook.name, f"there is no file {notebook}", "Check the path.")
    values = checked_parameters(notebook.name, inspect_parameters(notebook), parameters)
    surroundings = {name: value for name, value in os.environ.items() if name != RESULT_FILE_VARIABLE}
    surroundings |= environment
    secrets = Secrets(surroundings)
    with open_folder(runs_folder, notebook) as folder, Worker(surroundings) as worker:
        begun(folder.run_id, folder.partial)
        clock = time.monotonic()
        outcome = worker.execute(
            {
                "notebook": str(notebook),
                "parameters": values,
                "output": str(folder.partial / NOTEBOOK),
                "result_file": str(folder.partial / _RESULTS),
                "timeout_per_cell": timeout_per_cell,
            },
            progress,
            time_limit=time_limit,
            halt=halt,
        )
        if outcome.kind in _LOGGED and worker.log():
            (folder.partial / _LOG).write_text(worker.log() + "\n", encoding="utf-8")
        run = _judged(folder, notebook.stem, outcome, secrets)
        run = replace(run, seconds=round(time.monotonic() - clock, 3))
        if worker.is_alive:
            run = _with_report(run, folder, values, secrets, worker)
        else:
            with Worker(surroundings) as second:
                run = _with_report(run, folder, values, secrets, second)
        record = json.dumps(_record(run, outcome, values, scheduled))
        folder.write_record(json.loads(secrets.remove_from(record)))
        folder.finish()
    return run


def _judged(folder: RunFolder, notebook: str, outcome: Outcome, secrets: Secrets) -> Run:
    """Say how the run ended, by its outcome, by what a search for secrets found, and by its results."""
    leaks = secrets.remove_from_folder(folder.partial)
    run = Run(
        run_id=folder.run_id,
        folder=folder.final,
        notebook=notebook,
        status="succeeded",
        started_at=folder.started_at,
        seconds=0,
        failing_cell=outcome.cell,
        problem=None,
        results={},
    )
    if not outcome.is_complete:
        run = run.with_problem(_sentence(secrets.remove_from(outcome.sentence or "not every cell completed")))
    if leaks:
        run = _leaking(run, leaks)
    recorded = folder.partial / _RESULTS
    try:
        run = replace(run, results=read_results(recorded))
    except ValueError as error:
        run = run.with_problem(_sentence(f"the recorded results cannot be read ({error})"))
    recorded.unlink(missing_ok=True)
    return run


def _with_report(run: Run, folder: RunFolder, values: Mapping[str, object], secrets: Secrets, worker: Worker) -> Run:
    """Have the HTML report written; a report that cannot be written makes the run a failed one."""
    if not (folder.partial / NOTEBOOK).exists():
        return run
    facts = {
        "Run": run.run_id,
        "Result": "Succeeded" if run.succeeded else f"Failed. {run.problem}",
        "Started": run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "Duration": f"{run.seconds:.1f} s",
        **{f"Parameter {name}": str(value) for name, value in values.items()},
    }
    problem = worker.report(notebook=folder.partial / NOTEBOOK, target=folder.partial / REPORT, facts=facts)
    if problem is not None:
        return run.with_problem(_sentence(f"the report could not be written ({problem})"))
    leaks = secrets.remove_from_folder(folder.partial)
    return _leaking(run, leaks) if leaks else run


def _record(
    run: Run, outcome: Outcome, values: Mapping[str, object], scheduled: Mapping[str, str] | None
) -> dict[str, Any]:
    """What ``run.json`` holds."""
    kind = "output" if outcome.is_complete else outcome.kind
    error = None if run.succeeded else {"kind": kind, "cell": run.failing_cell, "sentence": run.problem}
    return record_of(
        run_id=run.run_id,
        notebook=run.notebook,
        status=run.status,
        started_at=run.started_at,
        seconds=run.seconds,
        parameters=values,
        results=run.results,
        error=error,
        completed=outcome.completed,
        total=outcome.total,
        leaks=run.leaks,
        scheduled=scheduled,
    )


def _leaking(run: Run, leaks: list[Leak]) -> Run:
    """The run, failed, with what leaked."""
    known = {(leak.file, leak.variable): leak for leak in (*run.leaks, *leaks)}
    return replace(run.with_problem(_leak_sentence(leaks)), leaks=tuple(known.values()))


def _leak_sentence(leaks: list[Leak]) -> str:
    variables = ", ".join(sorted({leak.variable for leak in leaks}))
    files = ", ".join(sorted({leak.file for leak in leaks}))
    return (
        f"The value of {variables} stood in the output ({files}) and was removed. "
        "Take the line that prints it out of the notebook and change the secret."
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(". ") + "."
