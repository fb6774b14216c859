"""nsbill.credentials: which secrets are used, from where, and that nothing shows them."""

from __future__ import annotations

import pytest

from nsbill.credentials import CertificateCredentials, TokenCredentials, environment_of, load_credentials
from nsbill.errors import SettingsError
from nsbill.settings import Settings


def test_a_token_comes_from_the_environment_and_hides_in_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="NSBILL_CONSUMER_KEY, NSBILL_CONSUMER_SECRET"):
        load_credentials(Settings())
    for name in ("CONSUMER_KEY", "CONSUMER_SECRET", "TOKEN_ID", "TOKEN_SECRET"):
        monkeypatch.setenv(f"NSBILL_{name}", f"hush-{name}")
    credentials = load_credentials(Settings())
    assert isinstance(credentials, TokenCredentials)
    assert "hush" not in repr(credentials)
    assert environment_of(credentials)["NSBILL_TOKEN_ID"] == "hush-TOKEN_ID"


def test_a_certificate_is_handed_to_a_child_process() -> None:
    given = {"client_id": "client", "certificate_id": "kid", "private_key": "-----BEGIN"}
    credentials = CertificateCredentials.of({**given, "account": "1"})
    assert "BEGIN" not in repr(credentials)
    assert environment_of(credentials) == {
        "NSBILL_SIGN_IN": "certificate",
        "NSBILL_CLIENT_ID": "client",
        "NSBILL_CERTIFICATE_ID": "kid",
        "NSBILL_PRIVATE_KEY": "-----BEGIN",
    }
