"""The connection panel: account, person, certificate and the doctor's lights at one glance; production in red."""

from __future__ import annotations

from html import escape

from nsbill.desk import Desk
from nsbill.doctor import Check
from nsbill.show.connection_state import LIGHT_WORDS, ConnectionState
from nsbill.show.names import visible
from nsbill.show.panel_parts import Panel, alert, button, paragraph, sentences, text_box, tiles

__all__ = ["ConnectionPanel", "connection_panel"]

_MARKS = {"ok": "●", "hint": "○", "warning": "▲", "failed": "✗", "skipped": "–"}
_PRODUCTION = (
    "background:#b00020;border-radius:3px;color:#fff;font-size:15px;font-weight:700;margin:4px 0;padding:8px 12px"
)
"""Written into the page, so that the colour is there also without a style sheet."""


def connection_panel(desk: Desk) -> ConnectionPanel:
    """Return the panel that says which account this is and whether all is well; show it with ``.show()``."""
    return ConnectionPanel(ConnectionState(desk))


class ConnectionPanel(Panel):
    """View of a ``ConnectionState``."""

    state: ConnectionState

    def __init__(self, state: ConnectionState) -> None:
        self._head, self._lights = text_box("connection"), text_box("lights")
        self._error = text_box("error")
        self.again = button("Look again", "look-again", tooltip="Ask the doctor again; reads only")
        super().__init__(state, [self._head, self._error, self._lights, self.again], name="connection")
        state.observe(self.refresh, ["busy", "error", "checks"])
        self.again.on_click(lambda _: self.worker.start(state.look))
        self.refresh()

    def prepare(self) -> None:
        """Look."""
        self.state.look()

    def static(self) -> str:
        """Return account, person, certificate and lights as HTML."""
        return self._account() + self._checks()

    def refresh(self, _: object = None) -> None:
        """Show the state."""
        state = self.state
        self._head.value = self._account()
        self._error.value = alert(state.error)
        self._lights.value = paragraph(f"{state.busy}…" if state.busy else "") + self._checks()
        self.again.disabled = bool(state.blockers)

    def _account(self) -> str:
        words = self.state.production_sentence
        banner = f'<div class="production" role="alert" style="{_PRODUCTION}">{_html(words)}</div>' if words else ""
        return banner + tiles(self.state.facts)

    def _checks(self) -> str:
        """All lights, what is to be done first; folded while all is well."""
        state = self.state
        if not state.checks:
            return ""
        bad = state.to_do
        rows = "".join(map(_row, [*bad, *(check for check in state.checks if check not in bad)]))
        fold = "<details>" if state.well or state.busy else "<details open>"
        done = sentences(["All is well."], kind="saved") if state.well and not state.busy else ""
        return f'{done}{fold}<summary>{_html(state.summary)}</summary><table class="lights"><tbody>{rows}</tbody></table></details>'


def _row(check: Check) -> str:
    light = check.light.value
    words = f"{_MARKS[light]} {LIGHT_WORDS[check.light]}"
    action = f" <b>{_html(check.next_action)}</b>" if check.next_action and light != "ok" else ""
    return (
        f'<tr><td class="light {_html(light)}">{_html(words)}</td><th scope="row" style="text-align:left">{_html(check.name)}</th>'
        f'<td style="text-align:left">{_html(check.sentence)}{action}</td></tr>'
    )


def _html(text: str) -> str:
    return escape(visible(text))
