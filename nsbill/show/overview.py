"""The first look at a workspace: which account, what waits to be billed, what is stored, and where to go on."""

from __future__ import annotations

import traitlets

from nsbill.desk import Desk
from nsbill.money import format_totals
from nsbill.show.panel_parts import Panel, alert, button, paragraph, sentences, text_box, tiles
from nsbill.show.state import PanelState

__all__ = ["OverviewPanel", "OverviewState", "overview_panel"]


class OverviewState(PanelState):
    """Facts about a workspace; reads only."""

    facts = traitlets.Tuple()
    """Pairs of what it is and its value."""
    notices = traitlets.Tuple()
    to_bill = traitlets.Int()
    settlements = traitlets.Int()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def look(self) -> None:
        """Read settings, plan and store."""
        with self.doing("Looking at the workspace and NetSuite"):
            settings = self.desk.settings
            self.facts = (("NetSuite account", settings.account), ("Profile", settings.profile))
            self.settlements = len(self.desk.store.settlements())
            plan = self.desk.preview()
            self.to_bill, self.notices = len(plan.to_bill), plan.notices
            self.facts = (
                *self.facts,
                ("Orders to bill", f"{self.to_bill:,}"),
                ("Together", format_totals(plan.totals)),
                ("Orders skipped", f"{len(plan.skipped):,}"),
                ("Amazon settlements stored", f"{self.settlements:,}"),
            )

    @property
    def figures(self) -> dict[str, object]:
        """What a run record keeps."""
        return {"to_bill": self.to_bill, "settlements": self.settlements}


def overview_panel(desk: Desk) -> OverviewPanel:
    """Return the panel of the first look; show it with ``.show()``."""
    return OverviewPanel(OverviewState(desk))


class OverviewPanel(Panel):
    """View of an ``OverviewState``."""

    state: OverviewState

    def __init__(self, state: OverviewState) -> None:
        self._facts, self._busy, self._error = text_box("overview"), text_box("busy"), text_box("error")
        self.again = button("Look again", "look-again")
        self.again.on_click(lambda _: self.worker.start(state.look))
        super().__init__(state, [self._facts, self._busy, self._error, self.again], name="overview")
        state.observe(self.refresh, ["busy", "facts", "error"])

    def prepare(self) -> None:
        """Look."""
        self.state.look()

    def static(self) -> str:
        """Return the facts as HTML."""
        return tiles(self.state.facts) + sentences(self.state.notices, kind="notice")

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        self._facts.value = self.static()
        self._busy.value = paragraph(f"{self.state.busy}…" if self.state.busy else "")
        self._error.value = alert(self.state.error)
        self.again.disabled = bool(self.state.busy)
