"""The demo company's answer key: whether every planted exception is found, and nothing else.

For each seed a company is built in a folder of its own and lives through what a user does: its settlement files are
added with an answer of the Finances API, what waits for billing is billed, and books, settlements and the bank statement are
reconciled. Billing and
books go through the simulator's HTTP interface. Classes, orders, settlements, currencies and amounts must all be the
planted ones, each as often as it was planted; the statement's figures are compared where the key tells them (up to
20,000 orders).

Ends with 1 when anything was missed, or found without having been planted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from nsbill.amazon.bank import read_bank
from nsbill.credentials import TokenCredentials
from nsbill.desk import Desk
from nsbill.reconcile import Reconciliation
from nsbill.settings import load_settings, save_settings
from nsbill.simulator.server import Simulator
from nsbill.simulator.world import build_world
from nsbill.simulator.world_catalogue import SAVED_SEARCH, company_settings

__all__ = ["OfClass", "OfSeed", "compare", "judge", "main", "seeds_of"]

_SECRETS = ("consumer_key", "consumer_secret", "token_id", "token_secret")
_FIGURES = ("billed_gross", "received_gross", "refunded", "credited", "fee_withheld", "net_cash")


@dataclass(frozen=True)
class OfClass:
    """One class of exceptions in one company."""

    orders: int
    seed: int
    exception_class: str
    planted: int
    found: int
    missed: int
    extra: int


@dataclass(frozen=True)
class OfSeed:
    """One company: its exceptions together, and what it took."""

    orders: int
    seed: int
    today: str
    planted: int
    found: int
    missed: int
    extra: int
    recall: float
    precision: float
    statement_rows: int
    wrong_figures: int
    billed: int
    build_seconds: float
    bill_seconds: float
    reconcile_seconds: float

    @property
    def holds(self) -> bool:
        """Whether what was found is what was planted."""
        return not (self.missed or self.extra or self.wrong_figures)


Judged = tuple[OfSeed, list[OfClass], list[str]]
"""The company, its classes, and sentences on what differs."""
Rows = Counter[tuple[object, ...]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the companies and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answer_key", description=__doc__)
    parser.add_argument("--orders", type=int, default=300, help="sales orders of each company (default 300)")
    parser.add_argument(
        "--seeds", type=seeds_of, default=seeds_of("1-10"), help="such as 7, 1-10 or 1,4,8 (default 1-10)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args(arguments)
    classes: Counter[tuple[str, str]] = Counter()
    right = True
    if not options.json:
        _say(
            f"{'seed':>6} {'planted':>8} {'found':>8} {'missed':>7} {'extra':>6} {'recall':>7} {'precision':>9} {'figures':>8}"
        )
    for seed in options.seeds:
        whole, parts, differences = judge(orders=options.orders, seed=seed)
        right &= whole.holds
        for part in parts:
            for name in ("planted", "found", "missed", "extra"):
                classes[part.exception_class, name] += getattr(part, name)
        for text in _as_json(whole, parts) if options.json else _as_text(whole, parts):
            _say(text)
        for text in differences:
            sys.stderr.write(f"seed {seed}: {text}\n")
    if not options.json:
        for text in _by_class(classes):
            _say(text)
    return 0 if right else 1


def seeds_of(text: str) -> list[int]:
    """Read seeds: numbers and ranges, separated by commas."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def judge(*, orders: int, seed: int) -> Judged:
    """Build a company, bill and reconcile it, and compare what was found with its answer key."""
    with tempfile.TemporaryDirectory(prefix="nsbill-answer-key-") as text:
        folder, began = Path(text), time.perf_counter()
        today = datetime.now(UTC).date()
        world = build_world(folder / "simulator.db", folder / "amazon_files", orders=orders, seed=seed, today=today)
        key = json.loads(world.answer_key.read_text(encoding="utf-8"))
        built = time.perf_counter()
        with _desk(folder) as desk:
            desk.add_settlements([*world.settlement_files, world.finances], accept_untied=True)
            desk.save_settings(saved_search=SAVED_SEARCH)
            plan = desk.preview()
            if not desk.bill(plan).complete:
                raise SystemExit(f"seed {seed}: billing did not come to its end")
            billed = time.perf_counter()
            found = desk.reconcile(today, bank=[read_bank(world.bank_statement)])
        done = time.perf_counter()
    missed, extra = compare(found, key)
    figures = _wrong_figures(found, key)
    planted, got = _planted(key), _found(found)
    whole = OfSeed(
        orders=orders, seed=seed, today=today.isoformat(), planted=planted.total(), found=got.total(),
        missed=missed.total(), extra=extra.total(), recall=_share(planted.total() - missed.total(), planted.total()),
        precision=_share(got.total() - extra.total(), got.total()), statement_rows=len(found.statement),
        wrong_figures=len(figures), billed=len(plan.to_bill), build_seconds=round(built - began, 1),
        bill_seconds=round(billed - built, 1), reconcile_seconds=round(done - billed, 1),
    )  # fmt: skip
    differences = [
        *(f"missed: {_spelled(row)}" for row in missed.elements()),
        *(f"extra: {_spelled(row)}" for row in extra.elements()),
        *figures,
    ]
    return whole, list(_classes(whole, planted, got, missed, extra)), differences


