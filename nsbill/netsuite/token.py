"""Bearer tokens by OAuth 2.0 client credentials (netsuite 1.2): asked for with a signed assertion, kept for an hour.

A token is shared by all threads of a session. Asking changes nothing in NetSuite, so it is repeated where no clear
answer came; a refusal is final and is passed on to every thread that waited for it.
"""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import jwt
import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from oauthlib.oauth2 import BackendApplicationClient

from nsbill.credentials import CertificateCredentials
from nsbill.errors import Advice, NoAnswer, SettingsError, SignInRefused, TooManyRequests
from nsbill.settings import Settings

__all__ = ["TOKEN_PATH", "TokenSource"]

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105 -- an address
WHAT = "Sign in by certificate"
SCOPES = ("restlets", "rest_webservices")

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 300  # NetSuite allows just under an hour; nobody needs it that long
_TOKEN_SECONDS = 3600  # NetSuite's only value, should it leave out expires_in
_MARGIN_SECONDS = 60  # a token is given up so long before its end, so that none expires on its way
_READ_TIMEOUT = 30
_TRIES = 3
_FIRST_WAIT = 0.5
_SKEW_SECONDS = 60

_CAUSES = {
    "invalid_client": "NetSuite does not accept the client id or the certificate id",
    "invalid_grant": "NetSuite does not accept the assertion: certificate, client id or clock do not fit",
    "invalid_request": "NetSuite does not accept the assertion: certificate, client id or clock do not fit",
    "invalid_scope": "The integration record does not allow the scopes RESTlets and REST Web Services",
    "unauthorized_client": "The integration record does not allow the Client Credentials (Machine to Machine) grant",
    "unsupported_grant_type": "The feature OAuth 2.0 is off, or the integration may not use client credentials",
}
_CHECK = (
    "Check: certificate_id (NetSuite shows it after the upload); client_id; account; that the certificate belongs to "
    "the private key, is not expired or revoked and is mapped to an active user and role; this machine's clock. "
    "NetSuite's Login Audit Trail names the reason."
)


class TokenSource:
    """Gives the present token to any number of threads, and asks for a new one, once, when it is needed."""

    def __init__(self, settings: Settings, credentials: CertificateCredentials) -> None:
        self._settings, self._credentials = settings, credentials
        self._key, self._algorithm = _signing_key(credentials.private_key.get_secret_value())
        self._url = settings.rest_url + TOKEN_PATH
        self._lock = threading.Lock()
        self._token, self._good_until, self._asked = "", 0.0, 0
        self._failure: SignInRefused | NoAnswer | TooManyRequests | None = None

    def token(self) -> str:
        """Return a token that is good for a while.

        Raises
        ------
        SignInRefused
            NetSuite did not accept the assertion.
        NoAnswer, TooManyRequests
            No clear answer came, or NetSuite was busy, on each of a few tries.
        """
        asked = self._asked
        with self._lock:
            if self._token and time.monotonic() < self._good_until:
                return self._token
            if self._failure and self._asked != asked:  # another thread asked while this one waited
                raise self._failure.with_traceback(None)
            try:
                self._token, lifetime = self._ask()
            except (SignInRefused, NoAnswer, TooManyRequests) as error:
                self._token, self._failure = "", error
                raise
            finally:
                self._asked += 1
            self._failure = None
            self._good_until = time.monotonic() + lifetime - min(_MARGIN_SECONDS, lifetime / 2)
            return self._token

    def forget(self, authorization: str | None = None) -> None:
        """Give up the token that stands in ``authorization``, or any; one that has replaced it meanwhile is kept."""
        with self._lock:
            if authorization in {None, f"Bearer {self._token}"}:
                self._token = ""

    def __repr__(self) -> str:
        return f"TokenSource({self._url!r}, {self._algorithm})"

    def _ask(self) -> tuple[str, int]:
        """Ask for a token; returns it with its seconds."""
        for attempt in range(1, _TRIES + 1):
            try:
                return self._ask_once()
            except (NoAnswer, TooManyRequests):
                if attempt == _TRIES:
                    raise
            time.sleep(random.uniform(0.1, 1) * _FIRST_WAIT * 2 ** (attempt - 1))
        raise AssertionError("the last try returns or raises")

    def _ask_once(self) -> tuple[str, int]:
        host = urlsplit(self._url).netloc
        try:
            response = requests.post(
                self._url,
                data=BackendApplicationClient(self._credentials.client_id).prepare_request_body(
                    client_assertion_type=_ASSERTION_TYPE, client_assertion=self._assertion()
                ),
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                timeout=(self._settings.connect_timeout, min(_READ_TIMEOUT, self._settings.read_timeout)),
                allow_redirects=False,
            )
        except requests.Timeout as error:
            raise NoAnswer(WHAT, host, "no answer in time") from error
        except requests.RequestException as error:
            raise NoAnswer(WHAT, host, f"the host cannot be reached ({type(error).__name__})") from error
        body = _json_object(response)
        if response.status_code == 200 and isinstance(body.get("access_token"), str):
            return body["access_token"], _lifetime(body, host)
        raise _failure_of(response, body, host)

    def _assertion(self) -> str:
        """Sign who we are and what we want; for one use, and for this address only."""
        now = int(time.time())
        claims = {
            "iss": self._credentials.client_id,
            "scope": list(SCOPES),
            "aud": self._url,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
            "jti": uuid.uuid4().hex,
        }
        headers = {"typ": "JWT", "kid": self._credentials.certificate_id}
        return jwt.encode(claims, self._key, algorithm=self._algorithm, headers=headers)


