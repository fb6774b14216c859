"""How much Amazon keeps in reserve, per currency, by what the newest settlement of each ledger kept for the next one."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

from nsbill.money import sum_by_currency

__all__ = ["reserve_kept"]


def reserve_kept(settlements: pd.DataFrame, payouts: pd.DataFrame) -> dict[str, Decimal]:
    """Return the reserve kept at the end of the newest counted settlement of each marketplace, summed per currency.

    ``settlements`` (schema SETTLEMENTS) are those that count; ``payouts`` (schema PAYOUTS) say what each kept. A
    settlement without dates tells nothing about what is newest and is left out.
    """
    kept = dict(zip(payouts["settlement_id"], payouts["current_reserve"], strict=True))
    newest: dict[tuple[str, str, str], tuple[object, str]] = {}
    columns = ["seller_account", "currency", "marketplace", "period_end", "settlement_id"]
    objects = settlements[columns].astype(object)
    for seller, currency, marketplace, end, name in objects.where(objects.notna(), None).itertuples(index=False):
        ledger = (seller, currency, marketplace or "")
        if end is not None and name in kept and (ledger not in newest or newest[ledger] < (end, name)):
            newest[ledger] = (end, name)
    return sum_by_currency((currency, -Decimal(kept[name])) for (_, currency, _), (_, name) in newest.items())
