"""NetSuite's JSON shapes: replies, error bodies, links, references, and numbers written exactly."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from nsbill.simulator.errors import Refusal

__all__ = [
    "Cents",
    "Reply",
    "decimal_text",
    "drop_nulls",
    "enum",
    "plain_json",
    "render_json",
    "rest_error",
    "restlet_error",
    "scaled_text",
]

REST_JSON = "application/vnd.oracle.resource+json; type="
_TYPE_URL = "https://www.rfc-editor.org/rfc/rfc9110.html#section-15."
_SECTIONS = {400: "5.1", 401: "5.2", 403: "5.4", 404: "5.5", 405: "5.6", 415: "5.16", 429: "5", 500: "6.1", 501: "6.2"}


@dataclass(frozen=True)
class Reply:
    """An HTTP answer: status, body bytes, headers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def json(content: object, *, status: int = 200, kind: str = "application/json") -> Reply:
        """Answer with JSON; ``kind`` is the media type."""
        return Reply(status, render_json(content).encode(), {"Content-Type": kind})


def plain_json(content: object, kind: str = "application/json") -> Reply:
    """Answer with JSON that holds no amounts as numbers; much faster than ``Reply.json`` for long pages."""
    return Reply(200, json.dumps(content, separators=(",", ":")).encode(), {"Content-Type": kind})


class Cents(int):
    """An amount in hundredths that is written as a JSON number: ``1234.5``, ``200.0``, ``0.05``."""


def scaled_text(units: int, scale: int) -> str:
    """Write an integer of ``10**-scale`` units as a plain decimal without trailing zeros: (12345, 2) is ``123.45``."""
    if scale == 0:
        return str(units)
    digits = str(abs(units)).rjust(scale + 1, "0")
    fraction = digits[-scale:].rstrip("0")
    sign = "-" if units < 0 else ""
    return f"{sign}{digits[:-scale]}.{fraction}" if fraction else f"{sign}{digits[:-scale]}"


def decimal_text(hundredths: int) -> str:
    """Write hundredths with both decimals: ``1234.50``, as a saved search does."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def render_json(content: object) -> str:
    """Write JSON; ``Cents`` and ``Decimal`` become exact numbers, a binary float is refused."""
    if isinstance(content, Cents):
        text = scaled_text(int(content), 2)
        return text if "." in text else text + ".0"
    if isinstance(content, Decimal):
        return format(content, "f")
    if isinstance(content, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{render_json(value)}" for key, value in content.items()) + "}"
    if isinstance(content, list | tuple):
        return "[" + ",".join(render_json(value) for value in content) + "]"
    if content is None or isinstance(content, str | bool | int):
        return json.dumps(content)
    raise TypeError(f"{type(content).__name__} cannot be written exactly as JSON")


def rest_error(refusal: Refusal) -> Reply:
    """Render a refusal as REST web services do (netsuite 8.4)."""
    where = {"o:errorPath": refusal.path, "o:errorQueryParam": refusal.query_param, "o:errorHeader": refusal.header}
    detail = {"detail": refusal.detail, "o:errorCode": refusal.code, **drop_nulls(where.items())}
    body: dict[str, object] = {
        "type": _TYPE_URL + _SECTIONS[refusal.status],
        "title": refusal.title,
        "status": refusal.status,
    }
    if refusal.status == 429:
        body["o:errorCode"] = "USER_ERROR"
    body["o:errorDetails"] = [detail]
    reply = Reply.json(body, status=refusal.status, kind=REST_JSON + "error")
    return Reply(reply.status, reply.body, {**reply.headers, **refusal.headers})


_RESTLET_CODES = {401: "INVALID_LOGIN_ATTEMPT", 429: "SSS_REQUEST_LIMIT_EXCEEDED"}
_RESTLET_TEXTS = {401: "Invalid login attempt.", 429: "Concurrent request limit exceeded. Request blocked."}


def restlet_error(refusal: Refusal) -> Reply:
    """Render a refusal as the RESTlet host does (netsuite 1.1, 7.3, 8.1): the over-limit answer is a 400."""
    code = _RESTLET_CODES.get(refusal.status, refusal.code)
    message = _RESTLET_TEXTS.get(refusal.status, refusal.detail)
    status = 400 if refusal.status == 429 else refusal.status
    reply = Reply.json({"error": {"code": code, "message": message}}, status=status)
    return Reply(reply.status, reply.body, {**reply.headers, **refusal.headers})


def drop_nulls(fields: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Keep the fields that have a value: NetSuite leaves nulls out."""
    return {name: value for name, value in fields if value is not None}


def enum(code: str | None, name: str | None, *, simple: bool) -> object:
    """Write an enumeration as ``{id, refName}``, or as its bare id under ``simpleEnumFormat=true``."""
    if code is None:
        return None
    return code if simple else {"id": code, "refName": name}
