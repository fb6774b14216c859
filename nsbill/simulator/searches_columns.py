"""Columns of saved searches: their description, and their SQL in the notation of the RESTlet (netsuite 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nsbill.simulator.errors import Refusal
from nsbill.simulator.searches_fields import Field, Frame
from nsbill.simulator.searches_formula import FORMULA_TYPES, compile_formula

__all__ = ["Column", "Output", "compile_column", "described", "ordering", "output_of"]

_NAMES = {
    "integer": "internalid internalidnumber line linesequencenumber lineuniquekey",
    "date": "actualshipdate canceldate closedate duedate enddate expectedclosedate expectedshipdate nextbill "
    "saleseffectivedate shipdate startdate trandate",
    "datetime": "datecreated lastmodifieddate linelastmodifieddate",
    "checkbox": "closed cogs custcol_closed isinactive mainline posting shipcomplete shipping taxline tobeprinted voided",
    "currency": "amount amountpaid amountremaining costestimate creditamount debitamount discountamount discounttotal "
    "estgrossprofit fxamount fxamountpaid fxamountremaining grossamount netamount netamountnotax rate fxrate "
    "shippingamount shippingcost subtotal taxamount taxtotal total",
    "float": "exchangerate quantity quantitybackordered quantitybilled quantitycommitted quantityfulfilled "
    "quantitypacked quantitypicked quantityshiprecv quantityuom",
    "select": "account approvalstatus billingschedule class createdby createdfrom currency custbody_celigo_etail_channel "
    "customform department entity item location name partner paymentmethod paymentoption postingperiod saleschannel "
    "salesrep shipmethod source status statusref subsidiary terms type",
}
_TYPES = {name: kind for kind, names in _NAMES.items() for name in names.split()} | FORMULA_TYPES
"""N/search does not say what type a column has; the RESTlet knows these by name, all others are text to it."""


@dataclass(frozen=True)
class Column:
    """A column as N/search shows it; ``summary`` and ``sort`` in upper case, NONE is none."""

    name: str
    label: str | None
    join: str | None
    summary: str | None
    formula: str | None
    function: str | None
    sort: str | None

    @staticmethod
    def of(stored: Mapping[str, Any]) -> Column:
        """Read a column as the books keep it."""
        summary, sort = (str(stored.get(name) or "NONE").upper() for name in ("summary", "sort"))
        texts = [str(stored[name]) if stored.get(name) else None for name in ("label", "join", "formula", "function")]
        label, join, formula, function = texts
        shown = None if summary == "NONE" else summary
        return Column(stored["name"], label, join, shown, formula, function, None if sort == "NONE" else sort)

    @property
    def full_name(self) -> str:
        """The name with its join."""
        return f"{self.join}.{self.name}" if self.join else self.name

    @property
    def type(self) -> str:
        """The type as the RESTlet infers it."""
        if self.summary == "COUNT":
            return "integer"
        kind = _TYPES.get(self.name.lower(), "text")
        if self.function and kind in ("date", "datetime"):
            return "text"
        return "float" if self.summary in ("SUM", "AVG") and kind != "currency" else kind


def described(index: int, column: Column) -> dict[str, object]:
    """Describe a column as the RESTlet does."""
    return {
        "index": index,
        "name": column.name,
        "label": column.label,
        "join": column.join,
        "summary": column.summary,
        "formula": column.formula,
        "function": column.function,
        "sort": column.sort,
        "type": column.type,
    }


@dataclass(frozen=True)
class Output:
    """What a column selects: SQL of its value and its text as they are shown, and SQL to sort by."""

    value: str
    text: str
    key: str


def compile_column(column: Column, frame: Frame) -> Output:
    """Compile a column of a search without summaries, or refuse it."""
    field, aggregate = _field(column, frame)
    if aggregate:
        raise _refused(column, "sums up rows in a search without summaries")
    return output_of(field)


def output_of(field: Field) -> Output:
    """Return what a field selects; texts that are empty are null, as in Oracle."""
    return Output(_shown(field), f"NULLIF({field.text}, '')" if field.text else "NULL", field.text or field.sql)


def _shown(field: Field) -> str:
    """Return the SQL of a field's value in the RESTlet's notation."""
    if field.floating:
        return f"ns_text({field.sql}, 'real', 0)"
    if field.type == "currency":
        sign = f"CASE WHEN {field.sql} < 0 THEN '-' ELSE '' END"
        money = f"printf('%s%d.%02d', {sign}, abs({field.sql}) / 100, abs({field.sql}) % 100)"
        return f"CASE WHEN {field.sql} IS NOT NULL THEN {money} END"
    if field.type == "float":
        return f"ns_text({field.sql}, 'exact', {field.scale})" if field.scale else f"CAST({field.sql} AS TEXT)"
    if field.type == "datetime":
        return f"NULLIF(rtrim({field.sql}, 'Z'), '')"
    if field.type in ("date", "checkbox"):
        return f"NULLIF({field.sql}, '')"
    return f"NULLIF(CAST({field.sql} AS TEXT), '')"


def summed_up(column: Column, frame: Frame) -> Field:
    """Return a summary column as a field of its group; only what groups has a text."""
    field, aggregate = _field(column, frame)
    scale, wide = field.scale, "currency" if field.type == "currency" else "float"
    if aggregate and column.summary != "GROUP":
        return field
    if column.summary == "GROUP" and not aggregate:
        return field
    if column.summary == "COUNT":
        return Field(f"COUNT({field.sql})", "integer")
    if column.summary in ("MIN", "MAX"):
        return Field(f"{column.summary}({field.sql})", field.type, scale=scale, floating=field.floating)
    if column.summary == "SUM":
        return Field(f"SUM({field.sql})", wide, scale=scale, floating=field.floating)
    if column.summary == "AVG" and wide == "currency":
        return Field(f"CAST(ROUND(AVG({field.sql})) AS INTEGER)", wide, scale=scale)
    if column.summary == "AVG":
        return Field(f"AVG({field.sql}) / {10**scale}.0", wide, floating=True)
    raise _refused(column, f"has the summary {column.summary}")


def ordering(output: Output, sort: str) -> str:
    """Return an ORDER BY key; Oracle puts empty values last when ascending, first when descending."""
    return f"{output.key} {'DESC NULLS FIRST' if sort == 'DESC' else 'ASC NULLS LAST'}"


def _field(column: Column, frame: Frame) -> tuple[Field, bool]:
    if column.function:
        raise _refused(column, f"uses the function {column.function}")
    if column.formula:
        found = compile_formula(column.name.lower(), column.formula, frame)
        return found.field, found.aggregate
    field = frame.field(column.name.lower(), column.join)
    if field is None:
        text = f"An nlobjSearchColumn contains an invalid column, or is not in proper syntax: {column.full_name}."
        raise Refusal(400, "SSS_INVALID_SRCH_COL", text)
    return field, False


def _refused(column: Column, why: str) -> Refusal:
    text = f"The simulator cannot evaluate the search column '{column.full_name}': it {why}."
    return Refusal(400, "SSS_INVALID_SRCH_COL", text)
