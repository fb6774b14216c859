"""What a role may do: which request needs which permission at which level (netsuite 1.4), and the refusal."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from urllib.parse import unquote
from zlib import crc32

from nsbill.simulator.books import Books
from nsbill.simulator.errors import missing_permission
from nsbill.simulator.request import RECORD, Request

__all__ = [
    "LEVELS",
    "Permissions",
    "allowed",
    "check",
    "check_restlet",
    "may_read",
    "of_role",
    "require",
    "role_id",
    "roles",
    "set_role",
]

LEVELS = ("NONE", "VIEW", "CREATE", "EDIT", "FULL")
"""Each level includes those before it."""

Permissions = Mapping[str, str]
"""Permission ids with their levels, such as ``{"TRAN_SALESORD": "EDIT"}``."""

LABELS = {
    "ADMI_LOGIN_OAUTH": "Setup -> Log in using Access Tokens",
    "ADMI_LOGIN_OAUTH2": "Setup -> Log in using OAuth 2.0 Access Tokens",
    "ADMI_RESTWEBSERVICES": "Setup -> REST Web Services",
    "LIST_ACCOUNT": "Lists -> Accounts",
    "LIST_CURRENCY": "Lists -> Currency",
    "LIST_CUSTJOB": "Lists -> Customers",
    "LIST_FIND": "Lists -> Perform Search",
    "LIST_ITEM": "Lists -> Items",
    "LIST_SUBSIDIARY": "Lists -> Subsidiaries",
    "REPO_ANALYTICS": "Reports -> SuiteAnalytics Workbook",
    "TRAN_CASHRFND": "Transactions -> Cash Refund",
    "TRAN_CASHSALE": "Transactions -> Cash Sale",
    "TRAN_CUSTCRED": "Transactions -> Credit Memo",
    "TRAN_CUSTDEP": "Transactions -> Customer Deposit",
    "TRAN_CUSTINVC": "Transactions -> Invoice",
    "TRAN_CUSTPYMT": "Transactions -> Customer Payment",
    "TRAN_CUSTRFND": "Transactions -> Customer Refund",
    "TRAN_DEPOSIT": "Transactions -> Deposit",
    "TRAN_ITEMSHIP": "Transactions -> Item Fulfillment",
    "TRAN_RTNAUTH": "Transactions -> Return Authorization",
    "TRAN_SALESORD": "Transactions -> Sales Order",
}
"""How NetSuite's pages call each permission that matters here."""

RECORDS = {
    "account": "LIST_ACCOUNT",
    "cashrefund": "TRAN_CASHRFND",
    "cashsale": "TRAN_CASHSALE",
    "creditmemo": "TRAN_CUSTCRED",
    "currency": "LIST_CURRENCY",
    "customer": "LIST_CUSTJOB",
    "customerdeposit": "TRAN_CUSTDEP",
    "customerpayment": "TRAN_CUSTPYMT",
    "customerrefund": "TRAN_CUSTRFND",
    "deposit": "TRAN_DEPOSIT",
    "invoice": "TRAN_CUSTINVC",
    "item": "LIST_ITEM",
    "itemfulfillment": "TRAN_ITEMSHIP",
    "returnauthorization": "TRAN_RTNAUTH",
    "salesorder": "TRAN_SALESORD",
    "subsidiary": "LIST_SUBSIDIARY",
}
"""Record types, lower case, with the permission that they need; others need none here."""

_ITEM_TYPES = re.compile(r"\w+(item|kit)$")
_METHODS = {"GET": "VIEW", "HEAD": "VIEW", "POST": "CREATE", "PATCH": "EDIT", "PUT": "EDIT", "DELETE": "FULL"}
_SEARCH_ACTIONS = ("list_searches", "inspect_search", "set_status", "page")


def allowed(permissions: Permissions | None, permission: str, level: str = "VIEW") -> bool:
    """Say whether the role holds ``permission`` at ``level`` or above; no permissions at all means everything."""
    if permissions is None:
        return True
    return LEVELS.index(permissions.get(permission, "NONE")) >= LEVELS.index(level)


