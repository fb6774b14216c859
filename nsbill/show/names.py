"""Words for people: column titles, names of codes, and text from outside made harmless to look at."""

from __future__ import annotations

import re
import unicodedata

from nsbill.vocabulary import ORDER_STATUS_TEXT, TieState

__all__ = ["code_text", "column_title", "shorten", "visible"]

_TITLES = {
    "amazon_order_id": "Amazon order",
    "sales_order_id": "Sales order id",
    "sales_order_number": "Sales order",
    "order_status": "NetSuite status",
    "billing_records": "Billing records",
    "first_billed": "First billed",
    "last_posted": "Last posted",
    "billed_gross": "Billed",
    "received_gross": "Received gross",
    "received": "Received",
    "fee_withheld": "Fees withheld",
    "net_cash": "Net cash",
    "sale_leg": "Sale leg",
    "refund_leg": "Refund leg",
    "uncredited_refund": "Refund not credited",
    "refund_in_transit": "Refund in transit",
    "expected_settled": "Settlement expected",
    "age_days": "Days late",
    "aging_bucket": "Age",
    "exception_class": "Exception",
    "settlement_id": "Settlement",
    "seller_account": "Seller account",
    "source_name": "File",
    "source_digest": "SHA-256 of the file",
    "total_amount": "Stated total",
    "lines_total": "Sum of lines",
    "residual": "Difference",
    "ties": "Ties out",
    "period_start": "Period start (UTC)",
    "period_end": "Period end (UTC)",
    "record_type": "Becomes",
    "record_id": "Record id",
    "external_id": "External id",
}
_ABBREVIATED = frozenset({"FBA", "ID"})
_NAMES = {
    **ORDER_STATUS_TEXT,
    TieState.TIES.value: "yes",
    TieState.DOES_NOT_TIE.value: "no",
    TieState.CANNOT_TIE.value: "no stated total",
    "invoice": "invoice",
    "cashSale": "cash sale",
}
_CODE = re.compile(r"[A-Za-z]+(_[A-Za-z0-9]+)*")


def column_title(name: str) -> str:
    """Return the heading of a column: ``billed_gross`` is ``Billed``; an unknown name loses its underscores."""
    words = name.replace("_", " ").capitalize()
    return _TITLES.get(name) or (f"NetSuite {words[3:]}" if name.startswith("ns_") else words)


def code_text(code: str) -> str:
    """Return a code of the vocabulary in words: ``AWAITING_SETTLEMENT`` is ``Awaiting settlement``."""
    if code in _NAMES:
        return _NAMES[code]
    if not _CODE.fullmatch(code):
        return code
    words = [word if word in _ABBREVIATED else word.lower() for word in code.split("_")]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def visible(text: str) -> str:
    r"""Return ``text`` with control and text-direction characters written out, such as ``\u202e``.

    They can reorder, hide or colour what is around them, in a page and in a terminal alike.
    """
    if text.isprintable():
        return text
    return "".join(_written_out(char) for char in text)


def shorten(text: str, width: int) -> str:
    """Return at most ``width`` characters, cut in the middle so that both ends stay readable."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def _written_out(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return char
    return f"\\u{ord(char):04x}"
