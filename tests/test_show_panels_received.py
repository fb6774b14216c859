"""The received panel without a browser: filters, charts, one order, and files."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from pyarrow import parquet
from show_samples import AS_OF, HOSTILE, sample_reconciliation

from nsbill.desk import Desk
from nsbill.errors import WorkspaceError
from nsbill.reconcile import Reconciliation
from nsbill.reconcile.sources import SOURCES
from nsbill.schemas import LINES
from nsbill.show import export_state
from nsbill.show.panels import received_panel
from nsbill.show.panels_received import ReceivedPanel
from nsbill.vocabulary import StatementStatus

_PLOTLY = "application/vnd.plotly.v1+json"


class FakeStore:
    """Stands in for the settlements: the lines of every order, some of them of a settlement that does not count."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails_with: Exception | None = None

    def lines_of_order(self, order: str) -> pd.DataFrame:
        self.asked.append(order)
        if self.fails_with:
            raise self.fails_with
        row = {
            "seller_account": "main", "source_digest": "ab" * 32, "source_line": 2, "event_class": "SALE",
            "line_kind": "PRINCIPAL", "transaction_type": "Order", "amount_type": "ItemPrice",
            "amount_description": "<b>Principal</b>", "amount": Decimal("12.50"), "currency": "USD",
            "order_route": "amazon_order", "amazon_order_id": order,
        }  # fmt: skip
        return LINES.frame([{**row, "settlement_id": "12345670"}, {**row, "settlement_id": "not counted"}])

    def lines_files(self) -> list[Path]:
        return []


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Reconciliation:
    """A reconciliation whose settlements have no files behind them: their sources are not looked for."""
    monkeypatch.setattr(export_state, "source_rows", lambda *_: SOURCES.frame())
    return sample_reconciliation(120)


@pytest.fixture
def desk(found: Reconciliation, tmp_path: Path) -> SimpleNamespace:
    settings = SimpleNamespace(account="9000001_SB1", seller_account="main")
    return SimpleNamespace(
        today=lambda: AS_OF, reconcile=lambda _: found, store=FakeStore(), workspace=tmp_path, settings=settings
    )


@pytest.fixture
def panel(desk: SimpleNamespace) -> ReceivedPanel:
    made = received_panel(cast("Desk", desk), as_of="2026-10-31")
    made.prepare()
    made.one_order.reader.join()
    return made


def drawn(place: Any) -> str:
    """Title and subtitle of the figure in a place."""
    title = place.outputs[0]["data"][_PLOTLY]["layout"]["title"]
    return f"{title['text']} {title.get('subtitle', {}).get('text', '')}"


def hidden(widget: Any) -> bool:
    return bool(widget.layout.display == "none")


def press(panel: ReceivedPanel, ending: str) -> None:
    """Press the button of a format as the browser would, which cannot press a disabled one."""
    pressed = panel.exports.buttons[ending]
    assert not pressed.disabled
    pressed.click()
    panel.exports.worker.join()


def test_received_shows_figures_charts_statement_and_the_chosen_order(panel: ReceivedPanel) -> None:
    state = panel.state
    assert state.as_of == AS_OF
    assert "Net cash" in panel._headline.value
    assert panel.statement.shown == len(state.statement)
    assert "Received versus due per Amazon order" in drawn(panel.charts.main)
    other = next(currency for currency in state.currencies if currency != state.currency)
    panel.currency.value = other
    assert set(state.statement["currency"]) == {other}
    assert panel.statement.shown == len(state.statement)
    assert other in drawn(panel.charts.main)
    panel.one_order.order.value = state.orders[-1]
    assert state.orders[-1] in drawn(panel.one_order.waterfall)
    panel.statement._on_message(None, {"op": "choose", "key": "1", "more": False}, [])
    assert panel.one_order.order.value == state.order == state.statement["amazon_order_id"].iloc[1]
    panel.one_order.order.value = "nonsense"
    assert "There is no Amazon order nonsense" in panel.one_order._note.value
    assert hidden(panel.one_order._body)


def test_the_static_rendering_has_every_chart_and_no_markup_from_outside(panel: ReceivedPanel) -> None:
    assert "<script>" not in panel.static()
    titles = [str(figure.layout.title.text) for figure in panel.figures()]
    beginnings = ("Received versus due", "Due by reason", "Due by age", "Due by status", "Billed, received", "Order ", "Order ")  # fmt: skip
    assert [title.startswith(f"<b>{begin}") for title, begin in zip(titles, beginnings, strict=True)] == [True] * 7


