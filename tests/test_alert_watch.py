"""Rules held against recorded runs: what each finds, once for each incident, until it is over; and who is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alert_receivers import Hook, Mailbox, mail_server, webhook
from click.testing import CliRunner, Result
from schedule_homes import job_text, make_home

from nsbill.billing.journal_alerts import AlertBook
from nsbill.cli import cli
from nsbill.runs.alert_delivery import Told, look_and_tell
from nsbill.runs.runner import Run
from nsbill.runs.schedule_file import load_schedule
from nsbill.runs.schedule_job import run_job

TEN = datetime(2026, 11, 30, 10, tzinfo=UTC)
SECRET = "a-secret-that-is-in-no-message"
RULES = """
[alerts.failed]
rule = "run-failed"
say_when_over = true
[alerts.stale]
rule = "run-stale"
hours = 24
[alerts.unknown]
rule = "unknown-outcomes"
[alerts.late]
rule = "due-older-than"
days = 45
above = "1000.00"
[alerts.residual]
rule = "tie-out-residual"
[alerts.fee]
rule = "unclassified-line"
[alerts.reserve]
rule = "reserve-up"
percent = 20
[alerts.certificate]
rule = "certificate-expiring"
days = 30
[alerts.leak]
rule = "secret-leaked"
"""


@dataclass
class House:
    """A schedule with every rule, told by e-mail, webhook and file; its runs record what the tests say."""

    folder: Path
    box: Mailbox
    hook: Hook
    slot: datetime = TEN
    count: int = 0
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        routes = (
            f'[routes.mail]\nkind = "email"\nhost = "127.0.0.1"\nport = {self.box.port}\nsecurity = "none"\n'
            'from = "nsbill@example.com"\nto = ["finance@example.com"]\ntimeout_seconds = 5\n'
            '[routes.chat]\nkind = "webhook"\nurl_variable = "NSBILL_CHAT_WEBHOOK"\ntimeout_seconds = 2\n'
            '[routes.kept]\nkind = "file"\npath = "alerts.jsonl"\n'
        )
        self.path = make_home(self.folder, job_text() + RULES + routes)

    def run(self, *, status: Any = "succeeded", problem: str | None = None, **results: Any) -> Told:
        """A run of the next slot that records ``results``; then what the alerts make of it."""
        schedule = load_schedule(self.path)
        self.slot += timedelta(minutes=15)
        self.count += 1
        folder = self.folder / "papermill_runs" / "work" / f"r-{self.count}"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"results": results, "leaks": []}))

        def execute(schedule: Any, job: Any, slot: Any, *, begun: Any, halt: Any) -> Run:
            begun(folder.name, folder)
            return Run(folder.name, folder, "work", status, self.slot, 1.0, None, problem, results)

        run_job(schedule, schedule.jobs["work"], self.slot, execute=execute)
        return self.look()

    def look(self, now: datetime | None = None, problem: str | None = None) -> Told:
        schedule = load_schedule(self.path)
        return look_and_tell(schedule, schedule.jobs.values(), now or self.slot, problem=problem, now_too=True)

    def kept(self) -> list[str]:
        """Titles of what was told into the file, in order, without nsbill's name."""
        file = self.folder / "papermill_runs" / "alerts.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line)["title"].removeprefix("nsbill: ") for line in lines]

    def command(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["alerts", *arguments, "--file", str(self.path)], catch_exceptions=False)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    with mail_server() as box, webhook() as hook:
        monkeypatch.setenv("NSBILL_CHAT_WEBHOOK", hook.url)
        monkeypatch.setenv("NSBILL_TOKEN_SECRET", SECRET)
        monkeypatch.delenv("NSBILL_ACCOUNT", raising=False)
        yield House(tmp_path, box, hook)


LATE = {"due_by_days": {"EUR": {"10": "500.00", "46": "900.00", "90": "100.01", "unknown": "7.00"}}}
BREAK = {"settlement_id": "123", "step": "lines sum to total", "currency": "EUR", "residual": "-0.01"}
TWO_DAYS_ON = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


@pytest.mark.parametrize(
    "wrong,right,title",
    [
        ({"unresolved": 2}, {"unresolved": 0}, "2 creates have no clear outcome: NetSuite may have these records or not."),
        (LATE, {"due_by_days": {"EUR": {"46": "1000.00"}}}, "1,000.01 EUR are due that were expected more than 45 days ago."),
        ({"tie_out_breaks": [BREAK]}, {"tie_out_breaks": []}, "Settlement 123: 'lines sum to total' does not hold, by -0.01 EUR."),
        (
            {"unclassified": [{"labels": "other/NewFee", "currency": "EUR", "amount": "-3.10"}]},
            {"unclassified": []},
            "Settlement lines bear labels that nsbill does not know: other/NewFee.",
        ),
        ({"certificate_valid_until": TWO_DAYS_ON}, {"certificate_valid_until": "2999-01-01"}, f"The certificate for signing in expires on {TWO_DAYS_ON}, in 2 days."),
    ],
    ids=["unknown", "late", "residual", "fee", "certificate"],
)  # fmt: skip
def test_money_that_is_wrong_is_told_once_until_it_is_right_and_wrong_again(
    house: House, wrong: dict[str, Any], right: dict[str, Any], title: str
) -> None:
    for recorded in (right, wrong, wrong, {}, right, right, wrong):
        assert house.run(**recorded).problems == []
    assert house.kept() == [title, title]
    assert len(house.box.mails) == len(house.hook.bodies) == 2
    text = house.box.mails[0].get_content()
    assert "  To do: " in text
    assert f"Run: {house.folder / 'papermill_runs' / 'work' / 'r-2'}" in text


