"""A part of a simulated week passes each time; the judge of it can say no. The whole week: python -m benchmarks.week."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.week import Week, WeekResult, run_week
from benchmarks.week_judge import Evidence, judge_week


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> WeekResult:
    """Three hours and a half: each kind of kill once, a run that hangs, a restart, and a calm end."""
    return run_week(Week(days=3.5 / 24, seed=3, orders_a_day=240), tmp_path_factory.mktemp("week"))


@pytest.fixture
def evidence(passed: WeekResult, tmp_path: Path) -> Evidence:
    """A copy of what there was to see, to be spoilt."""
    assert passed.evidence is not None
    shutil.copytree(passed.evidence.folder, tmp_path / "week")
    return replace(passed.evidence, folder=tmp_path / "week")


@pytest.mark.timeout(600)  # with the fixture; beside other work
def test_every_order_is_billed_once_and_every_slot_and_incident_accounted_for(passed: WeekResult) -> None:
    assert passed.breaches() == []
    assert passed.clean
    assert passed.billed.creates == passed.billed.orders == 60 + 35
    assert sum(passed.week.slots.values()) == 2 * 14
    assert {"kill-job", "kill-service", "kill-account", "hang", "restart"} <= passed.done.keys()
    assert passed.week.incidents["billing stale opened"] >= 1, "the service was away for 50 minutes"


def test_a_slot_of_which_nobody_knows_anything_is_found(evidence: Evidence) -> None:
    found = judge_week(replace(evidence, last=evidence.last + timedelta(minutes=15))).unaccounted
    assert [text.split(" ")[0] for text in found] == ["billing", "preview"]


def test_a_message_that_came_twice_or_never_is_found(evidence: Evidence) -> None:
    file = evidence.folder / "papermill_runs" / "alerts.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, lines[0]]) + "\n")
    assert "came twice" in judge_week(evidence).alerts[0]
    file.write_text("\n".join(lines[1:]) + "\n")
    assert "should have been told" in judge_week(evidence).alerts[0]
    file.write_text("\n".join(lines) + "\n")
    assert "the webhook got 0 texts" in judge_week(replace(evidence, posts=[])).alerts[0]
    assert "the webhook got 2 texts" in judge_week(replace(evidence, posts=[*evidence.posts] * 2)).alerts[0]


def test_two_runs_of_a_job_at_once_are_found(evidence: Evidence) -> None:
    lines = (evidence.folder / "spans.jsonl").read_text().splitlines()
    ended = next(line for line in map(json.loads, lines) if line["what"] == "end")
    begin, end = (
        {**ended, "pid": 1, "what": what, "at": ended["at"] + at} for what, at in (("begin", -0.01), ("end", 9))
    )
    with (evidence.folder / "spans.jsonl").open("a") as file:
        file.write(f"{json.dumps(begin)}\n{json.dumps(end)}\n")
    assert judge_week(evidence).overlaps


def test_a_run_that_belongs_to_no_slot_is_found(evidence: Evidence) -> None:
    (evidence.folder / "papermill_runs" / "10_scheduled_billing" / "20261021T000000Z-abcdef").mkdir()
    assert judge_week(evidence).unaccounted == ["run 20261021T000000Z-abcdef belongs to no slot"]
