"""The state of the billing panel: plan, exclusions, confirmation, run, result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

import pandas as pd
import traitlets

from nsbill.billing.limits import limit_sentences, run_figures
from nsbill.billing.plan import Plan, plan_changes
from nsbill.billing.result import outcomes_of
from nsbill.billing.run import NOT_STARTED, RunResult
from nsbill.desk import Desk
from nsbill.errors import BillingRefused
from nsbill.money import format_totals
from nsbill.schemas import OUTCOMES
from nsbill.show.progress_state import ProgressState
from nsbill.vocabulary import Outcome, RecordType, SkipReason

__all__ = ["BillingState"]

_RESULT_WORDS = (
    (Outcome.CREATED.value, "created"),
    (Outcome.EXISTS.value, "existed already"),
    (Outcome.REJECTED.value, "refused by NetSuite"),
    (Outcome.UNKNOWN.value, "without a clear answer"),
    (NOT_STARTED, "not started"),
)
_LOOKED_UP_WORDS = (
    (Outcome.CREATED.value, "created after all"),
    (Outcome.EXISTS.value, "in NetSuite"),
    (Outcome.REJECTED.value, "refused by NetSuite"),
    (Outcome.ABSENT.value, "not there (Finish this run, or Preview, takes them up again)"),
    (Outcome.UNKNOWN.value, "still without a clear answer (try again later)"),
)


class BillingState(ProgressState):
    """One pass of preview, exclude, confirm, create. The plan that is confirmed is the plan that runs."""

    plan = traitlets.Instance(Plan, allow_none=True)
    candidates = traitlets.Instance(pd.DataFrame, allow_none=True)
    """Rows of PLAN_TO_BILL: what the plan bills and what the user left out of it."""
    excluded = traitlets.Dict()
    """Sales order id to the reason for leaving it out."""
    confirmed = traitlets.Bool()
    production = traitlets.Unicode()
    """The account id, typed out by the user; needed to create in a production account."""
    result = traitlets.Instance(RunResult, allow_none=True)
    unresolved = traitlets.Int()
    """Creates of the account, of this run or an earlier one, that got no clear answer yet."""
    changes = traitlets.Unicode()
    """What changed in NetSuite since the last preview, in one sentence; empty when nothing did."""
    looked_up = traitlets.Unicode()
    """What the last look-up of unclear creates found, in one sentence."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._spent = ""  # the fingerprint that was run, or that is no longer what NetSuite gives

    def preview(self) -> None:
        """Load the orders and plan what would be billed, without the excluded ones; creates nothing."""
        with self.doing("Reading the orders from NetSuite"):
            self.confirmed = False
            self.start_progress()
            plan = self.desk.preview(self.excluded, progress=self.report)
            left_out = _left_out(plan)
            candidates = self._with_left_out(plan, left_out)
            self.excluded = {order: reason for order, reason in self.excluded.items() if order in left_out}
            self._spent = ""
            self.changes = _changes(self.plan, plan, self.result)
            self.result = None
            self.looked_up = ""
            self.candidates = candidates
            self.plan = plan
            self._count_unresolved()

    def exclude(self, orders: Iterable[str], *, reason: str = "") -> None:
        """Leave exactly these sales orders out; a new one gets ``reason``, one that was out keeps its own."""
        words = reason.strip().rstrip(".") or "unticked in the billing panel"
        chosen = {order: self.excluded.get(order, words) for order in sorted(set(orders))}
        if chosen != self.excluded:
            self.confirmed = False
            self.excluded = chosen

    def create(self) -> None:
        """Create the billing records of the plan; refuses while there are blockers."""
        blockers, plan = self.blockers, self.plan
        with self.doing("Checking that the plan is still what NetSuite gives"):
            if blockers or plan is None:
                raise BillingRefused("panel", (blockers or ["there is no plan"])[0].rstrip("."), "Then try again.")
            self._spent = plan.fingerprint
            try:
                with self.creating_records(len(plan.to_bill)) as (progress, brake):
                    self.result = self.desk.bill(plan, production=self.production, progress=progress, stop=brake)
            finally:
                self.confirmed = False
                self._count_unresolved()

    def finish(self) -> None:
        """Go on with a run that was stopped or has creates without a clear answer."""
        with self.doing("Finishing the run"):
            self._go_on(self._finish_blockers, self.desk.resume)

    def retry(self, *, fixed: bool = False) -> None:
        """Try again what NetSuite refused in the run; ``fixed``: also what had to be mended first, which now is."""
        with self.doing("Trying the refused orders again"):
            self._go_on(self._retry_blockers, partial(self.desk.retry, fixed=fixed))

    def resolve(self) -> None:
        """Look up every create of the account that got no clear answer; creates nothing."""
        with self.doing("Looking up creates without a clear answer"):
            counts = self.desk.settle_open()
            self.looked_up = _looked_up(counts)
            if self.result is not None:
                rows = outcomes_of(self.desk.journal.each_entry(self.result.run_id))
                self.result = replace(self.result, outcomes=rows)
            self._count_unresolved()

    @property
    def stale(self) -> bool:
        """Whether ticks changed since the plan was made."""
        return self.plan is not None and _left_out(self.plan) != set(self.excluded)

    @property
    def preview_blockers(self) -> list[str]:
        """Why no preview can start now."""
        return [f"{self.busy}…"] if self.busy else []

    @property
    def plan_blockers(self) -> list[str]:
        """Why this plan cannot be created, whether confirmed or not."""
        if self.busy:
            return [f"{self.busy}…"]
        if self.plan is None:
            return ["There is no plan yet: press Preview."]
        if self.plan.fingerprint == self._spent:
            return ["This plan was used: press Preview for a new one."]
        if self.stale:
            return ["Press Update plan, so that the plan seen is the one that runs."]
        if self.plan.undecided:
            return [
                (
                    f"{self.plan.undecided} orders would be dated in a closed accounting period. Say what to do with them "
                    f"(nsbill settings set closed_period=next-open, or block), open the panel again and press Preview."
                )
            ]
        if beyond := limit_sentences(self.plan, self.desk.settings):
            return [f"{words}. Leave orders out, or raise the limit in notebook 01." for words in beyond]
        return [] if len(self.plan.to_bill) else ["There is nothing to bill."]

    @property
    def blockers(self) -> list[str]:
        """Why nothing can be created now; empty when the button may be pressed."""
        if self.plan_blockers:
            return self.plan_blockers
        return self._production_blockers or ([] if self.confirmed else ["Tick the box to confirm."])

    @property
    def needs_account(self) -> bool:
        """Whether the account is a production account, whose id must be typed out before anything is created."""
        return self.desk.settings.profile == "production"

    @property
    def finish_blockers(self) -> list[str]:
        """Why there is no run to go on with."""
        return [f"{self.busy}…"] if self.busy else self._finish_blockers

    @property
    def retry_blockers(self) -> list[str]:
        """Why no refused create can be tried again now."""
        return [f"{self.busy}…"] if self.busy else self._retry_blockers

    @property
    def resolve_blockers(self) -> list[str]:
        """Why there is nothing to look up."""
        if self.busy:
            return [f"{self.busy}…"]
        return [] if self.unresolved else ["Every create has a clear answer."]

    @property
    def unresolved_sentence(self) -> str:
        """How many creates have no clear answer, and what that means; empty when there are none."""
        if not self.unresolved:
            return ""
        what = "1 create has" if self.unresolved == 1 else f"{self.unresolved:,} creates have"
        return f"{what} no clear answer from NetSuite yet. Do not bill these orders by hand; Resolve unknown looks them up."

    @property
    def skipped(self) -> pd.DataFrame | None:
        """PLAN_SKIPPED without the orders that the user left out."""
        if self.plan is None:
            return None
        skipped = self.plan.skipped
        return skipped[skipped["reason"] != SkipReason.EXCLUDED_BY_USER.value]

    @property
    def records(self) -> str:
        """What would be created, counted: ``12 invoices and 3 cash sales``."""
        if self.plan is None:
            return "nothing"
        counts = self.plan.to_bill["record_type"].value_counts()
        parts = [
            f"{int(counts[record.value]):,} {record.title}{'' if counts[record.value] == 1 else 's'}"
            for record in (RecordType.INVOICE, RecordType.CASH_SALE)
            if record.value in counts.index
        ]
        return " and ".join(parts) or "nothing"

    @property
    def confirmation(self) -> str:
        """What is confirmed: number, totals per currency, account, how many are left out."""
        if self.plan is None or self.skipped is None:
            return ""
        excluded, skipped = f"{len(self.excluded):,} excluded", f"{len(self.skipped):,} skipped"
        if self.stale:
            return f"The ticks changed ({excluded} now). Update the plan to see what would be created."
        return (
            f"Create {self.records}, together {format_totals(self.plan.totals)}, "
            f"in NetSuite account {self.plan.account}. {excluded}, {skipped}."
        )

    @property
    def figures(self) -> dict[str, object]:
        """What a run record keeps of plan and result; empty without a plan."""
        return {} if self.plan is None else run_figures(self.plan, self.result)

    @property
    def result_sentence(self) -> str:
        """How the run went, in numbers."""
        if self.result is None:
            return ""
        result = self.result
        counts = [f"{result.count(code):,} {words}" for code, words in _RESULT_WORDS if result.count(code)]
        if result.count(Outcome.CREATED):
            counts[0] += f" ({format_totals(result.totals)})"
        return f"Run {result.run_id}: {', '.join(counts)}."

    @property
    def outcomes(self) -> pd.DataFrame:
        """OUTCOMES of the run, the orders without a record first."""
        if self.result is None:
            return OUTCOMES.frame()
        rows = self.result.outcomes
        done = rows["outcome"].isin([Outcome.CREATED.value, Outcome.EXISTS.value])
        return pd.concat([rows[~done], rows[done]], ignore_index=True)

    @property
    def result_advice(self) -> str:
        """What to do about orders that have no record yet; empty when all have."""
        if self.result is None or self.result.complete:
            return ""
        parts = []
        if self.result.count(Outcome.UNKNOWN):
            minutes = self.desk.settings.unknown_wait // 60 + 1
            parts.append(
                "Do not create the orders without a clear answer by hand: Finish this run looks them up, "
                f"and is sure of those that are not there after {minutes} minutes."
            )
        if self.result.count(NOT_STARTED):
            parts.append("Finish this run creates what was not started.")
        if self.result.count(Outcome.REJECTED):
            parts.append("Correct the refused orders in NetSuite as their message says, then press Retry refused.")
        return " ".join(parts)

    @property
    def _finish_blockers(self) -> list[str]:
        open_ones = self.result.count(Outcome.UNKNOWN) + self.result.count(NOT_STARTED) if self.result else 0
        return [] if open_ones else ["Every order of the run has its outcome."]

    @property
    def _retry_blockers(self) -> list[str]:
        if self.result is None:
            return ["There is no run yet: press Create first."]
        if not self.result.count(Outcome.REJECTED):
            return ["NetSuite refused no order of the run."]
        return self._production_blockers

    @property
    def _production_blockers(self) -> list[str]:
        if self.needs_account and self.production.strip() != self.desk.settings.account:
            return [f"This is a production account: type its id, {self.desk.settings.account}, to create in it."]
        return []

    def _go_on(self, blockers: list[str], action: Callable[..., RunResult]) -> None:
        """Go on with the run in the journal; the order of the run keeps its one external id."""
        if blockers or self.result is None:
            raise BillingRefused("panel", (blockers or ["there is no run"])[0].rstrip("."), "Create first.")
        self.looked_up = ""
        try:
            with self.creating_records(len(self.result.outcomes)) as (progress, brake):
                self.result = action(self.result.run_id, production=self.production, progress=progress, stop=brake)
        finally:
            self._count_unresolved()

    def _count_unresolved(self) -> None:
        self.unresolved = len(self.desk.journal.open_entries(self.desk.settings.account))

    def _with_left_out(self, plan: Plan, left_out: set[str]) -> pd.DataFrame:
        """The plan's rows, and as they were last seen those that the user left out of it."""
        before = self.candidates
        if before is None or not left_out:
            return plan.to_bill
        kept = before[before["sales_order_id"].isin(list(left_out))]
        if len(kept) < len(left_out):
            raise BillingRefused("panel", "orders are left out that this panel never showed", "Open the panel again.")
        both = pd.concat([plan.to_bill, kept])
        return both.sort_values("sales_order_id", key=pd.to_numeric, ignore_index=True)


def _left_out(plan: Plan) -> set[str]:
    skipped = plan.skipped
    return set(skipped.loc[skipped["reason"] == SkipReason.EXCLUDED_BY_USER.value, "sales_order_id"])


def _changes(before: Plan | None, now: Plan, result: RunResult | None) -> str:
    """What came, went and changed, apart from what was left out, taken back or billed here."""
    if before is None:
        return ""
    billed = set() if result is None else set(result.outcomes["sales_order_id"])
    found = plan_changes(before, now, apart=_left_out(before) | _left_out(now) | billed)
    return f"Since the last preview: {'; '.join(found)}." if found else ""


def _looked_up(counts: Mapping[str, int]) -> str:
    """What a look-up found: ``Looked up 3: 2 in NetSuite, 1 not there``."""
    if not counts:
        return "There was nothing to look up."
    found = [f"{counts[code]:,} {words}" for code, words in _LOOKED_UP_WORDS if counts.get(code)]
    return f"Looked up {sum(counts.values()):,}: {', '.join(found)}."
