"""The desk: one object that wires settings, client, journal, store and reconciliation of a workspace.

Command line, panels and notebooks all work through it, so that they do the same thing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict
from zoneinfo import ZoneInfo

import pandas as pd

from nsbill.billing.decisions import exclude_order, include_order
from nsbill.billing.dry_run import ExactCheck, compare_exactly, load_previews
from nsbill.billing.journal import Journal
from nsbill.billing.limits import check_answered, check_edition, check_set_limits
from nsbill.billing.plan import Known, Plan, build_plan, is_same_plan, orders_to_preview, plan_difference
from nsbill.billing.remainder import PARTLY_SHIPPED
from nsbill.billing.retry import retry_run
from nsbill.billing.run import RunResult, carry_out, resume_run, settle_open
from nsbill.credentials import Credentials, load_credentials
from nsbill.errors import BillingRefused, JournalError, NetSuiteError, SettingsError, SignInRefused, TooManyRequests
from nsbill.exception_queue import ExceptionQueue, Taking
from nsbill.netsuite.book_facts import load_bill_subsidiaries, load_billed_kinds, load_posted_elsewhere
from nsbill.netsuite.books import billing_records_of, load_accounting_periods, load_currencies
from nsbill.netsuite.client import Client
from nsbill.netsuite.order_lookup import OrderName
from nsbill.netsuite.protocol import about
from nsbill.netsuite.searches import SavedSearch, inspect_search, list_searches, load_orders, write_status
from nsbill.netsuite.whole_books import Books, load_books
from nsbill.progress import Progress, silent
from nsbill.settings import Settings, load_settings, save_settings, validated
from nsbill.vocabulary import ORDER_STATUS_TEXT, BillingStatus, ClosedPeriod, Outcome, ReceiptBasis, SkipReason

if TYPE_CHECKING:
    from nsbill.amazon.bank import BankStatement
    from nsbill.amazon.store import AddResult, SettlementStore
    from nsbill.reconcile import Reconciliation
    from nsbill.reconcile.book_facts import BookFacts

__all__ = ["Criterion", "Desk"]


class _Given(TypedDict):
    """What every plan of one preview goes by."""

    settings: Settings
    status_effective: tuple[str, ...]
    today: date
    exclude: Mapping[str, str] | None


@dataclass(frozen=True)
class Criterion:
    """The billing status: what the setting says, and what NetSuite's own criterion says, which wins."""

    search: SavedSearch
    setting: BillingStatus

    @property
    def letters(self) -> tuple[str, ...]:
        """The status letters that NetSuite lets through; all of them when it has no criterion."""
        return tuple(sorted(self.search.status.letters or ORDER_STATUS_TEXT))

    @property
    def differs(self) -> bool:
        """Whether NetSuite's criterion is another than the setting."""
        return self.search.status.billing_status is not self.setting

    @property
    def sentence(self) -> str:
        """Both in one sentence."""
        there = ", ".join(ORDER_STATUS_TEXT.get(letter, letter) for letter in sorted(self.search.status.letters))
        there = there or "no status criterion"
        if not self.differs:
            return f"Billing status: {there} (setting and saved search agree)."
        return f"The saved search in NetSuite has {there}; the setting is {self.setting.text}. NetSuite's wins."


