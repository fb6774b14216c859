"""The queue of exceptions: who takes care of each, how far it is, what was noted, and what happened to it.

It takes the frames of a reconciliation in and writes to the journal's database, so it stands above both; the
reconciliation itself stays pure and knows nothing of it.
"""

from __future__ import annotations

from nsbill.exception_queue.queue import ExceptionQueue, Handled
from nsbill.exception_queue.taking import Taking

__all__ = ["ExceptionQueue", "Handled", "Taking"]
