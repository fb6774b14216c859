"""A simulated account in a process of its own that faults hit, and that can be killed and started again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

__all__ = ["READ_TIMEOUT", "UNKNOWN_WAIT", "FaultyAccount", "fault_rules"]

READ_TIMEOUT = 2
"""nsbill's setting in the campaign, seconds."""
UNKNOWN_WAIT = 6
"""nsbill's setting in the campaign, seconds: longer than the account is ever at work on one request."""
_SLOW = 2.5
_PATIENCE = 30.0
_CREATES = {
    "drop_after_commit": 0.02,
    "error_500_before": 0.02,
    "429": 0.03,
    "drop_before": 0.01,
    "slow_before": 0.005,
    "slow_after_commit": 0.005,
    "401": 0.005,
    "locked": 0.005,
    "error_500_after_commit": 0.005,
    "changed": 0.0025,
}
_READS = {"429": 0.01, "error_500_before": 0.005, "drop_before": 0.005, "401": 0.001}


def fault_rules() -> list[dict[str, object]]:
    """Which share of the requests is hit by what: creates, and the reads by which they are looked up and planned."""
    rules: list[dict[str, object]] = [
        {"where": where, "kind": kind, "rate": str(rate), "seconds": str(_SLOW) if kind.startswith("slow") else 0}
        for where, rates in (("transform", _CREATES), ("record", _READS), ("suiteql", _READS), ("restlet", _READS))
        for kind, rate in rates.items()
    ]
    return rules


class FaultyAccount:
    """Serves books on one port. ``seed`` and the number of its starts decide which request is hit by which fault."""

    def __init__(self, books: Path, *, seed: int) -> None:
        self._books, self._seed = books, seed
        self._keys_file = books.with_name("keys.json")
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._fired: dict[str, int] = {}
        self.starts = 0
        self.keys: dict[str, str] = {}

    def start(self) -> None:
        """Start, or start again after a kill; returns when it answers."""
        self._keys_file.unlink(missing_ok=True)
        arguments = [str(self._books), "--port", str(self._port), "--credentials-file", str(self._keys_file)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nsbill.simulator", *arguments], stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + _PATIENCE
        while not self._keys_file.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                raise SystemExit("The simulator did not start; try: python -m nsbill.simulator --help")
            time.sleep(0.02)
        self.keys = json.loads(self._keys_file.read_text(encoding="utf-8"))
        self.starts += 1
        self.control("faults", {"seed": self._seed * 1000 + self.starts, "faults": fault_rules()})

    def kill(self) -> None:
        """Kill it in the middle of whatever it does, as a host that goes down."""
        if self._process is not None:
            self._note_faults()
            self._process.kill()
            self._process.wait()

    def clear(self) -> None:
        """Let no more faults hit; what has hit is kept in mind."""
        self._note_faults()
        self.control("faults", {"seed": 1, "faults": []})

    def stop(self) -> dict[str, int]:
        """Let it finish what is under way, and end it; returns how often each fault hit."""
        if self._process is not None:
            self._note_faults()
            self._process.terminate()
            self._process.wait()
        return self._fired

    def settle(self) -> None:
        """Wait until nothing is under way."""
        until = time.monotonic() + _PATIENCE
        while self.control("statistics")["in_flight"] and time.monotonic() < until:
            time.sleep(0.05)

    def control(self, route: str, body: dict[str, object] | None = None) -> Any:
        """Look at (no ``body``), or change, the simulator."""
        url = f"http://127.0.0.1:{self._port}/_simulator/{route}"
        answer = requests.request("GET" if body is None else "PUT", url, json=body, timeout=_PATIENCE)
        answer.raise_for_status()
        return answer.json()

    def _note_faults(self) -> None:
        for rule in self.control("faults")["faults"]:
            name = f"{rule['where']} {rule['kind']}"
            self._fired[name] = self._fired.get(name, 0) + rule["fired"]


def _free_port() -> int:
    """A port that is free now; kept over restarts, as a host keeps its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
