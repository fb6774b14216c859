"""The document that billing would make of one order of the plan: read when its row is chosen, saved nowhere."""

from __future__ import annotations

import threading
from decimal import Decimal

import traitlets

from nsbill.billing.dry_run import NO_DRY_RUN, Document, read_document
from nsbill.errors import NetSuiteError
from nsbill.money import ZERO, format_money
from nsbill.show.billing_state import BillingState
from nsbill.show.state import PanelState
from nsbill.show.table import Table

__all__ = ["DocumentState", "document_table"]

_LINES = 100


class DocumentState(PanelState):
    """The order whose document is open. Rows may be chosen faster than NetSuite answers: the last one wins."""

    order = traitlets.Unicode()
    """Sales order id of the chosen row."""
    document = traitlets.Instance(Document, allow_none=True)
    no_dry_run = traitlets.Bool()
    """This account saved, or may have saved, what was only to be tried; nothing more is tried in it."""

    def __init__(self, billing: BillingState) -> None:
        super().__init__()
        self.billing = billing
        self._turn = threading.Lock()

    def choose(self, order: str) -> None:
        """Name the order to open; ``read`` then opens it. Empty: close."""
        self.document = None
        self.error = ""
        self.order = order

    def read(self, order: str) -> None:
        """Ask NetSuite for the order's document, unless another order was chosen since."""
        with self._turn:
            if order != self.order or self.blockers:
                return
            plan = self.billing.plan
            assert plan is not None  # a blocker otherwise
            with self.doing("Asking NetSuite what it would create"):
                found = read_document(self.billing.desk.client, plan, order)
                if order == self.order:
                    self.document = found
            if isinstance(self.failure, NetSuiteError) and self.failure.code == NO_DRY_RUN:
                self.no_dry_run = True

    @property
    def blockers(self) -> list[str]:
        """Why the chosen order's document cannot be opened; empty when it can, and when none is chosen."""
        if not self.order:
            return []
        if self.no_dry_run:
            return ["This account may save what is only tried, so no document is opened in it."]
        if self.billing.busy:
            return [f"{self.billing.busy}… Choose the row again afterwards."]
        plan = self.billing.plan
        if plan is None or self.order not in set(plan.to_bill["sales_order_id"]):
            return ["This order is left out of the plan: tick it and press Update plan to see its document."]
        return []

    @property
    def title(self) -> str:
        """What is open, in a few words."""
        document = self.document
        if document is None:
            return ""
        return f"{document.record_type.title.capitalize()} of {document.sales_order_number}, as NetSuite would create it now"

    @property
    def sentence(self) -> str:
        """Date, period, ids, and that nothing was saved."""
        document = self.document
        if document is None:
            return ""
        period = f", period {document.bill.period}" if document.bill and document.bill.period else ""
        return (
            f"Dated {document.transaction_date}{period}. Amazon order {document.amazon_order_id}, "
            f"external id {document.external_id}. Nothing was saved."
        )

    @property
    def table(self) -> Table | None:
        """Lines, tax and total; ``None`` when NetSuite gave no document."""
        return None if self.document is None else document_table(self.document)


def document_table(document: Document) -> Table | None:
    """Return the document's lines and what they add up to: lines + tax + what stands in no line = total."""
    bill = document.bill
    if bill is None:
        return None

    def amount(value: Decimal) -> str:
        return format_money(value, document.currency).removesuffix(document.currency).rstrip()

    lines = bill.lines[:_LINES]
    rows = tuple((one.item, f"{one.quantity.normalize():f}", amount(one.tax), amount(one.amount)) for one in lines)
    net = sum((one.amount for one in bill.lines), ZERO)
    rest = [(f"… and {len(bill.lines) - _LINES:,} more lines", "", "", "")] if len(bill.lines) > _LINES else []
    rest.append(("Lines without tax", "", "", amount(net)))
    rest.append(("Tax", "", "", amount(bill.tax)))
    if other := bill.total - net - bill.tax:
        rest.append(("In no line, such as shipping", "", "", amount(other)))
    rest.append((f"Total in {document.currency}", "", "", amount(bill.total)))
    return Table(
        caption="Lines, tax and total",
        headers=("Item", "Quantity", f"Tax ({document.currency})", f"Amount without tax ({document.currency})"),
        numeric=(False, True, True, True),
        rows=rows,
        rest=tuple(rest),
        empty_note="no lines",
    )
