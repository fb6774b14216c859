"""When a rule holds: each looks at one end of a slot, and says about which subjects something is wrong, with the figures.

A rule that the run has no figures for says nothing: what was found before stays as it is.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from nsbill.billing.journal_alerts import Finding
from nsbill.money import ZERO, format_money
from nsbill.runs.alert_facts import End, UnusableFigure, amount_in, amounts_of, day_of, number_of, rows_of, table_of
from nsbill.runs.alert_rules import (
    CertificateExpiring,
    DueOlderThan,
    ReserveUp,
    Rule,
    RunFailed,
    SecretLeaked,
    TieOutResidual,
    UnclassifiedLine,
    UnknownOutcomes,
)
from nsbill.runs.figures import UNKNOWN_AGE

__all__ = ["Judged", "judge"]

RUN, ACCOUNT, CERTIFICATE = "run", "account", "certificate"
EarlierReserve = Callable[[End], Mapping[str, Decimal] | None]


@dataclass(frozen=True)
class Judged:
    """What a rule found by one end. ``complete``: what is not among the findings is over."""

    findings: tuple[Finding, ...]
    complete: bool = True


def judge(rule: Rule, end: End, job: str, *, earlier_reserve: EarlierReserve) -> Judged | None:
    """Hold a rule against an end; ``None``: the end says nothing about it.

    ``earlier_reserve`` gives the reserve that the run before recorded, by currency.

    Raises
    ------
    UnusableFigure
        A figure in the record is not what nsbill writes there.
    """
    if not end.ran:
        return None
    match rule:
        case RunFailed():
            return _run_failed(end, job)
        case SecretLeaked():
            return _secret_leaked(end) if end.kind == "ended" and end.problem is None else None
        case UnknownOutcomes() if "unresolved" in end.results:
            return _unknown_outcomes(rule, end)
        case DueOlderThan() if "due_by_days" in end.results:
            return _due_older_than(rule, end)
        case TieOutResidual() if "tie_out_breaks" in end.results:
            return _tie_out_residual(rule, end)
        case UnclassifiedLine() if "unclassified" in end.results:
            return _unclassified_line(end)
        case ReserveUp() if "reserve" in end.results:
            return _reserve_up(rule, end, earlier_reserve(end))
        case CertificateExpiring() if end.results.get("certificate_valid_until") is not None:
            return _certificate_expiring(rule, end)
        case _:
            return None


def _run_failed(end: End, job: str) -> Judged:
    when = f"{end.slot:%Y-%m-%d %H:%M} UTC"
    again = f"nsbill schedule run-now {job} --slot {end.slot.isoformat()} --again"
    if end.succeeded and end.problem is None:
        return Judged(())
    if end.succeeded:
        sentence = f"The run of {when} succeeded, and its figures cannot be looked at: {end.problem}."
        return Judged((Finding(RUN, sentence, {}, f"Run it again: {again}"),))
    words = {"lost": "was lost", "not-started": "did not start"}
    how = words.get(end.kind) or words.get(end.status or "") or "failed"
    why = f": {end.detail}" if end.detail else "."
    step = f"Read why, mend it, then: {again}. What was billed before is in the journal and is not billed twice."
    return Judged((Finding(RUN, f"The run of {when} {how}{why}", {}, step),))


def _secret_leaked(end: End) -> Judged:
    files: dict[str, list[str]] = {}
    for leak in end.leaks:
        files.setdefault(leak["variable"], []).append(leak["file"])
    step = "Change that secret now, and take the line that prints it out of the notebook."
    return Judged(
        tuple(
            Finding(
                name,
                f"The value of {name} stood in the output of a run and was removed.",
                {"Files": ", ".join(of)},
                step,
            )
            for name, of in sorted(files.items())
        )
    )


def _unknown_outcomes(rule: UnknownOutcomes, end: End) -> Judged:
    number = number_of(end.results, "unresolved")
    if number <= rule.more_than:
        return Judged(())
    account = str(end.results.get("account", ""))
    sentence = f"{number} creates have no clear outcome: NetSuite may have these records or not."
    facts = {"Account": account, "Put up with": str(rule.more_than)}
    step = "Look them up: nsbill resume. It sends nothing again that NetSuite has. Then: nsbill journal."
    return Judged((Finding(ACCOUNT, sentence, facts, step),))


def _due_older_than(rule: DueOlderThan, end: End) -> Judged:
    findings = []
    for currency in table_of(end.results, "due_by_days"):
        if rule.currency is not None and currency != rule.currency:
            continue
        by_days = amounts_of(end.results["due_by_days"], currency)
        late = sum((amount for age, amount in by_days.items() if _days(age) > rule.days), ZERO)
        if late <= rule.above:
            continue
        oldest = max(_days(age) for age in by_days)
        sentence = f"{format_money(late, currency)} are due that were expected more than {rule.days} days ago."
        facts = {"Due in all": format_money(sum(by_days.values(), ZERO), currency), "Oldest": f"{oldest} days"}
        if by_days.get(UNKNOWN_AGE):
            facts["Of unknown age, not counted"] = format_money(by_days[UNKNOWN_AGE], currency)
        facts["Put up with"] = format_money(rule.above, currency)
        step = "See which orders: the run's report, or nsbill exceptions list; then ask Amazon for the money."
        findings.append(Finding(currency, sentence, facts | _as_of(end), step))
    return Judged(tuple(findings))


def _days(age: str) -> int:
    """Days of a key of ``due_by_days``; what is due since nobody knows when is never late."""
    if age == UNKNOWN_AGE:
        return -1
    try:
        return int(age)
    except ValueError as error:
        raise UnusableFigure(f"due_by_days has the key {age!r}, not a number of days") from error


def _tie_out_residual(rule: TieOutResidual, end: End) -> Judged:
    findings = []
    for row in rows_of(end.results, "tie_out_breaks"):
        residual = None if row.get("residual") is None else amount_in(row, "residual")
        if (rule.steps and row.get("step") not in rule.steps) or (residual is not None and abs(residual) <= rule.above):
            continue
        currency, settlement, step = (str(row.get(name, "")) for name in ("currency", "settlement_id", "step"))
        difference = "an unknown amount" if residual is None else format_money(residual, currency)
        facts = {"Settlement": settlement, "Step": step, "Residual": difference}
        if row.get("explanation"):
            facts["Explanation"] = str(row["explanation"])
        sentence = f"Settlement {settlement}: '{step}' does not hold, by {difference}."
        next_step = (
            f"See nsbill settlements check --settlement {shlex.quote(settlement)}, and the tie-out in the run's report."
        )
        findings.append(Finding(f"{settlement} {step} {currency}", sentence, facts | _as_of(end), next_step))
    return Judged(tuple(findings), complete="tie_out_breaks_in_all" not in end.results)


def _unclassified_line(end: End) -> Judged:
    labels: dict[str, list[str]] = {}
    for row in rows_of(end.results, "unclassified"):
        amount = format_money(amount_in(row, "amount"), str(row.get("currency", "")))
        labels.setdefault(str(row.get("labels", "")), []).append(amount)
    step = "See nsbill settlements unknown; it says how to teach nsbill these labels."
    return Judged(
        tuple(
            Finding(
                label,
                f"Settlement lines bear labels that nsbill does not know: {label}.",
                {"Amount": ", ".join(amounts)} | _as_of(end),
                step,
            )
            for label, amounts in labels.items()
        ),
        complete="unclassified_in_all" not in end.results,
    )


def _reserve_up(rule: ReserveUp, end: End, before: Mapping[str, Decimal] | None) -> Judged | None:
    """Exact: ``now × 100 > before × (100 + percent)``; from nothing to something is up by any percentage."""
    now = amounts_of(end.results, "reserve")
    if before is None:
        return None
    findings = []
    for currency, amount in now.items():
        if rule.currency is not None and currency != rule.currency:
            continue
        earlier = before.get(currency, ZERO)
        if amount * 100 <= earlier * (100 + rule.percent) or amount - earlier <= rule.above:
            continue
        sentence = f"Amazon keeps {format_money(amount, currency)} in reserve, {format_money(amount - earlier, currency)} more than at the run before."
        facts = {
            "Before": format_money(earlier, currency),
            "Limit": f"{rule.percent} % and {format_money(rule.above, currency)}",
        }
        step = "Ask Amazon why: Seller Central, Payments, Account level reserve."
        findings.append(Finding(currency, sentence, facts | _as_of(end), step))
    return Judged(tuple(findings))


def _certificate_expiring(rule: CertificateExpiring, end: End) -> Judged:
    day = day_of(end.results, "certificate_valid_until")
    left = (day - datetime.now(UTC).date()).days
    if left > rule.days:
        return Judged(())
    when = f"expired on {day}" if left < 0 else f"expires on {day}, in {left} days"
    step = "Make and upload a new one: nsbill settings certificate"
    return Judged((Finding(CERTIFICATE, f"The certificate for signing in {when}.", {}, step),))


def _as_of(end: End) -> dict[str, Any]:
    return {"As of": str(end.results["as_of"])} if end.results.get("as_of") else {}
