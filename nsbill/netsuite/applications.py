"""What NetSuite applied to invoices and credit memos, by SuiteQL: payments, credits, customer refunds.

Applications have no id of their own, so they are asked for by the documents that they pay, some hundred at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from nsbill.errors import NetSuiteError
from nsbill.money import MONEY, ZERO
from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import AMOUNT, DATE, FLAG, ID, TEXT, WHOLE, Kind, demand, mapped, text_table, typed
from nsbill.netsuite.marks import MARK, Members, mark_of
from nsbill.netsuite.parallel import in_parallel
from nsbill.netsuite.suiteql import as_ids, chunks, query_page
from nsbill.progress import Progress, silent
from nsbill.schemas import APPLICATIONS
from nsbill.vocabulary import RecordType

__all__ = ["ApplicationSource", "applications_frame", "load_applications", "paid_documents"]

_WHAT = "Read the applied payments"
_PAYERS = {
    record.suiteql_type: record.value
    for record in (
        RecordType.CUSTOMER_PAYMENT,
        RecordType.CREDIT_MEMO,
        RecordType.CUSTOMER_REFUND,
        RecordType.DEPOSIT_APPLICATION,
        RecordType.JOURNAL_ENTRY,
    )
}
_LINKS = ("Payment", "Refund", "DepAppl")
"""Types of the links from a paid document to what pays it (netsuite 6.2); not to what was created from it."""

_DOCUMENTS_PER_QUERY = 300
"""Seldom more than three applications a document: the rows fit one page."""

_COLUMNS: dict[str, tuple[str, Kind]] = {
    "id": ("l.payer", ID),
    "paid": ("l.paid", ID),
    "type": ("t.type", TEXT),
    "tranid": ("t.tranid", TEXT),
    "trandate": ("TO_CHAR(t.trandate, 'YYYY-MM-DD')", DATE),
    "currency": ("t.currency", ID),
    "voided": ("t.voided", FLAG),
    "amount": ("l.amount", AMOUNT),
}
# a link is one row per pair of lines, and joins or both directions of it may repeat the row: distinct, then the sum
_PAIRS = """SELECT p.paid AS paid, p.payer AS payer, SUM(p.amount) AS amount FROM (
SELECT DISTINCT k.previousdoc AS paid, k.previousline AS paid_line, k.nextdoc AS payer, k.nextline AS payer_line,
k.foreignamount AS amount FROM nexttransactionlinelink k
WHERE k.linktype IN ({links}) AND k.nexttype IN ({payers}) AND {documents}) p
GROUP BY p.paid, p.payer"""
_MARKED = {**_COLUMNS, MARK: (mark_of(_COLUMNS), WHOLE)}


@dataclass(frozen=True)
class ApplicationSource:
    """Applications with their marks, for the kept copy; the document that is paid is read again as a whole.

    No date tells of an application that was taken back: the link is gone, and nothing says that the invoice was
    touched. So nothing is asked by date, and the check finds what differs. ``documents``: those that are asked for
    when everything is read; the check finds any others.
    """

    client: Client
    documents: Sequence[str] = ()

    @property
    def members(self) -> Members:
        """Every application to an invoice or a credit memo."""
        pairs = _pairs("k.previoustype IN ('CustInvc', 'CustCred')")
        select = (
            f"SELECT l.paid AS unit, {_MARKED[MARK][0]} AS mark, l.amount AS amount "
            f"FROM ({pairs}) l JOIN transaction t ON t.id = l.payer"
        )
        return Members(_WHAT, select, "paid", ("amount",))

    def load_all(self) -> pa.Table:
        """Read what is applied to the documents."""
        return self.load_units(list(self.documents))

    def load_since(self, moment: datetime) -> pa.Table | None:
        """Nothing is asked by date."""
        return None

    def load_units(self, units: list[str]) -> pa.Table:
        """Read what is applied to these documents."""
        return _load(self.client, units, _MARKED, silent)

    def load_plain(self) -> pa.Table:
        """Read what is applied to the documents, without marks."""
        return _load(self.client, list(self.documents), _COLUMNS, silent)


def load_applications(
    client: Client,
    currencies: dict[str, str],
    *,
    billing_records: pd.DataFrame,
    credit_records: pd.DataFrame,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Load what is applied to these invoices and credit memos (schema APPLICATIONS).

    Only invoices that are not fully open are asked about: of the others, NetSuite states that nothing is applied. What
    an unknown kind of document pays is left out, and shows as ``ns_residual`` in the statement.

    Raises
    ------
    NetSuiteError
        NetSuite refused: the role may lack the permission for payments.
    """
    paid = paid_documents(billing_records, credit_records)
    return applications_frame(_load(client, paid["paid"].to_pylist(), _COLUMNS, progress), paid, currencies)


