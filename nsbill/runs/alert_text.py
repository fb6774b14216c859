"""The words of a message: what is wrong, the figures, where to look and what to do; harmless wherever it is shown.

Labels, reasons and NetSuite's or Amazon's words come from outside. A character that is not printable (a line break, a
terminal's control sequence, a sign that turns the direction of writing) is written out as Python writes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nsbill.runs.folders import REPORT
from nsbill.runs.redaction import Secrets

__all__ = ["Message", "compose", "for_chat", "one_line", "trial"]

_INCIDENTS = 20
_LONGEST = 600
_CHAT_BREAKS = ("@", "`", "*", "_", "~", "[", "://")
_ZERO_WIDTH = "\u200b"


@dataclass(frozen=True)
class Message:
    """One message, not yet in the form of a route; ``title`` and each of ``lines`` are one line of printable text.

    ``number`` is the same when it is sent again. ``facts``: all of it for machines.
    """

    number: str
    title: str
    lines: Sequence[str]
    facts: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The lines."""
        return "\n".join(self.lines)


def compose(number: str, events: Sequence[Mapping[str, Any]], *, repeats: bool) -> Message:
    """Write the message about events of incidents, of one alert, job and kind."""
    first = events[0]
    over = first["kind"] == "closed"
    what = first["sentence"] if not over else f"{first['rule']}, {first['subject']}: {first['sentence']}"
    title = what if len(events) == 1 else f"{len(events)} × {first['rule']}, the first: {what}"
    lines = []
    if repeats:
        lines += ["You may have got this before: the process that sent it ended before it could note that it had.", ""]
    for event in events[:_INCIDENTS]:
        lines += [*_lines_of(event), ""]
    if len(events) > _INCIDENTS:
        lines += [f"… and {len(events) - _INCIDENTS} more: nsbill alerts list", ""]
    of_job = f"Job {first['job']}" if first["job"] else f"The account, as job {first['seen_by']} saw it"
    lines += [f"{of_job}; account {first['account'] or '–'}, seller account {first['seller_account']}."]
    if first["folder"]:
        report = Path(first["folder"]) / REPORT
        lines += [f"Run: {first['folder']}", *([f"Report: {report}"] if report.exists() else [])]
    lines += [f"Alert '{first['alert']}' ({first['rule']}), {first['at']:%Y-%m-%d %H:%M} UTC. All: nsbill alerts list"]
    return _message(
        number, f"{'over: ' if over else ''}{title}", lines, [_facts(event) for event in events], repeats=repeats
    )


def trial(number: str, alert: str, rule: str) -> Message:
    """Write a message that is only there to see whether it arrives."""
    lines = [
        "This is a trial. Nothing is wrong; nsbill alerts test sent it.",
        "",
        f"A message of alert '{alert}' ({rule}) says what is wrong, the figures, the run's folder, and what to do.",
    ]
    facts = [{"alert": alert, "rule": rule, "kind": "trial"}]
    return _message(number, f"[trial] alert '{alert}' ({rule})", lines, facts, repeats=False)


def one_line(text: str, *, limit: int = _LONGEST) -> str:
    """The text as one line of printable characters."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[: limit * 4])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def for_chat(text: str) -> str:
    """The text so that Slack, Mattermost and their like show it as it stands: no mention, link or format in it works.

    Slack's own escapes for ``&``, ``<`` and ``>``; Markdown's and mentions' signs are kept apart from what follows by a
    zero-width space.
    """
    for sign, instead in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, instead)
    for sign in _CHAT_BREAKS:
        text = text.replace(sign, f"{sign[0]}{_ZERO_WIDTH}{sign[1:]}")
    return text


def _message(
    number: str, title: str, lines: Sequence[str], facts: Sequence[Mapping[str, Any]], *, repeats: bool
) -> Message:
    """Put it together; secrets of the environment never get into it."""
    secrets = Secrets(dict(os.environ))
    clean = [one_line(secrets.remove_from(line)) for line in lines]
    text = secrets.remove_from(json.dumps(list(facts), ensure_ascii=True))
    whole = {"message": number, "repeats": repeats, "incidents": json.loads(text)}
    return Message(number, one_line(secrets.remove_from(f"nsbill: {title}"), limit=180), clean, whole)


def _lines_of(event: Mapping[str, Any]) -> list[str]:
    """An incident's lines."""
    if event["kind"] == "closed":
        return [f"{event['rule']}, {event['subject']}: {event['sentence']}"]
    facts = [f"  {name}: {value}" for name, value in json.loads(event["facts"]).items()]
    return [event["sentence"], *facts, *([f"  To do: {event['next_step']}"] if event["next_step"] else [])]


def _facts(event: Mapping[str, Any]) -> dict[str, Any]:
    names = ("alert", "rule", "job", "subject", "kind", "sentence", "next_step", "folder", "account", "seller_account")
    return {
        **{name: event[name] for name in names},
        "at": event["at"].isoformat(timespec="seconds"),
        "facts": json.loads(event["facts"]),
    }
