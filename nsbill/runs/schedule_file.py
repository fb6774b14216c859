"""The schedule's file, ``papermill_runs/schedule.toml``: read whole, checked whole, or refused with one sentence.

Relative paths in it are relative to the folder that holds it, and runs are kept beside it. Secrets never stand in it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nsbill.errors import NsbillError, RunError, ScheduleError
from nsbill.runs.alert_routes import AlertRoute
from nsbill.runs.alert_rules import AlertRule
from nsbill.runs.parameters import checked_parameters, inspect_parameters
from nsbill.runs.places import find_notebook, runs_folder
from nsbill.runs.schedule_times import cron_problem, times_after, times_between

__all__ = ["SCHEDULE_FILE", "Job", "Schedule", "load_schedule", "schedule_path"]

SCHEDULE_FILE = "schedule.toml"
_ALWAYS_GIVEN = "workspace"
_CRON = "a cron expression such as '*/15 * * * *' (minute, hour, day of month, month, day of week)"


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class JobEntry(_Entry):
    """One ``[jobs.NAME]`` as it stands in the file."""

    cron: str
    time_zone: str | None = None
    notebook: str
    workspace: str = "../workspace"
    profile: Literal["simulator", "sandbox", "production"] | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    timeout_minutes: int = Field(60, ge=1, le=7 * 24 * 60)
    cell_timeout_seconds: int | None = Field(None, ge=1)
    missed: Literal["catch-up", "report"] = "catch-up"
    grace_minutes: int = Field(5, ge=0, le=24 * 60)
    paused: bool = False
    alerts: list[str] | None = None


class ScheduleEntry(_Entry):
    """The whole file."""

    time_zone: str = "UTC"
    jobs: dict[str, JobEntry]
    alerts: dict[str, AlertRule] = Field(default_factory=dict)
    routes: dict[str, AlertRoute] = Field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One job, everything resolved and checked.

    ``missed``: whether slots that passed while nothing ran are made up for once, or only reported. ``grace_minutes``:
    how late a run may begin and still count as on time. ``alerts``: names of alerts; ``None``: all.
    """

    name: str
    cron: str
    zone: ZoneInfo
    notebook: Path
    workspace: Path
    profile: str | None
    parameters: Mapping[str, object]
    timeout_minutes: int
    cell_timeout_seconds: int | None
    missed: Literal["catch-up", "report"]
    grace_minutes: int
    paused: bool
    alerts: tuple[str, ...] | None

    @property
    def timing(self) -> str:
        """What decides when it is due, as one text; when it changes, slots are counted anew."""
        return f"{self.cron} | {self.zone.key}" + (" | paused" if self.paused else "")

    def next_slot(self, after: datetime) -> datetime:
        """The first time after ``after`` at which the job is due; in UTC."""
        return next(times_after(self.cron, self.zone, after))

    def slots(self, after: datetime, until: datetime) -> list[datetime]:
        """The times after ``after`` up to ``until`` at which it is due."""
        return list(times_between(self.cron, self.zone, after, until))


@dataclass(frozen=True)
class Schedule:
    """The schedule's file, read and checked. ``digest`` tells whether two readings are of the same file."""

    path: Path
    digest: str
    jobs: Mapping[str, Job]
    alerts: Mapping[str, AlertRule] = field(default_factory=dict)
    routes: Mapping[str, AlertRoute] = field(default_factory=dict)

    @cached_property
    def runs_folder(self) -> Path:
        """Where the runs of its jobs are kept."""
        return self.path.parent

    def job(self, name: str) -> Job:
        """The job of that name.

        Raises
        ------
        ScheduleError
            There is none; says which there are.
        """
        if name in self.jobs:
            return self.jobs[name]
        raise ScheduleError(
            self.path,
            "jobs",
            found=f"no job '{name}'",
            expected=f"one of {', '.join(self.jobs)}",
            remedy=_near(name, self.jobs),
        )


def schedule_path(given: Path | None = None) -> Path:
    """The file that is meant: the given one, else ``schedule.toml`` in the folder of runs."""
    return (given or runs_folder() / SCHEDULE_FILE).resolve()


def load_schedule(path: Path) -> Schedule:
    """Read and check the file with everything that it names: zones, cron expressions, notebooks, parameters, alerts.

    Raises
    ------
    ScheduleError
        One sentence: where, what was found, what was expected, what to do.
    """
    try:
        content = path.read_bytes()
        values = tomllib.loads(content.decode())
    except OSError as error:
        raise ScheduleError(
            path,
            "",
            found=f"nothing that can be read ({error.strerror})",
            expected="the schedule",
            remedy="Copy schedule.example.toml to it, or name another one: --file.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScheduleError(
            path, "", found=f"no TOML ({error})", expected="a TOML file", remedy="Mend that line."
        ) from error
    try:
        entry = ScheduleEntry.model_validate(values)
    except ValidationError as error:
        raise _refused(path, error) from error
    if not entry.jobs:
        raise ScheduleError(path, "jobs", found="none", expected="a job, such as [jobs.billing]", remedy="Add one.")
    _zone(path, "time_zone", entry.time_zone)
    for name in entry.alerts:
        _check_routes(path, name, entry)
    jobs = {name: _job(path, name, job, entry) for name, job in entry.jobs.items()}
    return Schedule(path, sha256(content).hexdigest(), jobs, entry.alerts, entry.routes)


