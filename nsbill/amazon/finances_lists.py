"""The event lists of the Finances API v0, and what must be known of each so that money counts once.

Everything not named here is an amount that counts. Source: Amazon's published model ``financesV0.json``.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LISTS", "EventList"]


@dataclass(frozen=True)
class EventList:
    """How the events of one list are to be read.

    ``total``: the field of an event that repeats the sum of its other amounts. ``beside``: fields that are no
    movement of money (a price per unit, the base of a tax), or that tell a movement a second time. ``items``: lists of
    items; labels begin anew below them.
    """

    total: str | None = None
    beside: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()


def _list(total: str | None = None, *, beside: str = "", items: str = "") -> EventList:
    return EventList(total, frozenset(beside.split()), frozenset(items.split()))


_SHIPMENT = _list(items="ShipmentItemList ShipmentItemAdjustmentList")

LISTS: dict[str, EventList] = {
    "ShipmentEventList": _SHIPMENT,
    "ShipmentSettleEventList": _SHIPMENT,
    "RefundEventList": _SHIPMENT,
    "GuaranteeClaimEventList": _SHIPMENT,
    "ChargebackEventList": _SHIPMENT,
    "PayWithAmazonEventList": _list(),
    "ServiceProviderCreditEventList": _list(),
    "RetrochargeEventList": _list(),
    "RentalTransactionEventList": _list(beside="RentalInitialValue"),
    "ProductAdsPaymentEventList": _list("transactionValue"),
    "ServiceFeeEventList": _list(),
    "SellerDealPaymentEventList": _list("totalAmount"),
    "DebtRecoveryEventList": _list(beside="DebtRecoveryItemList ChargeInstrumentList"),
    "LoanServicingEventList": _list(),
    "AdjustmentEventList": _list("AdjustmentAmount", beside="PerUnitAmount", items="AdjustmentItemList"),
    "SAFETReimbursementEventList": _list("ReimbursedAmount", items="SAFETReimbursementItemList"),
    "SellerReviewEnrollmentPaymentEventList": _list("TotalAmount"),
    "FBALiquidationEventList": _list(),
    "CouponPaymentEventList": _list("TotalAmount"),
    "ImagingServicesFeeEventList": _list(),
    "NetworkComminglingTransactionEventList": _list(),
    "AffordabilityExpenseEventList": _list("TotalExpense"),
    "AffordabilityExpenseReversalEventList": _list("TotalExpense"),
    "RemovalShipmentEventList": _list(items="RemovalShipmentItemList"),
    "RemovalShipmentAdjustmentEventList": _list(items="RemovalShipmentItemAdjustmentList"),
    "TrialShipmentEventList": _list(),
    "TDSReimbursementEventList": _list(),
    "AdhocDisbursementEventList": _list(),
    "FailedAdhocDisbursementEventList": _list(),
    "TaxWithholdingEventList": _list(beside="BaseAmount"),
    "ChargeRefundEventList": _list(),
    "ValueAddedServiceChargeEventList": _list(),
    "CapacityReservationBillingEventList": _list(),
}
