"""nsbill.netsuite.replies: the shapes of errors, as NetSuite, its RESTlets, OAuth and gateways write them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import requests

from nsbill.netsuite.replies import parse_json, read_refusal


def answer(status: int, body: Any = "", **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.reason = "Some Reason"
    response._content = (
        body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    )
    response.encoding = "utf-8"
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def nested(name: str, message: object, **more: object) -> str:
    return json.dumps(
        {"type": "error.SuiteScriptError", "name": name, "message": message, "stack": ["secret path"], **more}
    )


# what | status | body | codes of the parts | text
SHAPES: list[tuple[str, int, Any, list[tuple[str, ...]], str]] = [
    (
        "details",
        400,
        {"title": "Bad Request", "status": 400, "o:errorDetails": [{"detail": "No.", "o:errorCode": "USER_ERROR"}]},
        [("USER_ERROR",)],
        "No",
    ),
    (
        "several details",
        400,
        {"o:errorDetails": [{"detail": "A.", "o:errorCode": "X"}, {"detail": "B.", "o:errorCode": "Y"}]},
        [("X",), ("Y",)],
        "A; B",
    ),
    (
        "details and a code of the whole",
        429,
        {"o:errorCode": "USER_ERROR", "o:errorDetails": [{"detail": "Busy.", "o:errorCode": "LIMIT"}]},
        [("LIMIT", "USER_ERROR")],
        "Busy",
    ),
    ("a detail without a code", 400, {"o:errorDetails": [{"detail": "No."}]}, [("UNKNOWN_SHAPE",)], "No"),
    (
        "a detail without a text",
        400,
        {"title": "Bad", "o:errorDetails": [{"o:errorCode": "X"}]},
        [("X",)],
        "Bad",
    ),
    ("one detail that is no list", 400, {"o:errorDetails": {"detail": "No.", "o:errorCode": "X"}}, [("X",)], "No"),
    ("a detail that is a text", 400, {"o:errorCode": "X", "o:errorDetails": ["No."]}, [("X",)], "No"),
    (
        "the title only, of an early build",
        400,
        {"type": "u", "title": "Please enter a value for entity", "status": 400, "o:errorCode": "FIELD_PARAM_REQD"},
        [("FIELD_PARAM_REQD",)],
        "Please enter a value for entity",
    ),
    ("an empty list of details", 404, {"title": "Not Found", "o:errorDetails": []}, [("UNKNOWN_SHAPE",)], "Not Found"),
    ("a script's error", 400, {"error": {"code": "X", "message": "No."}}, [("X",)], "No"),
    ("a script's error without a text", 400, {"error": {"code": "X"}}, [("X",)], "X"),
    (
        "a script's error with JSON in its text",
        400,
        {"error": {"code": "UNEXPECTED_ERROR", "message": nested("INVALID_SEARCH", "No search.")}},
        [("INVALID_SEARCH", "UNEXPECTED_ERROR")],
        "No search",
    ),
    (
        "JSON in JSON in JSON",
        400,
        {"error": {"code": "A", "message": nested("B", nested("C", "Deep."))}},
        [("C", "B", "A")],
        "Deep",
    ),
    (
        "a script's error as an object",
        400,
        {"error": {"name": "B", "message": {"name": "C", "message": "Inside.", "stack": ["secret path"]}}},
        [("C", "B")],
        "Inside",
    ),
    (
        "a text that only looks like JSON",
        400,
        {"error": {"code": "X", "message": "{not json"}},
        [("X",)],
        "{not json",
    ),
    (
        "OAuth's error",
        400,
        {"error": "invalid_request", "error_description": "The assertion is missing."},
        [("invalid_request",)],
        "The assertion is missing",
    ),
    ("OAuth's error alone", 400, {"error": "invalid_grant"}, [("invalid_grant",)], "invalid_grant"),
    ("an error that is a sentence", 400, {"error": "It is broken."}, [("UNKNOWN_SHAPE",)], "It is broken"),
    ("a list", 400, [1, 2], [("UNKNOWN_SHAPE",)], "[1, 2]"),
    ("a number", 400, "42", [("UNKNOWN_SHAPE",)], "42"),
    ("null", 400, "null", [("NO_BODY",)], "Some Reason"),
    ("an empty body", 500, "", [("NO_BODY",)], "Some Reason"),
    ("an empty object", 500, {}, [("NO_BODY",)], "Some Reason"),
    (
        "a page",
        503,
        "<html><head><title>Down &amp; out</title><style>p{}</style></head><body>Wait<script>x()</script></body></html>",
        [("NO_JSON",)],
        "a page instead of data: Down & out Wait",
    ),
    ("a plain text", 502, "Bad\n gateway", [("NO_JSON",)], "Bad gateway"),
    (
        "a script's plain text",
        400,
        "error code: SSS_MISSING_REQD_ARGUMENT\nerror message: action: Missing a required argument",
        [("SSS_MISSING_REQD_ARGUMENT",)],
        "action: Missing a required argument",
    ),
    (
        "cut-off JSON",
        400,
        '{"o:errorDetails": [{"detail": "N',
        [("NO_JSON",)],
        '{"o:errorDetails": [{"detail": "N',
    ),
    ("bytes that are no text", 400, b"\xff\xfe\x00", [("NO_JSON",)], "��\x00"),
]


@pytest.mark.parametrize("what, status, body, codes, text", SHAPES, ids=[shape[0] for shape in SHAPES])
def test_each_shape_of_an_error_is_read(
    what: str, status: int, body: Any, codes: list[tuple[str, ...]], text: str
) -> None:
    refusal = read_refusal(answer(status, body))
    assert refusal.status == status
    assert [part.codes for part in refusal.parts] == codes
    assert refusal.detail == text
    assert "secret path" not in refusal.detail


@pytest.mark.parametrize("kind", ["text/html", "application/octet-stream", "text/plain;charset=latin1"])
def test_json_is_read_whatever_its_content_type_says(kind: str) -> None:
    body = {"error": {"code": "X", "message": "No."}}
    assert read_refusal(answer(400, body, Content_Type=kind)).code == "X"


def test_a_header_tells_the_reason_of_a_refused_sign_in() -> None:
    header = 'Bearer realm="9000001_SB1", error="invalid_token", error_description="Invalid login attempt."'
    alone = read_refusal(answer(401, "", WWW_Authenticate=header))
    assert (alone.code, alone.detail) == ("invalid_token", "Invalid login attempt")
    body = {"error": {"code": "INVALID_LOGIN_ATTEMPT", "message": "Invalid login attempt."}}
    both = read_refusal(answer(401, body, WWW_Authenticate=header))
    assert [part.codes[0] for part in both.parts] == ["INVALID_LOGIN_ATTEMPT", "invalid_token"]
    assert both.detail == "Invalid login attempt"
    assert read_refusal(answer(401, "", WWW_Authenticate='Basic realm="x"')).code == "NO_BODY"


@pytest.mark.parametrize("name", ["X_N_OperationId", "X_NetSuite_Operation_Id", "X_Request_Id", "Akamai_GRN"])
def test_the_request_id_is_looked_for_in_several_headers(name: str) -> None:
    assert read_refusal(answer(400, {}, **{name: "id-1"})).request_id == "id-1"
    assert read_refusal(answer(400, {})).request_id is None


def test_the_place_of_the_fault_is_kept() -> None:
    places = {"o:errorPath": "item.items[0]", "o:errorQueryParam": "q", "o:errorHeader": "Prefer"}
    for name, place in places.items():
        refusal = read_refusal(answer(400, {"o:errorDetails": [{"detail": "No.", "o:errorCode": "X", name: place}]}))
        assert refusal.parts[0].place == place


def test_a_long_text_is_cut_and_no_amount_becomes_a_binary_float() -> None:
    refusal = read_refusal(answer(400, {"error": {"code": "X", "message": "long " * 1000}}))
    assert len(refusal.detail) <= 1000
    assert parse_json('{"total": 0.1, "count": 3}') == {"total": Decimal("0.1"), "count": 3}
