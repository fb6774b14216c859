"""Sessions that sign every send anew: by bearer token (OAuth 2.0), or by token-based authentication (OAuth 1.0a)."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests_oauthlib import OAuth1Session

from nsbill.credentials import CertificateCredentials, Credentials, TokenCredentials
from nsbill.errors import NetSuiteError, NoAnswer
from nsbill.settings import Settings

if TYPE_CHECKING:
    from nsbill.netsuite.token import TokenSource

__all__ = ["open_session", "renew_sign_in"]


class BearerAuth(AuthBase):
    """Puts the present token on every request of a session, each time anew."""

    def __init__(self, source: TokenSource) -> None:
        self.source = source

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header; asks for a token when there is none. An error of asking says that the request was not sent."""
        try:
            request.headers["Authorization"] = f"Bearer {self.source.token()}"
        except (NoAnswer, NetSuiteError) as error:
            error.was_sent = False
            raise
        return request


def open_session(settings: Settings, credentials: Credentials, *, connections: int) -> requests.Session:
    """Return a session for the account that keeps up to ``connections`` connections to each host alive.

    Cookies are refused: NetSuite's would tie parallel requests to one server session. A send may raise what asking
    for a bearer token raises: ``SignInRefused``, ``NoAnswer``, ``TooManyRequests``, each with ``was_sent`` false.

    Raises
    ------
    SettingsError
        The private key cannot be used.
    """
    if isinstance(credentials, CertificateCredentials):
        from nsbill.netsuite.token import TokenSource  # with its cryptography, which a token does without

        session = requests.Session()
        session.auth = BearerAuth(TokenSource(settings, credentials))
    else:
        session = _token_session(settings, credentials)
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def renew_sign_in(session: requests.Session, refused: str | bytes | None = None) -> None:
    """Forget the bearer token that was just refused, so that the next send asks for another; nothing to do for TBA.

    ``refused`` is the ``Authorization`` header of the request that was refused: of many threads that were refused
    with one token the first renews it, and the others find the new one. Without it, the present token is given up.
    """
    if isinstance(session.auth, BearerAuth):
        session.auth.source.forget(refused.decode() if isinstance(refused, bytes) else refused)


def _token_session(settings: Settings, credentials: TokenCredentials) -> requests.Session:
    """Sign with HMAC-SHA256, NetSuite's only algorithm (netsuite 1.1); a nonce is good for one send."""
    session: requests.Session = OAuth1Session(
        credentials.consumer_key.get_secret_value(),
        client_secret=credentials.consumer_secret.get_secret_value(),
        resource_owner_key=credentials.token_id.get_secret_value(),
        resource_owner_secret=credentials.token_secret.get_secret_value(),
        signature_method=SIGNATURE_HMAC_SHA256,
        realm=settings.realm,
    )
    return session
