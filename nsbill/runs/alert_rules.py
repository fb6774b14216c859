"""The rules of alerts, as ``[alerts.NAME]`` of the schedule's file says them: what is looked for, and who is told.

Each rule looks at what a run recorded (``run.json``), or at what happened to the schedule; none reads NetSuite.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from nsbill.errors import MoneyError
from nsbill.money import ZERO, exact

__all__ = [
    "AlertRule",
    "Amount",
    "CertificateExpiring",
    "DueOlderThan",
    "ReserveUp",
    "Rule",
    "RunFailed",
    "RunStale",
    "SecretLeaked",
    "TieOutResidual",
    "UnclassifiedLine",
    "UnknownOutcomes",
]


def _amount(value: object) -> Decimal:
    """Take an amount as text or a whole number; a TOML float is not exact."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError('an amount is text such as "1000.00"')
    try:
        amount = exact(value)
    except MoneyError as error:
        raise ValueError(f'{error} Write an amount such as "1000.00"') from error
    if amount < 0:
        raise ValueError("an amount here is not negative")
    return amount


Amount = Annotated[Decimal, BeforeValidator(_amount)]
"""An exact amount, not negative; text in the file."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Rule(BaseModel):
    """What every rule says: the routes by which it tells, and whether it also tells when it is over."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    of_job: ClassVar[bool] = True
    """Whether each job has incidents of its own; otherwise it is about the workspace, whatever job sees it."""

    routes: tuple[str, ...] = Field(
        default=(), strict=False, description="Names of [routes.NAME]; empty: all routes that the file has"
    )
    say_when_over: bool = Field(False, description="Whether a message says when it is over")


class RunFailed(Rule):
    """A run did not succeed: a cell failed, it took too long, its process died, or its report could not be written."""

    rule: Literal["run-failed"]


class RunStale(Rule):
    """A slot passed without a run, or the last good run is too long ago."""

    rule: Literal["run-stale"]
    hours: int | None = Field(
        None, ge=1, description="Hours since the last good run; left out: only missed slots count"
    )


class UnknownOutcomes(Rule):
    """Creates are left whose outcome is not known: NetSuite may have them or not."""

    rule: Literal["unknown-outcomes"]
    of_job: ClassVar[bool] = False
    more_than: int = Field(0, ge=0, description="How many are put up with")


class DueOlderThan(Rule):
    """Money is due that was expected more than so many days ago, and more than so much of it in one currency."""

    rule: Literal["due-older-than"]
    days: int = Field(ge=0, description="Days past the day on which the settlement was expected")
    above: Amount = Field(ZERO, description='Amount in the currency that is put up with, such as "1000.00"')
    currency: Currency | None = Field(None, description="Only this currency; left out: each one by itself")


class TieOutResidual(Rule):
    """A step from a settlement's lines to the bank and the books does not hold."""

    rule: Literal["tie-out-residual"]
    above: Amount = Field(ZERO, description="Residual of one step that is put up with")
    steps: tuple[str, ...] = Field(
        default=(), strict=False, description="Only these steps, such as 'lines sum to total'; empty: all"
    )


class UnclassifiedLine(Rule):
    """Settlement lines bear labels that nsbill does not know, such as a new fee."""

    rule: Literal["unclassified-line"]


class ReserveUp(Rule):
    """Amazon keeps more in reserve than at the run before."""

    rule: Literal["reserve-up"]
    percent: int = Field(ge=0, description="By more than so many percent")
    above: Amount = Field(ZERO, description="And by more than this amount")
    currency: Currency | None = Field(None, description="Only this currency; left out: each one by itself")


class CertificateExpiring(Rule):
    """The certificate for signing in expires."""

    rule: Literal["certificate-expiring"]
    of_job: ClassVar[bool] = False
    days: int = Field(ge=1, description="In this many days, or fewer")


class SecretLeaked(Rule):
    """A secret stood in the output of a run; it was removed, and has to be changed."""

    rule: Literal["secret-leaked"]


AlertRule = Annotated[
    RunFailed
    | RunStale
    | UnknownOutcomes
    | DueOlderThan
    | TieOutResidual
    | UnclassifiedLine
    | ReserveUp
    | CertificateExpiring
    | SecretLeaked,
    Field(discriminator="rule"),
]
"""Any rule; ``rule`` says which."""