def test_limits_that_are_just_kept_say_nothing(house: House) -> None:
    house.run(unresolved=0, due_by_days={"EUR": {"45": "5000.00", "46": "1000.00"}}, reserve={"EUR": "100.00"})
    house.run(reserve={"EUR": "120.00"}, tie_out_breaks=[], unclassified=[])
    assert house.kept() == []


def test_a_reserve_is_held_against_the_run_that_last_recorded_one(house: House) -> None:
    house.run(reserve={"EUR": "100.00", "JPY": "0"})
    house.run()
    house.run(reserve={"EUR": "120.01", "JPY": "1"})
    assert house.kept()[0].startswith("2 × reserve-up, the first: Amazon keeps 120.01 EUR in reserve, 20.01 EUR more")
    house.run(reserve={"EUR": "121.00", "JPY": "1"})
    assert house.command("list").exit_code == 0, "nothing rose any more, so it is over"


def test_a_run_that_fails_is_told_with_its_reason_and_that_it_is_over(house: House) -> None:
    house.run(status="failed", problem=f"Cell 4 raised. It printed {SECRET}.")
    house.run(status="failed", problem="Cell 4 raised again.")
    house.run()
    first, over = house.kept()
    assert first.startswith("The run of 2026-11-30 10:15 UTC failed: Cell 4 raised.")
    assert over == "over: run-failed, run: It is over, by the run of 2026-11-30 10:45 UTC."
    said = f"{house.box.mails[0]}{house.hook.bodies}{(house.folder / 'papermill_runs' / 'alerts.jsonl').read_text()}"
    assert "nsbill schedule run-now work --slot 2026-11-30T10:15:00+00:00 --again" in house.box.mails[0].get_content()
    assert SECRET not in said


def test_figures_that_cannot_be_judged_are_told_and_not_taken_for_good(house: House) -> None:
    house.run(due_by_days={"EUR": {"many": "1.00"}}, unresolved="two")
    assert sorted(house.kept()) == [
        "The figures of a run cannot be judged: due_by_days has the key 'many', not a number of days.",
        "The figures of a run cannot be judged: unresolved is 'two', not a whole number.",
    ]


def test_a_job_without_a_good_run_for_too_long_and_a_broken_file_are_stale(house: House) -> None:
    house.run()
    house.look(TEN + timedelta(hours=25))
    house.look(TEN + timedelta(hours=26), problem="schedule.toml: no TOML.")
    house.look(TEN + timedelta(hours=27), problem="schedule.toml: no TOML.")
    assert house.kept() == [
        "The last good run is more than 24 hours ago: 2026-11-30 10:15 UTC.",
        "The schedule's file cannot be used; what it said before stays in force. schedule.toml: no TOML.",
    ]


def test_what_one_route_refuses_reaches_the_others_and_is_sent_by_it_later_once(house: House) -> None:
    house.box.replies.append("451 come back later")
    house.hook.answers.append(500)
    told = house.run(unresolved=1)
    assert len(told.problems) == 2
    assert "451 come back later" in " ".join(told.problems)
    assert "secret-part" not in " ".join(told.problems)
    assert len(house.kept()) == 1
    listed = house.command("list")
    assert (listed.exit_code, "1 open, 1 not told yet" in listed.output) == (1, True)
    assert "chat: could not be sent, tried 1 times" in listed.output
    sent = house.command("send")
    assert (sent.exit_code, sent.output.count(": sent.")) == (0, 2), sent.output
    assert house.command("send").output == "Nothing was to be sent.\n"
    assert (len(house.box.mails), len(house.hook.bodies), len(house.kept())) == (1, 1, 1)


def test_trials_say_what_the_rules_find_and_arrive_marked(house: House) -> None:
    house.run(unresolved=3)
    tried = house.command("test")
    assert tried.exit_code == 0
    assert "unknown, job work: 3 creates have no clear outcome" in tried.output
    assert "late, job work: its newest run has no figures for it" in tried.output
    assert "stale, job work: it looks at times that pass without a run" in tried.output
    assert [route for route in ("mail", "chat", "kept") if f"Trial by '{route}' was sent." not in tried.output] == []
    assert house.box.mails[-1]["Subject"] == "nsbill: [trial] alert 'failed' (run-failed)"
    house.hook.answers.append(404)
    assert house.command("test", "late").exit_code == 2
    assert house.command("test", "late", "--dry-run").exit_code == 0
    wrong = CliRunner().invoke(cli, ["alerts", "test", "lat", "--file", str(house.path)])
    assert "no alert 'lat'" in str(wrong.exception)


def test_what_an_alert_has_left_that_is_not_in_the_file_any_more_bothers_nobody(house: House) -> None:
    house.run(unresolved=1)
    assert house.command("list").exit_code == 1
    house.path.write_text(house.path.read_text().replace('[alerts.unknown]\nrule = "unknown-outcomes"\n', ""))
    gone = house.command("list")
    assert (gone.exit_code, gone.output.startswith("0 open, 0 not told yet.")) == (0, True), gone.output
    assert "The schedule's file has no such alert or job any more." in house.command("list", "--all").output


def test_a_database_that_fails_in_the_middle_is_said_without_its_password_and_raises_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.run(unresolved=0)

    def cut(*_: object, **__: object) -> Any:
        raise RuntimeError(f"server closed the connection\nof {SECRET}")

    with monkeypatch.context() as patched:
        patched.setattr(AlertBook, "unseen", cut)
        house.run(unresolved=1)
        troubles = house.look().troubles
    assert troubles[0].startswith(
        "The alerts of work could not be looked at: RuntimeError: server closed the connection"
    )
    assert "\n" not in troubles[0]
    assert SECRET not in troubles[0]
    assert house.kept() == []
    house.look()
    assert house.kept() == ["1 creates have no clear outcome: NetSuite may have these records or not."]
