"""Ask NetSuite what it would bill, without saving anything: for partly shipped orders, and to check a plan exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from nsbill.billing.plan import Plan
from nsbill.errors import BillingRefused, NetSuiteError, NoAnswer, SignInRefused, TooManyRequests
from nsbill.money import format_money
from nsbill.netsuite.books import load_currencies
from nsbill.netsuite.client import Client
from nsbill.netsuite.parallel import in_parallel
from nsbill.netsuite.records import PreviewedBill, preview_bill
from nsbill.progress import Progress, silent
from nsbill.schemas import PREVIEWS
from nsbill.vocabulary import RecordType

__all__ = ["NO_DRY_RUN", "Document", "ExactCheck", "compare_exactly", "load_previews", "read_document"]

NO_DRY_RUN = "NO_DRY_RUN"
"""The code of a NetSuiteError that says: this account may save what is only tried. Try nothing more in it."""


@dataclass(frozen=True)
class ExactCheck:
    """How many records of a plan NetSuite was asked about, and a sentence for each that would differ from the plan."""

    checked: int
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """The billing record that an order of a plan would become now, by NetSuite's own reckoning."""

    sales_order_id: str
    sales_order_number: str
    amazon_order_id: str
    record_type: RecordType
    external_id: str
    transaction_date: date
    currency: str
    """ISO 4217 code of every amount of the document."""
    bill: PreviewedBill | None
    """Lines, tax, total, period; ``None``: NetSuite would refuse it or did not answer, ``differences`` says why."""
    differences: tuple[str, ...]
    """A sentence for whatever is not as planned."""


@dataclass(frozen=True)
class _Asked:
    """One order and what NetSuite said: the bill, its refusal, or nothing clear."""

    place: int
    bill: PreviewedBill | None = None
    refusal: str | None = None
    no_answer: str | None = None


def load_previews(client: Client, orders: pd.DataFrame, *, progress: Progress = silent) -> pd.DataFrame:
    """Return what NetSuite would bill now of each order (schema PREVIEWS).

    ``orders``: columns ``sales_order_id``, ``record_type``, ``transaction_date``.

    Raises
    ------
    NetSuiteError
        The account knows no dry run and may have saved the first record, or the credentials are refused.
    """
    rows: list[dict[str, object]] = [
        {
            "sales_order_id": orders["sales_order_id"].iloc[asked.place],
            "record_type": orders["record_type"].iloc[asked.place],
            "total": asked.bill.total if asked.bill else None,
            "refusal": asked.refusal,
            "no_answer": asked.no_answer,
        }
        for asked in _ask(client, orders, range(len(orders)), progress)
    ]
    return PREVIEWS.frame(rows)


def compare_exactly(
    client: Client, currencies: dict[str, str], plan: Plan, *, sample: int | None = None, progress: Progress = silent
) -> ExactCheck:
    """Ask NetSuite for each record of ``plan``, or for a ``sample`` of them, and compare amount, currency and period.

    A sample holds partial bills first, where amounts are least certain, and others spread over the plan.
    """
    rows = plan.to_bill
    places = range(len(rows)) if sample is None else _sample(rows, sample)
    found = sorted(_ask(client, rows, places, progress), key=lambda asked: asked.place)
    told = ((rows.iloc[asked.place], asked) for asked in found)
    return ExactCheck(len(found), tuple(s for row, asked in told for s in _differences(row, asked, currencies)))


def read_document(client: Client, plan: Plan, sales_order_id: str) -> Document:
    """Ask NetSuite what it would create for one order of ``plan``; saves nothing.

    Raises
    ------
    BillingRefused
        The plan does not bill this order.
    NetSuiteError
        The account knows no dry run and may have saved the record (``NO_DRY_RUN``), or the credentials are refused.
    """
    rows = plan.to_bill[plan.to_bill["sales_order_id"] == sales_order_id]
    if rows.empty:
        raise BillingRefused("plan", f"sales order {sales_order_id} is not in it", "Look at the plan again.")
    row = rows.iloc[0]
    record, day = RecordType(row["record_type"]), row["transaction_date"]
    currencies: Mapping[str, str] = plan.currencies or load_currencies(client)
    asked = _ask_one(client, 0, sales_order_id, record, day)
    differences = tuple(_differences(row, asked, currencies))
    of_bill = currencies.get(asked.bill.currency_id or "") if asked.bill else None
    return Document(
        sales_order_id=sales_order_id,
        sales_order_number=row["sales_order_number"],
        amazon_order_id=row["amazon_order_id"],
        record_type=record,
        external_id=row["external_id"],
        transaction_date=day,
        currency=of_bill or row["currency"],
        bill=asked.bill,
        differences=differences,
    )


def _sample(rows: pd.DataFrame, size: int) -> list[int]:
    partial = ((rows["part"] > 1) | rows["shipped_only"].fillna(False)).tolist()
    first = [place for place, is_partial in enumerate(partial) if is_partial][:size]
    rest = [place for place, is_partial in enumerate(partial) if not is_partial]
    wanted = min(size - len(first), len(rest))
    return first + [rest[n * len(rest) // wanted] for n in range(wanted)]


def _ask(client: Client, orders: pd.DataFrame, places: Sequence[int], progress: Progress) -> Iterator[_Asked]:
    """Ask about one order alone, then about the others side by side.

    Should the account not know the dry run, one record is saved in vain, and not twenty.
    """
    ids, types, dates = (orders[name].tolist() for name in ("sales_order_id", "record_type", "transaction_date"))

    def ask(place: int) -> tuple[_Asked, tuple[int, ...]]:
        return _ask_one(client, place, ids[place], RecordType(types[place]), dates[place]), ()

    done = 0
    for group in (places[:1], places[1:]):
        for asked in in_parallel(min(client.settings.slots, len(group)), ask, group):
            done += 1
            progress(done, len(places), "dry runs")
            yield asked


def _ask_one(client: Client, place: int, order: str, record: RecordType, day: date) -> _Asked:
    try:
        return _Asked(place, bill=preview_bill(client, order, record, transaction_date=day))
    except (SignInRefused, TooManyRequests):
        raise
    except NetSuiteError as error:
        if error.code == NO_DRY_RUN:
            raise
        return _Asked(place, refusal=str(error))
    except NoAnswer as error:
        return _Asked(place, no_answer=str(error))


def _differences(row: pd.Series, asked: _Asked, currencies: Mapping[str, str]) -> Iterator[str]:
    number, planned = row["sales_order_number"], format_money(row["amount"], row["currency"])
    if asked.refusal:
        yield f"{number}: NetSuite would refuse it. {asked.refusal}"
    if asked.no_answer:
        yield f"{number}: not known. {asked.no_answer}"
    bill = asked.bill
    if bill is None:
        return
    currency = currencies.get(bill.currency_id or "", row["currency"])
    if (bill.total, currency) != (row["amount"], row["currency"]):
        yield f"{number}: NetSuite would bill {format_money(bill.total, currency)}, planned are {planned}."
    if bill.period and pd.notna(row["period"]) and bill.period != row["period"]:
        yield f"{number}: NetSuite would post it into {bill.period}, planned is {row['period']}."
