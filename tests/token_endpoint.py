"""A token endpoint that answers what a test tells it to, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

KEY = ec.generate_private_key(ec.SECP256R1())
KEY_PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
"""A key of nobody, new in each test process."""


@dataclass(frozen=True)
class Answer:
    """Status and body of one answer."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Endpoint:
    """``answers`` are given one after the other, the last of them for ever; without any, new tokens are given."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    expires_in: object = 3600
    latency: float = 0.0
    resources: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def answer(self) -> Answer:
        """The next answer to a request for a token."""
        if self.answers:
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Answer(
            body={"access_token": f"t{len(self.asked)}", "expires_in": self.expires_in, "token_type": "bearer"}
        )


@contextmanager
def token_endpoint() -> Iterator[Endpoint]:
    """Serve on a free port of 127.0.0.1 while the block runs. A GET answers 200, or the next of ``statuses``, with a cookie; its Authorization is kept."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            endpoint.asked.append((self.path, {name: values[0] for name, values in parse_qs(text).items()}))
            given = endpoint.answer()
            time.sleep(endpoint.latency)
            body = given.body if isinstance(given.body, str) else json.dumps(given.body)
            self._send(given.status, body.encode(), given.headers)

        def do_GET(self) -> None:
            endpoint.resources.append(self.headers.get("Authorization", ""))
            status = endpoint.statuses.pop(0) if endpoint.statuses else 200
            self._send(status, b"{}", {"Set-Cookie": "JSESSIONID=1; Path=/"})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response_only(status)
            for name, value in {"Date": self.date_time_string(), **headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()
