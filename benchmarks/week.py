"""A week on a schedule, in minutes: jobs every quarter of an hour, orders coming in, faults, kills and a restart.

    python -m benchmarks.week --days 7 --seed 1

Prints what happened and ends with 1 if an order was not billed exactly once, a slot has neither a run nor a word, a job
overlapped itself, or somebody was not told, or told twice, of an incident. docs/schedule.md says what was measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.account import say
from benchmarks.campaign_judge import Verdict, details, report
from benchmarks.week_drive import Driver, Event
from benchmarks.week_judge import Evidence, WeekVerdict

__all__ = ["Week", "WeekResult", "main", "run_week"]

FIRST = datetime(2026, 10, 21, 0, 7, tzinfo=UTC)
"""The clocks of Berlin go back on the fifth day."""
_CALM_HOURS = 1.0
"""The end, in which the account has no more faults and no orders come in: what is left over has its chance."""
_DOWN_MINUTES = (50, 3, 20, 190)


@dataclass(frozen=True)
class Week:
    """What is asked for; kills and hangs are for a whole week, and fewer when it is shorter."""

    days: float = 7
    seed: int = 1
    orders_a_day: int = 200
    job_kills: int = 60
    service_kills: int = 12
    account_kills: int = 6
    hangs: int = 6
    leap: float = 900
    first: datetime = FIRST

    @property
    def last(self) -> datetime:
        """The end."""
        return self.first + timedelta(days=self.days)

    def events(self) -> list[Event]:
        """Everything that happens to it, in order of time; decided by the seed."""
        rng = Random(self.seed)
        begin, end = self.first.timestamp(), self.last.timestamp() - _CALM_HOURS * 3600
        orders = round(self.orders_a_day * self.days)
        found = [Event(rng.uniform(begin + 300, end - 900), "order") for _ in range(orders)]
        found += self._breaking(rng, begin, end)
        found += [Event(end, "calm"), Event(self.last.timestamp(), "end")]
        return sorted(found, key=lambda event: event.at)

    def _breaking(self, rng: Random, begin: float, end: float) -> Iterator[Event]:
        """Kills, hangs and one restart, each at a slot of its own, far enough from the one before."""
        share = self.days / 7
        numbers = {"kill-job": self.job_kills, "kill-account": self.account_kills, "hang": self.hangs}
        kinds = [kind for kind, number in numbers.items() for _ in range(max(1, round(number * share)))]
        downs = [_DOWN_MINUTES[n % 4] for n in range(max(1, round(self.service_kills * share)))]
        kinds += ["kill-service"] * len(downs) + ["restart"]
        rng.shuffle(kinds)
        first = int(begin // 900) + 3
        slots = int(end // 900) - first - 2
        needed = len(kinds) + sum(down // 15 + 2 for down in downs)
        spare = max(0, slots - needed)
        gaps = sorted(rng.randint(0, spare) for _ in kinds)
        at = first
        for number, kind in enumerate(kinds):
            down = downs.pop() if kind == "kill-service" else 0
            yield Event((at + gaps[number]) * 900, kind, down_minutes=down)
            at += 1 + (down // 15 + 2 if down else 0)


@dataclass
class WeekResult:
    """What came of it."""

    billed: Verdict = field(default_factory=Verdict)
    week: WeekVerdict = field(default_factory=WeekVerdict)
    done: Counter[str] = field(default_factory=Counter)
    faults: dict[str, int] = field(default_factory=dict)
    crashed: list[str] = field(default_factory=list)
    refused_posts: int = 0
    seconds: float = 0.0
    evidence: Evidence | None = None

    @property
    def clean(self) -> bool:
        """Whether everything that was promised was kept."""
        billed = self.billed.clean and self.billed.creates == self.billed.orders
        return billed and self.week.clean and not self.crashed

    def facts(self) -> dict[str, object]:
        """Figures, for people and programs."""
        breaches = {name: len(getattr(self.week, name)) for name in ("unaccounted", "overlaps", "alerts")}
        return {
            **report(self.billed),
            **{f"week_{name}": number for name, number in breaches.items()},
            "slots": dict(sorted(self.week.slots.items())),
            "told": dict(sorted(self.week.incidents.items())),
            "told_again_after_a_kill": self.week.repeats,
            "posts_refused": self.refused_posts,
            "done": dict(sorted(self.done.items())),
            "faults_fired": sum(self.faults.values()),
            "crashed": len(self.crashed),
            "seconds": round(self.seconds, 1),
        }

    def breaches(self) -> list[str]:
        """Everything that was found, in sentences."""
        return [*details(self.billed), *self.week.unaccounted, *self.week.overlaps, *self.week.alerts, *self.crashed]


def run_week(week: Week, folder: Path) -> WeekResult:
    """Let it pass in ``folder``, and judge it."""
    result = WeekResult()
    driver = Driver(folder, seed=week.seed, first=week.first, leap=week.leap)
    result.billed, result.week = driver.run(week.events())
    result.done, result.faults, result.crashed = driver.done, driver.faults, driver.crashed
    result.refused_posts, result.seconds = driver.refused_posts, driver.seconds
    result.evidence = driver.evidence
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.week",
        description="Let the service work for a simulated week under faults and kills, and judge it.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--begin", type=datetime.fromisoformat, default=FIRST, help="with offset; not on a quarter")
    parser.add_argument("--seed", type=int, default=1, help="decides orders, faults, kills and their moments")
    parser.add_argument("--keep", type=Path, help="folder for everything that is written; else it is removed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    week = Week(days=options.days, seed=options.seed, first=options.begin.astimezone(UTC))
    if options.keep:
        options.keep.mkdir(parents=True)
        return _told(run_week(week, options.keep.resolve()), as_json=options.json)
    with tempfile.TemporaryDirectory(prefix="nsbill-week-") as folder:
        return _told(run_week(week, Path(folder)), as_json=options.json)


def _told(result: WeekResult, *, as_json: bool) -> int:
    facts = result.facts()
    text = json.dumps(facts) if as_json else "\n".join(f"{name}: {value}" for name, value in facts.items())
    sys.stdout.write(f"{text}\n")
    for breach in result.breaches()[:50]:
        say(breach)
    return 0 if result.clean else 1


if __name__ == "__main__":
    sys.exit(main())
