"""The group ``nsbill alerts``: what is wrong and who was told, trials of rules and routes, and sending now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from nsbill.cli.common import echo_json, exit_with, json_option
from nsbill.cli.scheduling_common import alerts_sentence, file_option, open_schedule
from nsbill.runs.alert_delivery import look_and_tell, try_routes
from nsbill.runs.alert_rules import RunStale
from nsbill.runs.alert_status import alert_names, incidents_of, said_of_newest_runs

__all__ = ["COMMANDS"]

_NO_FIGURES = "its newest run has no figures for it"


@click.group()
def alerts() -> None:
    """Tell somebody when money is wrong or a run failed; rules and routes stand in papermill_runs/schedule.toml."""


@alerts.command("list")
@click.option("--all", "closed", is_flag=True, help="Also what is over and was told.")
@file_option
@json_option
def list_(closed: bool, file: Path | None, as_json: bool) -> None:
    """List the incidents that are open, and those that could not be told. Exit code 1: there are some."""
    found = open_schedule(file)
    incidents = incidents_of(found, closed=closed)
    if as_json:
        echo_json({"file": found.path, "incidents": [incident.as_json() for incident in incidents]})
    else:
        for incident in incidents:
            click.echo("\n".join(incident.lines))
        still = sum(incident.is_open for incident in incidents if incident.known)
        untold = sum(not incident.is_told for incident in incidents if incident.needs_somebody)
        click.echo(f"{still} open, {untold} not told yet. {alerts_sentence(found)}")
    exit_with(1 if any(incident.needs_somebody for incident in incidents) else 0)


@alerts.command()
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="Only say what the rules say of the newest runs; send nothing.")
@file_option
@json_option
def test(name: str | None, dry_run: bool, file: Path | None, as_json: bool) -> None:
    """Say what alert NAME, or each, finds in every job's newest run, and send a marked trial by its routes.

    Nothing of it is kept. Exit code 2: a trial could not be sent.
    """
    found = open_schedule(file)
    names = alert_names(found, name)
    said = [
        {
            "alert": alert,
            "job": job.name,
            "says": None if verdict is None else [finding.sentence for finding in verdict.holding],
        }
        for alert, job, verdict in said_of_newest_runs(found, names)
    ]
    routes: dict[str, str] = {}
    for alert in names:
        routes |= {route: alert for route in found.alerts[alert].routes or found.routes if route not in routes}
    tried = [] if dry_run else [one for route, alert in routes.items() for one in try_routes(found, alert, [route])]
    if as_json:
        trials = [{"route": one.route, "alert": one.alert, "sent": one.sent, "detail": one.detail} for one in tried]
        echo_json({"said": said, "trials": trials})
    else:
        for row in said:
            sentences = row["says"]
            words = _NO_FIGURES if sentences is None else "nothing is wrong"
            if isinstance(found.alerts[str(row["alert"])], RunStale):
                words = "it looks at times that pass without a run, not at figures: nsbill schedule status"
            assert sentences is None or isinstance(sentences, list)
            click.echo(f"{row['alert']}, job {row['job']}: {' '.join(sentences) if sentences else words}")
        for one in tried:
            how = "was sent" if one.sent else "could not be sent"
            click.echo(f"Trial by '{one.route}' {how}{f': {one.detail}' if one.detail else '.'}")
        if not tried and not dry_run:
            click.echo(alerts_sentence(found))
    exit_with(0 if all(one.sent for one in tried) else 2)


@alerts.command()
@file_option
@json_option
def send(file: Path | None, as_json: bool) -> None:
    """Look at what happened and send what is due now, also what failed a moment ago: what the service does by itself.

    For cron and others that start runs without the service. Exit code 1: something could not be sent.
    """
    found = open_schedule(file)
    told = look_and_tell(found, found.jobs.values(), datetime.now(UTC), now_too=True)
    if as_json:
        sent = [
            {"route": one.route, "alert": one.alert, "sent": one.sent, "detail": one.detail} for one in told.deliveries
        ]
        echo_json({"sent": sent, "troubles": list(told.troubles)})
    else:
        for sentence in [*(one.sentence for one in told.deliveries if one.sent), *told.problems]:
            click.echo(sentence)
        if not told.deliveries and not told.troubles:
            click.echo("Nothing was to be sent.")
    exit_with(1 if told.problems else 0)


COMMANDS = (alerts,)
