"""The tie-out chain: from the lines of a settlement to its total, the next settlement, the bank and the books.

Every step has what is expected, what is found and the residual; nothing is absorbed, and what cannot be told is said
(domain reference, section 2.3). Steps between settlements and with the bank come from the proofs of the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any

import narwhals as nw
import pandas as pd
import pyarrow as pa

from nsbill.amazon.proof_rows import Proof
from nsbill.money import ZERO
from nsbill.reconcile.engine import Engine, Frame, arrow_of
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.settled import Settled
from nsbill.reconcile.tie_out_schemas import TIE_OUT, TIE_OUT_MONTHS, TieStep
from nsbill.reconcile.tie_out_sums import PARTS, SettlementSums, settlement_sums
from nsbill.schemas_facts import CLEARING_BALANCES

__all__ = ["TieOut", "tie_out"]

Row = Mapping[str, Any]
_NAMES = {name: name.replace("_", " ") for name in PARTS} | {"order_other": "other of orders"}
_NO_PROOFS = "The proofs of the stored settlements were not given."
_NO_PERIOD = "Its file states no period: download it whole, with its summary row."
_NO_BANK = "No bank statement was given."
_NO_CLEARING = "No balance of the clearing account was given."


@dataclass(frozen=True)
class TieOut:
    """The chain per settlement (TIE_OUT) and per month (TIE_OUT_MONTHS), and the sums that it was made of."""

    steps: pd.DataFrame
    months: pd.DataFrame
    sums: Mapping[str, SettlementSums]


@dataclass(frozen=True)
class _Settlement:
    """One settlement: its row of SETTLEMENTS, its sums, what of it the statement counts, and its proofs."""

    row: Row
    sums: SettlementSums
    in_statement: Decimal
    proofs: Mapping[str, Row] | None
    clearing: Row | None = None

    @property
    def month(self) -> str | None:
        day = self.row["period_end"] or self.row["deposit_date"]
        return f"{day:%Y-%m}" if day else None


def tie_out(
    engine: Engine,
    *,
    lines: Frame,
    settled: Settled,
    proofs: pa.Table | None,
    rules: ReconcileRules,
    clearing: pd.DataFrame | None = None,
) -> TieOut:
    """Follow each closed settlement through the chain.

    ``proofs`` (PROOFS) are those of the store, ``clearing`` (CLEARING_BALANCES) the account after each settlement, or None.
    """
    rows = settled.settlements.to_pylist()
    sums = settlement_sums(engine, lines, [row["settlement_id"] for row in rows])
    by_pieces = settled.pieces.group_by("settlement_id").agg(total=nw.col("total").sum())
    counted = {row["settlement_id"]: row["total"] for row in engine.read(by_pieces).to_pylist()}
    proved = None if proofs is None else _by_settlement(proofs)
    balances = {} if clearing is None else {row["settlement_id"]: row for row in _plain(clearing)}
    known: list[_Settlement] = []
    for row in sorted(rows, key=_order):
        name = row["settlement_id"]
        own = None if proved is None else proved.get(name, {})
        known.append(_Settlement(row, sums[name], counted.get(name, ZERO), own, balances.get(name)))
    steps = [list(_steps(one)) for one in known]
    return TieOut(
        steps=TIE_OUT.frame([step for own in steps for step in own]),
        months=TIE_OUT_MONTHS.frame(list(_months(list(zip(known, steps, strict=True)), rules))),
        sums=sums,
    )


def _plain(balances: pd.DataFrame) -> list[Row]:
    rows: list[Row] = arrow_of(balances, CLEARING_BALANCES).to_pylist()
    return rows


def _order(row: Row) -> tuple[str, str]:
    return str(row["period_end"] or row["deposit_date"] or "9999"), row["settlement_id"]


def _by_settlement(proofs: pa.Table) -> dict[str, dict[str, Row]]:
    found: dict[str, dict[str, Row]] = {}
    for row in proofs.to_pylist():
        found.setdefault(row["settlement_id"], {})[row["proof"]] = row
    return found


# --- one settlement ---------------------------------------------------------------------------------------------------


def _steps(one: _Settlement) -> Iterator[dict[str, object]]:
    row, sums = one.row, one.sums
    text = f"The {sums.lines:,} lines add up to what was counted when the file was read."
    yield _step(one, TieStep.LINES, text, row["lines_total"], sums.total)
    spelled = ", ".join(f"{_NAMES[name]} {amount:,}" for name, amount in sums.parts.items() if amount)
    yield _step(
        one, TieStep.PARTS, f"{spelled or 'No money'}: together {sums.total:,}.", row["lines_total"], sums.total
    )
    yield _orders(one)
    yield _total(one)
    yield _proved(one, TieStep.RESERVE, (Proof.RESERVE,))
    yield _balance(one)
    yield _proved(one, TieStep.PERIODS, (Proof.PERIODS,))
    yield _deposit(one)
    yield _clearing(one)


def _orders(one: _Settlement) -> dict[str, object]:
    """Whether the statement counts all lines that name an Amazon order."""
    if one.row["period_end"] is None:
        text = "It has no period end, so its lines count one by one, each on the day on which it was posted."
        return _step(one, TieStep.ORDERS, text, one.sums.net_cash, None)
    text = "What its lines brought to Amazon orders is in their statement."
    if one.in_statement != one.sums.net_cash:
        text = "The statement counts other amounts of its orders than its lines hold: please report this."
    return _step(one, TieStep.ORDERS, text, one.sums.net_cash, one.in_statement)


def _total(one: _Settlement) -> dict[str, object]:
    stated = one.row["total_amount"]
    if stated is None:
        text = "Its file states no total: download it whole, with its summary row."
    elif stated == one.sums.total:
        text = "The lines add up to the stated total."
    else:
        text = (
            f"The lines are off by {one.sums.total - stated:,}: the file is cut off or an excerpt, download it again."
        )
    return _step(one, TieStep.TOTAL, text, stated, one.sums.total)


def _balance(one: _Settlement) -> dict[str, object]:
    """The negative balance that it takes over, and what the charges of the card paid."""
    proofs = one.proofs
    there = proofs is not None and Proof.PERIODS in proofs and one.row["period_end"] is not None
    if there and proofs is not None and not {Proof.CARRIED, Proof.CHARGE} & proofs.keys():
        return _step(one, TieStep.BALANCE, "There is no negative balance to take over.", ZERO, ZERO)
    return _proved(one, TieStep.BALANCE, (Proof.CARRIED, Proof.CHARGE))


def _clearing(one: _Settlement) -> dict[str, object]:
    """What is left on the clearing account when all entries of the settlement are booked."""
    if one.clearing is None:
        return _step(one, TieStep.CLEARING, _NO_CLEARING, ZERO, None)
    text = f"After its entries {one.clearing['evidence']} holds {one.clearing['balance']:,}."
    return _step(one, TieStep.CLEARING, text, ZERO, one.clearing["balance"])


def _deposit(one: _Settlement) -> dict[str, object]:
    total = one.row["total_amount"]
    if one.proofs and Proof.DEPOSIT in one.proofs:
        return _proved(one, TieStep.DEPOSIT, (Proof.DEPOSIT,))
    if total is not None and total <= 0:
        text = "No deposit is due: its total is not positive."
        return _step(one, TieStep.DEPOSIT, text, ZERO, ZERO)
    return _step(one, TieStep.DEPOSIT, _NO_BANK, total, None)


def _proved(one: _Settlement, step: TieStep, names: Sequence[Proof]) -> dict[str, object]:
    """A step that proofs of the store decide: it holds when all of them do. The first has the figures."""
    if one.proofs is None:
        return _step(one, step, _NO_PROOFS, None, None)
    rows = [one.proofs[name] for name in names if name in one.proofs]
    if not rows:
        return _step(one, step, _NO_PERIOD, None, None)
    states = [row["holds"] for row in rows]
    holds = False if False in states else None if None in states else True
    worst = next((row for row in rows if row["holds"] is holds), rows[0])
    found = _step(one, step, " ".join(row["explanation"] for row in rows), worst["expected"], worst["found"])
    return found | {"holds": holds}


def _step(
    one: _Settlement, step: TieStep, text: str, expected: Decimal | None, found: Decimal | None
) -> dict[str, object]:
    residual = None if expected is None or found is None else found - expected
    return {
        "seller_account": one.row["seller_account"],
        "settlement_id": one.row["settlement_id"],
        "month": one.month,
        "currency": one.row["currency"],
        "place": step.place,
        "step": step.value,
        "expected": expected,
        "found": found,
        "residual": residual,
        "holds": None if residual is None else residual == 0,
        "explanation": text,
    }


# --- months -----------------------------------------------------------------------------------------------------------


def _months(
    known: Sequence[tuple[_Settlement, list[dict[str, object]]]], rules: ReconcileRules
) -> Iterator[dict[str, object]]:
    def key(pair: tuple[_Settlement, object]) -> tuple[str, str]:
        return pair[0].month or "", pair[0].row["currency"]

    for (month, currency), group in groupby(sorted(known, key=key), key):
        yield _month(month or None, currency, list(group), rules)


def _month(
    month: str | None, currency: str, own: Sequence[tuple[_Settlement, list[dict[str, Any]]]], rules: ReconcileRules
) -> dict[str, object]:
    steps = [step for _, found in own for step in found]
    parts = {name: sum((one.sums.parts[name] for one, _ in own), ZERO) for name in PARTS}
    payout = sum(parts.values(), ZERO)
    totals = [one.row["total_amount"] for one, _ in own]
    stated = None if None in totals else sum(totals, ZERO)
    breaks = [step for step in steps if step["holds"] is False]
    open_ = [step for step in steps if step["holds"] is None]
    told = [step for step in steps if step["holds"] is not None]
    untold = sorted({str(step["step"]) for step in open_})
    broken = len({step["settlement_id"] for step in breaks})
    text = f"{len(own) - broken:,} of {len(own):,} settlements tie"
    text += f"; cannot be told everywhere: {', '.join(untold)}." if untold else "."
    return {
        "seller_account": rules.seller_account,
        "month": month,
        "currency": currency,
        "settlements": len(own),
        **parts,
        "payout": payout,
        "stated_total": stated,
        "foot_residual": None if stated is None else payout - stated,
        "deposited": _deposited(own),
        "residual": sum((abs(step["residual"]) for step in told if step["residual"] is not None), ZERO),
        "breaks": len(breaks),
        "cannot_be_told": len(open_),
        "explanation": text,
    }


def _deposited(own: Sequence[tuple[_Settlement, object]]) -> Decimal | None:
    """Σ of the deposits that were found; None when no bank statement was given."""
    rows = [one.proofs[Proof.DEPOSIT] for one, _ in own if one.proofs and Proof.DEPOSIT in one.proofs]
    return sum((row["found"] for row in rows if row["found"] is not None), ZERO) if rows else None
