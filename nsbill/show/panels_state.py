"""The states of the panels: what they know and may do, without a widget; each action lists its blockers."""

from __future__ import annotations

from nsbill.show.billing_state import BillingState
from nsbill.show.connection_state import ConnectionState
from nsbill.show.document_state import DocumentState
from nsbill.show.queue_state import QueueState
from nsbill.show.received_state import ReceivedState
from nsbill.show.settings_state import SearchChoice, SettingsState
from nsbill.show.settlements_state import SettlementsState
from nsbill.show.state import PanelState
from nsbill.show.tour_state import TourState

__all__ = [
    "BillingState",
    "ConnectionState",
    "DocumentState",
    "PanelState",
    "QueueState",
    "ReceivedState",
    "SearchChoice",
    "SettingsState",
    "SettlementsState",
    "TourState",
]
