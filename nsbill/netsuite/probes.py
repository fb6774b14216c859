"""Small questions to NetSuite that change nothing: is a host there, what may the role do. For the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.suiteql import query_page

__all__ = ["Reached", "count_by_suiteql", "count_records", "reach"]


@dataclass(frozen=True)
class Reached:
    """A host that answered: whatever it said, and how far this machine's clock is ahead of its (seconds)."""

    host: str
    status: int
    clock_ahead: float | None
    """Negative when this machine is behind; ``None`` when the host tells no time."""


def reach(url: str, *, timeout: float) -> Reached:
    """Ask a host for anything, not signed in: every answer shows that it is there.

    Raises
    ------
    NoAnswer
        The host is unknown, refuses connections, or has a certificate that cannot be trusted.
    """
    host = urlsplit(url).netloc
    try:
        answer = requests.get(url, timeout=timeout, allow_redirects=False)
    except requests.exceptions.SSLError as error:
        remedy = "Something between here and NetSuite changes the connection; ask whoever runs the network."
        raise NoAnswer(f"Reach {host}", host, "its TLS certificate is not trusted here", remedy) from error
    except requests.Timeout as error:
        raise NoAnswer(f"Reach {host}", host, f"no answer within {timeout:g} s") from error
    except requests.RequestException as error:
        raise NoAnswer(f"Reach {host}", host, "it cannot be connected to") from error
    return Reached(host, answer.status_code, _clock_ahead(answer.headers.get("Date")))


def count_records(client: Client, record_type: str) -> int:
    """Count the records of a type that the role sees, by the record service.

    Raises
    ------
    NetSuiteError
        For instance because the role lacks the permission.
    """
    url = f"{client.settings.rest_url}/services/rest/record/v1/{record_type}"
    reply = client.send(Call(f"Look at the {record_type} list", "GET", url, params={"limit": "1", "offset": "0"}))
    if not isinstance(reply.body, dict) or "totalResults" not in reply.body:
        raise NetSuiteError(
            "Read NetSuite's answer",
            status=200,
            code="UNKNOWN_SHAPE",
            detail="it has no 'totalResults'",
            remedy="Is 'base_url' in the settings a NetSuite address?",
        )
    return int(reply.body["totalResults"])


def count_by_suiteql(client: Client, types: tuple[str, ...]) -> dict[str, int]:
    """Count the transactions of each type that the role sees, by SuiteQL; a type without any is 0."""
    listed = ", ".join(f"'{name}'" for name in types)
    query = f"SELECT t.type AS type, COUNT(*) AS n FROM transaction t WHERE t.type IN ({listed}) GROUP BY t.type"
    rows, _ = query_page(client, "Count transactions by SuiteQL", query)
    found = {row["type"]: int(row["n"]) for row in rows}
    return {name: found.get(name, 0) for name in types}


def _clock_ahead(date: str | None) -> float | None:
    try:
        there = parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return (datetime.now(UTC) - there).total_seconds() if there else None
