"""A demo company behind a simulated NetSuite in its own process, with a known number of slots and a known latency."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import requests
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth1Session

from nsbill.credentials import TokenCredentials
from nsbill.desk import Desk
from nsbill.settings import validated
from nsbill.simulator.world import build_world

__all__ = ["Account", "books_with", "desk_of", "say", "served"]

_TO_BILL_OF_A_HUNDRED = 55
"""Of a hundred orders of the demo company that many wait for billing, a few planted faults left out."""
_PATIENCE = 30.0


@dataclass(frozen=True)
class Account:
    """How to reach a simulated account, and how it is set up."""

    keys: dict[str, str]
    slots: int
    latency_ms: int

    @property
    def limit_per_second(self) -> float:
        """The theoretical throughput in requests per second: slots over latency."""
        return self.slots / (self.latency_ms / 1000)

    def control(self, route: str, body: dict[str, object] | None = None) -> Any:
        """Look at (no ``body``), or change, the simulator."""
        url = f"{self.keys['base_url']}/_simulator/{route}"
        answer = requests.request("GET" if body is None else "PUT", url, json=body, timeout=_PATIENCE)
        answer.raise_for_status()
        return answer.json()

    def raw_session(self) -> requests.Session:
        """A session that only signs: what somebody would write in an afternoon."""
        session: requests.Session = OAuth1Session(
            self.keys["consumer_key"],
            client_secret=self.keys["consumer_secret"],
            resource_owner_key=self.keys["token_id"],
            resource_owner_secret=self.keys["token_secret"],
            signature_method=SIGNATURE_HMAC_SHA256,
            realm=self.keys["account"],
        )
        session.mount("http://", HTTPAdapter(pool_maxsize=self.slots))
        return session


@contextmanager
def books_with(to_bill: int) -> Iterator[Path]:
    """Build the books of a demo company with at least ``to_bill`` orders to bill; removed at the end.

    They are built in a process of their own, so that the memory of this one is that of the work which is measured.
    """
    with tempfile.TemporaryDirectory(prefix="nsbill-benchmark-") as text:
        folder, orders = Path(text), 100 + to_bill * 100 // _TO_BILL_OF_A_HUNDRED
        say(f"building a demo company with {orders} orders")
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            today = datetime.now(UTC).date()
            build = partial(build_world, folder / "books.db", folder / "amazon", orders=orders, seed=7, today=today)
            apart.submit(build).result()
        yield folder / "books.db"


@contextmanager
def served(books: Path, *, slots: int, latency_ms: int) -> Iterator[Account]:
    """Serve a copy of ``books`` in a process of its own, so that every way begins with the same books."""
    with tempfile.TemporaryDirectory(prefix="nsbill-benchmark-") as text:
        copy, keys = Path(text) / "books.db", Path(text) / "keys.json"
        shutil.copyfile(books, copy)
        command = [sys.executable, "-m", "nsbill.simulator", str(copy), "--credentials-file", str(keys)]
        with subprocess.Popen([*command, "--latency-ms", str(latency_ms)], stdout=subprocess.DEVNULL) as process:
            try:
                account = Account(_when_written(keys, process), slots, latency_ms)
                account.control("preferences", {"concurrency_limit": slots})
                account.control("statistics", {"reset": True})
                yield account
            finally:
                process.terminate()


def desk_of(account: Account, workspace: str, ceiling: int) -> Desk:
    """Open a desk on the account, with ``ceiling`` as nsbill's setting ``slots``."""
    names = ("base_url", "account", "script", "deploy", "saved_search")
    settings = validated({**{name: account.keys[name] for name in names}, "slots": ceiling})
    return Desk(Path(workspace), settings, TokenCredentials.of(account.keys))


def say(text: str) -> None:
    """Tell a person what is going on, on standard error."""
    sys.stderr.write(f"… {text}\n")
    sys.stderr.flush()


def _when_written(keys: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    until = time.monotonic() + _PATIENCE
    while not keys.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit("The simulator did not start; try: python -m nsbill.simulator --help")
        time.sleep(0.05)
    found: dict[str, str] = json.loads(keys.read_text(encoding="utf-8"))
    return found
