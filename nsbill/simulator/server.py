"""The simulated NetSuite as a server: Tornado in a thread, on 127.0.0.1 only."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from tornado.httpserver import HTTPServer
from tornado.web import Application

from nsbill.simulator import certificates
from nsbill.simulator.books import DEPLOY, SCRIPT, Books
from nsbill.simulator.control import Control
from nsbill.simulator.gateway import ControlHandler, Gateway
from nsbill.simulator.jobs_runner import JobRunner
from nsbill.simulator.routes import Routes
from nsbill.simulator.services import Services
from nsbill.simulator.sign_in import SignIn

__all__ = ["Simulator"]

_ADDRESS = "127.0.0.1"
_SAVED_SEARCH = "customsearch_nsbill_orders_to_bill"
_MAX_BODY = 104 * 1024 * 1024
_STARTUP_SECONDS = 30
_PATIENCE_SECONDS = 2


class Simulator:
    """A simulated NetSuite on existing books; a context manager.

    ``database`` is the books' file; several simulators, also in several processes, may serve the same one.
    ``port`` 0 takes a free one; ``latency_ms`` is how long every answer takes, holding a slot of the account.
    """

    def __init__(self, database: Path, *, port: int = 0, latency_ms: int = 0) -> None:
        self._database, self._port = Path(database), port
        self._latency_ms = latency_ms
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._control: Control | None = None
        self.url = ""
        """Where it listens, such as ``http://127.0.0.1:49152``; empty until it is started."""
        self.instance = secrets.token_hex(8)
        """A name of this running simulator that no other has."""

    def start(self) -> Self:
        """Serve in a thread; returns when requests are answered."""
        if self._thread is not None:
            raise RuntimeError("This simulator is already running.")
        books = Books(self._database)
        self._control = Control(
            books, SignIn(books), Services(books), latency_ms=self._latency_ms, instance=self.instance
        )
        ready = Event()
        self._failure = None
        self._thread = Thread(target=self._run, args=(ready,), name="simulated-netsuite", daemon=True)
        self._thread.start()
        if not ready.wait(_STARTUP_SECONDS) or self._failure is not None:
            self._thread = None
            self._control.books.close()
            raise RuntimeError(f"The simulator could not start: {self._failure}") from self._failure
        return self

    def stop(self) -> None:
        """Finish the requests under way and stop; the books stay as they are."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None
        self.control_state.books.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def control_state(self) -> Control:
        """The running parts; only after ``start``."""
        if self._control is None:
            raise RuntimeError("This simulator was not started.")
        return self._control

    def control(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Carry out a control route in this process, such as faults, preferences or statistics."""
        return self.control_state.call(path, body)

    def upload_certificate(self, pem: str, role: str = "") -> str:
        """Map a public certificate to the integration, as NetSuite's setup page does; return its id.

        Raises ``ValueError`` with NetSuite's reason; see ``certificates.upload``.
        """
        return certificates.upload(self.control_state.books, pem, role)

    def credentials(self) -> dict[str, str]:
        """Return everything that a client needs to sign in and to find the RESTlet and the saved search."""
        books = self.control_state.books
        credential = next(iter(books.credentials().values()), None)
        if credential is None:
            raise RuntimeError(f"{self._database}: no credentials in these books.")
        return {
            "base_url": self.url,
            "account": books.account(),
            "client_id": credential.consumer_key,
            "consumer_key": credential.consumer_key,
            "consumer_secret": credential.consumer_secret,
            "token_id": credential.token_id,
            "token_secret": credential.token_secret,
            "script": SCRIPT[0],
            "deploy": DEPLOY[0],
            "saved_search": _SAVED_SEARCH,
        }

    def write_credentials(self, path: Path) -> None:
        """Write the credentials as JSON, readable by the owner only; the file is complete or not there."""
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp gives mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(self.credentials(), file, indent=2)
                file.write("\n")
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _run(self, ready: Event) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:  # the thread's border: start() raises it
            self._failure = error
        finally:
            ready.set()

    async def _serve(self, ready: Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        control = self.control_state
        with ThreadPoolExecutor(4, thread_name_prefix="simulated-netsuite") as workers:
            queued = Event()
            routes = Routes(control.books, queued)
            jobs = JobRunner(control.books, routes.answer, control.traffic, lambda: control.latency_ms, queued=queued)
            jobs.start()
            shared = {"control": control, "routes": routes, "workers": workers}
            application = Application(
                [(r"/_simulator/(\w+)", ControlHandler, {"control": control}), (r".*", Gateway, shared)],
                log_function=lambda _: None,
            )
            server = HTTPServer(application, max_body_size=_MAX_BODY)
            listener = _listener(self._port)
            server.add_socket(listener)
            self._port = listener.getsockname()[1]
            self.url = f"http://{_ADDRESS}:{self._port}"
            ready.set()
            await self._stop.wait()
            server.stop()
            await self._loop.run_in_executor(None, jobs.stop)
            try:
                await asyncio.wait_for(control.traffic.drained(), _PATIENCE_SECONDS)
            except TimeoutError:
                control.books.interrupt()
            await server.close_all_connections()


def _listener(port: int) -> socket.socket:
    """Open the listening socket; Tornado's own helper leaves it open when the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_ADDRESS, port))
        listener.listen(128)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
