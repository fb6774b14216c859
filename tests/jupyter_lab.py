"""A real JupyterLab on a copy of the notebooks, and a page of headless Chromium that talks to it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

REPOSITORY = Path(__file__).parents[1]
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_IDLE = """() => {
  const widget = window.jupyterapp?.shell.currentWidget;
  return widget?.sessionContext?.session?.kernel?.status === 'idle';
}"""
_AT_REST = """() => {
  if (document.querySelector('.nsbill-panel.nsbill-at-work')) window.nsbillAtRestSince = undefined;
  else window.nsbillAtRestSince ??= performance.now();
  return performance.now() - window.nsbillAtRestSince > 700;
}"""
_BARS = """chart => [...document.querySelectorAll(`.nsbill-${chart} .barlayer .trace`)].flatMap(
  group => [...group.querySelectorAll('.point path')].map((bar, place) => {
    const box = bar.getBoundingClientRect();
    const key = group.__data__[0].trace.customdata[place][0];
    return [key, box.x + box.width / 2, box.y + box.height / 2, box.width];
  })).filter(bar => bar[3] > 8).map(bar => bar.slice(0, 3))"""
_READY_AFTER, _LISTENS_AFTER = 90, 30
_ARTIFACTS = os.environ.get("NSBILL_ARTIFACTS")  # looked at now: tests themselves run without such variables


@dataclass(frozen=True)
class Lab:
    """Where the server listens, and the token that lets a browser in."""

    url: str
    token: str = field(repr=False)

    def address(self, notebook: str) -> str:
        """The address of a notebook."""
        return f"{self.url}/lab/tree/{notebook}?reset&token={self.token}"


@contextmanager
def jupyter_lab(folder: Path, environment: Mapping[str, str], *, theme: str = "JupyterLab Light") -> Iterator[Lab]:
    """Serve a copy of the notebooks from ``folder``; all that Jupyter writes stays there."""
    shutil.copytree(REPOSITORY / "notebooks", folder / "notebooks")
    settings = folder / "settings"
    settings.mkdir()
    overrides = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/apputils-extension:themes": {"theme": theme},
    }
    (settings / "overrides.json").write_text(json.dumps(overrides), encoding="utf-8")
    lab, process = _started(folder, settings, environment)
    try:
        yield lab
    finally:
        process.terminate()
        process.wait(30)
        assert process.stderr is not None
        process.stderr.close()


@contextmanager
def browser_page(browser: str, *, width: int = 1280, height: int = 1000) -> Iterator[Page]:
    """Open a page; ``page.problems`` collects console errors and requests to other hosts."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, headless=True, args=list(_FLAGS))
        page = chromium.new_context(viewport={"width": width, "height": height}).new_page()
        page.set_default_timeout(60_000)
        yield page
        chromium.close()


def outside_requests(page: Page) -> list[str]:
    """Collect, from now on, the addresses outside this machine that the page asks for."""
    asked: list[str] = []
    local = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(local) else asked.append(request.url))
    return asked


def open_notebook(page: Page, lab: Lab, notebook: str) -> None:
    """Open a notebook, close the side bar, and wait for its kernel."""
    page.goto(lab.address(notebook))
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell")
    page.wait_for_function(_IDLE)
    page.evaluate("jupyterapp.shell.collapseLeft()")


def run_all(page: Page) -> None:
    """Run every cell and wait until the kernel is idle; panels that the page shows may still be reading."""
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(_IDLE)


def at_rest(page: Page) -> None:
    """Wait until no panel of the page is at work: each reads in a thread of its own after its cell is done.

    It has to last for a moment: a panel is drawn before the page hears that it is at work.
    """
    page.evaluate("window.nsbillAtRestSince = undefined")
    page.wait_for_function(_AT_REST)


def keep_screenshots(page: Page, name: str, *, at: str = "") -> None:
    """Keep what the page shows, in both themes and two widths, where NSBILL_ARTIFACTS names a folder: .ci/run does.

    ``at``: the class of the part that stands at the top: a notebook whose window changes may lose its place.
    """
    if not _ARTIFACTS:
        return
    for theme in ("Light", "Dark"):
        page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})")
        for width in (1280, 1920):
            page.set_viewport_size({"width": width, "height": 1800})
            page.wait_for_timeout(700)  # themes and charts redraw without saying when they are done
            if at:
                page.evaluate("part => document.querySelector(`.${part}`)?.scrollIntoView()", at)
                page.wait_for_timeout(300)
            page.screenshot(path=str(Path(_ARTIFACTS) / f"{name}-{theme.lower()}-{width}.png"))


def click_bar(page: Page, chart: str, *, other_than: str) -> str:
    """Click a bar with a length in the chart in ``.nsbill-<chart>``; returns its key, the first of its custom data."""
    page.evaluate("chart => document.querySelector(`.nsbill-${chart}`).scrollIntoView()", chart)
    page.wait_for_timeout(800)  # a notebook that scrolls does not say when it is there
    bars = page.evaluate(_BARS, chart)
    key, x, y = next(bar for bar in bars if bar[0] != other_than)
    page.mouse.move(x - 2, y)  # plotly wants to see the mouse come
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    return str(key)


def panel(page: Page, name: str) -> Any:
    """The panel's element with the class ``nsbill-<name>``."""
    return page.locator(f".jp-OutputArea .nsbill-{name}").first


def _started(folder: Path, settings: Path, environment: Mapping[str, str]) -> tuple[Lab, subprocess.Popen[str]]:
    """Start the server; once more when somebody else has taken the port that was free a moment ago."""
    for tries_left in (2, 1, 0):
        port = _free_port()
        lab = Lab(f"http://127.0.0.1:{port}", secrets.token_urlsafe(16))
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
             f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={lab.token}",
             f"--ServerApp.root_dir={folder / 'notebooks'}", f"--LabApp.app_settings_dir={settings}",
             "--expose-app-in-browser"],
            env=_environment(folder, environment), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            _wait_until_it_serves(process, port)
        except RuntimeError:
            if not tries_left:
                raise
        else:
            return lab, process
    raise AssertionError  # the last try returns or raises


def _environment(folder: Path, extra: Mapping[str, str]) -> dict[str, str]:
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "user"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces")}
    return {**os.environ, **own, "IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": str(REPOSITORY), **extra}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_serves(process: subprocess.Popen[str], port: int) -> None:
    """Read the log until it says where it serves, and go on reading so that the server never waits for us.

    It says so a moment before it listens, and a browser that is there already may be faster.
    """
    assert process.stderr is not None
    log: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            log.append(line)
            if "/lab?token=" in line:
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    if not ready.wait(_READY_AFTER) or not any("/lab?token=" in line for line in log):
        process.terminate()
        raise RuntimeError("JupyterLab did not start:\n" + "".join(log[-20:]))
    until = time.monotonic() + _LISTENS_AFTER
    while not _listens(port):
        if time.monotonic() > until:
            process.terminate()
            raise RuntimeError(f"JupyterLab does not listen on port {port}:\n" + "".join(log[-20:]))
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
