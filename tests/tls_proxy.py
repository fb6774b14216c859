"""A CONNECT proxy that ends TLS itself and hands requests to a simulator: clients keep NetSuite's own host names."""

from __future__ import annotations

import datetime as dt
import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_KEPT = ("location", "content-type", "www-authenticate", "retry-after", "preference-applied", "warning")


@dataclass(frozen=True)
class Proxy:
    """Where the proxy listens, and the certificate authority that a client must trust."""

    url: str
    authority: Path

    def environment(self) -> dict[str, str]:
        """The variables by which common HTTP clients find both."""
        return {
            "HTTPS_PROXY": self.url,
            "https_proxy": self.url,
            "NO_PROXY": "",
            "no_proxy": "",
            "SSL_CERT_FILE": str(self.authority),
        }


@contextmanager
def netsuite_hosts(simulator_url: str, account: str, folder: Path) -> Iterator[Proxy]:
    """Serve both hosts of ``account`` by TLS from the simulator, while the block runs."""
    label = account.lower().replace("_", "-")
    hosts = [f"{label}.suitetalk.api.netsuite.com", f"{label}.restlets.api.netsuite.com"]
    authority = _certificate(folder, hosts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "hosts.pem")

    class Handler(_Handler):
        tls, target, known = context, simulator_url, frozenset(hosts)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield Proxy(f"http://127.0.0.1:{server.server_address[1]}", authority)
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tls: ssl.SSLContext
    target: str
    known: frozenset[str]

    def do_CONNECT(self) -> None:
        if self.path.rpartition(":")[0] not in self.known:
            self.send_error(502, f"{self.path} is none of NetSuite's hosts")
            return
        self.send_response(200)
        self.end_headers()
        self.connection = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def pass_on(self) -> None:
        """Hand one request to the simulator with the client's own Host header, and its answer back."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address = urlsplit(self.target)
        assert address.hostname
        onward = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        onward.request(self.command, self.path, body, headers | {"X-Forwarded-Proto": "https", "Connection": "close"})
        answer = onward.getresponse()
        content = answer.read()
        onward.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in _KEPT:
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 -- the base class looks for these names

    def finish(self) -> None:
        """Close the TLS connection too: the server knows only the plain one that it was made from."""
        super().finish()
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Say nothing."""


def _certificate(folder: Path, hosts: list[str]) -> Path:
    """Make a certificate for ``hosts`` that signs itself; returns the file that a client must trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "hosts.pem").write_bytes(private + public)
    (folder / "authority.pem").write_bytes(public)
    return folder / "authority.pem"
