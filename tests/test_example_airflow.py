"""The Airflow example is run for real, in Airflow's own environment: a run that succeeds, one that is there already, one that fails.

NSBILL_TEST_AIRFLOW names the ``airflow`` command; examples/airflow/README.md says how to make its environment.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from demo_company import Company, demo_company

from nsbill.billing.journal import Journal
from nsbill.billing.journal_schedule import JobKey
from nsbill.runs.schedule_file import load_schedule
from nsbill.settings import load_settings

EXAMPLE = Path(__file__).parents[1] / "examples" / "airflow"
AIRFLOW = os.environ.get("NSBILL_TEST_AIRFLOW", "")  # looked at now: tests themselves run without such variables
SIX = "2026-11-29T06:00:00+00:00"
JOBS = """
[jobs.billing]
cron = "*/15 * * * *"
time_zone = "Europe/Berlin"
notebook = "10_scheduled_billing"

[jobs.refused]
cron = "0 7 * * *"
notebook = "10_scheduled_billing"
parameters = { max_orders = 0 }
"""
needs_airflow = pytest.mark.skipif(not AIRFLOW, reason="NSBILL_TEST_AIRFLOW does not name an airflow command")


def test_the_example_asks_nsbill_for_nothing_that_it_does_not_have() -> None:
    tree = ast.parse((EXAMPLE / "nsbill_jobs.py").read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any(str(name).startswith("nsbill") for name in imported), "nsbill is not in Airflow's environment"
    helped = subprocess.run(
        [sys.executable, "-m", "nsbill.cli", "schedule", "run-now", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--slot" in helped.stdout
    assert "--file" in helped.stdout


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    (tmp_path / "workspace").mkdir()
    with demo_company(tmp_path / "workspace", orders=40) as made:
        yield made


@needs_airflow
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_of_the_schedule_succeeds_is_skipped_when_it_was_there_and_fails_in_airflow(
    company: Company, tmp_path: Path
) -> None:
    (tmp_path / "papermill_runs").mkdir()
    shutil.copytree(EXAMPLE.parents[1] / "notebooks", tmp_path / "notebooks")
    file = tmp_path / "papermill_runs" / "schedule.toml"
    file.write_text(JOBS)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **company.environment,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLE),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "NSBILL_BASE_URL": load_settings(company.workspace).base_url,
        "NSBILL_SCHEDULE": str(file),
        "NSBILL_COMMAND": str(Path(sys.executable).with_name("nsbill")),
    }

    def airflow(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([AIRFLOW, *words], env=environment, capture_output=True, text=True, check=False)

    assert airflow("db", "migrate").returncode == 0
    before = sum(company.bills().values())
    refused = airflow("dags", "test", "nsbill_refused", SIX)
    assert refused.returncode != 0
    assert sum(company.bills().values()) == before

    done = airflow("dags", "test", "nsbill_billing", SIX)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert sum(company.bills().values()) > before

    again = airflow("dags", "test", "nsbill_billing", SIX)
    assert again.returncode == 0
    assert "skipp" in (again.stdout + again.stderr).lower()

    schedule = load_schedule(file)
    settings = load_settings(company.workspace)
    ends = {}
    with closing(Journal.in_workspace(company.workspace)) as journal:
        for job in schedule.jobs:
            ends[job] = journal.schedule.slots(JobKey(settings.account, settings.seller_account, job))
    assert [(row["slot"], row["status"]) for row in ends["billing"]] == [
        (datetime(2026, 11, 29, 6, tzinfo=UTC), "succeeded")
    ]
    assert [row["status"] for row in ends["refused"]] == ["failed"]
    assert "max_orders is 0" in str(ends["refused"][0]["detail"])
    assert Path(ends["billing"][0]["folder"]).parent.parent == schedule.runs_folder
