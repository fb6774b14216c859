"""Clients that others wrote, unchanged, against the simulator: what they need is what NetSuite gives them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import requires
from simulator_account import Account, open_account
from tls_proxy import netsuite_hosts

THIRD_PARTY = Path(__file__).parent / "third_party"
ORDER = "106"


@pytest.fixture
def ns(tmp_path: Path) -> Iterator[Account]:
    with open_account(tmp_path) as account:
        yield account


def environment(ns: Account, **more: str) -> dict[str, str]:
    """What a client's process gets: the secrets, and nothing of the proxies that this machine may use itself."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return kept | {f"NSBILL_{name.upper()}": value for name, value in ns.keys.items()} | {"ORDER": ORDER} | more


def output(command: list[str], folder: Path, variables: dict[str, str]) -> Any:
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def client_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the public client and nothing of nsbill."""
    requires("registry")
    folder = tmp_path_factory.mktemp("netsuite-client")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(THIRD_PARTY / "requirements.txt")]
    subprocess.run(install, check=True, timeout=300)
    return python


@pytest.mark.timeout(420)
def test_the_pypi_client_netsuite_works_unchanged(ns: Account, client_python: Path, tmp_path: Path) -> None:
    with netsuite_hosts(ns.url, ns.keys["account"], tmp_path) as proxy:
        variables = environment(ns, **proxy.environment())
        found = output([str(client_python), str(THIRD_PARTY / "netsuite_client.py")], tmp_path, variables)
    host = "https://9000001-sb1.suitetalk.api.netsuite.com"
    page = found["suiteql"]
    assert (page["count"], page["hasMore"], page["totalResults"]) == (5, False, 5)
    assert page["items"][0] == {"links": [], "id": "106", "tranid": "SO106", "foreigntotal": "51.67"}
    assert page["links"][0]["href"].startswith(f"{host}/services/rest/query/v1/suiteql?")
    assert found["record"]["tranId"] == "SO106"
    assert len(found["record"]["item"]["items"]) == 4
    assert found["record"]["links"][0]["href"] == f"{host}/services/rest/record/v1/salesOrder/106"
    assert "externalId" in found["schema"]["properties"]
    assert found["restlet"]["ok"] is True
    assert found["transform"]["status"] == 204
    assert found["transform"]["location"].startswith(f"{host}/services/rest/record/v1/invoice/")
    assert found["nothing"] is None
    assert (found["invoice"]["memo"], found["invoice"]["total"]) == ("changed", 51.67)
    assert found["again"]["error"] == "NetsuiteAPIRequestError"
    assert "That is not a valid record transformation" in found["again"]["text"]
    assert ns.simulator.control("statistics")["sign_in_refusals"] == {}


@pytest.mark.node
def test_a_node_client_signed_by_oauth_1_0a_works_unchanged(ns: Account, tmp_path: Path) -> None:
    requires("registry")
    folder = shutil.copytree(THIRD_PARTY, tmp_path / "client")
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=120)
    found = output(["node", "node_client.js"], folder, environment(ns))
    assert found["suiteql"]["body"]["items"] == [{"links": [], "orders": "13"}]
    assert (found["record"]["status"], found["record"]["body"]["tranId"]) == (200, "SO106")
    assert found["restlet"]["body"]["ok"] is True
    assert found["transform"]["status"] == 204
    assert found["transform"]["location"].startswith(f"{ns.url}/services/rest/record/v1/invoice/")
