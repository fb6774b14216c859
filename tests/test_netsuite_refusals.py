"""nsbill.netsuite.refusals: every row of the table with an answer that NetSuite really gives, and who wins.

``python tests/test_netsuite_refusals.py`` writes docs/errors.md anew after a change of the table.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from nsbill.errors import NetSuiteError, SearchError, SignInRefused, TooManyRequests
from nsbill.netsuite.refusal_rules import RULES
from nsbill.netsuite.refusals import Rule, advise
from nsbill.netsuite.replies import envelope_error, error_of, read_refusal

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"
ACCESS = "Error while accessing a resource. "


def answer(status: int, body: Any = "", **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = (body if isinstance(body, str) else json.dumps(body)).encode()
    response.encoding = "utf-8"
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return response


def rest(status: int, code: str, detail: str, **more: str) -> requests.Response:
    one = {"detail": detail, "o:errorCode": code} | {f"o:{name}": value for name, value in more.items()}
    return answer(status, {"type": "https://x", "title": "Bad Request", "status": status, "o:errorDetails": [one]})


def script(code: str, message: str, status: int = 400) -> requests.Response:
    return answer(status, {"error": {"code": code, "message": message}})


def bearer(status: int, error: str) -> requests.Response:
    header = f'Bearer realm="9000001_SB1", error="{error}", error_description="Invalid login attempt."'
    return answer(status, WWW_Authenticate=header)


def oauth(error: str) -> requests.Response:
    header = f'OAuth realm="9000001_SB1", error="{error}", error_description="Invalid login attempt."'
    body = {"error": {"code": "INVALID_LOGIN_ATTEMPT", "message": "Invalid login attempt."}}
    return answer(401, body, WWW_Authenticate=header)


def user_error(text: str, **more: str) -> requests.Response:
    return rest(400, "USER_ERROR", ACCESS + text, **more)


def query(text: str) -> requests.Response:
    lead = "Invalid search query. Detailed unprocessed description follows. "
    return rest(400, "INVALID_PARAMETER", lead + text, errorQueryParam="q")


HTML = (
    "<html><head><title>503 Service Unavailable</title><style>p {}</style></head><body>Down for&nbsp;now</body></html>"
)

SAMPLES: dict[str, tuple[requests.Response, str]] = {
    "busy": (
        answer(
            429,
            {
                "title": "Bad Request",
                "status": 429,
                "o:errorCode": "USER_ERROR",
                "o:errorDetails": [
                    {
                        "detail": "Concurrent request limit exceeded. Request blocked.",
                        "o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED",
                    }
                ],
            },
        ),
        "nothing was done",
    ),
    "busy, by its text": (user_error("Concurrent request limit exceeded. Request blocked."), "slots were taken"),
    "busy, by its status": (answer(429, "<html>Too many</html>"), "too many"),
    "bad clock": (oauth("InvalidTimestamp"), "five minutes"),
    "bad signature": (oauth("InvalidSignature"), "signature does not fit"),
    "unknown token": (oauth("token_rejected"), "token is unknown"),
    "unknown integration": (oauth("consumer_key_refused"), "integration is blocked"),
    "used nonce": (oauth("nonce_used"), "same signed request"),
    "locked out": (oauth("temporary_locked"), "30 minutes"),
    "role refused": (oauth("permission_denied"), "role of the token"),
    "feature off": (oauth("FeatureDisabled"), "switched on"),
    "missing scope": (bearer(403, "insufficient_scope"), "without the scope"),
    "bearer refused": (bearer(401, "invalid_token"), "expired or was refused"),
    "assertion refused": (answer(400, {"error": "invalid_grant"}), "certificate sign-in"),
    "sign-in request refused": (
        answer(400, {"error": "invalid_request", "error_description": "The client_assertion is missing."}),
        "could not read the sign-in",
    ),
    "sign-in refused": (rest(401, "INVALID_LOGIN", "Invalid login attempt."), "sign-in was refused"),
    "sign-in refused, by its status": (answer(401), "sign-in was refused"),
    "RESTlet not deployed": (
        script("SSS_INVALID_SCRIPTLET_ID", "That Suitelet is invalid, disabled, or no longer exists.", 404),
        "no such script deployment",
    ),
    "RESTlet not deployed, by its text": (
        script("UNEXPECTED_ERROR", "That script deployment does not exist, or you may not run it."),
        "no such script deployment",
    ),
    "script file missing": (script("MODULE_DOES_NOT_EXIST", "Module does not exist: ./pages.js"), "one of its files"),
    "older RESTlet": (script("SSS_INVALID_ACTION", "Unknown action 'about'."), "older than this nsbill"),
    "incomplete request": (script("SSS_MISSING_REQD_ARGUMENT", "search: missing"), "cannot read"),
    "search gone": (script("INVALID_SEARCH", "That search or mass update does not exist."), "unknown, private"),
    "not on orders": (script("NOT_A_SALES_ORDER_SEARCH", "This search is on item."), "not on sales orders"),
    "status not writable": (script("STATUS_NOT_WRITABLE", "The status stands inside OR."), "without harm"),
    "search broken": (script("SSS_INVALID_SRCH_COL", "custbody_gone"), "criterion or column"),
    "page gone": (script("INVALID_PAGE_RANGE", "Invalid page range."), "fewer pages"),
    "answer too large": (script("RESPONSE_TOO_LARGE", "Ask for 250 rows."), "larger than a RESTlet"),
    "units used up": (script("SSS_USAGE_LIMIT_EXCEEDED", "Script Execution Usage Limit Exceeded"), "units"),
    "script too slow": (script("SSS_TIME_LIMIT_EXCEEDED", "Script Execution Time Exceeded."), "300 seconds"),
    "exists already": (script("DUP_RCRD", "A record with this id is there."), "there already"),
    "exists already, by its text": (user_error("This record already exists."), "there already"),
    "billed by somebody else": (user_error("This transaction has already been processed."), "same moment"),
    "order cannot become this": (user_error("That is not a valid record transformation"), "status or form"),
    "order cannot become this, by its code": (
        script("INVALID_INITIALIZE_REF", "You can not initialize invoice: invalid reference 7281."),
        "order '7281' does not exist",
    ),
    "order cannot become this, SuiteScript's words": (
        user_error("You can not initialize cashsale: invalid reference 99."),
        "order '99' does not exist",
    ),
    "nothing to bill": (script("VALID_LINE_ITEM_REQD", "Lines needed."), "nothing unbilled is shipped"),
    "nothing to bill, by its text": (
        user_error("You must enter at least one line item for this transaction."),
        "nothing unbilled is shipped",
    ),
    "mandatory field": (user_error("Please enter value(s) for: Sales Channel"), "'Sales Channel' is mandatory"),
    "mandatory field, by its code": (
        script("FIELD_PARAM_REQD", "Required field missing: entity"),
        "'entity' is mandatory",
    ),
    "closed period": (rest(400, "TRAN_PRD_CLOSED", "Jan 2026"), "'Jan 2026' is closed"),
    "closed period, by its text": (
        user_error("You cannot create a transaction in the period February 2026, which is closed."),
        "'February 2026' is closed",
    ),
    "date outside its period": (
        user_error("The transaction date you specified is not within the date range of the period Mar 2026."),
        "outside the posting period 'Mar 2026'",
    ),
    "locked by a workflow": (user_error("This record has been locked by a user defined workflow."), "workflow"),
    "locked": (user_error("The record is locked for editing."), "the record is locked"),
    "changed meanwhile": (script("RCRD_HAS_BEEN_CHANGED", "Record has been changed"), "somebody else changed"),
    "changed meanwhile, by its text": (user_error("Record has been changed."), "somebody else was changing"),
    "wrong value": (
        user_error(
            "You have entered an Invalid Field Value 9999 for the following field: item",
            errorPath="item.items[0].item",
        ),
        "the value '9999' for 'item' (at item.items[0].item)",
    ),
    "wrong reference": (script("INVALID_KEY_OR_REF", "Invalid location reference key 7."), "'location' names a record"),
    "unknown property": (
        rest(400, "INVALID_CONTENT", "Property 'tranDat' was not found in the resource 'invoice'."),
        "does not know 'tranDat'",
    ),
    "unreadable value": (
        rest(400, "INVALID_CONTENT", "Invalid value for the resource or sub-resource field 'tranDate'."),
        "the value of 'tranDate'",
    ),
    "permission": (
        rest(
            403,
            "INSUFFICIENT_PERMISSION",
            "Permission Violation: You need the 'Transactions -> Invoice' permission to access this page.",
        ),
        "the permission 'Transactions -> Invoice'",
    ),
    "permission, by its code": (rest(403, "INSUFFICIENT_PERMISSION", "No."), "lacks a permission"),
    "record gone": (rest(404, "NONEXISTENT_ID", "Record does not exist."), "no longer in NetSuite"),
    "record type unknown": (script("INVALID_RCRD_TYPE", "The record type is invalid."), "record type"),
    "sent twice": (rest(400, "IDEMPOTENCY_ERROR", "Already submitted."), "idempotency"),
    "field unknown, other words": (
        query("Search error occurred: Field 'custbody_x' for record 'transaction' was not found."),
        "no field 'custbody_x'",
    ),
    "table hidden": (
        query("Search error occurred: Record 'customer' was not found."),
        "the table 'customer' is hidden",
    ),
    "table unknown": (query("Search error occurred: Invalid search type: subsidiary."), "no table 'subsidiary'"),
    "field unknown": (
        query(
            "Search error occurred: Unknown identifier 'voided'. Available identifiers are: {transaction=transaction}."
        ),
        "no field 'voided'",
    ),
    "query refused": (query("Search error occurred: Invalid or unsupported search."), "cannot evaluate the query"),
    "parameter refused": (
        rest(400, "INVALID_PARAMETER", "Invalid value '7' for 'offset'.", errorQueryParam="offset"),
        "parameter",
    ),
    "malformed": (rest(400, "INVALID_REQUEST", "The request could not be understood."), "cannot read the address"),
    "inside fault": (
        rest(500, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: kz8q1m2n3b4v5c6x7z8l"),
        "error id is 'kz8q1m2n3b4v5c6x7z8l'",
    ),
    "other data center": (answer(302), "another data center"),
    "method refused": (answer(405, {"title": "Method Not Allowed", "status": 405}), "this kind of request"),
    "content type refused": (answer(415, {"title": "Unsupported Media Type"}), "for JSON"),
    "too large": (answer(413, "<html>Request Entity Too Large</html>"), "larger than NetSuite takes"),
    "page, forbidden": (answer(403, "<html>Access Denied</html>"), "before it reached"),
    "page, not found": (answer(404, "<!DOCTYPE html><title>Not found</title>"), "no NetSuite service"),
    "gateway": (answer(503, HTML), "could not answer just now"),
    "gateway, with a page": (answer(500, HTML), "could not answer just now"),
}


def rule_of(response: requests.Response) -> Rule:
    refusal = read_refusal(response)
    return next(r for r in RULES if any(r.match(refusal.status, part) is not None for part in refusal.parts))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_row_is_reached_by_a_real_answer_and_gives_advice(rule: Rule) -> None:
    response, words = SAMPLES[rule.name]
    assert rule_of(response).name == rule.name
    error = error_of("Create the invoice of sales order 5", response)
    assert type(error) is rule.kind
    assert words in error.advice.cause
    assert (error.advice.fix, error.advice.known) == (rule.fix, True)
    assert str(error).startswith("Create the invoice of sales order 5: ")
    assert str(error).endswith(error.advice.next_action)
    assert f"NetSuite answered {response.status_code} {error.code}: " in str(error)
    assert "{" not in error.advice.cause + error.advice.next_action


def test_every_sample_belongs_to_a_row_and_names_are_unique() -> None:
    assert [rule.name for rule in RULES] == list(SAMPLES)
    assert all(rule.source and rule.next_action.endswith((".", "export")) for rule in RULES)


@pytest.mark.parametrize(
    "winner, response",
    [
        ("exists already, by its text", user_error("This record already exists. Please enter value(s) for: Memo")),
        ("busy", script("SSS_REQUEST_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked.")),
        ("busy, by its status", rest(429, "SOMETHING_NEW", "Slow down.")),
        ("bad clock", oauth("InvalidTimestamp")),
        ("locked by a workflow", user_error("This record has been locked by a user defined workflow.")),
        ("closed period, by its text", user_error("The period Jan 2026 is locked.")),
        ("locked", user_error("The record is locked by Ada.")),
        ("table hidden", query("Record 'customer' was not found.")),
        ("RESTlet not deployed", script("SSS_INVALID_SCRIPTLET_ID", "That script deployment does not exist.", 404)),
        ("sign-in refused, by its status", answer(401, HTML)),
        ("record gone", rest(404, "NONEXISTENT_ID", "Record does not exist.")),
        ("gateway", rest(503, "SERVICE_UNAVAILABLE", "Maintenance.")),
    ],
)
def test_the_more_telling_row_wins(winner: str, response: requests.Response) -> None:
    assert rule_of(response).name == winner


def test_a_code_and_a_text_of_different_details_do_not_add_up() -> None:
    """``INVALID_CONTENT`` here and a field there are two errors; the order of rules decides, not their mixture."""
    refusal = read_refusal(
        answer(
            400,
            {
                "o:errorDetails": [
                    {"detail": "Something.", "o:errorCode": "NEW_CODE"},
                    {"detail": ACCESS + "Please enter value(s) for: Memo", "o:errorCode": "USER_ERROR"},
                ]
            },
        )
    )
    kind, advice = advise(refusal, RULES)
    assert (kind, advice.cause) == (NetSuiteError, "'Memo' is mandatory on the form, and empty")
    assert refusal.detail == "Something; Error while accessing a resource. Please enter value(s) for: Memo"


def test_an_unmapped_error_keeps_what_was_said_and_says_that_it_is_unknown() -> None:
    response = answer(
        409, {"o:errorDetails": [{"detail": "A new rule.", "o:errorCode": "BRAND_NEW"}]}, X_N_OperationId="abc-1"
    )
    error = error_of("Read the currencies", response)
    assert (error.status, error.code, error.detail, error.request_id) == (409, "BRAND_NEW", "A new rule", "abc-1")
    assert (error.advice.known, error.advice.again, error.advice.fix) == (False, False, "fix-first")
    assert str(error) == (
        "Read the currencies: NetSuite answered 409 BRAND_NEW: A new rule (request abc-1). nsbill does not know this "
        "error; NetSuite's text above says what to change. This request changed nothing."
    )


def test_an_unmapped_fault_inside_netsuite_may_pass_but_a_create_is_not_simply_repeated() -> None:
    advice = error_of("Create", rest(500, "BRAND_NEW", "Oops.")).advice
    assert (advice.known, advice.again, advice.fix) == (False, False, "retry")
    assert "looked up first" in advice.next_action


@pytest.mark.parametrize("name", ["inside fault", "gateway", "gateway, with a page", "locked out"])
def test_what_may_have_been_done_or_needs_a_wait_is_never_advised_to_be_sent_again(name: str) -> None:
    advice = error_of("Create", SAMPLES[name][0]).advice
    assert (advice.fix, advice.again) == ("retry", False)


def test_only_a_blocked_request_or_a_changed_record_may_simply_be_sent_again() -> None:
    again = {name for name, (response, _) in SAMPLES.items() if error_of("x", response).advice.again}
    assert again == {
        "busy",
        "busy, by its text",
        "busy, by its status",
        "used nonce",
        "page gone",
        "units used up",
        "script too slow",
        "changed meanwhile",
        "changed meanwhile, by its text",
    }


def test_the_kinds_of_error_that_callers_tell_apart() -> None:
    kinds = {type(error_of("x", response)) for response, _ in SAMPLES.values()}
    assert kinds == {NetSuiteError, SignInRefused, TooManyRequests, SearchError}


def test_what_the_restlet_caught_is_advised_on_too() -> None:
    error = envelope_error("Saved search 'x'", "INVALID_SEARCH", "That search or mass update does not exist.")
    assert isinstance(error, SearchError)
    assert str(error) == (
        "Saved search 'x': the saved search is unknown, private to somebody else, or deleted. The RESTlet answered "
        "INVALID_SEARCH: That search or mass update does not exist. List the searches that this role sees with: "
        "nsbill searches."
    )


def rendered() -> str:
    """The page, from the table."""
    lines = [
        "# What NetSuite's errors mean",
        "",
        "Made from the table in `nsbill/netsuite/refusal_rules.py` by `python tests/test_netsuite_refusals.py`; a test",
        "compares. The first row that fits wins: code, status and text must all fit, where they are given. Words in",
        "braces are taken from NetSuite's text. *Section* is the section of the NetSuite reference; *uncertain* means",
        "that nobody has seen this answer on a live account yet.",
        "",
        "An error that fits no row keeps its status, code, text and request id, and says that nsbill does not know it.",
        "",
        "| error | code, status or text | what it means | again? | what to do | section |",
        "|---|---|---|---|---|---|",
    ]
    for rule in RULES:
        signs = [f"`{code}`" for code in sorted(rule.codes)] + [str(status) for status in sorted(rule.statuses)]
        if rule.text and not rule.text.endswith("$") and not rule.text.endswith("$)"):
            signs.append("text `" + rule.text.replace("|", "\\|") + "`")
        again = {"retry": "later", "fix-first": "after a change", "never": "never"}[rule.fix]
        lines.append(
            f"| {rule.name} | {', '.join(signs)} | {rule.cause} | {again} | {rule.next_action} | {rule.source} |"
        )
    return "\n".join(lines) + "\n"


def test_the_page_of_errors_shows_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == rendered()


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
