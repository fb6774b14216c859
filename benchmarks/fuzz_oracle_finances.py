"""Answers of the Finances API read a second time: what each record adds up to, and no more.

A transaction is its ``totalAmount``; an event of v0 is all of its amounts, or the one that is named as their sum.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from benchmarks.fuzz_amounts import amount_of
from benchmarks.fuzz_oracle import Money, Reading, text_of

__all__ = ["parse_finances"]

_KEYS = (("currencyAmount", "currencyCode"), ("CurrencyAmount", "CurrencyCode"))
_SUMS = {"AdjustmentEventList": ("AdjustmentAmount", "PerUnitAmount")}
_STATUSES = {"RELEASED", "DEFERRED", "DEFERRED_RELEASED"}


class _Broken(ValueError):
    """The document cannot be trusted."""


def parse_finances(data: bytes) -> Reading:
    """Read a file of either version."""
    reading = Reading(certain_posted=False)
    text = text_of(data, reading)
    if text is None:
        return reading
    try:
        pages = [
            page for document in _documents(text) for page in (document if isinstance(document, list) else [document])
        ]
        if '"transactions"' in text or '"transactionType"' in text:
            _transactions(reading, pages)
        else:
            _events(reading, pages)
    except (ValueError, ArithmeticError, RecursionError, AttributeError, TypeError, KeyError) as error:
        reading.money.clear()
        reading.blame(None, f"no answer of the Finances API ({error})")
    return reading


def _documents(text: str) -> Iterator[Any]:
    def no_constant(name: str) -> Any:
        raise _Broken(name)

    def no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise _Broken("a key twice")
        return dict(pairs)

    decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=no_constant, object_pairs_hook=no_twins)
    rest = text.strip(" \t\r\n")
    if not rest:
        raise _Broken("nothing")
    while rest:
        document, end = decoder.raw_decode(rest)
        yield document
        rest = rest[end:].strip(" \t\r\n")


def _amount(node: dict[str, Any]) -> tuple[Decimal, str] | None:
    """The money of a node that is one; None when it is none."""
    keys = next((keys for keys in _KEYS if set(keys) & set(node)), None)
    if keys is None:
        return None
    amount, currency = node.get(keys[0]), node.get(keys[1])
    if isinstance(amount, str):
        found = amount_of(amount, mark=".")
        amount = found[0] if found else None
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or not isinstance(currency, str):
        raise _Broken(f"the amount {str(node)[:60]}")
    value = Decimal(amount)
    if abs(value) >= 10**16 or value != value.quantize(Decimal("0.01")) or not re.fullmatch("[A-Za-z]{3}", currency):
        raise _Broken(f"the amount {str(node)[:60]}")
    return value, currency.upper()


def _all(node: Any, beside: tuple[str, ...] = ()) -> Iterator[tuple[Decimal, str]]:
    """Every money below a node, except under the keys ``beside``."""
    if isinstance(node, list):
        for inner in node:
            yield from _all(inner, beside)
    elif isinstance(node, dict):
        money = _amount(node)
        if money:
            yield money
        else:
            for key, inner in node.items():
                if key not in beside:
                    yield from _all(inner, beside)


def _objects(value: Any) -> list[Any]:
    return [] if value is None else [value] if isinstance(value, dict) else list(value)


def _transactions(reading: Reading, pages: list[Any]) -> None:
    seen: set[str] = set()
    number = 0
    for page in pages:
        inside = page["payload"] if isinstance(page.get("payload"), dict) else page
        for node in _objects(inside["transactions"]) if "totalAmount" not in inside else [inside]:
            number += 1
            total = _amount(node["totalAmount"])
            if total is None:
                raise _Broken("a total without an amount")
            name = str(node.get("transactionId") or "").strip()
            if name and name in seen:
                raise _Broken(f"transaction {name} twice")
            seen.add(name)
            status = str(node.get("transactionStatus") or "").strip().upper()
            if status and status not in _STATUSES:
                raise _Broken(f"the status {status}")
            texts = (str(node.get("transactionType") or "").strip(), status)
            reading.money.append(Money(number, "", *total, texts, _instant(node.get("postedDate"))))
            if any(currency != total[1] for _, currency in _all(node)):
                raise _Broken("two currencies in a transaction")


def _events(reading: Reading, pages: list[Any]) -> None:
    number = 0
    for page in pages:
        inside = page["payload"] if isinstance(page.get("payload"), dict) else page
        lists = inside.get("FinancialEvents", inside)
        for name, events in lists.items():
            if name == "NextToken":
                continue
            for event in _objects(events):
                number += 1
                _event(reading, number, name, event)


def _event(reading: Reading, number: int, name: str, event: dict[str, Any]) -> None:
    total, beside = _SUMS.get(name, ("", ""))
    stated = _amount(event[total]) if isinstance(event.get(total), dict) else None
    amounts = [stated] if stated else list(_all(event, (beside,) if beside else ()))
    for currency in {currency for _, currency in amounts}:
        whole = sum((amount for amount, other in amounts if other == currency), Decimal(0))
        reading.money.append(Money(number, "", whole, currency, (name, ""), _instant(event.get("PostedDate"))))


def _instant(text: Any) -> datetime | None:
    """The form that the templates write; others are not compared."""
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text, re.ASCII):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    return None
