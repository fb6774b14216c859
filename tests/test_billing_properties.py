"""A plan, whatever the orders: nothing is lost, nothing is billed beyond the order, and the fingerprint names what is created.

Random orders × what has shipped of them × what billed them before × the user's decisions × closed periods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd
from billing_tables import amazon_id
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nsbill.billing.plan import Known, Plan, build_plan
from nsbill.money import ZERO, sum_by_currency
from nsbill.schemas import ACCOUNTING_PERIODS, BILLING_RECORDS, ORDERS, PLAN_SKIPPED, PREVIEWS
from nsbill.settings import Settings

TODAY = date(2026, 11, 15)
few = settings(deadline=None, max_examples=12)


@dataclass(frozen=True)
class Case:
    """One order: amounts in hundredths; ``bills`` are (hundredths, voided); ``shipped`` is what a dry run would give."""

    number: int
    amazon: int | None
    status: str
    currency: str
    total: int
    payment: str | None
    ship_days_ago: int | None
    bills: tuple[tuple[int, bool], ...]
    shipped: int | None
    excluded: bool
    unresolved: bool


@dataclass(frozen=True)
class Account:
    """Settings and surroundings of a plan."""

    cash_sales: bool
    dates: str
    policy: str
    closed_months: frozenset[int]
    partially_billed: str
    in_advance: bool | None


def cases() -> st.SearchStrategy[list[Case]]:
    money = st.integers(-100, 5_000)
    case = st.builds(
        Case,
        number=st.just(0),
        amazon=st.one_of(st.none(), st.integers(0, 25)),
        status=st.sampled_from("ABCDEFGHDEFFF"),
        currency=st.sampled_from(["USD", "JPY", "EUR"]),
        total=money,
        payment=st.sampled_from([None, "Visa"]),
        ship_days_ago=st.one_of(st.none(), st.integers(0, 120)),
        bills=st.lists(st.tuples(st.integers(1, 3_000), st.booleans()), max_size=2).map(tuple),
        shipped=st.one_of(st.none(), st.integers(0, 5_000)),
        excluded=st.sampled_from([False, False, False, True]),
        unresolved=st.sampled_from([False, False, False, True]),
    )
    return st.lists(case, max_size=12).map(lambda found: [replace(c, number=i) for i, c in enumerate(found, 1)])


accounts = st.builds(
    Account,
    cash_sales=st.booleans(),
    dates=st.sampled_from(["today", "ship-date", "2026-07-31"]),
    policy=st.sampled_from(["block", "next-open", "ask"]),
    closed_months=st.sets(st.integers(7, 12)).map(frozenset),
    partially_billed=st.sampled_from(["bill-remainder", "skip"]),
    in_advance=st.sampled_from([None, True, False]),
)


def money(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-2)


def tables(found: list[Case]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Orders, their bills, and the dry runs of those that are partly shipped."""
    orders = ORDERS.frame(
        [
            {
                "sales_order_id": str(c.number),
                "sales_order_number": f"SO{c.number}",
                "amazon_order_id": None if c.amazon is None else amazon_id(c.amazon),
                "order_date": TODAY - timedelta(130),
                "ship_date": None if c.ship_days_ago is None else TODAY - timedelta(c.ship_days_ago),
                "status": c.status,
                "currency": c.currency,
                "total": money(c.total),
                "payment_method": c.payment,
                "route_value": c.payment,
            }
            for c in found
        ]
    )
    bills = BILLING_RECORDS.frame(
        [
            {
                "billing_record_id": str(c.number * 10 + place),
                "record_type": "invoice",
                "number": f"INV{c.number}-{place}",
                "sales_order_id": str(c.number),
                "amazon_order_id": None if c.amazon is None else amazon_id(c.amazon),
                "date": TODAY,
                "currency": c.currency,
                "total": money(total),
                "amount_remaining": ZERO,
                "voided": voided,
            }
            for c in found
            for place, (total, voided) in enumerate(c.bills)
        ]
    )
    previews = PREVIEWS.frame(
        [
            {
                "sales_order_id": str(c.number),
                "record_type": "invoice",
                "total": None if c.shipped is None else money(c.shipped),
                "refusal": "Nothing to bill." if c.shipped is None else None,
            }
            for c in found
            if c.status in "DE"
        ]
    )
    return orders, bills, previews


