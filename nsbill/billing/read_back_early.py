"""Read new records back while others are still being made, so that little is left to read when a run ends."""

from __future__ import annotations

import threading
from array import array
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd

from nsbill.billing.journal import Entry
from nsbill.billing.read_back import COULD_NOT, read_back
from nsbill.billing.result import outcomes_of
from nsbill.netsuite.client import Client

__all__ = ["EarlyReadBack"]

_ENOUGH = 250
"""Records that are worth two requests of their own; their lines seldom need more than one page."""
_NEARLY_DONE = 60
_AT_ONCE = 2
"""So many pieces may be under way; the end of a run need not wait for the one before."""


class EarlyReadBack:
    """Compares the records of one run with what was planned, in the background. Use as a context manager.

    It writes nothing. Only what it found equal is final: whatever differs, or could not be read, is read once more by
    ``rest``, because a query may show a record a moment after it was made.
    """

    def __init__(self, client: Client, currencies: dict[str, str], planned: int) -> None:
        self._client, self._currencies = client, currencies
        self._equal = array("q", bytes(8 * planned))  # by place in the plan, the record that was found equal, or 0
        self._lock = threading.Lock()
        self._made: list[Entry] = []
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="nsbill-read-back")
        self._under_way: list[Future[None]] = []
        self._given_up = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def made(self, entry: Entry) -> None:
        """Take note of an order that has its record. Safe to call from several threads."""
        with self._lock:
            if not self._given_up:
                self._made.append(entry)

    def go_on(self, *, left: int) -> None:
        """Compare what was made meanwhile, if it is enough; does not wait for it.

        ``left``: how many orders are not settled yet. Shortly before the end less is enough, so that the last few are
        compared alone, and at the end anything.
        """
        enough = 1 if left <= 0 else _ENOUGH if left > _NEARLY_DONE else _ENOUGH // 5
        for one in [one for one in self._under_way if one.done()]:
            self._under_way.remove(one)
            one.result()
        with self._lock:
            if len(self._made) < enough or len(self._under_way) >= _AT_ONCE or self._given_up:
                return
            piece, self._made = self._made, []
        self._under_way.append(self._pool.submit(self._compare, piece))

    def rest(self, outcomes: pd.DataFrame) -> dict[str, str]:
        """Compare what of a whole run (schema OUTCOMES, in the order of the plan) was not found equal before.

        Returns external id → one sentence, where something differs; see ``read_back``.
        """
        for one in self._under_way:
            one.result()
        records = pd.to_numeric(outcomes["record_id"]).fillna(0).to_numpy(dtype="int64")
        return read_back(self._client, self._currencies, outcomes[records != np.frombuffer(self._equal, dtype="int64")])

    def _compare(self, piece: list[Entry]) -> None:
        different = read_back(self._client, self._currencies, outcomes_of(piece))
        if COULD_NOT in different:
            self._given_up = True  # most likely it is so for the others, too: one look at the end will do
            return
        for entry in piece:
            if entry.bill.external_id not in different:
                self._equal[entry.position] = int(entry.record_id or 0)
