from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest
from conftest import find_browser
from show_samples import HOSTILE, LONG, order_row, sample_reconciliation, statement_of

from nsbill.errors import WorkspaceError
from nsbill.schemas import EXCEPTIONS, SETTLEMENTS, STATEMENT, TOTALS
from nsbill.show.charts import order_waterfall
from nsbill.show.html import Section, write_report

HOSTILE_TITLE = 'Due </title><script>alert("title")</script>'


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reconciliation = sample_reconciliation(200)
    figure = order_waterfall(statement_of([order_row(HOSTILE[0], billed="5")]), HOSTILE[0], currency="USD")
    sections = [Section("One <i>order</i>", ["A </script><b>plain</b> sentence.", figure])]
    path = tmp_path_factory.mktemp("report") / "deep" / "report.html"
    return write_report(path, reconciliation, title=HOSTILE_TITLE, facts=["<u>account</u>"], extra_sections=sections)


def without_scripts(page: str) -> str:
    return re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)


def figures(page: str) -> list[dict[str, object]]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page)]


def test_the_headline_figures_are_the_totals_exactly(report: Path) -> None:
    page = report.read_text(encoding="utf-8")
    for row in sample_reconciliation(200).totals.to_dict("records"):
        decimals = 0 if row["currency"] == "JPY" else 2
        for name in ("billed_gross", "received", "due", "overpaid", "fee_withheld", "net_cash"):
            assert f"<b>{row[name]:,.{decimals}f} <small>{row['currency']}</small></b>" in page


def test_every_currency_has_its_charts_and_its_orders_with_the_reason(report: Path) -> None:
    page = report.read_text(encoding="utf-8")
    assert re.findall(r"<h2>([A-Z]{3})</h2>", page) == ["EUR", "GBP", "JPY", "USD"]
    assert len(figures(page)) == 4 * 5 + 1
    assert page.count("and why</b></caption>") == 4
    assert "Billed; no settlement names it yet." in page
    for heading in ("Totals", "Exceptions", "Settlements", "One &lt;i&gt;order&lt;/i&gt;"):
        assert f"<h2>{heading}</h2>" in page


def test_the_file_holds_plotly_once_and_asks_nobody_for_anything(report: Path) -> None:
    page = report.read_text(encoding="utf-8")
    assert len(re.findall(r"<script>", page)) == 2  # plotly and the page's own
    assert "<script src" not in page
    assert "<link" not in page
    assert "default-src 'none'" in page
    assert page.count("'sha256-") == 2
    assert report.stat().st_size < 6_000_000


def test_everything_from_outside_is_text(report: Path) -> None:
    page = without_scripts(report.read_text(encoding="utf-8"))
    assert "<script" not in page
    assert "<b>bold" not in page
    assert "<b>plain" not in page
    assert "\u202e" not in page
    text = unescape(page)
    assert HOSTILE[0] in text
    assert LONG in text
    assert HOSTILE_TITLE in text
    for figure in figures(report.read_text(encoding="utf-8")):
        layout = json.dumps(figure["layout"])
        assert "<script" not in layout


def test_no_orders_and_no_exceptions_is_said(tmp_path: Path) -> None:
    empty = replace(
        sample_reconciliation(0), statement=STATEMENT.frame(), exceptions=EXCEPTIONS.frame(),
        settlements=SETTLEMENTS.frame(), totals=TOTALS.frame(),
    )  # fmt: skip
    page = write_report(tmp_path / "r.html", empty, title="Nothing").read_text(encoding="utf-8")
    for sentence in ("There are no Amazon orders and no exceptions", "no exceptions", "no settlements"):
        assert sentence in page


def test_a_currency_without_orders_is_a_sentence_and_no_empty_charts(tmp_path: Path) -> None:
    found = sample_reconciliation(statement=statement_of([order_row("A", billed="5")]))
    page = write_report(tmp_path / "r.html", found, title="x").read_text(encoding="utf-8")
    assert "There are no Amazon orders in EUR, only exceptions" in page
    assert len(figures(page)) == 5  # those of USD


def test_a_section_that_is_named_like_a_currency_gets_no_headline(tmp_path: Path) -> None:
    statement = statement_of([order_row("A", billed="5")])
    reconciliation = sample_reconciliation(statement=statement)
    page = write_report(
        tmp_path / "r.html", reconciliation, title="x", extra_sections=[Section("USD", ["mine"])]
    ).read_text(encoding="utf-8")
    assert page.count('class="figures"') == len(reconciliation.totals)


def test_the_report_is_the_same_for_the_same_input(tmp_path: Path) -> None:
    pages = [write_report(tmp_path / f"{n}.html", sample_reconciliation(30), title="x").read_bytes() for n in range(2)]
    assert pages[0] == pages[1]


def test_a_folder_in_the_way_is_one_sentence_and_leaves_no_part(tmp_path: Path) -> None:
    (tmp_path / "r.html").mkdir()
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_report(tmp_path / "r.html", sample_reconciliation(3), title="x")
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


@pytest.mark.browser
@pytest.mark.parametrize("width, scheme", [(1280, "light"), (1920, "light"), (1280, "dark")])
def test_the_report_draws_every_chart_offline_and_nothing_hostile_runs(report: Path, width: int, scheme: str) -> None:
    from playwright.sync_api import sync_playwright

    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    seen: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_browser(), args=flags)
        page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)  # type: ignore[arg-type]
        page.on("request", lambda request: seen.append(f"request {request.url}"))
        page.on("console", lambda message: seen.append(f"console {message.text}"))
        page.on("pageerror", lambda error: seen.append(f"error {error}"))
        page.on("dialog", lambda dialog: seen.append(f"dialog {dialog.message}"))
        page.goto(report.as_uri(), timeout=120_000)  # the charts are drawn before it is loaded
        page.wait_for_function("document.querySelectorAll('.chart .main-svg').length >= 3 * 21")
        drawn = page.evaluate(
            "[...document.querySelectorAll('.plot')].map(p => p.querySelectorAll('.bars .point, .scatterlayer .point').length)"
        )
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        ink = page.evaluate("getComputedStyle(document.querySelector('.xtick text')).fill")
        lengths = page.evaluate(
            """() => [...document.querySelectorAll('.plot')].flatMap(plot => plot.calcdata.flatMap(
                 bars => bars.map((bar, i) => [bar.s ?? bar.y, bars[0].trace.customdata[i][1]])))"""
        )
        browser.close()
    assert seen == [f"request {report.as_uri()}"]
    assert len(drawn) == 21
    assert all(drawn)
    assert overflow <= 0
    assert ink == {"light": "rgb(28, 35, 48)", "dark": "rgb(232, 235, 240)"}[scheme]
    compared = [(Decimal(str(length)), Decimal(text)) for length, text in lengths]
    assert len(compared) > 100
    assert all(length == text for length, text in compared)  # the browser read the exact texts as the same numbers