def months(closed: frozenset[int]) -> pd.DataFrame:
    """The months July to December 2026, and the quarters around them."""
    ends = {7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
    rows: list[dict[str, object]] = [
        {
            "period_id": str(m),
            "name": f"M{m}",
            "first": date(2026, m, 1),
            "last": date(2026, m, d),
            "closed": m in closed,
        }
        for m, d in ends.items()
    ]
    for name, first, last in (("Q3", 7, 9), ("Q4", 10, 12)):
        shut = closed >= set(range(first, last + 1))
        span = {"first": date(2026, first, 1), "last": date(2026, last, ends[last])}
        rows.append({"period_id": f"9{first}", "name": name, **span, "closed": shut})
    return ACCOUNTING_PERIODS.frame(rows)


def plan(found: list[Case], around: Account, *, shuffle: bool = False, **changed: str) -> Plan:
    orders, bills, previews = tables(found)
    periods = months(around.closed_months)
    if shuffle:
        orders, bills, previews, periods = (t.iloc[::-1] for t in (orders, bills, previews, periods))
    chosen: dict[str, object] = {
        "account": "1_SB1",
        "cash_sale_flow": around.cash_sales,
        "transaction_date": around.dates,
        "closed_period": around.policy,
        "partially_billed": around.partially_billed,
    }
    return build_plan(
        orders,
        PLAN_SKIPPED.frame(),
        bills,
        settings=Settings(**{**chosen, **changed}),  # type: ignore[arg-type]
        status_effective=("E", "F"),
        today=TODAY,
        exclude={str(c.number): "because" for c in found if c.excluded},
        known=Known(
            unresolved=frozenset(str(c.number) for c in found if c.unresolved),
            periods=periods,
            in_advance=around.in_advance,
            previews=previews,
        ),
    )


@few
@given(cases(), accounts)
def test_every_order_is_billed_or_skipped_and_nothing_is_billed_beyond_it(found: list[Case], account: Account) -> None:
    made = plan(found, account)
    ids = made.to_bill["sales_order_id"].tolist() + made.skipped["sales_order_id"].tolist()
    assert sorted(ids, key=int) == [str(c.number) for c in found]
    assert len(made.to_bill) + len(made.skipped) == len(found)
    assert made.skipped["explanation"].str.len().gt(0).all()
    assert made.totals == sum_by_currency(zip(made.to_bill["currency"], made.to_bill["amount"], strict=True))
    by_number = {str(c.number): c for c in found}
    for row in made.to_bill.to_dict("records"):
        case = by_number[row["sales_order_id"]]
        before = sum((money(total) for total, voided in case.bills if not voided), ZERO)
        assert not case.excluded
        assert not case.unresolved
        assert case.status in "BDEF"
        assert ZERO < row["amount"] <= money(case.total) - before
        assert row["currency"] == case.currency
        assert row["part"] == len(case.bills) + 1
        assert row["shipped_only"] == (row["amount"] < money(case.total) - before)
        if case.status in "DE":
            assert case.shipped is not None
            assert row["amount"] == money(case.shipped)
        assert row["transaction_date"].month not in account.closed_months
    assert made.to_bill["external_id"].is_unique


@few
@given(cases(), accounts)
def test_closed_periods_move_dates_or_leave_orders_out_and_lose_none(found: list[Case], account: Account) -> None:
    blocked, moved = (plan(found, replace(account, policy=policy)) for policy in ("block", "next-open"))
    asked = plan(found, replace(account, policy="ask"))
    closed = (blocked.skipped["reason"] == "closed_period").sum()
    assert asked.undecided == closed
    assert (blocked.undecided, moved.undecided) == (0, 0)
    assert blocked.to_bill["sales_order_id"].tolist() == asked.to_bill["sales_order_id"].tolist()
    assert set(blocked.to_bill["sales_order_id"]) <= set(moved.to_bill["sales_order_id"])
    added = moved.to_bill[~moved.to_bill["sales_order_id"].isin(blocked.to_bill["sales_order_id"].tolist())]
    assert added["note"].str.contains("instead of").all()


@few
@given(cases(), accounts)
def test_the_fingerprint_is_the_same_in_any_order_of_the_rows(found: list[Case], account: Account) -> None:
    made, turned = plan(found, account), plan(found, account, shuffle=True)
    assert turned.fingerprint == made.fingerprint
    pd.testing.assert_frame_equal(turned.to_bill.drop(columns="note"), made.to_bill.drop(columns="note"))
    pd.testing.assert_frame_equal(
        turned.skipped[["sales_order_id", "reason"]], made.skipped[["sales_order_id", "reason"]]
    )


@few
@given(cases(), accounts, st.data())
def test_the_fingerprint_changes_with_anything_that_would_be_created(
    found: list[Case], account: Account, data: st.DataObject
) -> None:
    account = replace(account, policy="block", closed_months=frozenset())
    made = plan(found, account)
    assume(len(made.to_bill))
    number = int(data.draw(st.sampled_from(made.to_bill["sales_order_id"].tolist())))
    case = found[number - 1]
    changes = [
        replace(case, total=case.total + 1, shipped=None if case.shipped is None else case.shipped + 1),
        replace(case, excluded=True),
        replace(case, currency="GBP"),
        replace(case, bills=(*case.bills, (1, True))),  # a voided record: the next part has another number
    ]
    for changed in changes:
        assert plan([changed if c is case else c for c in found], account).fingerprint != made.fingerprint
    assert plan(found, account, account="2_SB1").fingerprint != made.fingerprint
    assert plan(found, account, transaction_date="2026-12-24").fingerprint != made.fingerprint


@few
@given(st.integers(1, 100_000), st.lists(st.integers(1, 5_000), max_size=3), st.sampled_from(["USD", "JPY"]))
def test_the_parts_of_an_order_add_up_to_it_to_the_cent(total: int, shipments: list[int], currency: str) -> None:
    account = Account(False, "today", "block", frozenset(), "bill-remainder", in_advance=False)
    case = Case(1, 1, "E", currency, total, None, 1, (), None, excluded=False, unresolved=False)
    seen = []
    for shipped in [s for n, s in enumerate(shipments) if sum(shipments[: n + 1]) < total]:
        made = plan([replace(case, shipped=shipped)], account).to_bill.iloc[0]
        assert (made["amount"], made["shipped_only"]) == (money(shipped), True)
        seen.append(made["external_id"])
        case = replace(case, bills=(*case.bills, (shipped, False)))
    last = plan([replace(case, status="F")], account).to_bill.iloc[0]
    assert sum((money(t) for t, _ in case.bills), ZERO) + last["amount"] == money(total)
    assert not last["shipped_only"]
    assert [*seen, last["external_id"]] == [f"nsbill-INV-1-{n}" for n in range(1, len(seen) + 2)]
    done = replace(case, status="F", bills=(*case.bills, (total - sum(t for t, _ in case.bills), False)))
    assert plan([done], account).skipped["reason"].tolist() == ["already_billed"]
