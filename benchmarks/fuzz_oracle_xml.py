"""A settlement report in XML read a second time: what has a currency below a settlement, and the total that it states."""

from __future__ import annotations

import re
from decimal import Decimal
from xml.etree import ElementTree as ET

from benchmarks.fuzz_amounts import amount_of
from benchmarks.fuzz_oracle import Money, Reading, unpacked

__all__ = ["parse_xml"]


def parse_xml(data: bytes) -> Reading:
    """Read a file; ``Money.line`` is 0: which line a reader names is its own choice."""
    reading = Reading(certain_posted=False, certain_texts=False)
    content = unpacked(data, reading)
    if content is None:
        return reading
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:  # an older encoding: amounts and ids are the same in all of them
        content = re.sub(rb"^<\?xml[^>]*>", b"", content).decode("latin-1").encode()
    plain = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", b"", content)
    if plain != content:
        reading.unsure = "control characters, which a reader may take away or refuse"
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        reading.unsure = "a document type"
        return reading
    try:
        root = ET.fromstring(plain)
    except (ET.ParseError, ValueError, LookupError) as error:
        if not reading.unsure:
            reading.blame(None, f"no XML ({error})")
        return reading
    reports = list(root.iter("SettlementReport"))
    if root.tag != "AmazonEnvelope" or not reports:
        reading.blame(None, "no settlement report")
    for report in reports:
        _report(reading, report)
    return reading


def _report(reading: Reading, report: ET.Element) -> None:
    settlement = (report.findtext("SettlementData/AmazonSettlementID") or "").strip()
    if not re.fullmatch(r"\d+", settlement, re.ASCII):
        reading.blame(None, f"the settlement id {settlement!r}")
    totals = report.findall("SettlementData/TotalAmount")
    if len({(total.text or "").strip() for total in totals}) > 1:
        reading.blame(None, "two totals")
    total = next(iter(totals), None)
    currencies = {
        element.get("currency", "").strip().upper() for element in report.iter() if element.get("currency") is not None
    }
    if len(currencies) != 1:
        reading.blame(None, f"{len(currencies)} currencies in settlement {settlement}")
    currency = next(iter(currencies), "")
    if total is not None and (total.text or "").strip():
        value = _value(reading, total)
        if settlement in reading.stated:
            reading.blame(None, f"settlement {settlement} twice")
        if value is not None:
            reading.stated[settlement] = value
    for element in report.iter():
        if element not in totals and (element.tag == "Amount" or element.get("currency") is not None):
            value = _value(reading, element)
            if value is not None:
                reading.money.append(Money(0, settlement, value, currency))


def _value(reading: Reading, element: ET.Element) -> Decimal | None:
    found = amount_of(element.text or "", mark=".")
    if found is None or len(element):
        reading.blame(None, f"the amount {element.text!r}")
        return None
    return found[0]
