"""The schedule's file: what it may say, and that everything wrong with it is one sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner
from notebooks_for_tests import write_notebook

from nsbill.cli import cli
from nsbill.errors import ScheduleError
from nsbill.runs.schedule_file import _KINDS, Schedule, load_schedule

GOOD = """
time_zone = "Europe/Berlin"

[jobs.billing]
cron = "*/15 6-20 * * *"
notebook = "bill"
parameters = { max_orders = 20, max_total = "1000.00", day = 2026-11-30 }
alerts = ["failed"]

[jobs.month-end]
cron = "0 6 1 * *"
time_zone = "America/New_York"
notebook = "bill"
workspace = "../books"
profile = "simulator"
missed = "report"
grace_minutes = 60
timeout_minutes = 90
cell_timeout_seconds = 600
paused = true

[alerts.failed]
rule = "run-failed"
routes = ["desk"]

[routes.desk]
kind = "file"
path = "alerts.jsonl"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("notebooks", "papermill_runs", "workspace", "books"):
        (tmp_path / name).mkdir()
    parameters = """
    workspace: str = ""  # where
    max_orders: int = 5  # most
    max_total: str = "1.00"  # most money
    day: str = ""  # day
    """
    write_notebook(tmp_path / "notebooks", "bill", "1", parameters=parameters)
    return tmp_path


def written(home: Path, text: str) -> Path:
    path = home / "papermill_runs" / "schedule.toml"
    path.write_text(dedent(text))
    return path


def read(home: Path, text: str = GOOD) -> Schedule:
    return load_schedule(written(home, text))


def test_everything_is_resolved_from_the_file_s_own_folder(home: Path) -> None:
    found = read(home)
    billing, month_end = found.jobs["billing"], found.jobs["month-end"]
    assert found.runs_folder == home / "papermill_runs"
    assert billing.notebook == home / "notebooks" / "bill.ipynb"
    assert (billing.workspace, month_end.workspace) == (home / "workspace", home / "books")
    assert (billing.zone.key, month_end.zone.key) == ("Europe/Berlin", "America/New_York")
    assert billing.parameters == {"max_orders": 20, "max_total": "1000.00", "day": "2026-11-30"}
    assert (billing.missed, month_end.missed) == ("catch-up", "report")
    assert (billing.alerts, month_end.alerts) == (("failed",), None)
    assert month_end.timing == "0 6 1 * * | America/New_York | paused"


def test_two_readings_of_the_same_file_have_the_same_digest(home: Path) -> None:
    first = read(home)
    assert read(home).digest == first.digest
    assert read(home, GOOD.replace("6-20", "6-21")).digest != first.digest


