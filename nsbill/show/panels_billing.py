"""The billing panel: preview, leave out, confirm, create, look at the result."""

from __future__ import annotations

import time
from typing import Any

import ipywidgets as widgets
import traitlets

from nsbill.desk import Desk
from nsbill.money import format_money
from nsbill.schemas import OUTCOMES, PLAN_SKIPPED, PLAN_TO_BILL
from nsbill.show.billing_state import BillingState
from nsbill.show.document_state import DocumentState
from nsbill.show.grid import Grid, grid_column
from nsbill.show.panel_parts import (
    Panel,
    alert,
    button,
    heading,
    paragraph,
    record_link,
    sentences,
    text_box,
    tiles,
    visibility,
)
from nsbill.show.panels_document import DocumentView
from nsbill.show.tables import outcomes_table, plan_tables
from nsbill.vocabulary import Outcome

__all__ = ["BillingPanel", "billing_panel"]

_TO_BILL = [
    grid_column("sales_order_number", widest=18),
    grid_column("amazon_order_id"),
    grid_column("record_type", widest=12),
    grid_column("amount"),
    grid_column("currency", widest=10),
    grid_column("transaction_date", title="Date of record"),
    grid_column("order_date", title="Ordered"),
    grid_column("ship_date", title="Shipped"),
    grid_column("marketplace", widest=18),
    grid_column("customer", widest=28),
    grid_column("payment_method", widest=18),
    grid_column("period", title="Period", widest=14),
    grid_column("note", title="Note", widest=60),
]
_SKIPPED = [
    grid_column("sales_order_number", widest=18),
    grid_column("amazon_order_id"),
    grid_column("explanation", title="Why, and what to do", widest=110),
    grid_column("amount"),
    grid_column("currency", widest=10),
    grid_column("reason", widest=26),
]
_OUTCOMES = [
    grid_column("sales_order_number", widest=18),
    grid_column("outcome", widest=14),
    grid_column("record_id"),
    grid_column("amount"),
    grid_column("currency", widest=10),
    grid_column("message", widest=110),
    grid_column("record_type", title="Record", widest=12),
    grid_column("amazon_order_id"),
]
_DRAW_EVERY = 0.1


def billing_panel(desk: Desk) -> BillingPanel:
    """Return the panel that previews and creates billing records; show it with ``.show()``, which only reads."""
    return BillingPanel(BillingState(desk))


