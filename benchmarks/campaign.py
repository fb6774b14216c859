"""Billing exactly once, tried by force: seeded faults, killed and overlapping processes, judged by the account's books.

    python -m benchmarks.campaign --creates 2000 --kills 20 --processes 3 --seed 1

Exit code 0 only if no order was billed twice, none was lost, and every record and order is accounted for.
docs/exactly-once.md says what is done and what was measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.account import say
from benchmarks.campaign_account import UNKNOWN_WAIT
from benchmarks.campaign_books import make_books
from benchmarks.campaign_judge import Verdict, details, report
from benchmarks.campaign_part import Part, PartResult, run_part

__all__ = ["Campaign", "Totals", "main", "run_campaign"]

_PART = 1000
_IDS_OF_A_PART = 10_000_000


@dataclass(frozen=True)
class Campaign:
    """What is asked for. ``account``: ``careful``, ``careless`` (see campaign_books), or ``both``, part by part in turns."""

    creates: int
    seed: int
    kills: int
    processes: int
    journal_url: str
    account: str
    part: int = _PART
    unknown_wait: int = UNKNOWN_WAIT


@dataclass
class Totals:
    """The parts together."""

    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0
    kills: int = 0
    account_kills: int = 0
    crashed: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Whether the promise was kept and every process ended by itself or by a kill."""
        return self.verdict.clean and not self.crashed

    def add(self, result: PartResult) -> None:
        """Add one part."""
        self.verdict += result.verdict
        self.seconds += result.seconds
        self.kills += result.kills
        self.account_kills += result.account_kills
        self.crashed += result.crashed
        self.faults.update(result.faults)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.campaign",
        description="Bill a simulated company under faults and kills, and judge by its books.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--creates", type=int, default=2000, help="orders to bill")
    parser.add_argument("--seed", type=int, default=1, help="decides orders, faults, kills and what each process does")
    parser.add_argument("--kills", type=int, default=20, help="how often a process (1 of 10: the account) is killed")
    parser.add_argument("--processes", type=int, default=3, help="billing processes at once")
    parser.add_argument("--journal", default="", help="URL of the journal; empty: a SQLite file")
    parser.add_argument(
        "--account", choices=("careful", "careless", "both"), default="both", help="refuses second bills?"
    )
    parser.add_argument("--part", type=int, default=_PART, help="orders in each part; every part has fresh books")
    parser.add_argument("--keep", type=Path, help="folder for books, journal and logs; else they are removed")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    options = parser.parse_args(arguments)
    campaign = Campaign(
        options.creates,
        options.seed,
        options.kills,
        options.processes,
        options.journal,
        options.account,
        options.part,
    )
    if options.keep:
        return _finish(run_campaign(campaign, options.keep, as_json=options.json), as_json=options.json)
    with tempfile.TemporaryDirectory(prefix="nsbill-campaign-") as folder:
        return _finish(run_campaign(campaign, Path(folder), as_json=options.json), as_json=options.json)


def run_campaign(campaign: Campaign, folder: Path, *, as_json: bool = False) -> Totals:
    """Run every part in ``folder``, all with one journal, and tell each verdict as it comes."""
    totals = Totals()
    rng = Random(campaign.seed)
    kills = sorted(rng.sample(range(1, campaign.creates), min(campaign.kills, campaign.creates - 1)))
    workspace = folder / "workspace"
    workspace.mkdir(parents=True)
    url = campaign.journal_url or f"sqlite:///{workspace / 'journal.db'}"
    account = f"{time.time_ns() // 1_000_000 % 1_000_000_000}_SB1"  # new in a journal that lasts
    for number, begin in enumerate(range(0, campaign.creates, campaign.part)):
        orders = min(campaign.part, campaign.creates - begin)
        careless = campaign.account == "careless" or (campaign.account == "both" and number % 2 == 1)
        place = folder / f"part-{number}"
        place.mkdir()
        seed = rng.randrange(10**6)
        first_id = (number + 1) * _IDS_OF_A_PART
        books = make_books(
            place / "books.db", account=account, orders=orders, first_id=first_id, seed=seed, careless=careless
        )
        due = tuple(kill - begin for kill in kills if begin <= kill < begin + orders)
        result = run_part(Part(books, workspace, url, seed, campaign.processes, due, campaign.unknown_wait))
        totals.add(result)
        facts = {"part": number, "account": "careless" if careless else "careful", **_facts(result)}
        _tell(facts, as_json=as_json)
        for text in (*details(result.verdict), *result.crashed):
            say(text)
    return totals


def _finish(totals: Totals, *, as_json: bool) -> int:
    facts = {"part": "all", **_facts(totals), "faults": dict(sorted(totals.faults.items()))}
    _tell(facts, as_json=as_json)
    return 0 if totals.clean else 1


def _facts(result: PartResult | Totals) -> dict[str, object]:
    return {
        **report(result.verdict),
        "kills": result.kills,
        "account_kills": result.account_kills,
        "crashed": len(result.crashed),
        "faults_fired": sum(result.faults.values()),
        "seconds": round(result.seconds, 1),
        "creates_per_second": round(result.verdict.creates / result.seconds, 1) if result.seconds else None,
    }


def _tell(facts: dict[str, object], *, as_json: bool) -> None:
    text = json.dumps(facts) if as_json else "  ".join(f"{name} {value}" for name, value in facts.items())
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
