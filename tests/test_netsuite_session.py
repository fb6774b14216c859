"""nsbill.netsuite.session: each send is signed anew, in both ways of signing in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from token_endpoint import KEY_PEM, Endpoint, token_endpoint

from nsbill.credentials import CertificateCredentials, Credentials, TokenCredentials
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.session import open_session, renew_sign_in
from nsbill.settings import Settings

TOKEN = TokenCredentials.of({
    "consumer_key": "ck", "consumer_secret": "cs", "token_id": "ti", "token_secret": "ts",
})  # fmt: skip
CERTIFICATE = CertificateCredentials.of({"client_id": "client", "certificate_id": "kid", "private_key": KEY_PEM})


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with token_endpoint() as served:
        yield served


def session_of(
    endpoint: Endpoint, credentials: Credentials, account: str = "1234567_SB1", connections: int = 3
) -> requests.Session:
    return open_session(Settings(account=account, base_url=endpoint.url), credentials, connections=connections)


def sends(endpoint: Endpoint, credentials: Credentials, account: str = "1234567_SB1", number: int = 2) -> list[str]:
    with session_of(endpoint, credentials, account) as session:
        for _ in range(number):
            session.get(f"{endpoint.url}/services/rest/record/v1/salesOrder/1", timeout=5)
    return endpoint.resources


def part(header: str, name: str) -> str:
    return re.search(rf'\b{name}="([^"]*)"', header)[1]  # type: ignore[index]


def test_two_sends_by_token_have_two_nonces_and_two_signatures(endpoint: Endpoint) -> None:
    one, other = sends(endpoint, TOKEN)
    assert part(one, "oauth_nonce") != part(other, "oauth_nonce")
    assert part(one, "oauth_signature") != part(other, "oauth_signature")
    assert len(part(one, "oauth_nonce")) >= 6
    assert part(one, "oauth_signature_method") == "HMAC-SHA256"
    assert part(one, "oauth_version") == "1.0"


@pytest.mark.parametrize("status", [503, 429, 401])
def test_a_call_that_is_sent_again_is_signed_again(endpoint: Endpoint, status: int) -> None:
    endpoint.statuses = [status]
    call = Call("Look", "GET", f"{endpoint.url}/services/rest/record/v1/salesOrder/1")
    with Client(Settings(account="1234567", base_url=endpoint.url), TOKEN) as ns:
        assert ns.send(call).status == 200
    nonces = [part(header, "oauth_nonce") for header in endpoint.resources]
    assert len(nonces) >= 2
    assert len(set(nonces)) == len(nonces)


@pytest.mark.parametrize(
    "account, realm, label",
    [
        ("1234567", "1234567", "1234567"),
        ("1234567_SB1", "1234567_SB1", "1234567-sb1"),
        ("1234567_RP", "1234567_RP", "1234567-rp"),
        ("1234567-sb2", "1234567_SB2", "1234567-sb2"),
        ("tstdrv1234567", "TSTDRV1234567", "tstdrv1234567"),
    ],
)
def test_realm_and_host_follow_from_the_account_in_either_spelling(
    endpoint: Endpoint, account: str, realm: str, label: str
) -> None:
    (header,) = sends(endpoint, TOKEN, account, number=1)
    assert part(header, "realm") == realm
    assert Settings(account=account).rest_url == f"https://{label}.suitetalk.api.netsuite.com"


def test_by_certificate_a_session_asks_for_one_token_and_sends_it(endpoint: Endpoint) -> None:
    assert sends(endpoint, CERTIFICATE) == ["Bearer t1", "Bearer t1"]
    assert len(endpoint.asked) == 1


def test_renewing_changes_the_next_send_unless_another_thread_renewed_already(endpoint: Endpoint) -> None:
    with session_of(endpoint, CERTIFICATE) as session:

        def send() -> str:
            session.get(endpoint.url, timeout=5)
            return endpoint.resources[-1]

        first = send()
        renew_sign_in(session, first)
        assert send() == "Bearer t2"
        renew_sign_in(session, first.encode())
        assert send() == "Bearer t2"
        renew_sign_in(session)
        assert send() == "Bearer t3"


def test_renewing_a_token_session_changes_nothing(endpoint: Endpoint) -> None:
    with session_of(endpoint, TOKEN) as session:
        renew_sign_in(session, 'OAuth realm="1"')
        assert session.get(endpoint.url, timeout=5).status_code == 200
    assert endpoint.asked == []


@pytest.mark.parametrize("credentials", [TOKEN, CERTIFICATE], ids=["token", "certificate"])
def test_cookies_are_not_kept_and_connections_are(endpoint: Endpoint, credentials: Credentials) -> None:
    with session_of(endpoint, credentials, connections=7) as session:
        adapter = session.get_adapter("https://1234567.suitetalk.api.netsuite.com")
        assert adapter.poolmanager.connection_pool_kw["maxsize"] == 7  # type: ignore[attr-defined]
        assert "Set-Cookie" in session.get(endpoint.url, timeout=5).headers
        assert "Cookie" not in session.get(endpoint.url, timeout=5).request.headers
