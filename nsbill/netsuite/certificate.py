"""Key and certificate for signing in by OAuth 2.0: made here, uploaded by a person, and watched until they expire.

What NetSuite takes (netsuite 1.2): X.509, RSA of 3072 or 4096 bits or EC of 256, 384 or 521; two years at most, a
longer one is cut. One certificate serves one combination of integration, role and user.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from nsbill.errors import SettingsError, WorkspaceError
from nsbill.settings import Settings

__all__ = ["KEY_KINDS", "LONGEST_DAYS", "Expiry", "KeyPair", "certificate_expiry", "create_certificate"]

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

KEY_KINDS: Mapping[str, ec.EllipticCurve | int] = MappingProxyType(
    {"ec": ec.SECP256R1(), "ec-384": ec.SECP384R1(), "ec-521": ec.SECP521R1(), "rsa-3072": 3072, "rsa-4096": 4096}
)
"""The keys that NetSuite takes: a curve, or a size of RSA in bits."""
LONGEST_DAYS = 730
WARN_DAYS = 60


@dataclass(frozen=True)
class KeyPair:
    """The two files that were written, and the last day of the certificate (UTC)."""

    private_key_file: Path
    certificate_file: Path
    valid_until: date


@dataclass(frozen=True)
class Expiry:
    """The last day of the certificate in use (UTC), and how many days are left; negative when it is past."""

    day: date
    days_left: int

    @property
    def warning(self) -> str | None:
        """One sentence with what to do, from 60 days ahead; NetSuite's own mails may reach nobody."""
        renew = "Make and upload a new one: nsbill settings certificate"
        if self.days_left < 0:
            return f"The certificate for signing in expired on {self.day}. {renew}"
        if self.days_left > WARN_DAYS:
            return None
        left = {0: "today", 1: "tomorrow"}.get(self.days_left, f"in {self.days_left} days")
        return f"The certificate for signing in expires {left}, on {self.day}. {renew}"


def create_certificate(folder: Path, *, account: str, kind: str, days: int, now: datetime | None = None) -> KeyPair:
    """Write a new private key (for its owner only) and its self-signed certificate into ``folder``.

    Raises
    ------
    SettingsError
        NetSuite would not take such a certificate.
    WorkspaceError
        Files of the same name are there; a key is never overwritten.
    """
    if kind not in KEY_KINDS:
        raise SettingsError("key", f"{kind!r} is no key that NetSuite takes", "Choose one.", valid=KEY_KINDS)
    if not 1 <= days <= LONGEST_DAYS:
        problem = f"{days} days cannot be: NetSuite cuts every certificate at two years"
        raise SettingsError("days", problem, f"Ask for 1 to {LONGEST_DAYS} days.")
    begin = (now or datetime.now(UTC)).replace(microsecond=0)
    stem = f"nsbill-{account.lower().replace('_', '-')}-{begin:%Y%m%d}"
    pair = KeyPair(folder / f"{stem}.key.pem", folder / f"{stem}.cert.pem", (begin + timedelta(days=days)).date())
    for path in (pair.private_key_file, pair.certificate_file):
        if path.exists():
            raise WorkspaceError(path, "is there already, and is not overwritten", "Use --out, or move it away.")
    key = _new_key(kind)
    certificate = _self_signed(key, f"nsbill {account}", begin, begin + timedelta(days=days))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_new(pair.private_key_file, _pem_of(key), mode=0o600)
    _write_new(pair.certificate_file, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return pair


def certificate_expiry(settings: Settings, *, now: datetime | None = None) -> Expiry | None:
    """Read when the certificate of the settings expires; ``None`` when none is named or a token is used.

    A certificate for more than two years counts as cut there. That NetSuite counts them from its first day is not
    confirmed (UNCERTAIN); it is the earlier of the possible days.

    Raises
    ------
    SettingsError
        The file that the settings name is no certificate.
    """
    if not settings.certificate_file or settings.sign_in == "token":
        return None
    path = Path(settings.certificate_file).expanduser()
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no certificate in PEM form"
        remedy = "Name the certificate (not the key) that was uploaded, or leave the setting empty."
        raise SettingsError("certificate_file", f"{path} cannot be read: {reason}", remedy) from error
    capped = certificate.not_valid_before_utc + timedelta(days=LONGEST_DAYS)
    end = min(certificate.not_valid_after_utc, capped)
    return Expiry(end.date(), (end - (now or datetime.now(UTC))).days)


def _new_key(kind: str) -> PrivateKey:
    wanted = KEY_KINDS[kind]
    if isinstance(wanted, int):
        return rsa.generate_private_key(public_exponent=65537, key_size=wanted)
    return ec.generate_private_key(wanted)


def _self_signed(key: PrivateKey, name: str, begin: datetime, end: datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder(subject_name=subject, issuer_name=subject, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    return builder.sign(key, hashes.SHA256())


def _pem_of(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that must not be there; with its mode from the first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
