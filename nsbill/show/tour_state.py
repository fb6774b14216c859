"""The state of the tour: five steps on a simulated company, each saying what it did in NetSuite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pandas as pd
import traitlets

from nsbill.billing.dry_run import Document, read_document
from nsbill.billing.plan import Plan
from nsbill.billing.result import RunResult
from nsbill.desk import Desk
from nsbill.errors import BillingRefused, NetSuiteError
from nsbill.money import format_money, format_totals
from nsbill.netsuite.books import billing_records_of
from nsbill.netsuite.client import Call
from nsbill.netsuite.suiteql import query_page
from nsbill.schemas import STATEMENT
from nsbill.show.happened import happened, listening
from nsbill.show.overview import OverviewState
from nsbill.vocabulary import RecordType

__all__ = ["FEW", "TourState"]

FEW = 3
"""How many orders the tour bills."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TO_SHIP = "SELECT t.id AS id FROM transaction t WHERE t.type = 'SalesOrd' AND t.status = 'B' ORDER BY t.id DESC"
_NOT_IN_TOUR = "not one of the orders of the tour"


class TourState(OverviewState):
    """Look, plan a few and open one, bill them, bill them again, see what Amazon paid. It ships and bills on a simulator only."""

    step = traitlets.Unicode("look")
    """The step that was begun last; what goes on, or went wrong, is of it."""
    simulated = traitlets.Bool()
    """Whether NetSuite said that it is the simulator, on this machine."""
    plan = traitlets.Instance(Plan, allow_none=True)
    """The plan of a few orders."""
    document = traitlets.Instance(Document, allow_none=True)
    confirmed = traitlets.Bool()
    result = traitlets.Instance(RunResult, allow_none=True)
    refusal = traitlets.Unicode()
    """Why the same plan was not billed a second time."""
    records = traitlets.Tuple()
    """For each order of the plan: which records NetSuite has of it."""
    paid = traitlets.Instance(pd.DataFrame, allow_none=True)
    """STATEMENT of the billed orders."""
    happened = traitlets.Dict()
    """What each step did in NetSuite: ``Happened`` by the step's name."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._waiting: tuple[str, ...] = ()

    def look(self) -> None:
        """Read settings, plan and store; ask whether this is the simulator."""
        with self._step("look", "Looking at the workspace and NetSuite"):
            self.plan = self.document = self.result = self.paid = None
            self.confirmed, self.refusal, self.records = False, "", ()
            self.simulated = self._is_simulator()
            self._waiting = tuple(self.read_facts().to_bill["sales_order_id"])

    def ship(self) -> None:
        """Ship a few orders that wait for it, as the warehouse would, so that they wait to be billed; then look again."""
        blockers = self.ship_blockers
        with self._step("plan", "Shipping a few orders"):
            _refuse(blockers)
            if not self._is_simulator():
                raise BillingRefused("tour", "NetSuite does not say that it is the simulator", self.real_sentence)
            client = self.desk.client
            found, _ = query_page(client, "Look for orders that wait to be shipped", _TO_SHIP)
            if not found:
                raise BillingRefused(
                    "tour", "no order waits to be shipped either", "A new company: nsbill demo --workspace."
                )
            for row in found[:FEW]:
                url = f"{client.settings.rest_url}/services/rest/record/v1/salesOrder/{row['id']}/!transform/itemFulfillment"
                shipped = {"shipStatus": {"id": "C"}}
                client.send(Call(f"Ship sales order {row['id']}", "POST", url, json=shipped, creates=True))
            self._waiting = tuple(self.read_facts().to_bill["sales_order_id"])

    def plan_few(self) -> None:
        """Plan the first few orders, and ask what the first of them would become; creates nothing."""
        blockers = self.plan_blockers
        with self._step("plan", "Making a plan of a few orders"):
            _refuse(blockers)
            rest = dict.fromkeys(self._waiting[FEW:], _NOT_IN_TOUR)
            plan = self.desk.preview(rest)
            if not 0 < len(plan.to_bill) <= FEW:
                raise BillingRefused("tour", "other orders wait by now", "Press Look again.")
            self.document = read_document(self.desk.client, plan, str(plan.to_bill["sales_order_id"].iloc[0]))
            self.confirmed, self.plan = False, plan

    def bill(self) -> None:
        """Bill the plan of a few orders, through the journal as any other run; on a simulator only."""
        blockers = self.bill_blockers
        with self._step("bill", "Billing"):
            _refuse(blockers)
            assert self.plan is not None  # a blocker otherwise
            if not self._is_simulator():  # once more: what answers there may be something else by now
                raise BillingRefused("tour", "NetSuite does not say that it is the simulator", self.real_sentence)
            self.result = self.desk.bill(self.plan)

    def bill_again(self) -> None:
        """Try to bill the same plan a second time, and count the records that NetSuite has of its orders."""
        blockers = self.again_blockers
        with self._step("again", "Billing the same plan again"):
            _refuse(blockers)
            assert self.plan is not None  # a blocker otherwise
            try:
                self.desk.bill(self.plan)
            except BillingRefused as refusal:
                self.refusal = str(refusal)
            found = billing_records_of(self.desk.client, dict(self.plan.currencies or {}), self.plan.to_bill)
            self.records = tuple(_records(self.plan.to_bill, found))

    def see_paid(self) -> None:
        """Compare the books with the stored settlements, and take the rows of the billed orders."""
        blockers = self.paid_blockers
        with self._step("paid", "Comparing NetSuite's books with Amazon's settlements"):
            _refuse(blockers)
            assert self.plan is not None  # a blocker otherwise
            statement = self.desk.reconcile().statement
            ours = statement["amazon_order_id"].isin(self.plan.to_bill["amazon_order_id"].tolist())
            self.paid = STATEMENT.check(statement[ours].reset_index(drop=True))

    @property
    def look_blockers(self) -> list[str]:
        """Why nothing can be read now."""
        return [f"{self.busy}…"] if self.busy else []

    @property
    def plan_blockers(self) -> list[str]:
        """Why no plan can be made now."""
        if self.busy:
            return [f"{self.busy}…"]
        if self.real_sentence:
            return [self.real_sentence]
        return [] if self._waiting else ["No order waits to be billed: let some be shipped first."]

    @property
    def ship_blockers(self) -> list[str]:
        """Why no order is shipped here: only when none waits to be billed, as after nsbill demo, which bills them all."""
        if self.busy or self.real_sentence:
            return self.plan_blockers
        return ["Orders wait to be billed already."] if self._waiting or self.plan is not None else []

    @property
    def bill_blockers(self) -> list[str]:
        """Why nothing can be billed now."""
        if self.busy or self.real_sentence:
            return self.plan_blockers
        if self.plan is None:
            return ["Make the plan first: step 2."]
        if self.result is not None:
            return ["These are billed. Look again (step 1) takes the next ones."]
        return [] if self.confirmed else ["Tick the box to confirm."]

    @property
    def again_blockers(self) -> list[str]:
        """Why there is nothing to bill a second time."""
        if self.busy or self.real_sentence:
            return self.plan_blockers
        return [] if self.result is not None else ["Bill them first: step 3."]

    @property
    def paid_blockers(self) -> list[str]:
        """Why there is nothing to compare."""
        return self.again_blockers

    @property
    def real_sentence(self) -> str:
        """Why the tour creates nothing here; empty on a simulator."""
        if self.simulated:
            return ""
        account = self.desk.settings.account
        return f"Account {account} is not the simulator, so the tour creates nothing in it. Bill in notebook 02."

    @property
    def confirmation(self) -> str:
        """What is confirmed: number, totals, account."""
        if self.plan is None:
            return ""
        plan = self.plan
        return f"Bill {_orders(len(plan.to_bill))}, together {format_totals(plan.totals)}, in the simulated account {plan.account}."

    @property
    def result_sentences(self) -> list[str]:
        """What became of each order."""
        if self.result is None:
            return []
        rows = self.result.outcomes.astype(object).where(self.result.outcomes.notna(), None)
        names = ("sales_order_number", "amazon_order_id", "record_type", "amount", "currency", "outcome", "record_id", "message")  # fmt: skip
        return [_became(*row) for row in zip(*(rows[name] for name in names), strict=True)]

    @contextmanager
    def _step(self, name: str, what: str) -> Iterator[None]:
        """Do a step, and keep what it did in NetSuite, also when it failed half-way."""
        client, self.step = self.desk.client, name
        with self.doing(what), listening(client) as heard:
            try:
                yield
            finally:
                self.happened = {**self.happened, name: happened(client, heard)}

    def _is_simulator(self) -> bool:
        """Ask the simulator's own route, on this machine only; whatever else answers there does not know it."""
        settings = self.desk.settings
        if settings.profile != "simulator" or urlsplit(settings.base_url).hostname not in _LOOPBACK:
            return False
        ask = Call("Ask whether this is the simulator", "GET", f"{settings.base_url.rstrip('/')}/_simulator/health")
        try:
            said = self.desk.client.send(ask).body
        except NetSuiteError:
            return False
        return isinstance(said, dict) and "instance" in said and said.get("account") == settings.account


def _refuse(blockers: list[str]) -> None:
    if blockers:
        raise BillingRefused("tour", blockers[0].rstrip("."), "Then try again.")


def _orders(number: int) -> str:
    return f"{number:,} order{'' if number == 1 else 's'}"


def _became(number: str, amazon: str, record: str, amount: object, currency: str, outcome: str, record_id: str | None, message: str | None) -> str:  # fmt: skip
    title, money = RecordType(record).title, format_money(amount, currency)  # type: ignore[arg-type]  # a Decimal
    if record_id:
        return f"{number} (Amazon order {amazon}) became {title} {record_id} over {money}."
    return f"{number} (Amazon order {amazon}) has no {title}: {outcome}. {message or ''}".rstrip()


def _records(orders: pd.DataFrame, found: pd.DataFrame) -> Iterator[str]:
    """Say for each order which records NetSuite has of it."""
    for order, number in zip(orders["sales_order_id"], orders["sales_order_number"], strict=True):
        ids = found.loc[found["sales_order_id"] == order, "billing_record_id"].tolist()
        yield f"{number}: {len(ids)} record{'' if len(ids) == 1 else 's'} in NetSuite ({', '.join(ids) or 'none'})."
