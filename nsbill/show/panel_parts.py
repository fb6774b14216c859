"""The small parts that the panels are built of. Every text is escaped here; nothing else makes HTML."""

from __future__ import annotations

import contextvars
import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.display import display

from nsbill.show.names import visible
from nsbill.show.state import PanelState

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "AT_WORK",
    "STATIC_VARIABLE",
    "Panel",
    "Worker",
    "alert",
    "button",
    "figure_bundle",
    "heading",
    "paragraph",
    "record_link",
    "sentences",
    "show_figure",
    "show_html",
    "text_box",
    "tiles",
    "visibility",
]

AT_WORK = "nsbill-at-work"
"""Class of a panel while it does something; its style is a bar that moves."""

STATIC_VARIABLE = "NSBILL_STATIC"
"""Set to 1 where nobody can press a button: panels then show plain HTML."""

_RUN_VARIABLE = "NSBILL_RESULT_FILE"  # the runner sets it for every notebook that it runs

_OPENING = "Opening"
_CSS = Path(__file__).with_name("panels.css")
_PLOTLY = "application/vnd.plotly.v1+json"
_TILE = (  # written into the page, because static HTML comes without a style sheet
    "border:1px solid rgba(128,128,128,0.45);border-radius:3px;display:inline-block;"
    "margin:3px 6px 3px 0;min-width:64px;padding:4px 9px"
)
_TILE_NAME = "font-size:12px;opacity:0.8"
_TILE_FIGURE = "font-size:16px;font-variant-numeric:tabular-nums;font-weight:600"


class Worker:
    """Run one action at a time in a thread, so that the kernel goes on listening to the buttons.

    ``failed``: gets an exception that an action did not turn into a sentence itself.
    """

    def __init__(self, failed: Callable[[Exception], object] | None = None) -> None:
        self._failed = failed
        self._thread: threading.Thread | None = None

    def start(self, action: Callable[[], object]) -> None:
        """Start the action, unless one is running."""
        if not self.at_work:
            here = contextvars.copy_context()  # a warning lands at the cell or button that began, not in a later cell
            self._thread = threading.Thread(target=here.run, args=(self._run, action), daemon=True)
            self._thread.start()

    def join(self) -> None:
        """Wait until the action is done."""
        if self._thread is not None:
            self._thread.join()

    @property
    def at_work(self) -> bool:
        """Whether an action is running."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            if self._failed is None:
                raise
            self._failed(error)


class Panel(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A view of a state. ``show`` displays it; a run without a person gets ``static`` HTML and ``figures`` instead."""

    def __init__(self, state: PanelState, children: Sequence[Any], *, name: str) -> None:
        self.state = state
        self.worker = Worker(state.fail)
        style = widgets.HTML(f"<style>{_CSS.read_text(encoding='utf-8')}</style>", layout={"display": "none"})
        super().__init__([style, *children])
        self.add_class("nsbill-panel")
        self.add_class(f"nsbill-{name}-panel")
        state.observe(self._mark, "busy")

    def prepare(self) -> None:
        """Do what the panel shows first; reads only."""
        raise NotImplementedError

    def static(self) -> str:
        """Return what the panel knows as plain HTML."""
        raise NotImplementedError

    def figures(self) -> list[go.Figure]:
        """Return the charts that go with ``static``."""
        return []

    def show(self) -> None:
        """Display the panel at once, and read in a thread; in a run, and where ``NSBILL_STATIC`` is 1, read first.

        There its static HTML and figures are displayed. Nobody waits at a cell for what a person watches in the panel.

        Raises
        ------
        NsbillError
            In a run without a person, when the panel's first reading failed; a person reads it in the panel.
        """
        if os.environ.get(STATIC_VARIABLE) != "1" and not os.environ.get(_RUN_VARIABLE):
            if not self.worker.at_work:
                self.state.busy = _OPENING  # from the first moment on: nothing can be pressed before it is read
            _display(self)
            self.worker.start(self.prepare)
            return
        self.prepare()
        self.state.raise_failure()
        show_html(f'<div class="nsbill-static">{self.static()}</div>')
        for figure in self.figures():
            show_figure(figure)

    @property
    def results(self) -> dict[str, object]:
        """What a notebook records of the panel; empty while it reads and when that failed: half of it is no result."""
        unread = self.worker.at_work or self.state.busy or self.state.failure
        return {} if unread else self.state.figures

    def _mark(self, change: dict[str, Any]) -> None:
        (self.add_class if change["new"] else self.remove_class)(AT_WORK)


