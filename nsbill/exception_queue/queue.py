"""The exception queue of one seller account: take reconciliations in, and let people work on what they found."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from nsbill.billing.journal import Journal
from nsbill.billing.journal_queue import QueueWriting
from nsbill.errors import JournalError
from nsbill.exception_queue.story import told
from nsbill.exception_queue.taking import Reconciled, Taking, take_in
from nsbill.exception_queue.told import IsTold, told_by
from nsbill.schemas import EXCEPTION_QUEUE, EXCEPTIONS
from nsbill.vocabulary import ExceptionState, ReceiptBasis

if TYPE_CHECKING:
    from nsbill.reconcile import Reconciliation

__all__ = ["ExceptionQueue", "Handled"]

_ID = re.compile(r"(?:[Ee]-?)?([1-9][0-9]{0,17})")

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Handled:
    """What became of one exception that somebody worked on. ``changed``: whether anything was written."""

    exception_id: str
    changed: bool
    sentence: str


class ExceptionQueue:
    """The queue of an account and seller account.

    Numbers (``E-1042``) are unique in the whole journal; one of another account or seller account is not there.
    """

    def __init__(self, journal: Journal, *, account: str, seller_account: str) -> None:
        self.account, self.seller_account = account, seller_account
        self._book = journal.queue

    def take(self, found: Reconciliation, *, today: date) -> Taking:
        """Take a reconciliation in; what it could not look for stays as it is.

        Refused is one on another basis than "settled", which finds other exceptions.
        """
        if found.basis is not ReceiptBasis.SETTLED:
            why = f"it keeps what is wrong on the basis 'settled', and this is on the basis '{found.basis}'"
            return Taking(found.as_of, len(found.exceptions), refused=why)
        return self.take_in(found.exceptions, as_of=found.as_of, today=today, is_told=told_by(found))

    def take_in(
        self, exceptions: pd.DataFrame, *, as_of: date, today: date, is_told: IsTold = lambda *_: True
    ) -> Taking:
        """Take in what a reconciliation found (EXCEPTIONS): all of it, or nothing when it is refused.

        Refused is what is as of an earlier day than what is in the queue already (it would close and open exceptions by
        outdated books), and what is as of a day to come. Taking the same in again changes nothing. What is not found is
        gone, unless ``is_told`` says that it could not be looked for.

        Raises
        ------
        SchemaError, JournalError
            The frame is not one of exceptions of this seller account, or nothing could be written.
        """
        rows = pa.Table.from_pandas(EXCEPTIONS.check(exceptions)[EXCEPTIONS.names], preserve_index=False).to_pylist()
        if as_of > today:
            return Taking(as_of, len(rows), refused=f"{as_of} is a day to come; what is due then is not known yet")
        found = Reconciled.of(
            rows,
            account=self.account,
            seller_account=self.seller_account,
            as_of=as_of,
            who=f"{platform.node()} process {os.getpid()}",
        )
        return self._book.write(lambda to: take_in(to, found, is_told))

    def newest_as_of(self) -> date | None:
        """The day of the reconciliation that was taken in last; ``None``: none was."""
        newest = self._book.newest_taking(self.account, self.seller_account)
        return newest["as_of"] if newest is not None else None

    def frame(self) -> pd.DataFrame:
        """Every exception that was ever found, as it stands now (EXCEPTION_QUEUE), in the order of their numbers."""
        return _frame(self._book.standing(self.account, self.seller_account))

    def newest_event(self) -> int:
        """The number of the latest event; ``frame_since`` of it shows what happens from now on."""
        return self._book.newest_event()

    def frame_since(self, event: int) -> pd.DataFrame:
        """The exceptions that something has happened to since an event, as they stand now (EXCEPTION_QUEUE)."""
        return _frame(list(self._book.standing_since(self.account, self.seller_account, event).values()))

    def one(self, exception_id: str) -> dict[str, object]:
        """One exception as it stands now: a row of EXCEPTION_QUEUE.

        Raises
        ------
        JournalError
            There is none of that name.
        """
        (number,) = numbers_of([exception_id])
        return _shown(_all_of([number], self._book.numbered(self.account, self.seller_account, [number]))[number])

    def history(self, exception_id: str) -> tuple[list[dict[str, Any]], list[str]]:
        """What happened to an exception, oldest first: as rows, and as sentences."""
        currency = str(self.one(exception_id)["currency"])
        (number,) = numbers_of([exception_id])
        events = [dict(event) for event in self._book.history(number)]
        return events, told(events, currency)

    def assign(self, exception_ids: Iterable[str], *, owner: str, by: str) -> list[Handled]:
        """Say who takes care of exceptions; an empty ``owner``: nobody any more."""
        name = owner.strip()

        def decide(row: Row) -> tuple[dict[str, object], str]:
            if (row["owner"] or "") == name:
                return {}, f"had {name or 'nobody'} as owner already"
            return {"kind": "assigned", "owner": name}, f"is {name}'s" if name else "has no owner any more"

        return self._handle(exception_ids, by, decide)

    def note(self, exception_ids: Iterable[str], *, text: str, by: str) -> list[Handled]:
        """Add a note to exceptions.

        Raises
        ------
        JournalError
            It is empty, or an exception is not there; nothing was written.
        """
        words = text.strip()
        if not words:
            raise JournalError("a note needs words", "Nothing was written.")
        return self._handle(exception_ids, by, lambda _: ({"kind": "note", "note": words}, "has the note"))

    def mark(self, exception_ids: Iterable[str], state: ExceptionState, *, by: str, reason: str = "") -> list[Handled]:
        """Set the state of exceptions. Closing and accepting need a reason: nobody else will look at them again.

        Raises
        ------
        JournalError
            The reason is missing, an exception is not there, or the state is one that only a reconciliation finds;
            nothing was written.
        """
        words = reason.strip()
        if state is ExceptionState.RESOLVED:
            raise JournalError("'resolved' is what a reconciliation finds", "Close it, or accept it.")
        if not words and not state.is_open:
            raise JournalError(f"'{state}' needs a reason", "Nothing was written. Say why: --reason TEXT.")

        def decide(row: Row) -> tuple[dict[str, object], str]:
            if row["state"] == state.value:
                return {}, f"was {state} already"
            return {"kind": "state", "state": state.value, "note": words or None}, f"is {state}"

        return self._handle(exception_ids, by, decide)

    def _handle(
        self, exception_ids: Iterable[str], by: str, decide: Callable[[Row], tuple[dict[str, object], str]]
    ) -> list[Handled]:
        """Write one event for each exception, or none for any."""
        numbers, who = numbers_of(exception_ids), by.strip()
        if not who:
            raise JournalError("it must be known who does this", "Nothing was written. Give a name: --by NAME.")

        def step(to: QueueWriting) -> list[Handled]:
            rows = _all_of(numbers, to.numbered(self.account, self.seller_account, numbers))
            decided = {number: decide(rows[number]) for number in numbers}
            to.add_events(
                {"item_id": number, "follows": rows[number]["last_event_id"], "who": who, **event}
                for number, (event, _) in decided.items()
                if event
            )
            return [Handled(f"E-{number}", bool(event), words) for number, (event, words) in decided.items()]

        return self._book.write(step)


def numbers_of(exception_ids: Iterable[str]) -> list[int]:
    """Read names such as ``E-1042``; each once, in their order.

    Raises
    ------
    JournalError
        Something is no such name, or there is none at all.
    """
    texts = [text.strip() for text in exception_ids]
    matches = {text: _ID.fullmatch(text) for text in texts}
    wrong = [text for text, match in matches.items() if match is None]
    if wrong:
        named = ", ".join(map(repr, wrong[:5]))
        raise JournalError(f"no name of an exception: {named}", "Nothing was written. They look like E-1042.")
    if not texts:
        raise JournalError("no exception is named", "Name one or more, such as E-1042.")
    return list(dict.fromkeys(int(match[1]) for match in matches.values() if match is not None))


def _all_of(numbers: Iterable[int], rows: Mapping[int, Row]) -> Mapping[int, Row]:
    missing = [f"E-{number}" for number in numbers if number not in rows]
    if missing:
        named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise JournalError(
            f"the queue has no {named}", "Nothing was written. List them: nsbill exceptions --state all."
        )
    return rows


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    """The same for many rows; which columns there are is looked up once."""
    names = [name for name in EXCEPTION_QUEUE.names if rows and name in rows[0]]
    return EXCEPTION_QUEUE.frame(
        [
            {
                **{name: row[name] for name in names},
                "exception_id": f"E-{row['item_id']}",
                "amount": Decimal(row["amount"]),
            }
            for row in rows
        ]
    )


def _shown(row: Row) -> dict[str, object]:
    """A row of EXCEPTION_QUEUE."""
    named = {name: row[name] for name in EXCEPTION_QUEUE.names if name in row}
    return {**named, "exception_id": f"E-{row['item_id']}", "amount": Decimal(row["amount"])}
