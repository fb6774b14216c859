"""Build small flat V2 settlement files for tests, from text tables or from the worked example's figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "amount-type", "amount-description", "amount", "fulfillment-id", "posted-date", "posted-date-time",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased",
    "promotion-id",
)  # fmt: skip

ORDER_1, ORDER_2 = "111-0000000-0000001", "111-0000000-0000002"

PLAIN = f"""
    Order | {ORDER_1} | ItemPrice | Principal | 60.00 | 2
    Order | {ORDER_1} | ItemPrice | Tax | 4.80 | 2
    Order | {ORDER_1} | ItemWithheldTax | MarketplaceFacilitatorTax-Principal | -4.80 | 2
    Order | {ORDER_1} | ItemFees | Commission | -9.00 | 2
    other-transaction | | other-transaction | Subscription Fee | -39.99 |
"""
"""Five lines that add up to 11.01; two units."""


def line(  # the cells that tests vary
    settlement: str,
    transaction_type: str,
    order: str,
    amount_type: str,
    description: str,
    amount: str,
    quantity: str = "",
    *,
    posted: str = "2026-06-05 10:11:12 UTC",
    marketplace: str = "Amazon.com",
    item: str = "",
    currency: str = "",
) -> dict[str, str]:
    """One money line by column name."""
    return {
        "settlement-id": settlement, "currency": currency, "transaction-type": transaction_type, "order-id": order,
        "merchant-order-id": order, "shipment-id": "SHIP00001" if order else "",
        "marketplace-name": marketplace if order else "", "amount-type": amount_type,
        "amount-description": description, "amount": amount, "fulfillment-id": "AFN" if order else "",
        "posted-date": "06/05/26", "posted-date-time": posted, "order-item-code": item or ("55182930114" if order else ""),
        "sku": "SKU-1" if order else "", "quantity-purchased": quantity,
    }  # fmt: skip


def lines(text: str, settlement: str = "12345678901", **more: str) -> list[dict[str, str]]:
    """Money lines from a table ``type | order | amount type | description | amount | quantity``."""
    rows = [[cell.strip() for cell in row.split("|")] for row in text.strip().splitlines()]
    return [line(settlement, *cells, **more) for cells in rows]


def summary(
    total: str | Decimal | None,
    settlement: str = "12345678901",
    *,
    currency: str = "USD",
    start: str = "2026-06-01 00:00:00 UTC",
    end: str = "2026-06-15 00:00:00 UTC",
    deposit: str = "2026-06-17 00:00:00 UTC",
) -> dict[str, str]:
    """The summary row."""
    return {
        "settlement-id": settlement, "settlement-start-date": start, "settlement-end-date": end,
        "deposit-date": deposit, "total-amount": "" if total is None else str(total), "currency": currency,
    }  # fmt: skip


def text_of(rows: Iterable[dict[str, str]], *, columns: Sequence[str] = COLUMNS, preamble: str = "") -> str:
    """The file: header and rows, tab separated."""
    table = ["\t".join(columns), *("\t".join(row.get(name, "") for name in columns) for row in rows)]
    return preamble + "\n".join(table) + "\n"


def with_commas(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """The same rows as a German file has them: decimal commas and dd.mm.yyyy."""
    dates = ("settlement-start-date", "settlement-end-date", "deposit-date", "posted-date-time")

    def turned(name: str, cell: str) -> str:
        if name in {"amount", "total-amount"}:
            return cell.replace(".", ",")
        if name in dates and cell:
            year, month, rest = cell.split("-")
            return f"{rest[:2]}.{month}.{year}{rest[2:]}"
        return cell

    return [{name: turned(name, cell) for name, cell in row.items()} for row in rows]


def write(
    path: Path, rows: Iterable[dict[str, str]], *, encoding: str = "utf-8", columns: Sequence[str] = COLUMNS
) -> Path:
    """Write the rows as a file and return its path."""
    path.write_bytes(text_of(rows, columns=columns).encode(encoding))
    return path


def plain_rows(total: str | None = "11.01", settlement: str = "12345678901") -> list[dict[str, str]]:
    """A settlement of the five lines of ``PLAIN``, with its summary row."""
    return [summary(total, settlement), *lines(PLAIN, settlement)]
