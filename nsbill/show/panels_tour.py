"""The tour's panel: five steps with a button each, and under each what happened in NetSuite."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets
import pandas as pd

from nsbill.desk import Desk
from nsbill.show.document_state import document_table
from nsbill.show.names import visible
from nsbill.show.panel_parts import (
    Panel,
    alert,
    button,
    heading,
    paragraph,
    sentences,
    text_box,
    tiles,
    visibility,
)
from nsbill.show.table import money_table
from nsbill.show.tour_state import FEW, TourState

__all__ = ["TourPanel", "tour_panel"]

_STEPS = {
    "look": "1. Look: which account this is, and what waits",
    "plan": f"2. Make a plan of {FEW} orders, and see the document that one would become",
    "bill": "3. Bill them: each order becomes one record in NetSuite",
    "again": "4. Bill them again: nothing is billed twice",
    "paid": "5. What Amazon paid for them",
}
_WHY_ONCE = (
    "Why: a run carries out only the plan that was seen, and a fresh plan no longer has these orders.",
    "Had the first run died half-way, the journal would know which orders were begun; each is looked up before a resend.",
    "And NetSuite itself takes an external id only once.",
)
_STATEMENT = ("amazon_order_id", "billed_gross", "received", "due", "currency", "status", "explanation")


def tour_panel(desk: Desk) -> TourPanel:
    """Return the tour; show it with ``.show()``, which only reads."""
    return TourPanel(TourState(desk))


class TourPanel(Panel):
    """View of a ``TourState``."""

    state: TourState

    def __init__(self, state: TourState) -> None:
        self.look = button("Look again", "look-again", tooltip="Read again; begins the tour anew")
        self.plan = button(f"Plan {FEW} orders", "tour-plan", style="primary", tooltip="Creates nothing")
        self.ship = button(
            f"Ship {FEW} orders", "tour-ship", tooltip="As the warehouse would, in the simulated company"
        )
        self.confirm = widgets.Checkbox(
            description="I have looked at this plan and want it billed", indent=False, layout={"width": "auto"}
        )
        self.confirm.add_class("nsbill-tour-confirm")
        self.bill = button("Bill them", "tour-bill", style="danger", tooltip="Creates records in the simulated company")
        self.again = button("Bill them again", "tour-again", tooltip="Tries the same plan a second time")
        self.paid = button("What Amazon paid", "tour-paid", tooltip="Reads the books and compares them")
        self._errors = {step: text_box("error") for step in _STEPS}
        self._told = {step: text_box("overview" if step == "look" else f"tour-told-{step}") for step in _STEPS}
        self._happened = {step: text_box(f"tour-happened-{step}") for step in _STEPS}
        self._hints = {step: text_box("blockers") for step in _STEPS}
        self._sections = {step: widgets.VBox(self._section(step)) for step in _STEPS}
        super().__init__(state, list(self._sections.values()), name="tour")
        names = ["busy", "error", "facts", "simulated", "plan", "document", "confirmed", "result", "records", "paid"]
        state.observe(self.refresh, [*names, "refusal", "happened"])
        self.confirm.observe(lambda change: state.set_trait("confirmed", change["new"]), "value")
        for pressed, action in (
            (self.look, state.look),
            (self.ship, state.ship),
            (self.plan, state.plan_few),
            (self.bill, state.bill),
            (self.again, state.bill_again),
            (self.paid, state.see_paid),
        ):
            pressed.on_click(self._starter(action))
        self.refresh()

    def prepare(self) -> None:
        """Look."""
        self.state.look()

    def static(self) -> str:
        """Return the first step as HTML: a run without a person only looks."""
        return self._facts() + self._what_happened("look")

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        self._told["look"].value = self._facts()
        self._told["plan"].value = self._document()
        self._told["bill"].value = sentences(state.result_sentences, kind="saved")
        self._told["again"].value = self._refused()
        self._told["paid"].value = "" if state.paid is None else _statement(state.paid)
        for step in _STEPS:
            self._happened[step].value = self._what_happened(step)
            visibility(self._sections[step], step == "look" or state.simulated)
            self._errors[step].value = alert(state.error if step == state.step else "")
        for step, pressed, blockers in (
            ("look", self.look, state.look_blockers),
            ("plan", self.plan, state.plan_blockers),
            ("bill", self.bill, state.bill_blockers),
            ("again", self.again, state.again_blockers),
            ("paid", self.paid, state.paid_blockers),
        ):
            pressed.disabled = bool(blockers)
            told = blockers if step == state.step or not state.busy else []  # what goes on stands where it was begun
            self._hints[step].value = sentences(told, kind="blockers")
        visibility(self.ship, not state.ship_blockers)
        self.confirm.disabled = bool(state.busy) or state.plan is None or state.result is not None
        if self.confirm.value != state.confirmed:
            self.confirm.value = state.confirmed

    def _section(self, step: str) -> list[Any]:
        pressed = {"look": self.look, "plan": self.plan, "bill": self.bill, "again": self.again, "paid": self.paid}
        before = [self.ship] if step == "plan" else []
        row = widgets.HBox([*before, pressed[step], self._hints[step]], layout={"align_items": "center"})
        told = [self._errors[step], self._told[step], self._happened[step]]
        head = widgets.HTML(heading(_STEPS[step]))
        if step == "look":
            return [head, *told, row]
        return [head, self.confirm, row, *told] if step == "bill" else [head, row, *told]

    def _starter(self, action: Callable[[], object]) -> Callable[[object], None]:
        return lambda _: self.worker.start(action)

    def _facts(self) -> str:
        state = self.state
        real = [state.real_sentence] if state.facts and not state.simulated and not state.busy else []
        return tiles(state.facts) + sentences([*state.notices, *real], kind="notice")

    def _document(self) -> str:
        document = self.state.document
        if document is None:
            return ""
        table = document_table(document)
        title = f"{document.sales_order_number} would become this {document.record_type.title}; nothing was saved."
        parts = [paragraph(self.state.confirmation, kind="sum"), paragraph(title)]
        return "".join([*parts, sentences(document.differences, kind="notice"), table.html() if table else ""])

    def _refused(self) -> str:
        state = self.state
        if not state.records:
            return ""
        first = [state.refusal] if state.refusal else []
        return sentences([*first, *state.records], kind="saved") + sentences(_WHY_ONCE, kind="hint")

    def _what_happened(self, step: str) -> str:
        found = self.state.happened.get(step)
        if found is None:
            return ""
        lines = "".join(f"<li>{escape(visible(line))}</li>" for line in found.lines)
        words = escape(visible(f"What happened in NetSuite: {found.sentence}"))
        fold = "<details open>" if found.created else "<details>"
        return f'{fold}<summary>{words}</summary><ol class="happened">{lines}</ol></details>'


def _statement(rows: pd.DataFrame) -> str:
    columns = {"explanation": "Why"}
    table = money_table(
        rows, _STATEMENT, caption="Their rows of the statement", limit=None, titles=columns, empty_note="none"
    )
    return table.html()
