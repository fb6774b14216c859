"""``nsbill app``: notebooks as pages without code, for those who have the token, in a real browser."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import find_browser
from jupyter_lab import at_rest, browser_page, click_bar

from nsbill.cli import cli
from nsbill.cli.worlds import ensure_world
from nsbill.errors import MissingExtra, WorkspaceError
from nsbill.settings import save_settings
from nsbill.simulator.world_catalogue import company_settings

_ROOT = Path(__file__).parents[1]
_HIDDEN = "() => [...document.querySelectorAll('.jp-InputArea .jp-CodeMirrorEditor, .jp-InputArea pre')].length"


def test_without_voila_it_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "voila", None)
    monkeypatch.setattr("importlib.util.find_spec", {"voila": None}.get)
    result = CliRunner().invoke(cli, ["app", "--workspace", str(tmp_path)])
    assert isinstance(result.exception, MissingExtra)
    assert "nsbill app needs Voila, which is not installed" in str(result.exception)
    assert "pip install 'nsbill[app]'" in str(result.exception)


def test_without_a_company_it_says_what_to_do_first(tmp_path: Path) -> None:
    pytest.importorskip("voila", reason="Voila is not installed: pip install 'nsbill[app]'")
    result = CliRunner().invoke(cli, ["app", "--workspace", str(tmp_path)])
    assert isinstance(result.exception, WorkspaceError)
    assert "nsbill demo" in str(result.exception)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where the running app says that it is, with its token."""
    pytest.importorskip("voila", reason="Voila is not installed: pip install 'nsbill[app]'")
    workspace = tmp_path / "w"
    ensure_world(workspace, orders=30, seed=1, today=datetime.now(UTC).date())
    save_settings(workspace, {"saved_search": "customsearch_nsbill_orders_to_bill", **company_settings()})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["app", "--no-browser", "--port", str(port), "--workspace", str(workspace)]
    command = [sys.executable, "-c", "from nsbill.cli import main; main()", *words]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        try:
            assert child.stdout is not None
            told = (re.search(r"http://127\.0\.0\.1:\d+/\?token=\w+", line) for line in child.stdout)
            address = next(found[0] for found in told if found)
            assert f":{port}/" in address
            yield address
        finally:
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=60)


@pytest.mark.browser
@pytest.mark.slow
def test_a_page_shows_its_panel_without_code_to_who_has_the_token_and_asks_for_nothing_outside(address: str) -> None:
    site, _, token = address.partition("/?")
    pages = {"02_preview_and_bill", "03_received_vs_due", "04_settlements_and_exceptions"}
    with pytest.raises(urllib.error.HTTPError, match=r"40[13]") as refused:
        urllib.request.urlopen(f"{site}/voila/api/shutdown/1", data=b"", timeout=10)
    refused.value.close()
    with urllib.request.urlopen(f"{site}/voila/render/02_preview_and_bill.ipynb", timeout=10) as answer:
        assert "/login" in answer.url  # without the token there is only the sign-in
    browser = find_browser()
    assert browser is not None
    with browser_page(browser) as page:
        page.goto(address)
        for name in pages:
            page.get_by_text(f"{name}.ipynb").wait_for()
        assert page.get_by_text(".ipynb").count() == len(pages)
        answered: list[str] = []
        page.on("requestfinished", lambda request: answered.append(request.url))
        page.goto(f"{site}/voila/render/02_preview_and_bill.ipynb?{token}")
        page.wait_for_selector(".nsbill-orders tbody tr:not(.nsbill-grid-pad) td:nth-child(2)")
        assert page.locator("button.nsbill-create").is_disabled()
        assert "Preview and bill" in page.locator("h1").inner_text()
        assert page.evaluate(_HIDDEN) == 0
        assert "desk = Desk.open" not in page.locator("body").inner_text()
        page.locator(".nsbill-confirm-box input").check()
        page.wait_for_function("() => !document.querySelector('button.nsbill-create').disabled")
        own = (site, site.replace("http:", "ws:"), "data:", "blob:")
        assert [url for url in answered if not url.startswith(own)] == []  # Voila's link to a host of fonts is refused


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_in_a_page_too_a_clicked_bar_opens_its_order(address: str) -> None:
    site, _, token = address.partition("/?")
    browser = find_browser()
    assert browser is not None
    with browser_page(browser) as page:
        page.set_default_timeout(180_000)  # Voila starts a kernel, and the panel reads books and settlements
        page.goto(f"{site}/voila/render/03_received_vs_due.ipynb?{token}")
        page.wait_for_selector(".nsbill-main-chart .barlayer .point path")
        at_rest(page)
        key = click_bar(page, "main-chart", other_than=page.locator(".nsbill-order input").input_value())
        page.wait_for_function("key => document.querySelector('.nsbill-order input').value === key", arg=key)
        drawn = "key => document.querySelector('.nsbill-timeline .gtitle')?.textContent.includes(key)"
        page.wait_for_function(drawn, arg=key)
