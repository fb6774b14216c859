"""Take the exceptions of a reconciliation into the queue: what is new, changed, gone, found again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from nsbill.billing.journal_queue import QueueWriting
from nsbill.billing.journal_queue_tables import GONE
from nsbill.errors import JournalError
from nsbill.exception_queue.lifecycle import IDENTITY, Found, Happening, Standing, identity_of, what_happened
from nsbill.exception_queue.told import IsTold
from nsbill.vocabulary import ExceptionState

__all__ = ["Taking", "take_in"]


@dataclass(frozen=True)
class Taking:
    """What taking a reconciliation in did.

    ``events``: how many of which kind. ``untold``: how many are not found, but could not be looked for. ``refused``: why
    nothing was taken in; empty when it was.
    """

    as_of: date
    exceptions: int
    events: Mapping[str, int] = field(default_factory=dict)
    untold: int = 0
    refused: str = ""

    @property
    def taken(self) -> bool:
        """Whether it was taken in."""
        return not self.refused

    @property
    def sentence(self) -> str:
        """What happened, in one sentence."""
        if self.refused:
            return f"Not taken into the queue: {self.refused}."
        words = (("new", "seen"), ("changed", "changed"), ("open again", "re-opened"), ("gone", "gone"))
        told = ", ".join(f"{self.events[kind]} {word}" for word, kind in words if self.events.get(kind))
        text = f"{self.exceptions} exceptions as of {self.as_of} are in the queue: {told or 'nothing changed'}."
        return text + (f" {self.untold} could not be looked for and stay as they are." if self.untold else "")


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation found as of a day: rows of EXCEPTIONS by identity, and where they belong."""

    account: str
    seller_account: str
    as_of: date
    who: str
    rows: Mapping[str, Mapping[str, Any]]
    digest: str
    """SHA-256 of what was found, whatever the order of the rows."""

    @classmethod
    def of(cls, rows: list[dict[str, Any]], *, account: str, seller_account: str, as_of: date, who: str) -> Reconciled:
        """Give each row its identity.

        Raises
        ------
        JournalError
            A row is of another seller account, or two rows are the same exception.
        """
        named: dict[str, Mapping[str, Any]] = {}
        for row in rows:
            if row["seller_account"] != seller_account:
                problem = f"an exception is of the seller account '{row['seller_account']}', not '{seller_account}'"
                raise JournalError(problem, "Nothing was taken in; correct the setting 'seller_account'.")
            identity = identity_of(row)
            if identity in named:
                told = ", ".join(str(row[name]) for name in IDENTITY if row[name] is not None)
                raise JournalError(f"the exception {told} is there twice", "Nothing was taken in; reconcile again.")
            named[identity] = row
        return cls(account, seller_account, as_of, who, named, _digest(named))


def take_in(to: QueueWriting, found: Reconciled, is_told: IsTold) -> Taking:
    """Write what a reconciliation changes, unless one as of a later day is there: what it says is outdated."""
    newest = to.newest_taking(found.account, found.seller_account)
    if newest is not None and found.as_of < newest["as_of"]:
        why = f"it has the exceptions as of {newest['as_of']} already, and these are as of {found.as_of}"
        return Taking(found.as_of, len(found.rows), refused=why)
    standing = {row.identity: row for row in to.positions(found.account, found.seller_account)}
    taking_id = to.add_taking(
        found.account,
        found.seller_account,
        as_of=found.as_of,
        who=found.who,
        exceptions=len(found.rows),
        digest=found.digest,
        follows=newest["taking_id"] if newest is not None else 0,
    )
    new = sorted(found.rows.keys() - standing.keys(), key=lambda identity: _in_order(found.rows[identity]))
    numbers = {identity: number for number, identity in enumerate(new, to.next_number())}
    to.add_items(
        {
            "item_id": number,
            "account": found.account,
            "identity": identity,
            **{name: found.rows[identity][name] for name in IDENTITY},
        }
        for identity, number in numbers.items()
    )
    untold = {identity for identity, row in standing.items() if identity not in found.rows and _is_untold(row, is_told)}
    standing = {identity: row for identity, row in standing.items() if identity not in untold}
    counted: Counter[str] = Counter()
    common = {"taking_id": taking_id, "who": found.who}
    to.add_events({**common, **event} for event in _events(found.rows, standing, numbers, counted))
    return Taking(found.as_of, len(found.rows), dict(counted), len(untold))


def _is_untold(row: Any, is_told: IsTold) -> bool:
    return row.latest != GONE and not is_told(row.exception_class, row.amazon_order_id, row.settlement_id)


def _events(
    found: Mapping[str, Mapping[str, Any]],
    standing: Mapping[str, Any],
    numbers: Mapping[str, int],
    counted: Counter[str],
) -> Iterator[dict[str, Any]]:
    for identity in (*standing, *numbers):
        was, now = standing.get(identity), found.get(identity)
        happened = what_happened(
            _stands(was) if was is not None else None,
            Found(now["amount"], now["evidence"]) if now is not None else None,
        )
        if happened is None:
            continue
        counted[happened.kind] += 1
        number, follows = (was.item_id, was.last_event_id) if was is not None else (numbers[identity], 0)
        yield {"item_id": number, "follows": follows, **_event(happened, now)}


def _event(happened: Happening, now: Mapping[str, Any] | None) -> dict[str, Any]:
    event: dict[str, Any] = {"kind": happened.kind, "state": happened.state and happened.state.value}
    if now is not None:
        event |= {"amount": str(now["amount"]), "evidence": now["evidence"], "action": now["action"]}
    return event


def _stands(row: Any) -> Standing:
    return Standing(Decimal(row.amount), row.evidence, ExceptionState(row.state), is_found=row.latest != GONE)


def _digest(rows: Mapping[str, Mapping[str, Any]]) -> str:
    told = hashlib.sha256()
    for identity, row in sorted(rows.items()):
        told.update(f"{identity} {row['amount']} {row['evidence']}\n".encode())
    return told.hexdigest()


def _in_order(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Numbers are given in an order that the order of the rows has no part in."""
    names = ("currency", "exception_class", "amazon_order_id", "settlement_id", "reference")
    return tuple(row[name] or "" for name in names)
