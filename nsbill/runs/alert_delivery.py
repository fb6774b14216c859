"""Send what is due: by each route once, tried again later when it fails; nothing here ever changes how a run ended."""

from __future__ import annotations

import os
import queue
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nsbill.billing.journal import Journal
from nsbill.errors import NsbillError
from nsbill.runs.alert_mail import SendFailed, send_mail
from nsbill.runs.alert_routes import AlertRoute, EmailRoute, FileRoute
from nsbill.runs.alert_text import Message, compose, one_line, trial
from nsbill.runs.alert_watch import first_to_say_stale, look_at_file, look_at_job
from nsbill.runs.alert_webhook import send_to_webhook, write_to_file
from nsbill.runs.redaction import Secrets
from nsbill.runs.schedule_file import Job, Schedule
from nsbill.runs.schedule_job import open_journal

__all__ = ["Delivery", "Told", "deliver", "look_and_tell", "send", "try_routes"]

_PATIENCE = 45.0
"""Seconds after which no further message is begun: what is left is sent by the next run, or the service."""
_WHOLE = 4
"""A message may take so many times as long as the other side may take for one step of it."""


@dataclass(frozen=True)
class Delivery:
    """What became of one message by one route."""

    route: str
    alert: str
    sent: bool
    detail: str | None

    @property
    def sentence(self) -> str:
        """In one line."""
        how = "sent" if self.sent else "could not be sent, and is tried again later"
        return f"Alert '{self.alert}' by '{self.route}': {how}{f' ({self.detail})' if self.detail else ''}."


@dataclass(frozen=True)
class Told:
    """What was sent, or could not be; ``troubles``: what else could not be done, in sentences."""

    deliveries: Sequence[Delivery]
    troubles: Sequence[str]

    @property
    def problems(self) -> list[str]:
        """Everything that did not succeed, in sentences."""
        return [*self.troubles, *(one.sentence for one in self.deliveries if not one.sent)]


def look_and_tell(
    schedule: Schedule, jobs: Iterable[Job], now: datetime, *, problem: str | None = None, now_too: bool = False
) -> Told:
    """See to the alerts of jobs and send what is due; nothing that goes wrong here is raised.

    ``problem``: what is wrong with the schedule's file. ``now_too``: also try what failed a moment ago.
    """
    deliveries: list[Delivery] = []
    troubles: list[str] = []
    by_journal: dict[Path, list[Job]] = {}
    for job in jobs:
        by_journal.setdefault(job.workspace, []).append(job)
    for of_it in by_journal.values():
        try:
            with closing(open_journal(of_it[0])) as journal:
                troubles += [*_looked(schedule, of_it, journal, now, problem)]
                deliveries += deliver(schedule, journal, now_too=now_too)
        except Exception as error:  # nobody looks after alerts if they stop looking after runs
            troubles.append(f"Alerts could not be looked at or sent: {_told(error)}")
    return Told(deliveries, troubles)


def _looked(schedule: Schedule, jobs: list[Job], journal: Journal, now: datetime, problem: str | None) -> Iterator[str]:
    """Look at each job; one that cannot be looked at leaves the others alone."""
    of_the_file = first_to_say_stale(schedule)
    for job in jobs:
        try:
            look_at_job(schedule, job, journal, now)
            if job.name == of_the_file:
                look_at_file(schedule, job, journal, problem)
        except Exception as error:
            yield f"The alerts of {job.name} could not be looked at: {_told(error)}"


def _told(error: Exception) -> str:
    """What went wrong, in one line without secrets; the kind of what nsbill has no sentence for is named."""
    known = isinstance(error, NsbillError | OSError)
    return one_line(Secrets(dict(os.environ)).remove_from(str(error) if known else f"{type(error).__name__}: {error}"))


def deliver(schedule: Schedule, journal: Journal, *, now_too: bool = False) -> list[Delivery]:
    """Send every message that is due by one of the schedule's routes; each is written down before and after.

    Raises
    ------
    JournalError
        The journal cannot be read or written.
    """
    until = time.monotonic() + _PATIENCE
    done: list[Delivery] = []
    tried: set[str] = set()
    while time.monotonic() < until:
        sending = journal.sendings.take(schedule.routes, now_too=now_too, but=tried)
        if sending is None:
            break
        tried.add(sending.number)
        message = compose(sending.number, sending.events, repeats=sending.repeats)
        sent, detail = _tried(schedule.routes[sending.route], message, schedule.path.parent)
        journal.sendings.done(sending, sent=sent, detail=detail)
        done.append(Delivery(sending.route, str(sending.events[0]["alert"]), sent, detail))
    return done


def try_routes(schedule: Schedule, alert: str, routes: list[str]) -> list[Delivery]:
    """Send a marked trial of an alert by routes; nothing of it is kept."""
    found = []
    for route in routes:
        message = trial(uuid.uuid4().hex, alert, str(getattr(schedule.alerts.get(alert), "rule", "no rule")))
        found.append(Delivery(route, alert, *_tried(schedule.routes[route], message, schedule.path.parent)))
    return found


def send(route: AlertRoute, message: Message, folder: Path, environment: Mapping[str, str]) -> str | None:
    """Send one message by a route; returns what is to be said beside that it was sent.

    Raises
    ------
    SendFailed
        It was not taken, or there is no clear answer.
    """
    if isinstance(route, EmailRoute):
        return send_mail(route, message, environment)
    if isinstance(route, FileRoute):
        write_to_file(route, message, folder)
    else:
        send_to_webhook(route, message, environment)
    return None


def _tried(route: AlertRoute, message: Message, folder: Path) -> tuple[bool, str | None]:
    """Try it, in a thread: a server that sends its answer byte by byte, each in time, may keep nobody else waiting."""
    ended: queue.SimpleQueue[tuple[bool, str | None]] = queue.SimpleQueue()
    limit = route.timeout_seconds * _WHOLE
    threading.Thread(target=lambda: ended.put(_sent(route, message, folder)), daemon=True).start()
    try:
        return ended.get(timeout=limit)
    except queue.Empty:
        return False, f"no whole answer came within {limit} s; it may have been received or not"


def _sent(route: AlertRoute, message: Message, folder: Path) -> tuple[bool, str | None]:
    """Send it; whatever goes wrong is a sentence, so that it is written down and the next message gets its turn."""
    secrets = Secrets(dict(os.environ))
    try:
        detail = send(route, message, folder, dict(os.environ))
    except SendFailed as error:
        return False, one_line(secrets.remove_from(str(error)))
    except Exception as error:
        return False, one_line(secrets.remove_from(f"{type(error).__name__}: {error}"))
    return True, one_line(secrets.remove_from(detail)) if detail else None
