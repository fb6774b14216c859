"""The RESTlet host: what NetSuite itself does before and after the script runs (netsuite 7.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nsbill.simulator.books import DEPLOY, SCRIPT
from nsbill.simulator.errors import Refusal, unsupported_media_type
from nsbill.simulator.replies import Reply
from nsbill.simulator.request import Request
from nsbill.simulator.restlet import Caller, Restlet, is_first

__all__ = ["SCRIPT_ERRORS", "answer_restlet", "script_error"]

SCRIPT_ERRORS = {"script_error": "UNEXPECTED_ERROR", "script_timeout": "SSS_TIME_LIMIT_EXCEEDED"}
"""Kind of fault to the code of the error that ends the script."""

_TEXTS = {
    "SSS_TIME_LIMIT_EXCEEDED": "Script Execution Time Exceeded.",
    "UNEXPECTED_ERROR": "An unexpected SuiteScript error has occurred",
}


def answer_restlet(restlet: Restlet, request: Request, preferences: Mapping[str, str]) -> Reply:
    """Run the script for a request, or raise the host's refusal; the script has the entry points get and post only."""
    query = request.query
    deployed = preferences["restlet_deployed"] == "T"
    if not deployed or query.get("script") not in SCRIPT or query.get("deploy") not in DEPLOY:
        text = "That script deployment does not exist, or you do not have permission to run it."
        raise Refusal(404, "SSS_INVALID_SCRIPTLET_ID", text)
    version = preferences["restlet_version"]
    arguments = _arguments(request, int(preferences["restlet_max_bytes"]), has_get=not is_first(version))
    caller = Caller(request.role, request.permissions, int(preferences["restlet_units"]))
    reply = restlet.answer(arguments, caller, version=version)
    if len(reply.body) > int(preferences["restlet_max_bytes"]):
        raise _too_long()
    return reply


def script_error(code: str) -> Refusal:
    """End the script with an error that it did not catch: HTTP 400, the details as JSON inside the message."""
    details = {
        "type": "error.SuiteScriptError",
        "name": code,
        "message": _TEXTS[code],
        "stack": ["anonymous(/SuiteScripts/nsbill/nsbill_restlet.js)"],
        "cause": {"type": "internal error", "code": code},
        "id": "",
        "notifyOff": False,
        "userFacing": False,
    }
    return Refusal(400, code, json.dumps(details, separators=(",", ":")))


def _arguments(request: Request, most: int, *, has_get: bool) -> object:
    """Return what the entry point is given: the parsed body of a POST; a GET is answered as ``about``."""
    if request.method == "GET" and has_get:
        if request.body:
            raise Refusal(400, "INVALID_REQUEST", "A GET request to a RESTlet must not have a body.")
        return {"action": "about"}
    if request.method != "POST":
        text = f"The script has no function for the method {request.method}."
        raise Refusal(405, "SSS_INVALID_METHOD", text)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise unsupported_media_type()
    if len(request.body) > most:
        raise _too_long()
    return request.json()


def _too_long() -> Refusal:
    """Refuse a string over NetSuite's limit (code and text are guesses)."""
    text = "The file content you are attempting to access exceeds the maximum allowed size of 10.0 MB."
    return Refusal(400, "SSS_FILE_CONTENT_SIZE_EXCEEDED", text)
