"""Valid flat V1 settlement files: wide, with nine amount columns, quantity rows and rows with two amounts.

Layout: the project's notes on Amazon, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from benchmarks.fuzz_sheet import Roles, Sheet
from benchmarks.fuzz_templates import cents

__all__ = ["V1"]

_HEAD = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "shipment-fee-type", "shipment-fee-amount", "order-fee-type", "order-fee-amount", "fulfillment-id", "posted-date",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased", "price-type",
    "price-amount", "item-related-fee-type", "item-related-fee-amount", "misc-fee-amount", "other-fee-amount",
    "other-fee-reason-description",
)  # fmt: skip
_PROMOTION = ("promotion-id", "promotion-type", "promotion-amount")
_TAIL = ("direct-payment-type", "direct-payment-amount", "other-amount")
_AMOUNTS = tuple(name for name in (*_HEAD, *_PROMOTION, *_TAIL) if name.endswith("-amount") and name != "total-amount")

_ROLES = Roles(
    amounts=_AMOUNTS,
    total="total-amount",
    dates=("posted-date", "settlement-start-date", "settlement-end-date", "deposit-date"),
    settlement="settlement-id",
    currency="currency",
    order="order-id",
    quantity="quantity-purchased",
    texts=("transaction-type", "price-type", "item-related-fee-type", "sku", "marketplace-name"),
    optional=("merchant-order-id", "merchant-order-item-id"),
)
_ACCOUNT = (
    "Subscription Fee",
    "Storage Fee",
    "WAREHOUSE_DAMAGE",
    "Payable to Amazon",
    "Micro Deposit",
    "no such thing",
)


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


class _Maker:
    def __init__(self, rng: Random, *, currency: str = "CAD", promotions: bool = True) -> None:
        self.rng, self.currency, self.promotions = rng, currency, promotions
        columns = [*_HEAD, *(_PROMOTION if promotions else ()), *_TAIL]
        self.sheet = Sheet(_ROLES, columns, [], {}, {})

    def settlement(self, *, summary: bool = True) -> None:
        """Add one settlement."""
        rng = self.rng
        settlement = str(rng.randint(10**9, 10**11 - 1))
        start = datetime(2025, 6, 1) + timedelta(seconds=rng.randint(0, 200 * 86_400))  # noqa: DTZ001  # written as UTC
        rows = [row for _ in range(rng.randint(1, rng.choice((1, 3, 5)))) for row in self._order(start)]
        rows += [self._account(start) for _ in range(rng.randint(0, 2))]
        if rng.random() < 0.3:
            rows.append(self._advertising(start))
        total = sum((Decimal(row[name]) for row in rows for name in _AMOUNTS if name in row), Decimal(0))
        self.sheet.lines_total[settlement] = total
        self.sheet.stated[settlement] = total if summary else None
        if summary:
            moments = (start, start + timedelta(days=14), start + timedelta(days=16))
            dates = dict(zip(_ROLES.dates[1:], map(_instant, moments), strict=True))
            rows.insert(0, {**dates, "total-amount": self._text(total), "currency": self.currency})
        else:
            rows = [{**row, "currency": self.currency} for row in rows]
        self.sheet.rows += [
            [{**row, "settlement-id": settlement}.get(name, "") for name in self.sheet.columns] for row in rows
        ]

    def _text(self, amount: Decimal) -> str:
        return f"{amount:.1f}" if self.currency == "JPY" else f"{amount:.2f}"

    def _amount(self, sign: int) -> str:
        amount = sign * cents(self.rng)
        return self._text(amount.quantize(Decimal(1)) if self.currency == "JPY" else amount)

    def _order(self, start: datetime) -> list[dict[str, str]]:
        rng = self.rng
        order = f"{rng.randint(100, 999)}-{rng.randint(0, 9999999):07}-{rng.randint(0, 9999999):07}"
        sign = rng.choice((1, 1, 1, -1))
        item = {
            "transaction-type": "Order" if sign > 0 else "Refund", "order-id": order, "merchant-order-id": order,
            "shipment-id": f"B{rng.randint(0, 10**8):08}", "marketplace-name": "Amazon.ca", "fulfillment-id": "AFN",
            "posted-date": _instant(start + timedelta(seconds=rng.randint(0, 14 * 86_400))),
            "order-item-code": f"{rng.randint(0, 10**14):014}", "sku": rng.choice(("SALTT15", "a b", "1e5")),
        }  # fmt: skip
        rows = [{**item, "quantity-purchased": str(rng.choice((1, 1, 2)))}]
        rows += [
            {**item, "price-type": name, "price-amount": self._amount(sign)}
            for name in ("Principal", "Tax")
            if rng.random() < 0.8
        ]
        rows += [
            {**item, "item-related-fee-type": name, "item-related-fee-amount": self._amount(-sign)}
            for name in ("Commission", "FBAPerUnitFulfillmentFee")
            if rng.random() < 0.7
        ]
        if self.promotions and rng.random() < 0.4:
            rows.append(
                {**item, "promotion-id": "p", "promotion-type": "Shipping", "promotion-amount": self._amount(-sign)}
            )
        return rows + ([dict(rows[-1])] if rng.random() < 0.1 and len(rows) > 1 else [])

    def _account(self, start: datetime) -> dict[str, str]:
        return {
            "transaction-type": self.rng.choice(_ACCOUNT), "posted-date": _instant(start + timedelta(days=1)),
            "other-amount": self._amount(self.rng.choice((1, -1))),
        }  # fmt: skip

    def _advertising(self, start: datetime) -> dict[str, str]:
        """The row with two amounts."""
        return {
            "transaction-type": "ServiceFee", "posted-date": _instant(start), "item-related-fee-type": "Cost of Advertising",
            "item-related-fee-amount": self._amount(-1), "other-fee-amount": self._amount(-1),
            "other-fee-reason-description": "TaxAmount",
        }  # fmt: skip


def _plain(**options: object) -> Callable[[Random], Sheet]:
    def make(rng: Random) -> Sheet:
        maker = _Maker(rng, **options)  # type: ignore[arg-type]  # handed on as they are
        maker.settlement()
        return maker.sheet

    return make


def _several(rng: Random) -> Sheet:
    maker = _Maker(rng)
    maker.settlement()
    maker.settlement()
    return maker.sheet


def _without_summary(rng: Random) -> Sheet:
    maker = _Maker(rng)
    maker.settlement(summary=False)
    return maker.sheet


def _spaces_at_the_end(rng: Random) -> Sheet:
    """As files end whose last row is a successful charge: four spaces after the amount, and an empty line."""
    sheet = _plain()(rng)
    sheet.rows[-1][-1] += "    "
    sheet.rows.append([""])
    return sheet


V1: dict[str, Callable[[Random], Sheet]] = {
    "36 columns": _plain(), "33 columns": _plain(promotions=False), "jpy": _plain(currency="JPY"), "several": _several,
    "no summary": _without_summary, "spaces at the end": _spaces_at_the_end,
}  # fmt: skip
"""Makers of valid files by name."""
