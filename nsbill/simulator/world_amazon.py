"""What Amazon writes into a settlement for one order: sale, fees, refund (amazon.md, sections 2 and 8)."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from nsbill.simulator.world_history import PERIOD, History, Parcel, Refund
from nsbill.simulator.world_ledger import Event, Ledger
from nsbill.simulator.world_orders import Order, OrderLine

__all__ = ["Tally", "post_order", "whole_sale"]

_COMMISSION, _KEPT_ON_REFUND = 150, 200  # per mille of the sale, of the commission given back


@dataclass(slots=True)
class Tally:
    """What the settlements hold of one order, in hundredths (domain reference 2.2, tax mode "exclude")."""

    received: int = 0
    refunded: int = 0
    fees: int = 0
    net: int = 0
    periods: Counter[int] = field(default_factory=Counter)  # received by settlement period


class _Part(NamedTuple):
    """One money line of an item; ``gross`` parts clear the buyer's debt, the others are fees."""

    amount_type: str
    description: str
    amount: int
    gross: bool = True
    promotion: str = ""


def post_order(
    rng: random.Random, ledger: Ledger, order: Order, history: History, *, order_id: str | None = None
) -> Tally:
    """Write the lines of an order into the settlements and return their sums; ``order_id`` overrides the id."""
    tally = Tally()
    shown = order_id or order.amazon_id
    for parcel in history.parcels:
        for index, units in enumerate(parcel.units):
            if units:
                extra = history.extra_principal if index == 0 and parcel.charged[0] else 0
                _post_item(ledger, order, shown, parcel, index, extra, tally)
    if history.refund is not None and history.refund.posted is not None:
        _post_refund(rng, ledger, order, history, history.refund, tally)
    return tally


def whole_sale(order: Order) -> list[tuple[str, str, int, str]]:
    """Return what Amazon will say of an order that is sold whole: price, promotions, tax withheld, fees."""
    parts: list[_Part] = []
    for line in order.lines:
        sale = _sale(order, line, line.quantity, extra=0, charged=True)
        parts += sale + _fees(order, line, line.quantity, sale, charged=True)
    return _plain(parts)


