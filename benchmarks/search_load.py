"""How fast a saved search is loaded into a DataFrame, beside a plain loop and a plain thread pool that only fetch.

    python -m benchmarks.search_load --rows 50000 --slots 5 --latency-ms 300

nsbill parses, types and checks every row and finds the number of slots; the other two fetch pages and drop them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import requests

from benchmarks.account import Account, books_with, desk_of, say, served
from benchmarks.measuring import Measured, measured, print_results, timed
from nsbill.netsuite.books import load_currencies
from nsbill.netsuite.replies import error_of
from nsbill.netsuite.searches import inspect_search, load_orders
from nsbill.progress import console_progress

_PAGE = 1000
_SAMPLE = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search_load",
        description="Load a saved search of a simulated company and compare with the limit: 1,000 rows * slots / latency.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=50_000, help="at least as many rows has the saved search")
    parser.add_argument("--slots", type=int, default=5, help="requests at once that the account allows")
    parser.add_argument("--latency-ms", type=int, default=300, help="how long the account takes, beside its own work")
    parser.add_argument("--ceiling", type=int, default=0, help="nsbill's setting 'slots'; 0: 20, or the slots if more")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args(arguments)
    ceiling = options.ceiling or max(20, options.slots)
    with (
        books_with(options.rows) as books,
        served(books, slots=options.slots, latency_ms=options.latency_ms) as account,
    ):
        first = _with_nsbill(account, ceiling)
        results = [first, _in_a_loop(account, first.done), _with_a_pool(account, first.done)]
    print_results(results, as_json=options.json)
    return 0


def _with_nsbill(account: Account, ceiling: int) -> Measured:
    """Load the search as a plan does: all pages, the total checked, every value typed, in a DataFrame."""
    with (
        tempfile.TemporaryDirectory(prefix="nsbill-benchmark-") as workspace,
        desk_of(account, workspace, ceiling) as desk,
    ):
        currencies = load_currencies(desk.client)
        search = inspect_search(desk.client, account.keys["saved_search"])
        say(f"nsbill loads '{search.title}', up to {ceiling} pages at once, the account allows {account.slots}")
        with console_progress("nsbill", unit="row") as progress, timed(account) as watch:
            loaded = load_orders(desk.client, search, currencies, progress=progress)
        rows = len(loaded.orders) + len(loaded.problems)
        found = desk.client.governor.limit
    return measured(
        watch,
        account,
        benchmark="search_load",
        way="nsbill",
        unit="row",
        done=rows,
        of_a_request=_PAGE,
        slots_found=found,
    )


def _in_a_loop(account: Account, rows: int) -> Measured:
    """Fetch one page after the other; a sample of pages, scaled up to all."""
    pages = _pages(rows)
    sample = min(pages, _SAMPLE)
    say(f"a plain loop fetches {sample} pages")
    with account.raw_session() as session, timed(account) as watch:
        for index in range(sample):
            _fetch(session, account, index)
    return measured(
        watch,
        account,
        benchmark="search_load",
        way="serial loop",
        unit="row",
        done=rows,
        of_a_request=_PAGE,
        sampled=min(rows, sample * _PAGE),
    )


def _with_a_pool(account: Account, rows: int) -> Measured:
    """Fetch all pages with as many threads as there are slots."""
    say(f"a thread pool of {account.slots} fetches {_pages(rows)} pages")
    with account.raw_session() as session, timed(account) as watch, ThreadPoolExecutor(account.slots) as pool:
        list(pool.map(lambda index: _fetch(session, account, index), range(_pages(rows))))
    way = f"thread pool that knows of {account.slots} slots"
    return measured(watch, account, benchmark="search_load", way=way, unit="row", done=rows, of_a_request=_PAGE)


def _pages(rows: int) -> int:
    return -(-rows // _PAGE)


def _fetch(session: requests.Session, account: Account, index: int) -> None:
    place = {"script": account.keys["script"], "deploy": account.keys["deploy"]}
    body = {"action": "page", "search": account.keys["saved_search"], "index": index, "page_size": _PAGE}
    url = f"{account.keys['base_url']}/app/site/hosting/restlet.nl"
    answer = session.post(url, params=place, json=body)
    if answer.status_code != 200 or not answer.json()["ok"]:
        raise error_of("Fetch a page", answer)


if __name__ == "__main__":
    sys.exit(main())
