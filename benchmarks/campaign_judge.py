"""Judges a campaign by the account's own books and by the journal; what nsbill says about itself is not asked."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from benchmarks.campaign_books import CampaignBooks

__all__ = ["Verdict", "details", "judge", "report"]

_DONE = frozenset({"created", "exists"})
_OPEN = frozenset({"intent", "unknown"})


@dataclass
class Verdict:
    """Orders by what became of them; each list names sales orders or records, so that a case can be followed up."""

    orders: int = 0
    creates: int = 0
    refused: int = 0
    """Refusals met; each of these orders was tried again later."""
    refused_left: int = 0
    """Orders without a record at the end whose last state is a refusal."""
    unknown_left: int = 0
    """Orders whose last state is open: looked up some time, never sent again."""
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unaccounted: list[str] = field(default_factory=list)
    wrong_amount: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every order was billed once, none was lost, and everything is accounted for."""
        return not (self.doubled or self.lost or self.unaccounted or self.wrong_amount)

    def __add__(self, other: Verdict) -> Verdict:
        """Both together."""
        return Verdict(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


@dataclass(frozen=True)
class _Bill:
    record_id: str
    total: int


def judge(books: CampaignBooks, journal_url: str, *, listed: Iterable[str] = (), shown: Iterable[str] = ()) -> Verdict:
    """Compare books and journal.

    ``listed``: sales orders that the account's saved search gives at the end; ``shown``: those that stand in one of the
    two tables of nsbill's last plan. An order that is listed and not shown is unaccounted.
    """
    bills = _bills(books)
    states = _states(journal_url, books.account)
    verdict = Verdict(orders=len(books.due), creates=sum(len(found) for found in bills.values()))
    verdict.refused = states.refused(books)
    for order, due in books.due.items():
        made, state = bills.pop(order, []), states.last.get(str(order))
        billed = sum(bill.total for bill in made)
        if len(made) > 1:
            records = ", ".join(bill.record_id for bill in made)
            verdict.doubled.append(f"order {order} is billed by {records}: {billed} of {due}")
        elif made and billed != due:
            verdict.wrong_amount.append(f"order {order} is billed with {billed} of {due}")
        if not made:
            _without_record(verdict, order, state)
        known = states.known_records[str(order)]
        verdict.unaccounted += [f"record {b.record_id} of order {order}" for b in made if b.record_id not in known]
    verdict.unaccounted += [f"records {found} of the strange order {order}" for order, found in bills.items()]
    verdict.unaccounted += [f"order {order} is in no table" for order in sorted(set(listed) - set(shown))]
    return verdict


def _without_record(verdict: Verdict, order: int, state: str | None) -> None:
    """A billable order without a record is lost, unless the journal says why it has none."""
    if state in _OPEN:
        verdict.unknown_left += 1
    elif state == "rejected":
        verdict.refused_left += 1
    else:
        verdict.lost.append(f"order {order} has no record, and the journal says {state or 'nothing'}")


def _bills(books: CampaignBooks) -> dict[int, list[_Bill]]:
    """Every bill that is not part of the books as they were made, by its sales order."""
    found: dict[int, list[_Bill]] = defaultdict(list)
    with closing(sqlite3.connect(books.path)) as connection:
        rows = connection.execute(
            "SELECT id, createdfrom, total FROM txn WHERE type IN ('CustInvc', 'CashSale') AND voided = 'F' AND id > ?",
            (books.newest,),
        )
        for record_id, order, total in rows:
            found[int(order or 0)].append(_Bill(str(record_id), int(total)))
    return found


@dataclass
class _States:
    last: dict[str, str]
    known_records: dict[str, set[str]]
    refusals: Counter[str]

    def refused(self, books: CampaignBooks) -> int:
        return sum(self.refusals[str(order)] for order in books.due)


def _states(journal_url: str, account: str) -> _States:
    """Last state, records and refusals by sales order, read from the journal's tables."""
    order_of = "SELECT DISTINCT external_id, sales_order_id FROM planned WHERE account = :account"
    events = (
        "SELECT external_id, kind, record_id FROM event WHERE account = :account AND external_id IS NOT NULL "
        "ORDER BY event_id"
    )
    engine = sa.create_engine(journal_url)
    with engine.connect() as db:
        orders: dict[str, str] = {row[0]: row[1] for row in db.execute(sa.text(order_of), {"account": account})}
        rows: list[Any] = list(db.execute(sa.text(events), {"account": account}))
    engine.dispose()
    last: dict[str, tuple[str, str | None]] = {}
    refusals: Counter[str] = Counter()
    for external_id, kind, record_id in rows:
        last[external_id] = (kind, record_id)
        refusals[orders[external_id]] += kind == "rejected"
    known: dict[str, set[str]] = defaultdict(set)
    for external_id, (kind, record_id) in last.items():
        if kind in _DONE and record_id is not None:
            known[orders[external_id]].add(record_id)
    # of several parts the one that is not done is what matters
    ranked = sorted(last.items(), key=lambda item: item[1][0] not in _DONE)
    return _States({orders[key]: kind for key, (kind, _) in ranked}, known, refusals)


def report(verdict: Verdict) -> dict[str, object]:
    """The figures of a verdict: numbers of cases, not the cases."""
    return {name: len(value) if isinstance(value, list) else value for name, value in vars(verdict).items()}


def details(verdict: Verdict, *, most: int = 20) -> list[str]:
    """Say each case in a sentence."""
    kinds = ("doubled", "lost", "unaccounted", "wrong_amount")
    return [json.dumps({kind: case}) for kind in kinds for case in getattr(verdict, kind)[:most]]
