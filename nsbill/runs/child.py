"""The child process of a run: ``python -m nsbill.runs.child``, spoken to in JSON lines.

It executes a notebook, reporting each finished cell and at last the outcome, and writes the HTML report when told
to. Standard input staying open is the sign that the parent lives: when it ends in the middle of the work, this
process ends at once, and its kernel with it.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

# At import, jsonschema would have this package build a grammar for 2 s, for a check that notebooks do not need.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None is how Python notes "not there"

import nbformat  # noqa: E402
from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: E402
from papermill import PapermillExecutionError, execute_notebook  # noqa: E402
from papermill.engines import NBClientEngine, papermill_engines  # noqa: E402

from nsbill.runs.html import PAPERMILL_NOTE, export_html  # noqa: E402
from nsbill.runs.kernel import RunKernelManager  # noqa: E402
from nsbill.runs.results import RESULT_FILE_VARIABLE  # noqa: E402

__all__ = ["main"]

_ENGINE = "nsbill"
_INJECTED = "injected-parameters"

Send = Callable[[dict[str, Any]], None]


@dataclass
class Watch:
    """What really happened to each cell, noted as it happens; positions are of the executed notebook."""

    send: Send
    started: int | None = None
    ended: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    cells: list[Any] = field(default_factory=list)

    @property
    def code(self) -> list[int]:
        """Positions of the code cells."""
        return [index for index, cell in enumerate(self.cells) if cell.cell_type == "code"]

    @property
    def completed(self) -> list[int]:
        """Positions of the code cells that ran to their end without an error."""
        return [index for index in self.code if index in self.ended and index not in self.failed]

    def attach(self, manager: Any) -> None:
        """Listen to papermill's notebook manager."""
        self.cells = list(manager.nb.cells)
        start, fail, complete = manager.cell_start, manager.cell_exception, manager.cell_complete

        def cell_start(cell: Any, cell_index: int, **options: Any) -> Any:
            self.started = cell_index
            return start(cell, cell_index, **options)

        def cell_exception(cell: Any, cell_index: int, **options: Any) -> Any:
            self.failed.add(cell_index)
            return fail(cell, cell_index=cell_index, **options)

        def cell_complete(cell: Any, cell_index: int, **options: Any) -> Any:
            done = complete(cell, cell_index=cell_index, **options)
            if sys.exc_info()[0] is not None:  # papermill calls this for a cell that timed out, too
                return done
            self.ended.add(cell_index)
            if cell.cell_type == "code":
                self.send({"event": "progress", "done": len(self.completed), "total": len(self.code)})
            return done

        manager.cell_start, manager.cell_exception, manager.cell_complete = cell_start, cell_exception, cell_complete

    def source_position(self, index: int) -> int:
        """The position in the notebook as it was written, without papermill's injected cell."""
        return index - sum(_INJECTED in cell.metadata.get("tags", []) for cell in self.cells[:index])


class Limits:
    """How long the next cell may take: what a cell may, or what is left of the whole run, whichever is less."""

    def __init__(self, of_a_cell: float | None, of_the_run: float | None) -> None:
        self._of_a_cell, self._of_the_run = of_a_cell, of_the_run
        self._until = None if of_the_run is None else time.monotonic() + of_the_run
        self.sentence = f"took longer than the {of_a_cell} s that a cell may take"

    def __call__(self, cell: Any) -> float | None:
        """Seconds that a cell may take; nbclient asks before each."""
        if self._until is None:
            return self._of_a_cell
        left = max(self._until - time.monotonic(), 0.1)
        if self._of_a_cell is not None and self._of_a_cell < left:
            return self._of_a_cell
        self.sentence = f"was running when the {self._of_the_run:g} s were over that the whole run may take"
        return left


class WatchedEngine(NBClientEngine):  # type: ignore[misc]  # papermill has no types
    """papermill's engine with a ``Watch`` listening."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """Attach the watch, then let papermill work."""
        options.pop("watch").attach(nb_man)
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


def main() -> int:
    """Do what the lines on standard input say, until it ends."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints must not disturb the channel
    send, busy = _sender(channel), threading.Event()
    orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(orders, busy), daemon=True).start()
    while (order := orders.get()) is not None:
        busy.set()
        answer = _report(order) if order["do"] == "report" else _execute(order, send)
        busy.clear()
        send(answer)
    return 0


