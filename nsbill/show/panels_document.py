"""The open document under the plan: what billing would make of the chosen order."""

from __future__ import annotations

import ipywidgets as widgets

from nsbill.show.document_state import DocumentState
from nsbill.show.panel_parts import Worker, alert, heading, paragraph, sentences, visibility

__all__ = ["DocumentView"]


class DocumentView(widgets.HTML):  # type: ignore[misc]  # ipywidgets has no types
    """View of a ``DocumentState``; hidden while no order is chosen."""

    def __init__(self, state: DocumentState) -> None:
        super().__init__()
        self.state = state
        self.reader = Worker(state.fail)
        self.add_class("nsbill-document")
        state.observe(self.refresh, ["busy", "error", "document", "order", "no_dry_run"])
        self.refresh()

    def open_document(self, order: str) -> None:
        """Open an order's document, in a thread of its own: a later choice need not wait for the kernel."""
        self.state.choose(order)
        self.reader = Worker(self.state.fail)
        self.reader.start(lambda: self.state.read(order))

    def close_document(self) -> None:
        """Show no document."""
        self.state.choose("")

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        visibility(self, bool(state.order))
        parts = [alert(state.error)]
        if state.document is not None:
            table = state.table
            parts += [heading(state.title), paragraph(state.sentence)]
            parts += [sentences(state.document.differences, kind="notice"), table.html() if table else ""]
        elif state.busy:
            parts.append(paragraph(f"{state.busy}…"))
        elif not state.error:
            parts.append(sentences(state.blockers, kind="blockers"))
        self.value = "".join(parts)
