from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nsbill.cli import cli
from nsbill.doctor import Check, Light, examine
from nsbill.netsuite.certificate import create_certificate
from nsbill.settings import save_settings
from nsbill.simulator import tables
from nsbill.simulator.server import Simulator
from nsbill.simulator.world import build_world

SECRETS = ("consumer_key", "consumer_secret", "token_id", "token_secret")
ROLE = "Billing integration"
EVERYTHING = {
    "ADMI_LOGIN_OAUTH": "FULL",
    "ADMI_LOGIN_OAUTH2": "FULL",
    "ADMI_RESTWEBSERVICES": "FULL",
    "LIST_FIND": "VIEW",
    "REPO_ANALYTICS": "EDIT",
    "TRAN_SALESORD": "EDIT",
    "TRAN_CUSTINVC": "CREATE",
    "LIST_CUSTJOB": "VIEW",
    "LIST_CURRENCY": "VIEW",
    "LIST_SUBSIDIARY": "VIEW",
}


@dataclass
class Patient:
    workspace: Path
    simulator: Simulator
    monkeypatch: pytest.MonkeyPatch

    def examine(self, **settings: Any) -> dict[str, Check]:
        if settings:
            save_settings(self.workspace, settings)
        return {check.name: check for check in examine(self.workspace)}

    def records(self) -> int:
        with tables.connect(self.workspace / "simulator.db") as books:
            number = int(books.execute("SELECT COUNT(*) FROM txn").fetchone()[0])
        books.close()
        return number


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The books of a small company, to be copied."""
    folder = tmp_path_factory.mktemp("company")
    build_world(folder / "books.db", folder / "amazon_files", orders=40, seed=7, today=datetime.now(UTC).date())
    return folder / "books.db"


@pytest.fixture
def patient(company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Patient]:
    books = Path(shutil.copy(company, tmp_path / "simulator.db"))
    with Simulator(books) as simulator:
        given = simulator.credentials()
        for name in SECRETS:
            monkeypatch.setenv(f"NSBILL_{name.upper()}", given[name])
        plain = {name: given[name] for name in ("base_url", "account", "script", "deploy", "saved_search")}
        save_settings(tmp_path, {**plain, "profile": "sandbox"})
        yield Patient(tmp_path, simulator, monkeypatch)


def lights(found: dict[str, Check], light: Light) -> list[str]:
    return [name for name, check in found.items() if check.light is light]


def test_a_healthy_set_up_has_no_failure_and_nothing_is_created(patient: Patient) -> None:
    before = patient.records()
    found = patient.examine()
    assert lights(found, Light.FAILED) == lights(found, Light.WARNING) == lights(found, Light.SKIPPED) == []
    assert found["sign-in"].sentence.startswith("Signed in as role ")
    assert found["RESTlet"].sentence == "Deployed as customscript_nsbill_restlet, version 1.1.0."
    assert "may create them (tried on order" in found["invoices"].sentence
    assert patient.records() == before


def test_a_certificate_signs_in_and_its_scopes_and_expiry_are_shown(patient: Patient) -> None:
    pair = create_certificate(patient.workspace / "keys", account="9000001_SB1", kind="ec", days=45)
    uploaded = patient.simulator.upload_certificate(pair.certificate_file.read_text())
    found = patient.examine(
        sign_in="certificate",
        client_id=patient.simulator.credentials()["client_id"],
        certificate_id=uploaded,
        private_key_file=str(pair.private_key_file),
        certificate_file=str(pair.certificate_file),
    )
    assert found["scopes"].light is Light.OK
    assert lights(found, Light.FAILED) == []
    assert found["certificate"].light is Light.WARNING
    assert f"on {datetime.now(UTC).date() + timedelta(days=45)}" in found["certificate"].sentence
    assert found["certificate"].next_action == "Make and upload a new one: nsbill settings certificate"


def test_a_wrong_secret_fails_the_sign_in_and_skips_what_needs_it(patient: Patient) -> None:
    patient.monkeypatch.setenv("NSBILL_TOKEN_SECRET", "wrong")
    found = patient.examine()
    assert lights(found, Light.FAILED) == ["sign-in"]
    assert "Login Audit Trail" in found["sign-in"].sentence + found["sign-in"].next_action
    assert set(lights(found, Light.SKIPPED)) == {"RESTlet", "permissions", "saved search", "preferences", "limits"}
    refusals = patient.simulator.control("statistics")["sign_in_refusals"]
    assert refusals["InvalidSignature"] == 2  # once, and once more alone: five would lock the token


def test_no_credentials_at_all(patient: Patient) -> None:
    for name in SECRETS:
        patient.monkeypatch.delenv(f"NSBILL_{name.upper()}")
    found = patient.examine()
    assert lights(found, Light.FAILED) == ["credentials"]
    assert "nsbill settings certificate" in found["credentials"].next_action
    assert found["REST host"].light is Light.OK


def test_a_clock_that_is_off_is_named_before_the_refusal_that_it_causes(patient: Patient) -> None:
    patient.simulator.control("clock", {"offset_seconds": 600})
    found = patient.examine()
    assert lights(found, Light.FAILED) == ["clock", "sign-in"]
    assert "s behind NetSuite's: sign-ins are refused beyond 300 s." in found["clock"].sentence


def test_a_host_that_is_not_there(patient: Patient) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and nobody answers
        found = patient.examine(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert lights(found, Light.FAILED) == ["REST host", "RESTlet host"]
    assert found["clock"].light is Light.SKIPPED


def test_a_restlet_that_is_not_deployed(patient: Patient) -> None:
    found = patient.examine(script="customscript_somebody_elses")
    assert lights(found, Light.FAILED) == ["RESTlet"]
    assert found["sign-in"].light is Light.OK
    assert found["invoices"].light is Light.HINT
    assert found["saved search"].light is Light.SKIPPED


@pytest.mark.parametrize(
    "taken,failed",
    [
        ("TRAN_CUSTINVC", ["invoices", "SuiteQL"]),
        ("LIST_FIND", ["saved search", "saved searches"]),
        ("REPO_ANALYTICS", ["SuiteQL"]),
    ],
)
def test_a_permission_that_the_role_lacks_is_named(patient: Patient, taken: str, failed: list[str]) -> None:
    held = {name: level for name, level in EVERYTHING.items() if name != taken}
    patient.simulator.control("roles", {"role": ROLE, "permissions": held})
    found = patient.examine()
    assert lights(found, Light.FAILED) == failed
    assert "permission" in found[failed[0]].sentence.lower()


def test_a_role_that_may_see_invoices_but_not_create_them(patient: Patient) -> None:
    patient.simulator.control("roles", {"role": ROLE, "permissions": EVERYTHING | {"TRAN_CUSTINVC": "VIEW"}})
    found = patient.examine()
    assert lights(found, Light.FAILED) == ["invoices"]


@pytest.mark.parametrize(
    "search,subject",
    [("1202", "search: columns"), ("customsearch_nobody_made", "saved search"), ("", "saved search")],
)
def test_a_saved_search_that_will_not_do(patient: Patient, search: str, subject: str) -> None:
    found = patient.examine(saved_search=search)
    assert subject in lights(found, Light.FAILED)
    assert found[subject].next_action


def test_orders_by_shipping_need_a_preference(patient: Patient) -> None:
    found = patient.examine(billing_status="pending-fulfillment")
    assert "Invoice in Advance of Fulfillment is off." in found["in advance"].sentence
    assert found["in advance"].light is Light.FAILED


def test_a_production_account_that_is_called_a_sandbox(patient: Patient) -> None:
    found = patient.examine(account="9000001")
    assert found["account"].light is Light.FAILED
    assert found["account"].next_action == "Say what it is: nsbill settings set profile=production"


def test_the_limit_is_told_where_the_role_may_ask(patient: Patient) -> None:
    patient.simulator.control("preferences", {"governance_limits": "everyone", "concurrency_limit": "15"})
    assert patient.examine()["limits"].sentence.startswith("15 requests at once")


def test_the_command_prints_lines_and_json_and_ends_with_1_when_something_failed(patient: Patient) -> None:
    runner = CliRunner()
    good = runner.invoke(cli, ["doctor", "--workspace", str(patient.workspace)])
    assert good.exit_code == 0, good.output
    assert good.output.rstrip().endswith("All is well.")
    assert "ok      sign-in " in good.output
    save_settings(patient.workspace, {"script": "customscript_somebody_elses"})
    bad = runner.invoke(cli, ["doctor", "--workspace", str(patient.workspace), "--json"])
    assert bad.exit_code == 1
    answer = json.loads(bad.output)
    assert answer["ok"] is False
    assert [check["name"] for check in answer["checks"] if check["light"] == "failed"] == ["RESTlet"]


def test_a_workspace_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = {check.name: check for check in examine(tmp_path / "file")}
    assert [found[name].light for name in ("workspace", "journal")] == [Light.FAILED, Light.SKIPPED]
