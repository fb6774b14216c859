"""nsbill.netsuite.token: the assertion, one token for all threads, and what a refusal says."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from token_endpoint import KEY, KEY_PEM, Answer, Endpoint, token_endpoint

from nsbill.credentials import CertificateCredentials
from nsbill.errors import NoAnswer, SettingsError, SignInRefused, TooManyRequests
from nsbill.netsuite import token as token_module
from nsbill.netsuite.certificate import KEY_KINDS, create_certificate
from nsbill.netsuite.token import TOKEN_PATH, TokenSource
from nsbill.settings import Settings

PEM, PKCS8, PLAIN = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setattr(token_module, "_FIRST_WAIT", 0.001)
    with token_endpoint() as served:
        yield served


def source(url: str, pem: str = KEY_PEM) -> TokenSource:
    given = {"client_id": "the-client", "certificate_id": "the-kid", "private_key": pem}
    return TokenSource(Settings(account="1234567", base_url=url), CertificateCredentials.of(given))


@pytest.mark.parametrize(
    "kind, algorithm",
    [("ec", "ES256"), ("ec-384", "ES384"), ("ec-521", "ES512"), ("rsa-3072", "PS256"), ("rsa-4096", "PS256")],
)
def test_the_assertion_is_what_netsuite_documents(
    endpoint: Endpoint, tmp_path: Path, kind: str, algorithm: str
) -> None:
    assert kind in KEY_KINDS
    pair = create_certificate(tmp_path, account="1234567", kind=kind, days=30)
    before = int(time.time())
    assert source(endpoint.url, pair.private_key_file.read_text()).token() == "t1"
    ((path, form),) = endpoint.asked
    assertion = form.pop("client_assertion")
    assert path == TOKEN_PATH
    assert form == {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert jwt.get_unverified_header(assertion) == {"typ": "JWT", "alg": algorithm, "kid": "the-kid"}
    public = serialization.load_pem_private_key(pair.private_key_file.read_bytes(), None).public_key()
    assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    claims = jwt.decode(assertion, public, algorithms=[algorithm], audience=endpoint.url + TOKEN_PATH)
    assert claims.pop("jti")
    assert claims.pop("aud") == endpoint.url + TOKEN_PATH
    issued, expires = claims.pop("iat"), claims.pop("exp")
    assert before <= issued <= time.time()
    assert 0 < expires - issued <= 600
    assert claims == {"iss": "the-client", "scope": ["restlets", "rest_webservices"]}


def test_each_request_has_an_assertion_of_its_own(endpoint: Endpoint) -> None:
    tokens = source(endpoint.url)
    tokens.token()
    tokens.forget()
    tokens.token()
    one, other = (
        jwt.decode(form["client_assertion"], options={"verify_signature": False})["jti"] for _, form in endpoint.asked
    )
    assert one != other


def test_many_threads_at_once_ask_for_one_token(endpoint: Endpoint) -> None:
    endpoint.latency = 0.2
    tokens = source(endpoint.url)
    with ThreadPoolExecutor(20) as pool:
        got = list(pool.map(lambda _: tokens.token(), range(60)))
    assert set(got) == {"t1"}
    assert len(endpoint.asked) == 1


def test_twenty_threads_refused_with_one_token_cause_one_renewal(endpoint: Endpoint) -> None:
    tokens = source(endpoint.url)
    old = tokens.token()

    def refused_and_again(_: int) -> str:
        tokens.forget(f"Bearer {old}")
        return tokens.token()

    with ThreadPoolExecutor(20) as pool:
        got = list(pool.map(refused_and_again, range(20)))
    assert set(got) == {"t2"}
    assert len(endpoint.asked) == 2


def test_a_token_is_given_up_a_minute_before_its_end(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    tokens = source(endpoint.url)
    assert tokens.token() == "t1"
    now += 3539
    assert tokens.token() == "t1"
    now += 2
    assert tokens.token() == "t2"


def test_a_token_that_lives_shortly_is_still_used_more_than_once(endpoint: Endpoint) -> None:
    endpoint.expires_in = "5"  # as text, which NetSuite's sample does not rule out
    tokens = source(endpoint.url)
    assert [tokens.token(), tokens.token()] == ["t1", "t1"]


def test_threads_that_waited_share_a_refusal_and_a_later_one_asks_again(endpoint: Endpoint) -> None:
    endpoint.latency = 0.3
    endpoint.answers = [Answer(400, {"error": "invalid_grant"})]
    tokens = source(endpoint.url)

    def refused(_: int) -> bool:
        with pytest.raises(SignInRefused):
            tokens.token()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(refused, range(8)))
    assert len(endpoint.asked) == 1
    endpoint.answers = []
    assert tokens.token() == "t2"


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (Answer(400, {"error": "invalid_grant"}), r"do not fit.*400 invalid_grant.*Check: certificate_id"),
        (Answer(401, {"error": "invalid_client", "error_description": "Unknown client"}), r"Unknown client.*client_id"),
        (Answer(400, {"error": "invalid_scope"}), "integration record does not allow the scopes"),
        (Answer(400, {"error": "unauthorized_client"}), "Client Credentials .Machine to Machine. grant"),
        (Answer(400, {"error": "something_new"}), "400 something_new"),
        (Answer(401, "<html>No</html>"), r"401 NO_OAUTH_ERROR: <html>No</html>.*Login Audit Trail"),
        (Answer(403, ["odd"]), "403 NO_OAUTH_ERROR"),
    ],
)
def test_a_refusal_says_what_to_check_and_is_not_repeated(endpoint: Endpoint, answer: Answer, sentence: str) -> None:
    endpoint.answers = [answer]
    with pytest.raises(SignInRefused, match=sentence) as caught:
        source(endpoint.url).token()
    assert len(endpoint.asked) == 1
    assert endpoint.asked[0][1]["client_assertion"] not in str(caught.value)
    assert not caught.value.advice.again


@pytest.mark.parametrize("minutes, words", [(7, "is 4[12][0-9] s behind"), (-7, "is 4[12][0-9] s ahead of")])
def test_a_refusal_names_a_clock_that_is_off(endpoint: Endpoint, minutes: int, words: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    endpoint.answers = [Answer(400, {"error": "invalid_grant"}, {"Date": date})]
    with pytest.raises(SignInRefused, match=f"this machine's clock {words} the server's"):
        source(endpoint.url).token()


@pytest.mark.parametrize("date", ["never", ""])
def test_a_refusal_without_a_usable_date_says_nothing_of_clocks(endpoint: Endpoint, date: str) -> None:
    endpoint.answers = [Answer(400, {"error": "invalid_grant"}, {"Date": date})]
    with pytest.raises(SignInRefused) as caught:
        source(endpoint.url).token()
    assert "the server's" not in str(caught.value)


@pytest.mark.parametrize(
    "answer, sentence",
    [
        (Answer(500, "oops"), "status 500"),
        (Answer(200, "<html>Welcome</html>"), r"status 200 without a token.*is this NetSuite"),
        (Answer(200, {"access_token": 5}), "status 200 without a token"),
        (Answer(200, {"access_token": "t", "expires_in": "soon"}), "lifetime is 'soon'"),
        (Answer(302, "", {"Location": "https://system.netsuite.com/"}), "status 302 without a token"),
        (Answer(404, "gone"), r"status 404.*Check 'account'"),
    ],
)
def test_an_unclear_answer_is_asked_for_again_a_few_times(endpoint: Endpoint, answer: Answer, sentence: str) -> None:
    endpoint.answers = [answer]
    with pytest.raises(NoAnswer, match=sentence):
        source(endpoint.url).token()
    assert len(endpoint.asked) == 3


@pytest.mark.parametrize("answer", [Answer(503, ""), Answer(429, {"error": "slow_down"})])
def test_a_hiccup_is_not_noticed(endpoint: Endpoint, answer: Answer) -> None:
    endpoint.answers = [answer, Answer(200, {"access_token": "good", "expires_in": 3600})]
    assert source(endpoint.url).token() == "good"


def test_a_busy_netsuite_is_not_a_bad_certificate(endpoint: Endpoint) -> None:
    endpoint.answers = [Answer(429, "")]
    with pytest.raises(TooManyRequests, match="NetSuite is busy"):
        source(endpoint.url).token()


def test_an_unreachable_host_is_named_without_the_assertion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_module, "_FIRST_WAIT", 0.001)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(NoAnswer, match=f"no clear answer from {host}: the host cannot be reached") as caught:
        source(f"http://{host}").token()
    assert "eyJ" not in str(caught.value)


def test_a_host_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_module, "_READ_TIMEOUT", 0.05)
    monkeypatch.setattr(token_module, "_FIRST_WAIT", 0.001)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NoAnswer, match="no answer in time"):
        source(f"http://127.0.0.1:{silent.getsockname()[1]}").token()


def locked() -> str:
    return KEY.private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"pass")).decode()


@pytest.mark.parametrize(
    "pem, sentence",
    [
        ("-----BEGIN hush", "no private key in PEM form.*nsbill settings certificate"),
        (locked(), "locked by a passphrase.*openssl pkey"),
        (ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, PLAIN).decode(), "neither RSA nor EC"),
        (ec.generate_private_key(ec.SECP256K1()).private_bytes(PEM, PKCS8, PLAIN).decode(), "neither RSA nor EC"),
    ],
)
def test_a_key_that_cannot_sign_is_said_at_once(pem: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as caught:
        source("http://127.0.0.1:1", pem)
    assert "hush" not in str(caught.value)


def test_no_repr_shows_token_or_key(endpoint: Endpoint) -> None:
    tokens = source(endpoint.url)
    given = tokens.token()
    assert given not in repr(tokens).replace(endpoint.url, "")
    assert repr(tokens) == f"TokenSource('{endpoint.url}{TOKEN_PATH}', ES256)"