def _load(client: Client, ids: list[str], columns: Mapping[str, tuple[str, Kind]], progress: Progress) -> pa.Table:
    """Read what is applied to these documents, some hundred at a time."""
    asked: list[Sequence[str]] = list(chunks(as_ids(ids), _DOCUMENTS_PER_QUERY))
    pages, done = [text_table([], columns)], 0

    def work(documents: Sequence[str]) -> tuple[tuple[int, pa.Table], Iterable[Sequence[str]]]:
        rows, whole = _read(client, documents, columns)
        if whole:
            return (len(documents), rows), ()
        middle = len(documents) // 2
        return (0, rows.slice(0, 0)), (documents[:middle], documents[middle:])

    for documents, rows in in_parallel(client.settings.slots, work, asked):
        pages.append(rows)
        done += documents
        progress(done, len(ids), "documents")
    return typed(_WHAT, pa.concat_tables(pages), {name: kind for name, (_, kind) in columns.items()})


def paid_documents(billing_records: pd.DataFrame, credit_records: pd.DataFrame) -> pa.Table:
    """The documents to ask about: internal id, which kind it is, and its Amazon order."""
    invoices = billing_records[
        (billing_records["record_type"] == RecordType.INVOICE.value)
        & (billing_records["amount_remaining"] != billing_records["total"])
    ]
    memos = credit_records[credit_records["record_type"] == RecordType.CREDIT_MEMO.value]
    parts = []
    for documents, id_column in ((invoices, "billing_record_id"), (memos, "credit_id")):
        ids = pa.array(documents[id_column], pa.string())
        parts.append(
            pa.table(
                {
                    "paid": ids,
                    "billing_record_id": ids if id_column == "billing_record_id" else pa.nulls(len(ids), pa.string()),
                    "credit_id": ids if id_column == "credit_id" else pa.nulls(len(ids), pa.string()),
                    "amazon_order_id": pa.array(documents["amazon_order_id"], pa.string()),
                }
            )
        )
    return pa.concat_tables(parts)


def _pairs(documents: str) -> str:
    links, payers = (", ".join(f"'{name}'" for name in names) for names in (_LINKS, _PAYERS))
    return _PAIRS.format(links=links, payers=payers, documents=documents)


def _read(client: Client, documents: Sequence[str], columns: Mapping[str, tuple[str, Kind]]) -> tuple[pa.Table, bool]:
    """Read what is applied to some documents, as texts; and whether it was all, or the rows did not fit one page."""
    pairs = _pairs(f"k.previousdoc IN ({', '.join(documents)})")
    names = ", ".join(f"{expression} AS {name}" for name, (expression, _) in columns.items())
    query = f"SELECT {names} FROM ({pairs}) l JOIN transaction t ON t.id = l.payer ORDER BY l.paid, l.payer"
    rows, announced = query_page(client, _WHAT, query)
    if len(rows) != announced and len(documents) == 1:
        raise NetSuiteError(
            _WHAT,
            status=200,
            code="TOO_MANY_APPLICATIONS",
            detail=f"{announced:,} payments are applied to document {documents[0]}, and only {len(rows):,} can be read",
            remedy="Look at this document in NetSuite; no order has so many payments.",
        )
    return text_table(rows, columns), len(rows) == announced


def applications_frame(read: pa.Table, paid: pa.Table, currencies: dict[str, str]) -> pd.DataFrame:
    """What was read of these documents (``paid_documents``) as a frame (schema APPLICATIONS)."""
    found = read.select(list(_COLUMNS)).join(paid, "paid", join_type="inner")
    amount = pc.abs(found["amount"])
    kept = found.append_column("positive", amount).filter(pc.greater(amount, pa.scalar(ZERO, MONEY)))
    return APPLICATIONS.from_arrow(
        pa.table(
            {
                "payment_id": kept["id"],
                "record_type": _demand(mapped(kept["type"], _PAYERS), kept, "type", "a known kind of payment"),
                "number": kept["tranid"],
                "date": kept["trandate"],
                "currency": _demand(mapped(kept["currency"], currencies), kept, "currency", "a known currency"),
                "billing_record_id": kept["billing_record_id"],
                "credit_id": kept["credit_id"],
                "amazon_order_id": kept["amazon_order_id"],
                "amount": kept["positive"],
                "voided": pc.fill_null(kept["voided"], False),
            }
        ).sort_by([("payment_id", "ascending"), ("billing_record_id", "ascending"), ("credit_id", "ascending")])
    )


def _demand(made: pa.ChunkedArray, rows: pa.Table, name: str, words: str) -> pa.ChunkedArray:
    return demand(_WHAT, name, made, rows[name], rows=rows["id"], words=words)
