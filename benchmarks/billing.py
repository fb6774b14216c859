"""How fast a plan is carried out, journal and reading back included, beside a plain loop and a plain thread pool.

    python -m benchmarks.billing --slots 15 --latency-ms 300 --orders 1000

nsbill is not told the number of slots: it finds it, below its ceiling. The thread pool is told, and keeps no journal.

Memory is that of this process: nsbill's alone, since books and account live in others; "before" is when the plan is made.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import requests

from benchmarks.account import Account, books_with, desk_of, say, served
from benchmarks.measuring import Measured, measured, print_results, timed
from nsbill.billing.plan import Plan
from nsbill.billing.run import carry_out
from nsbill.desk import Desk
from nsbill.netsuite.replies import error_of
from nsbill.progress import console_progress

_SAMPLE = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.billing",
        description="Bill the orders of a simulated company and compare with the theoretical limit, slots / latency.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--slots", type=int, default=15, help="requests at once that the account allows")
    parser.add_argument("--latency-ms", type=int, default=300, help="how long the account takes for an answer")
    parser.add_argument("--orders", type=int, default=1000, help="orders to bill")
    parser.add_argument("--ceiling", type=int, default=0, help="nsbill's setting 'slots'; 0: 20, or the slots if more")
    parser.add_argument("--only-nsbill", action="store_true", help="leave out the plain loop and the plain thread pool")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args(arguments)
    ceiling = options.ceiling or max(20, options.slots)
    with books_with(options.orders) as books:
        results = []
        for run in (_with_nsbill,) if options.only_nsbill else (_with_nsbill, _in_a_loop, _with_a_pool):
            with served(books, slots=options.slots, latency_ms=options.latency_ms) as account:
                results.append(run(account, options.orders, ceiling))
    print_results(results, as_json=options.json)
    return 0


def _with_nsbill(account: Account, orders: int, ceiling: int) -> Measured:
    """Carry out a plan: intents and outcomes in the journal, slots found while working, new records read back."""
    with (
        tempfile.TemporaryDirectory(prefix="nsbill-benchmark-") as workspace,
        desk_of(account, workspace, ceiling) as desk,
    ):
        plan = _plan(desk, orders)
        say(f"nsbill bills {orders} orders, up to {ceiling} at once, the account allows {account.slots}")
        with console_progress("nsbill") as progress, timed(account) as watch:
            result = carry_out(plan, journal=desk.journal, client=desk.client, progress=progress)
        if result.counts != {"created": orders}:
            raise SystemExit(f"not every order was billed: {result.counts}")
        found = desk.client.governor.limit
    return measured(watch, account, benchmark="billing", way="nsbill", unit="order", done=orders, slots_found=found)


def _in_a_loop(account: Account, orders: int, _ceiling: int) -> Measured:
    """Bill one order after the other; a sample, since the time for all is that of one times their number."""
    sample = min(orders, _SAMPLE)
    urls = _urls(account, sample)
    say(f"a plain loop bills {sample} orders")
    with account.raw_session() as session, timed(account) as watch:
        for url in urls:
            _bill(session, url)
    return measured(watch, account, benchmark="billing", way="serial loop", unit="order", done=orders, sampled=sample)


def _with_a_pool(account: Account, orders: int, _ceiling: int) -> Measured:
    """Bill with as many threads as there are slots."""
    urls = _urls(account, orders)
    say(f"a thread pool of {account.slots} bills {orders} orders")
    with account.raw_session() as session, timed(account) as watch, ThreadPoolExecutor(account.slots) as pool:
        list(pool.map(lambda url: _bill(session, url), urls))
    way = f"thread pool that knows of {account.slots} slots"
    return measured(watch, account, benchmark="billing", way=way, unit="order", done=orders)


def _plan(desk: Desk, orders: int) -> Plan:
    plan = desk.preview()
    if len(plan.to_bill) < orders:
        raise SystemExit(f"the demo company has {len(plan.to_bill)} orders to bill, {orders} are wanted")
    return replace(plan, to_bill=plan.to_bill.head(orders))


def _urls(account: Account, orders: int) -> list[str]:
    """The transforms of the orders that nsbill would bill."""
    with tempfile.TemporaryDirectory(prefix="nsbill-benchmark-") as workspace, desk_of(account, workspace, 4) as desk:
        ids = _plan(desk, orders).to_bill["sales_order_id"].tolist()
    return [f"{account.keys['base_url']}/services/rest/record/v1/salesOrder/{i}/!transform/invoice" for i in ids]


def _bill(session: requests.Session, url: str) -> None:
    answer = session.post(url, json={})
    if answer.status_code not in {204, 429}:
        raise error_of("Create an invoice", answer)


if __name__ == "__main__":
    sys.exit(main())
