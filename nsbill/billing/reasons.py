"""Why a plan leaves an order out: one rule after the other, the first that holds; each with a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
import pyarrow as pa

from nsbill.settings import Settings
from nsbill.vocabulary import ORDER_STATUS_TEXT, RecordType, SkipReason

__all__ = ["explain_skips"]

_TEXT = pd.ArrowDtype(pa.string())
_AMAZON_ID = r"\d{3}-\d{7}-\d{7}"

Rule = tuple[SkipReason, pd.Series, pd.Series | str]


def explain_skips(
    facts: pd.DataFrame, *, settings: Settings, exclude: Mapping[str, str], unresolved: frozenset[str]
) -> pd.DataFrame:
    """Return ``facts`` with ``reason`` and ``explanation``; both are empty for orders that are billed."""
    facts = facts.assign(
        reason=pd.Series(None, index=facts.index, dtype=_TEXT),
        explanation=pd.Series(None, index=facts.index, dtype=_TEXT),
    )
    for reason, holds, sentence in _rules(facts, settings, exclude, unresolved):
        first = holds.fillna(False).astype(bool) & facts["reason"].isna()
        facts["reason"] = facts["reason"].mask(first, reason.value)
        facts["explanation"] = facts["explanation"].mask(first, sentence)
    return facts


def _rules(
    facts: pd.DataFrame, settings: Settings, exclude: Mapping[str, str], unresolved: frozenset[str]
) -> Iterator[Rule]:
    order_id, number = facts["amazon_order_id"], facts["bill_numbers"]
    yield (
        SkipReason.EXCLUDED_BY_USER,
        facts["sales_order_id"].isin(list(exclude)),
        "Left out by the user: " + facts["sales_order_id"].map(dict(exclude)).astype(_TEXT) + ".",
    )
    yield (
        SkipReason.UNRESOLVED_OUTCOME,
        facts["sales_order_id"].isin(list(unresolved)),
        "An earlier create got no clear answer. Resolve it first: nsbill resume.",
    )
    yield (
        SkipReason.NO_AMAZON_ORDER_ID,
        order_id.isna(),
        f"The field {settings.amazon_order_id_field} is empty, so no payment could ever be matched. Fill it.",
    )
    yield (
        SkipReason.MALFORMED_AMAZON_ORDER_ID,
        ~order_id.str.fullmatch(_AMAZON_ID),
        "'" + order_id + "' is not an Amazon order id (3-7-7 digits). Correct the field in NetSuite.",
    )
    yield (
        SkipReason.SAME_AMAZON_ORDER_TWICE,
        order_id.duplicated(keep=False),
        "Several sales orders carry " + order_id + ". Close the wrong one in NetSuite.",
    )
    yield (
        SkipReason.ALREADY_BILLED,
        facts["billed_elsewhere"].notna(),
        "Already billed by " + facts["billed_elsewhere"] + ", which was not created from this sales order.",
    )
    yield (
        SkipReason.ALREADY_BILLED,
        facts["foreign_bill"].notna(),
        "Already billed in another currency by " + facts["foreign_bill"] + ". Correct that record first.",
    )
    yield from _status_rules(facts)
    yield (
        SkipReason.ALREADY_BILLED,
        number.notna() & (facts["amount"] <= 0),
        "Already billed in full by " + number + ".",
    )
    yield (
        SkipReason.NOTHING_TO_BILL,
        facts["amount"] <= 0,
        "Its total is not positive, as of a free replacement. Close it in NetSuite, or bill it there by hand.",
    )
    if settings.partially_billed == "skip":
        yield (
            SkipReason.PARTIALLY_BILLED,
            number.notna(),
            "Partly billed by " + number + "; the setting 'partially_billed' says skip.",
        )
    yield from _flow_rules(facts, settings)


def _status_rules(facts: pd.DataFrame) -> Iterator[Rule]:
    name = facts["status"].map(ORDER_STATUS_TEXT).astype(_TEXT)
    yield (
        SkipReason.PARTIALLY_FULFILLED,
        facts["status"].isin(["D", "E"]),
        "Its status is " + name + ": a part has shipped. It is billed when the whole order has shipped.",
    )
    yield (
        SkipReason.STATUS_NOT_BILLABLE,
        ~facts["status"].isin(["B", "F"]),
        "Its status is " + name + ", which cannot be billed.",
    )


def _flow_rules(facts: pd.DataFrame, settings: Settings) -> Iterator[Rule]:
    for flow, record in (("invoice_flow", RecordType.INVOICE), ("cash_sale_flow", RecordType.CASH_SALE)):
        if not getattr(settings, flow):
            yield (
                SkipReason.FLOW_OFF,
                facts["record_type"] == record.value,
                f"It would become {record.title}, but '{flow}' is off.",
            )
