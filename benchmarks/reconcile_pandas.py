"""The figures of the statement in plain pandas, tuned: what somebody who knows pandas well would write, and no more.

Arrow-backed columns, order ids as codes of one dictionary, labels as codes, amounts as whole cents in ``int64`` (exact,
and several times faster than decimals in pandas), only the columns that are needed, one group-by over the lines. It makes the
figures of the statement per order and currency: billed, credited, received, refunded, fees, taxes, reimbursements, net
cash, both legs, due, what is over or lacks a credit memo, status, and the age; ``reconcile_pandas_whole`` makes the rest of
the statement of them. Neither checks that lines are complete or that documents are there once, which nsbill does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nsbill.reconcile.books import SHIPPED
from nsbill.reconcile.pieces import GOODS, REFUND_EVENTS, SALE_EVENTS
from nsbill.vocabulary import LineKind

__all__ = ["FIGURES", "Figures", "cents_of", "figures", "named"]

_NEEDED = ["event_class", "line_kind", "amount", "currency", "amazon_order_id"]
_NEEDED_WHOLE = [*_NEEDED, "posted_day", "marketplace"]
"""The columns of LINES that figures need, and the whole statement."""

FIGURES = (
    "billed_gross", "credited", "received_gross", "refunded", "received", "fee_withheld", "tax_collected", "tax_withheld",
    "reimbursed", "adjustments", "net_cash", "sale_leg", "refund_leg", "due", "overpaid", "uncredited_refund",
    "refund_in_transit",
)  # fmt: skip
"""The amounts that it makes, in cents."""

_KEY = ["order", "currency"]
_TAXES = [kind.value for kind in LineKind if kind.name.startswith("TAX_") and kind is not LineKind.TAX_WITHHELD]
_FEES = [kind.value for kind in LineKind if kind.name.startswith("FEE_")]
_EPOCH = np.datetime64("1970-01-01")
_NEVER = -1_000_000
_UNKNOWN = ("_day", "_code")
"""Ends of the names of columns whose empty places stay empty."""


@dataclass(frozen=True)
class Figures:
    """``rows``: the figures by the codes of ``order`` (in ``ids``) and ``currency`` (in ``currencies``).

    ``bills``: the billing records that count, with the same codes; ``marketplaces``: names by the codes of lines.
    """

    rows: pd.DataFrame
    ids: pd.Index
    currencies: pd.Index
    marketplaces: list[str]
    bills: pd.DataFrame


def figures(
    *,
    lines: Sequence[Path],
    settlements: pd.DataFrame,
    orders: pd.DataFrame,
    billing_records: pd.DataFrame,
    credits: pd.DataFrame,  # noqa: A002 -- the domain's word, keyword-only
    as_of: date,
    whole: bool = False,
) -> Figures:
    """Return one row per order and currency with ``FIGURES``, ``status``, ``age_days`` and the order's facts.

    ``whole``: with days and marketplaces of lines, for the rest of the statement.
    """
    as_of_day = int((np.datetime64(as_of) - _EPOCH).astype(int))
    ends = settlements["period_end"].astype("int64[pyarrow]").to_numpy(dtype="int64") // 86_400_000_000
    needed = _NEEDED_WHOLE if whole else _NEEDED
    table = pq.read_table(list(lines), columns=needed, filters=pc.is_valid(pc.field("amazon_order_id")), read_dictionary=[
        name for name in needed if name not in ("amount", "posted_day")])  # fmt: skip
    table = table.unify_dictionaries()
    ids = table["amazon_order_id"].chunk(0).dictionary if table.num_rows else pa.array([], pa.string())
    numbers = ["number", "billing_record_id"] if whole else []
    books = [_counted(billing_records, as_of, numbers), _counted(credits, as_of, [])]
    index = pd.Index(_texts(ids), dtype=object)
    places, index = _places(index, [_text_array(frame["amazon_order_id"]) for frame in (*books, orders)])
    currencies = pd.Index(pd.unique(pd.concat([frame["currency"] for frame in (*books, orders)]).astype(object)))
    rows = _of_lines(table, currencies)
    marketplaces = sorted(_labels(table["marketplace"])) if whole else []
    del table
    bills, credited = (_coded(frame, place, currencies) for frame, place in zip(books, places[:2], strict=True))
    rows = rows.join(_of_documents(bills, "billed_gross", "bills"), how="outer")
    rows = rows.join(_of_documents(credited, "credited", "credits"), how="outer").reset_index()
    rows = _with_orders(rows, orders, places[2], currencies, as_of_day, whole=whole)
    amounts = [name for name in rows.columns if rows[name].dtype.kind == "f" and not name.endswith(_UNKNOWN)]
    rows[amounts] = rows[amounts].fillna(0).astype("int64")
    rows = _legs(rows)
    rows["status"] = _status(rows)
    rows = _aged(rows, np.unique(ends[ends <= as_of_day]), as_of_day)
    return Figures(rows, index, currencies, marketplaces, bills)


def named(found: Figures) -> pd.DataFrame:
    """The figures with ``amazon_order_id`` and ``currency`` instead of codes."""
    rows = found.rows
    return rows.assign(
        amazon_order_id=found.ids.to_numpy()[rows["order"].to_numpy()],
        currency=found.currencies.to_numpy()[rows["currency"].to_numpy()],
    )


def _counted(frame: pd.DataFrame, as_of: date, more: Sequence[str]) -> pd.DataFrame:
    wanted = ["amazon_order_id", "currency", "total", "date", *more]
    return frame.loc[~frame["voided"] & (frame["date"] <= as_of) & frame["amazon_order_id"].notna(), wanted]


def _places(index: pd.Index, known: Sequence[pd.Index]) -> tuple[list[np.ndarray], pd.Index]:
    """Where the texts stand in the index, each looked up once; what is not there yet comes to its end."""
    found = [index.get_indexer(texts).astype("int32") for texts in known]
    absent = [texts[places < 0] for texts, places in zip(known, found, strict=True)]
    more = pd.Index(np.unique(np.concatenate(absent)), dtype=object)
    for places, texts in zip(found, absent, strict=True):
        places[places < 0] = len(index) + more.get_indexer(texts)
    return found, index.append(more)


def _texts(array: pa.Array) -> np.ndarray:
    found: np.ndarray = array.to_numpy(zero_copy_only=False)
    return found


def _text_array(column: pd.Series) -> pd.Index:
    found: pd.Index = pd.Index(column.to_numpy(dtype=object), dtype=object)
    return found


def cents_of(column: pa.ChunkedArray) -> np.ndarray:
    """Decimals as whole cents: their 128 bits hold just that, and 64 of them are enough for 18 digits."""
    parts = [np.frombuffer(chunk.buffers()[1], "int64")[2 * chunk.offset :: 2][: len(chunk)] for chunk in column.chunks]
    found: np.ndarray = np.concatenate(parts) if parts else np.array([], "int64")
    return found


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    parts = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return np.concatenate(parts) if parts else np.array([], "int32")


def _labels(column: pa.ChunkedArray) -> list[str]:
    return column.chunk(0).dictionary.to_pylist() if column.num_chunks else []


def _of_lines(table: pa.Table, currencies: pd.Index) -> pd.DataFrame:
    """Every sum of the statement that comes from lines, in one group-by."""
    events, kinds = _labels(table["event_class"]), _labels(table["line_kind"])
    event, kind, cents = _codes(table["event_class"]), _codes(table["line_kind"]), cents_of(table["amount"])

    def those(labels: list[str], wanted: Sequence[str], codes: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.array([label in wanted for label in labels], bool)[codes]
        return found

    sale, refund = those(events, SALE_EVENTS, event), those(events, REFUND_EVENTS, event)
    goods, won = (
        those(kinds, GOODS, kind),
        those(kinds, ["REIMBURSEMENT"], kind) | those(events, ["REIMBURSEMENT"], event),
    )
    withheld, fee = those(kinds, ["TAX_WITHHELD"], kind), those(kinds, _FEES, kind)
    gross = goods | withheld
    sums = {
        "received_gross": gross & sale, "refunded": gross & refund, "fee_withheld": fee,
        "tax_collected": those(kinds, _TAXES, kind), "tax_withheld": withheld, "reimbursed": won & ~fee & ~withheld,
    }  # fmt: skip
    code = np.array([currencies.get_indexer(pd.Index([label]))[0] for label in _labels(table["currency"])], "int32")
    wide = pd.DataFrame({name: np.where(mask, cents, 0) for name, mask in sums.items()})
    wide["net_cash"], wide["lines"] = cents, 1
    wide["order"], wide["currency"] = _codes(table["amazon_order_id"]), code[_codes(table["currency"])]
    by_order = wide.groupby(_KEY, sort=False)
    found = by_order.sum()
    if "posted_day" in table.column_names:
        found = found.join(_days_of_lines(table, event, wide[_KEY]))
    for name in ("refunded", "fee_withheld", "tax_withheld"):
        found[name] = -found[name]
    return found


def _days_of_lines(table: pa.Table, event: np.ndarray, key: pd.DataFrame) -> pd.DataFrame:
    """When the last line was posted, and the last of a sale; the least marketplace."""
    day = np.concatenate([chunk.to_numpy() for chunk in table["posted_day"].chunks])
    is_sale = np.array([label == "SALE" for label in _labels(table["event_class"])], bool)[event]
    places = np.argsort(np.argsort(np.array(_labels(table["marketplace"]), object)))
    facts = key.assign(
        last_posted_day=day,
        last_sale_day=np.where(is_sale, day, _NEVER),
        marketplace_code=places[_codes(table["marketplace"])],
    )
    latest = {"last_posted_day": "max", "last_sale_day": "max", "marketplace_code": "min"}
    return facts.groupby(_KEY, sort=False).agg(latest)


def _coded(frame: pd.DataFrame, places: np.ndarray, currencies: pd.Index) -> pd.DataFrame:
    return frame.assign(
        order=places,
        currency=currencies.get_indexer(_text_array(frame["currency"])).astype("int32"),
        cents=cents_of(pa.chunked_array(pa.array(frame["total"]))),
        day=frame["date"].astype("int32[pyarrow]").to_numpy(dtype="int32"),
    )


def _of_documents(coded: pd.DataFrame, total: str, count: str) -> pd.DataFrame:
    grouped = coded[[*_KEY, "cents", "day"]].groupby(_KEY, sort=False)
    return grouped.agg(**{total: ("cents", "sum"), count: ("cents", "size"), f"first_{count}_day": ("day", "min")})


def _with_orders(
    rows: pd.DataFrame, orders: pd.DataFrame, places: np.ndarray, currencies: pd.Index, as_of_day: int, *, whole: bool
) -> pd.DataFrame:
    """Put the orders beside the rows; what was shipped and is in neither lines nor documents gets a row of its own."""
    facts = pd.DataFrame(
        {
            "order": places,
            "sales_order_id": orders["sales_order_id"],
            "sales_order_number": orders["sales_order_number"],
            "order_status": orders["status"],
            "order_marketplace": orders["marketplace"],
            "order_date": orders["order_date"],
            "ship_date": orders["ship_date"],
            "ship_day": _days(orders["ship_date"]),
            "order_day": _days(orders["order_date"]),
            **({"order_total": orders["total"]} if whole else {}),
        }
    )
    shipped = orders["status"].isin(list(SHIPPED)).to_numpy(dtype=bool) & (facts["ship_day"] <= as_of_day).to_numpy()
    unknown = facts.loc[shipped & ~facts["order"].isin(rows["order"]).to_numpy(), ["order"]]
    codes = currencies.get_indexer(_text_array(orders["currency"].loc[unknown.index]))
    alone = unknown.assign(currency=codes.astype("int32"))
    return pd.concat([rows, alone], ignore_index=True).merge(facts, on="order", how="left")


def _days(column: pd.Series) -> np.ndarray:
    days: np.ndarray = column.astype("int32[pyarrow]").to_numpy(dtype="float64", na_value=np.nan)
    return days


def _legs(rows: pd.DataFrame) -> pd.DataFrame:
    sale, refund = rows["billed_gross"] - rows["received_gross"], rows["credited"] - rows["refunded"]
    told = rows["received_gross"] - rows["refunded"] - rows["fee_withheld"] + rows["reimbursed"]
    return rows.assign(
        received=rows["received_gross"] - rows["refunded"],
        adjustments=rows["net_cash"] - told,
        sale_leg=sale,
        refund_leg=refund,
        due=sale - refund.clip(lower=0),
        overpaid=(-sale).clip(lower=0),
        uncredited_refund=(-refund).clip(lower=0),
        refund_in_transit=refund.clip(lower=0),
    )


def _status(rows: pd.DataFrame) -> np.ndarray:
    """The ladder of domain reference 2.2, without currency conflicts and deferred money: these data have none."""
    sale, refund = rows["sale_leg"].to_numpy(), rows["refund_leg"].to_numpy()
    received, refunded = rows["received_gross"].to_numpy(), rows["refunded"].to_numpy()
    return np.select(
        [rows["bills"].to_numpy() == 0, sale < 0, refund < 0, refund > 0, (sale > 0) & (received > 0), sale > 0,
         (refunded > 0) & (received == refunded)],
        ["NOT_BILLED", "OVERPAID", "REFUND_UNCREDITED", "REFUND_IN_TRANSIT", "PARTIALLY_SETTLED", "AWAITING_SETTLEMENT",
         "REFUNDED_FULL"], "SETTLED",
    )  # fmt: skip


def _aged(rows: pd.DataFrame, ends: np.ndarray, as_of_day: int) -> pd.DataFrame:
    """Days since the end of the settlement that was expected: 12 days after shipping (or the order), in cycles of 14 days."""
    base = rows["ship_day"].fillna(rows["order_day"]).fillna(rows["first_bills_day"]).to_numpy() + 12
    last = ends[-1]
    place = np.searchsorted(ends, base)
    beyond = last - ((last - base) // 14) * 14
    expected = np.where(place < len(ends), ends[np.minimum(place, len(ends) - 1)], beyond)
    return rows.assign(expected_day=expected, age_days=as_of_day - expected)
