"""What an HTTP answer means: parsed exactly, errors mapped to the exception tree.

Error shapes: NetSuite REST error bodies with and without ``o:errorDetails``, RESTlet envelopes, nested SuiteScript
errors, and bodies that are not JSON at all (gateways). Never matched on ``type``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

from nsbill.errors import NetSuiteError, SearchError, SignInRefused, TooManyRequests

__all__ = ["Reply", "error_of", "parse_json"]

_LOGIN_CODES = frozenset({"INVALID_LOGIN", "INVALID_LOGIN_ATTEMPT"})
_BUSY_CODES = frozenset({"CONCURRENCY_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED"})
_SEARCH_CODES = frozenset({"INVALID_SEARCH"})

_REMEDIES: tuple[tuple[str, str, str], ...] = (
    ("", r"already exists", "A record with this external id exists; nsbill looks it up."),
    ("", r"not a valid record transformation", "Look at the order's status and form in NetSuite, then plan again."),
    ("", r"at least one line item", "Nothing of the order can be billed now; look at its shipments, then plan again."),
    ("", r"(period).*(closed|locked)|(closed|locked).*(period)", "Open the period, or bill with another date."),
    ("", r"enter (a )?value", "Fill the named field on the order or its form, then plan again."),
    ("", r"locked by", "Release the record in NetSuite, then plan again."),
    ("", r"currently|has been changed", "Somebody else was changing the record; plan again."),
    ("INSUFFICIENT_PERMISSION", "", "Give the integration's role the named permission."),
    ("NONEXISTENT_ID", "", "The record is gone in NetSuite; plan again."),
    ("SSS_INVALID_SCRIPTLET_ID", "", "Check 'script' and 'deploy' in the settings; is the RESTlet deployed?"),
    ("INVALID_PARAMETER", "", "This is a fault in the query; report it with this text."),
)


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
    code, detail = _code_and_detail(response)
    kind = NetSuiteError
    remedy = next((r for c, p, r in _REMEDIES if _fits(c, code) and re.search(p, detail, re.IGNORECASE)), "")
    if response.status_code == 401 or code in _LOGIN_CODES:
        kind = SignInRefused
        remedy = "Check account id, keys, token, role and clock; NetSuite's Login Audit Trail names the reason."
    elif response.status_code == 429 or code in _BUSY_CODES:
        kind, remedy = TooManyRequests, "Lower 'slots' in the settings, or run when other integrations rest."
    elif code in _SEARCH_CODES:
        kind, remedy = SearchError, "List the searches that this role sees with: nsbill searches."
    return kind(
        what,
        status=response.status_code,
        code=code,
        detail=detail,
        remedy=remedy or "See NetSuite's text; nothing was changed by this request.",
        request_id=response.headers.get("X-N-OperationId"),
    )


def _fits(wanted: str, code: str) -> bool:
    return not wanted or wanted == code


def _code_and_detail(response: requests.Response) -> tuple[str, str]:
    """Return code and text of any of the known error shapes; a foreign body is quoted in short."""
    try:
        body = parse_json(response.text)
    except ValueError:
        return "NO_JSON", " ".join(response.text.split())[:200] or response.reason or "empty answer"
    if not isinstance(body, dict):
        return "UNKNOWN_SHAPE", str(body)[:200]
    details = body.get("o:errorDetails")
    if isinstance(details, list) and details and isinstance(details[0], dict):
        first = details[0]
        return str(first.get("o:errorCode", "")), str(first.get("detail", ""))
    error = body.get("error")
    if isinstance(error, dict):
        return str(error.get("code", "")), _innermost(str(error.get("message", "")))
    return str(body.get("o:errorCode", "UNKNOWN_SHAPE")), str(body.get("title") or body)[:200]


def _innermost(message: str) -> str:
    """Unwrap a message that is itself a JSON text of a SuiteScript error."""
    try:
        inner = json.loads(message)
    except ValueError:
        return message
    return str(inner.get("message", message)) if isinstance(inner, dict) else message
