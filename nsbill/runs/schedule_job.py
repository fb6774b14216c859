"""Run one slot of a job: lease, claim, run, end, alerts. The service, cron, systemd and Airflow all come through here."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from nsbill.billing.journal import Journal
from nsbill.billing.journal_schedule import Claim, JobKey, Origin, ScheduleBook
from nsbill.errors import LeaseLost, NsbillError, RunError
from nsbill.progress import Progress, silent
from nsbill.runs.parameters import on_workspace
from nsbill.runs.runner import Run, run_notebook
from nsbill.runs.schedule_file import Job, Schedule
from nsbill.runs.worker import Halt
from nsbill.settings import load_settings

__all__ = ["Execute", "JobRun", "execute_notebook_of", "job_key", "open_journal", "run_job"]

NOT_STARTED = "not-started"
Connect = Callable[[Path], AbstractContextManager[object]]
Begun = Callable[[str, Path], None]


@dataclass(frozen=True)
class JobRun:
    """How a slot's run ended. ``status``: succeeded, failed, or not-started; ``run``: what the runner made of it."""

    job: Job
    slot: datetime
    status: str
    sentence: str | None
    run: Run | None

    @property
    def succeeded(self) -> bool:
        """Whether the run did all that it had to."""
        return self.status == "succeeded"


class Execute(Protocol):
    """Whatever carries out a claimed slot's work."""

    def __call__(self, schedule: Schedule, job: Job, slot: datetime, *, begun: Begun, halt: Halt) -> Run:
        """Run it; a failure is a ``Run`` that failed."""


def job_key(job: Job) -> JobKey:
    """The name under which the journal knows a job: with account and seller account of its workspace."""
    settings = load_settings(job.workspace)
    return JobKey(settings.account, settings.seller_account, job.name)


def open_journal(job: Job) -> Journal:
    """Open the journal of the job's workspace."""
    return Journal.open(load_settings(job.workspace).journal_url or job.workspace)


def execute_notebook_of(progress: Progress = silent) -> Execute:
    """The ordinary way: the job's notebook, by the runner."""

    def execute(schedule: Schedule, job: Job, slot: datetime, *, begun: Begun, halt: Halt) -> Run:
        return run_notebook(
            job.notebook,
            runs_folder=schedule.runs_folder,
            parameters=on_workspace(job.notebook, job.workspace, job.parameters),
            timeout_per_cell=job.cell_timeout_seconds,
            time_limit=job.timeout_minutes * 60,
            scheduled={"job": job.name, "slot": slot.isoformat()},
            begun=begun,
            halt=halt,
            progress=progress,
        )

    return execute


def run_job(
    schedule: Schedule,
    job: Job,
    slot: datetime,
    *,
    origin: Origin = "by hand",
    again: bool = False,
    connect: Connect = nullcontext,
    execute: Execute | None = None,
    after: Callable[[Schedule, JobRun], None] = lambda _schedule, _done: None,
    halt: Halt | None = None,
) -> JobRun:
    """Claim the slot and run the job, holding its lease; whatever happens, the slot's end is written down.

    ``connect`` makes the workspace's account reachable while the job runs. ``after`` is called with the end (alerts); its
    failures are told and change nothing. ``halt`` stops the run.

    Raises
    ------
    SlotRefused
        The job is running already, or the slot was dealt with before; nothing was run.
    """
    halt = halt or Halt()
    key = job_key(job)  # before connecting, which sets variables of the environment
    with closing(open_journal(job)) as journal:
        book = journal.schedule
        claim = book.claim(key, slot, origin=origin, again=again)
        done = JobRun(job, slot, "failed", "The run was interrupted.", None)
        try:
            with _renewed(claim, halt):
                done = _carried_out(schedule, job, claim, book, connect, execute or execute_notebook_of(), halt)
        except Exception as error:
            done = JobRun(job, slot, "failed", f"{type(error).__name__}: {error}", None)
            raise
        finally:
            run = done.run
            book.ended(
                claim,
                status=done.status,
                run_id=run.run_id if run else None,
                folder=str(run.folder) if run else None,
                detail=done.sentence,
            )
    try:
        after(schedule, done)
    except Exception as error:  # the run is over, and its end is written down
        sys.stderr.write(f"The alerts of {job.name} could not be seen to: {type(error).__name__}: {error}\n")
    return done


def _carried_out(
    schedule: Schedule, job: Job, claim: Claim, book: ScheduleBook, connect: Connect, execute: Execute, halt: Halt
) -> JobRun:
    """Run it; what keeps it from starting is an end like any other."""

    def begun(run_id: str, folder: Path) -> None:
        book.started(claim, run_id=run_id, folder=str(folder))

    try:
        _check_profile(job)
        with connect(job.workspace):
            run = execute(schedule, job, claim.slot, begun=begun, halt=halt)
    except NsbillError as error:
        return JobRun(job, claim.slot, NOT_STARTED, str(error), None)
    return JobRun(job, claim.slot, run.status, run.problem, run)


def _check_profile(job: Job) -> None:
    is_ = load_settings(job.workspace).profile
    if job.profile is not None and job.profile != is_:
        raise RunError(
            job.notebook.name,
            f"job {job.name} is for the profile {job.profile}, and its workspace is of {is_}",
            "Nothing was started. Give the job the workspace that is meant.",
        )


@contextmanager
def _renewed(claim: Claim, halt: Halt) -> Iterator[None]:
    """Renew the job's lease while the block runs; when another process has taken it, stop the run."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(claim.lease.seconds / 4):
            try:
                claim.lease.renew()
            except LeaseLost as error:
                halt.give(str(error))
                return
            except Exception as error:  # the database cannot be reached: it may be there again before the lease ends
                sys.stderr.write(
                    f"The lease of {claim.key.lease} could not be renewed: {type(error).__name__}: {error}\n"
                )

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
