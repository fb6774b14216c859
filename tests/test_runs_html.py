"""The HTML report: figures drawn offline, no code, nothing from outside, and data never becomes markup."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import find_browser

from nsbill.runs.html import export_html, render_html

FIGURE = {
    "data": [{"type": "bar", "x": ["111-1234567-1234567", "<b>x</b>"], "y": [1, 2], "name": "due"}],
    "layout": {"title": {"text": "Received & due"}},
}


def _notebook(folder: Path, *cells: Any) -> Path:
    book: Any = nbformat.v4.new_notebook()
    book.cells.extend(cells)
    path = folder / "executed.ipynb"
    nbformat.write(book, path)
    return path


def _code(source: str, *outputs: Any) -> Any:
    return nbformat.v4.new_code_cell(source, outputs=list(outputs))


def _shown(**data: Any) -> Any:
    return nbformat.v4.new_output("display_data", data={name.replace("__", "/"): part for name, part in data.items()})


def _stream(text: str, name: str = "stdout") -> Any:
    return nbformat.v4.new_output("stream", name=name, text=text)


def _figure() -> Any:
    return nbformat.v4.new_output("display_data", data={"application/vnd.plotly.v1+json": FIGURE, "text/plain": "Fig"})


def _outside_references(page: str) -> list[str]:
    """What a browser would fetch; scripts are left out, they may hold addresses that they never use."""
    without_scripts = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    return re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//[^"'\s>]+|@import|url\(\s*["']?http""", without_scripts)


def test_the_page_has_texts_and_tables_and_no_code(tmp_path: Path) -> None:
    page = render_html(
        _notebook(
            tmp_path,
            nbformat.v4.new_markdown_cell("# Received versus due\n\nAs of *October*."),
            _code("secret_variable_name = 1", _shown(text__html="<table><tr><td>12.50</td></tr></table>")),
            _code("print(1)", _stream("\x1b[31mplain\x1b[0m words")),
        ),
        facts={"Result": "Succeeded", "Parameter <x>": "a & b"},
    )
    assert "<title>Received versus due</title>" in page
    assert "<em>October</em>" in page
    assert "<td>12.50</td>" in page
    assert "plain words" in page
    assert "secret_variable_name" not in page
    assert "<dt>Parameter &lt;x&gt;</dt><dd>a &amp; b</dd>" in page
    assert page.count("Succeeded") == 1
    assert page.index("<h1") < page.index('<dl class="facts">') < page.index("12.50")


def test_without_figures_there_is_no_script_and_the_page_is_small(tmp_path: Path) -> None:
    page = render_html(_notebook(tmp_path, _code("1", _stream("one"))))
    assert "<script" not in page
    assert len(page) < 20_000
    assert "<h1>executed</h1>" in page


def test_data_never_becomes_markup(tmp_path: Path) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    page = render_html(
        _notebook(
            tmp_path,
            _code(
                "1",
                _stream(nasty),
                _shown(text__plain=nasty),
                _shown(text__markdown=f"*{nasty}*"),
                nbformat.v4.new_output("error", ename="ValueError", evalue=nasty, traceback=[nasty]),
            ),
        ),
        title=nasty,
        facts={nasty: nasty},
    )
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 7


def test_a_widget_is_left_out_because_it_is_only_a_name_without_its_kernel(tmp_path: Path) -> None:
    widget = nbformat.v4.new_output(
        "display_data",
        data={"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "VBox(children=…)"},
    )
    assert "VBox" not in render_html(_notebook(tmp_path, _code("1", widget)))


def test_papermills_note_above_the_heading_of_a_failed_notebook_does_not_double_title_and_facts(tmp_path: Path) -> None:
    note = nbformat.v4.new_markdown_cell(
        "An Exception was encountered", metadata={"tags": ["papermill-error-cell-tag"]}
    )
    path = _notebook(tmp_path, note, nbformat.v4.new_markdown_cell("# Scheduled billing"))
    page = render_html(path, facts={"Result": "Failed"})
    assert page.count("<h1") == 1
    assert page.count("<dt>Result</dt>") == 1
    assert "An Exception was encountered" not in page


def test_an_error_is_shown_with_its_place(tmp_path: Path) -> None:
    error = nbformat.v4.new_output(
        "error", ename="ValueError", evalue="no such order", traceback=["\x1b[1mline 3\x1b[0m"]
    )
    page = render_html(_notebook(tmp_path, _code("1", error)))
    assert "ValueError: no such order" in page
    assert "<pre>line 3</pre>" in page


def test_the_library_is_inside_once_and_nothing_is_asked_of_another_host(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    export_html(_notebook(tmp_path, _code("1", _figure()), _code("2", _figure())), target)
    page = target.read_text(encoding="utf-8")
    assert page.count("<script") == 2, "the library and the lines that draw"
    assert page.count('class="output figure"') == 2
    assert 4_000_000 < len(page) < 7_000_000
    assert _outside_references(page) == []
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == ["report.html"]


@pytest.mark.browser
def test_in_a_browser_figures_are_drawn_offline_and_foreign_scripts_stay_inert(tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    target = tmp_path / "report.html"
    hostile = (
        "<script>document.title = 'changed'</script><img src='https://example.org/x.png' alt='x'>"
        "<p onclick='x()'>kept text</p>"
    )
    export_html(
        _notebook(tmp_path, nbformat.v4.new_markdown_cell("# Due"), _code("1", _figure(), _shown(text__html=hostile))),
        target,
        facts={"Result": "Succeeded"},
    )
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("requestfinished", lambda request: asked.append(request.url))
        page.goto(target.as_uri())
        page.wait_for_selector(".main-svg .bars .point")
        assert page.locator(".bars .point").count() == 2
        assert page.title() == "Due"
        assert page.get_by_text("kept text").is_visible()
        assert page.get_by_text("Received & due").is_visible()
        page.screenshot(path=str(tmp_path / "report.png"), full_page=True)
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