class Desk:
    """Everything an analyst or a scheduled run does with one workspace. Use as a context manager."""

    def __init__(
        self, workspace: Path, settings: Settings, credentials: Credentials, client: Client | None = None
    ) -> None:
        if not settings.account:
            raise SettingsError("account", "is not set", "Set NSBILL_ACCOUNT, or use the simulator: nsbill demo.")
        self.workspace, self.settings = workspace, settings
        self.journal = Journal.open(settings.journal_url or workspace)
        self.client = client or Client(settings, credentials)

    @classmethod
    def open(cls, workspace: Path | str = "workspace") -> Desk:
        """Open the desk of a workspace; settings from its file and ``NSBILL_*``, credentials as they are found."""
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
        self.client.close()
        self.journal.close()

    def today(self) -> date:
        """Today in the company's time zone."""
        return datetime.now(ZoneInfo(self.settings.time_zone)).date()

    @property
    def store(self) -> SettlementStore:
        """The workspace's Amazon settlements."""
        from nsbill.amazon.store import SettlementStore

        return SettlementStore(self.workspace, seller_account=self.settings.seller_account)

    def searches(self) -> pd.DataFrame:
        """The saved searches on sales orders that the role sees."""
        return list_searches(self.client)

    def criterion(self) -> Criterion:
        """Read the saved search's status criterion from NetSuite, beside the setting."""
        return Criterion(self._search(), self.settings.billing_status)

    def save_settings(self, **changes: Any) -> Criterion:
        """Check and save settings, and write the billing status to the saved search in NetSuite.

        Raises
        ------
        SettingsError
            A setting is impossible; nothing was saved.
        NetSuiteError
            The saved search is unknown or cannot be rewritten; nothing was saved.
        """
        wanted = validated({**self.settings.model_dump(), **changes})
        search = inspect_search(self.client, _chosen(wanted.saved_search))
        if search.status.billing_status is not wanted.billing_status:
            if not search.status.writable:
                raise SettingsError(
                    "billing_status",
                    f"the status criterion of saved search '{search.title}' cannot be rewritten: {search.status.reason}",
                    "Change it in NetSuite by hand.",
                )
            write_status(self.client, search.id, wanted.billing_status)
        self.settings = save_settings(self.workspace, changes)
        self.client.settings = self.settings
        return self.criterion()

    def preview(
        self,
        exclude: Mapping[str, str] | None = None,
        *,
        closed_period: ClosedPeriod | None = None,
        progress: Progress = silent,
    ) -> Plan:
        """Load the saved search and decide what would be billed; creates nothing.

        ``exclude``: sales order ids to leave out, each with the reason, beside those that the journal
        leaves out. ``closed_period``: instead of the setting's.
        """
        settings = self.settings.model_copy(update={"closed_period": closed_period}) if closed_period else self.settings
        criterion = self.criterion()
        currencies = load_currencies(self.client)
        loaded = load_orders(self.client, criterion.search, currencies, progress=progress)
        unresolved = {e.bill.sales_order_id for e in self.journal.open_entries(self.settings.account)}
        billed = billing_records_of(self.client, currencies, loaded.orders)
        periods, notices = self._periods()
        in_advance = self._in_advance(loaded.orders)
        known = Known(frozenset(unresolved), periods, in_advance, notices=notices)
        given: _Given = {
            "settings": settings,
            "status_effective": criterion.letters,
            "today": self.today(),
            "exclude": {**self.journal.excluded(settings.account), **(exclude or {})},
        }
        partly = orders_to_preview(loaded.orders, billed, **given, known=known)
        if len(partly):
            known = replace(known, previews=load_previews(self.client, partly, progress=progress))
        plan = build_plan(loaded.orders, loaded.problems, billed, **given, known=known)
        return replace(plan, currencies=currencies)

    def check_exactly(self, plan: Plan, *, sample: int | None = None, progress: Progress = silent) -> ExactCheck:
        """Ask NetSuite what it would create for ``plan``, or a sample of it, and compare; creates nothing."""
        return compare_exactly(self.client, load_currencies(self.client), plan, sample=sample, progress=progress)

    def check_account(self, *, production: str | None = None) -> None:
        """Refuse to create in a production account unless its id was typed out.

        Raises
        ------
        BillingRefused
            The profile is production and ``production`` is not the account's id.
        """
        account = self.settings.account
        if self.settings.profile == "production" and production != account:
            raise BillingRefused(
                "production",
                f"{account} is a production account",
                f"To create there, say so: --production {account}",
            )

    def bill(
        self,
        plan: Plan,
        *,
        production: str | None = None,
        newcomers_wait: bool = False,
        progress: Progress = silent,
        stop: threading.Event | None = None,
    ) -> RunResult:
        """Carry out ``plan`` if it still is what a fresh plan would be; ``newcomers_wait``: but for orders new since then.

        Raises
        ------
        BillingRefused
            Something changed in NetSuite or in the settings since the plan was made (says what), the plan leaves a
            question open, is beyond the settings' limits or holds records that the licence edition does not allow, or
            the account is a production account and ``production`` is not its id.
        """
        self.check_account(production=production)
        check_edition(plan.to_bill["record_type"], self.settings)
        check_answered(plan)
        check_set_limits(plan, self.settings)
        excluded = plan.skipped[plan.skipped["reason"] == SkipReason.EXCLUDED_BY_USER.value]
        reasons = dict(zip(excluded["sales_order_id"], excluded["explanation"], strict=True))
        fresh = self.preview(reasons, closed_period=plan.closed_period)
        if not is_same_plan(plan, fresh, newcomers_wait=newcomers_wait):
            raise BillingRefused("fingerprint", plan_difference(plan, fresh), "Look at the plan again, then bill.")
        return carry_out(plan, journal=self.journal, client=self.client, progress=progress, stop=stop)

    def resume(
        self,
        run_id: str | None = None,
        *,
        production: str | None = None,
        progress: Progress = silent,
        stop: threading.Event | None = None,
    ) -> RunResult:
        """Finish an interrupted run; by default the account's newest that had something to create. Guarded like ``bill``."""
        self.check_account(production=production)
        run_id = self._run(run_id, "resume")
        self._check_edition(run_id)
        return resume_run(run_id, journal=self.journal, client=self.client, progress=progress, stop=stop)

    def retry(
        self,
        run_id: str | None = None,
        *,
        fixed: bool = False,
        production: str | None = None,
        progress: Progress = silent,
        stop: threading.Event | None = None,
    ) -> RunResult:
        """Try the creates again that NetSuite refused in a run; by default the account's newest. Guarded like ``bill``.

        Those whose refusal passes by itself; with ``fixed`` also those whose cause had to be mended first.
        """
        self.check_account(production=production)
        run_id = self._run(run_id, "try again")
        self._check_edition(run_id)
        return retry_run(run_id, journal=self.journal, client=self.client, fixed=fixed, progress=progress, stop=stop)

    def exclude(self, order: str, *, reason: str, author: str) -> OrderName:
        """Leave an order (internal id, number, Amazon order id) out of every plan until it is included again."""
        return exclude_order(self.journal, self.client, order, reason=reason, author=author)

    def include(self, order: str, *, author: str, reason: str = "") -> tuple[OrderName, str | None]:
        """Lift the exclusion of an order; returns it, and why it was left out (``None``: it was not)."""
        return include_order(self.journal, self.client, order, author=author, reason=reason)

    def settle_open(self) -> dict[str, int]:
        """Look up creates of earlier runs that got no clear answer; creates nothing. Returns outcomes by count."""
        return settle_open(self.settings.account, journal=self.journal, client=self.client)

    def add_settlements(
        self, paths: Iterable[Path], *, accept_untied: bool = False, progress: Progress = silent
    ) -> list[AddResult]:
        """Add Amazon settlement files to the store; ``accept_untied``: also those that do not add up, marked so."""
        return self.store.add(paths, accept_untied=accept_untied, progress=progress)

    def books(self, *, full_load: bool = False) -> Books:
        """NetSuite's side, as it is now: what is kept in the workspace is brought up to date, or all of it is read.

        ``full_load``: read everything anew. What was read, and why, is in ``sentences`` and ``loaded`` of the result.
        """
        applied = self.settings.payments_booked
        return load_books(self.client, self.workspace / "books", applied=applied, full=full_load)

    def reconcile(
        self,
        as_of: date | None = None,
        *,
        bank: Sequence[BankStatement] = (),
        basis: ReceiptBasis = ReceiptBasis.SETTLED,
        books: Books | None = None,
        facts: BookFacts | None = None,
    ) -> Reconciliation:
        """Compare NetSuite's books with Amazon's settlements, per Amazon order, as of a date (default: today).

        ``bank``: statements in which the settlements' deposits are looked for. ``basis``: what counts as received.
        ``books``, ``facts``: NetSuite's side, when it was loaded already.
        """
        from nsbill.reconcile import ReconcileRules, reconcile

        settings, store = self.settings, self.store
        day = as_of or self.today()
        books = books or self.books()
        return reconcile(
            orders=books.orders,
            billing_records=books.billing_records,
            credits=books.credits,
            applications=books.applications,
            lines=store.lines_files(),
            settlements=store.settlements(),
            proofs=store.check(bank, as_of=day),
            activity=store.activity() if store.activity_files() else None,
            bill_items=books.bill_items,
            facts=facts or self.facts(),
            rules=ReconcileRules.of(settings, as_of=day, basis=basis),
        )

    def facts(self) -> BookFacts:
        """What else the settings ask NetSuite for: amounts by kind, subsidiaries; and the accounting periods."""
        from nsbill.reconcile.book_facts import BookFacts

        periods, client = self._periods()[0], self.client
        return BookFacts(
            billed_kinds=load_billed_kinds(client) if self.settings.kind_items else None,
            bill_subsidiaries=load_bill_subsidiaries(client) if self.settings.marketplace_subsidiaries else None,
            accounting_periods=periods,
            posted_elsewhere=None if periods is None else load_posted_elsewhere(client, load_currencies(client)),
        )

    @property
    def exceptions(self) -> ExceptionQueue:
        """The queue of what is wrong: who owns it, how far it is, its notes and its history."""
        settings = self.settings
        return ExceptionQueue(self.journal, account=settings.account, seller_account=settings.seller_account)

    def take_exceptions(self, found: Reconciliation) -> Taking:
        """Take what a reconciliation found into the queue, unless one of a later day is there."""
        return self.exceptions.take(found, today=self.today())

    def exception_queue(self) -> pd.DataFrame:
        """Every exception that was ever found, as it stands now; EXCEPTION_QUEUE."""
        return self.exceptions.frame()

    def _check_edition(self, run_id: str) -> None:
        """Refuse to go on with a run that has records left to create which the licence edition does not allow by now."""
        done = {Outcome.CREATED.value, Outcome.EXISTS.value}
        check_edition(
            (e.bill.record_type for e in self.journal.each_entry(run_id) if e.state not in done), self.settings
        )

    def _periods(self) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
        """The accounting periods; or none, and a notice, when the role may not see them."""
        try:
            return load_accounting_periods(self.client), ()
        except (SignInRefused, TooManyRequests):
            raise
        except NetSuiteError as error:
            notice = (
                f"Closed accounting periods are not looked at before billing; NetSuite refuses dates in them. {error}"
            )
            return None, (notice,)

    def _in_advance(self, orders: pd.DataFrame) -> bool | None:
        """Whether the account invoices in advance of fulfilment; asked only when orders are there that it matters for."""
        if not orders["status"].isin([BillingStatus.PENDING_FULFILLMENT.letter, *PARTLY_SHIPPED]).any():
            return None
        preference = about(self.client).preferences.get("invoice_in_advance")
        return None if preference is None else str(preference).upper() in {"T", "TRUE"}

    def _run(self, run_id: str | None, what: str) -> str:
        """The run that is meant; by default the account's newest."""
        found = run_id or self.journal.last_run(self.settings.account)
        if found is None:
            raise JournalError(f"there is no run to {what}", "Bill something first: nsbill bill.")
        return found

    def _search(self) -> SavedSearch:
        return inspect_search(self.client, _chosen(self.settings.saved_search))


def _chosen(saved_search: str) -> str:
    if not saved_search:
        raise SettingsError("saved_search", "is not set", "List them with nsbill searches, then: nsbill settings set.")
    return saved_search
