"""The panels of the notebooks; each shows a state of ``panels_state`` and has a static rendering."""

from __future__ import annotations

from nsbill.show.panels_billing import BillingPanel, billing_panel
from nsbill.show.panels_received import ReceivedPanel, received_panel
from nsbill.show.panels_settings import SettingsPanel, settings_panel

__all__ = [
    "BillingPanel",
    "ReceivedPanel",
    "SettingsPanel",
    "billing_panel",
    "received_panel",
    "settings_panel",
]
