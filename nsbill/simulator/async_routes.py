"""Asynchronous requests: what queues one, and the addresses under which its progress and result are (netsuite 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from nsbill.simulator.batch import batch_requests, is_batch
from nsbill.simulator.books import Books
from nsbill.simulator.errors import Refusal, bad_request, invalid_parameter, method_not_allowed, no_such_record
from nsbill.simulator.jobs import Job, Task, create_job, find_job, find_task, result_of
from nsbill.simulator.replies import REST_JSON, Reply, drop_nulls
from nsbill.simulator.request import ASYNC, Request

__all__ = ["answer_async", "queue", "refuse_async", "wants_async"]

_APPLIED = {"Preference-Applied": "respond-async"}
_KEPT_HEADERS = ("accept", "content-type")
_KEPT_PREFIX = "x-netsuite-"
_KEY = "x-netsuite-idempotency-key"


def wants_async(request: Request) -> bool:
    """Say whether a request on records is to be queued; a batch that does not ask for it is refused."""
    wanted = "respond-async" in _preferred(request)
    if is_batch(request) and not wanted:
        raise invalid_parameter("Batch operations need the header Prefer: respond-async.", header="Prefer")
    return wanted


def refuse_async(request: Request) -> None:
    """Refuse an asynchronous query: the query service has none (netsuite 3.1; text uncertain)."""
    if "respond-async" in _preferred(request):
        raise invalid_parameter("The query service does not support asynchronous requests.", header="Prefer")


def queue(books: Books, request: Request, preferences: Mapping[str, str]) -> Reply:
    """Queue a request on records as a job and say where it is; a used idempotency key is refused, with its first job."""
    batch = is_batch(request)
    if batch and "!transform" in unquote(request.path):
        raise bad_request("Batch operations are not supported for record transformation.")
    requests = [_bare(one) for one in (batch_requests(request) if batch else [request])]
    parallel = "batch-processing=parallel" in _preferred(request)
    with books.writing() as connection:
        job, new = create_job(connection, requests, key=request.headers.get(_KEY) or None, parallel=parallel)
    origin = request.origin if preferences["async_location"] == "absolute" else ""
    headers = {**_APPLIED, "Location": f"{origin}{ASYNC}job/{job}"}
    if not new:
        text = (
            "A request with the same idempotency key is already submitted. "
            'See the "Location" header for a link to the previously submitted job'
        )
        raise Refusal(400, "IDEMPOTENCY_ERROR", text, headers=headers, title="Conflict")
    return Reply(202, b"", headers)


def answer_async(books: Books, request: Request) -> Reply:
    """Answer about a job, its tasks, one task, or give a task's result as the request itself would have been answered."""
    if request.method != "GET":
        raise method_not_allowed(request.method)
    parts = [unquote(part) for part in request.path.removeprefix(ASYNC).rstrip("/").split("/")]
    base, reader = request.origin + ASYNC.rstrip("/"), books.reader()
    match parts:
        case ["job", job]:
            return Reply.json(_show_job(find_job(reader, job), base), kind=REST_JSON + "singular")
        case ["job", job, "task"]:
            return Reply.json(_show_tasks(find_job(reader, job), base), kind=REST_JSON + "collection")
        case ["job", job, "task", task]:
            return Reply.json(_show_task(find_task(reader, job, task), base), kind=REST_JSON + "singular")
        case ["job", job, "task", task, "result"]:
            return result_of(reader, find_task(reader, job, task))
        case _:
            raise no_such_record()


def _preferred(request: Request) -> frozenset[str]:
    """Read ``Prefer``: ``respond-async, batch-processing="parallel"`` and the like."""
    text = request.headers.get("prefer", "").lower().replace('"', "").replace(";", ",")
    return frozenset("".join(part.split()) for part in text.split(","))


def _bare(request: Request) -> Request:
    """Leave out of a request what signed it and what made it asynchronous."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in _KEPT_HEADERS or (name.startswith(_KEPT_PREFIX) and name != _KEY)
    }
    return replace(request, headers=headers)


def _show_job(job: Job, base: str) -> dict[str, object]:
    href = f"{base}/job/{job.number}"
    return {
        "links": [{"rel": "self", "href": href}],
        "completed": job.completed,
        "id": str(job.number),
        "progress": job.progress,
        "task": {"links": [{"rel": "self", "href": f"{href}/task"}]},
    }


def _show_tasks(job: Job, base: str) -> dict[str, object]:
    href = f"{base}/job/{job.number}/task"
    items = [
        {"links": [{"rel": "self", "href": f"{href}/{task.number}"}], "id": str(task.number)} for task in job.tasks
    ]
    return {
        "links": [{"rel": "self", "href": href}],
        "count": len(items),
        "hasMore": False,
        "items": items,
        "offset": 0,
        "totalResults": len(items),
    }


def _show_task(task: Task, base: str) -> dict[str, object]:
    href = f"{base}/job/{task.job}/task/{task.number}"
    links = [{"rel": "self", "href": href}]
    if task.completed:
        links.insert(0, {"rel": "related", "href": f"{href}/result"})
    fields = drop_nulls([("startTime", task.started), ("endTime", task.ended)])
    return {
        "links": links,
        "completed": task.completed,
        "id": str(task.number),
        "progress": task.state,
        **fields,
    }
