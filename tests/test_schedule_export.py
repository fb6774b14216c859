"""The schedule in the words of cron, systemd and Kubernetes: the same times, or a refusal."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner
from schedule_homes import job_text, make_home, read_home

from nsbill.cli import cli
from nsbill.errors import ScheduleError
from nsbill.runs.schedule_export import KINDS, exported
from nsbill.runs.schedule_times import times_after


def files(folder: Path, kind: str, cron: str, more: str = "") -> dict[str, str]:
    schedule, job = read_home(folder, job_text(cron=cron, more=f'time_zone = "Europe/Berlin"\n{more}'))
    return exported(schedule, [job], kind)


def test_a_crontab_says_the_zone_and_the_whole_command(tmp_path: Path) -> None:
    folder = tmp_path / "50% sure"
    folder.mkdir()
    lines = files(folder, "crontab", "*/15 6-20 * * 1-5")["crontab"].splitlines()
    assert "CRON_TZ=Europe/Berlin" in lines
    line = next(line for line in lines if line.startswith("*/15"))
    assert line.startswith("*/15 6-20 * * 1-5 ")
    assert "nsbill schedule run-now work --file " in line
    assert re.search(r"'[^']*50\\% sure[^']*'$", line), "cron ends a command at a bare per cent sign"


def test_a_kubernetes_cron_job_says_zone_limits_and_that_it_never_overlaps(tmp_path: Path) -> None:
    (text,) = files(tmp_path, "kubernetes", "30 6 * * 1-5,7", 'missed = "report"\ngrace_minutes = 10').values()
    made = yaml.safe_load(text)
    spec = made["spec"]
    assert (made["apiVersion"], made["kind"], made["metadata"]["name"]) == ("batch/v1", "CronJob", "nsbill-work")
    assert (spec["schedule"], spec["timeZone"]) == ("30 6 * * 0,1,2,3,4,5", "Europe/Berlin")
    assert (spec["concurrencyPolicy"], spec["startingDeadlineSeconds"]) == ("Forbid", 600)
    job = spec["jobTemplate"]["spec"]
    assert (job["backoffLimit"], job["activeDeadlineSeconds"]) == (0, 65 * 60)
    assert job["template"]["spec"]["containers"][0]["command"][:4] == ["nsbill", "schedule", "run-now", "work"]


def test_a_run_that_is_caught_up_has_no_deadline_in_kubernetes(tmp_path: Path) -> None:
    (text,) = files(tmp_path, "kubernetes", "30 6 * * *").values()
    assert "startingDeadlineSeconds" not in yaml.safe_load(text)["spec"]


@pytest.mark.parametrize(
    "cron, calendars",
    [
        ("*/15 * * * *", ["*-*-* *:00,15,30,45:00 Europe/Berlin"]),
        ("30 6 1 * *", ["*-*-01 06:30:00 Europe/Berlin"]),
        ("0 6 * * 1-5", ["Mon,Tue,Wed,Thu,Fri *-*-* 06:00:00 Europe/Berlin"]),
        ("0 6 * JAN,JUL SUN", ["Sun *-01,07-* 06:00:00 Europe/Berlin"]),
        ("0 6 1 * 1", ["*-*-01 06:00:00 Europe/Berlin", "Mon *-*-* 06:00:00 Europe/Berlin"]),
        ("0 6 */2 * 7", [f"Sun *-*-{','.join(f'{day:02d}' for day in range(1, 32, 2))} 06:00:00 Europe/Berlin"]),
    ],
)
def test_a_systemd_timer_says_the_times_with_the_zone(tmp_path: Path, cron: str, calendars: list[str]) -> None:
    made = files(tmp_path, "systemd", cron)
    assert set(made) == {"nsbill-work.service", "nsbill-work.timer"}
    assert re.findall(r"^OnCalendar=(.*)$", made["nsbill-work.timer"], re.MULTILINE) == calendars
    assert "Persistent=true" in made["nsbill-work.timer"]
    assert "TimeoutStartSec=65min" in made["nsbill-work.service"]


def systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze on this machine")
    return found


@pytest.mark.parametrize("cron", ["*/15 * * * *", "30 6 1 * *", "0 6 * * 1-5", "5 */6 * * SUN", "0 6 13 * 5"])
def test_systemd_itself_reckons_the_same_times(tmp_path: Path, cron: str) -> None:
    """Weeks without a change of clocks: on such days systemd has rules of its own."""
    tool = systemd_analyze()
    timer = files(tmp_path, "systemd", cron)["nsbill-work.timer"]
    begin = datetime(2026, 11, 2, tzinfo=UTC)
    found: set[datetime] = set()
    for calendar in re.findall(r"^OnCalendar=(.*)$", timer, re.MULTILINE):
        asked = [tool, "calendar", "--iterations=20", f"--base-time={begin:%Y-%m-%d %H:%M:%S UTC}", calendar]
        said = subprocess.run(
            asked, capture_output=True, text=True, check=True, env={"TZ": "UTC", "LC_ALL": "C"}
        ).stdout
        times = re.findall(r"^ *(?:Next elapse|Iter\S* #\d+): \w+ (\S+ \S+) UTC$", said, re.MULTILINE)
        assert len(times) == 20, said
        found |= {datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times}
    expected = islice(times_after(cron, ZoneInfo("Europe/Berlin"), begin), 15)
    assert sorted(found)[:15] == list(expected)


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    tool = systemd_analyze()
    made = files(tmp_path, "systemd", "0 6 13 * 5")
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [tool, "verify", *map(str, tmp_path.glob("nsbill-work.*"))], capture_output=True, text=True, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if "nsbill-work" in line]
    assert about_ours == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "cron, what",
    [
        ("30 0 6 * * *", "seconds"),
        ("0 6 L * *", "the last day of a month"),
        ("0 6 LW * *", "the last day of a month"),
        ("0 6 * * MON#1", "a certain weekday of a month"),
        ("0 6 * * 5L", "a certain weekday of a month"),
    ],
)
def test_what_only_nsbill_s_own_service_understands_is_refused(tmp_path: Path, kind: str, cron: str, what: str) -> None:
    with pytest.raises(ScheduleError, match=what):
        files(tmp_path, kind, cron)


def test_a_step_of_days_together_with_a_weekday_is_refused_for_kubernetes_which_reads_it_otherwise(
    tmp_path: Path,
) -> None:
    with pytest.raises(ScheduleError, match="both fit"):
        files(tmp_path, "kubernetes", "0 6 */2 * 1")


def test_the_command_prints_or_writes_files_and_leaves_paused_jobs_out(tmp_path: Path) -> None:
    path = make_home(tmp_path, job_text("one") + job_text("two", more="paused = true"))

    def command(*arguments: str) -> Any:
        return CliRunner().invoke(cli, ["schedule", "export", *arguments, "--file", str(path)], catch_exceptions=False)

    assert "run-now one" in command("crontab").output
    assert "run-now two" not in command("crontab").output
    assert command("systemd", "one", "--to", str(tmp_path / "units")).exit_code == 0
    assert sorted(p.name for p in (tmp_path / "units").iterdir()) == ["nsbill-one.service", "nsbill-one.timer"]
