"""The HTML report: one file that needs no network, with figures, charts and tables per currency.

Everything from outside is escaped, and the page's own policy forbids any script but the two it came with and any
request, so a text that slips through could still do nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import nsbill
from nsbill.money import format_money
from nsbill.schemas import TOTALS
from nsbill.show.files import writing_aside
from nsbill.show.frames import NamedFrame, facts_of, frames_of
from nsbill.show.names import visible
from nsbill.show.table import Table, money_table
from nsbill.show.tables import exceptions_summary, exceptions_table, settlements_table, statement_table, totals_table

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from nsbill.reconcile import Reconciliation

__all__ = ["Section", "write_report"]

_TOP = 25
_MOST_ROWS = 50
_NOT_READ = frozenset({"seller_account", "source_digest", "place"})
"""Columns that a page leaves out; workbook and exports have them."""


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it: plain sentences (escaped), tables, and plotly figures."""

    heading: str
    parts: Sequence[str | Table | go.Figure]


def write_report(
    path: Path | str,
    reconciliation: Reconciliation,
    *,
    title: str,
    facts: Sequence[str] = (),
    first_sections: Iterable[Section] = (),
    extra_sections: Iterable[Section] = (),
) -> Path:
    """Write the report and return its path; ``facts`` are short texts for its head, such as the account.

    The page shows the charts, the largest orders and what does not hold; what it leaves out is counted and summed.

    Raises
    ------
    WorkspaceError
        When the file cannot be written.
    """
    from plotly.offline import get_plotlyjs  # imported here so that reading commands start fast

    path = Path(path)
    ahead = [*first_sections]
    sections = [*ahead, *_currency_sections(reconciliation), *_common_sections(reconciliation), *extra_sections]
    scripts = [get_plotlyjs().replace("</script", "<\\/script"), _asset("report.js")]
    head_facts = [
        *(f"{name.lower()} {value}" for name, value in facts_of(reconciliation).items()),
        *facts,
    ]
    body = _body(sections, reconciliation, ahead=len(ahead))
    page = _page(title, facts=head_facts, body=body, scripts=scripts, sections=sections)
    with writing_aside(path) as aside:
        aside.write_text(page, encoding="utf-8")
    return path


def _currency_sections(reconciliation: Reconciliation) -> list[Section]:
    from nsbill.show.charts import currency_figures

    statement = reconciliation.statement
    sections = []
    for row in _totals(reconciliation):
        currency = row["currency"]
        if not row["orders"]:
            sections.append(
                Section(currency, [f"There are no Amazon orders in {currency}, only exceptions; see below."])
            )
            continue
        left_out = row["orders"] - _TOP
        parts: list[str | Table | go.Figure] = [
            f"This page names {_TOP} of {row['orders']:,} orders, those with the largest due; the figures and the charts "
            f"by reason, age, status and month cover all of them. The workbook and the exports list every order."
            if left_out > 0
            else f"This page names all orders in {currency}.",
            *currency_figures(statement, currency=currency, top=_TOP),
            statement_table(
                statement, currency=currency, limit=_TOP, caption=f"Orders with the largest due, {currency}, and why"
            ),
        ]
        sections.append(Section(currency, parts))
    return sections


def _common_sections(reconciliation: Reconciliation) -> list[Section]:
    shown = {"statement", "totals", "exceptions", "settlements"}
    return [
        Section("Totals", [totals_table(reconciliation.totals)]),
        Section(
            "Exceptions",
            [
                exceptions_summary(reconciliation.exceptions),
                exceptions_table(reconciliation.exceptions, limit=_MOST_ROWS),
            ],
        ),
        Section("Settlements", [settlements_table(reconciliation.settlements, limit=_MOST_ROWS)]),
        *(_other(named) for named in frames_of(reconciliation) if named.name not in shown),
    ]


