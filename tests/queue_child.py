"""What other processes do with the exception queue in the tests: python queue_child.py WHAT URL."""

from __future__ import annotations

import sys
import time

import click
from queue_tables import ACCOUNT, take

from nsbill.billing import journal_queue
from nsbill.billing.journal import Journal
from nsbill.exception_queue import ExceptionQueue

ROWS = "\n".join(f"short {number} {number}.00" for number in range(1, 201))


def take_all(queue: ExceptionQueue) -> None:
    """Take in the same as every other process, as soon as the parent says so."""
    click.echo("ready")
    sys.stdin.readline()
    click.echo(take(queue, "11-05", ROWS).events.get("seen", 0))


def assign_all(queue: ExceptionQueue) -> None:
    """Assign the first fifty to this process, one by one, as soon as the parent says so."""
    click.echo("ready")
    sys.stdin.readline()
    for number in range(1, 51):
        queue.assign([f"E-{number}"], owner=f"process {number}", by="child")


def hang(queue: ExceptionQueue) -> None:
    """Take in, and hang between the batches of its events."""
    journal_queue.BATCH = 60
    written = journal_queue.QueueWriting._whole

    def slowly(self: journal_queue.QueueWriting, rows: object) -> object:
        for number, row in enumerate(written(self, rows)):  # type: ignore[arg-type]
            if number == 130:
                click.echo("half")
                time.sleep(600)
            yield row

    journal_queue.QueueWriting._whole = slowly  # type: ignore[method-assign,assignment]
    take(queue, "11-05", ROWS)


def take_nothing(_queue: ExceptionQueue) -> None:
    """Only open the journal."""


if __name__ == "__main__":
    what, url = sys.argv[1:]
    opened = ExceptionQueue(Journal.open(url), account=ACCOUNT, seller_account="main")
    {"take": take_all, "assign": assign_all, "hang": hang, "open": take_nothing}[what](opened)
