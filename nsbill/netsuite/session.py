"""Sessions signed by token-based authentication (OAuth 1.0a, HMAC-SHA256), with one kept-alive connection per slot."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy

import requests
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth1Session

from nsbill.credentials import CertificateCredentials, Credentials
from nsbill.errors import SettingsError
from nsbill.settings import Settings

__all__ = ["open_session", "renew_sign_in"]


def open_session(settings: Settings, credentials: Credentials, *, connections: int) -> requests.Session:
    """Return a session that signs every request for the account; each send is signed anew.

    The realm is the account id in its written form (``1234567_SB1``). Cookies are refused: NetSuite's would tie
    parallel requests to one server session.
    """
    if isinstance(credentials, CertificateCredentials):
        raise SettingsError("sign_in", "signing in by certificate is not there yet", "Use a token.")
    session: requests.Session = OAuth1Session(
        credentials.consumer_key.get_secret_value(),
        client_secret=credentials.consumer_secret.get_secret_value(),
        resource_owner_key=credentials.token_id.get_secret_value(),
        resource_owner_secret=credentials.token_secret.get_secret_value(),
        signature_method=SIGNATURE_HMAC_SHA256,
        realm=settings.account,
    )
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def renew_sign_in(session: requests.Session, refused: str | None = None) -> None:
    """Forget the bearer token that was just refused, so that the next send asks for another; nothing to do for TBA.

    ``refused`` is the ``Authorization`` header of the refused request. A token that another thread has renewed since
    is kept; without the header the present token is dropped.
    """
