"""The RESTlet's contract vectors, run against the simulator's RESTlet endpoint over HTTP.

The same vectors run against the RESTlet's JavaScript; what both answer alike cannot drift apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contract_books import ROLE, criteria_of, expanded, make_company, put
from simulator_account import RESTLET, Account

import nsbill.netsuite
from nsbill.simulator import permissions
from nsbill.simulator.server import Simulator

CONTRACT = Path(nsbill.netsuite.__file__).parent / "restlet" / "contract"


def vectors() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for file in sorted(CONTRACT.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        found += [(f"{file.stem}: {one['name']}", one) for one in (content if isinstance(content, list) else [content])]
    return found


VECTORS = vectors()


@dataclass(frozen=True)
class Company:
    """One simulator whose books take the state of each vector in turn."""

    account: Account
    database: Path


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    database = make_company(tmp_path_factory.mktemp("contract") / "books.db")
    with Simulator(database) as simulator:
        yield Company(Account(simulator), database)


def settle(company: Company, vector: dict[str, Any]) -> None:
    """Set the account's knobs as the vector wants the account to be."""
    preferences = {"restlet_units": vector["units"], "account_settings_visible": "T"}
    seen = vector.get("account", {}).get("preferences", {})
    if seen and all(value is None for value in seen.values()):
        preferences["account_settings_visible"] = "F"
    elif seen:
        preferences |= seen
    company.account.simulator.control("preferences", preferences)


def expected(vector: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope that is due; ids of user and role are the simulated account's own."""
    envelope: dict[str, Any] = expanded(vector["expect"])
    if "account" in vector:
        own = {"user_id": "1", "role": f"customrole_{ROLE}", "role_id": str(permissions.role_id(ROLE))}
        envelope = envelope | {"result": envelope["result"] | own}
    return envelope


def test_there_are_vectors_of_every_action_and_of_refusals() -> None:
    actions = {vector["request"].get("action") for _, vector in VECTORS}
    assert {"about", "list_searches", "inspect_search", "set_status", "page"} <= actions
    assert any(not vector["expect"]["ok"] for _, vector in VECTORS)
    assert len(VECTORS) >= 60


@pytest.mark.parametrize("vector", [vector for _, vector in VECTORS], ids=[name for name, _ in VECTORS])
def test_the_simulator_answers_as_the_script_does(company: Company, vector: dict[str, Any]) -> None:
    put(company.database, expanded(vector))
    settle(company, vector)
    body = {"json": vector["request"]} if vector["method"] == "POST" else {}
    place = {key: company.account.keys[key] for key in ("script", "deploy")}
    answer = company.account.call(vector["method"], RESTLET, params=place, **body)
    assert answer.status_code == 200, answer.text
    envelope = answer.json()
    if "remaining_units" not in vector["expect"]:
        assert 0 <= envelope.pop("remaining_units") <= vector["units"]
    assert envelope == expected(vector)
    if "expect_search" in vector:
        kept = criteria_of(company.database, vector["request"]["search"])
        assert kept == vector["expect_search"]["filter_expression"]
