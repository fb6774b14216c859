"""What signs a session in: a certificate's key, or a token's four secrets; from the environment or the OS keyring.

Two ways (netsuite 1.1 to 1.3): OAuth 2.0 with a certificate, which lasts, and token-based authentication, which
NetSuite closes for new integrations in 2027.1. Secrets are ``SecretStr``: no repr, log or exception shows them.
Parts of one set are never mixed: a token comes whole from the environment or whole from the keyring.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr

from nsbill.errors import SettingsError
from nsbill.settings import Settings
from nsbill.vault import has_keyring, kept_secrets

__all__ = [
    "SECRETS",
    "TOKEN_SECRETS",
    "CertificateCredentials",
    "Credentials",
    "Found",
    "TokenCredentials",
    "environment_of",
    "find_credentials",
    "load_credentials",
    "masked",
    "read_key_file",
    "variable_of",
]

Way = Literal["certificate", "token"]
TOKEN_SECRETS = ("consumer_key", "consumer_secret", "token_id", "token_secret")
SECRETS = (*TOKEN_SECRETS, "private_key")
"""Everything that may be kept in the keyring."""


class _Credentials(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Build from a mapping with the fields' names; other names in it are left alone."""
        return cls.model_validate({name: values[name] for name in cls.model_fields})


class TokenCredentials(_Credentials):
    """The four secrets of token-based authentication (TBA)."""

    consumer_key: SecretStr
    consumer_secret: SecretStr
    token_id: SecretStr
    token_secret: SecretStr


class CertificateCredentials(_Credentials):
    """OAuth 2.0 client credentials: the integration, the uploaded certificate's id, and its private key as PEM."""

    client_id: str
    certificate_id: str
    private_key: SecretStr


Credentials = TokenCredentials | CertificateCredentials


@dataclass(frozen=True)
class Found:
    """The credentials that are used, and where they came from."""

    credentials: Credentials
    source: str

    @property
    def way(self) -> Way:
        """How they sign in."""
        return _way_of(self.credentials)


@dataclass(frozen=True)
class _Set:
    """What there is of one way to sign in; complete when nothing is missing."""

    way: Way
    values: Mapping[str, str] = field(repr=False)
    missing: tuple[str, ...]
    source: str

    @property
    def credentials(self) -> Credentials:
        return (CertificateCredentials if self.way == "certificate" else TokenCredentials).of(self.values)


def load_credentials(settings: Settings) -> Credentials:
    """Return the credentials that ``find_credentials`` finds.

    Raises
    ------
    SettingsError
        There are none, some are missing, or the key file cannot be used.
    """
    found = find_credentials(settings)
    if found:
        return found.credentials
    places = "neither in the environment nor in the keyring"
    if not has_keyring():
        places = "not in the environment, and this machine has no keyring"
    raise SettingsError(
        "credentials",
        f"there are none for account {settings.account or '(not set)'}: {places}",
        "Sign in by certificate: nsbill settings certificate, and what it says. Or by token: nsbill settings login, or "
        f"export {', '.join(variable_of(name) for name in TOKEN_SECRETS)}. For a simulated company: nsbill demo.",
    )


def find_credentials(settings: Settings) -> Found | None:
    """Look for credentials of the way that the settings name; ``auto`` takes a whole certificate, else a token.

    Environment before key file before keyring. ``None`` when there is nothing at all.

    Raises
    ------
    SettingsError
        Some of a set are there and others missing, or the key file cannot be used.
    """
    partial: list[_Set] = []
    for there in _sets(settings):
        if there.values and not there.missing:
            return Found(there.credentials, there.source)
        if there.values:
            partial.append(there)
    if not partial:
        return None
    problem = "; ".join(f"to sign in by {each.way}, {' and '.join(each.missing)} is missing" for each in partial)
    raise SettingsError("credentials", problem, "Set what is missing, or take away the rest.")


def environment_of(credentials: Credentials) -> dict[str, str]:
    """The variables that hand these credentials to a child process, which then signs in the same way."""
    values = {name: getattr(credentials, name) for name in type(credentials).model_fields}
    plain = {name: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for name, v in values.items()}
    return {"NSBILL_SIGN_IN": _way_of(credentials)} | {variable_of(name): value for name, value in plain.items()}


def variable_of(name: str) -> str:
    """The environment variable of a secret or setting."""
    return f"NSBILL_{name.upper()}"


def read_key_file(path: Path) -> str:
    """Read the PEM file of a private key that nobody but its owner may read.

    Raises
    ------
    SettingsError
        It cannot be read, or others can.
    """
    try:
        mode = path.expanduser().stat().st_mode
        if os.name == "posix" and mode & 0o077:
            problem = f"{path} can be read or written by others (mode {mode & 0o777:o})"
            raise SettingsError("private_key_file", problem, f"Shut them out: chmod 600 {path}")
        return path.expanduser().read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{path} cannot be read as a PEM file ({_reason(error)})"
        raise SettingsError(
            "private_key_file", problem, "Name the right file, or make one: nsbill settings certificate"
        ) from error


def masked(secret: SecretStr | str) -> str:
    """Enough of an id to tell it from others: its first four characters, of a short one nothing."""
    text = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    return f"{text[:4]}…" if len(text) >= 12 else "…"


def _way_of(credentials: Credentials) -> Way:
    return "certificate" if isinstance(credentials, CertificateCredentials) else "token"


def _sets(settings: Settings) -> Iterator[_Set]:
    """What there is, one way after the other, so that a keyring is not asked in vain."""
    if settings.sign_in in {"auto", "certificate"}:
        yield _certificate_set(settings)
    if settings.sign_in in {"auto", "token"}:
        yield _token_set(settings)


def _certificate_set(settings: Settings) -> _Set:
    ids = {"client_id": settings.client_id, "certificate_id": settings.certificate_id}
    begun = any(ids.values()) or settings.sign_in == "certificate"
    key, source = _private_key(settings, ask_keyring=begun)
    values = {name: value for name, value in {**ids, "private_key": key}.items() if value}
    missing = [f"{name} ({variable_of(name)}, or a setting)" for name, value in ids.items() if not value]
    missing += [] if key else ["the private key (NSBILL_PRIVATE_KEY, the setting private_key_file, or the keyring)"]
    return _Set("certificate", values, tuple(missing), source)


def _private_key(settings: Settings, *, ask_keyring: bool) -> tuple[str, str]:
    """The key as PEM and where it came from; empty when there is none."""
    given = os.environ.get(variable_of("private_key"), "")
    if given:
        return given.replace("\\n", "\n"), "environment"  # files of variables hold one line, with \\n for its breaks
    if settings.private_key_file:
        path = Path(settings.private_key_file).expanduser()
        return read_key_file(path), f"key file {path}"
    kept = kept_secrets(settings.account, ["private_key"]) if ask_keyring else {}
    return kept.get("private_key", ""), "keyring"


def _reason(error: OSError | UnicodeDecodeError) -> str:
    """Why, without the content that a decoding error would quote."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "it is not text"


def _token_set(settings: Settings) -> _Set:
    values = {name: os.environ.get(variable_of(name), "") for name in TOKEN_SECRETS}
    source = "environment"
    if not any(values.values()):
        values, source = kept_secrets(settings.account, TOKEN_SECRETS), "keyring"
    absent = [name for name in TOKEN_SECRETS if not values.get(name)]
    names = [variable_of(name) if source == "environment" else f"{name} in the keyring" for name in absent]
    return _Set("token", {name: value for name, value in values.items() if value}, tuple(names), source)
