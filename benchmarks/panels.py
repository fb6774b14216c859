"""How long an analyst waits: from a click in the notebooks' panels to its result on the screen, in a real JupyterLab.

    python -m benchmarks.panels --orders 300 --orders 10000 [--json]

Makes a demo company of that size on the simulator, opens notebooks 02, 03 and 04 in headless Chromium, and times each
action once the panel is there. Needs what the tests need (requirements-test.lock and Chromium). Creates nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the demo company and the lab are the tests' own

if TYPE_CHECKING:
    from jupyter_lab import Lab
    from playwright.sync_api import Page

_ROWS = ".nsbill-{} tbody tr:not(.nsbill-grid-pad) td:nth-child(2)"
_IDLE = "name => { const b = document.querySelector(`button.nsbill-${name}`); return b && !b.disabled; }"
_SHOWN = "([grid, text]) => document.querySelector(`.nsbill-${grid} [role=status]`)?.textContent.includes(text)"
_ORDERS_DRAWN = "document.querySelector('.nsbill-main-chart .gtitle-subtitle')?.textContent"
_PATIENCE = 600_000  # milliseconds


class Clock:
    """Seconds by action, in the order in which they were done."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timing(self, action: str) -> Iterator[None]:
        """Time what is done inside."""
        began = time.perf_counter()
        yield
        self.seconds[action] = round(time.perf_counter() - began, 2)
        click.echo(f"{action}: {self.seconds[action]} s", err=True)


