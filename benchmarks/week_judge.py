"""Judges a week by what cannot be talked round: the account's books, the journal's own tables, and what the receivers got.

What nsbill says about itself (status, history) is not asked. Which incidents there should be is worked out here again, from
the ends of the slots and from each run's ``run.json``.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from nsbill.runs.alert_text import for_chat

__all__ = ["JOBS", "Evidence", "WeekVerdict", "judge_week"]

JOBS = ("billing", "preview")
_QUARTER = timedelta(minutes=15)
_FINAL = frozenset({"ended", "lost", "missed", "overlapped"})
_ENDS = frozenset({"ended", "lost", "missed"})


@dataclass(frozen=True)
class Evidence:
    """Where to look. ``first``, ``last``: the week's ends; ``kills``: pid of a run to the moment at which it was killed."""

    folder: Path
    first: datetime
    last: datetime
    kills: dict[int, float]
    posts: Sequence[str]
    """Texts that the webhook's receiver took."""


@dataclass
class WeekVerdict:
    """Breaches, each a sentence, and what was counted."""

    unaccounted: list[str] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    slots: Counter[str] = field(default_factory=Counter)
    incidents: Counter[str] = field(default_factory=Counter)
    repeats: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not (self.unaccounted or self.overlaps or self.alerts)


def judge_week(of: Evidence) -> WeekVerdict:
    """Look at everything."""
    verdict = WeekVerdict()
    with closing(sqlite3.connect(of.folder / "workspace" / "journal.db")) as journal:
        journal.row_factory = sqlite3.Row
        events = [dict(row) for row in journal.execute("SELECT * FROM slot_event ORDER BY event_id")]
    for job in JOBS:
        mine = [event for event in events if event["job"] == job]
        _slots(of, job, mine, verdict)
        _order_of_events(job, mine, verdict)
    _runs(of, events, verdict)
    _spans(of, verdict)
    _alerts(of, events, verdict)
    return verdict


def _slots(of: Evidence, job: str, events: Sequence[dict[str, Any]], verdict: WeekVerdict) -> None:
    """Every quarter of an hour has an end, and nothing else has."""
    last = {_instant(event["slot"]): event for event in events}
    slot = of.first - timedelta(minutes=of.first.minute % 15) + _QUARTER
    expected = set()
    while slot <= of.last:
        expected.add(slot)
        event = last.get(slot)
        if event is None or event["kind"] not in _FINAL:
            verdict.unaccounted.append(f"{job} {slot:%a %H:%M}: {event['kind'] if event else 'nothing'}")
        else:
            how = event["kind"] if event["kind"] != "ended" else event["status"]
            verdict.slots[f"{job} {how}"] += 1
        slot += _QUARTER
    verdict.unaccounted += [f"{job} {slot}: no such slot" for slot in sorted(last.keys() - expected)]


def _order_of_events(job: str, events: Sequence[dict[str, Any]], verdict: WeekVerdict) -> None:
    """By the journal no slot is claimed while another of its job has no end, and none is claimed twice."""
    under_way: set[str] = set()
    claimed: set[str] = set()
    for event in events:
        slot = event["slot"]
        if event["kind"] == "claimed":
            verdict.overlaps += [f"{job} {slot} was claimed while {other} was under way" for other in under_way]
            verdict.overlaps += [f"{job} {slot} was claimed twice"] if slot in claimed else []
            under_way.add(slot)
            claimed.add(slot)
        elif event["kind"] in {"ended", "lost"}:
            under_way.discard(slot)


def _runs(of: Evidence, events: Sequence[dict[str, Any]], verdict: WeekVerdict) -> None:
    """Every run that ended has its record, for its slot; every folder of a run is of a slot."""
    named = {event["run_id"] for event in events if event["run_id"]}
    for event in events:
        if event["kind"] == "ended" and event["status"] != "not-started":
            record = _record(event)
            slot = _instant(event["slot"]).isoformat()
            if record is None or record["scheduled"] != {"job": event["job"], "slot": slot}:
                verdict.unaccounted.append(f"{event['job']} {slot}: the record of {event['run_id']} is not there")
    for folder in (of.folder / "papermill_runs").glob("*/*"):
        if folder.is_dir() and folder.name.removeprefix(".partial-") not in named:
            verdict.unaccounted.append(f"run {folder.name} belongs to no slot")


