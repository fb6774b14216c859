"""The week's clock: one time that all its processes see, which passes only as far as the driver has done what was due.

While a run is under way, time passes at ``rate`` seconds a second. While nothing runs, it leaps. The journal's own clock, by
which leases end and messages are tried again, stays the machine's.
"""

from __future__ import annotations

import mmap
import struct
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["WeekClock", "WeekTime"]

_NOW, _GRANTED, _RATE = range(3)
_QUARTER = 15 * 60.0
_PAUSE = 0.002
_PATIENCE = 0.25


class WeekTime:
    """Time, how far it may go, and how fast, in a file that is mapped into every process."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(24))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 24)

    @property
    def now(self) -> float:
        """The week's time, in seconds since 1970."""
        return self._read(_NOW)

    @now.setter
    def now(self, value: float) -> None:
        self._write(_NOW, value)

    @property
    def granted(self) -> float:
        """As far as time may go."""
        return self._read(_GRANTED)

    @granted.setter
    def granted(self, value: float) -> None:
        self._write(_GRANTED, value)

    @property
    def rate(self) -> float:
        """Seconds of the week in a second, while something runs."""
        return self._read(_RATE)

    @rate.setter
    def rate(self, value: float) -> None:
        self._write(_RATE, value)

    def _read(self, place: int) -> float:
        value: float = struct.unpack_from("d", self._shared, place * 8)[0]
        return value

    def _write(self, place: int, value: float) -> None:
        struct.pack_into("d", self._shared, place * 8, value)


class WeekClock:
    """The service's ``Clock``. ``leap``: seconds that pass at once while nothing runs, never beyond a quarter of an hour."""

    def __init__(self, shared: WeekTime, *, leap: float) -> None:
        self._shared, self._leap = shared, leap
        self.running = 0

    def now(self) -> datetime:
        """The week's time."""
        return datetime.fromtimestamp(self._shared.now, UTC)

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Let time pass, as far as it may; a request to stop wakes at once."""
        begin = self._shared.now
        if self.running:
            wake.wait(seconds / self._shared.rate)
            until = begin + seconds
        else:
            quarter = (begin // _QUARTER + 1) * _QUARTER
            until = min(begin + max(seconds, self._leap), quarter) if begin + seconds < quarter else begin + seconds
        patience = time.monotonic() + _PATIENCE
        while self._shared.granted < until and time.monotonic() < patience and not wake.is_set():
            time.sleep(_PAUSE)
        wake.clear()
        self._shared.now = max(begin, min(until, self._shared.granted))