def text_box(name: str) -> widgets.HTML:
    """Return a place for HTML made by the functions below."""
    box = widgets.HTML()
    box.add_class(f"nsbill-{name}")
    return box


def button(text: str, name: str, *, style: str = "", tooltip: str = "") -> widgets.Button:
    """Return a button with a stable class."""
    made = widgets.Button(description=text, button_style=style, tooltip=tooltip, layout={"width": "auto"})
    made.add_class(f"nsbill-{name}")
    return made


def visibility(widget: widgets.Widget, shown: bool) -> None:  # noqa: FBT001 -- reads as a sentence where it is used
    """Show or hide a widget."""
    widget.layout.display = None if shown else "none"


def heading(text: str) -> str:
    """Return a section's heading."""
    return f"<h3>{_html(text)}</h3>"


def paragraph(text: str, *, kind: str = "") -> str:
    """Return one paragraph; nothing for an empty text."""
    return f'<p class="{_html(kind)}">{_html(text)}</p>' if text else ""


def alert(text: str) -> str:
    """Return an error sentence that screen readers announce; nothing for an empty text."""
    return f'<p class="error" role="alert"><b>That did not work.</b> {_html(text)}</p>' if text else ""


def sentences(texts: Iterable[str], *, kind: str) -> str:
    """Return sentences one below the other, announced when they change."""
    inner = "".join(f"<p>{_html(text)}</p>" for text in texts)
    return f'<div class="{_html(kind)}" role="status">{inner}</div>' if inner else ""


def record_link(order: str, record_id: str, page: str) -> str:
    """Return which NetSuite record an order has; ``page``: the address of its page, empty where there is none."""
    if not record_id:
        return paragraph(f"{order} has no record in NetSuite.")
    named = f"{order}: record {record_id} in NetSuite"
    if not page:
        return paragraph(f"{named} (a simulator has no pages to look at).")
    return f'<p><a href="{_html(page)}" target="_blank" rel="noopener noreferrer">{_html(named)}</a></p>'


def tiles(figures: Iterable[tuple[str, str]]) -> str:
    """Return headline figures: what it is, and the figure."""
    inner = "".join(
        f'<div style="{_TILE}"><div style="{_TILE_NAME}">{_html(words)}</div>'
        f'<div style="{_TILE_FIGURE}">{_html(figure)}</div></div>'
        for words, figure in figures
    )
    return f'<div class="tiles">{inner}</div>' if inner else ""


def show_html(html: str) -> None:
    """Display HTML made by the functions here or by a ``Table``."""
    _display({"text/html": html, "text/plain": "(HTML)"}, raw=True)


def show_figure(figure: go.Figure) -> None:
    """Display a figure as data, which JupyterLab and the HTML report draw alike."""
    _display(figure_bundle(figure), raw=True)


def figure_bundle(figure: go.Figure) -> dict[str, Any]:
    """Return a figure as JupyterLab, the notebook file and the HTML report hold it; no renderer setting matters."""
    # Not "responsive": JupyterLab resizes figures itself, and both at once leave a figure without height.
    content = json.loads(figure.to_json())
    return {_PLOTLY: {**content, "config": {"displaylogo": False}}}


def _display(shown: Any, **options: Any) -> None:
    display(shown, **options)  # type: ignore[no-untyped-call]  # IPython's display has no types


def _html(text: str) -> str:
    return escape(visible(text))
