"""An executed notebook as one HTML file that needs no network: texts, tables and figures, without the code.

The page forbids itself every connection and every script but its own (Content-Security-Policy), so an output
that carries a script, or names another host, stays inert.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from nsbill.runs.results import write_atomically

__all__ = ["PAPERMILL_NOTE", "export_html", "render_html"]

_TEMPLATE = "nsbill_report"
PAPERMILL_NOTE = "papermill-error-cell-tag"
_FIGURE = "application/vnd.plotly.v1+json"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_SHOWN = (_FIGURE, "text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/plain")


def export_html(notebook: Path, target: Path, *, title: str = "", facts: Mapping[str, str] | None = None) -> None:
    """Write the executed ``notebook`` to ``target``; ``facts`` are shown under the title, label by label."""
    write_atomically(target, render_html(notebook, title=title, facts=facts))


def render_html(notebook: Path, *, title: str = "", facts: Mapping[str, str] | None = None) -> str:
    """Return the page as text; without a ``title`` it has the notebook's first heading."""
    import nbformat

    book = nbformat.read(notebook, as_version=4)
    # papermill puts a note above the first heading of a failed notebook; the facts of the run say it better
    book.cells = [cell for cell in book.cells if PAPERMILL_NOTE not in cell.metadata.get("tags", [])]
    drawn = any(_FIGURE in output.get("data", {}) for cell in book.cells for output in cell.get("outputs", []))
    page, _ = _exporter().from_notebook_node(
        book,
        resources={
            "title": title or _first_heading(book) or notebook.stem,
            "facts": dict(facts or {}),
            "nonce": secrets.token_urlsafe(16),
            "plotly": _plotly_script() if drawn else "",
        },
    )
    return str(page)


def _exporter() -> Any:
    """An nbconvert exporter with this package's template, which escapes whatever is not marked as safe."""
    from markupsafe import Markup
    from nbconvert.exporters import TemplateExporter
    from nbconvert.filters import strip_ansi
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    def markdown(text: str, *, own: bool) -> Markup:
        renderer = IPythonRenderer(escape=not own, exclude_anchor_links=True)
        return Markup(MarkdownWithMath(renderer=renderer).render(text))  # noqa: S704  # outputs are escaped

    class ReportExporter(TemplateExporter):
        template_extension = ".html.j2"
        output_mimetype = "text/html"

        def _create_environment(self) -> Any:
            environment: Any = super()._create_environment()  # type: ignore[no-untyped-call]
            environment.autoescape = True
            environment.filters.update(
                markdown=markdown, strip_ansi=strip_ansi, shown=_shown, svg_uri=_svg_uri, figure=_figure
            )
            return environment

    return ReportExporter(  # type: ignore[no-untyped-call]
        template_name=_TEMPLATE,
        extra_template_basedirs=[str(resources.files("nsbill.runs") / "templates")],
    )


def _shown(data: Mapping[str, Any]) -> str:
    """The form in which an output is shown; none for a widget, which is only its name without a kernel."""
    return "" if _WIDGET in data else next((kind for kind in _SHOWN if kind in data), "")


def _figure(figure: Mapping[str, Any]) -> str:
    return json.dumps({"data": figure.get("data", []), "layout": figure.get("layout", {})}, separators=(",", ":"))


def _svg_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _plotly_script() -> str:
    return (resources.files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def _first_heading(book: Any) -> str:
    lines = (line for cell in book.cells if cell.cell_type == "markdown" for line in cell.source.splitlines())
    return next((line.removeprefix("# ").strip() for line in lines if line.startswith("# ")), "")
