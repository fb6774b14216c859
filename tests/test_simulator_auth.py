from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import requests
from simulator_account import RECORD, RESTLET, SUITEQL, Account, open_account, rest_error

from nsbill.simulator.auth import Credential, Rules, SignedRequest, Verifier, parse_header, signature
from nsbill.simulator.errors import Refusal

LOGIN = (
    "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at "
    "Setup > Users/Roles > User Management > View Login Audit Trail."
)
CREDENTIAL = Credential("dpf43f3p2l4k3l03", "kd94hf93k423kf44", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with open_account(tmp_path_factory.mktemp("auth")) as account:
        yield account


@pytest.fixture
def ns(shared: Account) -> Iterator[Account]:
    """The shared account with no reasons, no locks, the machine's clock, default preferences and permissions."""
    control = shared.simulator.control
    control("statistics", {"reset": True})
    control("login_audit", {"unlock": True})
    yield shared
    control("clock", {"offset_seconds": 0})
    control("roles", {"role": "Billing", "permissions": {}})
    with shared.simulator.control_state.books.writing() as connection:
        connection.execute("DELETE FROM preference")


class Signer:
    """Signs by hand, so that single parameters can be changed, dropped or doubled."""

    def __init__(self, ns: Account) -> None:
        self.ns = ns
        self.host, self.scheme = ns.url.removeprefix("http://"), "http"
        self.parameters = {
            "oauth_consumer_key": ns.keys["consumer_key"],
            "oauth_token": ns.keys["token_id"],
            "oauth_nonce": f"nonce{time.monotonic_ns()}",
            "oauth_timestamp": str(int(time.time())),
            "oauth_signature_method": "HMAC-SHA256",
            "oauth_version": "1.0",
        }
        self.realm = ns.keys["account"]

    def header(self, method: str = "GET", path: str = f"{RECORD}/salesOrder/106", query: str = "") -> str:
        pairs = list(self.parameters.items()) + [tuple(pair.split("=")) for pair in query.split("&") if pair]
        encoded = sorted((encode(name), encode(value)) for name, value in pairs)
        base = "&".join(
            (method, encode(f"{self.scheme}://{self.host}{path}"), encode("&".join(f"{n}={v}" for n, v in encoded)))
        )
        key = f"{encode(self.ns.keys['consumer_secret'])}&{encode(self.ns.keys['token_secret'])}"
        signed = base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()
        shown = {"realm": self.realm} | self.parameters | {"oauth_signature": signed}
        return "OAuth " + ", ".join(f'{name}="{encode(value)}"' for name, value in shown.items())

    def get(self, header: str | None = None) -> requests.Response:
        headers = {"Authorization": header or self.header()}
        return requests.get(f"{self.ns.url}{RECORD}/salesOrder/106", headers=headers, timeout=10)


def encode(text: str) -> str:
    return quote(text, safe="-._~")


def reasons(ns: Account) -> dict[str, int]:
    found = ns.simulator.control("statistics")["sign_in_refusals"]
    assert isinstance(found, dict)
    return found


def test_a_hand_made_signature_with_any_extra_oauth_parameter_signs_in(ns: Account) -> None:
    signer = Signer(ns)
    assert signer.get().status_code == 200
    signer.parameters |= {"oauth_nonce": "another-nonce", "oauth_extra": "a b&c"}
    assert signer.get().status_code == 200


def test_query_parameters_and_the_exclamation_mark_of_transforms_are_part_of_the_signature(ns: Account) -> None:
    assert ns.get("/salesOrder/106", params={"fields": "id,tranId", "x": "a b+c&d=é"}).status_code == 200
    assert ns.transform(106).status_code == 204


def test_a_request_changed_after_signing_is_refused(ns: Account) -> None:
    signer = Signer(ns)
    header = signer.header()
    answer = requests.get(f"{ns.url}{RECORD}/salesOrder/107", headers={"Authorization": header}, timeout=10)
    assert rest_error(answer) == (401, "INVALID_LOGIN", LOGIN)
    assert answer.headers["Content-Type"] == "application/vnd.oracle.resource+json; type=error"
    assert answer.json()["title"] == "Unauthorized"
    assert reasons(ns) == {"InvalidSignature": 1}


@pytest.mark.parametrize(
    "change,reason",
    [
        ({"oauth_version": "1.1"}, "VersionRejected"),
        ({"oauth_signature_method": "HMAC-SHA1"}, "UnknownAlgorithm"),
        ({"oauth_nonce": "12345"}, "nonce_rejected"),
        ({"oauth_timestamp": timedelta(seconds=-301)}, "InvalidTimestamp"),
        ({"oauth_timestamp": timedelta(seconds=900)}, "InvalidTimestamp"),
        ({"oauth_timestamp": "now"}, "InvalidTimestamp"),
        ({"oauth_token": "unknown-token"}, "token_rejected"),
        ({"oauth_consumer_key": "unknown-key"}, "consumer_key_unknown"),
        ({"oauth_nonce": ""}, "parameter_rejected"),
        ({"other": "x"}, "parameter_rejected"),
    ],
)
def test_a_wrong_parameter_is_refused_and_named_only_in_the_audit_trail(
    ns: Account, change: dict[str, str | timedelta], reason: str
) -> None:
    signer = Signer(ns)
    for name, value in change.items():
        # Only now: what pytest collected may be run a quarter of an hour later.
        signer.parameters[name] = value if isinstance(value, str) else str(int(time.time() + value.total_seconds()))
    assert rest_error(signer.get()) == (401, "INVALID_LOGIN", LOGIN)
    assert reasons(ns) == {reason: 1}


@pytest.mark.parametrize(
    "name",
    ["oauth_consumer_key", "oauth_token", "oauth_nonce", "oauth_timestamp", "oauth_signature_method", "oauth_version"],
)
def test_a_missing_parameter_is_refused(ns: Account, name: str) -> None:
    signer = Signer(ns)
    del signer.parameters[name]
    assert signer.get().status_code == 401
    assert reasons(ns) == {"MissingTokenPassportRequiredFields": 1}


def test_a_parameter_sent_twice_is_refused(ns: Account) -> None:
    signer = Signer(ns)
    assert signer.get(signer.header() + ', oauth_version="1.0"').status_code == 401
    assert reasons(ns) == {"parameter_rejected": 1}


def test_the_realm_must_be_the_account_id_in_its_written_form(ns: Account) -> None:
    signer = Signer(ns)
    signer.realm = "9000001-sb1"
    assert signer.get().status_code == 401


def test_the_same_header_is_good_once_only(ns: Account) -> None:
    signer = Signer(ns)
    header = signer.header()
    assert signer.get(header).status_code == 200
    assert rest_error(signer.get(header)) == (401, "INVALID_LOGIN", LOGIN)
    assert reasons(ns) == {"nonce_used": 1}


def test_a_refused_signature_does_not_use_up_the_nonce(ns: Account) -> None:
    signer = Signer(ns)
    wrong = signer.header().replace('oauth_signature="', 'oauth_signature="x')
    assert signer.get(wrong).status_code == 401
    assert signer.get().status_code == 200


def test_the_clock_of_the_simulator_decides(ns: Account) -> None:
    signer = Signer(ns)
    ns.simulator.control("clock", {"offset_seconds": 3600})
    assert signer.get().status_code == 401
    ns.simulator.control("clock", {"offset_seconds": 250})
    assert signer.get().status_code == 200


def test_a_request_without_a_header_is_refused(ns: Account) -> None:
    answer = requests.post(ns.url + SUITEQL, json={"q": "SELECT 1 FROM dual"}, timeout=10)
    assert rest_error(answer) == (401, "INVALID_LOGIN", LOGIN)


def test_the_restlet_refuses_in_its_own_words(ns: Account) -> None:
    with ns.session(token_secret="wrong") as session:
        answer = session.post(ns.url + RESTLET, json={}, params={"script": "501", "deploy": "1"}, timeout=10)
    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": "INVALID_LOGIN_ATTEMPT", "message": "Invalid login attempt."}}


def test_a_bearer_token_is_answered_as_oauth_2_does(ns: Account) -> None:
    answer = requests.get(f"{ns.url}{RECORD}/salesOrder/106", headers={"Authorization": "Bearer x"}, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="9000001_SB1", error="invalid_token", error_description="Invalid login attempt."'
    )


def test_a_body_hash_is_checked_against_the_body(ns: Account) -> None:
    body = b'{"q": "SELECT id FROM currency"}'
    for content, status in ((body, 200), (b'{"q": "SELECT id FROM customer"}', 401)):
        signer = Signer(ns)
        signer.parameters["oauth_body_hash"] = base64.b64encode(hashlib.sha1(body).digest()).decode()
        headers = {
            "Authorization": signer.header("POST", SUITEQL, "limit=5"),
            "Prefer": "transient",
            "Content-Type": "application/json",
        }
        answer = requests.post(f"{ns.url}{SUITEQL}?limit=5", data=content, headers=headers, timeout=10)
        assert answer.status_code == status


def test_five_wrong_signatures_in_a_row_lock_the_token_for_half_an_hour(ns: Account) -> None:
    def wrong() -> int:
        with ns.session(token_secret="wrong") as session:
            return session.get(f"{ns.url}{RECORD}/salesOrder/106", timeout=10).status_code

    assert [wrong() for _ in range(4)] == [401] * 4
    assert ns.get("/salesOrder/106").status_code == 200
    assert [wrong() for _ in range(5)] == [401] * 5
    assert ns.get("/salesOrder/106").status_code == 401
    assert reasons(ns) == {"InvalidSignature": 9, "temporary_locked": 1}
    ns.simulator.control("clock", {"offset_seconds": 1801})
    later = Signer(ns)
    later.parameters["oauth_timestamp"] = str(int(time.time()) + 1801)
    assert later.get().status_code == 200


def test_the_lock_is_a_knob_and_can_be_taken_off() -> None:
    verifier, rules = Verifier(), Rules("x")
    header = (
        'OAuth realm="x", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_token="nnch734d00sl2jdk", oauth_nonce="123456",'
        ' oauth_timestamp="0", oauth_signature_method="HMAC-SHA256", oauth_version="1.0", oauth_signature="{}"'
    )
    good = signature(SignedRequest("GET", "/", "h", None), parse_header(header.format("-")), CREDENTIAL)

    def outcome(text: str, rules: Rules = rules) -> str | None:
        try:
            request = SignedRequest("GET", "/", "h", header.format(quote(text)))
            verifier.verify(request, rules=rules, credentials={CREDENTIAL.token_id: CREDENTIAL}, now=0)
        except Refusal as refusal:
            return refusal.reason
        return None

    assert {outcome("wrong") for _ in range(5)} == {"InvalidSignature"}
    assert outcome("wrong", Rules("x", lockout=False)) == "InvalidSignature"
    assert outcome(good) == "temporary_locked"
    verifier.unlock()
    assert outcome(good) is None


@pytest.mark.parametrize(
    "change,reason",
    [
        ({"token_based_authentication": False}, "FeatureDisabled"),
        ({"integration_state": "blocked"}, "consumer_key_refused"),
    ],
)
def test_a_switched_off_feature_and_a_blocked_integration_are_refused(
    ns: Account, change: dict[str, object], reason: str
) -> None:
    ns.simulator.control("preferences", change)
    assert rest_error(ns.get("/salesOrder/106")) == (401, "INVALID_LOGIN", LOGIN)
    assert reasons(ns) == {reason: 1}


def test_a_role_that_may_not_log_in_with_tokens_is_refused(ns: Account) -> None:
    held = {"ADMI_RESTWEBSERVICES": "FULL", "TRAN_SALESORD": "VIEW", "ADMI_LOGIN_OAUTH2": "FULL"}
    ns.simulator.control("roles", {"role": "Billing", "permissions": held})
    assert ns.get("/salesOrder/106").status_code == 401
    ns.simulator.control("roles", {"role": "Billing", "permissions": held | {"ADMI_LOGIN_OAUTH": "FULL"}})
    assert ns.get("/salesOrder/106").status_code == 200
    assert reasons(ns) == {"permission_denied": 1}


def test_a_client_behind_a_proxy_that_ends_tls_signs_the_https_address_of_netsuite(ns: Account) -> None:
    signer = Signer(ns)
    signer.host, signer.scheme = "9000001-sb1.suitetalk.api.netsuite.com", "https"
    headers = {"Authorization": signer.header(), "Host": signer.host, "X-Forwarded-Proto": "https"}
    answer = requests.get(f"{ns.url}{RECORD}/salesOrder/106", headers=headers, timeout=10)
    assert answer.status_code == 200
    links = answer.json()["links"]
    assert links[0]["href"] == "https://9000001-sb1.suitetalk.api.netsuite.com/services/rest/record/v1/salesOrder/106"
    del headers["X-Forwarded-Proto"]
    signer.parameters["oauth_nonce"] = "another-nonce"
    headers["Authorization"] = signer.header()
    assert requests.get(f"{ns.url}{RECORD}/salesOrder/106", headers=headers, timeout=10).status_code == 401


@pytest.mark.parametrize(
    "host,path,status",
    [
        ("9000001-sb1.suitetalk.api.netsuite.com", f"{RECORD}/salesOrder/106", 401),
        ("9000001-sb1.restlets.api.netsuite.com", f"{RECORD}/salesOrder/106", 404),
        ("9000001-sb1.suitetalk.api.netsuite.com", RESTLET, 404),
        ("9000001-sb1.restlets.api.netsuite.com", RESTLET, 401),
        ("9000001-sb1.restlets.api.netsuite.com", "/rest/tokeninfo", 401),
        ("1234567.suitetalk.api.netsuite.com", f"{RECORD}/salesOrder/106", 403),
        ("system.netsuite.com", RESTLET, 403),
    ],
)
def test_netsuites_own_host_names_serve_their_account_and_their_service_only(
    ns: Account, host: str, path: str, status: int
) -> None:
    answer = requests.get(ns.url + path, headers={"Host": host}, timeout=10)
    assert answer.status_code == status


def test_the_audit_trail_names_reason_kind_and_time_and_masks_the_token(ns: Account) -> None:
    with ns.session(token_secret="wrong") as session:
        session.post(ns.url + RESTLET, json={}, params={"script": "501", "deploy": "1"}, timeout=10)
    (entry,) = requests.get(f"{ns.url}/_simulator/login_audit", timeout=5).json()["entries"]
    token = ns.keys["token_id"]
    assert (entry["reason"], entry["kind"]) == ("InvalidSignature", "restlet")
    assert entry["token"] == f"{token[:4]}…{token[-2:]}"
    assert abs(datetime.fromisoformat(entry["time"]) - datetime.now(UTC)) < timedelta(seconds=60)


def test_the_default_port_is_no_part_of_the_signed_address() -> None:
    pairs = [("oauth_nonce", "abcdef")]
    plain = SignedRequest("GET", "/a?b=1", "Example.com", None)
    ported = SignedRequest("GET", "/a?b=1", "example.com:80", None)
    other = SignedRequest("GET", "/a?b=1", "example.com:8080", None)
    assert signature(plain, pairs, CREDENTIAL) == signature(ported, pairs, CREDENTIAL)
    assert signature(plain, pairs, CREDENTIAL) != signature(other, pairs, CREDENTIAL)


def test_a_credential_shows_no_secret_in_its_repr() -> None:
    assert "kd94hf93k423kf44" not in repr(CREDENTIAL)


def test_a_malformed_header_is_refused_by_the_verifier() -> None:
    verifier = Verifier()
    request = SignedRequest("GET", "/", "h", 'OAuth realm="x", oauth_nonce=abc')
    with pytest.raises(Refusal) as refused:
        verifier.verify(request, rules=Rules("x"), credentials={}, now=0)
    assert (refused.value.status, refused.value.code, refused.value.reason) == (
        401,
        "INVALID_LOGIN",
        "parameter_rejected",
    )
