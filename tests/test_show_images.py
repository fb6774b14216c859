"""Charts as PNG: the figures of the report's page, on white ground, and a clear sentence where they cannot be drawn."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from conftest import find_browser
from show_samples import sample_reconciliation

from nsbill.errors import MissingExtra, WorkspaceError
from nsbill.show.charts import currency_figures, received_versus_due
from nsbill.show.images import CHARTS, chart_places, write_pictures
from nsbill.show.report_files import report_places, write_report_files


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height, from the header of a PNG file."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


@pytest.mark.browser
def test_every_chart_of_every_currency_is_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(find_browser()))
    found = sample_reconciliation(30)
    written = write_report_files(tmp_path, found, formats=["png"])["png"]
    assert written == report_places(tmp_path, found, "png")
    assert {path.parent.name for path in written} == {f"received-vs-due-{found.as_of}"}
    with_orders = {code.lower() for code in found.totals.loc[found.totals["orders"] > 0, "currency"]}
    assert {path.name for path in written} == {f"{code}-{name}.png" for code in with_orders for name in CHARTS}
    assert sorted(tmp_path.rglob("*")) == sorted([*written, written[0].parent]), "nothing is left beside them"
    heights = [figure.layout.height for figure in currency_figures(found.statement, currency="USD")]
    own = [path for path in written if path.name.startswith("usd-")]
    assert [size_of(path) for path in own] == [(2000, 2 * height) for height in heights]


def test_a_chart_has_a_name_for_each_figure() -> None:
    found = sample_reconciliation(30)
    assert len(currency_figures(found.statement, currency="USD")) == len(CHARTS)
    assert len(chart_places(Path(), found)) == len(CHARTS) * int((found.totals["orders"] > 0).sum())


def test_without_kaleido_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(MissingExtra, match=r"needs kaleido, .* pip install 'nsbill\[png\]'"):
        write_report_files(tmp_path, sample_reconciliation(10), formats=["png"])
    assert not list(tmp_path.iterdir())


def test_without_a_browser_files_that_were_there_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-browser"))
    picture = tmp_path / "usd.png"
    picture.write_bytes(b"old")
    figure = received_versus_due(sample_reconciliation(10).statement, currency="USD")
    with pytest.raises(
        WorkspaceError, match=r"no browser was found\. Install Chromium or Chrome, or name one in BROWSER_PATH"
    ):
        write_pictures({picture: figure})
    assert picture.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["usd.png"]
