"""From a certificate made by nsbill to orders read with it: upload, bearer token, renewal, refusals; on a simulator."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from simulator_books import make_books
from token_endpoint import KEY_PEM

from nsbill.cli import cli
from nsbill.credentials import CertificateCredentials
from nsbill.errors import NetSuiteError, NoAnswer, SignInRefused, TooManyRequests
from nsbill.netsuite import retry
from nsbill.netsuite import token as token_module
from nsbill.netsuite.books import load_currencies
from nsbill.netsuite.certificate import KEY_KINDS, create_certificate
from nsbill.netsuite.client import Client
from nsbill.netsuite.records import transform_order
from nsbill.netsuite.searches import list_searches
from nsbill.settings import Settings, load_settings, save_settings
from nsbill.simulator.server import Simulator
from nsbill.vocabulary import RecordType

DAY = date(2026, 2, 10)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(make_books(tmp_path_factory.mktemp("books") / "books.db")) as running:
        yield running


@pytest.fixture
def company(simulator: Simulator) -> Iterator[Simulator]:
    simulator.control("statistics", {"reset": True})
    yield simulator
    simulator.control("clock", {"offset_seconds": 0})
    for row in _certificates(simulator):
        if not row["revoked"]:
            simulator.control("certificates", {"revoke": row["certificate_id"]})


def _certificates(simulator: Simulator) -> list[dict[str, object]]:
    rows = simulator.control("certificates")["certificates"]
    assert isinstance(rows, list)
    return rows


def settings_of(simulator: Simulator) -> Settings:
    given = simulator.credentials()
    return Settings(account=given["account"], base_url=simulator.url, script=given["script"], deploy=given["deploy"])


def signed_up(simulator: Simulator, folder: Path, kind: str = "ec") -> CertificateCredentials:
    """Make a certificate, upload it, and note what NetSuite shows afterwards."""
    pair = create_certificate(folder, account="9000001_SB1", kind=kind, days=730)
    shown = simulator.control("certificates", {"pem": pair.certificate_file.read_text()})
    ids = {name: str(shown[name]) for name in ("client_id", "certificate_id")}
    return CertificateCredentials.of({**ids, "private_key": pair.private_key_file.read_text()})


def tokens_asked(simulator: Simulator) -> int:
    counted = simulator.control("statistics")["requests"]
    assert isinstance(counted, dict)
    return int(counted.get("token", 0))


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_suiteql_and_the_restlet_are_read_with_one_token(company: Simulator, tmp_path: Path, kind: str) -> None:
    with Client(settings_of(company), signed_up(company, tmp_path, kind)) as ns:
        assert "USD" in load_currencies(ns).values()
        assert len(list_searches(ns)) > 0
    assert tokens_asked(company) == 1


def test_an_expired_token_is_renewed_once_by_all_who_use_it(
    company: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(settings_of(company), signed_up(company, tmp_path)) as ns:
        load_currencies(ns)
        company.control("clock", {"offset_seconds": 3700})  # past the token's hour, which this client does not notice
        company.control("statistics", {"reset": True})
        clock = SimpleNamespace(time=lambda: time.time() + 3700, monotonic=time.monotonic, sleep=time.sleep)
        monkeypatch.setattr(token_module, "time", clock)
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: load_currencies(ns), range(8)))
    assert all("USD" in found.values() for found in answers)
    assert tokens_asked(company) == 1


def test_a_token_refused_by_overload_is_renewed_and_the_request_goes_through(
    company: Simulator, tmp_path: Path
) -> None:
    with Client(settings_of(company), signed_up(company, tmp_path)) as ns:
        load_currencies(ns)
        company.control("faults", {"faults": [{"where": "suiteql", "kind": "401", "times": 1}], "seed": 1})
        assert "USD" in load_currencies(ns).values()
    assert tokens_asked(company) == 2


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"certificate_id": "no-such-id"}, "Check: certificate_id"),
        ({"client_id": "no-such-client"}, "invalid_client"),
        ({"private_key": KEY_PEM}, "invalid_grant.*the private key"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    company: Simulator, tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    good = signed_up(company, tmp_path)
    key = good.private_key.get_secret_value()
    given = {"client_id": good.client_id, "certificate_id": good.certificate_id, "private_key": key}
    wrong = CertificateCredentials.of(given | change)
    with Client(settings_of(company), wrong) as ns, pytest.raises(SignInRefused, match=sentence) as caught:
        load_currencies(ns)
    assert caught.value.what == "Sign in by certificate"
    assert "\n" not in str(caught.value)


def test_a_revoked_certificate_is_refused(company: Simulator, tmp_path: Path) -> None:
    credentials = signed_up(company, tmp_path)
    company.control("certificates", {"revoke": credentials.certificate_id})
    with Client(settings_of(company), credentials) as ns, pytest.raises(SignInRefused, match="expired or revoked"):
        load_currencies(ns)


@pytest.mark.parametrize("kind, error", [("drop_before", NoAnswer), ("429", TooManyRequests), ("401", SignInRefused)])
def test_a_create_whose_token_cannot_be_had_is_known_not_to_have_been_sent(
    company: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, error: type[Exception]
) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(token_module, "_FIRST_WAIT", 0.001)
    company.control("faults", {"faults": [{"where": "token", "kind": kind, "times": 999}], "seed": 1})
    with Client(settings_of(company), signed_up(company, tmp_path)) as ns, pytest.raises(error) as caught:
        transform_order(ns, "5001", RecordType.INVOICE, external_id="nsbill-INV-5001-1", transaction_date=DAY)
    company.control("faults", {"faults": [], "seed": 1})
    assert isinstance(caught.value, NoAnswer | NetSuiteError)
    assert not caught.value.was_sent
    assert "transform" not in dict(company.control("statistics")["requests"])


def test_a_create_that_was_refused_or_cut_was_sent(company: Simulator, tmp_path: Path) -> None:
    with Client(settings_of(company), signed_up(company, tmp_path)) as ns:
        for kind, error in (("drop_before", NoAnswer), ("locked", NetSuiteError)):
            company.control("faults", {"faults": [{"where": "transform", "kind": kind, "times": 1}], "seed": 1})
            with pytest.raises(error) as caught:
                transform_order(ns, "5001", RecordType.INVOICE, external_id="x", transaction_date=DAY)
            assert isinstance(caught.value, NoAnswer | NetSuiteError)
            assert caught.value.was_sent


def test_a_clock_that_is_off_is_named(company: Simulator, tmp_path: Path) -> None:
    credentials = signed_up(company, tmp_path)
    company.control("clock", {"offset_seconds": 1200})
    with Client(settings_of(company), credentials) as ns, pytest.raises(SignInRefused, match="machine's clock"):
        load_currencies(ns)


def test_the_commands_lead_from_nothing_to_the_saved_searches(company: Simulator, tmp_path: Path) -> None:
    def nsbill(*words: str) -> str:
        done = CliRunner().invoke(cli, [*words, "--workspace", str(tmp_path)])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    save_settings(tmp_path, {"base_url": company.url})
    nsbill("settings", "set", "profile=sandbox", f"account={company.credentials()['account']}")
    nsbill("settings", "certificate")
    pem = Path(load_settings(tmp_path).certificate_file).read_text()
    ids = company.control("certificates", {"pem": pem})
    search = company.credentials()["saved_search"]
    shown = nsbill("settings", "set", *(f"{name}={ids[name]}" for name in ids), f"saved_search={search}")
    assert "Saved: certificate_id, client_id." in shown
    assert "(setting and saved search agree)" in shown
    assert "* " in nsbill("searches")
    assert company.control("statistics")["sign_in_refusals"] == {}
