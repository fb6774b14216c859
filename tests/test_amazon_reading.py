"""Each file gets the reader of its format, told by content and never by name; what is not read is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from finances_documents import events, page, shipment, text_of, transaction
from settlement_files import plain_rows
from settlement_files import text_of as settlement_text

from nsbill.amazon.flat_v1_columns import NEEDED
from nsbill.amazon.labels import default_vocabulary
from nsbill.amazon.reading import ActivityReader, SettlementReader, reader_of
from nsbill.amazon.sniff import SourceFormat, recognise
from nsbill.amazon.text import open_text
from nsbill.errors import SourceFileError

V1_HEADER = "\t".join(NEEDED)
XML = """<?xml version="1.0"?>
<AmazonEnvelope><MessageType>SettlementReport</MessageType><Message><SettlementReport><SettlementData>
<AmazonSettlementID>12345678901</AmazonSettlementID><TotalAmount currency="EUR">0.00</TotalAmount>
</SettlementData></SettlementReport></Message></AmazonEnvelope>"""

PAYMENTS = (
    "date/time,settlement id,{},order id,sku,description,quantity,product sales,shipping credits,gift wrap credits,"
    "promotional rebates,selling fees,fba fees,other,total\n"
)

TEXTS: dict[str, tuple[str, SourceFormat]] = {
    "flat v2": (settlement_text(plain_rows()), SourceFormat.FLAT_V2),
    "flat v2 below a preamble": ("A company\n\n\n" + settlement_text(plain_rows()), SourceFormat.FLAT_V2),
    "flat v2 whose tabs became spaces": (settlement_text(plain_rows()).replace("\t", "   "), SourceFormat.FLAT_V2),
    "flat v2 whose tabs became commas": (settlement_text(plain_rows()).replace("\t", ","), SourceFormat.FLAT_V2),
    "flat v1": (V1_HEADER + "\n", SourceFormat.FLAT_V1),
    "flat v1 whose tabs became spaces": (V1_HEADER.replace("\t", "  ") + "\n", SourceFormat.FLAT_V1),
    "settlement xml": (XML, SourceFormat.SETTLEMENT_XML),
    "settlement xml with name space": (XML.replace("<Amazon", "<a:Amazon"), SourceFormat.SETTLEMENT_XML),
    "other envelope": ("<AmazonEnvelope><MessageType>Product</MessageType></AmazonEnvelope>", SourceFormat.XML),
    "other xml": ("<report>SettlementReport</report>", SourceFormat.XML),
    "web page": ("\n <!DOCTYPE html><html></html>", SourceFormat.HTML),
    "web page without type": ("<HTML><body>Sign in</body></HTML>", SourceFormat.HTML),
    "transactions": (text_of(page(transaction())), SourceFormat.FINANCES_TRANSACTIONS),
    "transactions indented": (text_of([page(transaction())], indent=4), SourceFormat.FINANCES_TRANSACTIONS),
    "one transaction per line": (text_of(transaction()) + "\n", SourceFormat.FINANCES_TRANSACTIONS),
    "events": (text_of(events(ShipmentEventList=[shipment()])), SourceFormat.FINANCES_EVENTS),
    "lists of events": ('{"RefundEventList": []}', SourceFormat.FINANCES_EVENTS),
    "other json": ('{"payload": {"orders": []}}', SourceFormat.JSON),
    "orders": ("amazon-order-id\tpurchase-date\tsku\n", SourceFormat.ALL_ORDERS),
    "payments report": (PAYMENTS.format("type"), SourceFormat.PAYMENTS_CSV),
    "payments report below a preamble": ("Definitions:\n\n" + PAYMENTS.format("type"), SourceFormat.PAYMENTS_CSV),
    "payments report in an unknown language": (PAYMENTS.format("genus"), SourceFormat.TABLE),
    "prose": ("Dear seller,\nyour report is ready.\n", SourceFormat.UNKNOWN),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_text_is_told_by_its_content(case: str) -> None:
    text, expected = TEXTS[case]
    assert recognise(text.splitlines()[:50]) is expected


def reader(text: str, tmp_path: Path, name: str = "file.txt") -> SettlementReader | ActivityReader:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return reader_of(open_text(path, tmp_path), "main", default_vocabulary())


@pytest.mark.parametrize(
    "case, name, settlement",
    [
        ("flat v2", "FlatV2", True),
        ("flat v1", "FlatV1", True),
        ("settlement xml", "SettlementXml", True),
        ("payments report", "PaymentsCsv", False),
        ("transactions", "FinancesTransactions", False),
        ("events", "FinancesEvents", False),
    ],
)
def test_each_format_has_its_reader(case: str, name: str, settlement: bool, tmp_path: Path) -> None:
    found = reader(TEXTS[case][0], tmp_path, "a name that says nothing.xyz")
    assert type(found).__name__ == name
    assert isinstance(found, SettlementReader) is settlement


REFUSED = {
    "orders": ("an all-orders report", "It says what was ordered, not what was paid."),
    "web page": ("a web page", "when you are signed out"),
    "other xml": ("an XML document", "Of XML only settlement reports are read"),
    "other json": ("a JSON document", "Of JSON only answers of listTransactions"),
    "payments report in an unknown language": (
        "a table with column names that nsbill does not know",
        "please report its header line",
    ),
    "prose": ("a text without the columns of a settlement report", "Download the settlement report"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_read_is_named_with_what_to_do_instead(case: str, tmp_path: Path) -> None:
    found, remedy = REFUSED[case]
    with pytest.raises(SourceFileError) as refused:
        reader(TEXTS[case][0], tmp_path)
    message = str(refused.value)
    assert message.startswith(f"file.txt: found what looks like {found}; expected a settlement report (flat V2,")
    assert remedy in message


@pytest.mark.parametrize("separator", ["   ", ","])
def test_a_damaged_report_is_refused_as_damaged_and_not_as_something_else(separator: str, tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="column names that are not separated by tabs"):
        reader(settlement_text(plain_rows()).replace("\t", separator), tmp_path)


def test_rows_above_the_header_are_refused_since_they_lost_their_own(tmp_path: Path) -> None:
    whole = settlement_text(plain_rows())
    without_header = whole.partition("\n")[2]
    path = tmp_path / "joined.txt"
    path.write_text(without_header + whole, encoding="utf-8")
    with pytest.raises(SourceFileError) as caught:
        reader_of(open_text(path, tmp_path), "acme", default_vocabulary())
    assert caught.value.line == 1
    assert "a row of 6 cells above the header" in str(caught.value)
