"""Which host serves which path: NetSuite's own names must fit account and service, any other name serves all."""

from __future__ import annotations

import re

from nsbill.simulator.errors import wrong_host
from nsbill.simulator.request import OAUTH2, Request

__all__ = ["check_host", "host_label", "token_urls"]

_HOST = re.compile(r"([a-z0-9-]+)\.(suitetalk|restlets)\.api\.netsuite\.com")
_DOMAIN = ".netsuite.com"


def host_label(account: str) -> str:
    """Return how host names write an account id: ``9000001_SB1`` is ``9000001-sb1`` (netsuite 1.1)."""
    return account.lower().replace("_", "-")


def check_host(request: Request, account: str) -> None:
    """Refuse a path on one of NetSuite's host names that does not serve it, or on another account's host.

    403 for the wrong account as for RESTlets (netsuite 7.3), 404 for the wrong service; both are uncertain.
    """
    host = request.host.partition(":")[0].lower()
    if not host.endswith(_DOMAIN):
        return
    found = _HOST.fullmatch(host)
    if found is None or found[1] != host_label(account):
        raise wrong_host(403)
    serves = {"suitetalk": ("/services/",), "restlets": ("/app/site/hosting/", "/rest/", OAUTH2)}[found[2]]
    if not request.path.startswith(serves):
        raise wrong_host()


def token_urls(request: Request, account: str) -> set[str]:
    """Return the addresses that an assertion may be made out to: the one in use and NetSuite's own two."""
    label = host_label(account)
    own = {f"https://{label}.{service}.api.netsuite.com{OAUTH2}" for service in ("suitetalk", "restlets")}
    return own | {request.origin + OAUTH2}
