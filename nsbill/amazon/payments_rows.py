"""The rows of a payments report with their types, each checked: its amounts add up to its total, or the file is refused.

That sum is what shows a wrong decimal mark, a shifted cell or a column of money that nsbill does not know. A column
without a known name counts as money when rows need it to add up to their totals, and its amounts are UNCLASSIFIED;
otherwise its cells are kept as ``extra``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from nsbill.amazon.payments_dates import Dates
from nsbill.amazon.payments_numbers import Numbers
from nsbill.amazon.payments_sheet import SPREADSHEET, PaymentsSheet, tidy
from nsbill.amazon.routes import route_sql
from nsbill.errors import SourceFileError

__all__ = ["PaymentsRows"]

_BATCH = 65_536
_AMOUNT, _TOTAL, _SUM, _POSTED, _RELEASED, _QUANTITY, _SETTLEMENT = range(1, 8)

_KEPT = ("account type", "tax collection model")
"""Known parts without a column of their own in ACTIVITY; kept in ``extra``."""

_QUERY = r"""
WITH plain AS (
    SELECT rowid AS n, *, {plains}, {quantity} AS plain_quantity, {order} AS order_text, {settlement} AS settlement_id,
        {posted_cut} AS posted_cut, {released_cut} AS released_cut
    FROM cells WHERE coalesce({cells}) IS NOT NULL
), typed AS (
    SELECT *, {amounts}, {quantity_amount} AS quantity_amount, {posted} AS posted_at, {released} AS released_at FROM plain
)
SELECT n, coalesce({type}, '') AS type, settlement_id, CASE WHEN order_text IS NOT NULL THEN {raw_order} END AS order_reference,
    {route} AS order_route, CASE WHEN order_route = 'amazon_order' THEN order_text END AS amazon_order_id, {sku} AS sku,
    {description} AS description, try_cast(quantity_amount AS BIGINT) AS quantity, {marketplace} AS marketplace,
    {fulfilment} AS fulfilment, {status} AS status, posted_at, released_at, {extra} AS extra, {names},
    CASE
        WHEN {bad_amount} THEN {fault_amount}
        WHEN total IS NULL THEN {fault_total}
        WHEN {sum} <> total THEN {fault_sum}
        WHEN coalesce(posted_at NOT BETWEEN '2000-01-01' AND '2099-12-31', true) THEN {fault_posted}
        WHEN {has_released} AND coalesce(released_at NOT BETWEEN '2000-01-01' AND '2099-12-31', true) THEN {fault_released}
        WHEN plain_quantity IS NOT NULL AND coalesce(quantity_amount <> trunc(quantity_amount), true) THEN {fault_quantity}
        WHEN NOT regexp_full_match(settlement_id, '\d{{3,20}}') THEN {fault_settlement}
        ELSE 0
    END::TINYINT AS fault
