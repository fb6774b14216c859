"""The table of refusals, as data: what NetSuite answers, what it means, and what to do. The first rule that fits wins.

Rules with a text stand before rules with a code alone, since most business rules share the code ``USER_ERROR``.
Each row names the section of the NetSuite reference that it rests on; "uncertain" where that says so.
"""

from __future__ import annotations

from collections.abc import Iterable

from nsbill.errors import NetSuiteError, SearchError, SignInRefused, TooManyRequests
from nsbill.netsuite.refusals import Fix, Rule

__all__ = ["RULES"]

_AUDIT = "NetSuite's Login Audit Trail names the reason (Setup > Users/Roles > User Management)."
_LOOK = "nsbill looks the record up before anything else is sent."
_PLAN = "then plan again."
_DEPLOY = "Export and deploy nsbill's RESTlet again: nsbill restlet export."
_LIST = "List the searches that this role sees with: nsbill searches."
_MONTH = r"(?P<period>(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{4})"
_REPORT = "This is a fault of nsbill or of the settings' field names; report it with this text."


def _rule(
    name: str,
    source: str,
    cause: str,
    fix: Fix,
    next_action: str,
    *,
    codes: Iterable[str] = (),
    statuses: Iterable[int] = (),
    text: str = "",
    again: bool | None = None,
    kind: type[NetSuiteError] = NetSuiteError,
) -> Rule:
    return Rule(name, cause, fix, next_action, source, frozenset(codes), frozenset(statuses), text, again, kind)


_BUSY = (
    _rule("busy", "8.1", "all of the account's request slots were taken, so nothing was done", "retry",
          "Lower 'slots' in the settings, or run when other integrations rest.",
          codes=("CONCURRENCY_LIMIT_EXCEEDED", "SSS_REQUEST_LIMIT_EXCEEDED"), kind=TooManyRequests),
    _rule("busy, by its text", "8.1", "all of the account's request slots were taken, so nothing was done", "retry",
          "Lower 'slots' in the settings, or run when other integrations rest.",
          text=r"concurrent request limit exceeded", kind=TooManyRequests),
    _rule("busy, by its status", "8.1", "NetSuite blocked the request because there were too many", "retry",
          "Lower 'slots' in the settings, or run when other integrations rest.", statuses=(429,), kind=TooManyRequests),
)  # fmt: skip

