"""nsbill.netsuite.certificate: keys and certificates that NetSuite takes, and when they run out."""

from __future__ import annotations

import re
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from nsbill.errors import SettingsError, WorkspaceError
from nsbill.netsuite.certificate import KEY_KINDS, Expiry, KeyPair, certificate_expiry, create_certificate
from nsbill.settings import Settings

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


def make(folder: Path, kind: str = "ec", days: int = 730) -> KeyPair:
    return create_certificate(folder, account="1234567_SB1", kind=kind, days=days, now=NOW)


def watched(pair: KeyPair, **more: str) -> Settings:
    return Settings(certificate_file=str(pair.certificate_file), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KEY_KINDS)
def test_key_and_certificate_are_of_a_kind_that_netsuite_takes(tmp_path: Path, kind: str) -> None:
    pair = make(tmp_path, kind)
    key = load_pem_private_key(pair.private_key_file.read_bytes(), password=None)
    certificate = x509.load_pem_x509_certificate(pair.certificate_file.read_bytes())
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    assert certificate.public_key() == key.public_key()
    assert key.key_size == {"ec": 256, "ec-384": 384, "ec-521": 521, "rsa-3072": 3072, "rsa-4096": 4096}[kind]
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=730)
    certificate.verify_directly_issued_by(certificate)
    assert "PRIVATE" not in pair.certificate_file.read_text()


def test_the_key_is_for_its_owner_only_from_the_start(tmp_path: Path) -> None:
    pair = make(tmp_path / "keys")
    assert stat.S_IMODE(pair.private_key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(pair.private_key_file.parent.stat().st_mode) == 0o700


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    before = make(tmp_path).private_key_file.read_bytes()
    with pytest.raises(WorkspaceError, match="is there already, and is not overwritten"):
        make(tmp_path)
    assert make(tmp_path / "other").private_key_file.read_bytes() != before
    assert (tmp_path / "nsbill-1234567-sb1-20261123.key.pem").read_bytes() == before


def test_a_certificate_alone_stops_a_new_pair_before_anything_is_written(tmp_path: Path) -> None:
    make(tmp_path).private_key_file.unlink()
    with pytest.raises(WorkspaceError, match=r"cert.pem"):
        make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["nsbill-1234567-sb1-20261123.cert.pem"]


@pytest.mark.parametrize(
    "kind, days, sentence",
    [
        ("ec", 731, "NetSuite cuts every certificate at two years"),
        ("ec", 0, "1 to 730 days"),
        ("rsa-2048", 730, "no key that NetSuite takes.*Valid: ec, ec-384, ec-521, rsa-3072, rsa-4096"),
    ],
)
def test_what_netsuite_would_refuse_is_not_made(tmp_path: Path, kind: str, days: int, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        make(tmp_path / "keys", kind, days)
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    "days_later, days_left, warning",
    [
        (0, 730, None),
        (669, 61, None),
        (670, 60, "expires in 60 days, on 2028-11-22"),
        (729, 1, "expires tomorrow"),
        (730, 0, "expires today"),
        (731, -1, "expired on 2028-11-22.*nsbill settings certificate"),
    ],
)
def test_expiry_is_warned_of_from_sixty_days_ahead(
    tmp_path: Path, days_later: int, days_left: int, warning: str | None
) -> None:
    expiry = certificate_expiry(watched(make(tmp_path)), now=NOW + timedelta(days=days_later))
    assert expiry == Expiry(date(2028, 11, 22), days_left)
    assert re.search(warning or "^None$", str(expiry.warning))


def test_a_certificate_for_longer_counts_as_cut_at_two_years(tmp_path: Path) -> None:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made elsewhere")])
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, NOW, NOW + timedelta(days=3650))
    path = tmp_path / "long.pem"
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    expiry = certificate_expiry(Settings(certificate_file=str(path)), now=NOW)
    assert expiry == Expiry(date(2028, 11, 22), 730)


def test_without_a_certificate_nothing_is_watched(tmp_path: Path) -> None:
    assert certificate_expiry(Settings()) is None
    assert certificate_expiry(watched(make(tmp_path), sign_in="token")) is None


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    pair = make(tmp_path)
    with pytest.raises(SettingsError, match=r"key.pem cannot be read: it is no certificate"):
        certificate_expiry(Settings(certificate_file=str(pair.private_key_file)))
    with pytest.raises(SettingsError, match=r"gone.pem cannot be read: No such file"):
        certificate_expiry(Settings(certificate_file=str(tmp_path / "gone.pem")))
