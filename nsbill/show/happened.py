"""What a step did in NetSuite, in sentences: each request as it was heard, and whether anything changed by it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.reading import only_reads
from nsbill.netsuite.replies import Reply

__all__ = ["Happened", "happened", "listening"]

_NOWHERE = "NetSuite was not asked."


@dataclass(frozen=True)
class Happened:
    """The requests of one step, and how many records they created. No header is in it, so no secret either."""

    requests: tuple[str, ...]
    created: int = 0
    changed: int = 0
    """Requests that may have changed something else."""

    @property
    def sentence(self) -> str:
        """All in one sentence."""
        if not self.requests:
            return _NOWHERE
        times = len(self.requests)
        asked = f"NetSuite was asked {times:,} time{'' if times == 1 else 's'}"
        if self.created:
            return f"{asked}, and created {self.created:,} record{'' if self.created == 1 else 's'}."
        return f"{asked}, and something was changed in it." if self.changed else f"{asked}; nothing changed in it."

    @property
    def lines(self) -> tuple[str, ...]:
        """The requests in their order; what was asked several times stands once, with the number."""
        counted = Counter(self.requests).items()
        return tuple(line if times == 1 else f"{line.removesuffix('.')}, {times:,} times." for line, times in counted)


@contextmanager
def listening(client: Client) -> Iterator[list[tuple[Call, Reply]]]:
    """Hear what the client asks in the block; ``happened`` says the list in sentences."""
    heard: list[tuple[Call, Reply]] = []
    before, client.heard = client.heard, lambda call, reply: heard.append((call, reply))
    try:
        yield heard
    finally:
        client.heard = before


def happened(client: Client, heard: list[tuple[Call, Reply]]) -> Happened:
    """Say what was heard."""
    made = [_record(reply) for call, reply in heard if call.creates]
    changing = [call for call, _ in heard if not (call.creates or only_reads(call, client.settings))]
    return Happened(tuple(_line(call, reply) for call, reply in heard), sum(map(bool, made)), len(changing))


def _line(call: Call, reply: Reply) -> str:
    """One request: what for, what was sent where, and what came of it."""
    path = urlsplit(call.url).path.removeprefix("/services/rest/")
    external_id = call.json.get("externalId") if isinstance(call.json, dict) else None
    sent = f"{call.method} {path}" + (f", external id {external_id}" if external_id else "")
    return f"{call.what} ({sent})" + (f": {_outcome(reply)}." if call.creates else ".")


def _outcome(reply: Reply) -> str:
    record = _record(reply)
    return f"created record {record}" if record else "nothing was saved"


def _record(reply: Reply) -> str:
    found = re.search(r"/(\d+)$", reply.location or "")
    return found.group(1) if found else ""