_SIGN_IN = (
    _rule("bad clock", "1.1", "the time of this machine is more than five minutes from NetSuite's", "fix-first",
          "Set this machine's clock, then try again.",
          codes=("InvalidTimestamp", "timestamp_refused"), kind=SignInRefused),
    _rule("bad signature", "1.1", "the signature does not fit: a secret or the account id is wrong", "fix-first",
          "Check consumer secret, token secret and account id: nsbill settings login.",
          codes=("InvalidSignature", "signature_invalid"), kind=SignInRefused),
    _rule("unknown token", "1.1", "the token is unknown, revoked, or of another account (a sandbox refresh ends its "
          "tokens)", "fix-first", "Create a new token in NetSuite, then: nsbill settings login.",
          codes=("token_rejected", "token_expired"), kind=SignInRefused),
    _rule("unknown integration", "1.1", "the integration's key is unknown or the integration is blocked", "fix-first",
          "Look at the integration record in NetSuite (state Enabled?), then check the consumer key or client id.",
          codes=("consumer_key_unknown", "consumer_key_refused"), kind=SignInRefused),
    _rule("used nonce", "1.1", "NetSuite had seen the same signed request before", "retry",
          "Try again; if it stays, something between here and NetSuite sends requests twice.",
          codes=("nonce_used", "NonceUsed", "nonce_rejected"), kind=SignInRefused),
    _rule("locked out", "1.1", "too many failed sign-ins; NetSuite locks the token for 30 minutes", "retry",
          "Wait 30 minutes, correct the credentials, then try again.",
          codes=("temporary_locked",), again=False, kind=SignInRefused),
    _rule("role refused", "1.1", "the user or the role of the token may not be used", "fix-first",
          "Check that user and role are active and that the role may log in with tokens.",
          codes=("permission_denied",), kind=SignInRefused),
    _rule("feature off", "1.1", "the account does not have the sign-in feature switched on", "fix-first",
          "Enable Token-Based Authentication or OAuth 2.0 under Setup > Company > Enable Features > SuiteCloud.",
          codes=("FeatureDisabled",), kind=SignInRefused),
    _rule("missing scope", "1.2", "the sign-in was granted without the scope that this service needs", "fix-first",
          "Tick RESTlets and REST Web Services on the integration record, then sign in again.",
          codes=("insufficient_scope", "invalid_scope"), kind=SignInRefused),
    _rule("bearer refused", "1.1", "the access token has expired or was refused", "fix-first",
          f"Try again once; then check the certificate and the role. {_AUDIT}",
          codes=("invalid_token",), kind=SignInRefused),
    _rule("assertion refused", "1.2", "the certificate sign-in was refused: certificate id, key or client id do not "
          "belong together, or the certificate has expired or was revoked", "fix-first",
          f"Compare client id and certificate id with NetSuite, renew with: nsbill settings certificate. {_AUDIT}",
          codes=("invalid_grant", "invalid_client", "unauthorized_client"), kind=SignInRefused),
    _rule("sign-in request refused", "1.1, 1.2", "NetSuite could not read the sign-in, or none was sent", "fix-first",
          "Check account id, client id and certificate id, or the four token secrets: nsbill settings login.",
          codes=("invalid_request", "unsupported_grant_type", "parameter_rejected", "VersionRejected",
                 "UnknownAlgorithm", "MissingTokenPassportRequiredFields"), kind=SignInRefused),
    _rule("sign-in refused", "1.1", "the sign-in was refused, also on a second, serial try", "fix-first",
          f"Check account id, keys, token, role and clock. {_AUDIT}",
          codes=("INVALID_LOGIN", "INVALID_LOGIN_ATTEMPT", "INVALID_LOGIN_CREDENTIALS"), kind=SignInRefused),
    _rule("sign-in refused, by its status", "1.1, 7.3", "the sign-in was refused, also on a second, serial try",
          "fix-first", f"Check account id, keys, token, role and clock. {_AUDIT}",
          statuses=(401,), kind=SignInRefused),
)  # fmt: skip

_RESTLET = (
    _rule("RESTlet not deployed", "7.3, 7.4", "there is no such script deployment, or the role may not run it",
          "fix-first", "Check 'script' and 'deploy' in the settings; deploy the RESTlet, status Released, with the "
          "role in its audience.", codes=("SSS_INVALID_SCRIPTLET_ID", "SSS_INVALID_SCRIPT_ID", "INVALID_SCRIPT_ID")),
    _rule("RESTlet not deployed, by its text", "7.3", "there is no such script deployment, or the role may not run it",
          "fix-first", "Check 'script' and 'deploy' in the settings; deploy the RESTlet, status Released, with the "
          "role in its audience.", text=r"script deployment does not exist|script.{0,40}(not deployed|is inactive)"),
    _rule("script file missing", "7.3", "the deployed script lacks one of its files", "fix-first", _DEPLOY,
          codes=("MODULE_DOES_NOT_EXIST",)),
    _rule("older RESTlet", "7.3", "the deployed RESTlet does not know this request: it is older than this nsbill",
          "fix-first", _DEPLOY, codes=("SSS_INVALID_ACTION", "SSS_INVALID_METHOD")),
    _rule("incomplete request", "7.3", "the RESTlet was sent a request that it cannot read", "fix-first",
          f"{_DEPLOY} If it stays, report it with this text.",
          codes=("SSS_MISSING_REQD_ARGUMENT", "SSS_INVALID_PAGE_SIZE")),
    _rule("search gone", "7.2", "the saved search is unknown, private to somebody else, or deleted", "fix-first",
          _LIST, codes=("INVALID_SEARCH", "INVALID_SAVED_SEARCH"), kind=SearchError),
    _rule("not on orders", "7.2", "the saved search is not on sales orders", "fix-first",
          f"Choose a search of type Transaction or Sales Order. {_LIST}",
          codes=("NOT_A_SALES_ORDER_SEARCH",), kind=SearchError),
    _rule("status not writable", "7.2", "the search's status criterion cannot be rewritten without harm to others",
          "fix-first", "Change the criterion in NetSuite by hand.", codes=("STATUS_NOT_WRITABLE",), kind=SearchError),
    _rule("search broken", "7.2", "the saved search has a criterion or column that NetSuite cannot evaluate",
          "fix-first", "Open the search in NetSuite, mend the named criterion or column, then try again.",
          codes=("SSS_INVALID_SRCH_FILTER", "SSS_INVALID_SRCH_FILTER_VAL", "SSS_INVALID_SRCH_FILTER_JOIN",
                 "SSS_INVALID_SRCH_OPERATOR", "SSS_INVALID_SRCH_COL", "SSS_INVALID_SRCH_COL_JOIN",
                 "SSS_INVALID_SRCH_COL_SUM"), kind=SearchError),
    _rule("page gone", "7.2", "the search has fewer pages than it had a moment ago", "retry",
          "Read the search again from its beginning.", codes=("INVALID_PAGE_RANGE",)),
    _rule("answer too large", "7.3", "the answer would be larger than a RESTlet may send", "fix-first",
          "Remove long text columns from the search's results.", codes=("RESPONSE_TOO_LARGE",)),
    _rule("units used up", "7.3", "the script had used up its units of governance", "retry",
          "Try again; if it stays, read the search in smaller pages.", codes=("SSS_USAGE_LIMIT_EXCEEDED",)),
    _rule("script too slow", "7.3", "the script ran longer than its 300 seconds", "retry",
          "Try again when NetSuite is quieter, or narrow the search by a date.", codes=("SSS_TIME_LIMIT_EXCEEDED",)),
)  # fmt: skip

