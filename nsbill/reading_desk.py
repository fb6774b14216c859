"""The desk of scheduled reports: it reads NetSuite's books and compares them, and has no way to create anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nsbill.billing.journal import Journal
from nsbill.credentials import Credentials, load_credentials
from nsbill.desk import Desk
from nsbill.exception_queue import Taking
from nsbill.netsuite.reading import ReadingClient
from nsbill.settings import Settings, load_settings
from nsbill.vocabulary import ReceiptBasis

if TYPE_CHECKING:
    from nsbill.amazon.bank import BankStatement
    from nsbill.amazon.store import SettlementStore
    from nsbill.netsuite.whole_books import Books
    from nsbill.reconcile import Reconciliation
    from nsbill.reconcile.book_facts import BookFacts

__all__ = ["ReadingDesk"]


class ReadingDesk:
    """What a report needs of a workspace. Use as a context manager.

    It has no method that creates, and its client refuses every request that would: two walls, so that a mistake in a
    notebook cannot bill. In the workspace it keeps what it read, and the exception queue.
    """

    def __init__(self, workspace: Path, settings: Settings, credentials: Credentials) -> None:
        self._desk = Desk(workspace, settings, credentials, client=ReadingClient(settings, credentials))

    @classmethod
    def open(cls, workspace: Path | str = "workspace") -> Self:
        """Open it; settings from the workspace's file and ``NSBILL_*``, credentials as they are found."""
        folder = Path(workspace)
        settings = load_settings(folder)
        return cls(folder, settings, load_credentials(settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to NetSuite and the journal."""
        self._desk.close()

    @property
    def workspace(self) -> Path:
        """The workspace's folder."""
        return self._desk.workspace

    @property
    def settings(self) -> Settings:
        """The workspace's settings."""
        return self._desk.settings

    @property
    def journal(self) -> Journal:
        """The workspace's journal."""
        return self._desk.journal

    @property
    def store(self) -> SettlementStore:
        """The workspace's Amazon settlements."""
        return self._desk.store

    def today(self) -> date:
        """Today in the company's time zone."""
        return self._desk.today()

    def books(self) -> Books:
        """NetSuite's side, as it is now."""
        return self._desk.books()

    def facts(self) -> BookFacts:
        """What else the settings ask NetSuite for, to be given to several reconciliations; see ``Desk.facts``."""
        return self._desk.facts()

    def reconcile(
        self,
        as_of: date | None = None,
        *,
        bank: Sequence[BankStatement] = (),
        basis: ReceiptBasis = ReceiptBasis.SETTLED,
        books: Books | None = None,
        facts: BookFacts | None = None,
    ) -> Reconciliation:
        """Compare NetSuite's books with Amazon's settlements as of a day (default: today); see ``Desk.reconcile``."""
        return self._desk.reconcile(as_of, bank=bank, basis=basis, books=books, facts=facts)

    def take_exceptions(self, found: Reconciliation) -> Taking:
        """Take what a reconciliation found into the workspace's queue, unless one of a later day is there."""
        return self._desk.take_exceptions(found)
