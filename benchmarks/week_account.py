"""The week's company: a simulated account that faults hit, orders that come in one by one, and a receiver of messages."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

from benchmarks.campaign_books import BookWriter, CampaignBooks, make_books, samples_of
from nsbill.simulator import tables

__all__ = ["Arrivals", "Receiver"]

_BACKLOG = 60
_FIRST_ID = 10_000_000


class Arrivals:
    """Orders that come in while the account is in use, copied from those that were there at the beginning."""

    def __init__(self, path: Path, *, seed: int) -> None:
        self.books: CampaignBooks = make_books(
            path, account="7000001_SB1", orders=_BACKLOG, first_id=_FIRST_ID, seed=seed, careless=False
        )
        with closing(tables.connect(path)) as books:
            self._samples = [sample for sample in samples_of(books) if not sample.bills]
        self._rng = Random(seed)

    def one(self) -> None:
        """Let one more order be there, waiting to be billed."""
        with closing(tables.connect(self.books.path)) as books:
            books.execute("BEGIN IMMEDIATE")
            newest = books.execute("SELECT MAX(id) FROM txn").fetchone()[0]
            order, due = BookWriter(books, newest + 1).copy(self._rng.choice(self._samples))
            books.execute("COMMIT")
        self.books.due[order] = due


class Receiver:
    """A webhook's receiver. ``texts``: what it took; a share of the posts it answers with an error, and does not take."""

    def __init__(self, *, seed: int, refusing: float) -> None:
        self.texts: list[str] = []
        self.refused = 0
        self.refusing = refusing
        rng, receiver = Random(seed), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                refuse = rng.random() < receiver.refusing
                if refuse:
                    receiver.refused += 1
                else:
                    receiver.texts.append(json.loads(body)["text"])
                self.send_response(500 if refuse else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