_BILLING = (
    _rule("exists already", "4.5", "a record with this external id is there already", "never", _LOOK,
          codes=("DUP_RCRD", "DUP_ENTITY")),
    _rule("exists already, by its text", "4.5, 8.4", "a record with this external id is there already", "never", _LOOK,
          text=r"this (record|entity) already exists|(record|external ?id).{0,60}already exists"),
    _rule("billed by somebody else", "4.2 (code uncertain)", "somebody else billed the order at the same moment",
          "never", f"{_LOOK} Then plan again.", text=r"already (been )?processed"),
    _rule("order cannot become this", "4.2 (code uncertain)",
          "the order's status or form does not allow this billing record", "fix-first",
          f"Look at the order's status and form in NetSuite, {_PLAN}", text=r"not a valid record transformation"),
    _rule("order cannot become this, by its code", "4.2", "order {record} does not exist, or its status does not "
          "allow this billing record", "fix-first", f"Look at the order in NetSuite, {_PLAN}",
          codes=("INVALID_INITIALIZE_REF",), text=r"(invalid reference (?P<record>\d+))?\.?$"),
    _rule("order cannot become this, SuiteScript's words", "4.2", "order {record} does not exist, or its status does "
          "not allow this billing record", "fix-first", f"Look at the order in NetSuite, {_PLAN}",
          text=r"can ?not initialize .{0,40}invalid reference (?P<record>\d+)"),
    _rule("nothing to bill", "4.2", "nothing of the order can be billed now: nothing unbilled is shipped", "fix-first",
          f"Look at the order's shipments and billed quantities, {_PLAN}", codes=("VALID_LINE_ITEM_REQD",)),
    _rule("nothing to bill, by its text", "4.2", "nothing of the order can be billed now: nothing unbilled is shipped",
          "fix-first", f"Look at the order's shipments and billed quantities, {_PLAN}",
          text=r"at least one (line )?item|must have at least one line"),
    _rule("mandatory field", "4.2, 8.4", "{field} is mandatory on the form, and empty", "fix-first",
          f"Fill {{field}} on the order or give its form a default, {_PLAN}",
          text=r"(please )?enter (a )?value(\(s\)|s)? for:? *(?P<field>[^.;]+)"),
    _rule("mandatory field, by its code", "8.4", "{field} is mandatory, and empty", "fix-first",
          f"Fill the field on the order or give its form a default, {_PLAN}",
          codes=("FIELD_PARAM_REQD",), text=r"(: *(?P<field>\w+))?\.?$"),
    _rule("closed period", "8.4 (text uncertain)", "{period} is closed or locked", "fix-first",
          f"Open the period, or choose another transaction date in the settings, {_PLAN}",
          codes=("TRAN_PERIOD_CLOSED", "TRAN_PRD_CLOSED"), text=rf"({_MONTH}|$)"),
    _rule("closed period, by its text", "8.4 (text uncertain)", "{period} is closed or locked", "fix-first",
          f"Open the period, or choose another transaction date in the settings, {_PLAN}",
          text=rf"(?=.*\bperiod)(?=.*\b(closed|locked)\b)(.*?\b{_MONTH}|)"),
    _rule("date outside its period", "5.3", "the transaction date lies outside the posting period {period}",
          "fix-first", "Choose another transaction date in the settings, or allow dates outside of the period "
          "(Accounting Preferences).", text=rf"date.{{0,60}}(outside|not (with)?in).{{0,40}}period *({_MONTH})?"),
    _rule("locked by a workflow", "8.4", "a workflow in NetSuite locks the record", "fix-first",
          f"Let the workflow finish or release the record, {_PLAN}", text=r"locked by a user defined workflow"),
    _rule("locked", "8.4", "the record is locked", "fix-first", f"Release the record in NetSuite, {_PLAN}",
          text=r"(locked by|record is locked|has been locked)"),
    _rule("changed meanwhile", "8.4", "somebody else changed the record at the same moment", "retry",
          "Plan again: the record is read anew.", codes=("RCRD_HAS_BEEN_CHANGED", "CUSTOM_RECORD_COLLISION")),
    _rule("changed meanwhile, by its text", "8.4", "somebody else was changing the record at the same moment", "retry",
          "Plan again: the record is read anew.",
          text=r"record has been changed|currently (being )?(edited|used|processed)|another user"),
    _rule("wrong value", "8.4", "NetSuite does not take the value {value} for {field}", "fix-first",
          f"Correct the value on the order, or the setting that it comes from, {_PLAN}",
          text=r"invalid field value (?P<value>.*?) for the following field:? *(?P<field>[^.;]+)"),
    _rule("wrong reference", "8.4", "{field} names a record that does not exist or that the role may not use",
          "fix-first", f"Correct the reference on the order, {_PLAN}",
          codes=("INVALID_KEY_OR_REF",), text=r"(invalid (?P<field>\w+) reference|$)"),
    _rule("unknown property", "3.1 (text uncertain)", "NetSuite does not know {field} on this record", "fix-first",
          _REPORT, text=r"property '?(?P<field>[\w.]+)'? (was )?not found"),
    _rule("unreadable value", "8.4", "NetSuite cannot read the value of {field}", "fix-first", _REPORT,
          codes=("INVALID_CONTENT",), text=r"(field '(?P<field>[\w.]+)'|$)"),
)  # fmt: skip

