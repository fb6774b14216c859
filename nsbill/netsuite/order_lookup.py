"""Find a sales order by what people call it: internal id, number, or Amazon order id."""

from __future__ import annotations

from dataclasses import dataclass

from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import ID, TEXT
from nsbill.netsuite.suiteql import Query, query_table, quoted

__all__ = ["OrderName", "find_orders"]


@dataclass(frozen=True)
class OrderName:
    """What a sales order is called."""

    sales_order_id: str
    number: str
    amazon_order_id: str | None

    def __str__(self) -> str:
        """Number, Amazon order id when there is one, and internal id."""
        amazon = f" / {self.amazon_order_id}" if self.amazon_order_id else ""
        return f"{self.number}{amazon} (internal id {self.sales_order_id})"


def find_orders(client: Client, text: str) -> list[OrderName]:
    """Return the sales orders whose internal id, number or Amazon order id is ``text``."""
    field = client.settings.amazon_order_id_field
    if not field.replace("_", "").isalnum():
        raise ValueError(f"not a field name: {field!r}")
    word = quoted([text.strip()])
    tests = [f"t.tranid = {word}", f"t.{field} = {word}"]
    if text.strip().isascii() and text.strip().isdigit():
        tests.append(f"t.id = {int(text)}")
    columns = {"id": ("t.id", ID), "tranid": ("t.tranid", TEXT), "amazon_id": (f"t.{field}", TEXT)}
    where = f"t.type = 'SalesOrd' AND ({' OR '.join(tests)})"
    found = query_table(client, Query("Look the sales order up", columns, "transaction t", where)).to_pylist()
    return [OrderName(str(row["id"]), str(row["tranid"]), row["amazon_id"]) for row in found]
