"""Send a message by e-mail, by SMTP with TLS; what a server refuses is one sentence."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from nsbill.runs.alert_routes import EmailRoute
from nsbill.runs.alert_text import Message, one_line

__all__ = ["SendFailed", "send_mail"]

_POLICY = SMTP.clone(max_line_length=900)
"""Lines here are at most 600 characters long, and SMTP takes 998: nothing needs to be folded."""


class SendFailed(Exception):
    """A message could not be sent; the text says why, without secrets."""


def send_mail(route: EmailRoute, message: Message, environment: Mapping[str, str]) -> str | None:
    """Send it to all addresses; returns which of them the server refused, when it took the message for others.

    Raises
    ------
    SendFailed
        The server took it for nobody, or there is no clear answer.
    """
    where = f"{route.host}:{route.port}"
    try:
        server = _connected(route)
        try:
            if route.user:
                server.login(route.user, _password(route, environment))
            refused = server.send_message(mail_of(route, message))
            with suppress(
                smtplib.SMTPException, OSError
            ):  # it has taken the message; how it says goodbye is its affair
                server.quit()
        finally:
            server.close()
    except smtplib.SMTPRecipientsRefused as error:
        raise SendFailed(f"{where} refused every address: {_refusals(error.recipients)}") from error
    except smtplib.SMTPAuthenticationError as error:
        raise SendFailed(f"{where} refused user {route.user} or its password ({_reply(error)})") from error
    except smtplib.SMTPResponseException as error:
        raise SendFailed(f"{where} refused it ({_reply(error)})") from error
    except smtplib.SMTPNotSupportedError as error:
        raise SendFailed(f"{where} cannot do what the route asks for: {one_line(str(error))}") from error
    except smtplib.SMTPServerDisconnected as error:
        if isinstance(error.__context__, TimeoutError):
            raise SendFailed(f"{where} gave no answer within {route.timeout_seconds} s") from error
        raise SendFailed(f"{where} cut the connection ({one_line(str(error))})") from error
    except ssl.SSLError as error:
        raise SendFailed(f"{where}: TLS failed ({one_line(str(error.reason or error), limit=200)})") from error
    except TimeoutError as error:
        raise SendFailed(f"{where} gave no answer within {route.timeout_seconds} s") from error
    except OSError as error:
        raise SendFailed(f"{where} cannot be reached ({one_line(error.strerror or type(error).__name__)})") from error
    return f"refused for {_refusals(refused)}" if refused else None


def mail_of(route: EmailRoute, message: Message) -> EmailMessage:
    """The message as an e-mail: plain text. Header lines are refused by Python's library if they hold a line break."""
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = message.title
    mail["From"] = route.sender
    mail["To"] = ", ".join(route.to)
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{message.number}@{route.sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text + "\n")
    return mail


def _connected(route: EmailRoute) -> smtplib.SMTP:
    """Connect, and make sure of TLS where the route asks for it."""
    if route.security == "none":
        return smtplib.SMTP(route.host, route.port, timeout=route.timeout_seconds)
    try:
        context = ssl.create_default_context(cafile=route.ca_file or None)
    except OSError as error:
        raise SendFailed(f"{route.ca_file} cannot be used as ca_file ({error.strerror or error})") from error
    if route.security == "tls":
        return smtplib.SMTP_SSL(route.host, route.port, timeout=route.timeout_seconds, context=context)
    server = smtplib.SMTP(route.host, route.port, timeout=route.timeout_seconds)
    try:
        code, text = server.starttls(context=context)
        if code != 220:
            raise smtplib.SMTPResponseException(code, text)  # noqa: TRY301 -- this library only returns it
    except BaseException:
        server.close()
        raise
    return server


def _password(route: EmailRoute, environment: Mapping[str, str]) -> str:
    if not environment.get(route.password_variable):
        raise SendFailed(f"the variable {route.password_variable} is not set where this runs")
    return environment[route.password_variable]


def _refusals(recipients: Mapping[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{one_line(to)} ({_said(code, text)})" for to, (code, text) in recipients.items())


def _reply(error: smtplib.SMTPResponseException) -> str:
    return _said(error.smtp_code, error.smtp_error)


def _said(code: int, text: bytes | str) -> str:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return f"{code} {one_line(words, limit=200)}".strip()
