"""Currencies and their minor units, exact parsing, and the only place that rounds.

Amounts are ``Decimal`` in scalars and Arrow ``decimal128(18, 2)`` in frames. NetSuite knows currencies
with 0 or 2 decimals only, so two decimals hold every amount. Sums are per currency, always.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import pyarrow as pa

from nsbill.errors import MoneyError

__all__ = [
    "MONEY",
    "ZERO",
    "exact",
    "format_money",
    "format_totals",
    "minor_units",
    "parse_amount",
    "parse_limits",
    "round_money",
    "sum_by_currency",
]

MONEY = pa.decimal128(18, 2)
"""The Arrow type of every amount column."""

ZERO = Decimal("0.00")

_NO_MINOR_UNITS = frozenset({"JPY", "KRW", "CLP", "VND", "ISK"})
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_LIMIT = Decimal(10) ** 16


def minor_units(currency: str) -> int:
    """Return how many decimals amounts of ``currency`` have: 0 or 2 (ISO 4217, within NetSuite's two decimals)."""
    return 0 if currency in _NO_MINOR_UNITS else 2


def exact(value: str | int | Decimal) -> Decimal:
    """Return ``value`` as an amount with two decimals, or raise; never rounds, never takes a float.

    Raises
    ------
    MoneyError
        For a float, a text that is not a plain decimal number, more than two decimals, or more than 16 digits.
    """
    if isinstance(value, float):
        raise MoneyError(value, "it is a binary float; pass text or Decimal")
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        raise MoneyError(value, "it is not a plain decimal number such as 1234.56")
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise MoneyError(value, "it is not a decimal number") from error
    if not number.is_finite() or abs(number) >= _LIMIT:
        raise MoneyError(value, "it is outside the range of an amount")
    amount = number.quantize(Decimal("0.01"))
    if amount != number:
        raise MoneyError(value, "it has more than two decimals")
    return amount


def parse_amount(text: str, *, decimal_mark: str = ".") -> Decimal:
    """Parse a signed amount written with ``decimal_mark`` ('.' or ',') and no grouping."""
    if decimal_mark == ",":
        if "." in text:
            raise MoneyError(text, "a point appears in a file whose decimal mark is a comma")
        text = text.replace(",", ".")
    return exact(text)


def round_money(value: Decimal, currency: str) -> Decimal:
    """Round half to even to the minor unit of ``currency``. The only rounding in nsbill."""
    quantum = Decimal(1) if minor_units(currency) == 0 else Decimal("0.01")
    return value.quantize(quantum, ROUND_HALF_EVEN).quantize(Decimal("0.01"))


def sum_by_currency(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Add ``(currency, amount)`` pairs per currency; the keys come out sorted."""
    totals: dict[str, Decimal] = {}
    for currency, amount in amounts:
        totals[currency] = totals.get(currency, ZERO) + amount
    return dict(sorted(totals.items()))


def format_money(amount: Decimal | None, currency: str) -> str:
    """Write an amount for people: ``1,234.50 USD``, ``1,234 JPY``; an amount that is not known is ``–``."""
    if amount is None:
        return "–"
    decimals = minor_units(currency)
    if decimals == 0 and amount != amount.to_integral_value():
        decimals = 2  # a fraction of a yen is a fault that must stay visible
    return f"{amount:,.{decimals}f} {currency}"


def format_totals(totals: Mapping[str, Decimal]) -> str:
    """Write totals of several currencies side by side; never adds them."""
    return ", ".join(format_money(amount, currency) for currency, amount in totals.items()) or "nothing"


def parse_limits(text: str) -> Decimal | dict[str, Decimal]:
    """Read ``1000.00``, or ``USD=1000.00, EUR=500.00``.

    Raises
    ------
    MoneyError
        It is neither; or a currency is named twice, or an amount is not exact.
    """
    if "=" not in text:
        return exact(text)
    limits: dict[str, Decimal] = {}
    for part in text.split(","):
        currency, equals, amount = (piece.strip() for piece in part.partition("="))
        if not (equals and re.fullmatch(r"[A-Z]{3}", currency)) or currency in limits:
            raise MoneyError(text, "it is not one amount for each currency, such as USD=1000.00, EUR=500.00")
        limits[currency] = exact(amount)
    return limits
