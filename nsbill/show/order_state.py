"""The state of one order in the received panel: its row, its bills, its exceptions, and its lines when they are read."""

from __future__ import annotations

import threading
from typing import Any

import pandas as pd
import pyarrow as pa
import traitlets

from nsbill.schemas import LINES
from nsbill.show.order_events import OrderEvent, order_events
from nsbill.show.received_state import ReceivedState
from nsbill.show.state import PanelState
from nsbill.show.table import Table, money_table
from nsbill.show.tables import exceptions_table

__all__ = ["OrderState"]

_AMOUNTS = (
    "billed_gross", "received_gross", "refunded", "credited", "due", "due_deferred", "due_released_open", "due_unposted",
    "due_short", "fee_withheld", "reimbursed", "net_cash", "currency",
)  # fmt: skip
_TITLES = {
    "due_deferred": "… deferred",
    "due_released_open": "… released",
    "due_unposted": "… not posted",
    "due_short": "… short",
}
_WORDS = ("status", "marketplace", "sales_order_number", "order_date", "ship_date", "first_billed", "last_posted", "expected_settled", "aging_bucket")  # fmt: skip
_BILLS = ("number", "date", "billed", "received", "due", "currency", "rung")


class OrderState(PanelState):
    """The order that is chosen in a ``ReceivedState``. Orders may be chosen faster than files are read: the last wins."""

    lines = traitlets.Instance(pd.DataFrame, allow_none=True)
    """LINES of the order that count, in the chosen currency; ``None`` until they are read."""

    def __init__(self, received: ReceivedState) -> None:
        super().__init__()
        self.received = received
        self._turn = threading.Lock()

    @property
    def key(self) -> tuple[object, str, str]:
        """What is open: another reconciliation, currency or order is another."""
        return (self.received.reconciliation, self.received.currency, self.received.order)

    def forget(self) -> None:
        """Close what was read of the order before."""
        self.error = ""
        self.lines = None

    def read(self) -> None:
        """Read the order's lines out of the stored settlements; another order chosen meanwhile is read instead."""
        with self._turn:
            wanted = self.key
            if self.received.order_blockers:
                return
            with self.doing("Reading its settlement lines"):
                found = self._read()
                if _same(wanted, self.key):
                    self.lines = found

    @property
    def row(self) -> dict[str, Any]:
        """The order's row of STATEMENT."""
        rows = pa.Table.from_pandas(self.received.order_rows.head(1), preserve_index=False).to_pylist()
        found: dict[str, Any] = rows[0]
        return found

    @property
    def events(self) -> list[OrderEvent]:
        """What happened to the order; what was posted, only by its latest day until the lines are read."""
        found = self.received.reconciliation
        return order_events(
            self.row, as_of=found.as_of, bills=self._of_order(found.allocation), lines=self.lines, settlements=found.settlements
        )  # fmt: skip

    @property
    def tables(self) -> list[Table]:
        """The order's row of the statement, its billing records, and what is wrong with it."""
        found, rows = self.received.reconciliation, self.received.order_rows
        bills, wrong = self._of_order(found.allocation), self._of_order(found.exceptions)
        told = [
            money_table(rows, _WORDS, caption="Its row of the statement", limit=None),
            money_table(rows, _AMOUNTS, caption="Amounts", limit=None, titles=_TITLES),
        ]
        if len(bills):
            told.append(
                money_table(
                    bills,
                    _BILLS,
                    caption="Billing records and what came of each",
                    limit=None,
                    titles={"rung": "Share found by"},
                )
            )
        return [*told, exceptions_table(wrong, limit=None)]

    @property
    def hint(self) -> str:
        """That the filter leaves the order out, where it does."""
        received = self.received
        if received.filter.is_open or received.order in set(received.statement["amazon_order_id"]):
            return ""
        return "The filters above leave this order out."

    def _read(self) -> pd.DataFrame:
        received = self.received
        lines = received.desk.store.lines_of_order(received.order)
        counted = lines["settlement_id"].isin(received.reconciliation.settlements["settlement_id"])
        return LINES.check(lines[counted & (lines["currency"] == received.currency)])

    def _of_order(self, frame: pd.DataFrame) -> pd.DataFrame:
        received = self.received
        return frame[(frame["amazon_order_id"] == received.order) & (frame["currency"] == received.currency)]


def _same(one: tuple[object, str, str], other: tuple[object, str, str]) -> bool:
    return one[0] is other[0] and one[1:] == other[1:]
