"""NetSuite's side of a reconciliation: kept in the workspace, brought up to date by what has changed, and checked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa

from nsbill.errors import NetSuiteError
from nsbill.netsuite.applications import ApplicationSource, applications_frame, paid_documents
from nsbill.netsuite.bill_items import load_bill_items, sharing_an_order
from nsbill.netsuite.books import load_currencies
from nsbill.netsuite.client import Client
from nsbill.netsuite.documents import (
    billing_records_frame,
    billing_records_query,
    credits_frame,
    credits_query,
    orders_frame,
    orders_query,
)
from nsbill.netsuite.kept import VERSION, kept_path, read_kept, write_kept
from nsbill.netsuite.query_source import QuerySource
from nsbill.netsuite.refresh import Refreshed, Source, refresh
from nsbill.netsuite.suiteql import Query, query_table

__all__ = ["Books", "Loaded", "load_books"]

_NO_MARKS = frozenset({"INVALID_PARAMETER", "UNREADABLE_VALUE"})
"""What NetSuite, or the reader of its answer, says when marks are not to be had; a wrong field shows again without."""
_ASKED = "it was asked for"


@dataclass(frozen=True)
class Loaded:
    """How one kind of record was come by; the fields are those of ``Refreshed``, ``records`` is how many there are."""

    what: str
    records: int
    why_whole: str
    since: datetime | None
    changed: int
    undated: int
    deleted: int
    moving: int
    checked: bool

    @property
    def notable(self) -> bool:
        """Whether more is to be said than how many had a newer date."""
        return bool(self.why_whole or (self.since and self.undated) or self.deleted or self.moving or not self.checked)

    @property
    def sentence(self) -> str:
        """What was read and why, and what the check said."""
        if self.why_whole:
            told = [f"all {self.records:,} were read: {self.why_whole}"]
        else:
            after = f" since {self.since:%Y-%m-%d %H:%M} (NetSuite's clock)" if self.since else ""
            told = [f"{self.changed + self.undated:,} of {self.records:,} had changed{after}"]
            if self.undated and self.since:
                told.append(f"{self.undated:,} of them without a newer date, found by the check")
            if self.deleted:
                told.append(f"{self.deleted:,} {'was' if self.deleted == 1 else 'were'} deleted in NetSuite")
        if self.moving:
            told.append(f"{self.moving:,} changed again while they were read; the next load takes them")
        elif self.checked:
            told.append("numbers and sums agree with NetSuite's")
        return f"{self.what}: {'; '.join(told)}."


@dataclass(frozen=True)
class Books:
    """NetSuite's frames for a reconciliation, by the schemas of their names, and how each was come by.

    ``applications`` is ``None`` when they were not asked for; ``bill_items`` are those of records that share an order.
    """

    orders: pd.DataFrame
    billing_records: pd.DataFrame
    credits: pd.DataFrame
    applications: pd.DataFrame | None
    bill_items: pd.DataFrame
    loaded: tuple[Loaded, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was read in one sentence, and one more for each kind of record that was not simply up to date."""
        records = sum(one.records for one in self.loaded)
        reasons = {one.why_whole for one in self.loaded}
        since = [one.since for one in self.loaded if one.since is not None]
        if len(reasons) == 1 and all(reasons):
            told = f"Books: all {records:,} records were read from NetSuite: {reasons.pop()}."
            return told, *(one.sentence for one in self.loaded if one.moving or not one.checked)
        read = sum(one.records if one.why_whole else one.changed + one.undated for one in self.loaded)
        after = f" since {min(since):%Y-%m-%d %H:%M} (NetSuite's clock)" if since else ""
        whole = ", or had to be read anew" if any(reasons) else ""
        told = f"Books: {read:,} of {records:,} records had changed{after}{whole}"
        if not any(one.moving or not one.checked for one in self.loaded):
            told += "; numbers and sums agree with NetSuite's"
        return f"{told}.", *(one.sentence for one in self.loaded if one.notable)

    @property
    def facts(self) -> list[dict[str, object]]:
        """How each kind of record was come by, ready for JSON."""
        return [{**asdict(one), "sentence": one.sentence} for one in self.loaded]


@dataclass(frozen=True)
class _Keeper:
    """Reads and writes the kept copies of one workspace."""

    client: Client
    folder: Path
    full: bool

    def load(self, name: str, what: str, source: Source, plain: Callable[[], pa.Table]) -> tuple[pa.Table, Loaded]:
        """Bring a copy up to date; ``plain`` reads everything where NetSuite gives no marks, and nothing is kept."""
        settings = self.client.settings
        key = {
            "version": VERSION,
            "account": settings.account,
            "address": settings.rest_url,
            "query": source.members.select,
        }
        path = kept_path(self.folder, settings.profile, settings.account, name)
        kept, why = (None, _ASKED) if self.full else read_kept(path, key)
        try:
            found = refresh(self.client, source, kept, why)
        except NetSuiteError as error:
            if error.code not in _NO_MARKS:
                raise
            found = Refreshed(plain(), why_whole=f"NetSuite gives no marks to check by ({error.detail})", trusted=False)
        if found.trusted and not found.untouched:
            write_kept(path, found.table, key)
        return found.table, _told(what, found)


def load_books(client: Client, folder: Path, *, applied: bool = True, full: bool = False) -> Books:
    """Load sales orders, billing records, credits, applications and bill items, keeping a copy in ``folder``.

    Parameters
    ----------
    applied
        Whether what is applied to invoices and credit memos is wanted.
    full
        Read every record anew.

    Raises
    ------
    NetSuiteError
        NetSuite refused, or a value cannot be read.
    """
    keeper = _Keeper(client, folder, full)
    currencies = load_currencies(client)
    wanted: tuple[tuple[str, str, Query, Callable[[Query, pa.Table, dict[str, str]], pd.DataFrame]], ...] = (
        ("orders", "Sales orders", orders_query(client.settings), orders_frame),
        ("billing_records", "Billing records", billing_records_query(client.settings), billing_records_frame),
        ("credits", "Credits", credits_query(client.settings), credits_frame),
    )

    def load(name: str, what: str, query: Query) -> tuple[pa.Table, Loaded]:
        return keeper.load(name, what, QuerySource(client, query), lambda: query_table(client, query))

    with ThreadPoolExecutor(min(client.settings.slots, len(wanted)), thread_name_prefix="nsbill-books") as pool:
        found = list(pool.map(lambda one: load(*one[:3]), wanted))
    orders, bills, memos = (
        frame(query, rows, currencies) for (_, _, query, frame), (rows, _) in zip(wanted, found, strict=True)
    )
    loaded = [told for _, told in found]
    applications = None
    if applied:
        applications, told = _applications(keeper, currencies, bills, memos)
        loaded.append(told)
    items = load_bill_items(client, sharing_an_order(bills))
    return Books(orders, bills, memos, applications, items, tuple(loaded))


def _applications(
    keeper: _Keeper, currencies: dict[str, str], bills: pd.DataFrame, memos: pd.DataFrame
) -> tuple[pd.DataFrame, Loaded]:
    paid = paid_documents(bills, memos)
    source = ApplicationSource(keeper.client, paid["paid"].to_pylist())
    rows, told = keeper.load("applications", "Applied payments", source, source.load_plain)
    return applications_frame(rows, paid, currencies), told


def _told(what: str, found: Refreshed) -> Loaded:
    return Loaded(
        what, found.table.num_rows, found.why_whole, found.since, found.changed, found.undated, found.deleted,
        found.moving, checked=found.trusted,
    )  # fmt: skip
