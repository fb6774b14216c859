"""Who is calling: a signed request or an access token becomes a caller with a role, or is refused (netsuite 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nsbill.simulator import permissions
from nsbill.simulator.auth import Rules, SignedRequest, Verifier
from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal, bearer_refused, login_refused
from nsbill.simulator.hosts import check_host
from nsbill.simulator.login_audit import LoginAudit
from nsbill.simulator.oauth2 import AccessTokens, TokenEndpoint
from nsbill.simulator.replies import Reply
from nsbill.simulator.request import Request

__all__ = ["SignIn"]


@dataclass(frozen=True)
class _Caller:
    client_id: str
    role: str
    login: str
    """The permission that this way of signing in needs."""


class SignIn:
    """Signs requests in, for one running simulator. Safe to use from several threads."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._tokens = AccessTokens(books)
        self._endpoint = TokenEndpoint(books, self._tokens)
        self.verifier = Verifier()
        self.audit = LoginAudit()

    def admit(
        self, request: Request, authorizations: list[str], preferences: Mapping[str, str], *, kind: str
    ) -> Request:
        """Return ``request`` with its caller's role and permissions, or raise the refusal.

        ``authorizations``: every ``Authorization`` header that was sent. The reason of a refused sign-in goes into
        the audit trail; a wrong host and a missing permission are no sign-in matters.
        """
        account = self._books.account()
        check_host(request, account)
        try:
            caller = self._caller(request, authorizations, preferences, account)
        except Refusal as refusal:
            self._note(refusal, kind, _token_shown(authorizations))
            raise
        held = permissions.of_role(self._books, caller.role)
        admitted = replace(request, role=caller.role, permissions=held)
        permissions.check(held, admitted, kind)
        return admitted

    def give_token(self, request: Request, preferences: Mapping[str, str]) -> Reply:
        """Answer the token endpoint, or raise its refusal."""
        check_host(request, self._books.account())
        try:
            return self._endpoint.answer(request, preferences)
        except Refusal as refusal:
            self._note(refusal, "token", "")
            raise

    def _caller(
        self, request: Request, authorizations: list[str], preferences: Mapping[str, str], account: str
    ) -> _Caller:
        if len(authorizations) > 1:
            raise login_refused("parameter_rejected")
        header = authorizations[0] if authorizations else None
        bearer = header is not None and header.partition(" ")[0].lower() == "bearer"
        caller = (
            self._bearer(request, header or "", preferences, account)
            if bearer
            else self._signer(request, header, preferences, account)
        )
        if not permissions.allowed(permissions.of_role(self._books, caller.role), caller.login):
            raise bearer_refused("EntityOrRoleDisabled", account) if bearer else login_refused("permission_denied")
        return caller

    def _signer(self, request: Request, header: str | None, preferences: Mapping[str, str], account: str) -> _Caller:
        signed = SignedRequest(request.method, request.target, request.host, header, request.body, request.scheme)
        rules = Rules(
            account,
            check_body_hash=_on(preferences, "check_body_hash"),
            lockout=_on(preferences, "login_lockout"),
            enabled=_on(preferences, "token_based_authentication"),
            blocked=preferences["integration_state"] == "blocked",
        )
        now = int(self._books.clock.now().timestamp())
        credential = self.verifier.verify(signed, rules=rules, credentials=self._books.credentials(), now=now)
        return _Caller(credential.consumer_key, credential.role, "ADMI_LOGIN_OAUTH")

    def _bearer(self, request: Request, header: str, preferences: Mapping[str, str], account: str) -> _Caller:
        token = header.partition(" ")[2].strip()
        if not token or any(mark in token for mark in " ,"):
            raise bearer_refused("MalformedToken", account, status=400, error="invalid_request")
        if not _on(preferences, "oauth2"):
            raise bearer_refused("FeatureDisabled", account)
        grant = self._tokens.read(token)
        if preferences["integration_state"] == "blocked":
            raise bearer_refused("InvalidIntegration", account)
        needed = "rest_webservices" if request.path.startswith("/services/") else "restlets"
        if needed not in grant.scopes:
            if preferences["oauth2_missing_scope"] == "403":
                raise bearer_refused("ScopeMismatched", account, status=403, error="insufficient_scope")
            raise bearer_refused("ScopeMismatched", account)
        return _Caller(grant.client_id, grant.role, "ADMI_LOGIN_OAUTH2")

    def _note(self, refusal: Refusal, kind: str, token: str) -> None:
        if refusal.reason is not None:
            self.audit.refused(refusal.reason, kind=kind, token=token, time=self._books.clock.instant())


def _on(preferences: Mapping[str, str], name: str) -> bool:
    return preferences[name] == "T"


def _token_shown(authorizations: list[str]) -> str:
    """Return the token id of a signature, or the access token, as far as the header has one."""
    header = authorizations[0] if authorizations else ""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return rest.partition('oauth_token="')[2].partition('"')[0]
