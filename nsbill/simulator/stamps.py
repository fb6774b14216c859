"""When a record's date of last change moves because of what another record did (uncertain in NetSuite, so a knob)."""

from __future__ import annotations

__all__ = ["DERIVED_STAMP"]

DERIVED_STAMP = (
    "CASE WHEN EXISTS (SELECT 1 FROM preference WHERE key = 'derived_changes_stamped' AND value = 'T') "
    "THEN ? ELSE lastmodifieddate END"
)
"""SQL for ``lastmodifieddate`` of an order that was billed, an invoice that was paid, a payment that was deposited.

No source says whether NetSuite stamps the record that merely follows. By default it is not stamped here: who trusts
the date alone then misses the change.
"""
