from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from simulator_account import RECORD, RESTLET, SUITEQL, Account, open_account

from nsbill.simulator.control import ControlError
from nsbill.simulator.server import Simulator

TOKEN = "/services/rest/auth/oauth2/v1/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1(), "K-256": ec.SECP256K1()}


@cache
def key_of(kind: str) -> Key:
    """A key of each kind, made once: RSA keys of this size take seconds."""
    if kind in CURVES:
        return ec.generate_private_key(CURVES[kind])
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind))


def certificate(key: Key, *, begins: timedelta = timedelta(days=-1), lasts: timedelta = timedelta(days=300)) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "billing")])
    start = datetime.now(UTC) + begins
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, start + lasts)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def from_now(value: Any) -> Any:
    """A span as seconds since 1970 counted from now: what pytest collected may be run a quarter of an hour later."""
    return int(time.time() + value.total_seconds()) if isinstance(value, timedelta) else value


class Machine:
    """A machine with a certificate; every part of its assertion can be changed."""

    def __init__(self, ns: Account, kind: str = "P-256", algorithm: str = "ES256", **upload: str) -> None:
        self.ns, self.key, self.algorithm = ns, key_of(kind), algorithm
        self.kid = ns.simulator.upload_certificate(certificate(self.key), **upload)

    def assertion(self, header: dict[str, Any] | None = None, key: Key | None = None, **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.ns.keys["client_id"],
            "scope": ["restlets", "rest_webservices"],
            "aud": self.ns.url + TOKEN,
            "iat": now,
            "exp": now + 3600,
            "jti": str(uuid4()),
        } | changes
        claims = {name: from_now(value) for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key or self.key, self.algorithm, headers={"kid": self.kid} | (header or {}))

    def ask(self, assertion: str | None = None, **changes: str) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion or self.assertion(),
        } | changes
        return requests.post(self.ns.url + TOKEN, data=form, timeout=10)

    def token(self, **changes: Any) -> str:
        answer = self.ask(self.assertion(**changes))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("oauth2")) as account:
        yield account


@pytest.fixture
def ns(shared: Account) -> Iterator[Account]:
    """The shared account without certificates, reasons or shifted clock."""
    control = shared.simulator.control
    control("statistics", {"reset": True})
    yield shared
    control("clock", {"offset_seconds": 0})
    control("roles", {"role": "Billing", "permissions": {}})
    with shared.simulator.control_state.books.writing() as connection:
        connection.execute("DELETE FROM certificate")
        connection.execute("DELETE FROM preference")


def get(ns: Account, token: str, path: str = f"{RECORD}/salesOrder/106") -> requests.Response:
    return requests.get(ns.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=10)


