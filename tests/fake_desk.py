"""A desk without NetSuite, for testing what panels do with answers: plans by hand, failures on demand."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from nsbill.billing.plan import Plan
from nsbill.billing.run import NOT_STARTED, RunResult
from nsbill.desk import Criterion, Desk
from nsbill.errors import NsbillError
from nsbill.netsuite.rows import SearchColumn
from nsbill.netsuite.searches import SavedSearch, StatusCriterion
from nsbill.progress import Progress, silent
from nsbill.schemas import OUTCOMES, PLAN_SKIPPED, PLAN_TO_BILL
from nsbill.settings import Settings
from nsbill.vocabulary import BillingMode, BillingStatus, Outcome

TODAY = date(2026, 11, 22)
SEARCHES = {"1201": ("customsearch_to_bill", "Orders to bill"), "1202": ("customsearch_open", "Open <b>orders</b>")}


@dataclass
class FakeDesk:
    """Answers like a desk; ``orders`` maps sales order id to (record type, currency, amount)."""

    orders: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(SEARCHES, ("SalesOrd:F",)))
    writable: bool = True
    fails_with: Exception | None = None
    outcomes: dict[str, str] = field(default_factory=dict)
    settings: Settings = field(
        default_factory=lambda: Settings(account="9000001_SB1", saved_search="customsearch_to_bill")
    )
    calls: list[str] = field(default_factory=list)
    gate: threading.Event | None = None
    """When set, ``bill`` waits for it, or for a stop."""
    client: None = None
    workspace: Path = Path("no-such-workspace")
    waiting: int = 0
    """Creates without a clear answer in the journal."""
    entries: list[Any] = field(default_factory=list)

    @property
    def journal(self) -> Any:
        """Stands in for the journal."""
        return SimpleNamespace(open_entries=lambda _: [None] * self.waiting, each_entry=lambda _: iter(self.entries))

    def as_desk(self) -> Desk:
        return cast("Desk", self)

    def searches(self) -> pd.DataFrame:
        self._called("searches")
        rows = [{"id": i, "script_id": s, "title": t, "owner": "Ada"} for i, (s, t) in SEARCHES.items()]
        return pd.DataFrame(rows, dtype="string[pyarrow]")

    def inspect(self, client: object, search: str) -> SavedSearch:
        """Stands in for ``inspect_search``."""
        self._called("inspect")
        number = next(i for i, (script, _) in SEARCHES.items() if search in {i, script})
        script, title = SEARCHES[number]
        return SavedSearch(
            number,
            script,
            title,
            (SearchColumn(0, "tranid", "Number", None, "text"),),
            ({"name": "mainline", "operator": "is", "values": ["T"], "join": None},),
            StatusCriterion(self.statuses[number], self.writable, None if self.writable else "it has a formula"),
        )

    def save_settings(self, **changes: Any) -> Criterion:
        self._called("save_settings")
        self.settings = Settings(**{**self.settings.model_dump(), **changes})
        search = self.inspect(None, self.settings.saved_search)
        self.statuses[search.id] = (self.settings.billing_status.search_code,)
        return Criterion(self.inspect(None, search.id), self.settings.billing_status)

    def preview(self, exclude: Mapping[str, str] | None = None, *, progress: Progress = silent) -> Plan:
        self._called("preview")
        out = dict(exclude or {})
        progress(len(self.orders), len(self.orders), "rows")
        bills = {order: what for order, what in self.orders.items() if order not in out}
        left = {order: ("excluded_by_user", out[order]) for order in self.orders if order in out}
        skips = {**{order: (reason, "Because.") for order, reason in self.skipped.items()}, **left}
        return Plan(
            account="9000001_SB1",
            mode=BillingMode.AUTO,
            status_setting=BillingStatus.PENDING_BILLING,
            status_effective=("F",),
            to_bill=PLAN_TO_BILL.frame([_row(order, what) for order, what in bills.items()]),
            skipped=PLAN_SKIPPED.frame([_skipped(order, *why) for order, why in skips.items()]),
            notices=(),
            fingerprint=repr(sorted(bills)),
        )

    def bill(
        self, plan: Plan, *, production: str = "", progress: Progress = silent, stop: threading.Event | None = None
    ) -> RunResult:
        self._called("bill")
        rows: list[dict[str, object]] = []
        for row in plan.to_bill.to_dict("records"):
            if self.gate is not None and stop is not None:
                while not (self.gate.wait(0.01) or stop.is_set()):
                    continue
            stopped = stop is not None and stop.is_set()
            outcome = NOT_STARTED if stopped else self.outcomes.get(row["sales_order_id"], Outcome.CREATED.value)
            made = {"outcome": outcome, "record_id": "9" if outcome == "created" else None, "message": None}
            rows.append({name: row.get(name) for name in OUTCOMES.names} | made)
            progress(len(rows), len(plan.to_bill), f"{len(rows)} created")
        return RunResult("run-1", OUTCOMES.frame(rows))

    def settle_open(self) -> dict[str, int]:
        self._called("settle_open")
        found, self.waiting = self.waiting, 0
        return {"exists": found} if found else {}

    def retry(
        self, run_id: str, *, fixed: bool, production: str = "", progress: Progress = silent, stop: object = None
    ) -> RunResult:
        self._called(f"retry {run_id} fixed={fixed}")
        if fixed:
            self.outcomes = {}
        found = self.bill(self.preview())
        return found if fixed else replace(found, left_out=("SO5001 was not tried again: mend <b>it</b> first.",))

    def resume(
        self, run_id: str | None = None, *, production: str = "", progress: Progress = silent, stop: object = None
    ) -> RunResult:
        self._called(f"resume {run_id}")
        self.outcomes, self.gate = {}, None
        return self.bill(self.preview())

    def today(self) -> date:
        return TODAY

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if self.fails_with is not None:
            raise self.fails_with


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDesk:
    """Four orders to bill in two currencies, two skipped, two saved searches."""
    desk = FakeDesk(
        orders={
            "5001": ("invoice", "USD", "100.00"),
            "5002": ("invoice", "USD", "20.50"),
            "5003": ("cashSale", "EUR", "9.99"),
            "5010": ("invoice", "USD", "1.00"),
        },
        skipped={"6001": "already_billed", "6002": "no_amazon_order_id"},
    )
    monkeypatch.setattr("nsbill.show.settings_state.inspect_search", desk.inspect)
    return desk


def unreachable() -> NsbillError:
    """A failure whose sentence holds what a page must not take for HTML."""
    return NsbillError("No answer from <script>host</script>. Check the network.")


def _row(order: str, what: tuple[str, str, str]) -> dict[str, object]:
    record, currency, amount = what
    return {
        "sales_order_id": order,
        "sales_order_number": f"SO{order}",
        "amazon_order_id": f"111-000{order}-0000001",
        "record_type": record,
        "part": 1,
        "external_id": f"nsbill-{order}",
        "transaction_date": TODAY,
        "currency": currency,
        "amount": Decimal(amount),
        "order_date": TODAY,
        "status": "F",
        "customer": "<img src=x onerror=alert(1)>",
    }


def _skipped(order: str, reason: str, explanation: str) -> dict[str, object]:
    return {"sales_order_id": order, "sales_order_number": f"SO{order}", "reason": reason, "explanation": explanation}