class BillingPanel(Panel):
    """View of a ``BillingState``."""

    state: BillingState

    def __init__(self, state: BillingState) -> None:
        self._drawn = 0.0
        self._tables: tuple[object, object] = (None, None)
        self.preview = button(
            "Preview", "preview-button", style="primary", tooltip="Read the orders again; creates nothing"
        )
        self._busy = text_box("busy")
        self._bar = widgets.IntProgress(layout={"width": "320px"})
        self._progress = text_box("progress")
        self.pause = button("Pause", "pause", tooltip="Start no more until Resume; the run goes on with the same plan")
        self.stop = button("Stop", "stop", style="warning", tooltip="Start no more; what is in flight is finished")
        self._error = text_box("error")
        self._headline = text_box("preview")
        self.reason = widgets.Text(
            value="", placeholder="unticked in the billing panel", description="Reason for unticking",
            style={"description_width": "initial"}, layout={"width": "min(520px, 98%)"},
        )  # fmt: skip
        self.reason.add_class("nsbill-reason")
        self.orders = Grid(
            PLAN_TO_BILL.frame(), _TO_BILL, key="sales_order_id", label="Orders to bill", ticks=True, choose="one"
        )
        self.orders.add_class("nsbill-orders")
        self.document = DocumentView(DocumentState(state))
        self._skipped_heading = text_box("skipped-heading")
        self.skipped = Grid(PLAN_SKIPPED.frame(), _SKIPPED, key="sales_order_id", label="Orders skipped", height=230)
        self.skipped.add_class("nsbill-skipped")
        self._sum = text_box("sum")
        self.update = button("Update plan", "update", tooltip="Plan again without the unticked orders")
        self.confirm = _tick("I have looked at this plan and want it created", "confirm-box")
        self.production = widgets.Text(
            placeholder="account id", description="PRODUCTION account, type its id:",
            style={"description_width": "initial"}, layout={"width": "min(420px, 98%)"},
        )  # fmt: skip
        self.production.add_class("nsbill-production")
        visibility(self.production, state.needs_account)
        self.create = button("Create", "create", style="danger", tooltip="Create the billing records in NetSuite")
        self._blockers = text_box("blockers")
        self._result = text_box("result")
        self.finish = button("Finish this run", "finish", tooltip="Look up open creates, create what was not started")
        self.retry = button(
            "Retry refused", "retry", tooltip="Try again what NetSuite refused; each is looked up first"
        )
        self.fixed = _tick("I have mended what the messages name", "fixed")
        self._retry_blockers = text_box("retry-blockers")
        self.resolve = button(
            "Resolve unknown", "resolve", tooltip="Look up creates without a clear answer; creates none"
        )
        self._unresolved = text_box("unresolved")
        self.outcomes = Grid(OUTCOMES.frame(), _OUTCOMES, key="external_id", label="Outcomes", height=260, choose="one")
        self.outcomes.add_class("nsbill-outcomes")
        self._record = text_box("record")
        self._layout()
        super().__init__(state, self._sections, name="billing")
        self._connect()
        self.refresh()

    def prepare(self) -> None:
        """Preview."""
        self.state.preview()

    def static(self) -> str:
        """Return plan and result as HTML."""
        state = self.state
        parts = [heading("Preview"), alert(state.error)]
        if state.plan is not None:
            parts += [paragraph(state.plan.sentence), sentences(state.plan.notices, kind="notice")]
            parts += [table.html() for table in plan_tables(state.plan)]
        if state.result is not None:
            parts += [heading("Result"), paragraph(state.result_sentence)]
            parts += [sentences(state.result.differences, kind="notice"), paragraph(state.result_advice)]
            parts.append(outcomes_table(state.result.outcomes).html())
        return "".join(parts)

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        self._error.value = alert(state.error)
        self.preview.disabled = bool(state.preview_blockers)
        self._busy.value = paragraph(f"{state.busy}…" if state.busy and not state.creating else "")
        self._refresh_tables()
        self._refresh_plan()
        self._refresh_confirmation()
        self._refresh_result()
        self._refresh_unresolved()
        self._refresh_progress()

    def _refresh_tables(self) -> None:
        """Set the frames of the grids, when there are new ones."""
        state = self.state
        if self._tables[0] is not state.candidates and state.candidates is not None:
            self.orders.set_frame(state.candidates)
            self.orders.chosen = frozenset()
            self.document.close_document()
        if self._tables[1] is not state.plan and state.skipped is not None:
            self.skipped.set_frame(state.skipped)
        self._tables = (state.candidates, state.plan)
        self.orders.enabled = not state.busy
        if self.orders.excluded != frozenset(state.excluded):
            self.orders.excluded = frozenset(state.excluded)

    def _refresh_plan(self) -> None:
        state, plan = self.state, self.state.plan
        for section in (self._orders_section, self._confirm_section):
            visibility(section, plan is not None)
        if plan is None or state.skipped is None:
            self._headline.value = ""
            visibility(self._skipped_section, False)
            return
        skipped = len(state.skipped)
        counts = [
            ("Found by the search", f"{plan.orders:,}"),
            ("To bill", f"{len(plan.to_bill):,}"),
            ("Skipped", f"{skipped:,}"),
            ("Excluded by you", f"{plan.orders - len(plan.to_bill) - skipped:,}"),
        ]
        totals = [(f"To bill, {currency}", format_money(total, currency)) for currency, total in plan.totals.items()]
        changes = sentences([state.changes] if state.changes else [], kind="changes")
        self._headline.value = tiles(counts + totals) + changes + sentences(plan.notices, kind="notice")
        self._skipped_heading.value = heading(f"Skipped: {skipped:,}")
        visibility(self._skipped_section, skipped > 0)

    def _refresh_confirmation(self) -> None:
        state = self.state
        self._sum.value = paragraph(state.confirmation, kind="sum")
        ready = not state.plan_blockers
        self.confirm.disabled = not ready
        if self.confirm.value != state.confirmed:
            self.confirm.value = state.confirmed
        visibility(self.update, state.stale and not state.busy)
        self.create.description = f"Create {state.records}" if ready else "Create"
        self.create.disabled = bool(state.blockers)
        self._blockers.value = sentences([] if state.busy else state.blockers, kind="blockers")

    def _refresh_result(self) -> None:
        state = self.state
        visibility(self._result_section, state.result is not None)
        if state.result is None:
            return
        self._result.value = (
            heading("Result")
            + sentences([state.result_sentence], kind="saved" if state.result.complete else "notice")
            + sentences([*state.result.differences, *state.result.left_out], kind="notice")
            + paragraph(state.result_advice)
        )
        self.outcomes.set_frame(state.outcomes)
        visibility(self.finish, not state.finish_blockers)
        visibility(self._retry_row, state.result.count(Outcome.REJECTED) > 0)
        blockers = state.retry_blockers
        self.retry.disabled = bool(blockers)
        self._retry_blockers.value = sentences([] if state.busy else blockers, kind="blockers")

    def _refresh_unresolved(self) -> None:
        state = self.state
        visibility(self._unresolved_row, bool(state.unresolved or state.looked_up))
        visibility(self.resolve, state.unresolved > 0)
        self.resolve.disabled = bool(state.resolve_blockers)
        self._unresolved.value = sentences([state.looked_up] if state.looked_up else [], kind="saved") + sentences(
            [state.unresolved_sentence] if state.unresolved else [], kind="notice"
        )

    def _refresh_progress(self, _: object = None) -> None:
        state = self.state
        visibility(self._progress_row, bool(state.busy))
        for pressed in (self.pause, self.stop):
            visibility(pressed, state.creating)
            pressed.disabled = state.stopping
        self.pause.description = "Resume" if state.paused else "Pause"
        now = time.monotonic()
        if not state.paused and now - self._drawn < _DRAW_EVERY and 0 < state.done < state.total:
            return  # the browser need not hear of every order
        self._drawn = now
        self._bar.max, self._bar.value = max(1, state.total), state.done
        self._bar.bar_style = "warning" if state.paused else ""
        self._progress.value = paragraph(state.progress_sentence if state.total else "")

    def _layout(self) -> None:
        self._progress_row = widgets.HBox(
            [self._bar, self.pause, self.stop, self._progress], layout={"align_items": "center"}
        )
        self._orders_section = widgets.VBox(
            [
                widgets.HTML(heading("Orders to bill: choose a row to see the document it would become")),
                self.reason,
                self.orders,
                self.document,
            ]
        )
        self._skipped_section = widgets.VBox([self._skipped_heading, self.skipped])
        self._confirm_section = widgets.VBox(
            [
                self._sum,
                self.update,
                self.production,
                self.confirm,
                widgets.HBox([self.create, self._blockers], layout={"align_items": "center"}),
            ]
        )
        self._confirm_section.add_class("nsbill-confirm")
        middle = {"align_items": "center"}
        self._retry_row = widgets.HBox([self.retry, self.fixed, self._retry_blockers], layout=middle)
        self._unresolved_row = widgets.HBox([self.resolve, self._unresolved], layout=middle)
        self._result_section = widgets.VBox([self._result, self.finish, self._retry_row, self.outcomes, self._record])
        self._sections = [
            widgets.HBox([self.preview, self._busy], layout={"align_items": "center"}),
            self._error,
            self._headline,
            self._orders_section,
            self._skipped_section,
            self._confirm_section,
            self._progress_row,
            self._unresolved_row,
            self._result_section,
        ]

    def _connect(self) -> None:
        state, start = self.state, self.worker.start
        state.observe(
            self.refresh,
            [
                "busy",
                "error",
                "plan",
                "candidates",
                "excluded",
                "confirmed",
                "production",
                "creating",
                "result",
                "unresolved",
                "looked_up",
            ],
        )
        state.observe(self._refresh_progress, ["done", "total", "note", "paused"])
        self.orders.observe(lambda change: state.exclude(change["new"], reason=self.reason.value), "excluded")
        self.confirm.observe(self._confirm, "value")
        traitlets.link((self.production, "value"), (self.state, "production"))
        self.preview.on_click(lambda _: start(state.preview))
        self.update.on_click(lambda _: start(state.preview))
        self.create.on_click(lambda _: start(state.create))
        self.finish.on_click(lambda _: start(state.finish))
        self.retry.on_click(lambda _: start(lambda: state.retry(fixed=self.fixed.value)))
        self.resolve.on_click(lambda _: start(state.resolve))
        self.orders.observe(self._choose, "chosen")
        self.outcomes.observe(self._name_record, "chosen")
        self.pause.on_click(lambda _: state.go_on() if state.paused else state.pause())
        self.stop.on_click(lambda _: state.stop())

    def _confirm(self, change: dict[str, Any]) -> None:
        self.state.confirmed = bool(change["new"])

    def _choose(self, change: dict[str, frozenset[str]]) -> None:
        for order in change["new"]:  # one at most
            self.document.open_document(order)

    def _name_record(self, change: dict[str, frozenset[str]]) -> None:
        """Say which record the chosen outcome has, with a link to its page in NetSuite."""
        rows = self.state.outcomes
        chosen = rows[rows["external_id"].isin(list(change["new"]))]
        self._record.value = "".join(
            record_link(number, record, self.state.desk.settings.record_page(record))
            for number, record in zip(chosen["sales_order_number"], chosen["record_id"].fillna(""), strict=True)
        )


def _tick(text: str, name: str) -> widgets.Checkbox:
    box = widgets.Checkbox(description=text, indent=False, layout={"width": "auto"})
    box.add_class(f"nsbill-{name}")
    return box