@pytest.mark.parametrize(
    "old, new, sentence",
    [
        ('cron = "*/15 6-20 * * *"', 'cron = "61 * * * *"', "jobs.billing.cron: found '61 * * * *' (bad minute); expected a cron expression such as"),
        ('cron = "*/15 6-20 * * *"', "", "jobs.billing.cron: found nothing; expected a value. Add it."),
        ('notebook = "bill"\nparameters', 'notebook = "bil"\nparameters', "jobs.billing.notebook: found 'bil'; expected the name of a notebook"),
        ("max_orders = 20", "max_order = 20", "has no parameter 'max_order'; expected parameters of the notebook. Did you mean 'max_orders'? Valid:"),
        ("max_orders = 20", "max_orders = true", "parameter 'max_orders' takes int, not True"),
        ('max_total = "1000.00"', "max_total = 1000.00", "binary float 1000.0, which is not exact"),
        ("max_orders = 20", 'workspace = "x"', "jobs.billing.parameters.workspace: found a workspace; expected it as jobs.billing.workspace"),
        ('"Europe/Berlin"', '"Europe/Berlim"', "time_zone: found 'Europe/Berlim'; expected the name of a time zone, such as Europe/Berlin or UTC. Did you mean 'Europe/Berlin'?"),
        ('"America/New_York"', '"EDT"', "jobs.month-end.time_zone: found 'EDT'"),
        ('alerts = ["failed"]', 'alerts = ["faild"]', "jobs.billing.alerts: found 'faild'; expected the name of an alert (failed). Did you mean 'failed'?"),
        ('routes = ["desk"]', 'routes = ["mail"]', "alerts.failed.routes: found 'mail'; expected the name of a route (desk)"),
        ('rule = "run-failed"', 'rule = "run-fails"', "alerts.failed: found rule = 'run-fails'; expected rule = one of run-failed, run-stale"),
        ('rule = "run-failed"', 'rule = "run-stale"\nhour = 3', "alerts.failed.hour: found an unknown key; expected one of routes, say_when_over, rule, hours. Did you mean 'hours'?"),
        ('kind = "file"', 'kind = "email"', "routes.desk.host: found nothing; expected a value"),
        ('kind = "file"', 'kind = "pigeon"', "routes.desk: found kind = 'pigeon'; expected kind = one of email, webhook, file"),
        ('missed = "report"', 'missed = "skip"', "jobs.month-end.missed: found 'skip'; expected 'catch-up' or 'report'"),
        ("grace_minutes = 60", "grace_minutes = -1", "jobs.month-end.grace_minutes: found -1; expected greater than or equal to 0"),
        ("timeout_minutes = 90", 'timeout_minutes = "90"', "jobs.month-end.timeout_minutes: found '90'; expected a valid integer"),
        ("paused = true", "pause = true", "jobs.month-end.pause: found an unknown key; expected one of cron, time_zone"),
        ("[routes.desk]", "[route.desk]", "route: found an unknown key; expected one of time_zone, jobs, alerts, routes. Did you mean 'routes'?"),
        ("[jobs.billing]", '[jobs."bill ing"]', "expected letters, digits, - and _"),
        ("[jobs.billing]", "[jobs.billing", "found no TOML"),
        (GOOD, "[jobs]", "jobs: found none; expected a job"),
        (GOOD, "time_zone = 'UTC'", "jobs: found nothing; expected a value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence_with_the_place(home: Path, old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    with pytest.raises(ScheduleError) as refused:
        read(home, GOOD.replace(old, new, 1))
    assert sentence in str(refused.value)
    assert str(refused.value).startswith(str(home / "papermill_runs" / "schedule.toml"))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_said(home: Path) -> None:
    with pytest.raises(ScheduleError, match=r"found nothing that can be read .*schedule\.example\.toml"):
        load_schedule(home / "papermill_runs" / "schedule.toml")


def test_check_says_that_all_is_in_order_and_when_each_job_is_due(home: Path) -> None:
    path = written(home, GOOD)
    done = CliRunner().invoke(cli, ["schedule", "check", "--file", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "billing: bill on" in done.output
    assert "month-end: bill on" in done.output
    assert "paused" in done.output
    assert "is in order: 2 jobs, 1 alerts." in done.output
    shown = CliRunner().invoke(cli, ["schedule", "check", "--json", "--file", str(path)], catch_exceptions=False)
    assert [job["name"] for job in json.loads(shown.output)["jobs"]] == ["billing", "month-end"]


def test_check_refuses_a_workspace_that_is_not_there_or_of_another_profile(home: Path) -> None:
    for change, sentence in (
        (('"../books"', '"../nowhere"'), "which is no folder"),
        (
            ('profile = "simulator"', 'profile = "production"'),
            "found 'production', while the workspace's profile is 'simulator'",
        ),
    ):
        path = written(home, GOOD.replace(*change))
        with pytest.raises(ScheduleError, match=sentence):
            CliRunner().invoke(cli, ["schedule", "check", "--file", str(path)], catch_exceptions=False)


def test_next_lists_the_times_of_all_jobs_that_are_not_paused_in_order(home: Path) -> None:
    path = written(home, GOOD)
    asked = ["schedule", "next", "-n", "5", "--json", "--file", str(path)]
    found = json.loads(CliRunner().invoke(cli, asked, catch_exceptions=False).output)["next"]
    assert [one["job"] for one in found] == ["billing"] * 5
    assert sorted(one["at"] for one in found) == [one["at"] for one in found]
    text = CliRunner().invoke(cli, ["schedule", "next", "month-end", "--file", str(path)], catch_exceptions=False)
    assert text.output.count("America/New_York") == 10


def test_the_example_is_in_order_also_with_the_routes_that_it_only_proposes(tmp_path: Path) -> None:
    example = (Path(__file__).parents[1] / "papermill_runs" / "schedule.example.toml").read_text()
    for name in ("papermill_runs", "workspace"):
        (tmp_path / name).mkdir()
    file = tmp_path / "papermill_runs" / "schedule.toml"
    proposed = re.sub(r"^# (\[routes|\w+ = )", r"\1", example, flags=re.MULTILINE)
    for text, routes in ((example, "kept"), (proposed, "chat, finance, kept")):
        file.write_text(text)
        said = CliRunner().invoke(cli, ["schedule", "check", "--file", str(file)], catch_exceptions=False)
        assert said.exit_code == 0, said.output
        assert "is in order: 3 jobs, 9 alerts." in said.output
        assert f"told by {routes}" in said.output
    assert {alert.rule for alert in load_schedule(file).alerts.values()} == {*_KINDS["alerts"][1]}, "one of each rule"
