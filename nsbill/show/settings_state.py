"""The state of the settings panel: what the settings say, what NetSuite says, and what saving would do."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import traitlets

from nsbill.desk import Criterion, Desk
from nsbill.errors import SettingsError
from nsbill.netsuite.searches import inspect_search
from nsbill.settings import settings_toml, validated
from nsbill.show.state import PanelState
from nsbill.vocabulary import ORDER_STATUS_TEXT, BillingMode, BillingStatus, ClosedPeriod, LicenceEdition, RecordType

__all__ = ["SearchChoice", "SettingsState"]

_FIELDS = (
    "saved_search",
    "billing_status",
    "invoice_flow",
    "cash_sale_flow",
    "edition",
    "closed_period",
    "max_orders",
    "max_total",
)
_PERIOD_SENTENCES = {
    ClosedPeriod.BLOCK: "An order dated in a closed accounting period is skipped, with the reason.",
    ClosedPeriod.NEXT_OPEN: "An order dated in a closed accounting period is dated on the first day of the next open one.",
    ClosedPeriod.ASK: "While orders are dated in a closed accounting period, nothing is billed: the policy must be chosen first.",
}
_MODE_SENTENCES = {
    BillingMode.INVOICE: "Each order becomes an invoice.",
    BillingMode.CASH_SALE: "Each order becomes a cash sale.",
    BillingMode.AUTO: "An order with a payment method becomes a cash sale, an order without one becomes an invoice.",
}


class SearchChoice(NamedTuple):
    """A saved search to choose from."""

    script_id: str
    title: str
    id: str
    owner: str

    @property
    def text(self) -> str:
        """Title and script id, for a list."""
        return f"{self.title} ({self.script_id})"


class SettingsState(PanelState):
    """The billing settings as they stand in the panel; nothing is written before ``save``."""

    searches = traitlets.Tuple()
    saved_search = traitlets.Unicode()
    billing_status = traitlets.UseEnum(BillingStatus)
    invoice_flow = traitlets.Bool()
    cash_sale_flow = traitlets.Bool()
    edition = traitlets.UseEnum(LicenceEdition)
    closed_period = traitlets.UseEnum(ClosedPeriod)
    max_orders = traitlets.Int()
    """Most orders of one run; 0: no limit."""
    max_total = traitlets.Unicode()
    """Largest total of one run, as in the setting; empty: no limit."""
    criterion = traitlets.Instance(Criterion, allow_none=True)
    saved = traitlets.Unicode()
    """What the last save did, in one sentence."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._take_settings()

    def load(self) -> None:
        """Read the list of saved searches, and the chosen one's status criterion, from NetSuite."""
        with self.doing("Reading the saved searches from NetSuite"):
            self.saved = ""
            found = self.desk.searches()
            self.searches = tuple(
                SearchChoice(row["script_id"], row["title"], row["id"], row["owner"] or "")
                for row in found.to_dict("records")
            )
            self.saved_search = self._script_id(self.desk.settings.saved_search)
            self._read_criterion()

    def choose(self, search: str) -> None:
        """Choose a saved search by script id, and read its status criterion from NetSuite."""
        with self.doing("Reading the saved search from NetSuite"):
            self.saved = ""
            self.criterion = None
            self.saved_search = search
            self._read_criterion()

    def use_netsuites_status(self) -> None:
        """Take the billing status that NetSuite's own criterion amounts to."""
        if self.netsuite_status is not None:
            self.billing_status = self.netsuite_status

    def save(self) -> None:
        """Save the settings and write the billing status to the saved search; refuses while there are blockers."""
        blockers = self.blockers
        with self.doing("Saving"):
            if blockers:
                raise SettingsError("billing", blockers[0].rstrip("."), "Nothing was saved.")
            self.criterion = self.desk.save_settings(**self.values)
            self.saved = f"Saved. {self.criterion.sentence}"
            self._take_settings()

    def undo(self) -> None:
        """Take back what was changed here and not saved."""
        with self.doing("Taking back what was not saved"):
            self.saved = ""
            search = self.saved_search
            self._take_settings()
            if self.saved_search != search:
                self.criterion = None
                self._read_criterion()

    @property
    def undo_blockers(self) -> list[str]:
        """Why there is nothing to take back."""
        if self.busy:
            return [f"{self.busy}…"]
        return [] if self.changed else ["Nothing was changed here since the settings were saved."]

    @property
    def changes_sentence(self) -> str:
        """Which settings differ from the saved ones; empty when none do."""
        return f"Changed and not saved: {', '.join(self._changes)}." if self._changes else ""

    @property
    def toml(self) -> str:
        """The workspace's nsbill.toml as saving would write it; no secret is ever in it."""
        try:
            return settings_toml(self.desk.workspace, self.values)
        except SettingsError as error:
            return f"# {error}"

    @property
    def period_sentence(self) -> str:
        """What becomes of orders dated in a closed accounting period."""
        return _PERIOD_SENTENCES[self.closed_period]

    @property
    def limits_sentence(self) -> str:
        """What one run may bill at most."""
        orders = f"at most {self.max_orders:,} orders" if self.max_orders else ""
        total = f"at most {self.max_total}" if self.max_total else ""
        if not (orders or total):
            return "One run may bill any number of orders and any total."
        if self._impossible():
            return ""  # what is wrong is said beside the buttons
        return (
            f"One run may bill {' and '.join(part for part in (orders, total) if part)}; a plan beyond that is refused."
        )

    @property
    def values(self) -> dict[str, Any]:
        """The settings as they stand in the panel."""
        return {name: getattr(self, name) for name in _FIELDS}

    @property
    def figures(self) -> dict[str, object]:
        """What a run record keeps: the settings as they stand."""
        return self.values

    @property
    def netsuite_status(self) -> BillingStatus | None:
        """The billing status that the saved search has in NetSuite; ``None`` for anything but the two."""
        return self.criterion.search.status.billing_status if self.criterion else None

    @property
    def netsuite_sentence(self) -> str:
        """What NetSuite says now, beside the panel's billing status."""
        if self.criterion is None:
            return "The saved search was not read yet."
        letters = sorted(self.criterion.search.status.letters)
        there = ", ".join(ORDER_STATUS_TEXT.get(letter, letter) for letter in letters) or "orders of every status"
        title = self.criterion.search.title
        if self.netsuite_status is self.billing_status:
            return f"The saved search '{title}' selects {there}, as chosen here."
        return (
            f"The saved search '{title}' selects {there}; chosen here is {self.billing_status.text}. "
            f"Until it is saved, NetSuite's criterion wins."
        )

    @property
    def differs(self) -> bool:
        """Whether NetSuite's criterion is another than the panel's billing status."""
        return self.criterion is not None and self.netsuite_status is not self.billing_status

    @property
    def mode_sentence(self) -> str:
        """What the orders become by the two flows."""
        if self.invoice_flow and self.cash_sale_flow:
            return _MODE_SENTENCES[BillingMode.AUTO]
        if self.cash_sale_flow:
            return _MODE_SENTENCES[BillingMode.CASH_SALE]
        return _MODE_SENTENCES[BillingMode.INVOICE] if self.invoice_flow else "Nothing can be billed."

    @property
    def edition_sentence(self) -> str:
        """What the chosen licence edition allows."""
        trial = self.desk.settings.model_copy(update={"edition": self.edition})
        allowed = [record.title + "s" for record in (RecordType.INVOICE, RecordType.CASH_SALE) if trial.allows(record)]
        what = " and ".join(allowed) + (" only" if len(allowed) == 1 else "") if allowed else "neither of the two"
        source = "by your override 'edition_allows'" if self.edition in trial.edition_allows else "by nsbill's table"
        return f"The {self.edition.value} edition allows {what} ({source}; check your contract)."

    @property
    def save_sentence(self) -> str:
        """What saving would do in NetSuite."""
        if self.differs:
            return f"Saving writes '{self.billing_status.text}' to the saved search in NetSuite."
        return "Saving changes nothing in NetSuite."

    @property
    def blockers(self) -> list[str]:
        """Why the settings cannot be saved now; empty when they can."""
        if self.busy:
            return [f"{self.busy}…"]
        if not self.searches:
            return ["The saved searches were not read yet."]
        if self.saved_search not in {choice.script_id for choice in self.searches}:
            return ["Choose a saved search."]
        found = [*self._impossible(), *self._pinned()]
        status = self.criterion.search.status if self.criterion else None
        if status is None:
            found.append("The saved search could not be read, so its status criterion is not known.")
        elif self.differs and not status.writable:
            found.append(f"The status criterion of this search cannot be rewritten: {status.reason}.")
        if not found and not self.changed and not self.differs:
            found.append("Nothing to save: the settings and the saved search are as shown.")
        return found

    @property
    def changed(self) -> bool:
        """Whether the panel differs from the saved settings."""
        return bool(self._changes)

    @property
    def _changes(self) -> dict[str, Any]:
        settings = self.desk.settings
        now = {
            **{name: getattr(settings, name) for name in _FIELDS},
            "saved_search": self._script_id(settings.saved_search),
        }
        return {name: value for name, value in self.values.items() if value != now[name]}

    def _impossible(self) -> list[str]:
        try:
            validated({**self.desk.settings.model_dump(), **self.values})
        except SettingsError as error:
            return [str(error)]
        return []

    def _pinned(self) -> list[str]:
        """Settings that the environment holds: it wins over the file, so saving them would have no effect."""
        names = [f"NSBILL_{name.upper()}" for name in self._changes]
        return [
            f"The environment variable {name} wins over what is saved here; unset it first."
            for name in names
            if os.environ.get(name)
        ]

    def _read_criterion(self) -> None:
        if self.saved_search:
            self.criterion = Criterion(
                inspect_search(self.desk.client, self.saved_search), self.desk.settings.billing_status
            )

    def _take_settings(self) -> None:
        for name in _FIELDS:
            value = getattr(self.desk.settings, name)
            self.set_trait(name, self._script_id(value) if name == "saved_search" else value)

    def _script_id(self, search: str) -> str:
        """The script id of a search that the settings may name by its number."""
        return next((choice.script_id for choice in self.searches if search in {choice.id, choice.script_id}), search)
