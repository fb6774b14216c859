"""What README.md tells a newcomer to type works as it stands."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import ASKED_FOR_README
from readme_blocks import shell_blocks

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.timeout(1200)

in_a_clone = pytest.mark.skipif(
    not ASKED_FOR_README, reason="installs everything anew; .ci/run does it (NSBILL_README=1)"
)


def _shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run as a newcomer would: nothing of the surrounding environment's Python, nobody at the keyboard."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=inherited | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newcomer") / "nsbill"
    done = _shell(f"git clone --quiet '{ROOT}' '{folder}'", ROOT)
    assert done.returncode == 0, done.stdout
    return folder


def test_the_first_shell_block_sets_up_and_runs_the_main_job_and_the_second_the_tests() -> None:
    main_job, tests = shell_blocks()[:2]
    for command in (main_job, tests):
        assert "\n" not in command, "one command line each, so that it can be pasted as it is"
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -r requirements")
    assert "requirements.lock" in main_job
    assert main_job.endswith("nsbill demo")
    assert "requirements-test.lock" in tests
    assert tests.endswith("-m pytest -n auto")


@pytest.mark.slow
@in_a_clone
def test_the_main_job_runs_in_a_clean_clone_and_a_second_time_bills_nothing(clone: Path) -> None:
    first = _shell(shell_blocks()[0], clone)
    assert first.returncode in {0, 1}, first.stdout[-4000:]  # 1: done, and exceptions were found
    again = _shell(".venv/bin/nsbill demo --json", clone)
    assert again.returncode in {0, 1}, again.stdout[-4000:]
    counts = json.loads(again.stdout[again.stdout.index("\n{") if "\n{" in again.stdout else 0 :])
    assert (counts["to_bill"], counts["created"]) == (0, 0)
    assert _shell("git status --porcelain", clone).stdout == "", "the demo leaves no file that git would see"


@pytest.mark.slow
@in_a_clone
def test_the_test_command_finds_the_tests_in_a_clean_clone(clone: Path) -> None:
    done = _shell(shell_blocks()[1], clone, PYTEST_ADDOPTS="-q tests/test_layers.py tests/test_packaging.py")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "passed" in done.stdout
