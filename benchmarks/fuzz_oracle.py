"""What a mutated file says, read a second time: by plain Python, cell by cell, apart from nsbill's readers.

``Reading.problems`` are reasons for which nobody could trust the file: a reader that accepts it nevertheless is wrong.
``Reading.money`` is each amount with its line. Where the text can be understood in two ways there is no opinion
(``unsure``): then a reader may do as it likes, as long as it refuses or what it read meets the stated total.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from benchmarks.fuzz_amounts import amount_of, date_shape, instant_of

__all__ = ["Money", "Problem", "Reading", "parse_v1", "parse_v2", "physical_lines", "text_of", "unpacked"]


@dataclass(frozen=True)
class Layout:
    """A tab-separated format: what its columns mean. Columns that are not named here carry no money."""

    title: str
    key: frozenset[str]
    """Names that make a line the header."""
    amounts: tuple[str, ...]
    named_by: dict[str, str]
    """Column of an amount's name to the column of the amount: a name without its amount is money that got lost."""
    posted: str
    texts: tuple[str, ...]
    """Compared with what the reader gives, where the text's encoding is certain."""
    filled: tuple[str, ...]
    """A row with one of these filled is no summary row, and must hold money..."""
    units: bool = False
    """...or, where this is set, a quantity."""


LAYOUT_V2 = Layout(
    "flat V2",
    frozenset({"settlement-id", "total-amount", "transaction-type", "amount-type", "amount"}),
    amounts=("amount",),
    named_by={},
    posted="posted-date-time",
    texts=("transaction-type", "amount-type", "amount-description", "order-id"),
    filled=(
        "transaction-type", "amount-type", "amount-description", "order-id", "sku", "quantity-purchased",
        "posted-date-time",
    ),
)  # fmt: skip
LAYOUT_V1 = Layout(
    "flat V1",
    frozenset({"settlement-id", "total-amount", "price-type", "item-related-fee-type"}),
    amounts=(
        "shipment-fee-amount", "order-fee-amount", "price-amount", "item-related-fee-amount", "misc-fee-amount",
        "other-fee-amount", "promotion-amount", "direct-payment-amount", "other-amount",
    ),
    named_by={
        "shipment-fee-type": "shipment-fee-amount", "order-fee-type": "order-fee-amount", "price-type": "price-amount",
        "item-related-fee-type": "item-related-fee-amount", "other-fee-reason-description": "other-fee-amount",
        "promotion-type": "promotion-amount", "direct-payment-type": "direct-payment-amount",
    },
    posted="posted-date",
    texts=("transaction-type", "order-id"),
    filled=("transaction-type", "order-id", "sku", "quantity-purchased", "posted-date", "price-type"),
    units=True,
)  # fmt: skip

_PERIOD = ("settlement-start-date", "settlement-end-date", "deposit-date")


@dataclass(frozen=True)
class Problem:
    """Why a file cannot be trusted; ``line`` when a single line is to blame."""

    line: int | None
    what: str


@dataclass(frozen=True)
class Money:
    """One amount of a file. ``texts``: labels and order id; ``posted``: its instant. Both only where they are certain."""

    line: int
    settlement: str
    amount: Decimal
    currency: str = ""
    texts: tuple[str, ...] = ()
    posted: datetime | None = None


@dataclass
class Reading:
    """A file as a careful person reads it."""

    money: list[Money] = field(default_factory=list)
    stated: dict[str, Decimal] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unsure: str = ""
    certain_texts: bool = True
    certain_currency: bool = True
    certain_posted: bool = True
    """Where not, only instants that stand here are compared."""

    def blame(self, line: int | None, what: str) -> None:
        """Note a reason for which the file must be refused."""
        self.problems.append(Problem(line, what))


def parse_v2(data: bytes) -> Reading:
    """Read a flat V2 file."""
    return _parsed(data, LAYOUT_V2)


def parse_v1(data: bytes) -> Reading:
    """Read a flat V1 file."""
    return _parsed(data, LAYOUT_V1)


