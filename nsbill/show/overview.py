"""The first look at a workspace: which account, what waits to be billed, and what is stored."""

from __future__ import annotations

import traitlets

from nsbill.billing.plan import Plan
from nsbill.desk import Desk
from nsbill.money import format_totals
from nsbill.show.state import PanelState

__all__ = ["OverviewState"]


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

    def read_facts(self) -> Plan:
        """Read settings, plan and store; returns the plan."""
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
        return plan

    @property
    def figures(self) -> dict[str, object]:
        """What a run record keeps."""
        return {"to_bill": self.to_bill, "settlements": self.settlements}
