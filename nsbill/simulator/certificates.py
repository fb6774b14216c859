"""Certificates for OAuth 2.0 client credentials: uploaded, listed and revoked under NetSuite's rules (netsuite 1.2)."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from nsbill.simulator.books import Books

__all__ = ["Certificate", "algorithms_of", "find", "listed", "revoke", "upload"]

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_RSA_BITS = (3072, 4096)
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_MOST_ACTIVE = 5
_YEARS = 2
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Certificate:
    """One uploaded certificate; it stands for one integration (``client_id``) and one role."""

    id: str
    client_id: str
    role: str
    key: PublicKey
    valid_from: datetime
    valid_until: datetime
    revoked: bool

    def active(self, now: datetime) -> bool:
        """Say whether assertions signed with it are taken at ``now``."""
        return not self.revoked and self.valid_from <= now < self.valid_until


def algorithms_of(key: PublicKey) -> tuple[str, ...]:
    """Return the signature algorithms that fit a key: PSS for RSA, one of ECDSA by curve; PKCS#1 v1.5 never."""
    if isinstance(key, rsa.RSAPublicKey):
        return ("PS256", "PS384", "PS512")
    return (_CURVES[key.curve.name],)


def upload(books: Books, pem: str, role: str = "") -> str:
    """Take a certificate as NetSuite's page *OAuth 2.0 Client Credentials (M2M) Setup* does; return its id.

    It is mapped to the integration of the books and to ``role``, by default the role of the first token.

    Raises
    ------
    ValueError
        Not one public certificate in PEM, a key that NetSuite does not take, expired, mapped already, or the sixth
        active one of the integration.
    """
    certificate, now = _parse(pem), books.clock.now()
    owner = next(iter(books.credentials().values()), None)
    if owner is None:
        raise ValueError("these books have no integration that a certificate could be mapped to")
    last = min(certificate.not_valid_after_utc, _years_later(now))
    if last <= now:
        raise ValueError("the certificate has expired; make a new one")
    identifier = secrets.token_urlsafe(32)
    row = (identifier, owner.consumer_key, role or owner.role, pem.strip() + "\n", last.strftime(_INSTANT))
    with books.writing() as connection:
        names = "SELECT pem FROM certificate WHERE client_id = ? AND revoked = 'F' AND valid_until > ?"
        active = connection.execute(names, (owner.consumer_key, now.strftime(_INSTANT))).fetchall()
        prints = {_parse(one["pem"]).fingerprint(SHA256()) for one in active}
        if certificate.fingerprint(SHA256()) in prints:
            raise ValueError("this certificate is mapped already; one certificate serves one integration and role")
        if len(active) >= _MOST_ACTIVE:
            raise ValueError(f"this integration has {_MOST_ACTIVE} active certificates; revoke one first")
        connection.execute(
            "INSERT INTO certificate (id, client_id, role, pem, valid_until) VALUES (?, ?, ?, ?, ?)", row
        )
    return identifier


def find(books: Books, identifier: str) -> Certificate | None:
    """Return the certificate with this id, also a revoked one, or none."""
    return books.kept("certificates", _read).get(identifier)


def listed(books: Books) -> list[dict[str, object]]:
    """Return every certificate in the order of their ends; without its PEM."""
    now = books.clock.now()
    return [
        {
            "certificate_id": one.id,
            "client_id": one.client_id,
            "role": one.role,
            "algorithms": list(algorithms_of(one.key)),
            "valid_until": one.valid_until.strftime(_INSTANT),
            "revoked": one.revoked,
            "active": one.active(now),
        }
        for one in sorted(books.kept("certificates", _read).values(), key=lambda one: (one.valid_until, one.id))
    ]


def revoke(books: Books, identifier: str) -> None:
    """Take a certificate out of use for good, or raise ``ValueError``; tokens that were given out stay valid."""
    with books.writing() as connection:
        changed = connection.execute("UPDATE certificate SET revoked = 'T' WHERE id = ?", (identifier,)).rowcount
    if not changed:
        raise ValueError(f"no certificate has the id '{identifier}'")


def _read(reader: sqlite3.Connection) -> dict[str, Certificate]:
    found = {}
    for row in reader.execute("SELECT * FROM certificate").fetchall():
        certificate = _parse(row["pem"])
        until = datetime.strptime(row["valid_until"], _INSTANT).replace(tzinfo=UTC)
        found[row["id"]] = Certificate(
            row["id"],
            row["client_id"],
            row["role"],
            _key_of(certificate),
            certificate.not_valid_before_utc,
            until,
            row["revoked"] == "T",
        )
    return found


def _parse(pem: str) -> x509.Certificate:
    if "PRIVATE KEY" in pem:
        raise ValueError("this holds a private key, which must never leave its owner; upload the certificate only")
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise ValueError("this is no X.509 certificate in PEM form (-----BEGIN CERTIFICATE-----)") from None
    if len(certificates) != 1:
        raise ValueError("upload one certificate, not a chain")
    _key_of(certificates[0])
    return certificates[0]


def _key_of(certificate: x509.Certificate) -> PublicKey:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return key
    raise ValueError("the key must be RSA with 3072 or 4096 bits, or EC on the curves P-256, P-384 or P-521")


def _years_later(now: datetime) -> datetime:
    try:
        return now.replace(year=now.year + _YEARS)
    except ValueError:  # 29 February
        return now.replace(year=now.year + _YEARS, day=28)
