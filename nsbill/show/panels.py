"""The panels of the notebooks; each shows a state of ``panels_state`` and has a static rendering."""

from __future__ import annotations

from nsbill.show.panels_billing import BillingPanel, billing_panel
from nsbill.show.panels_connection import ConnectionPanel, connection_panel
from nsbill.show.panels_received import ReceivedPanel, received_panel
from nsbill.show.panels_settings import SettingsPanel, settings_panel
from nsbill.show.panels_settlements import SettlementsPanel, settlements_panel
from nsbill.show.panels_tour import TourPanel, tour_panel

__all__ = [
    "BillingPanel",
    "ConnectionPanel",
    "ReceivedPanel",
    "SettingsPanel",
    "SettlementsPanel",
    "TourPanel",
    "billing_panel",
    "connection_panel",
    "received_panel",
    "settings_panel",
    "settlements_panel",
    "tour_panel",
]
