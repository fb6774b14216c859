"""Add an input to a store: what was refused leaves nothing behind, what was accepted is there in full."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from benchmarks.fuzz_judge import ACCEPTED, FINDING, NO_TOTAL, Verdict
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


def check_store(path: Path, verdict: Verdict) -> Verdict:
    """Add the file to a store with one settlement in it; return the verdict, or a finding about the store."""
    with tempfile.TemporaryDirectory(prefix="store-", dir=path.parent) as place:
        folder = Path(place) / "workspace"
        good = Path(place) / "first.txt"
        good.write_text(_GOOD, encoding="utf-8")
        store = SettlementStore(folder, seller_account="fuzz")
        (first,) = store.add([good])
        assert first.state == "added", first.message
        before = _files(folder)
        (result,) = store.add([path])
        wrong = _wrong(store, folder, before, result.state, verdict)
    return verdict if wrong is None else Verdict(FINDING, f"store: {wrong} ({result.message[:300]})")


def _wrong(store: SettlementStore, folder: Path, before: set[str], state: str, verdict: Verdict) -> str | None:
    accepted = verdict.outcome in {ACCEPTED, NO_TOTAL}
    if accepted != (state == "added"):
        return f"the reader's verdict is {verdict.outcome!r}, the store's answer {state!r}"
    left = _files(folder) - before
    if not accepted and left:
        return f"of a refused file it keeps {', '.join(sorted(left))}"
    names = set(store.settlements()["settlement_id"])
    fresh = names - {_FIRST}
    if accepted and not fresh:
        return "the settlement of an accepted file is not there"
    if not accepted and names != {_FIRST}:
        return f"of a refused file it lists {', '.join(sorted(fresh))}"
    lines = store.lines()
    first = lines.loc[lines["settlement_id"] == _FIRST, "amount"].tolist()
    return None if first == [Decimal("-1.25")] else f"the earlier settlement now has the amounts {first}"


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
