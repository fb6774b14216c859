"""The whole statement in plain pandas, tuned: the same rows with the same columns and sentences as nsbill's, as a table.

The figures come from ``reconcile_pandas``. Amounts become decimals without arithmetic, texts are made by Arrow for the rows of
one status at a time, dates once for each day. It knows what the benchmark's data have: one currency, tax beside the bills,
no payments in the books, no money that Amazon defers.
"""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.reconcile_pandas import FIGURES, Figures
from nsbill.reconcile.aging import BUCKETS
from nsbill.schemas import STATEMENT
from nsbill.vocabulary import AgingBucket

__all__ = ["whole_statement"]

_CYCLE = 14
_TAKEN = ("sales_order_id", "sales_order_number", "order_status", "order_date", "ship_date")
Part: TypeAlias = "str | pa.Array"


def whole_statement(found: Figures, *, seller_account: str, as_of: date) -> pa.Table:
    """Return STATEMENT; what nothing is known of stays empty.

    Raises
    ------
    ValueError
        For several currencies, which the benchmark's data do not have.
    """
    rows = found.rows
    if len(found.currencies) != 1:
        raise ValueError(f"one currency is expected, not {', '.join(found.currencies)}")
    size, as_of_day = len(rows), (as_of - date(1970, 1, 1)).days
    sale = rows["sale_leg"].clip(lower=0).to_numpy()
    last_sale = rows["last_sale_day"].to_numpy()
    is_short = (last_sale > -1) & (last_sale < as_of_day - _CYCLE)
    short = np.where(is_short, sale, 0)
    columns: dict[str, pa.Array] = {
        **{name: pa.array(rows[name]) for name in _TAKEN},
        **{name: _decimals(rows[name].to_numpy()) for name in FIGURES},
        "seller_account": _same(seller_account, size),
        "amazon_order_id": pa.array(found.ids.to_numpy()[rows["order"].to_numpy()], pa.string()),
        "currency": _same(found.currencies[0], size),
        "tax_mode": _same("exclude", size),
        "marketplace": _marketplaces(found),
        "billing_records": _numbers(found),
        "due_short": _decimals(short),
        "due_unposted": _decimals(sale - short),
        "status": pa.array(rows["status"]),
        "age_days": pa.array(rows["age_days"], pa.int64(), from_pandas=True),
        "aging_bucket": _buckets(rows),
        "first_billed": _dates(rows["first_bills_day"]),
        "last_posted": _dates(rows["last_posted_day"]),
        "expected_settled": _dates(rows["expected_day"]),
    }
    columns["explanation"] = _Sentences(rows, columns, rows["order_total"], as_of, is_short & (sale > 0)).all()
    names = STATEMENT.names
    types = STATEMENT.arrow
    return pa.table(
        [
            columns[name].cast(types.field(name).type) if name in columns else pa.nulls(size, types.field(name).type)
            for name in names
        ],
        schema=types,
    )


def _same(text: str, size: int) -> pa.Array:
    return pa.array([text]).take(pa.array(np.zeros(size, "int8")))


def _decimals(cents: np.ndarray) -> pa.Array:
    """Whole cents as decimals: the upper half of 128 bits is the sign."""
    halves = np.empty((len(cents), 2), "int64")
    halves[:, 0], halves[:, 1] = cents, cents >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(cents), [None, pa.py_buffer(halves)])


def _dates(days: pd.Series) -> pa.Array:
    return pa.array(days.to_numpy(dtype="float64"), from_pandas=True).cast(pa.int32()).cast(pa.date32())


def _marketplaces(found: Figures) -> pa.Array:
    codes = pa.array(found.rows["marketplace_code"].to_numpy(), from_pandas=True).cast(pa.int32())
    of_lines = pa.array(found.marketplaces, pa.string()).take(codes)
    return pc.coalesce(pa.array(found.rows["order_marketplace"]), of_lines)


