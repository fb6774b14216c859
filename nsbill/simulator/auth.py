"""Token-based authentication (OAuth 1.0a, HMAC-SHA256), verified as strictly as NetSuite does (netsuite 1.1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import deque
from dataclasses import dataclass
from threading import Lock
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from nsbill.simulator.errors import Refusal, login_refused

__all__ = ["Credential", "Rules", "SignedRequest", "Verifier", "parse_header", "signature"]

WINDOW_SECONDS = 300
_FAILURES = 5
_LOCKED_SECONDS = 1800
_PAIR = re.compile(r'\s*([A-Za-z_]+)="([^"]*)"\s*')
_REQUIRED = (
    "realm",
    "oauth_consumer_key",
    "oauth_token",
    "oauth_nonce",
    "oauth_timestamp",
    "oauth_signature_method",
    "oauth_version",
    "oauth_signature",
)


@dataclass(frozen=True, repr=False)
class Credential:
    """One integration's consumer pair with one user's token pair; its repr shows no secret."""

    consumer_key: str
    consumer_secret: str
    token_id: str
    token_secret: str
    role: str = ""


@dataclass(frozen=True)
class SignedRequest:
    """What a signature covers: method, raw request target (path and query), Host header, Authorization header, body."""

    method: str
    target: str
    host: str
    authorization: str | None
    body: bytes = b""
    scheme: str = "http"


@dataclass(frozen=True)
class Rules:
    """What the account demands of signed requests."""

    account: str
    check_body_hash: bool = True
    lockout: bool = True
    """Five wrong signatures in a row lock a token for 30 minutes."""
    enabled: bool = True
    """The feature Token-based Authentication is on."""
    blocked: bool = False
    """The integration record is blocked."""


class Verifier:
    """Checks signatures; keeps used nonces and locked tokens. Safe to use from several threads."""

    def __init__(self) -> None:
        self._used: set[tuple[str, str, int]] = set()
        self._in_order: deque[tuple[str, str, int]] = deque()
        self._failures: dict[str, int] = {}
        self._locked_until: dict[str, int] = {}
        self._lock = Lock()

    def verify(
        self, request: SignedRequest, *, rules: Rules, credentials: dict[str, Credential], now: int
    ) -> Credential:
        """Return the credential that signed ``request`` or raise the 401 refusal; ``credentials`` by token id."""
        pairs = parse_header(request.authorization)
        parameters = dict(pairs)
        _check_form(parameters, rules.account, now)
        credential = _credential(parameters, rules, credentials)
        self._check_lock(credential.token_id, rules, now)
        try:
            _check_proof(request, pairs, credential, rules)
        except Refusal:
            self._failed(credential.token_id, now)
            raise
        with self._lock:
            self._failures.pop(credential.token_id, None)
        self._use_nonce(parameters["oauth_token"], parameters["oauth_nonce"], int(parameters["oauth_timestamp"]), now)
        return credential

    def unlock(self) -> None:
        """Unlock every token, as an administrator can."""
        with self._lock:
            self._failures.clear()
            self._locked_until.clear()

    def _check_lock(self, token: str, rules: Rules, now: int) -> None:
        with self._lock:
            if rules.lockout and now < self._locked_until.get(token, now):
                raise login_refused("temporary_locked")

    def _failed(self, token: str, now: int) -> None:
        with self._lock:
            failures = self._failures.get(token, 0) + 1
            if failures >= _FAILURES:
                self._locked_until[token] = now + _LOCKED_SECONDS
                failures = 0
            self._failures[token] = failures

    def _use_nonce(self, token: str, nonce: str, timestamp: int, now: int) -> None:
        key = (token, nonce, timestamp)
        with self._lock:
            while self._in_order and self._in_order[0][2] < now - 2 * WINDOW_SECONDS:
                self._used.discard(self._in_order.popleft())
            if key in self._used:
                raise login_refused("nonce_used")
            self._used.add(key)
            self._in_order.append(key)


def parse_header(header: str | None) -> list[tuple[str, str]]:
    """Return the decoded parameters of an ``Authorization: OAuth`` header, or refuse a missing or malformed one."""
    if header is None:
        raise login_refused("MissingTokenPassportRequiredFields")
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "oauth":
        raise login_refused("FeatureDisabled")
    pairs = []
    for part in rest.split(","):
        found = _PAIR.fullmatch(part)
        if found is None:
            raise login_refused("parameter_rejected")
        pairs.append((found[1], unquote(found[2])))
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or not all(value for _, value in pairs):
        raise login_refused("parameter_rejected")
    return pairs


def _check_form(parameters: dict[str, str], account: str, now: int) -> None:
    """Check everything about the parameters that needs no secret."""
    if any(name not in parameters for name in _REQUIRED):
        raise login_refused("MissingTokenPassportRequiredFields")
    if any(name != "realm" and not name.startswith("oauth_") for name in parameters):
        raise login_refused("parameter_rejected")
    if parameters["realm"] != account:
        raise login_refused("permission_denied")
    if parameters["oauth_version"] != "1.0":
        raise login_refused("VersionRejected")
    if parameters["oauth_signature_method"] != "HMAC-SHA256":
        raise login_refused("UnknownAlgorithm")
    if len(parameters["oauth_nonce"]) < 6:
        raise login_refused("nonce_rejected")
    timestamp = parameters["oauth_timestamp"]
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(int(timestamp) - now) > WINDOW_SECONDS:
        raise login_refused("InvalidTimestamp")


def _credential(parameters: dict[str, str], rules: Rules, credentials: dict[str, Credential]) -> Credential:
    """Find whose token and consumer key these are, and whether they may be used."""
    if not rules.enabled:
        raise login_refused("FeatureDisabled")
    credential = credentials.get(parameters["oauth_token"])
    if credential is None:
        raise login_refused("token_rejected")
    if not hmac.compare_digest(credential.consumer_key.encode(), parameters["oauth_consumer_key"].encode()):
        raise login_refused("consumer_key_unknown")
    if rules.blocked:
        raise login_refused("consumer_key_refused")
    return credential


def _check_proof(request: SignedRequest, pairs: list[tuple[str, str]], credential: Credential, rules: Rules) -> None:
    """Check what only the owner of the secrets, and of the body, can have made."""
    parameters = dict(pairs)
    if rules.check_body_hash and "oauth_body_hash" in parameters:
        digest = base64.b64encode(hashlib.sha1(request.body, usedforsecurity=False).digest()).decode()
        if not hmac.compare_digest(digest.encode(), parameters["oauth_body_hash"].encode()):
            raise login_refused("InvalidSignature")
    expected = signature(request, pairs, credential)
    if not hmac.compare_digest(expected.encode(), parameters["oauth_signature"].encode()):
        raise login_refused("InvalidSignature")


def signature(request: SignedRequest, pairs: list[tuple[str, str]], credential: Credential) -> str:
    """Compute the signature: every ``oauth_*`` parameter but the signature, and every query parameter (RFC 5849)."""
    target = urlsplit(request.target)
    signed = [(name, value) for name, value in pairs if name not in ("realm", "oauth_signature")]
    signed += parse_qsl(target.query, keep_blank_values=True)
    encoded = sorted((_encode(name), _encode(value)) for name, value in signed)
    parameters = "&".join(f"{name}={value}" for name, value in encoded)
    base = "&".join((request.method.upper(), _encode(_base_uri(request, target.path)), _encode(parameters)))
    key = f"{_encode(credential.consumer_secret)}&{_encode(credential.token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def _base_uri(request: SignedRequest, path: str) -> str:
    """The scheme in use, the Host header with a port that is not the default, and the raw path."""
    host = request.host.lower()
    default = ":443" if request.scheme == "https" else ":80"
    return f"{request.scheme}://{host.removesuffix(default)}{path}"


def _encode(text: str) -> str:
    return quote(text, safe="-._~")