def require(permissions: Permissions | None, permission: str, level: str = "VIEW") -> None:
    """Refuse with 403 ``INSUFFICIENT_PERMISSION`` what the role may not do."""
    if not allowed(permissions, permission, level):
        raise missing_permission(LABELS.get(permission, permission))


def may_read(permissions: Permissions | None, record_type: str) -> bool:
    """Say whether the role sees records of ``record_type``; for SuiteQL, where a forbidden table looks missing."""
    if permissions is None:  # asked for each table of each query, and nearly every role may do everything
        return True
    permission = _permission_of(record_type)
    return permission is None or allowed(permissions, permission)


def check(permissions: Permissions | None, request: Request, kind: str) -> None:
    """Refuse a request of a REST service that the role may not make.

    Every REST call needs REST Web Services; SuiteQL needs SuiteAnalytics Workbook; records need their own permission
    at a level by method; a transform needs the source to be visible and the target to be creatable. Inside a
    RESTlet the script meets the lack itself, as an error of N/search: ``check_restlet``.
    """
    if permissions is None or not request.path.startswith("/services/"):
        return
    require(permissions, "ADMI_RESTWEBSERVICES")
    if kind == "suiteql":
        require(permissions, "REPO_ANALYTICS")
    elif kind in ("record", "transform"):
        parts = unquote(request.path.removeprefix(RECORD)).strip("/").split("/")
        source = _permission_of(parts[0])
        if kind == "record":
            _require_record(permissions, source, _METHODS.get(request.method, "FULL"))
            return
        _require_record(permissions, source, "VIEW")
        _require_record(permissions, _permission_of(parts[-1]), "CREATE")


def check_restlet(permissions: Permissions | None, action: str) -> None:
    """Refuse an action of nsbill's script as N/search would: searching needs Perform Search and Sales Order."""
    if action in _SEARCH_ACTIONS:
        require(permissions, "LIST_FIND")
        require(permissions, "TRAN_SALESORD")


def _require_record(permissions: Permissions, permission: str | None, level: str) -> None:
    if permission is not None:
        require(permissions, permission, level)


def _permission_of(record_type: str) -> str | None:
    name = record_type.lower()
    return RECORDS.get(name, "LIST_ITEM" if _ITEM_TYPES.fullmatch(name) else None)


def of_role(books: Books, role: str) -> Permissions | None:
    """Return the permissions of ``role``; none when it has no rows and so may do everything."""

    def read(reader: sqlite3.Connection) -> Permissions | None:
        rows = reader.execute("SELECT permission, level FROM role_permission WHERE role = ?", (role,)).fetchall()
        return {row["permission"]: row["level"] for row in rows} or None

    return books.kept(f"role {role}", read)


def role_id(role: str) -> int:
    """Return a role's internal id: 3 is the Administrator's everywhere, custom roles have ids of their own."""
    return 3 if role == "Administrator" else 1000 + crc32(role.encode()) % 9000


def roles(books: Books) -> dict[str, dict[str, str]]:
    """Return every role that signs in or has permissions, with them; an empty one may do everything."""
    reader = books.reader()
    names = "SELECT role FROM credential UNION SELECT role FROM certificate UNION SELECT role FROM role_permission"
    return {row["role"]: dict(of_role(books, row["role"]) or {}) for row in reader.execute(names).fetchall()}


def set_role(books: Books, role: str, permissions: Mapping[str, object]) -> None:
    """Replace the permissions of ``role``, or raise ``ValueError``; an empty mapping lets it do everything."""
    for permission, level in permissions.items():
        if level not in LEVELS:
            raise ValueError(f"level of {permission} must be one of {', '.join(LEVELS)}")
        if not re.fullmatch(r"[A-Z]{4}_[A-Z0-9_]+", permission):
            raise ValueError(f"'{permission}' is no permission id; they look like TRAN_SALESORD")
    with books.writing() as connection:
        connection.execute("DELETE FROM role_permission WHERE role = ?", (role,))
        rows = [(role, permission, level) for permission, level in permissions.items()]
        connection.executemany("INSERT INTO role_permission VALUES (?, ?, ?)", rows)
