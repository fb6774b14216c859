"""Send a message to a webhook in Slack's form, or write it at the end of a file; failures are one sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from nsbill.runs.alert_mail import SendFailed
from nsbill.runs.alert_routes import FileRoute, WebhookRoute
from nsbill.runs.alert_text import Message, for_chat, one_line

__all__ = ["send_to_webhook", "write_to_file"]

_LONGEST = 12_000


def send_to_webhook(route: WebhookRoute, message: Message, environment: Mapping[str, str]) -> None:
    """Post the message as JSON (``text``); any answer of 2xx means that it was taken.

    The URL may be a secret, so no sentence here says more of it than its host.

    Raises
    ------
    SendFailed
        It was not taken, or there is no clear answer.
    """
    import requests

    url = _url(route, environment)
    host = urlsplit(url).hostname
    text = f"{message.title}\n\n{message.text}"
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…\nThe rest: nsbill alerts list"
    body = {"text": for_chat(text), "mrkdwn": False}
    try:
        with requests.post(url, json=body, timeout=route.timeout_seconds, allow_redirects=False, stream=True) as answer:
            if 200 <= answer.status_code < 300:
                return
            said = one_line(next(answer.iter_content(200), b"").decode(errors="replace"), limit=200)
            code = answer.status_code
    except requests.exceptions.SSLError as error:
        raise SendFailed(f"{host}: TLS failed; its certificate cannot be trusted, or it speaks no TLS") from error
    except requests.exceptions.Timeout as error:
        raise SendFailed(f"{host} gave no answer within {route.timeout_seconds} s") from error
    except requests.exceptions.ConnectionError as error:
        raise SendFailed(f"{host} cannot be reached, or cut the connection") from error
    except requests.exceptions.RequestException as error:
        raise SendFailed(f"{host}: {type(error).__name__}") from error
    raise SendFailed(f"{host} answered {code}: {said}" if said else f"{host} answered {code}")


def write_to_file(route: FileRoute, message: Message, folder: Path) -> None:
    """Add the message as one line of JSON, on the disk when this returns; relative paths begin at ``folder``.

    Raises
    ------
    SendFailed
        It cannot be written.
    """
    path = folder / route.path
    line = json.dumps({**message.facts, "title": message.title}) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if file.seek(0, os.SEEK_END) and not _ends_a_line(file.fileno()):
                line = f"\n{line}"  # a process ended in the middle of one
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SendFailed(f"{path} cannot be written ({error.strerror})") from error


def _ends_a_line(descriptor: int) -> bool:
    end = os.lseek(descriptor, -1, os.SEEK_END)
    return end >= 0 and os.read(descriptor, 1) == b"\n"


def _url(route: WebhookRoute, environment: Mapping[str, str]) -> str:
    if route.url:
        return route.url
    url = environment.get(route.url_variable, "")
    if not url:
        raise SendFailed(f"the variable {route.url_variable} is not set where this runs")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        fits = False
    if not fits:
        raise SendFailed(f"the variable {route.url_variable} holds no URL that begins with https:// and names a host")
    return url