def _spans(of: Evidence, verdict: WeekVerdict) -> None:
    """By what the runs' own processes wrote down, no two of a job worked at the same time."""
    spans: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    begun: dict[int, dict[str, Any]] = {}
    for line in _lines(of.folder / "spans.jsonl"):
        if line["what"] == "begin":
            begun[line["pid"]] = line
        else:
            spans[line["job"]].append((begun.pop(line["pid"])["at"], line["at"], line["slot"]))
    for pid, line in begun.items():
        if pid in of.kills:
            spans[line["job"]].append((line["at"], of.kills[pid], line["slot"]))
        else:
            verdict.unaccounted.append(f"{line['job']} {line['slot']}: process {pid} ended without a word")
    for job, found in spans.items():
        found.sort()
        for (_, end, slot), (begin, _, later) in pairwise(found):
            if begin < end:
                verdict.overlaps.append(f"{job}: {later} began {end - begin:.2f} s before {slot} was over")


def _alerts(of: Evidence, events: Sequence[dict[str, Any]], verdict: WeekVerdict) -> None:
    """What was told is what should have been, each once by each route."""
    expected = Counter(incident for job in JOBS for incident in _incidents(job, events))
    messages: dict[str, dict[str, Any]] = {}
    for line in _lines(of.folder / "papermill_runs" / "alerts.jsonl"):
        if line["repeats"]:
            verdict.repeats += 1
        elif line["message"] in messages:
            verdict.alerts.append(f"message {line['message']} came twice, and the second does not say so")
        if line["message"] not in messages:
            messages[line["message"]] = line
    told = Counter((one["job"], one["alert"], one["kind"]) for line in messages.values() for one in line["incidents"])
    for name in sorted(expected.keys() | told.keys()):
        if expected[name] != told[name]:
            verdict.alerts.append(f"{' '.join(name)}: {expected[name]} should have been told, {told[name]} were")
    verdict.incidents.update({" ".join(name): number for name, number in told.items()})
    verdict.alerts += _posts(of, messages)
    if verdict.repeats > len(of.kills):
        verdict.alerts.append(f"{verdict.repeats} messages were repeated, by {len(of.kills)} kills")


def _posts(of: Evidence, messages: dict[str, dict[str, Any]]) -> Iterator[str]:
    """The webhook was told the same as the file, each incident in one text, or in more that say so."""
    for message in messages.values():
        for one in message["incidents"]:
            of_job = f"Job {one['job']};" if one["job"] else "The account,"
            fitting = [
                text
                for text in of.posts
                if for_chat(one["sentence"]) in text
                and of_job in text
                and ("over: " in text) == (one["kind"] == "closed")
            ]
            fresh = [text for text in fitting if "You may have got this before" not in text]
            if not fitting or len(fresh) > 1:
                yield f"the webhook got {len(fitting)} texts ({len(fresh)} not marked) of: {one['sentence']}"


def _incidents(job: str, events: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Job, alert and kind of each thing that has to be told, from the ends of the slots in their order."""
    open_: set[str] = set()
    for event in (event for event in events if event["job"] == job and event["kind"] in _ENDS):
        good = event["kind"] == "ended" and event["status"] == "succeeded"
        holds: dict[str, bool | None] = {
            "failed": None if event["kind"] == "missed" else not good,
            "stale": True if event["kind"] == "missed" else (False if good else None),
            "unknown": _unknown_left(event) if job == "billing" else None,
        }
        for alert, holding in holds.items():
            if holding is not None and holding != (alert in open_):
                open_ ^= {alert}
                yield "" if alert == "unknown" else job, alert, "opened" if holding else "closed"


def _unknown_left(event: dict[str, Any]) -> bool | None:
    """Whether a run left creates of unknown outcome; ``None``: it recorded nothing of it."""
    record = _record(event) if event["kind"] == "ended" else None
    left = record["results"].get("unresolved") if record else None
    return None if left is None else left > 0


def _record(event: dict[str, Any]) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((Path(event["folder"]) / "run.json").read_text(encoding="utf-8"))
    except (TypeError, OSError):
        return None
    return found


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