def compare(found: Reconciliation, key: dict[str, Any]) -> tuple[Rows, Rows]:
    """What was planted and not found, and what was found and not planted."""
    planted, got = _planted(key), _found(found)
    return planted - got, got - planted


def _planted(key: dict[str, Any]) -> Rows:
    names = ("exception_class", "amazon_order_id", "settlement_id", "currency")
    return Counter((*(row[name] for name in names), Decimal(row["amount"])) for row in key["exceptions"])


def _found(found: Reconciliation) -> Rows:
    rows = found.exceptions.astype(object).where(found.exceptions.notna(), None)
    names = ("exception_class", "amazon_order_id", "settlement_id", "currency", "amount")
    return Counter(zip(*(rows[name] for name in names), strict=True))


def _wrong_figures(found: Reconciliation, key: dict[str, Any]) -> list[str]:
    """The statement beside the key's, which small companies have."""
    index = ["amazon_order_id", "currency"]
    rows = found.statement.set_index(index)[list(_FIGURES)].to_dict("index")
    wrong: list[str] = []
    for told in key.get("statement", ()):
        row = rows.get(tuple(told[name] for name in index))
        if row is None:
            wrong.append(f"statement: no row of {told['amazon_order_id']} in {told['currency']}")
            continue
        wrong += [
            f"statement: {name} of {told['amazon_order_id']} is {row[name]}, planted {told[name]}"
            for name in _FIGURES
            if row[name] != Decimal(told[name])
        ]
    return wrong


def _classes(whole: OfSeed, planted: Rows, got: Rows, missed: Rows, extra: Rows) -> Iterator[OfClass]:
    sums = [_sum_by_class(rows) for rows in (planted, got, missed, extra)]
    for name in sorted(sums[0] | sums[1]):
        yield OfClass(whole.orders, whole.seed, name, *(one[name] for one in sums))


def _sum_by_class(rows: Rows) -> Counter[str]:
    found: Counter[str] = Counter()
    for row, times in rows.items():
        found[str(row[0])] += times
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _spelled(row: tuple[object, ...]) -> str:
    name, order, settlement, currency, amount = row
    return f"{name} of {order or settlement}, {amount} {currency}"


@contextmanager
def _desk(folder: Path) -> Iterator[Desk]:
    """Open a desk on the company's books, which a simulator serves over HTTP."""
    with Simulator(folder / "simulator.db") as simulator:
        given = simulator.credentials()
        plain = {name: value for name, value in given.items() if name not in _SECRETS}
        save_settings(folder, {**plain, **company_settings()})
        secrets = TokenCredentials.of({name: given[name] for name in _SECRETS})
        with Desk(folder, load_settings(folder), secrets) as desk:
            yield desk


def _as_json(whole: OfSeed, parts: Sequence[OfClass]) -> Iterator[str]:
    yield from (json.dumps(asdict(part)) for part in parts)
    yield json.dumps(asdict(whole))


def _as_text(whole: OfSeed, parts: Sequence[OfClass]) -> Iterator[str]:
    yield (
        f"{whole.seed:>6} {whole.planted:>8,} {whole.found:>8,} {whole.missed:>7} {whole.extra:>6} "
        f"{whole.recall:>7.4f} {whole.precision:>9.4f} {whole.wrong_figures:>8}"
    )
    for part in parts:
        if part.missed or part.extra:
            yield f"       {part.exception_class}: {part.missed} missed, {part.extra} extra"


def _by_class(sums: Counter[tuple[str, str]]) -> Iterator[str]:
    yield f"\n{'class, all seeds':<32} {'planted':>8} {'found':>8} {'missed':>7} {'extra':>6}"
    for name in sorted({name for name, _ in sums}):
        row = [sums[name, what] for what in ("planted", "found", "missed", "extra")]
        yield f"{name:<32} {row[0]:>8,} {row[1]:>8,} {row[2]:>7} {row[3]:>6}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
