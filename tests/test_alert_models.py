"""Rules and routes of alerts: what the schedule's file may say of them."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from nsbill.runs.alert_routes import AlertRoute, EmailRoute
from nsbill.runs.alert_rules import AlertRule, DueOlderThan, UnknownOutcomes

RULE: TypeAdapter[AlertRule] = TypeAdapter(AlertRule)
ROUTE: TypeAdapter[AlertRoute] = TypeAdapter(AlertRoute)


@pytest.mark.parametrize(
    "text",
    [
        'rule = "run-failed"',
        'rule = "run-stale"\nhours = 6',
        'rule = "unknown-outcomes"\nmore_than = 0',
        'rule = "due-older-than"\ndays = 45\nabove = "1000.00"\ncurrency = "EUR"\nroutes = ["mail"]',
        'rule = "tie-out-residual"\nsteps = ["lines sum to total"]',
        'rule = "unclassified-line"\nsay_when_over = true',
        'rule = "reserve-up"\npercent = 25\nabove = 100',
        'rule = "certificate-expiring"\ndays = 30',
        'rule = "secret-leaked"',
    ],
)
def test_every_rule_is_read_as_it_stands(text: str) -> None:
    values = tomllib.loads(text)
    rule = RULE.validate_python(values)
    assert rule.rule == values["rule"]
    assert rule.routes == tuple(values.get("routes", ()))


def test_amounts_are_exact_and_a_rule_says_whether_each_job_has_incidents_of_its_own() -> None:
    rule = RULE.validate_python({"rule": "due-older-than", "days": 30, "above": "0.10"})
    assert isinstance(rule, DueOlderThan)
    assert rule.above == Decimal("0.10")
    assert (DueOlderThan.of_job, UnknownOutcomes.of_job) == (True, False)


@pytest.mark.parametrize(
    "values,words",
    [
        ({"rule": "due-older"}, "does not match any of the expected tags"),
        ({"rule": "due-older-than"}, "Field required"),
        ({"rule": "due-older-than", "days": "30"}, "valid integer"),
        ({"rule": "due-older-than", "days": True}, "valid integer"),
        ({"rule": "due-older-than", "days": 30, "above": 1000.5}, "an amount is text such as"),
        ({"rule": "due-older-than", "days": 30, "above": "1,000"}, "not a plain decimal number"),
        ({"rule": "due-older-than", "days": 30, "above": "1.005"}, "more than two decimals"),
        ({"rule": "due-older-than", "days": 30, "above": "-1"}, "not negative"),
        ({"rule": "due-older-than", "days": 30, "currency": "euro"}, "should match pattern"),
        ({"rule": "run-failed", "day": 1}, "Extra inputs are not permitted"),
        ({"rule": "certificate-expiring", "days": 0}, "greater than or equal to 1"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        RULE.validate_python(values)
    assert words in str(refusal.value)


MAIL = {"kind": "email", "host": "mail.example.com", "from": "nsbill@example.com", "to": ["finance@example.com"]}


def test_a_mail_route_uses_starttls_unless_it_says_otherwise() -> None:
    route = ROUTE.validate_python(MAIL)
    assert isinstance(route, EmailRoute)
    assert (route.security, route.port, route.sender) == ("starttls", 587, "nsbill@example.com")


@pytest.mark.parametrize(
    "values,words",
    [
        (MAIL | {"to": []}, "at least 1 item"),
        (MAIL | {"to": ["finance"]}, "is no e-mail address"),
        (MAIL | {"to": ["a@example.com\nBcc: b@example.com"]}, "is no e-mail address"),
        (MAIL | {"user": "nsbill"}, "user and password_variable go together"),
        (MAIL | {"user": "nsbill", "password_variable": "NSBILL_PASSWORD", "security": "none"}, "not sent without TLS"),
        (MAIL | {"user": "nsbill", "password_variable": "hunter2"}, "is named by a variable of the environment"),
        (MAIL | {"password": "hunter2"}, "Extra inputs are not permitted"),
        ({"kind": "webhook"}, "one of them"),
        ({"kind": "webhook", "url_variable": "NSBILL_SLACK"}, "say that it is a secret"),
        ({"kind": "webhook", "url": "https://a.example", "url_variable": "NSBILL_WEBHOOK"}, "one of them"),
        ({"kind": "webhook", "url": "ftp://a.example"}, "begins with https://"),
        ({"kind": "webhook", "url": "https://u:pw@a.example/x"}, "a password stands in url"),
        ({"kind": "file"}, "Field required"),
        ({"kind": "pigeon"}, "does not match any of the expected tags"),
    ],
)
def test_a_route_that_cannot_be_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        ROUTE.validate_python(values)
    assert words in str(refusal.value)
