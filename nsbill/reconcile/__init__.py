"""The proof: received versus due per Amazon order as of a day, and every exception, from frames alone.

Pure: no network, no clock; it reads the Parquet files that it is handed and nothing else.
"""

from __future__ import annotations

from nsbill.reconcile.compare import Inputs
from nsbill.reconcile.into_files import ReconciledFiles, reconcile_into
from nsbill.reconcile.result import Reconciliation, reconcile
from nsbill.reconcile.rules import ReconcileRules

__all__ = ["Inputs", "ReconcileRules", "ReconciledFiles", "Reconciliation", "reconcile", "reconcile_into"]
