"""The exception tree. Each class takes domain values and writes its own sentence, ending in what to do next.

NsbillError
├── SettingsError          a setting is missing, unknown or contradicts another
├── WorkspaceError         the workspace folder or a file in it cannot be used
├── SchemaError            a DataFrame lacks columns or has columns of another type
├── MoneyError             a text or number that is not an exact amount of its currency
├── SourceFileError        an Amazon file that cannot be trusted; nothing of it was kept
├── NetSuiteError          NetSuite answered with an error
│   ├── SignInRefused      the credentials were refused
│   ├── SearchError        the saved search is unknown or lacks what nsbill needs
│   └── TooManyRequests    the account's concurrency limit was reached and waiting did not help
├── NoAnswer               no clear answer came: unreachable, timed out, cut off, or a 5xx
├── BillingRefused         a guard stopped a billing run before anything was sent
├── JournalError           the journal holds something that cannot be
│   └── LeaseLost          another run has taken over the account; this one may start no more creates
├── ReconcileError         inputs that cannot be reconciled without guessing
├── RunError               a notebook run could not start or did not finish
└── ScheduleError          the schedule's file says something that cannot be
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Advice",
    "BillingRefused",
    "JournalError",
    "LeaseLost",
    "MoneyError",
    "NetSuiteError",
    "NoAnswer",
    "NsbillError",
    "ReconcileError",
    "RunError",
    "ScheduleError",
    "SchemaError",
    "SearchError",
    "SettingsError",
    "SignInRefused",
    "SourceFileError",
    "TooManyRequests",
    "WorkspaceError",
]


class NsbillError(Exception):
    """Base of every error that nsbill raises on purpose; its text is one sentence for a user."""

    def _render_traceback_(self) -> list[str]:
        """In a notebook: the sentence, without the traceback (IPython asks for this by name)."""
        return [f"{type(self).__name__}: {self}"]


class SettingsError(NsbillError):
    """A setting is missing, unknown, or contradicts another."""

    def __init__(self, setting: str, problem: str, remedy: str, *, valid: Iterable[str] = ()) -> None:
        self.setting = setting
        choices = sorted(valid)
        hint = f" Valid: {', '.join(choices)}." if choices else ""
        super().__init__(f"Setting '{setting}': {problem}.{hint} {remedy}")


class WorkspaceError(NsbillError):
    """The workspace, or a file in it, cannot be used."""

    def __init__(self, path: object, problem: str, remedy: str) -> None:
        self.path = path
        super().__init__(f"{path}: {problem}. {remedy}")


class MissingExtra(NsbillError):
    """Something that nsbill does only with a package of an extra, which is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{what} needs {package}, which is not installed. Install it: pip install 'nsbill[{extra}]'.")


class SchemaError(NsbillError):
    """A DataFrame is not of the shape that a function needs."""

    def __init__(self, frame: str, problem: str, *, present: Sequence[str] = ()) -> None:
        self.frame = frame
        there = f" Present: {', '.join(present)}." if present else ""
        super().__init__(f"The frame '{frame}' {problem}.{there}")


class MoneyError(NsbillError):
    """A value is not an exact amount of its currency."""

    def __init__(self, value: object, problem: str) -> None:
        self.value = value
        super().__init__(f"{value!r} is not a usable amount: {problem}.")


class SourceFileError(NsbillError):
    """An Amazon file cannot be trusted. Nothing of it was kept.

    Says where (file, line, column), what was found, what was expected, and what to try.
    """

    def __init__(
        self,
        file: object,
        *,
        found: str,
        expected: str,
        remedy: str,
        line: int | None = None,
        column: str | None = None,
    ) -> None:
        self.file, self.line, self.column = str(file), line, column
        where = str(file)
        if line is not None:
            where += f", line {line}"
        if column is not None:
            where += f", column '{_shortened(column)}'"
        super().__init__(
            f"{where}: found {_shortened(found)}; expected {expected}. {remedy} Nothing of this file was kept."
        )


def _shortened(text: str) -> str:
    """What a file holds may be endless, or move a terminal's cursor; a sentence about it does neither."""
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:100_000])
    return text if len(text) <= 500 else f"{text[:200]}… ({len(text):,} characters)"


@dataclass(frozen=True)
class Advice:
    """What an error of NetSuite means for whoever met it.

    ``again``: the same request may simply be sent later. ``fix``: ``retry`` (waiting helps), ``fix-first`` (something
    must be changed before it can succeed), ``never`` (sending it again can only do harm, or nothing).
    ``known``: NetSuite's answer was recognised; an answer that was not is quoted, and the advice is general.
    """

    cause: str
    again: bool
    fix: Literal["retry", "fix-first", "never"]
    next_action: str
    known: bool


