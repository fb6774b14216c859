"""Valid flat V2 settlement files, small and of many kinds, made of a random generator.

Each is true: its lines add up to the total that it states. Layout and locales: the project's notes on Amazon, sections 2 and 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from benchmarks.fuzz_sheet import HEADER_AGAIN, Roles, Sheet

__all__ = ["V2", "V2_COLUMNS", "V2_ROLES", "cents", "instant"]

V2_COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "amount-type", "amount-description", "amount", "fulfillment-id", "posted-date", "posted-date-time",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased",
    "promotion-id",
)  # fmt: skip

V2_ROLES = Roles(
    amounts=("amount",),
    total="total-amount",
    dates=("posted-date-time", "settlement-start-date", "settlement-end-date", "deposit-date"),
    settlement="settlement-id",
    currency="currency",
    order="order-id",
    quantity="quantity-purchased",
    texts=("transaction-type", "amount-type", "amount-description", "sku", "marketplace-name"),
    optional=("promotion-id", "merchant-order-id", "posted-date", "merchant-order-item-id"),
    extra=("amazon-new-column", "tax-amount", "amount-in-words", "total", "Größe"),
)

_PARTS = (
    ("ItemPrice", "Principal", 1), ("ItemPrice", "Tax", 1), ("ItemPrice", "Shipping", 1), ("ItemFees", "Commission", -1),
    ("ItemFees", "FBAPerUnitFulfillmentFee", -1), ("Promotion", "Principal", -1),
    ("ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", -1),
)  # fmt: skip
_ACCOUNT = (
    ("other-transaction", "other-transaction", "Subscription Fee", -1),
    ("other-transaction", "other-transaction", "Current Reserve Amount", -1),
    ("other-transaction", "other-transaction", "Previous Reserve Amount Balance", 1),
    ("ServiceFee", "Cost of Advertising", "TransactionTotalAmount", -1),
    ("FBAFees", "FBA Inventory Storage Fee", "Base fee", -1),
    ("other-transaction", "FBA Inventory Reimbursement", "WAREHOUSE_DAMAGE", 1),
    ("Order", "ItemPrice", "a label that nobody knows", 1),
)
_SKUS = ("SKU-1", "BIO-S000004059_AU", "13Z2Q8JWG710", "NX HD,1200", 'plate 12"', "00123", "1e5")


@dataclass(frozen=True)
class _Place:
    """Where a file comes from, and how it writes."""

    marketplace: str
    currency: str
    mark: str
    dotted: bool
    decimals: int = 2


_US = _Place("Amazon.com", "USD", ".", dotted=False)
_AU = _Place("Amazon.com.au", "AUD", ".", dotted=True)
_DE = _Place("Amazon.de", "EUR", ",", dotted=True)
_JP = _Place("Amazon.co.jp", "JPY", ".", dotted=False, decimals=1)


def cents(rng: Random, *, big: bool = False) -> Decimal:
    """A positive amount, mostly of a price's size."""
    return (
        Decimal(rng.choice((rng.randint(1, 99), rng.randint(100, 9999), rng.randint(1, 10**14 if big else 10**6))))
        / 100
    )


def instant(moment: datetime, *, dotted: bool) -> str:
    """An instant as V2 files write it."""
    return moment.strftime("%d.%m.%Y %H:%M:%S UTC" if dotted else "%Y-%m-%d %H:%M:%S UTC")


def _text(amount: Decimal, place: _Place) -> str:
    """An amount as files write it: JPY with one decimal, whole amounts sometimes without any would be an edit."""
    return f"{amount:.{place.decimals}f}".replace(".", place.mark)