def _job(path: Path, name: str, entry: JobEntry, schedule: ScheduleEntry) -> Job:
    key = f"jobs.{name}"
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ScheduleError(
            path, key, found=f"the name {name!r}", expected="letters, digits, - and _", remedy="Name it otherwise."
        )
    problem = cron_problem(entry.cron)
    if problem is not None:
        raise ScheduleError(
            path, f"{key}.cron", found=f"{entry.cron!r} ({problem})", expected=_CRON, remedy="Correct it."
        )
    notebook = _notebook(path, key, entry)
    for alert in entry.alerts or ():
        if alert not in schedule.alerts:
            known = ", ".join(schedule.alerts) or "none is there"
            raise ScheduleError(
                path,
                f"{key}.alerts",
                found=f"'{alert}'",
                expected=f"the name of an alert ({known})",
                remedy=_near(alert, schedule.alerts),
            )
    zone_key = "time_zone" if entry.time_zone is None else f"{key}.time_zone"
    return Job(
        name=name,
        cron=" ".join(entry.cron.split()),
        zone=_zone(path, zone_key, entry.time_zone or schedule.time_zone),
        notebook=notebook,
        workspace=(path.parent / entry.workspace).resolve(),
        profile=entry.profile,
        parameters=_parameters(path, key, notebook, entry),
        timeout_minutes=entry.timeout_minutes,
        cell_timeout_seconds=entry.cell_timeout_seconds,
        missed=entry.missed,
        grace_minutes=entry.grace_minutes,
        paused=entry.paused,
        alerts=None if entry.alerts is None else tuple(entry.alerts),
    )


def _zone(path: Path, key: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScheduleError(
            path,
            key,
            found=f"{name!r}",
            expected="the name of a time zone, such as Europe/Berlin or UTC",
            remedy=_near(name, available_timezones()),
        ) from error


def _notebook(path: Path, key: str, entry: JobEntry) -> Path:
    beside = path.parent / entry.notebook
    if beside.suffix == ".ipynb" and beside.is_file():
        return beside.resolve()
    try:
        return find_notebook(entry.notebook, before=[path.parent.parent / "notebooks"]).resolve()
    except RunError as error:
        raise ScheduleError(
            path,
            f"{key}.notebook",
            found=f"{entry.notebook!r}",
            expected="the name of a notebook, or its path from here",
            remedy=error.remedy,
        ) from error


def _parameters(path: Path, key: str, notebook: Path, entry: JobEntry) -> dict[str, object]:
    if _ALWAYS_GIVEN in entry.parameters:
        raise ScheduleError(
            path,
            f"{key}.parameters.workspace",
            found="a workspace",
            expected=f"it as {key}.workspace",
            remedy="Move it there.",
        )
    try:
        return checked_parameters(notebook.name, inspect_parameters(notebook), entry.parameters)
    except NsbillError as error:
        problem, remedy = (error.problem, error.remedy) if isinstance(error, RunError) else (str(error), "")
        raise ScheduleError(
            path,
            f"{key}.parameters",
            found=f"what does not fit: {notebook.name} {problem}",
            expected="parameters of the notebook",
            remedy=remedy.replace(" Nothing was started.", "").replace(
                "Correct it; nothing was started.", "Correct it."
            ),
        ) from error


def _check_routes(path: Path, name: str, entry: ScheduleEntry) -> None:
    """An alert's routes have to be there."""
    for route in entry.alerts[name].routes:
        if route not in entry.routes:
            raise ScheduleError(
                path,
                f"alerts.{name}.routes",
                found=f"{route!r}",
                expected=f"the name of a route ({', '.join(entry.routes) or 'none is there'})",
                remedy=_near(route, entry.routes),
            )


def _refused(path: Path, error: ValidationError) -> ScheduleError:
    """The first thing that is wrong, in the words of this file."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"]]
    known = _known_keys(where)
    if where[0] in _KINDS and len(where) > 2:
        del where[2]  # the kind of rule or route, which pydantic puts here
    key = ".".join(where)
    if first["type"] == "extra_forbidden":
        return ScheduleError(
            path, key, found="an unknown key", expected=f"one of {', '.join(known)}", remedy=_near(where[-1], known)
        )
    if first["type"] == "missing":
        return ScheduleError(path, key, found="nothing", expected="a value", remedy="Add it.")
    if first["type"].startswith("union_tag"):
        word, kinds = _KINDS[where[0]]
        found = first["input"].get(word) if isinstance(first["input"], dict) else first["input"]
        expected, remedy = f"{word} = one of {', '.join(kinds)}", _near(str(found), kinds)
        return ScheduleError(path, key, found=f"{word} = {found!r}", expected=expected, remedy=remedy)
    expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ").rstrip(".")
    return ScheduleError(path, key, found=repr(first["input"]), expected=expected, remedy="Correct it.")


def _known_keys(where: list[str]) -> list[str]:
    """The keys that a table of the file may have, the last part of ``where`` being one that it may not."""
    model: type[BaseModel] = ScheduleEntry if len(where) == 1 else JobEntry
    if where[0] in _KINDS and len(where) > 2:
        model = _KINDS[where[0]][1].get(where[2], JobEntry)
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(union: Any, word: str) -> dict[str, type[BaseModel]]:
    """The models of a union, by the word that says which."""
    return {get_args(model.model_fields[word].annotation)[0]: model for model in get_args(get_args(union)[0])}


_KINDS: dict[str, tuple[str, dict[str, type[BaseModel]]]] = {
    "alerts": ("rule", _models(AlertRule, "rule")),
    "routes": ("kind", _models(AlertRoute, "kind")),
}


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean '{close[0]}'?" if close else "Correct it."