def _other(named: NamedFrame) -> Section:
    """Any other frame; first what does not hold, or leaves the most."""
    columns = [name for name in named.schema.names if name not in _NOT_READ]
    table = pa.Table.from_pandas(named.frame[named.schema.names], preserve_index=False)
    if "holds" in table.column_names:
        told = pc.if_else(table["holds"], 2, 0).fill_null(1)
        table = table.take(pc.sort_indices(told))
    elif "residual" in table.column_names:
        table = table.take(pc.sort_indices(pc.abs(table["residual"]), sort_keys=[("", "descending")]))
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return Section(named.title, [money_table(frame, columns, caption=named.title, limit=_MOST_ROWS)])


def _totals(reconciliation: Reconciliation) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.Table.from_pandas(
        reconciliation.totals[TOTALS.names], preserve_index=False
    ).to_pylist()
    return rows


def _body(sections: Sequence[Section], reconciliation: Reconciliation, *, ahead: int) -> str:
    headlines = {row["currency"]: _headline(row) for row in _totals(reconciliation)}
    blocks = []
    for index, section in enumerate(sections):
        of_currency = ahead <= index < ahead + len(headlines)
        headline = headlines[section.heading] if of_currency else ""
        blocks.append(
            f'<section id="s{index}"><h2>{_text(section.heading)}</h2>{headline}{_parts(section.parts)}</section>'
        )
    if not headlines:
        blocks.insert(0, "<p>There are no Amazon orders and no exceptions up to this day.</p>")
    return "\n".join(blocks)


def _headline(row: dict[str, Any]) -> str:
    """The figures that people look for first, exact, in one currency."""
    currency = row["currency"]
    figures = [
        ("", "orders", "Amazon orders"),
        ("", "billed_gross", "billed"),
        ("received", "received", "received, net of refunds"),
        ("due", "due", "due"),
        ("exception", "overpaid", "overpaid"),
        ("", "fee_withheld", "fees withheld"),
        ("received", "net_cash", "net cash"),
        ("exception", "exceptions", "exceptions"),
    ]
    cells = "".join(
        f'<div class="figure {kind}"><b>{_figure(row[name], currency)}</b><span>{_text(label)}</span></div>'
        for kind, name, label in figures
    )
    return f'<div class="figures">{cells}</div>'


def _figure(value: Decimal | int, currency: str) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{format_money(value, currency).removesuffix(currency)}<small>{_text(currency)}</small>"


def _parts(parts: Sequence[str | Table | go.Figure]) -> str:
    """Charts that follow each other share a grid, the first of them over its whole width."""
    out: list[str] = []
    charts: list[str] = []
    for part in parts:
        if isinstance(part, str | Table):
            out += [
                _grid(charts),
                f"<p>{_text(part)}</p>" if isinstance(part, str) else f'<div class="sheet">{part.html()}</div>',
            ]
            charts = []
        else:
            charts.append(_chart(part, wide=not charts))
    return "\n".join(filter(None, [*out, _grid(charts)]))


def _grid(charts: Sequence[str]) -> str:
    return f'<div class="charts">{"".join(charts)}</div>' if charts else ""


def _chart(figure: go.Figure, *, wide: bool) -> str:
    data = str(figure.to_json()).replace("<", "\\u003c").replace("&", "\\u0026")
    label = visible(str(figure.layout.title.text or "chart")).replace("<b>", "").replace("</b>", "")
    return (
        f'<div class="chart{" wide" if wide else ""}"><div class="plot" role="img" aria-label="{escape(label)}"></div>'
        f'<script type="application/json">{data}</script></div>'
    )


def _page(title: str, *, facts: Sequence[str], body: str, scripts: Sequence[str], sections: Sequence[Section]) -> str:
    links = "".join(f'<a href="#s{index}">{_text(section.heading)}</a>' for index, section in enumerate(sections))
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    policy = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}</title>
<style>{_asset("report.css")}</style>
</head>
<body>
<header><h1>{_text(title)}</h1><p class="facts">{_text(" · ".join(facts))}</p><nav>{links}</nav></header>
<main>
{body}
</main>
<footer>Made by nsbill {nsbill.__version__}. Amounts are exact and per currency; currencies are never added.</footer>
{"".join(f"<script>{script}</script>" for script in scripts)}
</body>
</html>
"""


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (files("nsbill.show") / name).read_text(encoding="utf-8")


def _text(text: str) -> str:
    return escape(visible(text))