@pytest.mark.parametrize(
    "name, title",
    [
        ("due by reason", "Due by reason"),
        ("due by age", "Due by age"),
        ("due by status", "Due by status"),
        ("over time", "Billed, received and due"),
    ],
)
def test_a_chart_is_chosen_and_follows_the_filter(panel: ReceivedPanel, name: str, title: str) -> None:
    panel.charts.chosen.value = name
    assert title in drawn(panel.charts.second)
    before = drawn(panel.charts.second), panel.charts.second.outputs
    panel.filters.statuses[StatementStatus.AWAITING_SETTLEMENT.value].value = True
    assert title in drawn(panel.charts.second)
    assert panel.charts.second.outputs != before[1]


def test_a_clicked_bar_opens_its_order_and_the_bar_of_all_others_none(panel: ReceivedPanel) -> None:
    clicks = panel.charts.clicks
    looked_at: list[dict[str, str]] = []
    clicks.send = looked_at.append
    bars = panel.charts.main.outputs[0]["data"][_PLOTLY]["data"]
    key = bars[0]["customdata"][3][0]
    clicks._on_message(None, {"op": "click", "key": key}, [])
    assert panel.state.order == panel.one_order.order.value == key
    assert looked_at == [{"op": "look", "at": "nsbill-one-order"}]
    rest = bars[-1]["customdata"][0][0]
    assert "more orders" in rest
    clicks._on_message(None, {"op": "click", "key": rest}, [])
    assert (panel.state.order, len(looked_at)) == (key, 1)


def test_an_order_shows_its_row_its_exceptions_and_the_lines_that_count(
    panel: ReceivedPanel, found: Reconciliation
) -> None:
    view = panel.one_order
    order = str(found.exceptions[found.exceptions["currency"] == "USD"]["amazon_order_id"].iloc[0])
    panel.state.narrow(marketplace="Amazon.com")
    view.order.value = str(panel.state.statement["amazon_order_id"].iloc[2])
    view.reader.join()
    assert panel.state.desk.store.asked[-1] == view.order.value  # type: ignore[attr-defined]  # the fake
    assert view.lines.shown == 1
    assert "Its settlement lines: 1" in view._lines_heading.value
    assert "what happened when" in drawn(view.timeline)
    assert "Its row of the statement" in view._tables.value
    assert "Exceptions" in view._tables.value
    assert "<script" not in view._tables.value
    assert order


def test_an_order_that_the_filters_leave_out_is_opened_with_a_word(panel: ReceivedPanel) -> None:
    panel.filters.statuses[StatementStatus.OVERPAID.value].value = True
    other = panel.state.reconciliation.statement
    other = other[(other["currency"] == "USD") & (other["status"] != StatementStatus.OVERPAID.value)]
    panel.one_order.order.value = str(other["amazon_order_id"].iloc[0])
    assert "leave this order out" in panel.one_order._note.value
    assert not hidden(panel.one_order._body)


def test_lines_that_cannot_be_read_are_a_sentence_and_the_order_is_drawn_all_the_same(
    panel: ReceivedPanel, desk: SimpleNamespace
) -> None:
    desk.store.fails_with = WorkspaceError("settlements", "cannot be read", "Look at the disk.")
    panel.one_order.order.value = str(panel.state.statement["amazon_order_id"].iloc[4])
    panel.one_order.reader.join()
    assert "cannot be read" in panel.one_order._lines_heading.value
    assert panel.state.order in drawn(panel.one_order.timeline)
    assert panel.state.order in drawn(panel.one_order.waterfall)
    assert hidden(panel.one_order.lines)


@pytest.mark.parametrize("ending, files", [("xlsx", 1), ("html", 1), ("csv", 9), ("parquet", 9)])
def test_a_button_writes_its_format_and_the_sentence_names_the_files(
    panel: ReceivedPanel, tmp_path: Path, ending: str, files: int
) -> None:
    press(panel, ending)
    written = panel.exports.state.written
    assert len(written) >= files
    assert all(path.is_file() and path.suffix == f".{ending}" for path in written)
    assert all(path.is_relative_to(tmp_path / "reports") for path in written)
    for path in written:
        assert path.name in panel.exports._said.value
    assert panel.exports.buttons[ending].disabled
    assert "there already" in panel.exports._said.value


