"""One HTTP request as the imitated hosts see it, and which part of NetSuite it is for. No HTTP server in here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qsl, unquote, urlsplit

from nsbill.simulator.errors import bad_request, unsupported_media_type
from nsbill.simulator.records import View

__all__ = [
    "ASYNC",
    "GOVERNANCE_LIMITS",
    "OAUTH2",
    "RECORD",
    "RESTLET",
    "SUITEQL",
    "WHO_AM_I",
    "Request",
    "kind_of",
    "view_of",
]

RECORD = "/services/rest/record/v1/"
SUITEQL = "/services/rest/query/v1/suiteql"
ASYNC = "/services/rest/async/v1/"
RESTLET = "/app/site/hosting/restlet.nl"
OAUTH2 = "/services/rest/auth/oauth2/v1/token"
GOVERNANCE_LIMITS = "/services/rest/system/v1/governanceLimits"
WHO_AM_I = "/rest/tokeninfo"


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names lower case; ``target`` is the raw path with its query."""

    method: str
    target: str
    host: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"
    """What the client used: ``https`` behind a proxy on this machine that ends TLS."""
    role: str = ""
    """The name of the caller's role."""
    permissions: Mapping[str, str] | None = None
    """The role's permissions with their levels; none: the role may do everything."""

    @property
    def origin(self) -> str:
        """Scheme and host, as links of answers begin."""
        return f"{self.scheme}://{self.host}"

    @property
    def path(self) -> str:
        """The raw path."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def json(self) -> object:
        """Parse the body, numbers exactly; ``None`` for an empty one."""
        if not self.body:
            return None
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media not in ("application/json", "application/vnd.oracle.resource+json"):
            raise unsupported_media_type()
        try:
            content: object = json.loads(self.body, parse_float=Decimal, parse_constant=_refuse_constant)
        except ValueError:
            raise bad_request() from None
        return content


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def kind_of(request: Request) -> str:
    """Tell which part of NetSuite a request is for: record, transform, suiteql, restlet, async, token, system, other."""
    path = request.path
    if path == OAUTH2:
        return "token"
    if path in (GOVERNANCE_LIMITS, WHO_AM_I):
        return "system"
    if path == RESTLET:
        return "restlet"
    if path == SUITEQL:
        return "suiteql"
    if path.startswith(ASYNC):
        return "async"
    if path.startswith(RECORD):
        return "transform" if "!transform" in unquote(path) else "record"
    return "other"


def view_of(request: Request) -> View:
    """Read from the query how the caller wants records shown."""
    query = request.query
    return View(
        base=f"{request.origin}{RECORD.rstrip('/')}",
        expand=query.get("expandSubResources", "false").lower() == "true",
        simple_enums=query.get("simpleEnumFormat", "false").lower() == "true",
        fields=tuple(filter(None, query.get("fields", "").split(","))),
    )
