"""Checks that sign in: credentials and scopes, the RESTlet, the role's permissions, the saved search, preferences.

Nothing is created: the one request that could is a dry run (netsuite 4.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from nsbill.credentials import CertificateCredentials, Credentials
from nsbill.doctor.check import Check, Light, checked, refused
from nsbill.errors import NetSuiteError, NoAnswer, SignInRefused
from nsbill.netsuite.client import Client
from nsbill.netsuite.lint import lint_search
from nsbill.netsuite.probes import count_by_suiteql, count_records
from nsbill.netsuite.protocol import About, about
from nsbill.netsuite.records import preview_bill
from nsbill.netsuite.searches import first_rows, inspect_search, list_searches
from nsbill.vocabulary import BillingStatus, RecordType

__all__ = ["SignedIn", "check_limits", "check_permissions", "check_preferences", "check_search", "sign_in"]

_NO_PERMISSION = "INSUFFICIENT_PERMISSION"


@dataclass
class SignedIn:
    """What the checks find out for each other."""

    ok: bool = False
    about: About | None = None
    order: str | None = None
    """A sales order to try a bill on, without saving it."""
    reason: str = ""
    """Why nothing else can be looked at."""
    tries: bool = True
    """Whether a bill may be tried, without saving it."""


def sign_in(client: Client, credentials: Credentials, known: SignedIn) -> Iterator[Check]:
    """Sign in at both services; a certificate's token must have the scope of each."""
    rest = _outcome(lambda: count_records(client, RecordType.SALES_ORDER.value))
    if isinstance(rest, NoAnswer) or (isinstance(rest, SignInRefused) and not _has_scopes(credentials)):
        # a token is not tried on the other host too: five failures lock it for half an hour (netsuite 1.1)
        known.reason = "nobody is signed in"
        yield refused("sign-in", rest)
        return
    restlet = _outcome(lambda: setattr(known, "about", about(client)))
    if isinstance(rest, SignInRefused) and isinstance(restlet, SignInRefused):
        known.reason = "nobody is signed in"
        yield refused("sign-in", rest)
        return
    known.ok = True
    who = f" as role {known.about.role}, user {known.about.user_id}" if known.about else ""
    yield Check("sign-in", Light.OK, f"Signed in{who}.")
    if _has_scopes(credentials):
        yield _scopes(rest, restlet)
    yield _restlet(client, restlet, known.about)
    if known.about:
        yield _environment(client, known.about)


def _outcome(look: Callable[[], object]) -> NetSuiteError | NoAnswer | None:
    try:
        look()
    except (NetSuiteError, NoAnswer) as error:
        return error
    return None


def _has_scopes(credentials: Credentials) -> bool:
    return isinstance(credentials, CertificateCredentials)


def _scopes(rest: Exception | None, restlet: Exception | None) -> Check:
    lacking = [
        words
        for words, error in (("REST Web Services", rest), ("RESTlets", restlet))
        if isinstance(error, SignInRefused)
    ]
    if not lacking:
        return Check("scopes", Light.OK, "The token is good for REST Web Services and RESTlets.")
    sentence = f"The token is not good for {lacking[0]}."
    return Check("scopes", Light.FAILED, sentence, f"Tick the scope {lacking[0]} on the integration record.")


def _restlet(client: Client, error: NetSuiteError | NoAnswer | None, found: About | None) -> Check:
    if error is not None:
        check = refused("RESTlet", error)
        remedy = check.next_action or "Deploy it: nsbill restlet export DIR; docs/netsuite-setup.md says how."
        return Check("RESTlet", Light.FAILED, check.sentence, remedy)
    assert found is not None
    return Check("RESTlet", Light.OK, f"Deployed as {client.settings.script}, version {found.version}.")


def _environment(client: Client, found: About) -> Check:
    """The id that was set, and its kind, against what NetSuite itself says."""
    settings, kind = client.settings, found.environment.upper()
    if found.account.upper().replace("-", "_") != settings.account.upper().replace("-", "_"):
        sentence = f"The RESTlet runs in account {found.account}, the settings name {settings.account}."
        return Check("account kind", Light.FAILED, sentence, "Correct 'account', or 'base_url', in the settings.")
    if kind == "PRODUCTION" and settings.profile != "production":
        sentence = f"NetSuite says that {found.account} is a production account; the profile is {settings.profile}."
        return Check("account kind", Light.FAILED, sentence, "Say so: nsbill settings set profile=production")
    if kind and kind != "PRODUCTION" and settings.profile == "production":
        sentence = f"NetSuite says that {found.account} is {kind}; the profile is production."
        return Check("account kind", Light.WARNING, sentence, "If that is right: nsbill settings set profile=sandbox")
    return Check("account kind", Light.OK, f"{kind or 'not told'}, as the settings say.")


def check_permissions(client: Client, known: SignedIn) -> Iterator[Check]:
    """May the role search, read orders, and read and create the billing records that the settings ask for."""
    if known.about:
        yield from checked("saved searches", lambda: _searches(client))
    yield from checked("sales orders", lambda: _readable(client, RecordType.SALES_ORDER))
    types = [RecordType.INVOICE] if client.settings.invoice_flow else []
    types += [RecordType.CASH_SALE] if client.settings.cash_sale_flow else []
    for record in types:
        yield from checked(f"{record.title}s", partial(_billable, client, record, known))
    yield from checked("SuiteQL", lambda: _queries(client))


