"""Try refused creates of a run again, by what kind of refusal it was. Nothing is planned anew."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from nsbill.billing.journal import Entry, Journal
from nsbill.billing.result import RunResult
from nsbill.billing.run import Run
from nsbill.errors import JournalError
from nsbill.netsuite.client import Client
from nsbill.progress import Progress, silent
from nsbill.vocabulary import Outcome

__all__ = ["Chosen", "choose_failed", "retry_run"]


@dataclass(frozen=True)
class Chosen:
    """Which refused creates are tried again, and a sentence for each that is not."""

    again: tuple[Entry, ...]
    left_out: tuple[str, ...]


def choose_failed(entries: Iterable[Entry], *, fixed: bool, excluded: Mapping[str, str]) -> Chosen:
    """Choose among a run's refused creates by the class of the refusal.

    Parameters
    ----------
    entries
        The run's entries; only refused ones are looked at.
    fixed
        The user says that causes are mended: what had to be fixed first is tried too. What must never be sent again
        stays out whatever the user says.
    excluded
        Sales order id to the reason why it is not to be billed.
    """
    again, left_out = [], []
    for entry in entries:
        if entry.state != Outcome.REJECTED.value:
            continue
        why = _why_not(entry, fixed=fixed, excluded=excluded)
        if why is None:
            again.append(entry)
        else:
            left_out.append(f"{entry.bill.sales_order_number} was not tried again: {why}")
    return Chosen(tuple(again), tuple(left_out))


def retry_run(
    run_id: str,
    *,
    journal: Journal,
    client: Client,
    fixed: bool = False,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> RunResult:
    """Try the refused creates of a run again: each is looked up first, and created if it is not there.

    Raises
    ------
    JournalError
        The run is unknown or of another account, or another run holds the account.
    """
    with journal.lease(client.settings.account) as lease:
        if not journal.states(run_id):
            raise JournalError(f"run {run_id} has no planned records", "List the runs: nsbill journal.")
        refused = journal.each_entry(run_id, states={Outcome.REJECTED.value})
        chosen = choose_failed(refused, fixed=fixed, excluded=journal.excluded(client.settings.account))
        number = f"{len(chosen.again)} refused creates"
        journal.note(run_id, "resumed", f"to try {number} again", fence=lease.token)
        result = Run(run_id, journal, client, lease, progress, stop).retry(chosen.again)
        return replace(result, left_out=chosen.left_out)


def _why_not(entry: Entry, *, fixed: bool, excluded: Mapping[str, str]) -> str | None:
    if entry.bill.sales_order_id in excluded:
        return f"it is excluded: {excluded[entry.bill.sales_order_id]}. To lift that: nsbill include."
    if entry.fix == "never":
        return f"sending it again can only do harm. {entry.detail}"
    if entry.fix == "retry" or fixed:
        return None
    return f"something must be mended first. {entry.detail} Then: nsbill retry --failed --fixed."