def test_files_that_are_there_are_replaced_only_when_that_is_asked_for(panel: ReceivedPanel, tmp_path: Path) -> None:
    place = tmp_path / "reports" / "received-vs-due-2026-10-31.xlsx"
    place.parent.mkdir()
    place.write_bytes(b"mine")
    panel.exports.refresh()
    assert panel.exports.buttons["xlsx"].disabled
    assert not panel.exports.buttons["html"].disabled
    panel.exports.state.export("xlsx")  # somebody wrote it after the button was enabled
    assert place.read_bytes() == b"mine"
    assert "is there already" in panel.exports._said.value
    panel.exports.replace.value = True
    press(panel, "xlsx")
    assert place.read_bytes() != b"mine"
    assert "Written: " in panel.exports._said.value
    assert panel.exports.replace.value is False


def test_what_is_written_is_all_of_it_whatever_the_filters_show(panel: ReceivedPanel, found: Reconciliation) -> None:
    panel.filters.statuses[StatementStatus.OVERPAID.value].value = True
    press(panel, "parquet")
    (statement,) = [path for path in panel.exports.state.written if path.stem == "statement"]
    assert parquet.read_table(statement).num_rows == len(found.statement) > panel.statement.shown


def test_a_folder_that_cannot_be_written_is_a_sentence(panel: ReceivedPanel, tmp_path: Path) -> None:
    (tmp_path / "reports").write_bytes(b"a file in the way")
    press(panel, "html")
    assert "cannot be written" in panel.exports._said.value
    assert "Traceback" not in panel.exports._said.value
    assert not panel.exports.buttons["html"].disabled


def test_nothing_can_be_written_before_something_is_reconciled(desk: SimpleNamespace) -> None:
    panel = received_panel(cast("Desk", desk))
    assert all(pressed.disabled for pressed in panel.exports.buttons.values())
    assert "Nothing is reconciled yet" in panel.exports._said.value


def test_a_ticked_status_narrows_figures_charts_statement_and_exceptions(panel: ReceivedPanel) -> None:
    state, filters = panel.state, panel.filters
    everything = len(state.statement)
    counts = dict(state.status_counts)
    box = filters.statuses[StatementStatus.OVERPAID.value]
    assert box.description == f"Overpaid ({counts[StatementStatus.OVERPAID.value]})"
    assert filters.everything.disabled
    box.value = True
    assert set(state.statement["status"]) == {StatementStatus.OVERPAID.value}
    assert panel.statement.shown == len(state.statement) == counts[StatementStatus.OVERPAID.value] < everything
    assert panel.exceptions.shown == len(state.exceptions)
    assert f"{len(state.statement)} orders" in drawn(panel.charts.main)
    assert f"Shown: {len(state.statement)} of {everything} orders" in filters._left_out.value
    assert f">{len(state.statement)}</div>" in panel._headline.value
    filters.everything.click()
    assert (panel.statement.shown, filters._left_out.value, box.value) == (everything, "", False)


def test_marketplace_and_period_narrow_and_hostile_names_are_text(panel: ReceivedPanel) -> None:
    state, filters = panel.state, panel.filters
    names = [value for _, value in filters.marketplace.options]
    assert (filters.marketplace.label, names[0]) == ("all", ())
    assert {(name,) for name in HOSTILE} <= set(names)
    filters.marketplace.value = (HOSTILE[0],)
    assert set(state.statement["marketplace"]) == {HOSTILE[0]}
    assert "<script" not in filters._left_out.value
    assert "&lt;script&gt;" in filters._left_out.value
    filters.begin.value = date(2030, 1, 1)
    assert panel.statement.shown == 0
    filters.end.value = date(2029, 1, 1)
    assert "before it begins" in filters._left_out.value
    assert all("\u202e" not in label for label, _ in filters.marketplace.options)


def test_statuses_without_orders_are_not_offered(panel: ReceivedPanel) -> None:
    present = {status for status, _ in panel.state.status_counts}
    shown = {status for status, box in panel.filters.statuses.items() if not hidden(box)}
    assert shown == present
    assert present != set(panel.filters.statuses)


def test_the_filter_stays_when_everything_is_reconciled_again(panel: ReceivedPanel) -> None:
    panel.filters.statuses[StatementStatus.OVERPAID.value].value = True
    shown = panel.statement.shown
    panel.reconcile.click()
    panel.worker.join()
    assert panel.statement.shown == shown
    assert panel.filters.statuses[StatementStatus.OVERPAID.value].value


def test_the_static_rendering_says_what_is_left_out(panel: ReceivedPanel) -> None:
    assert "Left out" not in panel.static()
    panel.filters.statuses[StatementStatus.OVERPAID.value].value = True
    assert "Left out" in panel.static()
