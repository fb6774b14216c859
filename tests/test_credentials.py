"""nsbill.credentials and nsbill.vault: which secrets are used, from where, and that nothing shows them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from memory_keyring import MemoryKeyring, memory_keyring

from nsbill.credentials import (
    SECRETS,
    TOKEN_SECRETS,
    CertificateCredentials,
    TokenCredentials,
    environment_of,
    find_credentials,
    load_credentials,
    masked,
)
from nsbill.errors import SettingsError
from nsbill.settings import Settings
from nsbill.vault import forget_secrets, keep_secrets, kept_secrets

ACCOUNT = "1234567_SB1"
PEM = "-----BEGIN PRIVATE KEY-----\nhush-key\n-----END PRIVATE KEY-----\n"
TOKEN = {name: f"hush-{name}" for name in TOKEN_SECRETS}


@pytest.fixture
def vault() -> Iterator[MemoryKeyring]:
    with memory_keyring() as made:
        yield made


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    path.write_text(PEM)
    return path


def settings(**changes: object) -> Settings:
    return Settings(account=ACCOUNT, **changes)  # type: ignore[arg-type]


def by_certificate(**changes: object) -> Settings:
    return settings(client_id="client", certificate_id="kid", **changes)


def export(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in names:
        monkeypatch.setenv(f"NSBILL_{name.upper()}", f"hush-{name}")


def test_a_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, *TOKEN_SECRETS)
    found = find_credentials(settings())
    assert found is not None
    assert (found.way, found.source) == ("token", "environment")
    assert isinstance(found.credentials, TokenCredentials)
    assert found.credentials.token_id.get_secret_value() == "hush-token_id"


def test_a_token_comes_from_the_keyring_of_its_account(vault: MemoryKeyring) -> None:
    keep_secrets(ACCOUNT, TOKEN)
    assert ("nsbill:1234567_SB1", "token_id") in vault.entries
    found = find_credentials(settings())
    assert found is not None
    assert (found.way, found.source) == ("token", "keyring")
    assert find_credentials(Settings(account="7654321")) is None


def test_the_environment_goes_before_the_keyring_and_sets_are_not_mixed(
    vault: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_secrets(ACCOUNT, dict.fromkeys(TOKEN_SECRETS, "kept"))
    export(monkeypatch, "consumer_key", "token_id")
    with pytest.raises(SettingsError, match="NSBILL_CONSUMER_SECRET and NSBILL_TOKEN_SECRET is missing"):
        load_credentials(settings())
    export(monkeypatch, *TOKEN_SECRETS)
    vault.asked = 0
    credentials = load_credentials(settings())
    assert isinstance(credentials, TokenCredentials)
    assert credentials.consumer_key.get_secret_value() == "hush-consumer_key"
    assert vault.asked == 0


def test_a_key_comes_from_the_environment_then_the_file_then_the_keyring(
    vault: MemoryKeyring, monkeypatch: pytest.MonkeyPatch, key_file: Path
) -> None:
    keep_secrets(ACCOUNT, {"private_key": "kept"})

    def key(given: Settings) -> tuple[str, str]:
        found = find_credentials(given)
        assert found is not None
        assert isinstance(found.credentials, CertificateCredentials)
        return found.credentials.private_key.get_secret_value(), found.source

    assert key(by_certificate()) == ("kept", "keyring")
    assert key(by_certificate(private_key_file=str(key_file))) == (PEM, f"key file {key_file}")
    monkeypatch.setenv("NSBILL_PRIVATE_KEY", PEM.replace("\n", "\\n"))
    assert key(by_certificate(private_key_file=str(key_file))) == (PEM, "environment")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_file_that_others_can_open_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(SettingsError, match=f"mode {mode:o}.*chmod 600 {key_file}"):
        load_credentials(by_certificate(private_key_file=str(key_file)))


@pytest.mark.parametrize("content", [None, b"\xff\xfe hush"])
def test_a_key_file_that_cannot_be_read_is_named_without_its_content(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.touch(mode=0o600)
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"key.pem cannot be read.*nsbill settings certificate") as caught:
        load_credentials(by_certificate(private_key_file=str(path)))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "sign_in, certificate, token, way",
    [
        ("auto", True, True, "certificate"),
        ("auto", True, False, "certificate"),
        ("auto", False, True, "token"),
        ("token", True, True, "token"),
        ("token", True, False, None),
        ("certificate", True, True, "certificate"),
        ("certificate", False, True, None),
    ],
)
def test_the_setting_says_which_way_is_taken(
    monkeypatch: pytest.MonkeyPatch, sign_in: str, certificate: bool, token: bool, way: str | None
) -> None:
    if token:
        export(monkeypatch, *TOKEN_SECRETS)
    if certificate:
        monkeypatch.setenv("NSBILL_PRIVATE_KEY", PEM)
    given = (by_certificate if certificate else settings)(sign_in=sign_in)
    found = find_credentials(given)
    assert (found.way if found else None) == way


def test_a_key_made_but_not_yet_uploaded_leaves_the_token_in_use(
    monkeypatch: pytest.MonkeyPatch, key_file: Path
) -> None:
    given = settings(private_key_file=str(key_file))
    with pytest.raises(SettingsError, match=r"client_id \(NSBILL_CLIENT_ID.*certificate_id .*is missing"):
        load_credentials(given)
    export(monkeypatch, *TOKEN_SECRETS)
    assert isinstance(load_credentials(given), TokenCredentials)


def test_a_certificate_without_its_key_names_the_three_places_of_keys() -> None:
    with pytest.raises(SettingsError, match="NSBILL_PRIVATE_KEY, the setting private_key_file, or the keyring"):
        load_credentials(by_certificate())


def test_without_any_both_ways_are_said(vault: MemoryKeyring) -> None:
    with pytest.raises(SettingsError) as caught:
        load_credentials(settings())
    for words in (ACCOUNT, "keyring", "nsbill settings certificate", "nsbill settings login", "NSBILL_TOKEN_SECRET"):
        assert words in str(caught.value)


def test_without_a_keyring_the_environment_is_enough_and_keeping_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        SettingsError, match=r"none for account 1234567_SB1: not in the environment, and .* no keyring\."
    ):
        load_credentials(settings())
    for act in (lambda: keep_secrets(ACCOUNT, TOKEN), lambda: forget_secrets(ACCOUNT, SECRETS)):
        with pytest.raises(SettingsError, match=r"no keyring that nsbill can use.*NSBILL_… variables"):
            act()
    export(monkeypatch, *TOKEN_SECRETS)
    assert isinstance(load_credentials(settings()), TokenCredentials)


def test_a_locked_keyring_is_one_sentence(vault: MemoryKeyring) -> None:
    vault.locked = True
    with pytest.raises(SettingsError, match=r"keyring refused .*the collection is locked.*Unlock it"):
        load_credentials(settings())


def test_a_keyring_that_keeps_nothing_is_found_out(vault: MemoryKeyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryKeyring, "set_password", lambda *_: None)
    with pytest.raises(SettingsError, match="does not give back") as caught:
        keep_secrets(ACCOUNT, TOKEN)
    assert "hush" not in str(caught.value)


def test_what_is_forgotten_is_gone(vault: MemoryKeyring) -> None:
    keep_secrets(ACCOUNT, {"token_id": "a", "private_key": "b"})
    keep_secrets("7654321", {"token_id": "c"})
    assert forget_secrets(ACCOUNT, SECRETS) == ["token_id", "private_key"]
    assert forget_secrets(ACCOUNT, SECRETS) == []
    assert kept_secrets("7654321", SECRETS) == {"token_id": "c"}


def test_nothing_shows_a_secret(
    monkeypatch: pytest.MonkeyPatch, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    export(monkeypatch, *TOKEN_SECRETS)
    shown = [repr(find_credentials(settings())), str(load_credentials(settings()))]
    shown += [repr(find_credentials(by_certificate(private_key_file=str(key_file))))]
    monkeypatch.delenv("NSBILL_TOKEN_ID")
    try:
        load_credentials(settings())
    except SettingsError as error:
        shown += traceback.format_exception(error)
    with pytest.raises(ValueError) as caught:
        TokenCredentials.model_validate({**TOKEN, "more": "hush-more"})
    text = "\n".join([*shown, str(caught.value), caplog.text])
    assert "hush" not in text
    assert len(shown) > 3


@pytest.mark.parametrize("secret, shown", [("0123456789ab", "0123…"), ("0123456789a", "…"), ("", "…")])
def test_an_id_is_shown_by_four_characters_at_most(secret: str, shown: str) -> None:
    assert masked(secret) == shown


def test_a_child_process_gets_the_same_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = CertificateCredentials.of({
        "client_id": "c", "certificate_id": "k", "private_key": PEM, "account": "1",
    })  # fmt: skip
    for credentials in (certificate, TokenCredentials.of(TOKEN)):
        for name, value in environment_of(credentials).items():
            monkeypatch.setenv(name, value)
        assert load_credentials(Settings()) == credentials