def _parsed(data: bytes, layout: Layout) -> Reading:
    reading = Reading()
    text = text_of(data, reading)
    if text is None:
        return reading
    lines = physical_lines(text, reading)
    found = next(((n, names(line)) for n, line in enumerate(lines[:50]) if set(names(line)) >= layout.key), None)
    if found is None:
        reading.blame(None, f"no header of a {layout.title} file")
        return reading
    number, columns = found
    rows = [
        n
        for n, line in enumerate(lines[:number], start=1)
        if line.count("\t") >= len(columns) // 2 and sum(bool(trimmed(cell)) for cell in line.split("\t")) > 3
    ]  # the shortest row has six filled cells, a preamble one or two
    above = next(iter(rows), None)
    if above is not None:
        reading.blame(above, "a row above the header")
    twin = next((name for name in columns if name and columns.count(name) > 1), None)
    if twin:
        reading.blame(number + 1, f"the column {twin} twice")
        return reading
    _Rows(reading, columns, layout).read(lines, number + 1)
    return reading


def unpacked(data: bytes, reading: Reading) -> bytes | None:
    """Take the text out of an archive."""
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.decompress(data)
        if data.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                (name,) = archive.namelist()
                return archive.read(name)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError) as error:
        reading.blame(None, f"a broken archive ({error})")
        return None
    return data


def text_of(data: bytes, reading: Reading) -> str | None:
    """Decode; bytes that are no UTF-8 become characters one by one, which keeps tabs, line ends and digits."""
    content = unpacked(data, reading)
    if content is None:
        return None
    if b"\0" in content or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        reading.blame(None, "binary data")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        reading.certain_texts = False
        if not any(_decodes(content, encoding) for encoding in ("cp1252", "cp932")):
            reading.blame(None, "bytes that are text in no encoding")
        return content.decode("latin-1").removeprefix("ï»¿")


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def physical_lines(text: str, reading: Reading) -> list[str]:
    """Split at line ends and at nothing else; a lone carriage return in a file of other line ends is damage."""
    if "\n" not in text:
        lines = text.split("\r")
    else:
        lines = [line.removesuffix("\r") for line in text.split("\n")]
        broken = next((n for n, line in enumerate(lines, start=1) if "\r" in line), None)
        if broken is not None:
            reading.blame(broken, "a carriage return inside a line")
    return lines[:-1] if lines and not lines[-1] else lines


def names(line: str) -> list[str]:
    """The column names of a header line as they are compared."""
    return [cell.strip().strip('"').lower() for cell in line.lstrip("\ufeff").split("\t")]


def trimmed(cell: str) -> str:
    """A cell without spaces around it; Python's own ``strip`` takes away separators that mean something else."""
    return cell.strip(" \t\r\n\u00a0")