_ACCESS = (
    _rule("permission", "8.4 (text uncertain)", "the integration's role lacks the permission {permission}",
          "fix-first", "Give the role this permission under Setup > Users/Roles > Manage Roles, then try again.",
          text=r"permission violation.*?need (a higher level of )?the ['\"]?(?P<permission>[^'\"]+?)['\"]? permission"),
    _rule("permission, by its code", "8.4", "the integration's role lacks a permission for this", "fix-first",
          "Give the role the permission under Setup > Users/Roles > Manage Roles; nsbill doctor says which.",
          codes=("INSUFFICIENT_PERMISSION", "INSUFFICIENT_PERMISSIONS", "USER_PERMISSION_VIOLATION")),
    _rule("record gone", "3.2, 8.4", "the record is no longer in NetSuite, or never was", "fix-first",
          "Plan again.", codes=("NONEXISTENT_ID", "RCRD_DSNT_EXIST")),
    _rule("record type unknown", "8.4", "the account does not have this record type, or the role may not see it",
          "fix-first", "Check the features of the account and the role's permissions: nsbill doctor.",
          codes=("INVALID_RCRD_TYPE",)),
    _rule("sent twice", "8.2", "a request with the same idempotency key was sent before", "never", _LOOK,
          codes=("IDEMPOTENCY_ERROR",)),
    _rule("field unknown, other words", "6.1", "the account has no field {field}, or the role may not see it",
          "fix-first", "Check the field names in the settings ('amazon_order_id_field', 'marketplace_field').",
          text=r"field '(?P<field>\w+)'.{0,60}(not found|not exposed|does not exist)"),
    _rule("table hidden", "6.1", "the table {table} is hidden from the role, or the account does not have it",
          "fix-first", "Give the role the permission to see these records; nsbill doctor says which.",
          text=r"record '(?P<table>\w+)' was not found"),
    _rule("table unknown", "6.1", "the account has no table {table}: a feature is off or the role may not see it",
          "fix-first", "Check the features of the account and the role's permissions: nsbill doctor.",
          text=r"invalid search type:? *(?P<table>\w+)"),
    _rule("field unknown", "6.1", "the account has no field {field}, or the role may not see it", "fix-first",
          "Check the field names in the settings ('amazon_order_id_field', 'marketplace_field').",
          text=r"unknown identifier '(?P<field>\w+)'"),
    _rule("query refused", "6.1", "NetSuite cannot evaluate the query", "fix-first", _REPORT,
          text=r"invalid search query|invalid or unsupported search"),
    _rule("parameter refused", "6.1, 8.4", "NetSuite does not take a parameter of the request", "fix-first", _REPORT,
          codes=("INVALID_PARAMETER",)),
)  # fmt: skip

