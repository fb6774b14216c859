"""The commands that stay up: the simulator for any client, and JupyterLab on the notebooks; as real processes."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from nsbill.cli import cli
from nsbill.cli.connection import ADDRESS
from nsbill.cli.worlds import ensure_world
from nsbill.credentials import TokenCredentials
from nsbill.errors import WorkspaceError
from nsbill.netsuite.client import Client
from nsbill.netsuite.searches import inspect_search, list_searches
from nsbill.settings import Settings

pytestmark = pytest.mark.slow
_NSBILL = [sys.executable, "-c", "from nsbill.cli import main; main()"]


@contextmanager
def running(*words: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen([*_NSBILL, *words], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def wait_for(what: Callable[[], bool], child: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while not what():
        assert child.poll() is None, child.communicate()[0]
        assert time.monotonic() < deadline, "it did not come up"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_simulator_writes_what_any_client_needs_and_takes_it_away_again(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    with running("simulator", "--orders", "30", "--credentials-file", str(path), cwd=tmp_path) as child:
        wait_for(path.exists, child)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        given = json.loads(path.read_text())
        assert set(given) == {
            "base_url",
            "account",
            "client_id",
            "consumer_key",
            "consumer_secret",
            "token_id",
            "token_secret",
            "script",
            "deploy",
            "saved_search",
        }
        settings = Settings(**{n: given[n] for n in ("account", "base_url", "script", "deploy")})
        with Client(settings, TokenCredentials.of(given)) as client:
            assert inspect_search(client, given["saved_search"]).script_id in set(list_searches(client)["script_id"])
        child.send_signal(signal.SIGTERM)
        told, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    assert "Stopped." in told
    assert not path.exists()


def test_lab_serves_the_notebooks_with_the_simulated_company_and_a_token(tmp_path: Path) -> None:
    workspace, port = tmp_path / "w", free_port()
    ensure_world(workspace, orders=30, seed=1, today=datetime.now(UTC).date())
    root = Path(__file__).parents[1]
    words = ("lab", "--no-browser", "--port", str(port), "--workspace", str(workspace))

    def up() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    with running(*words, cwd=root) as child:
        wait_for(up, child)
        assert (workspace / ADDRESS).exists()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/contents")
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            urllib.request.urlopen(request, timeout=5)
        refused.value.close()
        listed = CliRunner().invoke(cli, ["searches", "--workspace", str(workspace)])
        assert "Amazon orders to bill" in listed.output
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)  # ends only when JupyterLab has ended too: it holds the same pipe
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2)
    assert not (workspace / ADDRESS).exists()


def test_lab_without_a_company_says_what_to_do_first(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["lab", "--workspace", str(tmp_path)])
    assert isinstance(result.exception, WorkspaceError)
    assert "nsbill demo" in str(result.exception)