@click.command()
@click.option("--orders", "sizes", type=int, multiple=True, default=(300, 10_000), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(sizes: tuple[int, ...], as_json: bool) -> None:  # noqa: FBT001 -- click passes it by name
    """Print the seconds of each action for each size of company."""
    found = {size: measure(size) for size in sizes}
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    click.echo(f"{'seconds':44}" + "".join(f"{size:>10,}" for size in sizes))
    for action in found[sizes[0]]:
        click.echo(f"{action:44}" + "".join(f"{found[size].get(action, float('nan')):>10.2f}" for size in sizes))


def measure(orders: int) -> dict[str, float]:
    """Return the seconds of each action in a company of ``orders`` orders."""
    from conftest import find_browser
    from demo_company import demo_company
    from jupyter_lab import browser_page, jupyter_lab

    browser, clock = find_browser(), Clock()
    if browser is None:
        raise click.ClickException("There is no Chromium on this machine (Debian: apt-get install chromium).")
    with tempfile.TemporaryDirectory(prefix="nsbill-panels-", ignore_cleanup_errors=True) as place:
        books, lab_folder = Path(place, "books"), Path(place, "lab")
        books.mkdir()
        lab_folder.mkdir()
        with demo_company(books, orders=orders) as company:
            environment = {**company.environment, "NSBILL_WORKSPACE": str(company.workspace)}
            with jupyter_lab(lab_folder, environment) as lab, browser_page(browser) as page:
                page.set_default_timeout(_PATIENCE)
                _billing(page, lab, clock)
                _received(page, lab, clock)
                _settlements(page, lab, clock)
    return clock.seconds


def _opened(page: Page, lab: Lab, clock: Clock, notebook: str, shown: str) -> None:
    from jupyter_lab import open_notebook

    open_notebook(page, lab, f"{notebook}.ipynb")
    with clock.timing(f"{notebook[:2]} run all cells, first result"):
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_selector(shown)


def _billing(page: Page, lab: Lab, clock: Clock) -> None:
    _opened(page, lab, clock, "02_preview_and_bill", _ROWS.format("orders"))
    grid = page.locator(".nsbill-orders")
    number = grid.locator("tbody tr:not(.nsbill-grid-pad) td:nth-child(2)").nth(2).inner_text()
    _filtered(page, clock, "02 filter the orders", grid, "orders", number)
    with clock.timing("02 untick one"):
        grid.locator("tbody input[type=checkbox]").first.uncheck()
        page.wait_for_function(_SHOWN, arg=["orders", "1 excluded"])
    with clock.timing("02 update the plan"):
        page.locator("button.nsbill-update").click()
        page.wait_for_function("() => document.querySelector('.nsbill-confirm-box input')?.disabled === false")


def _received(page: Page, lab: Lab, clock: Clock) -> None:
    _opened(page, lab, clock, "03_received_vs_due", _ROWS.format("statement"))
    page.wait_for_function(_IDLE, arg="reconcile")
    page.wait_for_selector(".nsbill-waterfall .gtitle")
    with clock.timing("03 reconcile again"):
        _pressed(page, "reconcile")
    grid = page.locator(".nsbill-statement")
    number = grid.locator("tbody tr[tabindex] td").nth(11 * 5).inner_text()
    _filtered(page, clock, "03 filter the statement", grid, "statement", number)
    with clock.timing("03 a row opens its order"):
        grid.locator("tbody tr[tabindex]", has_text=number).first.click()
        drawn = "number => document.querySelector('.nsbill-waterfall .gtitle')?.textContent.includes(number)"
        page.wait_for_function(drawn, arg=number)
    with clock.timing("03 tick a status, figures and charts follow"):
        page.locator(".nsbill-statuses input:visible").first.check()
        page.wait_for_function(
            f"before => {_ORDERS_DRAWN} && {_ORDERS_DRAWN} !== before", arg=page.evaluate(_ORDERS_DRAWN)
        )
    page.locator("button.nsbill-show-all").click()
    select = page.locator(".nsbill-currency select")
    other = next(text for text in select.locator("option").all_inner_texts() if text != select.input_value())
    with clock.timing("03 another currency, charts drawn"):
        select.select_option(label=other)
        drawn = "code => document.querySelector('.nsbill-charts .gtitle')?.textContent.includes(code)"
        page.wait_for_function(drawn, arg=other)


def _settlements(page: Page, lab: Lab, clock: Clock) -> None:
    from settlement_files import plain_rows, text_of

    _opened(page, lab, clock, "04_settlements_and_exceptions", _ROWS.format("chain"))
    page.wait_for_function(_IDLE, arg="compare")
    with clock.timing("04 a settlement opens its lines"):
        page.locator(".nsbill-chain tbody tr[tabindex]").first.click()
        page.wait_for_selector(_ROWS.format("lines"))
    with clock.timing("04 an exception opens its story"):
        page.locator(".nsbill-queue tbody tr[tabindex]").first.click()
        page.wait_for_function("() => document.querySelector('.nsbill-exception')?.textContent.includes('first found')")
    with clock.timing("04 take it"):
        page.locator("button.nsbill-take").click()
        page.wait_for_function("() => document.querySelector('.nsbill-queue-done')?.textContent.includes(' is ')")
    file: Any = {"name": "new.txt", "mimeType": "text/plain", "buffer": text_of(plain_rows()).encode()}
    with clock.timing("04 drop a file, its result"):
        page.locator(".nsbill-drop input[type=file]").set_input_files(file)
        page.wait_for_function("() => document.querySelector('.nsbill-added')?.textContent.includes('1 added')")
    with clock.timing("04 … and everything compared again"):
        page.wait_for_function(_IDLE, arg="compare")


def _pressed(page: Page, name: str) -> None:
    """Press a button that is disabled while its work goes on, and wait until it is done."""
    page.locator(f"button.nsbill-{name}").click()
    page.wait_for_function(f"() => !({_IDLE})('{name}')")
    page.wait_for_function(_IDLE, arg=name)


def _filtered(page: Page, clock: Clock, action: str, grid: Any, name: str, number: str) -> None:
    """Filter by a number and wait for its row, then show all again."""
    box = grid.locator(".nsbill-grid-bar input[type=search]")
    with clock.timing(action):
        box.fill(number)
        page.wait_for_function(_SHOWN, arg=[name, "1 of "])
    box.fill("")
    page.wait_for_function(f"() => !({_SHOWN})(['{name}', ' of '])")


if __name__ == "__main__":
    main()