def _post_item(ledger: Ledger, order: Order, shown: str, parcel: Parcel, index: int, extra: int, tally: Tally) -> None:
    line, units = order.lines[index], parcel.units[index]
    sale = _sale(order, line, units, extra=extra, charged=parcel.charged[index])
    parts = sale + _fees(order, line, units, sale, charged=parcel.charged[index])
    for part in parts:
        if part.gross:
            tally.received += part.amount
            tally.periods[(parcel.posted - ledger.start) // PERIOD] += part.amount
        else:
            tally.fees -= part.amount
        tally.net += part.amount
    event = Event(
        "Order", shown, shown, "", parcel.shipment_id, order.market.name, order.fulfilment, line.code, "",
        line.product.sku, str(units),
    )  # fmt: skip
    if order.slot.feature == "identical_blocks" and units == 2:
        _post_two_blocks(ledger, parcel.posted, event._replace(quantity="1"), parts)
        return
    ledger.post(parcel.posted, event, _plain(parts))


_PER_UNIT = ("Principal", "Tax", "FBAPerUnitFulfillmentFee")


def _post_two_blocks(ledger: Ledger, posted: int, event: Event, parts: list[_Part]) -> None:
    """Write two units as two blocks; what is per unit stands in both, byte for byte; the rest in the first only."""
    halves = [
        p._replace(amount=p.amount // 2) for p in parts if p.description in _PER_UNIT and p.amount_type != "Promotion"
    ]
    others = [p for p in parts if p.description not in _PER_UNIT or p.amount_type == "Promotion"]
    ledger.post(posted, event, _plain(halves + others))
    ledger.post(posted, event, _plain(halves))


def _post_refund(
    rng: random.Random, ledger: Ledger, order: Order, history: History, refund: Refund, tally: Tally
) -> None:
    assert refund.posted is not None
    shown, shipment = order.amazon_id, history.parcels[0].shipment_id
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    adjustment = f"amzn1:crow:{''.join(rng.choices(letters, k=22))}=="
    for index in refund.lines:
        line = order.lines[index]
        back = [p._replace(amount=-p.amount) for p in _sale(order, line, line.quantity, extra=0, charged=True)]
        commission = _commission(order, back)
        kept = order.market.rounded(commission, _KEPT_ON_REFUND)
        fees = [
            _Part("ItemFees", "Commission", commission, gross=False),
            _Part("ItemFees", "RefundCommission", -kept, gross=False),
        ]
        for part in back:
            tally.refunded -= part.amount
        tally.fees -= commission - kept
        tally.net += sum(part.amount for part in back) + commission - kept
        event = Event(
            refund.transaction_type, shown, shown, adjustment, shipment, order.market.name, order.fulfilment,
            line.code, str(rng.randrange(10**18, 10**19)), line.product.sku, str(line.quantity),
        )  # fmt: skip
        ledger.post(refund.posted, event, _plain(back + fees))
    if refund.reimbursed:
        tally.net += _post_reimbursement(ledger, order, refund)


def _post_reimbursement(ledger: Ledger, order: Order, refund: Refund) -> int:
    """Give back what a lost return was worth: other income that names the order, never part of the sale."""
    assert refund.posted is not None
    line = order.lines[0]
    amount = order.market.rounded(line.price, 700)
    event = Event(
        "other-transaction", order.amazon_id, order.amazon_id, "", "", order.market.name, "AFN", "", "",
        line.product.sku, "1",
    )  # fmt: skip
    # the settlement that took the refund is closed already; Amazon may pay as late as it likes
    posted = min(refund.posted + 20 * 86_400, ledger.end - 1800)
    ledger.post(posted, event, [("FBA Inventory Reimbursement", "REVERSAL_REIMBURSEMENT", amount, "")])
    return amount


def _sale(order: Order, line: OrderLine, units: int, *, extra: int, charged: bool) -> list[_Part]:
    """Return what the buyer paid for these units, promotions and withheld tax included; zero parts are left out."""
    tax = units * line.unit_tax
    parts = [_Part("ItemPrice", "Principal", units * line.price + extra), _Part("ItemPrice", "Tax", tax)]
    if charged:
        parts += [
            _Part("ItemPrice", "Shipping", line.shipping),
            _Part("ItemPrice", "ShippingTax", line.shipping_tax),
            _Part("ItemPrice", "GiftWrap", line.wrap),
            _Part("ItemPrice", "GiftWrapTax", line.wrap_tax),
            _Part("Promotion", "Principal", -line.promotion, promotion="Subscribe & Save Promotion V2"),
            _Part("Promotion", "Shipping", -line.shipping if line.free_shipping else 0),
            _Part("Promotion", "TaxDiscount", -line.promotion_tax - (line.shipping_tax if line.free_shipping else 0)),
        ]
    if order.market.facilitated:
        parts.append(_Part("ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", -tax))
        if charged:
            parts.append(_Part("ItemWithheldTax", "MarketplaceFacilitatorTax-Shipping", -line.shipping_tax))
            parts.append(_Part("ItemWithheldTax", "MarketplaceFacilitatorTax-Giftwrap", -line.wrap_tax))
    return [part for part in parts if part.amount]


def _fees(order: Order, line: OrderLine, units: int, sale: list[_Part], *, charged: bool) -> list[_Part]:
    market = order.market
    parts = [_Part("ItemFees", "Commission", -_commission(order, sale), gross=False)]
    if order.fulfilment == "AFN":
        fee = market.rounded(line.product.fba_fee * market.fee_scale // 100, 1000)
        parts.append(_Part("ItemFees", "FBAPerUnitFulfillmentFee", -units * fee, gross=False))
        if charged and line.wrap:
            parts.append(_Part("ItemFees", "GiftwrapChargeback", -line.wrap, gross=False))
        if charged and line.shipping and not line.free_shipping:
            parts.append(_Part("ItemFees", "ShippingChargeback", -line.shipping, gross=False))
    return parts


def _commission(order: Order, parts: list[_Part]) -> int:
    """Return the commission on what was shown as the price, as a positive amount."""
    return order.market.rounded(abs(sum(part.amount for part in parts)), _COMMISSION)


def _plain(parts: list[_Part]) -> list[tuple[str, str, int, str]]:
    return [(part.amount_type, part.description, part.amount, part.promotion) for part in parts]