def _numbers(found: Figures) -> pa.Array:
    """The numbers of an order's bills in one text, by date, number and id; most orders have one."""
    bills = found.bills[["order", "day", "number", "billing_record_id"]]
    is_one = ~bills["order"].duplicated(keep=False)
    several = bills[~is_one].sort_values(["order", "day", "number", "billing_record_id"])
    place = several.groupby("order", sort=False).cumcount().to_numpy()
    text = several.loc[place == 0, ["order", "number"]].set_index("order")["number"]
    for more in range(1, int(place.max(initial=0)) + 1):
        following = several.loc[place == more, ["order", "number"]].set_index("order")["number"]
        text = (text + ", " + following).fillna(text)
    every = pd.concat([bills[is_one].set_index("order")["number"], text])
    places = every.index.get_indexer(pd.Index(found.rows["order"]))
    return pa.array(every).take(pa.array(places, mask=places < 0))


def _buckets(rows: pd.DataFrame) -> pa.Array:
    last = np.array([days for days, _ in BUCKETS])
    names = pa.array([*(name.value for _, name in BUCKETS), AgingBucket.OVER_90.value])
    age = rows["age_days"].to_numpy()
    place = np.searchsorted(last, np.nan_to_num(age))
    return names.take(pa.array(place, mask=np.isnan(age) | (rows["due"].to_numpy() <= 0)))