class _Maker:
    """Makes the rows of one settlement after the other."""

    def __init__(self, rng: Random, place: _Place) -> None:
        self.rng, self.place = rng, place
        self.sheet = Sheet(V2_ROLES, list(V2_COLUMNS), [], {}, {})

    def settlement(self, *, summary: bool = True, negative: bool = False, currency_on_lines: bool = False) -> None:
        """Add one settlement: its summary row first, as Amazon writes it."""
        rng, place = self.rng, self.place
        settlement = str(rng.randint(10**9, 10**11 - 1))
        start = datetime(2026, 1, 1) + timedelta(seconds=rng.randint(0, 300 * 86_400))  # noqa: DTZ001  # written as UTC
        lines = [line for _ in range(rng.randint(1, rng.choice((1, 2, 6)))) for line in self._order(settlement, start)]
        lines += [self._account(settlement, start) for _ in range(rng.randint(0, 2))]
        if negative:
            lines.append(self._account(settlement, start, Decimal(-(10**7)) / 100))
        if currency_on_lines:
            lines = [{**line, "currency": place.currency} for line in lines]
        amounts = [Decimal(line["amount"].replace(",", ".")) for line in lines]
        total = sum(amounts, Decimal(0))
        self.sheet.lines_total[settlement] = total
        self.sheet.stated[settlement] = total if summary else None
        if summary:
            lines.insert(0, self._summary(settlement, start, total))
        self.sheet.rows += [[line.get(name, "") for name in V2_COLUMNS] for line in lines]

    def _summary(self, settlement: str, start: datetime, total: Decimal) -> dict[str, str]:
        moments = (start, start + timedelta(days=14), start + timedelta(days=16))
        names = ("settlement-start-date", "settlement-end-date", "deposit-date")
        dates = {name: instant(at, dotted=self.place.dotted) for name, at in zip(names, moments, strict=True)}
        return {
            "settlement-id": settlement, **dates, "total-amount": _text(total, self.place),
            "currency": self.place.currency,
        }  # fmt: skip

    def _amount(self, sign: int) -> str:
        amount = sign * cents(self.rng)
        return _text(amount.quantize(Decimal(1)) if self.place.decimals == 1 else amount, self.place)

    def _order(self, settlement: str, start: datetime) -> list[dict[str, str]]:
        rng = self.rng
        order = f"{rng.randint(100, 999)}-{rng.randint(0, 9999999):07}-{rng.randint(0, 9999999):07}"
        order = rng.choice((order, order, order, f"S01-{order[4:]}"))
        refund = rng.random() < 0.2
        posted = start + timedelta(seconds=rng.randint(0, 14 * 86_400))
        item = {
            "settlement-id": settlement, "transaction-type": "Refund" if refund else "Order", "order-id": order,
            "merchant-order-id": order, "shipment-id": f"U{rng.randint(0, 10**8):08}",
            "marketplace-name": self.place.marketplace, "fulfillment-id": rng.choice(("AFN", "MFN")),
            "posted-date": posted.strftime("%d.%m.%Y" if self.place.dotted else "%m/%d/%y"),
            "posted-date-time": instant(posted, dotted=self.place.dotted), "order-item-code": f"{rng.randint(0, 10**14):014}",
            "sku": rng.choice(_SKUS), "quantity-purchased": str(rng.choice((1, 1, 1, 2, 30))),
        }  # fmt: skip
        parts = [_PARTS[0], *(part for part in _PARTS[1:] if rng.random() < 0.6)]
        lines = [
            {**item, "amount-type": kind, "amount-description": what, "amount": self._amount(-sign if refund else sign)}
            for kind, what, sign in parts
        ]
        return lines + ([dict(lines[-1])] if rng.random() < 0.1 else [])  # the twin of a second unit is legitimate

    def _account(self, settlement: str, start: datetime, amount: Decimal | None = None) -> dict[str, str]:
        kind, amount_type, what, sign = self.rng.choice(_ACCOUNT)
        return {
            "settlement-id": settlement, "transaction-type": kind, "amount-type": amount_type, "amount-description": what,
            "amount": self._amount(sign) if amount is None else _text(amount, self.place),
            "posted-date-time": instant(start + timedelta(days=2), dotted=self.place.dotted),
        }  # fmt: skip


def _plain(place: _Place) -> Callable[[Random], Sheet]:
    def make(rng: Random) -> Sheet:
        maker = _Maker(rng, place)
        maker.settlement(currency_on_lines=rng.random() < 0.2)
        return maker.sheet

    return make


def _several(rng: Random) -> Sheet:
    maker = _Maker(rng, rng.choice((_US, _DE)))
    for _ in range(rng.randint(2, 3)):
        maker.settlement()
    return maker.sheet


def _joined(rng: Random) -> Sheet:
    """Downloads put one after the other: each with its header."""
    maker = _Maker(rng, rng.choice((_US, _AU)))
    maker.settlement()
    maker.sheet.rows.append([HEADER_AGAIN])
    maker.settlement()
    return maker.sheet


def _without_summary(rng: Random) -> Sheet:
    maker = _Maker(rng, rng.choice((_US, _DE)))
    maker.settlement(summary=False, currency_on_lines=True)
    return maker.sheet


def _negative(rng: Random) -> Sheet:
    maker = _Maker(rng, rng.choice((_US, _DE)))
    maker.settlement(negative=True)
    return maker.sheet


def _preamble(rng: Random) -> Sheet:
    sheet = _plain(_US)(rng)
    sheet.preamble = ["Amazon Payments Singapore Private Limited", *[""] * rng.randint(0, 5)]
    return sheet


def _short(rng: Random) -> Sheet:
    """The older layout of 23 columns."""
    sheet = _plain(_AU)(rng)
    sheet.columns.pop()
    sheet.header.pop()
    sheet.rows = [row[:-1] for row in sheet.rows]
    return sheet


def _crlf(rng: Random) -> Sheet:
    sheet = _plain(_DE)(rng)
    sheet.newline = "\r\n"
    return sheet


def _bom(rng: Random) -> Sheet:
    sheet = _plain(_US)(rng)
    sheet.bom = True
    return sheet


V2: dict[str, Callable[[Random], Sheet]] = {
    "us": _plain(_US), "au": _plain(_AU), "de": _plain(_DE), "jpy": _plain(_JP), "several": _several, "joined": _joined,
    "no summary": _without_summary, "negative": _negative, "preamble": _preamble, "23 columns": _short, "crlf": _crlf,
    "bom": _bom,
}  # fmt: skip
"""Makers of valid files by name."""
