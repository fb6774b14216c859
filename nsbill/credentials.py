"""What signs a session in: a token's four secrets, or a certificate's key; from the environment or the OS keyring.

Two ways (netsuite 1.1 to 1.3): OAuth 2.0 with a certificate, which lasts, and token-based authentication, which
NetSuite closes for new integrations in 2027.1. Secrets are ``SecretStr``: no repr, log or exception shows them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr

from nsbill.errors import SettingsError
from nsbill.settings import Settings

__all__ = ["CertificateCredentials", "Credentials", "TokenCredentials", "environment_of", "load_credentials"]

TOKEN_SECRETS = ("consumer_key", "consumer_secret", "token_id", "token_secret")


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


def load_credentials(settings: Settings) -> Credentials:
    """Read the four token secrets from ``NSBILL_CONSUMER_KEY``, ``…_CONSUMER_SECRET``, ``…_TOKEN_ID``, ``…_TOKEN_SECRET``."""
    missing = [variable_of(name) for name in TOKEN_SECRETS if not os.environ.get(variable_of(name))]
    if missing:
        raise SettingsError(
            "credentials",
            f"not set in the environment: {', '.join(missing)}",
            "Export them, or use the simulator: nsbill demo.",
        )
    return TokenCredentials.of({name: os.environ[variable_of(name)] for name in TOKEN_SECRETS})


def environment_of(credentials: Credentials) -> dict[str, str]:
    """The variables that hand these credentials to a child process, which then signs in the same way."""
    way = "certificate" if isinstance(credentials, CertificateCredentials) else "token"
    values = {name: getattr(credentials, name) for name in type(credentials).model_fields}
    plain = {name: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for name, v in values.items()}
    return {"NSBILL_SIGN_IN": way} | {variable_of(name): value for name, value in plain.items()}


def variable_of(name: str) -> str:
    """The environment variable of a secret or setting."""
    return f"NSBILL_{name.upper()}"
