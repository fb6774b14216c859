"""Messages leave by e-mail, webhook and file: over real connections, refused and cut, and harmless whatever they hold."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from alert_receivers import PASSWORD, USER, Hook, mail_server, make_certificate, silent_server, webhook

from nsbill.runs.alert_delivery import _tried, send
from nsbill.runs.alert_mail import SendFailed, mail_of
from nsbill.runs.alert_routes import EmailRoute, FileRoute, WebhookRoute
from nsbill.runs.alert_text import Message, compose, for_chat, one_line, trial

WHERE = {"NSBILL_SMTP_PASSWORD": PASSWORD}
FINANCE = "finance@example.com"


def event(**values: Any) -> dict[str, Any]:
    return {
        "event_id": 1,
        "account": "1_SB1",
        "seller_account": "main",
        "alert": "late",
        "rule": "due-older-than",
        "job": "reconciliation",
        "seen_by": "reconciliation",
        "subject": "EUR",
        "kind": "opened",
        "at": datetime(2026, 11, 30, 10, tzinfo=UTC),
        "folder": "/runs/r-1",
        "sentence": "1,200.50 EUR are due that were expected more than 45 days ago.",
        "facts": json.dumps({"Due in all": "2,000.00 EUR"}),
        "next_step": "See nsbill exceptions list.",
        **values,
    }


def message(**values: Any) -> Message:
    return compose("m1", [event(**values)], repeats=False)


def mail_route(port: int, **values: Any) -> EmailRoute:
    given = {"kind": "email", "host": "127.0.0.1", "port": port, "security": "none", "timeout_seconds": 5}
    return EmailRoute.model_validate({**given, "from": "nsbill@example.com", "to": [FINANCE], **values})


def refusal(route: Any, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SendFailed) as failed:
        send(route, message(), Path(), environment or {})
    return str(failed.value)


def test_a_mail_says_what_is_wrong_with_the_figures_where_and_what_to_do() -> None:
    with mail_server() as box:
        assert send(mail_route(box.port, to=[FINANCE, "cfo@example.com"]), message(), Path(), {}) is None
    (mail,) = box.mails
    assert mail["Subject"] == "nsbill: 1,200.50 EUR are due that were expected more than 45 days ago."
    assert (mail["Message-ID"], mail["Auto-Submitted"]) == ("<m1@example.com>", "auto-generated")
    assert mail.get_content().splitlines() == [
        "1,200.50 EUR are due that were expected more than 45 days ago.",
        "  Due in all: 2,000.00 EUR",
        "  To do: See nsbill exceptions list.",
        "",
        "Job reconciliation; account 1_SB1, seller account main.",
        "Run: /runs/r-1",
        "Alert 'late' (due-older-than), 2026-11-30 10:00 UTC. All: nsbill alerts list",
    ]
    assert box.recipients == [[FINANCE, "cfo@example.com"]]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_is_sent_by_tls_after_signing_in(tmp_path: Path, security: str) -> None:
    pem = make_certificate(tmp_path)
    with mail_server(pem, starttls=security == "starttls", signing_in=security == "starttls") as box:
        who = {"user": USER, "password_variable": "NSBILL_SMTP_PASSWORD"} if security == "starttls" else {}
        route = mail_route(box.port, security=security, ca_file=str(pem), **who)
        send(route, message(), Path(), WHERE)
        untrusted = mail_route(box.port, security=security, **who)
        assert "TLS failed" in refusal(untrusted, WHERE)
    assert len(box.mails) == 1


def test_a_wrong_or_missing_password_is_one_sentence_without_it(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path)
    with mail_server(pem, signing_in=True) as box:
        who = {"user": USER, "password_variable": "NSBILL_SMTP_PASSWORD", "security": "starttls", "ca_file": str(pem)}
        wrong = refusal(mail_route(box.port, **who), {"NSBILL_SMTP_PASSWORD": "not-that-one"})
        missing = refusal(mail_route(box.port, **who))
    assert f"refused user {USER} or its password (535" in wrong
    assert "not-that-one" not in wrong
    assert missing == "the variable NSBILL_SMTP_PASSWORD is not set where this runs"
    assert box.mails == []


def test_nothing_is_sent_in_the_clear_to_a_server_that_has_no_tls() -> None:
    with mail_server() as box:
        assert "cannot do what the route asks for: STARTTLS" in refusal(mail_route(box.port, security="starttls"))
        assert "TLS failed" in refusal(mail_route(box.port, security="tls"))
    assert box.mails == []


@pytest.mark.parametrize(
    "reply,words", [("451 try later", "refused it (451 try later)"), ("554 spam", "refused it (554 spam)")]
)
def test_a_server_that_refuses_the_message_is_quoted(reply: str, words: str) -> None:
    with mail_server() as box:
        box.replies.append(reply)
        assert words in refusal(mail_route(box.port))
        assert send(mail_route(box.port), message(), Path(), {}) is None


def test_addresses_that_are_refused_are_told_and_the_others_have_got_it() -> None:
    with mail_server() as box:
        box.refuses[FINANCE] = "550 no such user"
        assert f"refused every address: {FINANCE} (550 no such user)" in refusal(mail_route(box.port))
        both = mail_route(box.port, to=[FINANCE, "cfo@example.com"])
        assert send(both, message(), Path(), {}) == f"refused for {FINANCE} (550 no such user)"
    assert box.recipients == [["cfo@example.com"]]


def test_a_mail_server_that_is_silent_or_not_there_is_a_sentence() -> None:
    with silent_server() as port:
        assert "gave no answer within 1 s" in refusal(mail_route(port, timeout_seconds=1))
    assert "cannot be reached (Connection refused)" in refusal(mail_route(port, timeout_seconds=1))


EVIL = "fee\r\nBcc: thief@example.com\x1b[2J\u202etxt"


def test_a_line_break_from_outside_makes_no_header_and_no_terminal_obeys() -> None:
    mail = mail_of(mail_route(25), message(sentence=EVIL, facts=json.dumps({"Label": EVIL}), subject=EVIL))
    text = mail.as_string()
    assert [name for name, _ in mail.items()].count("Bcc") == 0
    assert mail["Subject"] == r"nsbill: fee\r\nBcc: thief@example.com\x1b[2J\u202etxt"
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"  Label: fee\r\nBcc: thief@example.com" in mail.get_content()
    assert isinstance(mail, EmailMessage)


def test_a_secret_of_the_environment_is_in_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSBILL_TOKEN_SECRET", "abcdef-secret")
    found = message(sentence="It said abcdef-secret.", facts=json.dumps({"Header": "abcdef-secret"}))
    assert "abcdef-secret" not in f"{found.title}{found.text}{found.facts}"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook() as running:
        yield running


def hook_route(hook: Hook, **values: Any) -> WebhookRoute:
    return WebhookRoute.model_validate({"kind": "webhook", "url": hook.url, "timeout_seconds": 2, **values})


def test_a_webhook_gets_the_same_words_in_slack_s_form(hook: Hook) -> None:
    send(hook_route(hook), message(sentence="A & B <!channel> @here `rm` [x](http://evil)"), Path(), {})
    text = hook.bodies[0]["text"]
    assert text.startswith(
        "nsbill: A &amp; B &lt;!channel&gt; @\u200bhere `\u200brm`\u200b [\u200bx](http:\u200b//evil)"
    )
    assert "Run: /runs/r-1" in text
    assert hook.bodies[0]["mrkdwn"] is False


@pytest.mark.parametrize(
    "answer,words",
    [
        (500, r"answered 500: <b>invalid\x1b[31m_payload</b>"),
        (404, "answered 404"),
        (302, "answered 302"),
        ("reset", "cannot be reached, or cut the connection"),
        ("silent", "gave no answer within 1 s"),
    ],
)
def test_a_webhook_that_does_not_take_it_is_a_sentence_without_its_secret_path(
    hook: Hook, answer: int | str, words: str
) -> None:
    hook.answers.append(answer)
    told = refusal(hook_route(hook, timeout_seconds=1))
    assert words in told
    assert "secret-part" not in told
    assert send(hook_route(hook), message(), Path(), {}) is None
    assert len(hook.bodies) == 1


@pytest.mark.parametrize(
    "environment,words",
    [
        ({}, "the variable NSBILL_SLACK_WEBHOOK is not set"),
        ({"NSBILL_SLACK_WEBHOOK": "hooks.slack.com/services/T0"}, "holds no URL that begins with https://"),
        ({"NSBILL_SLACK_WEBHOOK": "http://[::1"}, "holds no URL that begins with https://"),
        ({"NSBILL_SLACK_WEBHOOK": "http://127.0.0.1:9/x"}, "127.0.0.1 cannot be reached"),
    ],
)
def test_a_url_that_cannot_be_used_is_a_sentence_without_it(environment: dict[str, str], words: str) -> None:
    route = WebhookRoute.model_validate({"kind": "webhook", "url_variable": "NSBILL_SLACK_WEBHOOK"})
    assert words in refusal(route, environment)


def test_a_file_gets_one_line_of_json_for_each_message_also_after_a_torn_one(tmp_path: Path) -> None:
    route = FileRoute.model_validate({"kind": "file", "path": "out/alerts.jsonl"})
    send(route, message(), tmp_path, {})
    path = tmp_path / "out" / "alerts.jsonl"
    with path.open("a") as file:
        file.write('{"torn')
    send(route, message(sentence=EVIL), tmp_path, {})
    first, torn, last = path.read_text().splitlines()
    assert json.loads(first)["incidents"][0]["facts"] == {"Due in all": "2,000.00 EUR"}
    assert torn == '{"torn'
    assert json.loads(last)["incidents"][0]["sentence"] == EVIL
    (tmp_path / "folder").mkdir()
    assert "cannot be written" in refusal(FileRoute.model_validate({"kind": "file", "path": str(tmp_path / "folder")}))


def test_many_incidents_are_one_message_that_says_how_many_there_are() -> None:
    found = compose("m", [event(subject=str(n), sentence=f"Break {n}.") for n in range(25)], repeats=True)
    assert found.title == "nsbill: 25 × due-older-than, the first: Break 0."
    assert found.lines[0].startswith("You may have got this before")
    assert "… and 5 more: nsbill alerts list" in found.lines
    assert len(found.facts["incidents"]) == 25


def test_texts_are_one_printable_line_of_limited_length() -> None:
    assert one_line("a\tb\x00c\u2028d") == r"a\tb\x00c\u2028d"
    assert len(one_line("x" * 10_000)) == 600
    assert for_chat("<@U1>") == "&lt;@\u200bU1&gt;"


def test_a_receiver_that_answers_byte_by_byte_keeps_nobody_waiting_for_long(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                while not over.wait(0.4):  # each byte in time, and never an end
                    connection.sendall(b"H")

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        route = WebhookRoute(kind="webhook", url=url, timeout_seconds=1)
        began = time.monotonic()
        sent, detail = _tried(route, trial("1", "late", "due-older-than"), tmp_path)
        assert time.monotonic() - began < 30  # 4 s, and not for as long as it drips
        over.set()
        thread.join()
    assert (sent, detail) == (False, "no whole answer came within 4 s; it may have been received or not")
