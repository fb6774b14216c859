"""Processes that bill and kill themselves at a step of the protocol. Run as a script, it forks one for each request.

Forking pays for the imports once. The product knows nothing of this: its functions are wrapped here, in the child.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Self

STEPS = ("start_run", "intend", "create", "look", "record", "note")


@dataclass(frozen=True)
class Crash:
    """Die at the ``number``-th call of ``step``, before or after it; or ``seconds`` after the beginning."""

    step: str = ""
    number: int = 1
    when: str = "before"
    seconds: float = 0.0
    work: str = "bill"

    def __str__(self) -> str:
        if not self.step:
            return f"{self.work}, {self.seconds:.3f} s"
        return f"{self.work}, {self.when} {self.step} {self.number}"


@dataclass
class Crasher:
    """The process that forks; use as a context manager."""

    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.communicate(timeout=30)

    def run(self, crash: Crash, workspace: str, environment: dict[str, str]) -> int:
        """Let a process bill until it dies; returns how it ended: -9 killed, 0 done, else it failed."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"crash": asdict(crash), "workspace": workspace, "environment": environment}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def main() -> None:
    import nsbill.desk  # noqa: F401 - what takes long is imported before forking

    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os.close(1)
            _live(Crash(**request["crash"]), request["workspace"], request["environment"])
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _live(crash: Crash, workspace: str, environment: dict[str, str]) -> None:
    """Bill as a person would, and end the process whatever happens."""
    from nsbill.desk import Desk

    code = 3
    try:
        os.environ.update(environment)
        if crash.step:
            _wrap(crash)
        else:
            threading.Thread(target=_die_later, args=(crash.seconds,), daemon=True).start()
        with Desk.open(workspace) as desk:
            if crash.work == "resume":
                desk.resume()
            else:
                desk.settle_open()
                desk.bill(desk.preview())
        code = 0
    except Exception:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def _die_later(seconds: float) -> None:
    time.sleep(seconds)
    _die()


def _wrap(crash: Crash) -> None:
    """Let the step's function count its calls, and die at the right one."""
    from nsbill.billing.journal import Journal
    from nsbill.netsuite.client import Client

    lock = threading.Lock()
    calls = 0
    began = threading.Event()  # what is read before the run has begun is no step of the protocol

    def counted(function: Callable[..., Any], is_step: Callable[..., bool]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            dies = False
            if is_step(*args, **kwargs):
                with lock:
                    calls += 1
                    dies = calls == crash.number
            if dies and crash.when == "before":
                _die()
            try:
                return function(*args, **kwargs)
            finally:  # a refusal is an answer too
                if dies:
                    _die()

        return wrapped

    if crash.step in {"create", "look"}:
        creates = crash.step == "create"
        Client.send = counted(  # type: ignore[method-assign]
            Client.send, lambda _, call: call.creates if creates else began.is_set() and not call.creates
        )
    else:
        setattr(Journal, crash.step, counted(getattr(Journal, crash.step), lambda *_, **__: True))
    name = "intend" if crash.work == "bill" else "note"
    begin = getattr(Journal, name)

    def beginning(*args: Any, **kwargs: Any) -> Any:
        began.set()
        return begin(*args, **kwargs)

    setattr(Journal, name, beginning)


if __name__ == "__main__":
    main()