def _searches(client: Client) -> Check:
    number = len(list_searches(client))
    if number == 0:
        remedy = "Give the role Perform Search, and share the search with it."
        return Check("saved searches", Light.FAILED, "The role sees no saved search on sales orders.", remedy)
    return Check("saved searches", Light.OK, f"The role sees {number} on sales orders.")


def _readable(client: Client, record: RecordType) -> Check:
    return Check(f"{record.title}s", Light.OK, f"The role sees {count_records(client, record.value):,}.")


def _billable(client: Client, record: RecordType, known: SignedIn) -> Check:
    name, seen = f"{record.title}s", count_records(client, record.value)
    if not known.tries:
        sentence = f"The role sees {seen:,}; whether it may create them is not tried here."
        return Check(name, Light.HINT, sentence, "To try it on one order, without saving it: nsbill doctor.")
    if known.order is None:
        sentence = f"The role sees {seen:,}; whether it may create them was not tried: no order to try it on."
        return Check(name, Light.HINT, sentence, "Choose a saved search that has orders to bill, and ask again.")
    try:
        preview_bill(client, known.order, record)  # saves nothing
    except NetSuiteError as error:
        if error.code == _NO_PERMISSION or error.status == 403:
            raise
        check = refused(name, error)  # the role may; it is this order that cannot be billed
        return Check(name, Light.WARNING, check.sentence, check.next_action)
    sentence = f"The role sees {seen:,} and may create them (tried on order {known.order}, nothing was saved)."
    return Check(name, Light.OK, sentence)


def _queries(client: Client) -> Check:
    """SuiteQL hides what a role may not read without a word, so its counts are compared with the record service's."""
    types = {record.suiteql_type: record for record in (RecordType.SALES_ORDER, RecordType.INVOICE)}
    if client.settings.cash_sale_flow:
        types[RecordType.CASH_SALE.suiteql_type] = RecordType.CASH_SALE
    counted = count_by_suiteql(client, tuple(types))
    for name, record in types.items():
        if counted[name] == 0 and count_records(client, record.value):
            sentence = f"SuiteQL shows no {record.title} where the record service has some."
            remedy = f"Give the role the permission on {record.title}s; without it nsbill would bill twice."
            return Check("SuiteQL", Light.FAILED, sentence, remedy)
    shown = ", ".join(f"{counted[name]:,} {record.title}s" for name, record in types.items())
    return Check("SuiteQL", Light.OK, f"It shows {shown}.")


def check_search(client: Client, known: SignedIn) -> Iterator[Check]:
    """Is the saved search there, and does it give what nsbill needs."""
    chosen = client.settings.saved_search
    if not chosen:
        remedy = "List them with nsbill searches, then: nsbill settings set saved_search=ID"
        yield Check("saved search", Light.FAILED, "None is chosen.", remedy)
        return
    yield from checked("saved search", lambda: _search(client, chosen, known))


def _search(client: Client, chosen: str, known: SignedIn) -> Iterator[Check]:
    search = inspect_search(client, chosen)
    yield Check("saved search", Light.OK, f"'{search.title}' ({search.script_id}) is visible.")
    rows = first_rows(client, search)
    known.order = next((str(one) for one in rows.ids.to_pylist() if one), None)
    lights = {"ok": Light.OK, "warning": Light.WARNING, "error": Light.FAILED, "hint": Light.HINT}
    for finding in lint_search(search, client.settings, rows=rows):
        yield Check(f"search: {finding.subject}", lights[finding.level], finding.sentence, finding.next_action)


def check_preferences(client: Client, found: About) -> Iterator[Check]:
    """Preferences and features that change what can be billed (netsuite 5.3), as far as the role may see them."""
    in_advance = found.preferences.get("invoice_in_advance")
    by_fulfilment = client.settings.billing_status is BillingStatus.PENDING_FULFILLMENT
    if in_advance is None:
        yield Check("in advance", Light.HINT, "Whether NetSuite invoices in advance of fulfillment is not visible.")
    elif by_fulfilment and in_advance != "T":
        sentence = "Orders that are Pending Fulfillment cannot be billed: Invoice in Advance of Fulfillment is off."
        remedy = "Switch it on (Accounting Preferences > Order Management), or bill what is Pending Billing."
        yield Check("in advance", Light.FAILED, sentence, remedy)
    else:
        word = "on" if in_advance == "T" else "off"
        yield Check("in advance", Light.OK, f"Invoice in Advance of Fulfillment is {word}.")
    if found.preferences.get("show_unfulfilled_items") == "T" and in_advance == "F":
        sentence = "Show Unfulfilled Items on Invoices is on: invoices get lines of quantity 0, which people can raise."
        yield Check("unfulfilled items", Light.WARNING, sentence, "Switch it off unless you need it.")
    if found.features.get("ADVSHIPPING") is False:
        sentence = "Advanced Shipping is off: fulfilling an order bills it, and there is no Pending Billing."
        yield Check("shipping", Light.WARNING, sentence, "Use nsbill to reconcile only, or switch the feature on.")


def check_limits(client: Client) -> Iterator[Check]:
    """How many requests at once, as far as NetSuite says."""
    yield from checked("limits", lambda: _limits(client))


def _limits(client: Client) -> Check:
    found, ceiling = client.slot_limit(), client.settings.slots
    if found is None or found.usable is None:
        sentence = f"The role may not ask. nsbill finds the right number while working, {ceiling} at most."
        return Check("limits", Light.HINT, sentence, "To leave room for others: nsbill settings set slots=4")
    return Check("limits", Light.OK, f"{found.usable} requests at once ({found.kind}); nsbill uses {ceiling} at most.")
