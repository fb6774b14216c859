"""Why a plan leaves an order out: one rule after the other, the first that holds; each with a sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from nsbill.billing.remainder import PARTLY_SHIPPED
from nsbill.settings import Settings
from nsbill.vocabulary import ORDER_STATUS_TEXT, BillingStatus, RecordType, SkipReason

__all__ = ["AWAITS_PREVIEW", "Given", "explain_skips"]

_TEXT = pd.ArrowDtype(pa.string())
_AMAZON_ID = r"\d{3}-\d{7}-\d{7}"

_PREFERENCE = "Invoice in Advance of Fulfillment"

AWAITS_PREVIEW = "A part of it has shipped, and NetSuite was not asked how much of it may be billed."
"""Said of partly shipped orders in a plan that is made without NetSuite's dry run."""


@dataclass(frozen=True)
class Given:
    """What the rules go by, besides the facts about each order."""

    settings: Settings
    status_effective: tuple[str, ...]
    exclude: Mapping[str, str]
    """Sales order id to the reason for leaving it out."""
    unresolved: frozenset[str]
    """Sales order ids with a create whose outcome is unknown."""
    in_advance: bool | None
    """The account's preference to invoice in advance of fulfilment; ``None`` when it is not visible."""


Rule = tuple[SkipReason, pd.Series, pd.Series | str]


def explain_skips(facts: pd.DataFrame, given: Given) -> pd.DataFrame:
    """Return ``facts`` with ``reason`` and ``explanation``; both are empty for orders that are billed."""
    facts = facts.assign(
        reason=pd.Series(None, index=facts.index, dtype=_TEXT),
        explanation=pd.Series(None, index=facts.index, dtype=_TEXT),
    )
    for reason, holds, sentence in _rules(facts, given):
        first = holds.fillna(False).astype(bool) & facts["reason"].isna()
        facts["reason"] = facts["reason"].mask(first, reason.value)
        facts["explanation"] = facts["explanation"].mask(first, sentence)
    return facts


def _rules(facts: pd.DataFrame, given: Given) -> Iterator[Rule]:
    settings, exclude, unresolved = given.settings, given.exclude, given.unresolved
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
    yield from _status_rules(facts, given)
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
    yield SkipReason.CLOSED_PERIOD, facts["closed_note"].notna(), facts["closed_note"]
    yield from _partly_shipped_rules(facts, given)


def _status_rules(facts: pd.DataFrame, given: Given) -> Iterator[Rule]:
    name = facts["status"].map(ORDER_STATUS_TEXT).astype(_TEXT)
    yield (
        SkipReason.STATUS_NOT_BILLABLE,
        ~facts["status"].isin(["B", "F", *PARTLY_SHIPPED]),
        "Its status is " + name + ", which cannot be billed.",
    )
    if given.in_advance is False:
        yield (
            SkipReason.NOT_IN_ADVANCE,
            facts["status"] == BillingStatus.PENDING_FULFILLMENT.letter,
            (
                f"Nothing of it has shipped, and '{_PREFERENCE}' is off, so NetSuite would refuse it. Switch it on "
                f"(Setup > Accounting > Accounting Preferences > Order Management), or bill what is Pending Billing."
            ),
        )
    if given.settings.partially_shipped == "skip":
        yield (
            SkipReason.PARTIALLY_FULFILLED,
            facts["status"].isin(PARTLY_SHIPPED),
            "Its status is " + name + "; the setting 'partially_shipped' says skip, so it waits for the rest.",
        )


def _partly_shipped_rules(facts: pd.DataFrame, given: Given) -> Iterator[Rule]:
    """What NetSuite's dry run says about an order of which a part has shipped."""
    partly, refusal = facts["status"].isin(PARTLY_SHIPPED), facts["refusal"]
    yield (
        SkipReason.PARTIALLY_FULFILLED,
        partly & ~facts["previewed"],
        AWAITS_PREVIEW,
    )
    yield (
        SkipReason.NOT_PREVIEWED,
        partly & facts["no_answer"].notna(),
        "How much of it may be billed is not known: " + facts["no_answer"] + " Plan again.",
    )
    yield (
        SkipReason.PARTIALLY_FULFILLED,
        (facts["status"] == "D") & refusal.notna(),
        "What of it has shipped is billed; it waits for the rest. NetSuite's dry run: " + refusal,
    )
    yield SkipReason.REFUSED_BY_NETSUITE, partly & refusal.notna(), "NetSuite's dry run refused it. " + refusal
    yield (
        SkipReason.EXCEEDS_ORDER,
        partly & (facts["amount"] > facts["remaining"]),
        "NetSuite would bill more than is left of the order. Compare its lines with the order's total in NetSuite.",
    )
    if given.in_advance is not False and BillingStatus.PENDING_FULFILLMENT.letter not in given.status_effective:
        word = "is on" if given.in_advance else "is not visible to this role, and may be on"
        yield (
            SkipReason.PARTIALLY_FULFILLED,
            partly & (facts["amount"] == facts["remaining"]),
            (
                f"NetSuite would bill all of it, also what has not shipped: '{_PREFERENCE}' {word}. "
                f"It waits for the rest, as the billing status says."
            ),
        )


def _flow_rules(facts: pd.DataFrame, settings: Settings) -> Iterator[Rule]:
    for flow, record in (("invoice_flow", RecordType.INVOICE), ("cash_sale_flow", RecordType.CASH_SALE)):
        if not getattr(settings, flow):
            yield (
                SkipReason.FLOW_OFF,
                facts["record_type"] == record.value,
                f"It would become {record.title}, but '{flow}' is off.",
            )
