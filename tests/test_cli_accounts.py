"""nsbill settings: certificate, login, logout, show and set, and the warning before a certificate runs out."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from memory_keyring import MemoryKeyring, memory_keyring

from nsbill.cli import cli
from nsbill.cli import connection as connection_module
from nsbill.cli.connection import connected
from nsbill.credentials import TOKEN_SECRETS, CertificateCredentials, TokenCredentials, load_credentials
from nsbill.errors import SettingsError, WorkspaceError
from nsbill.netsuite.certificate import create_certificate
from nsbill.settings import load_settings, save_settings

TYPED = {name: f"{name}-0123456789-hush" for name in TOKEN_SECRETS}


@pytest.fixture
def vault() -> Iterator[MemoryKeyring]:
    with memory_keyring() as made:
        yield made


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    save_settings(tmp_path, {"profile": "sandbox", "account": "1234567_SB1"})
    return tmp_path


def settings(workspace: Path, *words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["settings", *words, "--workspace", str(workspace)], input=typed)


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(result: Result) -> str:
    assert isinstance(result.exception, SettingsError | WorkspaceError), (result.output, result.exception)
    return str(result.exception)


def test_certificate_makes_both_files_sets_them_and_says_what_to_do(workspace: Path) -> None:
    shown = done(settings(workspace, "certificate"))
    now = load_settings(workspace)
    key, certificate = Path(now.private_key_file), Path(now.certificate_file)
    assert key.parent == workspace / "keys"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for words in (
        str(certificate),
        "1234567_SB1",
        "Setup > Integration > Manage Authentication > OAuth 2.0 Client Credentials (M2M) Setup",
        "Client Credentials (Machine to Machine) Grant",
        f"nsbill settings set client_id=… certificate_id=… --workspace {workspace}",
    ):
        assert words in shown
    assert "PRIVATE KEY" not in shown


def test_what_certificate_says_leads_to_credentials(workspace: Path) -> None:
    done(settings(workspace, "certificate", "--key", "rsa-3072", "--days", "30", "--out", str(workspace / "elsewhere")))
    done(settings(workspace, "set", "client_id=0123456789", "certificate_id=kid"))
    found = load_credentials(load_settings(workspace))
    assert isinstance(found, CertificateCredentials)
    assert (found.client_id, found.certificate_id) == ("0123456789", "kid")
    assert list((workspace / "elsewhere").glob("*.key.pem"))


def test_a_certificate_in_use_stays_in_use_until_its_successor_is_set(workspace: Path) -> None:
    old = create_certificate(workspace / "old", account="1", kind="ec", days=30)
    in_use = {"private_key_file": str(old.private_key_file), "certificate_file": str(old.certificate_file)}
    save_settings(workspace, {**in_use, "client_id": "c", "certificate_id": "old-id"})
    shown = done(settings(workspace, "certificate"))
    assert load_settings(workspace).private_key_file == str(old.private_key_file)
    (line,) = [line.strip() for line in shown.splitlines() if "nsbill settings set" in line]
    assignments = [word.replace("…", "new-id") for word in line.split()[3:-2]]
    done(settings(workspace, "set", *assignments))
    now = load_settings(workspace)
    assert (now.certificate_id, now.client_id) == ("new-id", "c")
    assert Path(now.private_key_file).parent == workspace / "keys"


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--days", "731"], "NetSuite cuts every certificate at two years"),
        (["--key", "rsa-2048"], "Valid: ec, ec-384"),
    ],
)
def test_a_certificate_that_netsuite_refuses_is_not_made(workspace: Path, words: list[str], sentence: str) -> None:
    before = (workspace / "nsbill.toml").read_text()
    assert sentence in refused(settings(workspace, "certificate", *words))
    assert (workspace / "nsbill.toml").read_text() == before
    assert not (workspace / "keys").exists()


def test_a_second_certificate_on_one_day_does_not_overwrite_the_first(workspace: Path) -> None:
    done(settings(workspace, "certificate"))
    assert "is not overwritten. Use --out" in refused(settings(workspace, "certificate"))


@pytest.mark.parametrize("command", ["certificate", "login", "logout"])
def test_an_account_comes_first(tmp_path: Path, vault: MemoryKeyring, command: str) -> None:
    assert "nsbill settings set account=" in refused(settings(tmp_path, command))


def test_login_asks_without_echo_and_keeps_and_logout_forgets(
    workspace: Path, vault: MemoryKeyring, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = done(settings(workspace, "login", typed="".join(f" {secret} \n" for secret in TYPED.values())))
    assert "hush" not in shown + caplog.text
    assert "consumer_key cons…" in shown
    assert vault.entries == {("nsbill:1234567_SB1", name): secret for name, secret in TYPED.items()}
    assert load_credentials(load_settings(workspace)) == TokenCredentials.of(TYPED)
    assert "Removed from the keyring for account 1234567_SB1: consumer_key" in done(settings(workspace, "logout"))
    assert vault.entries == {}
    assert "Nothing was kept" in done(settings(workspace, "logout"))


def test_login_from_the_environment_asks_nothing_and_names_what_is_missing(
    workspace: Path, vault: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSBILL_CONSUMER_KEY", TYPED["consumer_key"])
    missing = refused(settings(workspace, "login", "--from-environment"))
    assert "NSBILL_CONSUMER_SECRET, NSBILL_TOKEN_ID, NSBILL_TOKEN_SECRET" in missing
    assert vault.entries == {}
    for name, secret in TYPED.items():
        monkeypatch.setenv(f"NSBILL_{name.upper()}", secret)
    shown = done(settings(workspace, "login", "--from-environment"))
    assert "NSBILL_CONSUMER_KEY, NSBILL_CONSUMER_SECRET" in shown
    assert "go before the keyring" in shown
    assert vault.entries["nsbill:1234567_SB1", "token_secret"] == TYPED["token_secret"]


def test_login_keeps_a_key_so_that_its_file_can_go(workspace: Path, vault: MemoryKeyring) -> None:
    assert "--key-file" in refused(settings(workspace, "login", "--by", "certificate"))
    done(settings(workspace, "certificate"))
    now = load_settings(workspace)
    shown = done(settings(workspace, "login", "--by", "certificate"))
    assert "private_key (PEM)" in shown
    assert vault.entries["nsbill:1234567_SB1", "private_key"] == Path(now.private_key_file).read_text()
    Path(now.private_key_file).unlink()
    done(settings(workspace, "set", "private_key_file=", "client_id=c", "certificate_id=k"))
    assert isinstance(load_credentials(load_settings(workspace)), CertificateCredentials)


@pytest.mark.parametrize("command", ["login", "logout"])
def test_without_a_keyring_one_sentence_names_the_variables_before_anything_is_asked(
    workspace: Path, command: str
) -> None:
    sentence = refused(settings(workspace, command, typed=""))
    assert "this machine has no keyring" in sentence
    assert "NSBILL_… variables" in sentence


def test_show_never_fails_for_want_of_credentials(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert "There are no credentials yet: nsbill settings certificate" in done(settings(workspace, "show"))
    demo = tmp_path_factory.mktemp("demo")
    assert "token that the simulated company hands out" in done(settings(demo, "show"))


def test_show_says_where_credentials_come_from_and_masks_them(
    workspace: Path, vault: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(workspace, "login", typed="".join(f"{secret}\n" for secret in TYPED.values()))
    shown = done(settings(workspace, "show"))
    assert "Signs in by token, secrets from the keyring: consumer_key cons…, token_id toke…." in shown
    for name, secret in TYPED.items():
        monkeypatch.setenv(f"NSBILL_{name.upper()}", secret)
    facts = json.loads(done(settings(workspace, "show", "--json")))["credentials"]
    assert (facts["way"], facts["source"]) == ("token", "environment")
    assert "hush" not in shown + json.dumps(facts)


def test_show_says_what_is_missing_and_when_the_certificate_ends(workspace: Path) -> None:
    done(settings(workspace, "certificate", "--days", "20"))
    shown = done(settings(workspace, "show"))
    assert "Cannot sign in. Setting 'credentials': to sign in by certificate, client_id" in shown
    assert "Warning: The certificate for signing in expires in 19 days" in shown
    done(settings(workspace, "set", "client_id=0123456789abc", "certificate_id=short"))
    facts = json.loads(done(settings(workspace, "show", "--json")))["credentials"]
    assert facts["ids"] == {"client_id": "0123…", "certificate_id": "…"}
    assert facts["source"].startswith("key file ")
    assert facts["expiry"] == (datetime.now(UTC) + timedelta(days=20)).date().isoformat()


def test_show_says_that_a_certificate_file_is_gone(workspace: Path) -> None:
    save_settings(workspace, {"certificate_file": str(workspace / "gone.pem")})
    assert "Warning: Setting 'certificate_file'" in done(settings(workspace, "show"))


def test_settings_that_netsuite_does_not_know_are_set_without_a_connection(workspace: Path) -> None:
    done(settings(workspace, "set", "client_id=123", "slots=7", "sign_in=certificate"))
    now = load_settings(workspace)
    assert (now.client_id, now.slots, now.sign_in) == ("123", 7, "certificate")


def test_a_secret_is_not_a_setting_and_is_not_shown(workspace: Path) -> None:
    sentence = refused(settings(workspace, "set", "token_secret=hush"))
    assert "nsbill settings login" in sentence
    assert "hush" not in sentence + (workspace / "nsbill.toml").read_text()


def test_credentials_from_keyring_or_file_are_handed_to_child_processes(
    workspace: Path, vault: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(workspace, "login", typed="".join(f"{secret}\n" for secret in TYPED.values()))
    with connected(workspace):
        environment = dict(os.environ)
    assert environment["NSBILL_TOKEN_SECRET"] == TYPED["token_secret"]
    assert environment["NSBILL_SIGN_IN"] == "token"
    assert "NSBILL_TOKEN_SECRET" not in os.environ
    settings(workspace, "certificate")
    save_settings(workspace, {"client_id": "c", "certificate_id": "k"})
    with connected(workspace):
        environment = dict(os.environ)
    assert environment["NSBILL_PRIVATE_KEY"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert (environment["NSBILL_SIGN_IN"], environment["NSBILL_CLIENT_ID"]) == ("certificate", "c")


def test_a_command_that_connects_warns_once_of_a_certificate_that_runs_out(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection_module._warn_once.cache_clear()
    settings(workspace, "certificate", "--days", "40")
    save_settings(workspace, {"client_id": "c", "certificate_id": "k"})
    capsys.readouterr()
    for _ in range(2):
        with connected(workspace):
            pass
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("Warning: The certificate for signing in expires in 39 days") == 1
    connection_module._warn_once.cache_clear()
