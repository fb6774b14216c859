"""NetSuite's refusals: each factory returns one, in NetSuite's own words.

A ``Refusal`` is raised by the rules and rendered by ``replies``; where a text is a guess it is said here.
"""

from __future__ import annotations

__all__ = [
    "Refusal",
    "already_exists",
    "bad_request",
    "bearer_refused",
    "concurrency_exceeded",
    "invalid_field_value",
    "invalid_parameter",
    "invalid_query",
    "invalid_value",
    "login_refused",
    "method_not_allowed",
    "missing_permission",
    "no_such_record",
    "not_imitated",
    "please_enter",
    "record_changed",
    "unexpected_error",
    "unknown_property",
    "unsupported_media_type",
    "user_error",
    "wrong_host",
]

_ACCESS = "Error while accessing a resource. "
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    415: "Unsupported Media Type",
    429: "Bad Request",  # NetSuite's own title for 429
    500: "Internal Server Error",
    501: "Not Implemented",
}


class Refusal(Exception):
    """A request that NetSuite would refuse: HTTP status, ``o:errorCode``, text, and where the fault lies."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        path: str | None = None,
        query_param: str | None = None,
        header: str | None = None,
        headers: dict[str, str] | None = None,
        reason: str | None = None,
        title: str | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail
        self.path, self.query_param, self.header = path, query_param, header
        self.headers = dict(headers or {})
        self._title = title
        self.reason = reason
        """For the login audit trail only; never sent."""

    @property
    def title(self) -> str:
        """The error's title as NetSuite writes it."""
        return self._title or _TITLES[self.status]


def login_refused(reason: str, *, headers: dict[str, str] | None = None) -> Refusal:
    """Refuse a sign-in; the reason goes into the login audit trail, never into the answer (netsuite 1.1)."""
    detail = (
        "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at "
        "Setup > Users/Roles > User Management > View Login Audit Trail."
    )
    return Refusal(401, "INVALID_LOGIN", detail, headers=headers, reason=reason)


def bearer_refused(reason: str, account: str, *, status: int = 401, error: str = "invalid_token") -> Refusal:
    """Refuse an access token of OAuth 2.0 (netsuite 1.1); the reason goes into the login audit trail only."""
    described = {"invalid_token": "Invalid login attempt.", "insufficient_scope": "Insufficient scope."}
    text = described.get(error, "The request is malformed.")
    headers = {"WWW-Authenticate": f'Bearer realm="{account}", error="{error}", error_description="{text}"'}
    if status == 401:
        return login_refused(reason, headers=headers)
    code = "INSUFFICIENT_PERMISSION" if status == 403 else "INVALID_REQUEST"
    return Refusal(status, code, text, headers=headers, reason=reason)


def missing_permission(label: str) -> Refusal:
    """Refuse what the caller's role may not do (netsuite 8.4; code and text are uncertain)."""
    detail = (
        f"Permission Violation: You need the '{label}' permission to access this page. "
        "Please contact your account administrator."
    )
    return Refusal(403, "INSUFFICIENT_PERMISSION", detail, reason="permission")


def wrong_host(status: int = 404) -> Refusal:
    """Refuse a path on a host that does not serve it (status, code and text are uncertain; netsuite 7.3)."""
    if status == 403:
        return Refusal(403, "INVALID_DOMAIN", "The request was sent to the wrong domain; use the account's own.")
    return Refusal(404, "NOT_FOUND", "The requested resource does not exist on this domain.")


def bad_request(detail: str = "The request could not be understood by the server due to malformed syntax.") -> Refusal:
    """Refuse a URL or body that cannot be read (netsuite 8.4)."""
    return Refusal(400, "INVALID_REQUEST", detail)


def user_error(text: str, *, path: str | None = None) -> Refusal:
    """Refuse by a business rule (netsuite 4.2, 8.4; the code is uncertain for some rules)."""
    return Refusal(400, "USER_ERROR", _ACCESS + text, path=path)


def already_exists() -> Refusal:
    """Refuse a second record with an external id in use (netsuite 4.5)."""
    return user_error("This record already exists.")


def please_enter(label: str) -> Refusal:
    """Refuse because a mandatory field is empty; names the label, one field per attempt (netsuite 4.2)."""
    return user_error(f"Please enter value(s) for: {label}")


def invalid_field_value(value: object, field: str, path: str) -> Refusal:
    """Refuse a value that does not exist or is not allowed (netsuite 8.4)."""
    return user_error(f"You have entered an Invalid Field Value {value} for the following field: {field}", path=path)


def invalid_value(field: str, path: str | None = None) -> Refusal:
    """Refuse a value of the wrong type or format."""
    detail = f"Invalid value for the resource or sub-resource field '{field}'. Provide a valid value."
    return Refusal(400, "INVALID_CONTENT", detail, path=path or field)


def unknown_property(name: str, resource: str) -> Refusal:
    """Refuse an unknown body property under ``X-NetSuite-PropertyNameValidation: error`` (text uncertain)."""
    detail = f"Property '{name}' was not found in the resource '{resource}'."
    return Refusal(400, "INVALID_CONTENT", detail, path=name)


def no_such_record() -> Refusal:
    """Refuse an id that does not exist (netsuite 3.2)."""
    return Refusal(404, "NONEXISTENT_ID", "Record does not exist.")


def record_changed() -> Refusal:
    """Refuse because somebody else changed the record in between: load it again and repeat (netsuite 8.4)."""
    return Refusal(400, "RCRD_HAS_BEEN_CHANGED", "Record has been changed")


def method_not_allowed(method: str) -> Refusal:
    """Refuse a method that the resource does not know."""
    return Refusal(405, "METHOD_NOT_ALLOWED", f"The {method} method is not allowed for the requested resource.")


def not_imitated(what: str) -> Refusal:
    """Refuse what NetSuite can do and the simulator cannot."""
    return Refusal(501, "UNSUPPORTED_OPERATION", f"The simulator does not imitate {what} yet.")


def unsupported_media_type() -> Refusal:
    """Refuse a body that is not JSON (netsuite 3.1, 7.3)."""
    return Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The request's Content-Type is not supported; send application/json.")


def invalid_parameter(detail: str, *, query_param: str | None = None, header: str | None = None) -> Refusal:
    """Refuse a query parameter or header (netsuite 6.1; the code is uncertain for paging)."""
    return Refusal(400, "INVALID_PARAMETER", detail, query_param=query_param, header=header)


def invalid_query(detail: str) -> Refusal:
    """Refuse a SuiteQL query, in the texts seen live (netsuite 6.1)."""
    text = f"Invalid search query. Detailed unprocessed description follows. {detail}"
    return Refusal(400, "INVALID_PARAMETER", text, query_param="q")


def concurrency_exceeded(retry_after: int | None) -> Refusal:
    """Refuse because all of the account's slots are busy (netsuite 8.1)."""
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    detail = "Concurrent request limit exceeded. Request blocked."
    return Refusal(429, "CONCURRENCY_LIMIT_EXCEEDED", detail, headers=headers)


def unexpected_error(error_id: str) -> Refusal:
    """Fail inside (netsuite 8.4)."""
    return Refusal(500, "UNEXPECTED_ERROR", f"An unexpected error occurred. Error ID: {error_id}")
