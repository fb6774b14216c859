"""Amazon's settlements of one marketplace: lines by period, account charges, reserves, and the flat V2 files."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from nsbill.simulator.world_catalogue import PRODUCTS, Market
from nsbill.simulator.world_history import DAY, PERIOD, PERIODS, Calendar, day_of

__all__ = ["COLUMNS", "Event", "Ledger", "Settlement"]

COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "amount-type", "amount-description", "amount", "fulfillment-id", "posted-date", "posted-date-time",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased",
    "promotion-id",
)  # fmt: skip
"""The 24 columns of the flat V2 file."""

Amount = tuple[str, str, int, str]
"""Amount type, amount description, hundredths, promotion id."""


class Event(NamedTuple):
    """What the lines of one item, refund or charge have in common."""

    transaction_type: str
    order_id: str = ""
    merchant_order_id: str = ""
    adjustment_id: str = ""
    shipment_id: str = ""
    marketplace: str = ""
    fulfilment: str = ""
    item_code: str = ""
    adjustment_item_id: str = ""
    sku: str = ""
    quantity: str = ""


@dataclass(slots=True)
class Settlement:
    """One settlement while its lines come in; ``total`` is the sum of all lines so far."""

    settlement_id: str
    start: int
    end: int
    rows: list[str] = field(default_factory=list)
    total: int = 0
    principal: int = 0
    held: int = 0  # kept back for the next one


_ACCOUNT = Event("other-transaction")


class Ledger:
    """The settlements of one marketplace."""

    def __init__(self, rng: random.Random, market: Market, calendar: Calendar) -> None:
        self._rng = rng
        self.market = market
        self.start, self.end = calendar.start(market), calendar.end(market)
        first = 23_000_000_000 + market.index * 50_000_000 + rng.randrange(10_000_000)
        self.settlements = [
            Settlement(
                str(first + k * 1000 + rng.randrange(900)), self.start + k * PERIOD, self.start + (k + 1) * PERIOD
            )
            for k in range(PERIODS)
        ]
        self._days: dict[int, tuple[str, str]] = {}
        self._places: dict[int, dict[str, list[int]]] = {}

    def post(self, posted: int, event: Event, amounts: Sequence[Amount]) -> None:
        """Add one line an amount to the period that ``posted`` falls into."""
        settlement = self.settlements[(posted - self.start) // PERIOD]
        short, stamp = self._when(posted)
        head = "\t".join((settlement.settlement_id, "", "", "", "", "", *event[:6]))
        middle = f"{event.fulfilment}\t{short}\t{stamp}\t{event.item_code}\t"
        tail = f"{event.adjustment_item_id}\t{event.sku}\t{event.quantity}"
        for kind, description, amount, promotion in amounts:
            text = self.money(amount)
            settlement.rows.append(f"{head}\t{kind}\t{description}\t{text}\t{middle}\t{tail}\t{promotion}")
            settlement.total += amount
            if description == "Principal" and kind == "ItemPrice":
                settlement.principal += amount

    def rows_of(self, period: int, order_id: str) -> list[int]:
        """Return the places of an order's lines in the settlement of a period."""
        if period not in self._places:
            found: dict[str, list[int]] = {}
            for place, row in enumerate(self.settlements[period].rows):
                found.setdefault(row.split("\t", 8)[7], []).append(place)
            self._places[period] = found
        return self._places[period].get(order_id, [])

    def charge(self, settlement: Settlement, description: str, amount: int, *, at: int | None = None) -> None:
        """Add one account line; a zero amount is no line."""
        if amount:
            posted = settlement.start + self._rng.randrange(DAY, PERIOD - DAY) if at is None else at
            self.post(posted, _ACCOUNT, [("other-transaction", description, amount, "")])

    def close(self) -> None:
        """Add what belongs to no order, then the reserves: −Current Reserve(k) = Previous Reserve(k+1)."""
        held, owed = 0, 0
        for number, settlement in enumerate(self.settlements):
            self._charges(number, settlement)
            self.charge(settlement, "Payable to Amazon", owed, at=settlement.start + 20)
            self.charge(settlement, "Successful charge", -owed, at=settlement.start + 4500)
            self.charge(settlement, "Previous Reserve Amount Balance", held, at=settlement.start + 10)
            held = self.market.rounded(max(0, settlement.total), self._rng.randint(60, 120))
            self.charge(settlement, "Current Reserve Amount", -held, at=settlement.end - 5)
            owed = min(0, settlement.total)
            settlement.held = held

    def files(self, folder: Path) -> list[tuple[Path, Settlement]]:
        """Return where each settlement's file belongs."""
        shop = self.market.name.lower().replace(".", "-")
        return [
            (folder / f"{shop}_{date.fromordinal(day_of(settlement.end))}_{settlement.settlement_id}.txt", settlement)
            for settlement in self.settlements
        ]

    def write(self, folder: Path) -> list[Path]:
        """Write one file a settlement and return their paths."""
        return [self._write(path, settlement) for path, settlement in self.files(folder)]

    def money(self, amount: int) -> str:
        """Write hundredths as this marketplace's files do."""
        whole, part = divmod(abs(amount), 100)
        sign = "-" if amount < 0 else ""
        if self.market.unit == 100:
            return f"{sign}{whole}.{part}"  # yen are written with one idle decimal
        return f"{sign}{whole}{self.market.decimal_mark}{part:02d}"

    def hundredths(self, text: str) -> int:
        """Read what ``money`` wrote."""
        whole, _, part = text.lstrip("-").replace(",", ".").partition(".")
        amount = int(whole) * 100 + int(part.ljust(2, "0"))
        return -amount if text.startswith("-") else amount

    def instant(self, stamp: str) -> int:
        """Read a posted-date-time of this marketplace's files; seconds since 1970."""
        day = "%Y-%m-%d" if self.market.iso_dates else "%d.%m.%Y"
        return int(datetime.strptime(stamp, f"{day} %H:%M:%S UTC").replace(tzinfo=UTC).timestamp())

    def _scaled(self, us_cents: int) -> int:
        return self.market.rounded(us_cents * self.market.fee_scale // 100, 1000)

    def _charges(self, number: int, settlement: Settlement) -> None:
        rng = self._rng
        if number % 2 == 0:
            self.charge(settlement, "Subscription Fee", -self._scaled(3999))
        else:
            self.charge(settlement, "Storage Fee", -self._scaled(rng.randrange(1200, 9900)))
        spent = self.market.rounded(max(0, settlement.principal), 110)
        for part in (spent // self.market.unit // 3 * self.market.unit,) * 2:
            posted = settlement.start + rng.randrange(DAY, PERIOD - DAY)
            if part:
                self.post(posted, Event("ServiceFee"), [("Cost of Advertising", "TransactionTotalAmount", -part, "")])
        inbound = Event("FBAFees", f"FBA19{''.join(rng.choices('BCDFGHJKLMNPQRSTVWXYZ0123456789', k=7))}")
        fee = ("FBA Amazon-Partnered Carrier Shipment Fee", "Base fee", -self._scaled(rng.randrange(1500, 6000)), "")
        self.post(settlement.start + rng.randrange(DAY, PERIOD - DAY), inbound, [fee])
        self._damage(settlement)
        self._multi_channel(settlement)

    def _damage(self, settlement: Settlement) -> None:
        """Reimburse units lost or damaged in the warehouse: no order, only a SKU."""
        product = self._rng.choice(PRODUCTS)
        amount = self.market.rounded(product.prices[self.market.index], 600)
        event = Event("other-transaction", fulfilment="AFN", sku=product.sku, quantity="1")
        posted = settlement.start + self._rng.randrange(DAY, PERIOD - DAY)
        self.post(posted, event, [("FBA Inventory Reimbursement", "WAREHOUSE_DAMAGE", amount, "")])

    def _multi_channel(self, settlement: Settlement) -> None:
        """Ship an order of the own web shop: Amazon's id starts with S01, there is no price, only a fee."""
        rng = self._rng
        product = rng.choice(PRODUCTS)
        event = Event(
            "Order", f"S01-{rng.randrange(10**7):07d}-{rng.randrange(10**7):07d}",
            f"CONSUMER-{rng.randrange(10**7):07d}-{rng.randrange(10**5)}", "", "", "Non-Amazon", "AFN",
            str(15_000_000_000_000 + rng.randrange(10**11)), "", product.sku, "1",
        )  # fmt: skip
        fee = ("ItemFees", "FBAPerUnitFulfillmentFee", -self._scaled(product.fba_fee * 2), "")
        self.post(settlement.start + rng.randrange(DAY, PERIOD - DAY), event, [("ItemPrice", "Principal", 0, ""), fee])

    def _when(self, instant: int) -> tuple[str, str]:
        """Return posted-date and posted-date-time, always UTC."""
        day = instant // DAY
        known = self._days.get(day)
        if known is None:
            found = date.fromordinal(day_of(instant))
            long = f"{found:%Y-%m-%d}" if self.market.iso_dates else f"{found:%d.%m.%Y}"
            known = self._days[day] = (f"{found:%m/%d/%y}" if self.market.currency == "USD" else long, long)
        minutes, seconds = divmod(instant % DAY, 60)
        return known[0], f"{known[1]} {minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d} UTC"

    def _write(self, path: Path, settlement: Settlement) -> Path:
        stamps = [self._when(t)[1] for t in (settlement.start, settlement.end, settlement.end + 2 * DAY)]
        summary = [settlement.settlement_id, *stamps, self.money(settlement.total), self.market.currency]
        lines = ["\t".join(COLUMNS), "\t".join(summary + [""] * (len(COLUMNS) - len(summary))), *settlement.rows]
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.write("\n")  # real files end with an empty line
        return path
