"""nsbill.cli.connection: one simulated NetSuite serves a workspace, whoever started it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from demo_company import demo_company

from nsbill.cli.connection import ADDRESS, announced, connected, environment_of, running_simulator
from nsbill.errors import WorkspaceError
from nsbill.settings import save_settings


def test_a_running_simulator_is_found_by_its_address_and_used(tmp_path: Path) -> None:
    with demo_company(tmp_path, orders=30) as company, announced(company.simulator, tmp_path) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        found = running_simulator(tmp_path)
        assert found is not None
        assert found["base_url"] == company.simulator.url
        with connected(tmp_path):
            assert os.environ["NSBILL_BASE_URL"] == company.simulator.url
        assert "NSBILL_BASE_URL" not in os.environ
    assert not (tmp_path / ADDRESS).exists()


def test_the_address_of_a_simulator_that_is_gone_is_not_used(tmp_path: Path) -> None:
    with demo_company(tmp_path, orders=30) as company:
        with announced(company.simulator, tmp_path) as path:
            address = path.read_text()
        (tmp_path / ADDRESS).write_text(address.replace(company.simulator.instance, "another"))
        assert running_simulator(tmp_path) is None
        (tmp_path / ADDRESS).write_text(address)
        assert running_simulator(tmp_path) is not None
    assert running_simulator(tmp_path) is None


def test_without_a_company_the_sentence_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="nsbill demo --workspace"), connected(tmp_path):
        pass


def test_a_configured_account_needs_no_simulator(tmp_path: Path) -> None:
    save_settings(tmp_path, {"profile": "sandbox", "account": "1_SB1"})
    with connected(tmp_path):
        assert "NSBILL_BASE_URL" not in os.environ


def test_the_environment_for_child_processes_has_everything_to_sign_in(tmp_path: Path) -> None:
    with demo_company(tmp_path, orders=30) as company:
        variables = environment_of(company.simulator.credentials())
    assert {name for name in variables if "KEY" in name or "SECRET" in name or "TOKEN" in name} == {
        "NSBILL_CONSUMER_KEY",
        "NSBILL_CONSUMER_SECRET",
        "NSBILL_TOKEN_ID",
        "NSBILL_TOKEN_SECRET",
    }