class NetSuiteError(NsbillError):
    """NetSuite answered with an error; keeps what it said, and the advice for it.

    Without ``advice`` it is a check of nsbill's own on what NetSuite gave: ``detail`` says what is wrong and
    ``remedy`` what to do.
    """

    retry_after: float | None = None
    """Seconds that NetSuite asked to wait before another try (``Retry-After``; in no page of Oracle's, but honoured)."""
    was_sent = True
    """Whether the request itself was sent; not so when there was no connection, or signing in failed. Then it did nothing."""

    def __init__(
        self,
        what: str,
        *,
        status: int,
        code: str,
        detail: str,
        remedy: str = "",
        advice: Advice | None = None,
        request_id: str | None = None,
    ) -> None:
        self.what, self.status, self.code, self.detail = what, status, code, detail
        self.advice = advice or Advice(detail, again=False, fix="fix-first", next_action=remedy, known=True)
        self.request_id = request_id
        trace = f" (request {request_id})" if request_id else ""
        answered = (
            f"NetSuite answered {status} {code}: " if status != 200 else ""
        )  # 200: the RESTlet's or our own check
        if advice is not None and status == 200:
            answered = f"The RESTlet answered {code}: "
        cause = f"{advice.cause.rstrip('. ')}. " if advice is not None and advice.cause else ""
        text = f"{what}: {cause}{answered}{detail.rstrip('. ')}{trace}. {self.advice.next_action}"
        super().__init__(text.strip())

    @property
    def remedy(self) -> str:
        """What to do next."""
        return self.advice.next_action


class SignInRefused(NetSuiteError):
    """The credentials were refused, also on a second, serial try."""


class SearchError(NetSuiteError):
    """The saved search is unknown, not visible, or lacks what nsbill needs."""


class TooManyRequests(NetSuiteError):
    """The account's concurrency limit was reached; the request was blocked, so nothing was done."""


class NoAnswer(NsbillError):
    """No clear answer came. For a create that was sent this means: unknown, never re-send, look it up."""

    retry_after: float | None = None
    """Seconds that the host asked to wait before another try."""
    slow = False
    """Whether the time ran out, so that the host may still be at work."""
    was_sent = True
    """Whether the request itself was sent; not so when there was no connection, or signing in failed. Then it did nothing."""

    def __init__(self, what: str, host: str, problem: str, remedy: str = "", *, request_id: str | None = None) -> None:
        self.what, self.host, self.problem, self.request_id = what, host, problem, request_id
        remedy = remedy or "Check the network and the account id, then try again."
        trace = f" (request {request_id})" if request_id else ""
        super().__init__(f"{what}: no clear answer from {host}: {problem}{trace}. {remedy}")


class BillingRefused(NsbillError):
    """A guard stopped a billing run before anything was sent to NetSuite."""

    def __init__(self, guard: str, problem: str, remedy: str) -> None:
        self.guard = guard
        super().__init__(f"Nothing was billed: {problem}. {remedy}")


class JournalError(NsbillError):
    """The journal holds something that cannot be, or lacks what was asked for."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"Journal: {problem}. {remedy}")


class LeaseLost(JournalError):
    """Another run has taken over the account: nothing more may be created; outcomes of what was sent are still written."""

    def __init__(self, account: str, holder: str) -> None:
        self.account = account
        what = account if account.startswith("job ") else f"account {account}"
        super().__init__(
            f"another run has taken over {what} ({holder}), since the lease of this one was not renewed "
            f"in time; nothing more was started here",
            "Let that run finish, then: nsbill resume.",
        )


class ReconcileError(NsbillError):
    """The inputs cannot be reconciled without guessing."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"Cannot reconcile: {problem}. {remedy}")


class RunError(NsbillError):
    """A notebook run could not start, or did not finish."""

    def __init__(self, notebook: object, problem: str, remedy: str) -> None:
        self.notebook, self.problem, self.remedy = str(notebook), problem, remedy
        super().__init__(f"Notebook {notebook}: {problem}. {remedy}")


class ScheduleError(NsbillError):
    """The schedule's file says something that cannot be, or a job cannot be scheduled as asked.

    ``key``: where in the file, such as ``jobs.billing.cron``; empty: the file as a whole.
    """

    def __init__(self, file: object, key: str, *, found: str, expected: str, remedy: str) -> None:
        self.file, self.key = str(file), key
        where = f"{file}, {key}" if key else str(file)
        super().__init__(f"{where}: found {_shortened(found)}; expected {expected}. {remedy}")
