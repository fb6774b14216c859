"""The books of asynchronous requests: jobs, their tasks, and who works at which (netsuite 8.2, 8.3)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from nsbill.simulator.errors import Refusal, no_such_record
from nsbill.simulator.replies import Reply
from nsbill.simulator.request import Request

__all__ = ["Job", "Task", "claim", "create_job", "find_job", "find_task", "finish", "hold", "release", "result_of"]

_REQUEST_FIELDS = ("method", "target", "host", "scheme", "role")


@dataclass(frozen=True)
class Task:
    """One request of a job; ``number`` counts from 1 within it."""

    job: int
    number: int
    state: str
    """pending, processing, succeeded, failed"""
    started: str | None
    ended: str | None

    @property
    def completed(self) -> bool:
        """Whether its result is there."""
        return self.state in ("succeeded", "failed")


@dataclass(frozen=True)
class Job:
    """One asynchronous request; a batch has one task a record."""

    number: int
    tasks: tuple[Task, ...]

    @property
    def completed(self) -> bool:
        """Whether every task is."""
        return all(task.completed for task in self.tasks)

    @property
    def progress(self) -> str:
        """State of the whole; one failed task makes a completed job failed (uncertain)."""
        states = {task.state for task in self.tasks}
        if self.completed:
            return "failed" if "failed" in states else "succeeded"
        return "pending" if states == {"pending"} else "processing"


def create_job(
    connection: sqlite3.Connection, requests: Sequence[Request], *, key: str | None, parallel: bool
) -> tuple[int, bool]:
    """Queue requests as one job; return its number, and whether it is new: a used idempotency key gives its first job."""
    if key is not None:
        row = connection.execute("SELECT id FROM job WHERE idempotencykey = ?", (key,)).fetchone()
        if row is not None:
            return int(row["id"]), False
    cursor = connection.execute(
        "INSERT INTO job (idempotencykey, parallel) VALUES (?, ?)", (key, "T" if parallel else "F")
    )
    job = int(cursor.lastrowid or 0)
    connection.executemany(
        "INSERT INTO task (job, id, state, request, body) VALUES (?, ?, 'pending', ?, ?)",
        [(job, number, _pack(request), request.body) for number, request in enumerate(requests, 1)],
    )
    return job, True


def find_job(connection: sqlite3.Connection, number: str) -> Job:
    """Return a job with its tasks, or refuse an unknown one."""
    rows = connection.execute(
        "SELECT job, id, state, starttime, endtime FROM task WHERE job = ? ORDER BY id", (_number(number),)
    ).fetchall()
    if not rows:
        raise no_such_record()
    return Job(rows[0]["job"], tuple(Task(*row) for row in rows))


def find_task(connection: sqlite3.Connection, job: str, number: str) -> Task:
    """Return one task, or refuse an unknown one."""
    wanted = _number(number)
    for task in find_job(connection, job).tasks:
        if task.number == wanted:
            return task
    raise no_such_record()


def result_of(connection: sqlite3.Connection, task: Task) -> Reply:
    """Return the answer that the request would have had, or refuse while there is none (code uncertain)."""
    if not task.completed:
        raise Refusal(404, "NOT_FOUND", "The result of this task is not available yet.")
    row = connection.execute(
        "SELECT status, headers, answer FROM task WHERE job = ? AND id = ?", (task.job, task.number)
    ).fetchone()
    return Reply(row["status"], bytes(row["answer"]), json.loads(row["headers"]))


def claim(
    connection: sqlite3.Connection, runner: str, *, now: float, lease: float, started: str, processors: int
) -> tuple[Task, Request] | None:
    """Take the next task for ``runner`` until ``now + lease`` (seconds), or nothing when none may begin.

    At most ``processors`` are worked at in the whole account. A task whose lease has run out was left by a simulator
    that ended, and is taken again. Tasks of one job follow each other unless the job is parallel.
    """
    busy = connection.execute(
        "SELECT COUNT(*) FROM task WHERE state IN ('pending', 'processing') AND state = 'processing' AND lease >= ?",
        (now,),
    ).fetchone()[0]
    if busy >= processors:
        return None
    row = connection.execute(
        "SELECT t.job, t.id, t.state, t.starttime, t.endtime, t.request, t.body FROM task t JOIN job j ON j.id = t.job "
        "WHERE t.state IN ('pending', 'processing') AND (t.state = 'pending' OR t.lease < ?) AND (j.parallel = 'T' OR "
        "NOT EXISTS (SELECT 1 FROM task e WHERE e.job = t.job AND e.id < t.id AND e.state IN ('pending', 'processing'))) "
        "ORDER BY t.job, t.id LIMIT 1",
        (now,),
    ).fetchone()
    if row is None:
        return None
    connection.execute(
        "UPDATE task SET state = 'processing', runner = ?, lease = ?, starttime = ? WHERE job = ? AND id = ?",
        (runner, now + lease, started, row["job"], row["id"]),
    )
    return Task(*row[:5]), _unpack(row["request"], bytes(row["body"]))


def hold(connection: sqlite3.Connection, task: Task, runner: str) -> bool:
    """Say whether a task is still this runner's, inside the transaction that carries it out."""
    row = connection.execute(
        "SELECT 1 FROM task WHERE job = ? AND id = ? AND state = 'processing' AND runner = ?",
        (task.job, task.number, runner),
    ).fetchone()
    return row is not None


def finish(connection: sqlite3.Connection, task: Task, reply: Reply, ended: str) -> None:
    """Keep a task's answer."""
    connection.execute(
        "UPDATE task SET state = ?, endtime = ?, status = ?, headers = ?, answer = ? WHERE job = ? AND id = ?",
        (
            "succeeded" if reply.status < 400 else "failed",
            ended,
            reply.status,
            json.dumps(dict(reply.headers)),
            reply.body,
            task.job,
            task.number,
        ),
    )


def release(connection: sqlite3.Connection, runner: str) -> None:
    """Give back what a runner has taken and not carried out, so that others need not wait for its lease."""
    connection.execute(
        "UPDATE task SET state = 'pending', starttime = NULL WHERE state = 'processing' AND runner = ?", (runner,)
    )


def _pack(request: Request) -> str:
    fields = {name: getattr(request, name) for name in _REQUEST_FIELDS}
    permissions = None if request.permissions is None else dict(request.permissions)
    return json.dumps({**fields, "headers": dict(request.headers), "permissions": permissions})


def _unpack(text: str, body: bytes) -> Request:
    return Request(**json.loads(text), body=body)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise no_such_record()
    return int(text)
