"""The exceptions of whole settlements: what does not add up, does not chain, or never reached the bank (domain 2.6).

They are built from the settlements and from the proofs of the store. What cannot be told is no exception, save two bank
lines that fit equally well, where somebody has to choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from nsbill.amazon.deposits import arrives_by
from nsbill.amazon.proof_rows import Break, Proof
from nsbill.money import ZERO
from nsbill.reconcile.engine import Engine, Frame
from nsbill.reconcile.rules import ReconcileRules
from nsbill.reconcile.tie_out_sums import SettlementSums
from nsbill.schemas import EXCEPTIONS
from nsbill.vocabulary import ExceptionClass, TieState

__all__ = ["SETTLEMENT_ACTIONS", "settlement_exceptions"]

SETTLEMENT_ACTIONS: dict[ExceptionClass, str] = {
    ExceptionClass.SETTLEMENT_DOES_NOT_FOOT: "Download the report again; post nothing from this file.",
    ExceptionClass.DUPLICATE_SETTLEMENT_LINE: "Keep both files; compare them with Seller Central, then delete the wrong one.",
    ExceptionClass.SETTLEMENT_GAP: "Fetch the missing settlement report and add it.",
    ExceptionClass.SETTLEMENT_OVERLAP: "Compare the dates of both settlements with Seller Central.",
    ExceptionClass.RESERVE_BREAK: "Find the hold without a release, or the release without a hold, in Seller Central.",
    ExceptionClass.BALANCE_BREAK: "Find in Seller Central how the negative balance was paid or carried over.",
    ExceptionClass.DEPOSIT_MISSING: "Trace the payout in Seller Central and ask the bank for it.",
    ExceptionClass.DEPOSIT_MISMATCH: "Trace the payout in Seller Central: the bank shows another amount.",
    ExceptionClass.DEPOSIT_AMBIGUOUS: "Match it by hand, by the payment reference in Seller Central.",
    ExceptionClass.DEPOSIT_WITHOUT_SETTLEMENT: "Add the settlement that this deposit paid.",
}
"""The default action of each class that concerns a whole settlement."""

Row = Mapping[str, Any]
_CLASSES = {
    Break.SETTLEMENT_GAP: ExceptionClass.SETTLEMENT_GAP,
    Break.SETTLEMENT_OVERLAP: ExceptionClass.SETTLEMENT_OVERLAP,
    Break.RESERVE_BREAK: ExceptionClass.RESERVE_BREAK,
    Break.BALANCE_BREAK: ExceptionClass.BALANCE_BREAK,
    Break.DEPOSIT_MISSING: ExceptionClass.DEPOSIT_MISSING,
    Break.DEPOSIT_MISMATCH: ExceptionClass.DEPOSIT_MISMATCH,
    Break.DEPOSIT_AMBIGUOUS: ExceptionClass.DEPOSIT_AMBIGUOUS,
    Break.DEPOSIT_WITHOUT_SETTLEMENT: ExceptionClass.DEPOSIT_WITHOUT_SETTLEMENT,
}
_CHAIN = (ExceptionClass.SETTLEMENT_GAP, ExceptionClass.SETTLEMENT_OVERLAP)


def settlement_exceptions(
    engine: Engine,
    *,
    settlements: pa.Table,
    proofs: pa.Table | None,
    sums: Mapping[str, SettlementSums],
    rules: ReconcileRules,
) -> Frame:
    """Find the exceptions of the closed ``settlements``; one row per class and settlement (columns of EXCEPTIONS).

    The money: of a settlement that does not foot, a reserve or balance that does not roll forward and a deposit of
    another amount it is the residual; of a deposit that is missing or ambiguous the deposit; of a gap, an overlap and a
    settlement that two files state the total of the settlement, because what is missing is not known.
    """
    known = {row["settlement_id"]: row for row in settlements.to_pylist()}
    rows = [*_by_themselves(known.values()), *_proved(known, proofs, sums, rules)]
    table = pa.Table.from_pylist(rows, schema=EXCEPTIONS.arrow)
    return engine.frame(table)


def _by_themselves(settlements: Iterable[Row]) -> Iterator[dict[str, object]]:
    for row in settlements:
        if row["ties"] == TieState.DOES_NOT_TIE.value:
            evidence = (
                f"settlement {row['settlement_id']}: {row['lines']} lines add up to {row['lines_total']}, "
                f"the file {row['source_name']} states {row['total_amount']}"
            )
            yield _row(ExceptionClass.SETTLEMENT_DOES_NOT_FOOT, row, row["residual"], evidence)
        if row["problem"] is not None:
            total = row["lines_total"] if row["total_amount"] is None else row["total_amount"]
            evidence = f"settlement {row['settlement_id']} of {row['source_name']}: {row['problem']}"
            yield _row(ExceptionClass.DUPLICATE_SETTLEMENT_LINE, row, total, evidence)


def _proved(
    settlements: Mapping[str, Row], proofs: pa.Table | None, sums: Mapping[str, SettlementSums], rules: ReconcileRules
) -> Iterator[dict[str, object]]:
    for proof in [] if proofs is None else proofs.to_pylist():
        name = _CLASSES.get(proof["code"])
        if name is None or not (proof["holds"] is False or name is ExceptionClass.DEPOSIT_AMBIGUOUS):
            continue
        if proof["settlement_id"] is None:
            bank_line = proof["explanation"].split(", '")[0]  # file, line, day and amount; the text follows
            yield _row(name, proof, proof["found"], f"bank: {proof['explanation']}", reference=bank_line)
        elif proof["settlement_id"] in settlements:
            settlement = settlements[proof["settlement_id"]]
            if name is not ExceptionClass.DEPOSIT_MISSING or arrives_by(settlement["deposit_date"]) < rules.as_of:
                evidence = f"{_place(settlement, proof, sums)}: {proof['explanation']}"
                yield _row(name, settlement, _money(name, proof, settlement), evidence)


def _money(name: ExceptionClass, proof: Row, settlement: Row) -> Decimal:
    total: Decimal = settlement["lines_total"] if settlement["total_amount"] is None else settlement["total_amount"]
    if name in _CHAIN:
        return total
    candidates: Sequence[Decimal | None] = (proof["residual"], proof["found"] or None, proof["expected"], total)
    if name in (ExceptionClass.DEPOSIT_MISSING, ExceptionClass.DEPOSIT_AMBIGUOUS):
        candidates = (proof["expected"], total)
    return next((amount for amount in candidates if amount is not None), ZERO)


def _place(settlement: Row, proof: Row, sums: Mapping[str, SettlementSums]) -> str:
    """The settlement, the lines that speak for the proof where it is about lines, and the file."""
    name = settlement["settlement_id"]
    lines = sums[name].reserve_lines if proof["proof"] == Proof.RESERVE.value else None
    where = ""
    if lines is not None:
        where = f", line {lines[0]}" if lines[0] == lines[1] else f", lines between {lines[0]} and {lines[1]}"
    return f"settlement {name}{where} of {settlement['source_name']}"


def _row(
    name: ExceptionClass, of: Row, amount: Decimal, evidence: str, *, reference: str | None = None
) -> dict[str, object]:
    return {
        "exception_class": name.value,
        "seller_account": of["seller_account"],
        "amazon_order_id": None,
        "settlement_id": of["settlement_id"],
        "reference": reference,
        "currency": of["currency"],
        "amount": amount,
        "evidence": evidence.rstrip("."),
        "action": SETTLEMENT_ACTIONS[name],
    }
