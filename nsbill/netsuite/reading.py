"""A connection that only reads: whatever would change NetSuite is refused here, before it is sent."""

from __future__ import annotations

from nsbill.errors import BillingRefused
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.replies import Reply
from nsbill.settings import Settings

__all__ = ["ReadingClient", "only_reads"]

_READING_ACTIONS = frozenset({"about", "list_searches", "inspect_search", "page"})
"""What the RESTlet is asked to do that changes nothing."""
_QUERIES = "/services/rest/query/v1/suiteql"


def only_reads(call: Call, settings: Settings) -> bool:
    """Say whether a request changes nothing: a GET, a SuiteQL query, or a reading action of the RESTlet."""
    if call.creates:
        return False
    if call.method in {"GET", "HEAD"}:
        return True
    if call.method != "POST":
        return False
    if call.url == settings.rest_url + _QUERIES:
        return True
    action = call.json.get("action") if isinstance(call.json, dict) else None
    return call.url == settings.restlet_url and action in _READING_ACTIONS


class ReadingClient(Client):
    """A client that can create and change nothing, whoever holds it."""

    def send(self, call: Call) -> Reply:
        """Send ``call`` when it only reads.

        Raises
        ------
        BillingRefused
            It would create or change something; it was not sent.
        """
        if not only_reads(call, self.settings):
            raise BillingRefused(
                "read-only",
                f"'{call.what}' would change NetSuite, and this connection only reads",
                "Bill with nsbill bill, or the notebook 10_scheduled_billing.",
            )
        return super().send(call)
