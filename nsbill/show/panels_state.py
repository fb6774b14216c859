"""The states of the panels: what they know and may do, without a widget; each action lists its blockers."""

from __future__ import annotations

from nsbill.show.billing_state import BillingState
from nsbill.show.received_state import ReceivedState
from nsbill.show.settings_state import SearchChoice, SettingsState
from nsbill.show.state import PanelState

__all__ = ["BillingState", "PanelState", "ReceivedState", "SearchChoice", "SettingsState"]
