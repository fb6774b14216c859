"""Give each file the reader of its format, told by its content; refuse what nsbill does not read, by name.

Two kinds of files hold money. A **settlement** report states a total that its lines must meet, and counts. **Activity**
(payments report, Finances API) tells the same money from another side, open and deferred money too: it explains, and is
never added to a settlement.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa

from nsbill.amazon.labels import Vocabulary
from nsbill.amazon.parquet import SettlementTables as SettlementReader
from nsbill.amazon.sniff import ACCEPTED, SourceFormat, recognise
from nsbill.amazon.text import SourceText
from nsbill.errors import SourceFileError

__all__ = ["ActivityReader", "SettlementReader", "reader_of"]

_SETTLEMENTS = "Download the settlement report from Seller Central: Payments, Reports Repository, flat file V2."
_REMEDIES = {
    SourceFormat.ALL_ORDERS: f"It says what was ordered, not what was paid. {_SETTLEMENTS}",
    SourceFormat.HTML: f"Seller Central gives a page instead of the file when you are signed out. {_SETTLEMENTS}",
    SourceFormat.XML: f"Of XML only settlement reports are read (AmazonEnvelope with SettlementReport). {_SETTLEMENTS}",
    SourceFormat.TABLE: "If it is a payments report, its columns are named in a language that nsbill does not know yet: "
    f"please report its header line. {_SETTLEMENTS}",
    SourceFormat.JSON: "Of JSON only answers of listTransactions (2024-06-19) and listFinancialEvents (v0) are read, "
    "whole or one per line.",
}


class ActivityReader(Protocol):
    """Reads a file of activity. Iterate ``tables()`` to the end; then ``notes`` says what whoever added it should know."""

    notes: list[str]

    def tables(self) -> Iterator[pa.Table]:
        """Yield rows of ACTIVITY in bounded pieces."""
        ...


def reader_of(source: SourceText, seller_account: str, vocabulary: Vocabulary) -> SettlementReader | ActivityReader:
    """Return the reader of a file's format.

    Raises
    ------
    SourceFileError
        When it is of a format that nsbill does not read: named, with what to download instead. Also when the reader
        refuses it at once.
    """
    found = recognise(source.head())
    if found is SourceFormat.FLAT_V2:
        from nsbill.amazon.flat_v2 import FlatV2

        return FlatV2(source, seller_account, vocabulary)
    if found is SourceFormat.PAYMENTS_CSV:
        from nsbill.amazon.payments_csv import PaymentsCsv

        return PaymentsCsv(source, seller_account, vocabulary)
    if found is SourceFormat.FLAT_V1:
        from nsbill.amazon.flat_v1 import FlatV1

        return FlatV1(source, seller_account, vocabulary)
    if found is SourceFormat.SETTLEMENT_XML:
        from nsbill.amazon.settlement_xml import SettlementXml

        return SettlementXml(source, seller_account, vocabulary)
    if found is SourceFormat.FINANCES_TRANSACTIONS:
        from nsbill.amazon.finances_transactions import FinancesTransactions

        return FinancesTransactions(source, seller_account, vocabulary)
    if found is SourceFormat.FINANCES_EVENTS:
        from nsbill.amazon.finances_events import FinancesEvents

        return FinancesEvents(source, seller_account, vocabulary)
    raise SourceFileError(
        source.name,
        found=f"what looks like {found.value}",
        expected=ACCEPTED,
        remedy=_REMEDIES.get(found, _SETTLEMENTS),
    )
