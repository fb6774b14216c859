"""What an HTTP answer means: parsed exactly, errors of every known shape mapped to the exception tree.

Shapes (netsuite 1.1, 1.2, 7.3, 8.4): ``o:errorDetails`` with one or several details, a top-level ``o:errorCode``, a
title only, the RESTlet's ``error`` object whose message may be the JSON text of a SuiteScript error, OAuth's
``error`` and ``error_description``, ``WWW-Authenticate``, plain texts, and gateways' HTML. Never matched on ``type``.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

from nsbill.errors import NetSuiteError
from nsbill.netsuite.refusal_rules import RULES
from nsbill.netsuite.refusals import Part, Refusal, advise

__all__ = ["Reply", "envelope_error", "error_of", "parse_json", "read_refusal"]

_REQUEST_ID_HEADERS = (
    "X-N-OperationId",
    "X-NetSuite-Operation-Id",
    "X-NetSuite-Request-Id",
    "X-Request-Id",
    "X-Correlation-Id",
    "Akamai-GRN",
)
_PLACES = ("o:errorPath", "o:errorQueryParam", "o:errorHeader", "o:errorUrl", "o:urlPath")
_LONGEST_TEXT = 1000
_DEEPEST = 6
_SCRIPT_TEXT = re.compile(r"error code:\s*(?P<code>\S+)\s*error message:\s*(?P<text>.*)", re.IGNORECASE | re.DOTALL)
_HEADER_PAIR = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Reply:
    """A successful answer: status, headers, and the JSON body (``None`` when empty)."""

    status: int
    body: Any
    location: str | None


def parse_json(text: str) -> Any:
    """Parse JSON with every number with a fraction as ``Decimal``, so that no amount goes through a float."""
    return json.loads(text, parse_float=Decimal)


def error_of(what: str, response: requests.Response) -> NetSuiteError:
    """Map an answer with an error to the exception that says what to do next."""
    return _error(what, read_refusal(response))


def envelope_error(what: str, code: str, message: str) -> NetSuiteError:
    """Map an error that nsbill's RESTlet caught and reported in its envelope, with HTTP status 200."""
    return _error(what, Refusal(200, (_script_part(code, message),)))


def read_refusal(response: requests.Response) -> Refusal:
    """Read status, codes, texts and request id out of an answer of any shape."""
    text = response.text
    try:
        body = parse_json(text) if text.strip() else None
    except (ValueError, RecursionError):
        parts: tuple[Part, ...] = (_foreign_part(text),)
    else:
        parts = _parts_of(body) or (Part(("NO_BODY",), response.reason or "an empty answer"),)
    parts += _challenge(response.headers.get("WWW-Authenticate", ""))
    if len(parts) > 1 and parts[0].codes == ("NO_BODY",):
        parts = parts[1:]
    request_id = next((response.headers[name] for name in _REQUEST_ID_HEADERS if response.headers.get(name)), None)
    return Refusal(response.status_code, parts, request_id)


def _error(what: str, refusal: Refusal) -> NetSuiteError:
    kind, advice = advise(refusal, RULES)
    return kind(
        what,
        status=refusal.status,
        code=refusal.code,
        detail=refusal.detail,
        advice=advice,
        request_id=refusal.request_id,
    )


def _parts_of(body: object) -> tuple[Part, ...]:
    """Return the errors that a JSON body lists; empty for an empty one."""
    if body is None or body == {}:
        return ()
    if not isinstance(body, dict):
        return (Part(("UNKNOWN_SHAPE",), _short(body)),)
    if "error" in body:
        return (_error_part(body),)
    top = _text(body, "o:errorCode")
    title = _text(body, "title")
    details = body.get("o:errorDetails")
    listed = details if isinstance(details, list) else [details]
    parts = tuple(_detail_part(one, top, title) for one in listed if one)
    if parts:
        return parts
    known = _text(body, "detail") or title or _text(body, "message") or _short(body)
    return (Part((top or _text(body, "code") or "UNKNOWN_SHAPE",), known),)


def _detail_part(detail: object, top: str, title: str) -> Part:
    if not isinstance(detail, Mapping):
        return Part((top or "UNKNOWN_SHAPE",), _short(detail))
    codes = tuple(code for code in (_text(detail, "o:errorCode"), top) if code) or ("UNKNOWN_SHAPE",)
    place = next((_text(detail, name) for name in _PLACES if _text(detail, name)), "")
    return Part(codes, _text(detail, "detail") or title or _short(detail), place)


def _error_part(body: Mapping[str, Any]) -> Part:
    """Read a RESTlet's ``{"error": {"code", "message"}}``, or OAuth's ``{"error": "…", "error_description": "…"}``."""
    error = body["error"]
    if isinstance(error, Mapping):
        code = _text(error, "code") or _text(error, "name") or "UNKNOWN_SHAPE"
        return _script_part(code, error.get("message", error.get("details", "")))
    text = _text(body, "error_description") or _text(body, "message")
    return Part((str(error) if re.fullmatch(r"\w+", str(error)) else "UNKNOWN_SHAPE",), text or _short(error))


def _script_part(code: str, message: object) -> Part:
    """Unwrap a message that is itself the JSON text of a SuiteScript error, however deep; stacks are dropped."""
    codes = [code]
    for _ in range(_DEEPEST):
        inner = message
        if isinstance(message, str) and message.lstrip().startswith("{"):
            try:
                inner = json.loads(message)
            except ValueError:
                break
        if not isinstance(inner, Mapping):
            break
        name = _text(inner, "name") or _text(inner, "code")
        if name:
            codes.insert(0, name)
        deeper = inner.get("message") or inner.get("details") or inner.get("cause")
        message = deeper if deeper is not None else ""
    return Part(tuple(dict.fromkeys(codes)), _short(message) if message else code)


def _challenge(header: str) -> tuple[Part, ...]:
    """Read the reason in ``WWW-Authenticate: Bearer realm="…", error="invalid_token", error_description="…"``."""
    pairs = dict(_HEADER_PAIR.findall(header))
    if "error" not in pairs:
        return ()
    return (Part((pairs["error"],), pairs.get("error_description", "")),)


def _foreign_part(text: str) -> Part:
    """Quote a body that is not JSON: a script's plain text, or a gateway's page without its markup."""
    found = _SCRIPT_TEXT.search(text)
    if found and "<" not in found["code"]:
        return _script_part(found["code"], found["text"].strip())
    if re.search(r"<\s*(!doctype|html|head|body|\?xml|title)\b", text, re.IGNORECASE):
        bare = re.sub(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", " ", text, flags=re.IGNORECASE | re.DOTALL)
        words = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", bare)).split())
        return Part(("NO_JSON",), f"a page instead of data: {words[:200]}")
    return Part(("NO_JSON",), " ".join(text.split())[:200])


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return " ".join(text.split())[:_LONGEST_TEXT]
