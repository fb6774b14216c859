"""Add an input to a store: what was refused leaves nothing behind, what was accepted is there in full."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from benchmarks.fuzz_judge import ACCEPTED, FINDING, NO_TOTAL, Verdict
from benchmarks.fuzz_reading import Outcome
from benchmarks.fuzz_templates import V2_COLUMNS
from nsbill.amazon.store import SettlementStore

__all__ = ["check_store"]

_FIRST = "10000000001"
_STATED = {
    "settlement-id": _FIRST, "settlement-start-date": "2025-06-01 00:00:00 UTC", "settlement-end-date": "2025-06-15 00:00:00 UTC",
    "deposit-date": "2025-06-17 00:00:00 UTC", "total-amount": "-1.25", "currency": "USD",
}  # fmt: skip
_LINE = {
    "settlement-id": _FIRST, "transaction-type": "other-transaction", "amount-type": "other-transaction",
    "amount-description": "Subscription Fee", "amount": "-1.25", "posted-date-time": "2025-06-02 00:00:00 UTC",
}  # fmt: skip
_GOOD = "".join(
    "\t".join(cells) + "\n"
    for cells in (V2_COLUMNS, *([row.get(name, "") for name in V2_COLUMNS] for row in (_STATED, _LINE)))
)
"""A settlement that is there already."""


def check_store(path: Path, verdict: Verdict, outcome: Outcome | None, *, activity: bool) -> Verdict:
    """Add the file to a store with one settlement in it; return the verdict, or a finding about the store.

    ``outcome``: what the reader gave of an accepted file. ``activity``: the file is no settlement, and must not count as
    one.
    """
    with tempfile.TemporaryDirectory(prefix="store-", dir=path.parent) as place:
        folder = Path(place) / "workspace"
        good = Path(place) / "first.txt"
        good.write_text(_GOOD, encoding="utf-8")
        store = SettlementStore(folder, seller_account="fuzz")
        (first,) = store.add([good])
        assert first.state == "added", first.message
        before = _files(folder)
        (result,) = store.add([path])
        kept = outcome if verdict.outcome in {ACCEPTED, NO_TOTAL} else None
        wrong = _wrong(store, result.state, kept, activity=activity) or _left(folder, before, kept)
    return verdict if wrong is None else Verdict(FINDING, f"store: {wrong} ({result.message[:300]})")


def _wrong(store: SettlementStore, state: str, kept: Outcome | None, *, activity: bool) -> str | None:
    if (kept is not None) != (state == "added"):
        return f"the reader's verdict is {'accepted' if kept else 'refused'}, the store's answer {state!r}"
    expected = {_FIRST: Decimal("-1.25")} | (kept.sums() if kept and not activity else {})
    listed = store.settlements()
    found = dict(zip(listed["settlement_id"], listed["lines_total"], strict=True))
    if found != expected:
        return f"it lists the settlements {_shown(found)} instead of {_shown(expected)}"
    lines = store.lines()
    added = {name: sum(lines.loc[lines["settlement_id"] == name, "amount"], Decimal(0)) for name in expected}
    if added != expected:
        return f"its lines add up to {_shown(added)} instead of {_shown(expected)}"
    told = sum(store.activity()["amount"], Decimal(0))
    whole = sum(kept.sums().values(), Decimal(0)) if kept and activity else Decimal(0)
    return None if told == whole else f"its activity adds up to {told} instead of {whole}"


def _left(folder: Path, before: set[str], kept: Outcome | None) -> str | None:
    left = _files(folder) - before
    return f"of a refused file it keeps {', '.join(sorted(left))}" if left and kept is None else None


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _shown(totals: dict[str, Decimal]) -> str:
    return ", ".join(f"{name} {total}" for name, total in totals.items())
