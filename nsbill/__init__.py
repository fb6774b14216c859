"""Bill Amazon orders in NetSuite exactly once, and prove per order what was received and what is still due."""

from __future__ import annotations

__version__ = "0.1.0"
