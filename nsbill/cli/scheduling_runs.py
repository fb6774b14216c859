"""Commands of the schedule that run something or change what is run: run-now, pause, unpause, status."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import click

from nsbill.billing.journal_schedule import Origin, SlotRefused
from nsbill.cli.common import echo_json, exit_with, json_option
from nsbill.cli.connection import connected
from nsbill.cli.journal import author_option
from nsbill.cli.scheduling_common import alerts_sentence, file_option, open_schedule
from nsbill.progress import console_progress
from nsbill.runs.alert_delivery import look_and_tell
from nsbill.runs.alert_status import Incident, incidents_of
from nsbill.runs.alert_thread import AlertThread
from nsbill.runs.schedule_file import Schedule, load_schedule, schedule_path
from nsbill.runs.schedule_job import JobRun, execute_notebook_of, job_key, open_journal, run_job
from nsbill.runs.schedule_lock import only_service, service_of
from nsbill.runs.schedule_log import ServiceLog
from nsbill.runs.schedule_service import Service
from nsbill.runs.schedule_slots import JobBook, missed_before_a_pause
from nsbill.runs.schedule_status import job_status, slot_sentence
from nsbill.runs.worker import Halt

__all__ = ["COMMANDS"]


def _instant(_context: click.Context, _option: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no instant such as 2026-11-30T06:00:00+01:00") from error
    if found.tzinfo is None:
        raise click.BadParameter(f"{value!r} says no time zone; write 2026-11-30T06:00:00+01:00, or Z for UTC")
    return found.astimezone(UTC)


@click.command("run-now")
@click.argument("job")
@click.option(
    "--slot", callback=_instant, metavar="INSTANT", help="The slot to run it for, with zone; now when left out."
)
@click.option("--again", is_flag=True, help="Also a slot that was missed, overlapped or lost, or whose run failed.")
@click.option("--origin", type=click.Choice(get_args(Origin)), default="by hand", hidden=True)
@file_option
@json_option
def run_now(job: str, slot: datetime | None, *, again: bool, origin: Origin, file: Path | None, as_json: bool) -> None:
    """Run JOB now, holding its lease: what the service, cron, systemd and Airflow call.

    Exit code 0: succeeded; 1: nothing was run, since the job is running or the slot was dealt with; 2: failed.
    """
    found = open_schedule(file)
    chosen = found.job(job)
    with _stopped_by_signals() as halt, console_progress("Cells", unit="cell") as progress:
        try:
            done = run_job(
                found,
                chosen,
                slot or datetime.now(UTC),
                origin=origin,
                again=again,
                connect=connected,
                execute=execute_notebook_of(progress),
                after=_see_to_alerts,
                halt=halt,
            )
        except SlotRefused as refused:
            if as_json:
                echo_json({"job": job, "slot": slot, "status": refused.kind, "problem": str(refused)})
            else:
                click.echo(f"{refused.kind}: {refused}")
            exit_with(1)
    if as_json:
        folder = done.run.folder if done.run else None
        results = dict(done.run.results) if done.run else {}
        echo_json({"job": job, "slot": done.slot, "status": done.status, "problem": done.sentence, "folder": folder, "results": results})  # fmt: skip
    else:
        click.echo(f"{done.status}: {done.run.folder if done.run else job}")
        click.echo(done.sentence or "", nl=bool(done.sentence))
    if halt.is_given():
        exit_with(130)
    exit_with(0 if done.succeeded else 2)


@click.command()
@click.argument("job")
@click.option("--reason", required=True, metavar="TEXT", help="Why; status shows it.")
@author_option
@file_option
def pause(job: str, reason: str, author: str, file: Path | None) -> None:
    """Start no more runs of JOB until it is unpaused; slots that pass meanwhile are not missed."""
    _note(file, job, "paused", author, reason)
    click.echo(f"{job} is paused. A run that is under way goes on. To lift that: nsbill schedule unpause {job}")


@click.command()
@click.argument("job")
@author_option
@file_option
def unpause(job: str, author: str, file: Path | None) -> None:
    """Let JOB run again from its next time on. Exit code 1: it was not paused."""
    was = _note(file, job, "unpaused", author, None)
    click.echo(f"{job} runs again from its next time on." if was else f"{job} was not paused; nothing was changed.")
    exit_with(0 if was else 1)


@click.command()
@click.argument("job", required=False)
@click.option("-n", "count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many slots of each.")
@file_option
@json_option
def status(job: str | None, count: int, file: Path | None, as_json: bool) -> None:
    """Show each job's next time and latest slots. Exit code 1: one was missed, overlapped, lost, or failed last."""
    found = open_schedule(file)
    jobs = [found.job(job)] if job else list(found.jobs.values())
    now = datetime.now(UTC)
    states = [job_status(found, one, now, count=count) for one in jobs]
    service, incidents = service_of(found.path), incidents_of(found)
    if as_json:
        shown = [state.as_json() for state in states]
        echo_json(
            {"file": found.path, "service": service, "jobs": shown, "incidents": [one.as_json() for one in incidents]}
        )
    else:
        click.echo(f"Service: {service or 'none on this machine; start it: nsbill schedule start'}")
        for state in states:
            click.echo(state.sentence)
            for row in state.slots:
                click.echo(f"    {slot_sentence(row)}")
        click.echo(_incidents_sentence(incidents))
    exit_with(0 if all(state.clean for state in states) else 1)


def _incidents_sentence(incidents: Sequence[Incident]) -> str:
    """How many incidents are open and untold."""
    still = sum(incident.is_open for incident in incidents)
    untold = sum(not incident.is_told for incident in incidents)
    more = " See nsbill alerts list." if incidents else ""
    return f"Alerts: {still} open" + (f", {untold} not told yet." if untold else ".") + more


def _note(file: Path | None, name: str, kind: Any, author: str, reason: str | None) -> bool:
    """Write it down; returns whether the job was paused before."""
    job = open_schedule(file).job(name)
    with closing(open_journal(job)) as journal:
        was = journal.schedule.anchor(job_key(job)).paused_by is not None
        missed_before_a_pause(JobBook(job, job_key(job), journal.schedule), datetime.now(UTC))
        if kind == "paused" or was:
            journal.schedule.note(job_key(job), kind, datetime.now(UTC), who=author, detail=reason)
    return was


@click.command()
@file_option
def start(file: Path | None) -> None:
    """Run the schedule in the foreground until Ctrl-C or SIGTERM; a second one ends running jobs (exit code 130)."""
    path = schedule_path(file)
    click.echo(alerts_sentence(load_schedule(path)))
    with (
        only_service(path),
        closing(ServiceLog(path.with_name("schedule.log"), echo=click.echo)) as log,
        closing(AlertThread(log)) as alerts,
    ):
        service = Service(path, log, heartbeat=alerts)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: service.stop.ask())
        code = service.run()
    exit_with(code)


def _see_to_alerts(schedule: Schedule, done: JobRun) -> None:
    """After a run: open, close and send; what cannot be sent now is said, and sent by a later run or the service."""
    for sentence in look_and_tell(schedule, [done.job], datetime.now(UTC)).problems:
        click.echo(sentence, err=True)


@contextmanager
def _stopped_by_signals() -> Iterator[Halt]:
    """Yield an order to stop, which Ctrl-C and SIGTERM give; the slot's end is then still written."""
    halt = Halt()
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number: int, _frame: Any) -> None:
        halt.give(f"by {signal.Signals(number).name}")

    for number in kept:
        signal.signal(number, stop)
    try:
        yield halt
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


COMMANDS = (start, run_now, pause, unpause, status)