def _signing_key(pem: str) -> tuple[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, str]:
    """Read the private key, and the algorithm that goes with it (PKCS#1 v1.5 is out)."""
    remedy = "Make one that NetSuite takes: nsbill settings certificate"
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:  # how cryptography says that it has a passphrase
        remedy = "Take the passphrase off (openssl pkey -in KEY -out NEW), and keep the file for its owner only."
        raise SettingsError("private_key", "it is locked by a passphrase", remedy) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError("private_key", "it is no private key in PEM form", remedy) from error
    if isinstance(key, rsa.RSAPrivateKey):
        return key, "PS256"
    curves = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in curves:
        return key, curves[key.curve.name]
    raise SettingsError("private_key", "it is neither RSA nor EC of 256, 384 or 521 bits", remedy)


def _json_object(response: requests.Response) -> dict[str, Any]:
    """The body as a JSON object; empty when it is anything else."""
    try:
        body = json.loads(response.text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _lifetime(body: dict[str, Any], host: str) -> int:
    """Seconds that the token lives; a number, or digits as text."""
    text = str(body.get("expires_in", _TOKEN_SECONDS))
    if not text.isdigit() or text == "0":
        raise NoAnswer(WHAT, host, f"the token's lifetime is {text[:40]!r}", "Is this a NetSuite address?")
    return int(text)


def _failure_of(
    response: requests.Response, body: dict[str, Any], host: str
) -> SignInRefused | NoAnswer | TooManyRequests:
    """What an answer without a token means."""
    status = response.status_code
    code = body["error"] if isinstance(body.get("error"), str) else ""
    if status == 429:
        advice = Advice("NetSuite is busy", again=True, fix="retry", next_action="Try again later.", known=True)
        return TooManyRequests(WHAT, status=status, code=code or "429", detail="too many requests", advice=advice)
    if status >= 500:
        return NoAnswer(WHAT, host, f"status {status} {code}".strip(), "Try again later.")
    if not code and status not in {400, 401, 403}:
        problem = f"status {status} without a token"
        return NoAnswer(WHAT, host, problem, "Check 'account' and 'base_url' in the settings: is this NetSuite?")
    detail = str(body.get("error_description") or " ".join(response.text.split())[:200] or response.reason)
    cause = _CAUSES.get(code, "NetSuite refused to sign in by certificate") + _clock_error(response)
    advice = Advice(cause, again=False, fix="fix-first", next_action=_CHECK, known=code in _CAUSES)
    return SignInRefused(WHAT, status=status, code=code or "NO_OAUTH_ERROR", detail=detail, advice=advice)


def _clock_error(response: requests.Response) -> str:
    """How far this machine's clock is off the server's, when that may be the cause."""
    given = response.headers.get("Date", "")
    try:
        there = parsedate_to_datetime(given)
    except ValueError:
        return ""
    seconds = round((datetime.now(UTC) - there.astimezone(UTC)).total_seconds())
    if abs(seconds) <= _SKEW_SECONDS:
        return ""
    return f" (this machine's clock is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} the server's)"
