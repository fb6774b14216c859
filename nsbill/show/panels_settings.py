"""The settings panel: which orders are billed, when, and as what."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets

from nsbill.desk import Desk
from nsbill.show.names import visible
from nsbill.show.panel_parts import Panel, alert, button, heading, paragraph, sentences, text_box, visibility
from nsbill.show.settings_state import SettingsState
from nsbill.vocabulary import BillingStatus, ClosedPeriod, LicenceEdition

__all__ = ["SettingsPanel", "settings_panel"]

_STATUS_OPTIONS = [
    ("Pending Billing (recommended): bill after the order has shipped", BillingStatus.PENDING_BILLING),
    ("Pending Fulfillment: bill before the order ships", BillingStatus.PENDING_FULFILLMENT),
]
_PERIOD_OPTIONS = [
    ("Skip the order", ClosedPeriod.BLOCK),
    ("Date it in the next open period", ClosedPeriod.NEXT_OPEN),
    ("Ask before anything is billed", ClosedPeriod.ASK),
]
_NARROW = {"style": {"description_width": "190px"}, "layout": {"width": "min(600px, 98%)"}}


def settings_panel(desk: Desk) -> SettingsPanel:
    """Return the panel that chooses saved search, billing status, flows and edition; show it with ``.show()``."""
    return SettingsPanel(SettingsState(desk))


class SettingsPanel(Panel):
    """View of a ``SettingsState``."""

    state: SettingsState

    def __init__(self, state: SettingsState) -> None:
        self._filling = False
        self._error = text_box("error")
        self.search = widgets.Select(rows=5, layout={"width": "min(620px, 98%)"})
        self.search.add_class("nsbill-search")
        self._about = text_box("search-about")
        self.status = widgets.RadioButtons(options=_STATUS_OPTIONS, layout={"width": "auto"})
        self.status.add_class("nsbill-status")
        self._netsuite = text_box("netsuite")
        self.use_netsuites = button(
            "Use NetSuite's", "use-netsuites", tooltip="Choose the status that NetSuite has now"
        )
        self.invoice_flow = _check("Invoices: NetSuite Order to NetSuite Invoice Add", "invoice-flow")
        self.cash_sale_flow = _check("Cash sales: NetSuite Order to NetSuite CashSale Add", "cash-sale-flow")
        self.edition = widgets.Dropdown(
            options=[(e.value.capitalize(), e) for e in LicenceEdition],
            description="Licence edition",
            style={"description_width": "initial"},
        )
        self.edition.add_class("nsbill-edition")
        self._flows = text_box("flows")
        self.closed_period = widgets.Dropdown(
            options=_PERIOD_OPTIONS, description="Dated in a closed period", **_NARROW
        )
        self.closed_period.add_class("nsbill-closed-period")
        self.max_orders = widgets.BoundedIntText(min=0, max=10**9, description="Most orders (0: no limit)", **_NARROW)
        self.max_orders.add_class("nsbill-max-orders")
        self.max_total = widgets.Text(
            placeholder="no limit; 1000.00 or USD=1000.00, EUR=500.00", description="Largest total", **_NARROW
        )
        self.max_total.add_class("nsbill-max-total")
        self._limits = text_box("limits")
        self.undo = button("Undo", "undo", tooltip="Take back what was changed here and not saved")
        self.show_toml = widgets.ToggleButton(description="Show as TOML", layout={"width": "auto"})
        self.show_toml.add_class("nsbill-show-toml")
        self._toml = text_box("toml")
        self.save = button("Save", "save", style="primary", tooltip="Save, and write the billing status to the search")
        self._blockers = text_box("blockers")
        self._saved = text_box("saved")
        super().__init__(state, self._layout(), name="settings")
        self._connect()
        self.refresh()

    def prepare(self) -> None:
        """Read searches and criterion from NetSuite."""
        self.state.load()

    def static(self) -> str:
        """Return the settings and what NetSuite says, as HTML."""
        state = self.state
        title = next(
            (c.text for c in state.searches if c.script_id == state.saved_search), state.saved_search or "none"
        )
        notice = [state.netsuite_sentence] if state.differs else []
        return "".join(
            [
                heading("Billing settings"),
                alert(state.error),
                paragraph(f"Saved search: {title}"),
                paragraph(f"Billing status: {state.billing_status.text}"),
                sentences(notice, kind="notice") or paragraph(state.netsuite_sentence),
                paragraph(state.mode_sentence),
                paragraph(state.edition_sentence),
                paragraph(state.period_sentence),
                paragraph(state.limits_sentence),
            ]
        )

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        self._filling = True
        try:
            options = tuple((choice.text, choice.script_id) for choice in state.searches)
            if options != self.search.options:  # setting them again would lose the place in a long list
                self.search.options = options
            known = {choice.script_id for choice in state.searches}
            self.search.value = state.saved_search if state.saved_search in known else None
            self.status.value, self.edition.value = state.billing_status, state.edition
            self.invoice_flow.value, self.cash_sale_flow.value = state.invoice_flow, state.cash_sale_flow
            self.closed_period.value, self.max_orders.value = state.closed_period, state.max_orders
            if self.max_total.value.strip() != state.max_total:  # a space that is being typed stays
                self.max_total.value = state.max_total
        finally:
            self._filling = False
        self._error.value = alert(state.error)
        self._about.value = _about(state)
        self._netsuite.value = sentences([state.netsuite_sentence], kind="notice" if state.differs else "hint")
        visibility(self.use_netsuites, state.differs and state.netsuite_status is not None)
        self._flows.value = sentences([state.mode_sentence, state.edition_sentence], kind="hint")
        self._limits.value = sentences([state.period_sentence, state.limits_sentence], kind="hint")
        self._toml.value = _as_file(state) if self.show_toml.value else ""
        self.undo.disabled = bool(state.undo_blockers)
        blockers = state.blockers
        self.save.disabled = bool(blockers)
        self._blockers.value = sentences(blockers or [state.save_sentence], kind="blockers")
        self._saved.value = sentences([state.saved] if state.saved else [], kind="saved")

    def _layout(self) -> list[Any]:
        return [
            widgets.HTML(heading("1. Which orders: the saved search in NetSuite")),
            self.search,
            self._about,
            widgets.HTML(heading("2. When: the billing status")),
            self.status,
            self._netsuite,
            self.use_netsuites,
            widgets.HTML(heading("3. As what: invoices, cash sales, or both")),
            self.invoice_flow,
            self.cash_sale_flow,
            self.edition,
            self._flows,
            widgets.HTML(heading("4. How much, and when not: limits of one run, and closed accounting periods")),
            self.max_orders,
            self.max_total,
            self.closed_period,
            self._limits,
            widgets.HBox(
                [self.save, self.undo, self.show_toml, self._blockers],
                layout={"margin": "12px 0 0 0", "align_items": "center"},
            ),
            self._error,
            self._saved,
            self._toml,
        ]

    def _connect(self) -> None:
        state = self.state
        names = ["busy", "error", "saved", "searches", "criterion", "saved_search"]
        chosen = ["billing_status", "invoice_flow", "cash_sale_flow", "edition"]
        state.observe(self.refresh, [*names, *chosen, "closed_period", "max_orders", "max_total"])
        for widget, name in (
            (self.status, "billing_status"),
            (self.invoice_flow, "invoice_flow"),
            (self.cash_sale_flow, "cash_sale_flow"),
            (self.edition, "edition"),
            (self.closed_period, "closed_period"),
            (self.max_orders, "max_orders"),
            (self.max_total, "max_total"),
        ):
            widget.observe(self._taker(name), "value")
        self.search.observe(self._choose, "value")
        self.use_netsuites.on_click(lambda _: state.use_netsuites_status())
        self.show_toml.observe(self.refresh, "value")
        self.undo.on_click(lambda _: self.worker.start(state.undo))
        self.save.on_click(lambda _: self.worker.start(state.save))

    def _taker(self, name: str) -> Any:
        def take(change: dict[str, Any]) -> None:
            if not self._filling:
                self.state.saved = ""
                new = change["new"]
                setattr(self.state, name, new.strip() if name == "max_total" else new)

        return take

    def _choose(self, change: dict[str, Any]) -> None:
        if not self._filling and change["new"]:
            chosen = change["new"]
            self.worker.start(lambda: self.state.choose(chosen))


def _check(text: str, name: str) -> widgets.Checkbox:
    box = widgets.Checkbox(description=text, indent=False, layout={"width": "auto"})
    box.add_class(f"nsbill-{name}")
    return box


def _about(state: SettingsState) -> str:
    """The search's columns and criteria, folded."""
    if state.criterion is None:
        return ""
    search = state.criterion.search
    columns = ", ".join(column.name for column in search.columns)
    criteria = "; ".join(
        f"{f['name']} {f['operator']} {', '.join(map(str, f['values'] or []))}" for f in search.filters
    )
    rows = "".join(f"<p>{escape(visible(text))}</p>" for text in (f"Criteria: {criteria}", f"Columns: {columns}"))
    return f"<details><summary>Criteria and columns of this search</summary>{rows}</details>"


def _as_file(state: SettingsState) -> str:
    """The file that saving would write; above it what of it is new."""
    text = "\n".join(visible(line) for line in state.toml.splitlines())
    head = paragraph("nsbill.toml as Save would write it:")
    return f"{head}{paragraph(state.changes_sentence)}<pre>{escape(text)}</pre>"
