"""What was bought: the content of one demo order, after the profile of real sellers' files (amazon.md, section 12)."""

from __future__ import annotations

import random
from dataclasses import dataclass

from nsbill.simulator.world_catalogue import (
    DISCOUNT_ITEM,
    GIFT_WRAP_ITEM,
    MARKETS,
    PAYMENT_METHODS,
    PRODUCTS,
    SHIPPING_ITEM,
    Market,
    Product,
)
from nsbill.simulator.world_planted import Slot

__all__ = ["DocumentLine", "Order", "OrderLine", "OrderMaker", "document_lines", "line_total"]

_PROMOTED = {"PROMOTION_NOT_BILLED"}
_NEVER_PROMOTED = {"SHORT_SETTLED", "OVERPAID"}  # their difference must not look like a promotion
_WHERE = {
    "CURRENCY_MISMATCH": MARKETS[:3],  # yen have other decimals than every other currency here
    # where the seller owes VAT, a missing promotion also misses its tax, and is no longer exactly Σ PROMOTION
    "PROMOTION_NOT_BILLED": tuple(m for m in MARKETS if m.facilitated or not m.tax_per_mille),
}
_SEVERAL_UNITS = {"two_settlements", "two_parcels", "identical_blocks"}


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One item of an order; every amount is positive, promotions too, and net of the tax beside it."""

    product: Product
    code: str
    quantity: int
    price: int
    unit_tax: int
    shipping: int = 0
    shipping_tax: int = 0
    wrap: int = 0
    wrap_tax: int = 0
    promotion: int = 0
    promotion_tax: int = 0
    free_shipping: bool = False  # a promotion takes the shipping off again


@dataclass(frozen=True, slots=True)
class Order:
    """One Amazon order and what NetSuite knows about its sales order."""

    slot: Slot
    amazon_id: str
    market: Market
    ordered: int  # day ordinal
    lines: tuple[OrderLine, ...]
    fulfilment: str
    customer: int
    payment: int | None


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line of a NetSuite document."""

    item: int
    text: str
    quantity: int
    rate: int
    tax: int
    code: str | None = None

    @property
    def amount(self) -> int:
        """The line's amount without tax."""
        return self.quantity * self.rate


class OrderMaker:
    """Makes orders with ids and item codes that occur once."""

    def __init__(self, rng: random.Random, today: int) -> None:
        self._rng = rng
        self._today = today
        self._ids: set[str] = set()
        self._codes = 15_300_000_000_000

    def order(self, slot: Slot) -> Order:
        """Fill ``slot`` with content."""
        rng = self._rng
        markets = _WHERE.get(slot.plant or "", MARKETS)
        market = rng.choices(markets, [m.weight for m in markets])[0]
        return Order(
            slot,
            self.amazon_id(market),
            market,
            self._today - slot.age,
            self._lines(slot, market),
            "AFN" if rng.random() < 0.85 else "MFN",
            100 * market.row + (2 if rng.random() < 0.05 else 1),
            rng.choice(PAYMENT_METHODS)[0] if rng.random() < 0.15 else None,
        )

    def amazon_id(self, market: Market) -> str:
        """Return an Amazon order id that was not given out yet."""
        while True:
            rng = self._rng
            found = f"{rng.choice(market.order_prefixes)}-{rng.randrange(10**7):07d}-{rng.randrange(10**7):07d}"
            if found not in self._ids:
                self._ids.add(found)
                return found

    def _code(self) -> str:
        self._codes += self._rng.randrange(1, 9_000_000)
        # some real codes are written with 14 digits and a leading zero
        return str(self._codes) if self._rng.random() < 0.97 else f"0{self._codes // 10 + 10**12}"

    def _lines(self, slot: Slot, market: Market) -> tuple[OrderLine, ...]:
        rng = self._rng
        count = rng.choices((1, 2, 3), (952, 43, 5))[0]
        quantities = [rng.choices((1, 2, 3), (974, 23, 3))[0] for _ in range(count)]
        partial = slot.status in "DE" or slot.partly_billed
        if slot.feature in _SEVERAL_UNITS or partial:
            quantities[0] = 2
        if slot.feature == "identical_blocks":
            quantities = [2]
        if slot.feature == "replacement":  # Amazon sends it for nothing
            product = rng.choice(PRODUCTS)
            return (OrderLine(product, self._code(), 1, 0, 0),)
        if slot.status in "DE":  # charges need no shipping, so a partly shipped order goes without
            return tuple(self._line(market, quantity, wrap=False, promotion=0) for quantity in quantities)
        share = 100 if slot.plant in _PROMOTED else 0 if slot.plant in _NEVER_PROMOTED else None
        lines = [
            self._line(
                market,
                quantity,
                wrap=rng.random() < 0.02,
                promotion=(100 if rng.random() < 0.08 else 0) if share is None else share,
            )
            for quantity in quantities
        ]
        if rng.random() < 0.21 and slot.plant not in _NEVER_PROMOTED:
            lines = _with_shipping(market, lines, free=rng.random() < 0.95)
        return tuple(lines)

    def _line(self, market: Market, quantity: int, *, wrap: bool, promotion: int) -> OrderLine:
        product = self._rng.choices(PRODUCTS, [p.weight for p in PRODUCTS])[0]
        price, unit_tax = _net_and_tax(market, product.prices[market.index])
        off = market.rounded(quantity * product.prices[market.index], promotion)
        if market.facilitated:
            less, less_tax = off, 0  # Amazon's tax is its own affair: collected and withheld alike
        else:
            less, less_tax = _net_and_tax(market, off)
        wrapping, wrapping_tax = _net_and_tax(market, _scaled(market, 350)) if wrap else (0, 0)
        return OrderLine(
            product, self._code(), quantity, price, unit_tax, 0, 0, wrapping, wrapping_tax, less, less_tax
        )  # fmt: skip