FROM typed
"""
"""Rows in file order with their fault (0: none). Rows without any text are no rows."""


@dataclass
class PaymentsRows:
    """The typed rows of a sheet.

    ``money`` are its columns of amounts in file order; ``found`` are those of them that have no known name.
    """

    sheet: PaymentsSheet
    numbers: Numbers
    dates: Dates | None
    money: list[int] = field(init=False)
    found: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._total = self.sheet.header.parts.index("total")
        self.found = self._needed_unknown()
        self.money = sorted([*self.sheet.header.amounts, *self.found])

    def batches(self) -> Iterator[pa.Table]:
        """Yield the rows in file order: the row's number ``n``, its texts and instants, and its amounts as ``a0``, ``a1``, ….

        Raises
        ------
        SourceFileError
            At the first row that cannot be trusted.
        """
        with closing(self.sheet.connection.sql(self._query()).to_arrow_reader(_BATCH)) as reader:
            for batch in reader:
                rows = pa.Table.from_batches([batch])
                at = pc.index(pc.greater(rows["fault"], 0), value=True).as_py()
                if at >= 0:
                    reader.close()  # the error asks for more of the row
                    raise self._fault(rows["fault"][at].as_py(), rows["n"][at].as_py())
                yield rows

    def _amount(self, column: int) -> str:
        return self.numbers.amount(self.numbers.plain(f"c{column}"))

    def _needed_unknown(self) -> list[int]:
        """The unknown columns that hold an amount in some row whose known amounts do not add up to its total."""
        header = self.sheet.header
        if not header.unknown:
            return []
        known = " + ".join(f"coalesce({self._amount(i)}, 0)" for i in header.amounts)
        counts = ", ".join(f"count(*) FILTER (WHERE {self._amount(i)} <> 0)" for i in header.unknown)
        [seen] = self.sheet.rows(f"SELECT {counts} FROM cells WHERE {known} <> {self._amount(self._total)}")  # noqa: S608
        return [column for column, rows in zip(header.unknown, seen, strict=True) if rows]

    def _query(self) -> str:
        sheet, numbers = self.sheet, self.numbers
        columns = [*self.money, self._total]
        quantity = sheet.header.column("quantity")
        faults = {
            "amount": _AMOUNT, "total": _TOTAL, "sum": _SUM, "posted": _POSTED, "released": _RELEASED,
            "quantity": _QUANTITY, "settlement": _SETTLEMENT,
        }  # fmt: skip
        return _QUERY.format(
            plains=", ".join(f"{numbers.plain(f'c{i}')} AS p{i}" for i in columns),
            amounts=", ".join(f"{numbers.amount(f'p{i}')} AS {self._name(i)}" for i in columns),
            names=", ".join(map(self._name, self.money)),
            bad_amount=" OR ".join(f"(p{i} IS NOT NULL AND {self._name(i)} IS NULL)" for i in columns),
            sum=" + ".join(f"coalesce({self._name(i)}, 0)" for i in self.money),
            quantity="NULL::VARCHAR" if quantity is None else numbers.plain(f"c{quantity}"),
            quantity_amount=numbers.amount("plain_quantity"),
            order=sheet.text("order id"),
            raw_order=sheet.raw("order id"),
            route=route_sql("order_text"),
            settlement=sheet.text("settlement id"),
            cells=", ".join(tidy(f"c{i}") for i in range(len(sheet.header.names))),
            type=sheet.raw("type"),
            has_released=f"{sheet.text('transaction release date')} IS NOT NULL",
            extra=self._extra(),
            **{name: sheet.text(name) for name in ("sku", "description", "marketplace")},
            fulfilment=sheet.text("fulfillment"),
            status=sheet.text("transaction status"),
            **self._instants(),
            **{f"fault_{name}": number for name, number in faults.items()},
        )

    def _name(self, column: int) -> str:
        return "total" if column == self._total else f"a{column}"

    def _instants(self) -> dict[str, str]:
        found = {}
        for name, part in (("posted", "date/time"), ("released", "transaction release date")):
            at = self.sheet.header.column(part)
            known = self.dates is not None and at is not None
            found[f"{name}_cut"] = self.dates.cut(self.dates.plain(f"c{at}")) if self.dates and known else "NULL"
            found[name] = self.dates.instant(f"{name}_cut") if self.dates and known else "NULL::TIMESTAMP"
        return found

    def _extra(self) -> str:
        """The cells of unknown columns, and of known ones without a place elsewhere, as a JSON object by column name."""
        header = self.sheet.header
        known = [at for part in _KEPT if (at := header.column(part)) is not None]
        columns = sorted([*known, *(i for i in header.unknown if i not in self.found)])
        if not columns:
            return "NULL::VARCHAR"
        names = {i: header.names[i] for i in columns}
        names = {
            i: name if name and list(names.values()).count(name) == 1 else f"{name} (column {i + 1})".strip()
            for i, name in names.items()
        }
        cells = {i: f"nullif(trim(c{i}), '')" for i in columns}
        pairs = ", ".join(f"'{name.replace(chr(39), chr(39) * 2)}', {cells[i]}" for i, name in names.items())
        some = f"coalesce({', '.join(cells.values())}) IS NOT NULL"
        return f"CASE WHEN {some} THEN CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR) END"

    def _fault(self, number: int, row: int) -> SourceFileError:
        """Build the error about the row that was marked with fault ``number``."""
        header, sheet = self.sheet.header, self.sheet
        if number == _AMOUNT:
            column = next(i for i in [*self.money, self._total] if self._is_bad(row, i))
            return sheet.error(
                row,
                column,
                found=repr(sheet.cell(row, column).strip()),
                expected=f"an amount such as {self.numbers.example} in {self.numbers.currency}, with at most two decimals, "
                "as the other amounts of the file are written",
                remedy=SPREADSHEET,
            )
        if number in (_TOTAL, _SUM):
            return self._sum_error(row)
        part, expected, remedy = {
            _POSTED: ("date/time", "a date and time that exists, between 2000 and 2099", SPREADSHEET),
            _RELEASED: ("transaction release date", "a date and time that exists, between 2000 and 2099", SPREADSHEET),
            _QUANTITY: ("quantity", "a whole number", SPREADSHEET),
            _SETTLEMENT: ("settlement id", "digits", SPREADSHEET),
        }[number]
        column = header.parts.index(part)
        found = repr(sheet.cell(row, column).strip()) if sheet.cell(row, column).strip() else "nothing"
        return sheet.error(row, column, found=found, expected=expected, remedy=remedy)

    def _is_bad(self, row: int, column: int) -> bool:
        plain = self.numbers.plain(f"c{column}")
        query = f"SELECT {plain} IS NOT NULL AND {self._amount(column)} IS NULL FROM cells WHERE rowid = {row}"  # noqa: S608
        return bool(self.sheet.rows(query)[0][0])

    def _sum_error(self, row: int) -> SourceFileError:
        amounts = ", ".join(f"coalesce({self._amount(i)}, 0)" for i in self.money)
        query = f"SELECT {amounts}, {self._amount(self._total)} FROM cells WHERE rowid = {row}"  # noqa: S608
        [[*parts, total]] = self.sheet.rows(query)
        shown = ", ".join(
            f"{self.sheet.header.names[i]} {part}" for i, part in zip(self.money, parts, strict=True) if part
        )
        return self.sheet.error(
            row,
            self._total,
            found=f"{'no total' if total is None else total} for amounts that add up to {sum(parts)} ({shown or 'none'})",
            expected="the sum of the row's amounts",
            remedy=f"A cell was shifted or changed, or a column of money is not known. {SPREADSHEET}",
        )
