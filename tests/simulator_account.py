"""A signed-in caller of a simulator on the small books, speaking raw HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
from requests_oauthlib import OAuth1Session
from simulator_books import make_books

from nsbill.simulator.server import Simulator

RECORD = "/services/rest/record/v1"
SUITEQL = "/services/rest/query/v1/suiteql"
RESTLET = "/app/site/hosting/restlet.nl"


class Account:
    """One simulator and signed requests to it."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.url = simulator.url
        self.keys = simulator.credentials()

    def session(self, **changes: str) -> OAuth1Session:
        """Open a session; ``changes`` replace credentials."""
        keys = self.keys | changes
        return OAuth1Session(
            keys["consumer_key"],
            keys["consumer_secret"],
            keys["token_id"],
            keys["token_secret"],
            signature_method="HMAC-SHA256",
            realm=keys["account"],
        )

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one signed request."""
        with self.session() as session:
            answer: requests.Response = session.request(method, self.url + path, timeout=30, **options)
            return answer

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET below the record service."""
        return self.call("GET", RECORD + path, **options)

    def create(self, record: str, body: Any, **options: Any) -> str:
        """Create a record and return its id, as the Location header tells it."""
        answer = self.call("POST", f"{RECORD}/{record}", json=body, **options)
        assert answer.status_code == 204, answer.text
        return answer.headers["Location"].rpartition("/")[2]

    def patch(self, path: str, body: Any, **options: Any) -> requests.Response:
        """PATCH below the record service."""
        return self.call("PATCH", RECORD + path, json=body, **options)

    def delete(self, path: str) -> requests.Response:
        """DELETE below the record service."""
        return self.call("DELETE", RECORD + path)

    def record(self, path: str) -> Any:
        """GET a record with its sublists, amounts exact."""
        answer = self.get(path, params={"expandSubResources": "true"})
        assert answer.status_code == 200, answer.text
        return answer.json(parse_float=Decimal)

    def transform(self, order: object, target: str = "invoice", body: Any = None, **options: Any) -> requests.Response:
        """Bill an order in February 2026 unless the body says otherwise."""
        content = {"tranDate": "2026-02-10"} | (body or {})
        return self.call("POST", f"{RECORD}/salesOrder/{order}/!transform/{target}", json=content, **options)

    def query(self, text: str, *params: str, **paging: int) -> requests.Response:
        """Run SuiteQL."""
        body: dict[str, Any] = {"q": text} | ({"params": list(params)} if params else {})
        return self.call("POST", SUITEQL, json=body, params=paging, headers={"Prefer": "transient"})

    def rows(self, text: str, *params: str) -> list[dict[str, str]]:
        """Run SuiteQL and return its items without their links."""
        answer = self.query(text, *params)
        assert answer.status_code == 200, answer.text
        return [{key: value for key, value in item.items() if key != "links"} for item in answer.json()["items"]]

    def restlet(self, **request: Any) -> requests.Response:
        """Call the RESTlet."""
        place = {"script": self.keys["script"], "deploy": self.keys["deploy"]}
        return self.call("POST", RESTLET, params=place, json=request)

    def result(self, **request: Any) -> Any:
        """Call the RESTlet and return its result."""
        answer = self.restlet(**request).json()
        assert answer["ok"], answer
        return answer["result"]


@contextmanager
def open_account(folder: Path) -> Iterator[Account]:
    """Run a simulator on fresh small books in ``folder``."""
    with Simulator(make_books(folder / "books.db")) as simulator:
        yield Account(simulator)


def rest_error(answer: requests.Response) -> tuple[int, str, str]:
    """Return status, code and text of a REST error."""
    detail = answer.json()["o:errorDetails"][0]
    return answer.status_code, detail["o:errorCode"], detail["detail"]