def _net_and_tax(market: Market, price: int) -> tuple[int, int]:
    """Split a shown price: tax comes on top where Amazon collects it, and is inside where the seller owes it."""
    if market.facilitated or not market.tax_per_mille:
        return price, market.rounded(price, market.tax_per_mille)
    whole = 1000 + market.tax_per_mille
    net = (price * 1000 + whole // 2) // whole
    return net, price - net


def _scaled(market: Market, us_cents: int) -> int:
    return max(market.unit, market.rounded(us_cents * market.fee_scale // 100, 1000))


def _with_shipping(market: Market, lines: list[OrderLine], *, free: bool) -> list[OrderLine]:
    """Spread one shipping charge over the lines, odd cents first, as Amazon does (5.00 = 1.67 + 1.67 + 1.66)."""
    net, tax = _net_and_tax(market, _scaled(market, 599))
    if free and market.facilitated:
        tax = 0
    nets, taxes = _spread(net, len(lines), market.unit), _spread(tax, len(lines), market.unit)
    return [
        OrderLine(
            line.product, line.code, line.quantity, line.price, line.unit_tax, nets[i], taxes[i],
            line.wrap, line.wrap_tax, line.promotion, line.promotion_tax, free,
        )
        for i, line in enumerate(lines)
    ]  # fmt: skip


def _spread(amount: int, parts: int, unit: int) -> list[int]:
    share, rest = divmod(amount // unit, parts)
    return [(share + (1 if i < rest else 0)) * unit for i in range(parts)]


def document_lines(market: Market, lines: tuple[OrderLine, ...], *, discount: bool = True) -> list[DocumentLine]:
    """Return the lines of a NetSuite document for these order lines: items, shipping, gift wrap, promotion."""
    taxed = 0 if market.facilitated else 1
    found = [
        DocumentLine(
            line.product.item, line.product.name, line.quantity, line.price, taxed * line.quantity * line.unit_tax,
            line.code,
        )
        for line in lines
    ]  # fmt: skip
    for item, text, net, tax in (
        (SHIPPING_ITEM, "Shipping", sum(x.shipping for x in lines), sum(x.shipping_tax for x in lines)),
        (GIFT_WRAP_ITEM, "Gift wrap", sum(x.wrap for x in lines), sum(x.wrap_tax for x in lines)),
    ):
        if net:
            found.append(DocumentLine(item, text, 1, net, taxed * tax))
    off = sum(x.promotion + (x.shipping if x.free_shipping else 0) for x in lines)
    off_tax = sum(x.promotion_tax + (x.shipping_tax if x.free_shipping else 0) for x in lines)
    if off and discount:
        found.append(DocumentLine(DISCOUNT_ITEM, "Promotion", 1, -off, -taxed * off_tax))
    return found


def line_total(lines: list[DocumentLine]) -> int:
    """Return Σ amount + Σ tax."""
    return sum(line.amount + line.tax for line in lines)
