"""nsbill.money: exact parsing, one place that rounds, sums per currency."""

from __future__ import annotations

from decimal import Decimal

import pytest

from nsbill.errors import MoneyError
from nsbill.money import (
    exact,
    format_money,
    format_totals,
    minor_units,
    parse_amount,
    round_money,
    sum_by_currency,
)


@pytest.mark.parametrize(
    "found, amount",
    [("12", "12.00"), ("-0.5", "-0.50"), (7, "7.00"), (Decimal("1.100"), "1.10"), ("9999999999999999.99",) * 2],
)
def test_plain_decimals_are_taken_exactly(found: object, amount: str) -> None:
    assert str(exact(found)) == amount  # type: ignore[arg-type]


@pytest.mark.parametrize("found", ["1.234", "1,50", "", "abc", "1e3", "NaN", " 1", "10000000000000000", "1_000", "٣"])
def test_anything_else_is_refused_and_named(found: str) -> None:
    with pytest.raises(MoneyError, match="not a usable amount"):
        exact(found)


def test_a_float_is_refused_even_when_it_looks_exact() -> None:
    with pytest.raises(MoneyError, match="binary float"):
        exact(0.5)  # type: ignore[arg-type]


def test_a_comma_file_refuses_points() -> None:
    assert parse_amount("-1141,18", decimal_mark=",") == Decimal("-1141.18")
    with pytest.raises(MoneyError, match="point appears"):
        parse_amount("1.141,18", decimal_mark=",")


def test_rounding_is_half_to_even_in_the_minor_unit() -> None:
    assert round_money(Decimal("1.005"), "USD") == Decimal("1.00")
    assert round_money(Decimal("1.015"), "USD") == Decimal("1.02")
    assert round_money(Decimal("2.5"), "JPY") == Decimal(2)
    assert (minor_units("JPY"), minor_units("EUR")) == (0, 2)


def test_currencies_are_never_added() -> None:
    totals = sum_by_currency([("USD", Decimal("1.10")), ("JPY", Decimal(300)), ("USD", Decimal("2.20"))])
    assert totals == {"JPY": Decimal(300), "USD": Decimal("3.30")}
    assert format_totals(totals) == "300 JPY, 3.30 USD"


def test_a_fraction_of_a_yen_stays_visible() -> None:
    assert format_money(Decimal("1234.00"), "JPY") == "1,234 JPY"
    assert format_money(Decimal("1234.50"), "JPY") == "1,234.50 JPY"
    assert format_money(None, "USD") == "–"