class _Rows:
    """Walks the rows below the header."""

    def __init__(self, reading: Reading, columns: Sequence[str], layout: Layout) -> None:
        self.reading, self.columns, self.layout = reading, list(columns), layout
        self.at = {name: position for position, name in enumerate(columns)}
        self.marks: dict[str, list[int]] = {}
        self.shapes: dict[str, list[int]] = {}
        self.currencies: dict[str, dict[str, int]] = {}
        self.summaries: set[str] = set()
        self.mark = ""

    def read(self, lines: Sequence[str], header: int) -> None:
        """Read every row; ``header`` is the number of the header line."""
        rows = 0
        self.mark = self._mark(lines[header:])
        for number, line in enumerate(lines[header:], start=header + 1):
            if not trimmed(line) or self._is_header(line):
                continue
            rows += 1
            if line.count("\t") == len(self.columns) - 1:
                self._row(number, line.split("\t"))
            else:
                self.reading.blame(number, f"{line.count(chr(9)) + 1} cells")
        if not rows:
            self.reading.blame(None, "no row")
        self._whole()

    def _mark(self, lines: Sequence[str]) -> str:
        """The decimal mark of the file, where the amounts that can be read alone agree on one; empty where not."""
        at = [self.at[name] for name in (*self.layout.amounts, "total-amount") if name in self.at]
        rows = [line.split("\t") for line in lines if line.count("\t") == len(self.columns) - 1]
        marks = {found[1] for cells in rows for i in at if (found := amount_of(trimmed(cells[i])))} - {""}
        return marks.pop() if len(marks) == 1 else ""

    def _is_header(self, line: str) -> bool:
        """Whether the header stands here once more: the same names at the same places, of the columns that matter."""
        if self.columns[self.at["settlement-id"]] not in line.lower():
            return False
        again = names(line)
        matter = ("settlement-id", "total-amount", "currency", *self.layout.amounts, *self.layout.texts)
        return len(again) == len(self.columns) and all(
            again[self.at[name]] == name for name in matter if name in self.at
        )

    def _cell(self, cells: Sequence[str], name: str) -> str:
        return trimmed(cells[self.at[name]]) if name in self.at else ""

    def _row(self, line: int, cells: Sequence[str]) -> None:
        settlement, total = self._cell(cells, "settlement-id"), self._cell(cells, "total-amount")
        amounts = [amount for name in self.layout.amounts if (amount := self._cell(cells, name))]
        filled = [name for name in self.layout.filled if self._cell(cells, name)]
        if not (settlement or total or amounts or filled or any(self._cell(cells, name) for name in _PERIOD)):
            return
        quantity = self._cell(cells, "quantity-purchased")
        if amounts and total:
            self.reading.blame(line, "both an amount and a total")
        elif not amounts and filled and not total and not (self.layout.units and quantity):
            self.reading.blame(line, f"a row with {filled[0]} and without an amount")
        for name, of in self.layout.named_by.items():
            if self._cell(cells, name) and not self._cell(cells, of):
                self.reading.blame(line, f"{name} without {of}")
        if not re.fullmatch(r"\d+", settlement, re.ASCII):
            self.reading.blame(line, f"the settlement id {settlement!r}")
        posted = self._dates(line, cells, summary=not amounts)
        currency = self._currency(line, settlement, cells)
        texts = tuple(self._cell(cells, name) for name in self.layout.texts)
        for amount in amounts:
            value = self._amount(line, amount)
            if value is not None:
                self.reading.money.append(Money(line, settlement, value, currency, texts, posted))
        if not amounts and not filled:
            self._summary(line, settlement, total)
        elif total:
            self.reading.unsure = "a total in a row with labels"
        if quantity and not re.fullmatch(r"-?\d+", quantity, re.ASCII):
            self.reading.blame(line, f"the quantity {quantity!r}")

    def _summary(self, line: int, settlement: str, total: str) -> None:
        if settlement in self.summaries:
            self.reading.blame(line, "a second summary row")
        self.summaries.add(settlement)
        value = self._amount(line, total) if total else None
        if value is not None:
            self.reading.stated[settlement] = value

    def _amount(self, line: int, cell: str) -> Decimal | None:
        found = amount_of(cell) or (amount_of(cell, mark=self.mark) if self.mark else None)
        if found is None:
            self.reading.blame(line, f"the amount {cell[:40]!r}")
            return None
        if found[1]:
            self.marks.setdefault(found[1], []).append(line)
        return found[0]

    def _dates(self, line: int, cells: Sequence[str], *, summary: bool) -> datetime | None:
        for name in (self.layout.posted, *(_PERIOD if summary else ())):
            cell = self._cell(cells, name)
            shape = date_shape(cell)
            if shape:
                self.shapes.setdefault(shape, []).append(line)
            if cell and instant_of(cell) is None:
                self.reading.blame(line, f"the date {cell[:40]!r}")
        return instant_of(self._cell(cells, self.layout.posted))

    def _currency(self, line: int, settlement: str, cells: Sequence[str]) -> str:
        currency = self._cell(cells, "currency").upper()
        if currency:
            if not re.fullmatch(r"[A-Z]{3}", currency):
                self.reading.blame(line, f"the currency {currency[:40]!r}")
            self.currencies.setdefault(settlement, {}).setdefault(currency, line)
        return currency

    def _whole(self) -> None:
        """What only all rows together can tell."""
        reading = self.reading
        if len(self.marks) > 1:
            reading.blame(None, "decimal points and decimal commas")
        if len(self.shapes) > 1:
            reading.blame(None, "two ways of writing dates")
        for settlement in {money.settlement for money in reading.money}:
            found = self.currencies.get(settlement, {})
            if len(found) != 1:
                reading.blame(None, f"{len(found)} currencies in settlement {settlement}")
        known = {name: next(iter(found)) for name, found in self.currencies.items()}
        reading.money = [
            Money(m.line, m.settlement, m.amount, known.get(m.settlement, ""), m.texts, m.posted) for m in reading.money
        ]
