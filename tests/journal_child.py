"""What other processes do with a journal in the tests: python journal_child.py WHAT URL RUN_ID."""

from __future__ import annotations

import sys
import time

import click

from nsbill.billing.journal import Journal
from nsbill.billing.journal_writer import Transaction


def intend_all(journal: Journal, run_id: str) -> None:
    """Intend everything of a run as soon as the parent says so; print what this process got."""
    bills = [entry.bill for entry in journal.entries(run_id)]
    click.echo("ready")
    sys.stdin.readline()
    for bill in bills:
        if journal.intend(run_id, bill) is None:
            click.echo(bill.external_id)


def hang_in_a_transaction(journal: Journal, run_id: str) -> None:
    """Write an event, and hang before the commit."""

    def step(to: Transaction) -> None:
        journal._append(to.db, run_id=run_id, external_id="nsbill-INV-1-1", kind="intent", follows=0)
        click.echo("written")
        time.sleep(600)

    journal._writer.write_alone(step)


if __name__ == "__main__":
    what, url, run = sys.argv[1:]
    opened = Journal.open(url)
    {"intend_all": intend_all, "hang": hang_in_a_transaction, "open": lambda *_: None}[what](opened, run)