class _Sentences:
    """Why each row is in its state; texts are made for the rows that have them."""

    def __init__(
        self, rows: pd.DataFrame, columns: dict[str, pa.Array], total: pd.Series, as_of: date, is_short: np.ndarray
    ) -> None:
        self._rows, self._columns, self._total, self._as_of, self._is_short = rows, columns, total, as_of, is_short
        self._places = np.array([], "int64")

    def all(self) -> pa.Array:
        """One text a row."""
        ways = {
            "NOT_BILLED": self._not_billed, "OVERPAID": self._overpaid, "REFUND_UNCREDITED": self._uncredited,
            "REFUND_IN_TRANSIT": self._in_transit, "PARTIALLY_SETTLED": self._partially, "SETTLED": self._settled,
            "AWAITING_SETTLEMENT": self._awaiting, "REFUNDED_FULL": self._refunded,
        }  # fmt: skip
        status = self._rows["status"].to_numpy()
        texts, places = [], []
        for name, way in ways.items():
            self._places = np.flatnonzero(status == name)
            places.append(self._places)
            texts.append(_joined(way()))
        order = np.empty(len(status), "int64")
        order[np.concatenate(places)] = np.arange(len(status))
        return pa.concat_arrays(texts).take(pa.array(order))

    def _is(self, name: str) -> np.ndarray:
        found: np.ndarray = self._rows[name].to_numpy()[self._places]
        return found

    def _text(self, name: str) -> pa.Array:
        return self._columns[name].take(pa.array(self._places)).cast(pa.string())

    def _day(self, name: str) -> pa.Array:
        """Dates as texts, each day once."""
        days = self._columns[name].take(pa.array(self._places)).dictionary_encode()
        return days.dictionary.cast(pa.string()).take(days.indices)

    def _money(self, name: str) -> list[Part]:
        return [self._text(name), " ", self._text("currency")]

    def _when(self, holds: np.ndarray, then: list[Part], otherwise: list[Part]) -> pa.Array:
        if not holds.any() or holds.all():
            return _joined(then if holds.any() else otherwise, len(holds))
        return pc.if_else(pa.array(holds), _joined(then, len(holds)), _joined(otherwise, len(holds)))

    def _billed(self) -> list[Part]:
        bills = self._is("bills")
        several: list[Part] = [" in ", pa.array(bills).cast(pa.string()), " records from "]
        return [
            "Billed ",
            *self._money("billed_gross"),
            self._when(bills > 1, several, [" on "]),
            self._day("first_billed"),
        ]

    def _posted(self) -> pa.Array:
        known = ~np.isnan(self._is("last_posted_day"))
        return self._when(known, [" (last on ", self._day("last_posted"), ")"], [""])

    def _expected(self) -> pa.Array:
        age = self._is("age_days")
        days = pa.array(np.nan_to_num(age).astype("int64")).cast(pa.string())
        ago = self._when(age == 1, ["1 day ago"], [days, " days ago"])
        day = self._day("expected_settled")
        known = self._when(age > 0, [", expected by ", day, ", ", ago], [", expected by ", day])
        return self._when(np.isnan(age), [""], [known])

    def _still(self) -> pa.Array:
        missing: list[Part] = [" is missing though everything must have been posted"]
        return self._when(self._is_short[self._places], missing, [" is still to come"])

    def _sale_part(self) -> pa.Array:
        open_part: list[Part] = [self._text("sale_leg"), " of the sale is still to come", self._expected()]
        whole: list[Part] = ["the sale of ", self._text("billed_gross"), " is settled in full"]
        return self._when(self._is("sale_leg") > 0, open_part, whole)

    def _not_billed(self) -> list[Part]:
        nobody = f"no sales order and no billing record with this Amazon order id is known on {self._as_of}"
        known: list[Part] = [
            "sales order ",
            self._text("sales_order_number"),
            f" has no invoice or cash sale on {self._as_of}",
        ]
        who = self._when(pd.isna(self._is("sales_order_id")), [nobody], known)
        settled: list[Part] = [
            "Amazon has settled ",
            *self._money("received_gross"),
            self._posted(),
            ", but ",
            who,
            ".",
        ]
        total = pa.array(self._total.iloc[self._places]).cast(pa.string())
        shipped: list[Part] = [
            "Shipped on ",
            self._day("ship_date"),
            " for ",
            total,
            " ",
            self._text("currency"),
            ", but ",
            who,
            ".",
        ]
        return [self._when(self._is("lines") > 0, settled, shipped)]

    def _overpaid(self) -> list[Part]:
        return [*self._billed(), "; Amazon has settled ", self._text("received_gross"), " for it", self._posted(), ", which is ",
                self._text("overpaid"), " more than was billed."]  # fmt: skip

    def _uncredited(self) -> list[Part]:
        return ["Amazon took ", *self._money("refunded"), " for refunds", self._posted(), " and ", self._text("credited"),
                " is credited, so ", self._text("uncredited_refund"), " lacks a credit memo; ", self._sale_part(), "."]  # fmt: skip

    def _in_transit(self) -> list[Part]:
        return ["Credited ", *self._money("credited"), ", of which Amazon has taken ", self._text("refunded"), ", so ",
                self._text("refund_in_transit"), " is still to be taken; ", self._sale_part(), "; ", self._text("due"),
                " is due in all."]  # fmt: skip

    def _partially(self) -> list[Part]:
        return [*self._billed(), "; Amazon has settled ", self._text("received_gross"), " of it, ", self._text("sale_leg"),
                self._still(), self._expected(), "."]  # fmt: skip

    def _awaiting(self) -> list[Part]:
        return [*self._billed(), "; Amazon has settled nothing of it, ", self._text("sale_leg"), self._still(),
                self._expected(), "."]  # fmt: skip

    def _refunded(self) -> list[Part]:
        return [*self._billed(), "; Amazon has settled it in full and taken all of it back for refunds", self._posted(),
                ", which is credited; nothing is due."]  # fmt: skip

    def _settled(self) -> list[Part]:
        back = self._when(
            self._is("refunded") > 0, ["; ", self._text("refunded"), " was refunded and is credited"], [""]
        )
        full: list[Part] = [
            *self._billed(),
            "; Amazon has settled it in full",
            self._posted(),
            back,
            "; nothing is due.",
        ]
        nothing: list[Part] = [*self._billed(), "; nothing is to come and nothing is due."]
        told = self._when(self._is("lines") > 0, full, nothing)
        return [self._when(self._is("bills") > 0, [told], ["Nothing is billed, settled or due."])]


def _joined(parts: list[Part], size: int | None = None) -> pa.Array:
    """Texts side by side; nothing where a part is missing."""
    if all(isinstance(part, str) for part in parts):
        return _same("".join(str(part) for part in parts), size or 0)
    return pc.binary_join_element_wise(*parts, "", null_handling="skip")
