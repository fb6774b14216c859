"""One Airflow DAG for each job of nsbill's schedule; each time runs ``nsbill schedule run-now`` in nsbill's own environment.

So claims, leases, run folders, history and alerts are those of nsbill's own service, and both may even be on at once.
Airflow needs two variables in its environment: NSBILL_SCHEDULE, the path of schedule.toml, and NSBILL_COMMAND, the path of
nsbill. Secrets are in the environment of the workers, as everywhere; see README.md.
"""

from __future__ import annotations

import os
import shlex
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.timetables.trigger import CronTriggerTimetable

SCHEDULE = Path(os.environ["NSBILL_SCHEDULE"]).resolve()
NSBILL = os.environ.get("NSBILL_COMMAND", "nsbill")
MARGIN = timedelta(minutes=5)
"""How much longer than the run's own limit the task may take, to write down how it ended."""
SLOT = "{{ (dag_run.logical_date or dag_run.run_after).isoformat() }}"

schedule = tomllib.loads(SCHEDULE.read_text(encoding="utf-8"))
for name, job in schedule["jobs"].items():
    zone = job.get("time_zone", schedule.get("time_zone", "UTC"))
    with DAG(
        f"nsbill_{name}",
        schedule=CronTriggerTimetable(job["cron"], timezone=zone),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=job.get("paused", False),
        tags=["nsbill"],
    ) as dag:
        command = shlex.join([NSBILL, "schedule", "run-now", name, "--file", str(SCHEDULE)])
        BashOperator(
            task_id="run",
            bash_command=f"{command} --slot '{SLOT}'",
            cwd=str(SCHEDULE.parents[1]),
            append_env=True,
            skip_on_exit_code=1,  # nothing was run: the job was running, or the slot was dealt with
            execution_timeout=timedelta(minutes=job.get("timeout_minutes", 60)) + MARGIN,
        )
    globals()[dag.dag_id] = dag
