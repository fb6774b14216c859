"""Apply payments, credits and refunds to the documents they settle, and take applications back (netsuite 3.3, 6.2).

Kept in the books as ``link`` rows: ``previousdoc`` is settled by ``nextdoc``, ``foreignamount`` is the part in
hundredths. ``txn.paid`` of both sides is the sum of their rows, and the status follows from it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from nsbill.simulator.errors import invalid_field_value, user_error
from nsbill.simulator.stamps import DERIVED_STAMP

__all__ = ["LINK_TYPES", "apply_amounts", "settled_status", "unapply_amounts"]

LINK_TYPES = {"CustPymt": "Payment", "CustCred": "Payment", "CustRfnd": "Refund"}
"""Type of the document that pays to the link's type; ``Refund`` for a customer refund is uncertain (netsuite 6.2)."""

_SETTLES = {"CustPymt": ("CustInvc",), "CustCred": ("CustInvc",), "CustRfnd": ("CustCred", "CustPymt")}
_USABLE = {"CustInvc": "A", "CustCred": "A", "CustPymt": "BC"}


def apply_amounts(
    connection: sqlite3.Connection,
    payer_id: int,
    payer_type: str,
    amounts: Iterable[tuple[int, int]],
    now: str,
    *,
    path: str = "apply.items",
) -> None:
    """Settle documents with a payment, a credit memo (both: invoices) or a customer refund (credits, payments).

    Call it inside ``Books.writing``, after the payer's row was inserted with its ``total``.

    Parameters
    ----------
    payer_id, payer_type
        The row of ``txn`` that pays: CustPymt, CustCred or CustRfnd.
    amounts
        ``(document's id, hundredths)``; an amount of 0 is skipped.
    now
        The instant for ``lastmodifieddate``.
    path
        ``o:errorPath`` of a refusal.

    Raises
    ------
    Refusal
        Unknown document, another customer's or currency, not open, applied beyond what is open of the document
        or beyond what is left of the payer. Nothing is undone here: the caller's transaction rolls back.
    """
    payer = connection.execute("SELECT * FROM txn WHERE id = ?", (payer_id,)).fetchone()
    left = payer["total"] - payer["paid"]
    for place, (document_id, amount) in enumerate(amounts):
        if amount == 0:
            continue
        where = f"{path}[{place}]"
        document = _document(connection, payer, payer_type, document_id, where)
        if amount < 0 or amount > document["total"] - document["paid"]:
            raise user_error("You cannot apply more than the amount due.", path=f"{where}.amount")
        if amount > left:
            raise user_error("You cannot apply more than your total payments.", path=f"{where}.amount")
        left -= amount
        connection.execute(
            "INSERT INTO link (linktype, previousdoc, previousline, previoustype, nextdoc, nextline, nexttype, "
            "foreignamount, lastmodifieddate) VALUES (?, ?, 0, ?, ?, 0, ?, ?, ?)",
            (LINK_TYPES[payer_type], document_id, document["type"], payer_id, payer_type, amount, now),
        )
        _change_paid(connection, document_id, amount, now)
        _change_paid(connection, payer_id, amount, now)


def unapply_amounts(
    connection: sqlite3.Connection, payer_id: int, now: str, documents: Iterable[int] | None = None
) -> None:
    """Take back what a payer settled, all of it or only for ``documents`` (PATCH with ``apply: false``, DELETE)."""
    wanted = None if documents is None else set(documents)
    marks = ", ".join("?" for _ in set(LINK_TYPES.values()))
    rows = connection.execute(
        f"SELECT rowid, previousdoc, foreignamount FROM link WHERE nextdoc = ? AND linktype IN ({marks})",
        (payer_id, *sorted(set(LINK_TYPES.values()))),
    ).fetchall()
    for row in rows:
        if wanted is not None and row["previousdoc"] not in wanted:
            continue
        connection.execute("DELETE FROM link WHERE rowid = ?", (row["rowid"],))
        _change_paid(connection, row["previousdoc"], -row["foreignamount"], now)
        _change_paid(connection, payer_id, -row["foreignamount"], now)


def settled_status(kind: str, status: str, total: int, paid: int) -> str:
    """Return the status that follows from what is paid or applied: B when nothing is left of an invoice or credit."""
    if kind in ("CustInvc", "CustCred") and status in "AB":
        return "B" if paid >= total else "A"
    return status


def _document(
    connection: sqlite3.Connection, payer: sqlite3.Row, payer_type: str, document_id: int, where: str
) -> sqlite3.Row:
    row = connection.execute("SELECT * FROM txn WHERE id = ?", (document_id,)).fetchone()
    if (
        row is None
        or row["type"] not in _SETTLES[payer_type]
        or row["entity"] != payer["entity"]
        or row["currency"] != payer["currency"]
        or row["voided"] == "T"
        or row["status"] not in _USABLE[row["type"]]
    ):
        raise invalid_field_value(document_id, "doc", f"{where}.doc")
    found: sqlite3.Row = row
    return found


def _change_paid(connection: sqlite3.Connection, key: int, amount: int, now: str) -> None:
    row = connection.execute("SELECT type, status, total, paid FROM txn WHERE id = ?", (key,)).fetchone()
    paid = row["paid"] + amount
    status = settled_status(row["type"], row["status"], row["total"], paid)
    connection.execute(
        f"UPDATE txn SET paid = ?, status = ?, lastmodifieddate = {DERIVED_STAMP} WHERE id = ?",
        (paid, status, now, key),
    )
