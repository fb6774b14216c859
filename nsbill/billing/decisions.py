"""What people decided about single orders: left out of every plan, with reason and author, until that is lifted."""

from __future__ import annotations

from typing import Literal

from nsbill.billing.journal import Journal
from nsbill.errors import JournalError
from nsbill.netsuite.client import Client
from nsbill.netsuite.order_lookup import OrderName, find_orders

__all__ = ["exclude_order", "include_order"]


def exclude_order(journal: Journal, client: Client, order: str, *, reason: str, author: str) -> OrderName:
    """Leave an order out of every plan from now on. ``order``: internal id, number, or Amazon order id.

    Raises
    ------
    JournalError
        No sales order, or more than one, is called that; or no reason or author is given. Nothing was written.
    """
    if not reason.strip() or not author.strip():
        raise JournalError("a decision needs a reason and an author", "Say why: --reason TEXT [--author NAME].")
    name = _the_order(client, order)
    _decide(journal, client, name, "exclude", reason.strip(), author.strip())
    return name


def include_order(
    journal: Journal, client: Client, order: str, *, author: str, reason: str = ""
) -> tuple[OrderName, str | None]:
    """Lift the exclusion of an order; returns it, and why it was left out (``None``: it was not, nothing is written)."""
    name = _the_order(client, order)
    why = journal.excluded(client.settings.account).get(name.sales_order_id)
    if why is not None:
        _decide(journal, client, name, "include", reason.strip(), author.strip())
    return name, why


def _decide(
    journal: Journal, client: Client, name: OrderName, kind: Literal["exclude", "include"], reason: str, author: str
) -> None:
    journal.decide(
        client.settings.account,
        name.sales_order_id,
        kind,
        reason=reason,
        author=author,
        number=name.number,
        amazon_order_id=name.amazon_order_id,
    )


def _the_order(client: Client, text: str) -> OrderName:
    found = find_orders(client, text)
    if not found:
        problem = f"{client.settings.account} has no sales order whose internal id, number or Amazon id is {text!r}"
        raise JournalError(problem, "Look it up in NetSuite, or in nsbill plan.")
    if len(found) > 1:
        those = "; ".join(map(str, found[:4]))
        raise JournalError(f"{text!r} may be any of {len(found)} sales orders: {those}", "Name one that only it has.")
    return found[0]