def restlet(ns: Account, token: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    place = {"script": ns.keys["script"], "deploy": ns.keys["deploy"]}
    return requests.post(ns.url + RESTLET, params=place, json={"action": "list_searches"}, headers=headers, timeout=10)


def refused(answer: requests.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"error"}
    return answer.status_code, answer.json()["error"]


def reasons(ns: Account) -> dict[str, int]:
    found = ns.simulator.control("statistics")["sign_in_refusals"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "kind,algorithms",
    [
        ("3072", ("PS256", "PS384", "PS512")),
        ("P-256", ("ES256",)),
        ("P-384", ("ES384",)),
        ("P-521", ("ES512",)),
    ],
)
def test_every_algorithm_that_fits_the_key_gives_a_token_for_both_services(
    ns: Account, kind: str, algorithms: tuple[str, ...]
) -> None:
    machine = Machine(ns, kind)
    for machine.algorithm in algorithms:
        answer = machine.ask()
        assert answer.status_code == 200, answer.text
        content = answer.json()
        assert (content["expires_in"], content["token_type"]) == (3600, "bearer")
        assert answer.headers["Content-Type"] == "application/json"
        assert get(ns, content["access_token"]).status_code == 200
        assert restlet(ns, content["access_token"]).json()["ok"]


def test_the_access_token_has_the_claims_of_netsuites_sample(ns: Account) -> None:
    token = Machine(ns).token()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    assert claims["aud"][0] == ns.keys["client_id"]
    assert claims["scope"] == ["restlets", "rest_webservices"]
    assert claims["exp"] - claims["iat"] == 3600
    assert len(claims["sub"].split(";")) == 5


@pytest.mark.parametrize("kind,algorithm", [("3072", "RS256"), ("P-256", "ES384"), ("P-384", "ES256")])
def test_an_algorithm_that_does_not_fit_the_key_is_refused(ns: Account, kind: str, algorithm: str) -> None:
    machine = Machine(ns, kind)
    signer = key_of("3072") if algorithm == "RS256" else key_of({"ES384": "P-384", "ES256": "P-256"}[algorithm])
    machine.algorithm = algorithm
    assert refused(machine.ask(machine.assertion(key=signer))) == (400, "invalid_grant")
    assert reasons(ns) == {"UnknownAlgorithm": 1}


def test_an_unsigned_assertion_and_one_signed_with_the_public_text_are_refused(ns: Account) -> None:
    machine = Machine(ns)
    claims = jwt.decode(machine.assertion(), options={"verify_signature": False})
    for algorithm, key in (("none", None), ("HS256", "x" * 64)):
        unsigned = jwt.encode(claims, key, algorithm, headers={"kid": machine.kid})  # type: ignore[arg-type]
        assert refused(machine.ask(unsigned)) == (400, "invalid_grant")
    assert reasons(ns) == {"UnknownAlgorithm": 2}


def test_a_foreign_signature_and_a_changed_payload_are_refused(ns: Account) -> None:
    machine = Machine(ns)
    assert refused(machine.ask(machine.assertion(key=ec.generate_private_key(ec.SECP256R1())))) == (
        400,
        "invalid_grant",
    )
    head, _, tail = machine.assertion().split(".")
    other = machine.assertion(scope=["suite_analytics"]).split(".")[1]
    assert refused(machine.ask(f"{head}.{other}.{tail}")) == (400, "invalid_grant")
    assert reasons(ns) == {"InvalidSignature": 2}


@pytest.mark.parametrize(
    "changes,error,reason",
    [
        ({"iss": "another-client"}, "invalid_client", "InvalidIntegration"),
        ({"iss": None}, "invalid_client", "InvalidIntegration"),
        ({"aud": "https://example.com/services/rest/auth/oauth2/v1/token"}, "invalid_grant", "InvalidAudience"),
        ({"aud": None}, "invalid_grant", "InvalidAudience"),
        ({"iat": timedelta(seconds=-1), "exp": timedelta(seconds=3600)}, "invalid_grant", "InvalidTimestamp"),
        ({"iat": timedelta(seconds=900), "exp": timedelta(seconds=960)}, "invalid_grant", "InvalidTimestamp"),
        ({"iat": timedelta(seconds=-700), "exp": timedelta(seconds=-600)}, "invalid_grant", "AssertionExpired"),
        ({"nbf": timedelta(seconds=900)}, "invalid_grant", "InvalidTimestamp"),
        ({"iat": None}, "invalid_request", "MalformedAssertion"),
        ({"exp": None}, "invalid_request", "MalformedAssertion"),
        ({"scope": ["restlets", "everything"]}, "invalid_scope", "ScopeMismatched"),
        ({"scope": []}, "invalid_scope", "ScopeMismatched"),
        ({"scope": None}, "invalid_scope", "ScopeMismatched"),
    ],
)
def test_a_wrong_claim_is_refused_and_the_reason_stands_only_in_the_audit_trail(
    ns: Account, changes: dict[str, Any], error: str, reason: str
) -> None:
    machine = Machine(ns)
    assert refused(machine.ask(machine.assertion(**changes))) == (400, error)
    assert reasons(ns) == {reason: 1}


@pytest.mark.parametrize("scope", ["restlets,rest_webservices", "restlets rest_webservices", ["rest_webservices"]])
def test_scopes_may_be_an_array_or_one_text(ns: Account, scope: object) -> None:
    assert get(ns, Machine(ns).token(scope=scope)).status_code == 200


@pytest.mark.parametrize("service", ["suitetalk", "restlets"])
def test_the_assertion_may_be_made_out_to_netsuites_own_address(ns: Account, service: str) -> None:
    url = f"https://9000001-sb1.{service}.api.netsuite.com{TOKEN}"
    assert get(ns, Machine(ns).token(aud=url)).status_code == 200


@pytest.mark.parametrize(
    "header,error,reason",
    [
        ({"kid": "unknown"}, "invalid_client", "InvalidCertificate"),
        ({"kid": ""}, "invalid_request", "MalformedAssertion"),
        ({"typ": "at+jwt"}, "invalid_request", "MalformedAssertion"),
    ],
)
def test_a_wrong_header_is_refused(ns: Account, header: dict[str, str], error: str, reason: str) -> None:
    machine = Machine(ns)
    assert refused(machine.ask(machine.assertion(header))) == (400, error)
    assert reasons(ns) == {reason: 1}


def test_an_assertion_is_good_once_unless_the_knob_says_otherwise(ns: Account) -> None:
    machine = Machine(ns)
    same = machine.assertion()
    assert machine.ask(same).status_code == 200
    assert refused(machine.ask(same)) == (400, "invalid_grant")
    assert reasons(ns) == {"AssertionUsed": 1}
    nameless = machine.assertion(jti=None)
    assert [machine.ask(nameless).status_code for _ in range(2)] == [200, 200]
    ns.simulator.control("preferences", {"oauth2_repeated_jti": "accept"})
    assert machine.ask(same).status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password"},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion": "not.a.jwt"},
        {"client_assertion": ""},
    ],
)
def test_a_form_that_is_not_the_documented_one_is_refused(ns: Account, form: dict[str, str]) -> None:
    assert refused(Machine(ns).ask(**form)) == (400, "invalid_request")


