"""Transactions of a query as they are kept: read all of them, those with a newer date of change, or some by id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa

from nsbill.netsuite.client import Client
from nsbill.netsuite.columns import AMOUNT
from nsbill.netsuite.marks import Members, mark_of, marked
from nsbill.netsuite.parallel import in_parallel
from nsbill.netsuite.suiteql import Query, as_ids, chunks, query_table

__all__ = ["QuerySource"]

_MOMENT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class QuerySource:
    """The rows of ``query``, one for each transaction ``t``, with mark and date of last change."""

    client: Client
    query: Query

    @property
    def members(self) -> Members:
        """The rows, their marks and every amount."""
        query = self.query
        amounts = {name: expression for name, (expression, kind) in query.columns.items() if kind is AMOUNT}
        added = "".join(f", {expression} AS {name}" for name, expression in amounts.items())
        where = f" WHERE {query.where}" if query.where else ""
        select = f"SELECT {query.key} AS unit, {mark_of(query.columns)} AS mark{added} FROM {query.source}{where}"
        return Members(query.what, select, "id", tuple(amounts))

    def load_all(self) -> pa.Table:
        """Read every row."""
        return query_table(self.client, marked(self.query))

    def load_since(self, moment: datetime) -> pa.Table:
        """Read the rows that NetSuite dates at or after a moment of its own clock."""
        told = f"TO_DATE('{moment.strftime(_MOMENT)}', 'YYYY-MM-DD HH24:MI:SS')"
        return query_table(self.client, self._narrowed(f"t.lastmodifieddate >= {told}"))

    def load_units(self, units: list[str]) -> pa.Table:
        """Read the rows with these ids."""

        def work(some: list[str]) -> tuple[pa.Table, Iterable[list[str]]]:
            return query_table(self.client, self._narrowed(f"{self.query.key} IN ({', '.join(some)})")), ()

        asked = [list(chunk) for chunk in chunks(as_ids(units))]
        return pa.concat_tables(in_parallel(self.client.settings.slots, work, asked))

    def _narrowed(self, condition: str) -> Query:
        both = f"({self.query.where}) AND {condition}" if self.query.where else condition
        return marked(replace(self.query, where=both))
