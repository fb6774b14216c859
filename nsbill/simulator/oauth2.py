"""OAuth 2.0 client credentials: the token endpoint, and access tokens where they are used (netsuite 1.2)."""

from __future__ import annotations

import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from nsbill.simulator import certificates, permissions
from nsbill.simulator.assertions import Claims, check_claims, parse_assertion, token_refused
from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal, bearer_refused, method_not_allowed
from nsbill.simulator.hosts import token_urls
from nsbill.simulator.replies import Reply
from nsbill.simulator.request import Request

__all__ = ["AccessTokens", "Grant", "TokenEndpoint", "token_error"]

_SECONDS = 3600
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SIGNING_KEY = "oauth2_signing_key"
_MOST_KEPT = 1000


@dataclass(frozen=True)
class Grant:
    """What an access token allows, to whom."""

    client_id: str
    role: str
    scopes: tuple[str, ...]


class AccessTokens:
    """Gives out and reads access tokens: JWTs signed with a key of the books, so that all processes know them."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = Lock()
        self._key: rsa.RSAPrivateKey | None = None
        self._read: OrderedDict[str, tuple[Grant, int]] = OrderedDict()

    def issue(self, grant: Grant) -> str:
        """Return a token for an hour of the books' clock, with the claims of NetSuite's sample."""
        now, account = int(self._books.clock.now().timestamp()), self._books.account()
        claims = {
            "sub": f"{account};0;{permissions.role_id(grant.role)};1;N",
            "aud": [grant.client_id, f"app:{account}"],
            "scope": list(grant.scopes),
            "iss": f"https://{account}",
            "oit": now,
            "iat": now,
            "exp": now + _SECONDS,
            "jti": secrets.token_hex(16),
            "role": grant.role,
        }
        return jwt.encode(claims, self._signing_key(), "RS256", headers={"kid": f"s.{account}"})

    def read(self, token: str) -> Grant:
        """Return what a token allows, or refuse one that is forged, foreign or expired."""
        account, now = self._books.account(), int(self._books.clock.now().timestamp())
        with self._lock:
            known = self._read.get(token)
        grant, expires = known or self._verified(token, account)
        if now >= expires:
            raise bearer_refused("AccessTokenExpired", account)
        with self._lock:
            self._read[token] = grant, expires
            while len(self._read) > _MOST_KEPT:
                self._read.popitem(last=False)
        return grant

    def _verified(self, token: str, account: str) -> tuple[Grant, int]:
        if self._books.meta(_SIGNING_KEY) is None:  # no token was ever given out
            raise bearer_refused("InvalidSignature", account)
        try:
            payload = jwt.PyJWS().decode(token, self._signing_key().public_key(), algorithms=["RS256"])
            claims: dict[str, Any] = json.loads(payload)
        except (jwt.InvalidTokenError, ValueError):
            raise bearer_refused("InvalidSignature", account) from None
        return Grant(claims["aud"][0], claims["role"], tuple(claims["scope"])), int(claims["exp"])

    def _signing_key(self) -> rsa.RSAPrivateKey:
        """Return the key that is kept in the books; whoever needs it first makes it."""
        with self._lock:
            if self._key is None:
                pem = self._books.meta(_SIGNING_KEY) or self._make_key()
                key = load_pem_private_key(pem.encode(), None)
                assert isinstance(key, rsa.RSAPrivateKey)
                self._key = key
            return self._key

    def _make_key(self) -> str:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        with self._books.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (_SIGNING_KEY, pem))
            return str(connection.execute("SELECT value FROM meta WHERE key = ?", (_SIGNING_KEY,)).fetchone()[0])


class TokenEndpoint:
    """Answers ``POST /services/rest/auth/oauth2/v1/token``; remembers the assertions' ids."""

    def __init__(self, books: Books, tokens: AccessTokens) -> None:
        self._books, self._tokens = books, tokens
        self._lock = Lock()
        self._used: dict[tuple[str, str], int] = {}

    def answer(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        """Give out a token, or raise the 400 refusal whose code is the answer's ``error``."""
        if request.method != "POST":
            raise method_not_allowed(request.method)
        if preferences["oauth2"] != "T":
            raise token_refused("invalid_client", "FeatureDisabled")
        assertion = parse_assertion(_assertion_text(request))
        certificate = certificates.find(self._books, assertion.certificate_id)
        if certificate is None:
            raise token_refused("invalid_client", "InvalidCertificate")
        now = self._books.clock.now()
        urls = token_urls(request, self._books.account())
        claims = check_claims(assertion, certificate, audiences=urls, now=now)
        if not certificate.active(now):
            raise token_refused("invalid_grant", "CertificateRevoked" if certificate.revoked else "CertificateExpired")
        if preferences["integration_state"] == "blocked":
            raise token_refused("invalid_client", "InvalidIntegration")
        held = permissions.of_role(self._books, certificate.role)
        if not permissions.allowed(held, "ADMI_LOGIN_OAUTH2"):
            raise token_refused("invalid_grant", "EntityOrRoleDisabled")
        if preferences["oauth2_repeated_jti"] == "refuse":
            self._use(certificate.client_id, claims, int(now.timestamp()))
        grant = Grant(certificate.client_id, certificate.role, claims.scopes)
        content = {"access_token": self._tokens.issue(grant), "expires_in": _SECONDS, "token_type": "bearer"}
        reply = Reply.json(content)
        return Reply(reply.status, reply.body, {**reply.headers, "Cache-Control": "no-store"})

    def _use(self, client_id: str, claims: Claims, now: int) -> None:
        if claims.identifier is None:
            return
        key = client_id, claims.identifier
        with self._lock:
            self._used = {one: expires for one, expires in self._used.items() if expires > now}
            if key in self._used:
                raise token_refused("invalid_grant", "AssertionUsed")
            self._used[key] = claims.expires


def token_error(refusal: Refusal) -> Reply:
    """Write a refusal of the token endpoint (shape from RFC 6749, uncertain for NetSuite)."""
    return Reply.json({"error": refusal.code}, status=refusal.status)


def _assertion_text(request: Request) -> str:
    """Return the assertion out of a form that is exactly what NetSuite asks for."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise token_refused("invalid_request", "UnsupportedMediaType")
    try:
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise token_refused("invalid_request", "MalformedForm") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise token_refused("invalid_request", "ParameterRepeated")
    if form.get("grant_type") != "client_credentials":
        raise token_refused("invalid_request", "UnsupportedGrantType")
    if form.get("client_assertion_type") != _ASSERTION_TYPE:
        raise token_refused("invalid_request", "UnsupportedAssertionType")
    return form.get("client_assertion", "")