def test_the_token_endpoint_takes_forms_and_posts_only(ns: Account) -> None:
    machine = Machine(ns)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": machine.assertion(),
    }
    url = ns.url + TOKEN
    assert refused(requests.post(url, json=form, timeout=10)) == (400, "invalid_request")
    doubled = [*form.items(), ("grant_type", "client_credentials")]
    assert refused(requests.post(url, data=doubled, timeout=10)) == (400, "invalid_request")
    assert requests.get(url, params=form, timeout=10).status_code == 405
    assert requests.post(url, data=form, timeout=10).status_code == 200


def test_a_token_lasts_an_hour_of_the_simulators_clock(ns: Account) -> None:
    token = Machine(ns).token()
    ns.simulator.control("clock", {"offset_seconds": 3590})
    assert get(ns, token).status_code == 200
    ns.simulator.control("clock", {"offset_seconds": 3601})
    answer = get(ns, token)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="9000001_SB1", error="invalid_token", error_description="Invalid login attempt."'
    )
    assert reasons(ns) == {"AccessTokenExpired": 1}


def test_a_forged_or_foreign_token_is_refused_in_the_words_of_its_host(ns: Account) -> None:
    token = Machine(ns).token()
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = jwt.encode(claims, rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256")
    for wrong in (forged, "x", token + "x"):
        answer = get(ns, wrong)
        assert answer.status_code == 401
        assert answer.json()["o:errorDetails"][0]["o:errorCode"] == "INVALID_LOGIN"
    assert restlet(ns, forged).json() == {
        "error": {"code": "INVALID_LOGIN_ATTEMPT", "message": "Invalid login attempt."}
    }


@pytest.mark.parametrize("value", ["Bearer", "Bearer  ", "Bearer two words"])
def test_a_malformed_bearer_header_is_a_bad_request(ns: Account, value: str) -> None:
    answer = requests.get(f"{ns.url}{RECORD}/salesOrder/106", headers={"Authorization": value}, timeout=10)
    assert answer.status_code == 400
    assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


def test_each_host_demands_its_scope(ns: Account) -> None:
    machine = Machine(ns)
    rest, script = machine.token(scope=["rest_webservices"]), machine.token(scope=["restlets"])
    assert [get(ns, rest).status_code, restlet(ns, rest).status_code] == [200, 401]
    assert [get(ns, script).status_code, restlet(ns, script).status_code] == [401, 200]
    assert reasons(ns) == {"ScopeMismatched": 2}
    ns.simulator.control("preferences", {"oauth2_missing_scope": "403"})
    answer = get(ns, script)
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_suiteql_and_transforms_work_with_a_token(ns: Account) -> None:
    headers = {"Authorization": f"Bearer {Machine(ns).token()}"}
    rows = requests.post(
        ns.url + SUITEQL, json={"q": "SELECT id FROM currency"}, headers=headers | {"Prefer": "transient"}, timeout=10
    )
    assert rows.status_code == 200
    bill = requests.post(
        f"{ns.url}{RECORD}/salesOrder/112/!transform/invoice",
        json={"tranDate": "2026-02-10"},
        headers=headers,
        timeout=10,
    )
    assert bill.status_code == 204


def test_the_token_endpoint_needs_no_slot(ns: Account) -> None:
    machine = Machine(ns)
    traffic = ns.simulator.control_state.traffic
    assert all(traffic.enter(100, "test") for _ in range(5))
    try:
        token = machine.token()
        assert get(ns, token).status_code == 429
    finally:
        for _ in range(5):
            traffic.leave()


def test_tokens_work_in_every_process_on_the_same_books_and_after_a_restart(ns: Account) -> None:
    token = Machine(ns).token()
    with Simulator(ns.simulator.control_state.books.database) as other:
        assert get(Account(other), token).status_code == 200


@pytest.mark.parametrize("kind", ["2048", "K-256"])
def test_keys_that_netsuite_does_not_take_are_refused(ns: Account, kind: str) -> None:
    with pytest.raises(ControlError, match="RSA with 3072 or 4096 bits, or EC on the curves P-256, P-384 or P-521"):
        ns.simulator.control("certificates", {"pem": certificate(key_of(kind))})


def test_a_certificate_that_lasts_longer_than_two_years_is_cut(ns: Account) -> None:
    ns.simulator.upload_certificate(certificate(key_of("P-256"), lasts=timedelta(days=3650)))
    (row,) = ns.simulator.control("certificates")["certificates"]
    cut = datetime.fromisoformat(row["valid_until"])
    assert timedelta(days=729) < cut - datetime.now(UTC) < timedelta(days=732)
    ns.simulator.upload_certificate(certificate(key_of("P-384"), lasts=timedelta(days=100)))
    first = ns.simulator.control("certificates")["certificates"][0]
    assert datetime.fromisoformat(first["valid_until"]) - datetime.now(UTC) < timedelta(days=100)


def test_an_expired_certificate_is_neither_taken_nor_trusted(ns: Account) -> None:
    with pytest.raises(ValueError, match="has expired"):
        ns.simulator.upload_certificate(
            certificate(key_of("P-256"), begins=timedelta(days=-9), lasts=timedelta(days=8))
        )
    machine = Machine(ns)
    shift = 301 * 86400
    ns.simulator.control("clock", {"offset_seconds": shift})
    later = int(time.time()) + shift
    assert refused(machine.ask(machine.assertion(iat=later, exp=later + 60))) == (400, "invalid_grant")
    assert reasons(ns) == {"CertificateExpired": 1}


def test_five_active_certificates_at_most_and_each_once(ns: Account) -> None:
    pems = [certificate(key_of("P-256")) for _ in range(6)]
    identifiers = [ns.simulator.upload_certificate(pem) for pem in pems[:4]]
    with pytest.raises(ValueError, match="mapped already"):
        ns.simulator.upload_certificate(pems[0], role="Another role")
    identifiers.append(ns.simulator.upload_certificate(pems[4]))
    with pytest.raises(ValueError, match="5 active certificates"):
        ns.simulator.upload_certificate(pems[5])
    requests.put(f"{ns.url}/_simulator/certificates", json={"revoke": identifiers[0]}, timeout=5).raise_for_status()
    assert ns.simulator.upload_certificate(pems[5]) not in identifiers


def test_a_revoked_certificate_gives_no_more_tokens(ns: Account) -> None:
    machine = Machine(ns)
    token = machine.token()
    ns.simulator.control("certificates", {"revoke": machine.kid})
    assert refused(machine.ask()) == (400, "invalid_grant")
    assert reasons(ns) == {"CertificateRevoked": 1}
    assert get(ns, token).status_code == 200


def test_the_control_route_uploads_as_netsuites_page_does_and_wants_no_private_key(ns: Account) -> None:
    url = f"{ns.url}/_simulator/certificates"
    answer = requests.post(url, json={"pem": certificate(key_of("P-256")), "role": "Clerk"}, timeout=5)
    assert answer.status_code == 200
    assert answer.json()["client_id"] == ns.keys["client_id"] == ns.keys["consumer_key"]
    (row,) = requests.get(url, timeout=5).json()["certificates"]
    assert (row["certificate_id"], row["role"], row["active"]) == (answer.json()["certificate_id"], "Clerk", True)
    private = key_of("P-256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for wrong, text in ((private, "private key"), ("hello", "no X.509 certificate")):
        refusal = requests.post(url, json={"pem": wrong}, timeout=5)
        assert refusal.status_code == 400
        assert text in refusal.json()["error"]


def test_the_role_must_be_allowed_to_log_in_with_oauth_2(ns: Account) -> None:
    machine = Machine(ns, role="Clerk")
    token = machine.token()
    permissions = {"ADMI_LOGIN_OAUTH": "FULL", "ADMI_RESTWEBSERVICES": "FULL", "TRAN_SALESORD": "VIEW"}
    ns.simulator.control("roles", {"role": "Clerk", "permissions": permissions})
    assert refused(machine.ask()) == (400, "invalid_grant")
    assert get(ns, token).status_code == 401
    assert reasons(ns) == {"EntityOrRoleDisabled": 2}
    permissions["ADMI_LOGIN_OAUTH2"] = "FULL"
    ns.simulator.control("roles", {"role": "Clerk", "permissions": permissions})
    assert get(ns, machine.token()).status_code == 200
    ns.simulator.control("roles", {"role": "Clerk", "permissions": {}})


def test_an_administrators_token_may_ask_for_the_limits(ns: Account) -> None:
    path = "/services/rest/system/v1/governanceLimits"
    assert get(ns, Machine(ns, role="Administrator").token(), path).json()["accountConcurrencyLimit"] == 5
    assert get(ns, Machine(ns).token(), path).status_code == 403


def test_under_load_a_token_is_refused_like_a_bad_one(ns: Account) -> None:
    token = Machine(ns).token()
    ns.simulator.control("preferences", {"overload_answer": "401", "overload_delay_ms": "0"})
    traffic = ns.simulator.control_state.traffic
    assert all(traffic.enter(100, "test") for _ in range(5))
    try:
        answer = get(ns, token)
    finally:
        for _ in range(5):
            traffic.leave()
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert get(ns, token).status_code == 200


@pytest.mark.parametrize("change", [{"oauth2": False}, {"integration_state": "blocked"}])
def test_a_switched_off_feature_and_a_blocked_integration_refuse_tokens_old_and_new(
    ns: Account, change: dict[str, object]
) -> None:
    machine = Machine(ns)
    token = machine.token()
    ns.simulator.control("preferences", change)
    assert refused(machine.ask()) == (400, "invalid_client")
    assert get(ns, token).status_code == 401


def test_the_audit_trail_shows_when_why_and_what_but_no_token(ns: Account) -> None:
    token = Machine(ns).token()
    ns.simulator.control("clock", {"offset_seconds": 4000})
    get(ns, token)
    (entry,) = requests.get(f"{ns.url}/_simulator/login_audit", timeout=5).json()["entries"]
    assert (entry["reason"], entry["kind"]) == ("AccessTokenExpired", "record")
    assert datetime.fromisoformat(entry["time"]) > datetime.now(UTC) + timedelta(seconds=3900)
    assert token not in json.dumps(entry)
    assert entry["token"].startswith(token[:4])
    assert len(entry["token"]) < 10


def test_faults_hit_the_token_endpoint_too(ns: Account) -> None:
    machine = Machine(ns)
    ns.simulator.control("faults", {"faults": [{"where": "token", "kind": "error_500_before", "times": 1}]})
    try:
        assert [machine.ask().status_code for _ in range(2)] == [500, 200]
    finally:
        ns.simulator.control("faults", {"faults": []})
