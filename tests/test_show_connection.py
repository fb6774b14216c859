"""The connection panel: what it says of account, person, certificate and lights; production cannot be overlooked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_company import Company, demo_company
from fake_desk import FakeDesk, fake

from nsbill.doctor import Check, Light
from nsbill.settings import Settings
from nsbill.show.connection_state import ConnectionState
from nsbill.show.panels import connection_panel

__all__ = ["fake"]  # pytest finds the fixture by its name here

_WELL = (
    Check("account", Light.OK, "9000001_SB1, a sandbox account, profile sandbox."),
    Check("certificate", Light.OK, "Valid until 2028-01-31, 428 days."),
    Check("sign-in", Light.OK, "Signed in as role Biller <b>, user 7."),
    Check("limits", Light.HINT, "The role may not ask."),
)


def doctor_says(monkeypatch: pytest.MonkeyPatch, checks: tuple[Check, ...]) -> None:
    def examine(_workspace: Path, *, tries: bool) -> Iterator[Check]:
        assert not tries
        yield from checks

    monkeypatch.setattr("nsbill.show.connection_state.examine", examine)


def test_account_person_and_certificate_are_said_and_hints_are_no_worry(
    fake: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor_says(monkeypatch, _WELL)
    state = ConnectionState(fake.as_desk())
    assert (state.summary, state.well, state.facts[2]) == ("", False, ("Signed in as", "not looked at yet"))
    state.look()
    assert state.facts == [
        ("Profile", "simulator"),
        ("NetSuite account", "9000001_SB1"),
        ("Signed in as", "role Biller <b>, user 7"),
        ("Certificate", "Valid until 2028-01-31, 428 days"),
    ]
    assert state.summary == "4 checks: 3 ok, 1 to know."
    assert (state.well, state.production_sentence) == (True, "")


def test_what_failed_comes_before_what_is_to_be_watched(fake: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Check("certificate", Light.WARNING, "It ends in 9 days.", "Renew it.")
    failed = Check("sign-in", Light.FAILED, "Refused.", "Sign in anew.")
    doctor_says(monkeypatch, (watch, failed, Check("RESTlet", Light.SKIPPED, "Not looked at.")))
    state = ConnectionState(fake.as_desk())
    state.look()
    assert state.to_do == [failed, watch]
    assert state.summary == "3 checks: 1 to watch, 1 failed, 1 not looked at."
    assert dict(state.facts)["Signed in as"] == "nobody"
    assert not state.well


def test_production_is_marked_also_when_only_netsuite_says_so(fake: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.settings = Settings(account="9000001", profile="production")
    assert ConnectionState(fake.as_desk()).production_sentence == (
        "PRODUCTION: what is created in account 9000001 is in the company's real books."
    )
    fake.settings = Settings(account="9000001", profile="sandbox")
    doctor_says(monkeypatch, (Check("account kind", Light.FAILED, "NetSuite says <i>production</i>.", "Say so."),))
    panel = connection_panel(fake.as_desk())
    assert 'class="production"' not in panel._head.value
    panel.prepare()
    assert "PERHAPS PRODUCTION: NetSuite says &lt;i&gt;production&lt;/i&gt;. Say so." in panel._head.value
    assert 'role="alert"' in panel._head.value


def test_lights_are_folded_while_all_is_well_and_text_from_outside_is_escaped(
    fake: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    doctor_says(monkeypatch, _WELL)
    panel = connection_panel(fake.as_desk())
    panel.prepare()
    assert "All is well." in panel._lights.value
    assert "<details>" in panel._lights.value
    assert "<b>" not in panel._head.value
    assert "Biller &lt;b&gt;" in panel.static()
    doctor_says(monkeypatch, (Check("sign-in", Light.FAILED, "Refused.", "Sign in anew."),))
    panel.again.click()
    panel.worker.join()
    assert "<details open>" in panel._lights.value
    assert "✗ failed" in panel._lights.value
    assert "<b>Sign in anew.</b>" in panel._lights.value
    assert "All is well." not in panel._lights.value


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company")) as made:
        yield made


def test_against_the_simulator_no_bill_is_tried_and_no_secret_is_shown(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = company.bills()
    for name, value in company.environment.items():
        monkeypatch.setenv(name, value)
    with company.desk() as desk:
        panel = connection_panel(desk)
        panel.prepare()
        state, page = panel.state, panel.static()
    assert state.error == ""
    assert state.to_do == []
    assert dict(state.facts)["Signed in as"].startswith("role ")
    assert "whether it may create them is not tried here" in page
    assert company.bills() == before
    assert len(company.environment) == 4
    assert all(secret not in page for secret in company.environment.values())
