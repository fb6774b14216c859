"""The processes of the week: the real service on the week's clock, and the runs that it starts, each in a process of its own.

A run is what ``nsbill schedule run-now`` does: claim, lease, the cells of the real notebook, ``run.json``, alerts. Only
papermill, the kernel and the HTML report are left out, which would take a week's worth of hours. All processes come from one
server that has everything imported; they outlive the service that asked for them, as real ones do.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import nsbill.desk
import nsbill.runs.figures
import nsbill.show.reports  # noqa: F401  # imported once, in the server of processes
from benchmarks.week_time import WeekClock, WeekTime
from nsbill.billing.journal_schedule import Origin, SlotRefused
from nsbill.runs.alert_delivery import look_and_tell
from nsbill.runs.alert_thread import AlertThread
from nsbill.runs.folders import open_folder
from nsbill.runs.record import record_of
from nsbill.runs.results import RESULT_FILE_VARIABLE, read_results
from nsbill.runs.runner import Run
from nsbill.runs.schedule_file import Job, Schedule, load_schedule
from nsbill.runs.schedule_job import Begun, JobRun, run_job
from nsbill.runs.schedule_lock import only_service
from nsbill.runs.schedule_log import ServiceLog
from nsbill.runs.schedule_service import Service
from nsbill.runs.worker import Halt

__all__ = ["PROCESSES", "Home", "flush", "serve"]

PROCESSES = multiprocessing.get_context("forkserver")
_FLUSHES = 50


@dataclass(frozen=True)
class Home:
    """Where the week's files are, and the environment of its processes."""

    folder: Path
    environment: Mapping[str, str]
    leap: float

    @property
    def schedule(self) -> Path:
        """The schedule's file."""
        return self.folder / "papermill_runs" / "schedule.toml"

    @property
    def time(self) -> Path:
        """The shared clock."""
        return self.folder / "time"

    @property
    def children(self) -> Path:
        """Every process that a service started: one JSON object a line."""
        return self.folder / "children.jsonl"

    @property
    def spans(self) -> Path:
        """When a run's work began and ended, told by its own process."""
        return self.folder / "spans.jsonl"

    @property
    def errors(self) -> Path:
        """What the processes wrote on standard error."""
        return self.folder / "errors.log"


def _append(path: Path, **values: object) -> None:
    """Add one line in one write, so that a kill leaves all of it or nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, f"{json.dumps(values)}\n".encode())
    finally:
        os.close(descriptor)


def serve(home: Home) -> None:
    """Be the service: ``nsbill schedule start`` on the week's clock. SIGTERM asks it to stop."""
    _settle_in(home)
    clock = WeekClock(WeekTime(home.time), leap=home.leap)
    with (
        only_service(home.schedule),
        closing(ServiceLog(home.schedule.with_name("schedule.log"))) as log,
        closing(AlertThread(log)) as alerts,
    ):
        service = Service(home.schedule, log, clock=clock, launch=_Launch(home, clock), heartbeat=alerts)
        signal.signal(signal.SIGTERM, lambda *_: service.stop.ask())
        service.run()


def flush(home: Home) -> None:
    """See to the alerts until everybody was told: ``nsbill alerts send``, as often as it takes."""
    _settle_in(home)
    schedule = load_schedule(home.schedule)
    for _ in range(_FLUSHES):
        told = look_and_tell(schedule, schedule.jobs.values(), datetime.now(UTC), now_too=True)
        if not told.deliveries and not told.troubles:
            return


class _Launch:
    def __init__(self, home: Home, clock: WeekClock) -> None:
        self._home, self._clock = home, clock

    def __call__(self, schedule: Schedule, job: Job, slot: datetime, origin: Origin) -> _Child:
        process = PROCESSES.Process(target=_run, args=(self._home, job.name, slot, origin))
        process.start()
        _append(self._home.children, pid=process.pid, job=job.name, slot=slot.isoformat(), origin=origin)
        self._clock.running += 1
        return _Child(process, self._clock)


class _Child:
    def __init__(self, process: ForkServerProcess, clock: WeekClock) -> None:
        self._process, self._clock, self._over = process, clock, False

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        code = self._process.exitcode
        if code is not None and not self._over:
            self._over = True
            self._clock.running -= 1
        return code

    def stop(self) -> None:
        self._process.terminate()

    def last_words(self) -> str:
        return ""


def _run(home: Home, name: str, slot: datetime, origin: Origin) -> None:
    """Run one slot, as ``nsbill schedule run-now`` does; ends with its exit codes."""
    _settle_in(home)
    schedule = load_schedule(home.schedule)

    def execute(schedule: Schedule, job: Job, slot: datetime, *, begun: Begun, halt: Halt) -> Run:
        who = {"job": job.name, "slot": slot.isoformat(), "pid": os.getpid()}
        _append(home.spans, **who, what="begin", at=time.monotonic())
        run = _cells_run(schedule, job, slot, begun)
        _append(home.spans, **who, what="end", at=time.monotonic())
        return run

    try:
        done = run_job(schedule, schedule.job(name), slot, origin=origin, execute=execute, after=_see_to_alerts)
    except SlotRefused as refused:
        sys.stderr.write(f"{name} {slot}: {refused}\n")
        sys.exit(1)
    sys.exit(0 if done.succeeded else 2)


def _see_to_alerts(schedule: Schedule, done: JobRun) -> None:
    for sentence in look_and_tell(schedule, [done.job], datetime.now(UTC)).problems:
        sys.stderr.write(f"{sentence}\n")


def _cells_run(schedule: Schedule, job: Job, slot: datetime, begun: Begun) -> Run:
    """Run the notebook's cells in this process, and keep ``run.json`` as the runner does."""
    values = {"workspace": str(job.workspace), **job.parameters}
    problem: str | None = None
    with open_folder(schedule.runs_folder, job.notebook) as folder:
        begun(folder.run_id, folder.partial)
        recorded, began = folder.partial / "results.json", time.monotonic()
        os.environ[RESULT_FILE_VARIABLE] = str(recorded)
        try:
            with redirect_stdout(io.StringIO()):
                _execute_cells(job.notebook, values)
        except Exception as error:  # a notebook that fails is a run that failed, whatever it raised
            problem = f"{type(error).__name__}: {error}"
        results = read_results(recorded)
        recorded.unlink(missing_ok=True)
        status: Any = "succeeded" if problem is None else "failed"
        seconds = round(time.monotonic() - began, 3)
        run = Run(folder.run_id, folder.final, job.notebook.stem, status, folder.started_at, seconds, None, problem, results)  # fmt: skip
        record = record_of(
            run_id=run.run_id,
            notebook=run.notebook,
            status=status,
            started_at=run.started_at,
            seconds=seconds,
            parameters=values,
            results=results,
            error=None if problem is None else {"kind": "output", "cell": None, "sentence": problem},
            completed=0,
            total=0,
            scheduled={"job": job.name, "slot": slot.isoformat()},
        )
        folder.write_record(record)
        folder.finish()
    return run


def _execute_cells(notebook: Path, parameters: Mapping[str, object]) -> None:
    """Execute the code cells one after the other; parameters are set after the cell that declares them, as papermill does."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), notebook.name, "exec"), names)  # the project's own notebook
            if "parameters" in cell["metadata"].get("tags", []):
                names.update(parameters)


def _settle_in(home: Home) -> None:
    """Take the week's environment; what goes wrong is kept in a file."""
    os.environ.update(home.environment)
    descriptor = os.open(home.errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, sys.stderr.fileno())
    os.close(descriptor)