_HTTP = (
    _rule("malformed", "8.4", "NetSuite cannot read the address or the body of the request", "fix-first", _REPORT,
          codes=("INVALID_REQUEST",)),
    _rule("inside fault", "8.4", "NetSuite failed inside; its error id is {error_id}", "retry",
          "Try again later; a create is looked up first. Give NetSuite's support the error id if it stays.",
          codes=("UNEXPECTED_ERROR",), text=r"(error id: *(?P<error_id>\w+))?\.?$", again=False),
    _rule("other data center", "7.3, 2", "the host belongs to another data center or account", "fix-first",
          "Remove 'base_url' from the settings and check the account id.", statuses=(301, 302, 303, 307, 308)),
    _rule("method refused", "7.3", "the address does not take this kind of request", "fix-first",
          f"Check 'base_url', 'script' and 'deploy' in the settings. {_DEPLOY}", statuses=(405,)),
    _rule("content type refused", "7.3", "NetSuite did not take the request for JSON", "fix-first",
          "Something between here and NetSuite changes the headers; check proxies and 'base_url'.", statuses=(415,)),
    _rule("too large", "8.1", "the request is larger than NetSuite takes", "fix-first", _REPORT, statuses=(413,)),
    _rule("page, forbidden", "7.3", "the host refused the request before it reached NetSuite's services", "fix-first",
          "Check the account id and 'base_url', and whether a proxy or an IP rule of the role stands between.",
          codes=("NO_JSON", "NO_BODY"), statuses=(403,)),
    _rule("page, not found", "2", "there is no NetSuite service at this address", "fix-first",
          "Check the account id and 'base_url' in the settings.", codes=("NO_JSON", "NO_BODY"), statuses=(404,)),
    _rule("gateway", "7.3, 8.4", "NetSuite, or a gateway before it, could not answer just now", "retry",
          "Try again later; a create is looked up first.", statuses=(502, 503, 504), again=False),
    _rule("gateway, with a page", "7.3, 8.4", "NetSuite, or a gateway before it, could not answer just now", "retry",
          "Try again later; a create is looked up first.", codes=("NO_JSON", "NO_BODY"), statuses=(500,), again=False),
)  # fmt: skip

RULES: tuple[Rule, ...] = (*_BUSY, *_SIGN_IN, *_RESTLET, *_BILLING, *_ACCESS, *_HTTP)
"""Every rule, in the order in which they are tried."""