def _sender(channel: TextIO) -> Send:
    def send(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    return send


def _receive(orders: queue.SimpleQueue[dict[str, Any] | None], busy: threading.Event) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    if busy.is_set():
        os._exit(3)
    orders.put(None)


def _report(order: dict[str, Any]) -> dict[str, Any]:
    try:
        export_html(Path(order["notebook"]), Path(order["target"]), facts=order["facts"])
    except Exception as error:  # the run's own result must survive a fault of its report
        return {"event": "report", "problem": f"{type(error).__name__}: {error}"}
    return {"event": "report", "problem": None}


def _execute(orders: dict[str, Any], send: Send) -> dict[str, Any]:
    """Run the notebook and say how it ended: by what was raised and by what the watch saw."""
    notebook, target, watch = Path(orders["notebook"]), Path(orders["output"]), Watch(send)
    os.environ[RESULT_FILE_VARIABLE] = orders["result_file"]
    os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype")
    papermill_engines.register(_ENGINE, WatchedEngine)
    failure: Exception | None = None
    limits = Limits(orders["timeout_per_cell"], orders["time_limit"])
    try:
        execute_notebook(
            _unformatted(notebook),
            _unformatted(target),
            parameters=orders["parameters"],
            engine_name=_ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=str(notebook.parent),
            execution_timeout=None,
            timeout_func=limits,
            watch=watch,
            store_widget_state=False,
            kernel_manager_class=RunKernelManager,
        )
    except Exception as error:  # whatever ended it is what the parent must hear
        failure = error
    outcome = _outcome(watch, failure, limits)
    if target.exists():
        _mark(target, notebook, outcome)
    return {"event": "outcome", **outcome, "completed": len(watch.completed), "total": len(watch.code)}


def _unformatted(path: Path) -> str:
    """The path as text with its braces doubled, because papermill formats paths with the parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _outcome(watch: Watch, failure: Exception | None, limits: Limits) -> dict[str, Any]:
    """Tell the ways of ending apart; papermill's notebook metadata says 'completed' for some that are not."""
    if failure is None and len(watch.completed) == len(watch.code):
        return {"kind": "completed", "index": None, "cell": None, "sentence": None}
    index = watch.started
    if failure is None:
        kind, index = "exit", next(position for position in watch.code if position not in watch.completed)
        what = "stopped the notebook before its end (sys.exit or SystemExit)"
    elif isinstance(failure, CellTimeoutError):
        kind, what = "timeout", limits.sentence
    elif isinstance(failure, DeadKernelError):
        kind, what = "dead_kernel", "killed its kernel (out of memory, a crash in a library, or os._exit)"
    elif isinstance(failure, PapermillExecutionError):
        kind = "cell_error"
        index = failure.cell_index
        what = f"raised {failure.ename}: {failure.evalue.strip()}".splitlines()[0].rstrip(": ")
    else:
        return {
            "kind": "not_started" if index is None else "runner_error",
            "index": index,
            "cell": None if index is None else watch.source_position(index),
            "sentence": f"the notebook could not be run: {type(failure).__name__}: {failure}",
        }
    return {
        "kind": kind,
        "index": index,
        "cell": None if index is None else watch.source_position(index),
        "sentence": f"{_name(watch, index)} {what}",
    }


def _name(watch: Watch, index: int | None) -> str:
    """How a person finds the cell: its number among the code cells and its first line."""
    if index is None or index >= len(watch.cells):
        return "the notebook"
    own = [position for position in watch.code if _INJECTED not in watch.cells[position].metadata.get("tags", [])]
    if index not in own:
        return "the parameters"
    lines = [line for line in watch.cells[index].source.splitlines() if line.strip()]
    first = f" ({lines[0].strip()[:80]})" if lines else ""
    return f"code cell {own.index(index) + 1} of {len(own)}{first}"


def _mark(target: Path, notebook: Path, outcome: dict[str, Any]) -> None:
    """Make the output notebook tell the truth: no path of this machine, the failing cell marked, the rest pending."""
    book = nbformat.read(target, as_version=4)
    book.metadata.papermill.update(input_path=notebook.name, output_path=target.name)
    if outcome["kind"] != "completed":
        book.metadata.papermill["exception"] = True
    if outcome["kind"] in {"timeout", "dead_kernel", "exit"}:
        position = outcome["index"]
        for index, cell in enumerate(book.cells):
            if index == position:
                cell.metadata.papermill.update(status="failed", exception=True)
                _add_error(cell, outcome)
            elif index > position:
                cell.metadata.papermill["status"] = "pending"
        warning = nbformat.v4.new_markdown_cell(f"**This run failed:** {outcome['sentence']}.")
        warning.metadata["tags"] = [PAPERMILL_NOTE]
        book.cells.insert(0, warning)
    nbformat.write(book, target)


def _add_error(cell: Any, outcome: dict[str, Any]) -> None:
    if not any(output.output_type == "error" for output in cell.outputs):
        text = outcome["sentence"]
        cell.outputs.append(nbformat.v4.new_output("error", ename=outcome["kind"], evalue=text, traceback=[text]))


if __name__ == "__main__":
    sys.exit(main())
