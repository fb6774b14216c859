"""The signed assertion of the client credentials flow, checked claim by claim (netsuite 1.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from nsbill.simulator.certificates import Certificate, algorithms_of
from nsbill.simulator.errors import Refusal

__all__ = ["SCOPES", "Assertion", "Claims", "check_claims", "parse_assertion", "token_refused"]

SCOPES = ("restlets", "rest_webservices", "suite_analytics")
_SKEW_SECONDS = 300
_LONGEST_SECONDS = 3600


@dataclass(frozen=True)
class Assertion:
    """An assertion whose form is good; nothing about it is proved yet."""

    text: str
    algorithm: str
    certificate_id: str


@dataclass(frozen=True)
class Claims:
    """What a proved assertion asks for."""

    scopes: tuple[str, ...]
    identifier: str | None
    expires: int


def token_refused(code: str, reason: str) -> Refusal:
    """Refuse to give out a token: ``{"error": code}`` with 400 (codes uncertain, netsuite 1.2)."""
    return Refusal(400, code, reason, reason=reason)


def parse_assertion(text: str) -> Assertion:
    """Read an assertion's header, or refuse it: type JWT, a certificate's id, and an algorithm to look at."""
    try:
        header = jwt.get_unverified_header(text)
    except jwt.InvalidTokenError:
        raise token_refused("invalid_request", "MalformedAssertion") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    if header.get("typ") != "JWT" or not isinstance(kid, str) or not kid or not isinstance(algorithm, str):
        raise token_refused("invalid_request", "MalformedAssertion")
    return Assertion(text, algorithm, kid)


def check_claims(assertion: Assertion, certificate: Certificate, *, audiences: set[str], now: datetime) -> Claims:
    """Prove the signature and check every claim against the certificate's integration and the clock.

    ``audiences``: the token endpoint's addresses. Raises the 400 refusal with the reason for the audit trail.
    """
    if assertion.algorithm not in algorithms_of(certificate.key):
        raise token_refused("invalid_grant", "UnknownAlgorithm")
    try:
        payload = jwt.PyJWS().decode(assertion.text, certificate.key, algorithms=[assertion.algorithm])
        claims: Any = json.loads(payload)
    except (jwt.InvalidTokenError, ValueError):
        raise token_refused("invalid_grant", "InvalidSignature") from None
    if not isinstance(claims, dict):
        raise token_refused("invalid_request", "MalformedAssertion")
    if claims.get("iss") != certificate.client_id:
        raise token_refused("invalid_client", "InvalidIntegration")
    audience = claims.get("aud")
    if not isinstance(audience, str) or audience not in audiences:
        raise token_refused("invalid_grant", "InvalidAudience")
    expires = _check_times(claims, int(now.timestamp()))
    identifier = claims.get("jti")
    if identifier is not None and (not isinstance(identifier, str) or not identifier):
        raise token_refused("invalid_request", "MalformedAssertion")
    return Claims(_scopes(claims.get("scope")), identifier, expires)


def _check_times(claims: Mapping[str, Any], now: int) -> int:
    """Check ``iat``, ``exp`` and ``nbf``; whole seconds. Oracle's text says less than 60 minutes, its sample is 60."""
    issued, expires, begins = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)
    if not all(isinstance(one, int) and not isinstance(one, bool) for one in (issued, expires, begins)):
        raise token_refused("invalid_request", "MalformedAssertion")
    assert isinstance(issued, int)
    assert isinstance(expires, int)
    if issued > now + _SKEW_SECONDS or begins > now + _SKEW_SECONDS:
        raise token_refused("invalid_grant", "InvalidTimestamp")
    if expires <= now:
        raise token_refused("invalid_grant", "AssertionExpired")
    if not issued < expires <= issued + _LONGEST_SECONDS:
        raise token_refused("invalid_grant", "InvalidTimestamp")
    return expires


def _scopes(value: object) -> tuple[str, ...]:
    """Read an array, or one text with commas or spaces, of the scopes that machines may have."""
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(name in SCOPES for name in names):
        raise token_refused("invalid_scope", "ScopeMismatched")
    return tuple(dict.fromkeys(names))
