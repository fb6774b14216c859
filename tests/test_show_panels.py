"""The panels without a browser: buttons are clicked, boxes are ticked, and the page's parts are read."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from demo_company import Company, demo_company
from fake_desk import FakeDesk, fake, unreachable

from nsbill.errors import NsbillError
from nsbill.show import panel_parts
from nsbill.show.panels import (
    BillingPanel,
    SettingsPanel,
    billing_panel,
    settings_panel,
)
from nsbill.vocabulary import BillingStatus, ClosedPeriod, LicenceEdition

__all__ = ["fake"]  # pytest finds the fixture by its name here

HOSTILE_TAG = "<img src=x"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a notebook would have displayed."""
    things: list[Any] = []
    monkeypatch.setattr(panel_parts, "_display", lambda thing, **_: things.append(thing))
    return things


@pytest.fixture
def billing(fake: FakeDesk) -> BillingPanel:
    panel = billing_panel(fake.as_desk())
    panel.prepare()
    return panel


@pytest.fixture
def settings(fake: FakeDesk) -> SettingsPanel:
    panel = settings_panel(fake.as_desk())
    panel.prepare()
    return panel


def click(panel: Any, button: Any) -> None:
    """Press a button as the browser would, which cannot press a disabled one, and wait for what it started."""
    assert not button.disabled
    button.click()
    panel.worker.join()


def hidden(widget: Any) -> bool:
    return bool(widget.layout.display == "none")


def test_a_person_gets_the_widget_at_once_and_it_previews_by_itself(
    fake: FakeDesk, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    preview = fake.preview
    monkeypatch.setattr(fake, "preview", lambda *given, **named: (answered.wait(10), preview(*given, **named))[1])
    panel = billing_panel(fake.as_desk())
    panel.show()  # returns before anything was read: a cell that waits keeps the other widgets waiting
    assert (shown, fake.calls, panel.results) == ([panel], [], {})
    assert panel_parts.AT_WORK in panel._dom_classes
    assert panel.preview.disabled
    panel.show()  # the cell again: one reading is enough
    answered.set()
    panel.worker.join()
    assert fake.calls == ["preview"]
    assert "Found by the search" in panel._headline.value
    assert panel_parts.AT_WORK not in panel._dom_classes
    assert panel.results == panel.state.figures != {}


def test_what_a_thread_writes_belongs_to_the_cell_or_button_that_began_it() -> None:
    cell = contextvars.ContextVar("cell", default="none")  # as the kernel tells its streams
    cell.set("panel's")
    seen: list[str] = []
    worker = panel_parts.Worker()
    worker.start(lambda: seen.append(cell.get()))
    cell.set("a later one")
    worker.join()
    assert seen == ["panel's"]


def test_what_a_first_reading_dies_of_is_a_sentence_in_the_panel_and_no_result(
    fake: FakeDesk, shown: list[Any], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake.fails_with = unreachable()
    panel = billing_panel(fake.as_desk())
    panel.show()
    panel.worker.join()
    assert "No answer from &lt;script&gt;" in panel._error.value
    assert panel.results == {}

    def broken(_: object) -> None:
        raise LookupError("a fault of nsbill itself")

    fake.fails_with = None
    monkeypatch.setattr(BillingPanel, "prepare", broken)
    panel.show()
    panel.worker.join()
    assert "Something unexpected happened (LookupError: a fault of nsbill itself)" in panel._error.value
    assert not panel.preview.disabled
    assert (panel.results, len(shown)) == ({}, 2)
    assert capfd.readouterr() == ("", "")  # a thread's traceback would land in some cell


def test_a_run_without_a_person_gets_html_and_no_widget(
    fake: FakeDesk, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSBILL_STATIC", "1")
    billing_panel(fake.as_desk()).show()
    settings_panel(fake.as_desk()).show()
    billing, settings = (thing["text/html"] for thing in shown)
    assert "Orders to bill" in billing
    assert "121.50 USD" in billing
    assert "Pending Billing" in settings
    assert HOSTILE_TAG not in billing
    assert "&lt;img src=x" in billing
    assert "bill" not in fake.calls


def test_a_run_without_a_person_fails_when_the_first_reading_fails(
    fake: FakeDesk, shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSBILL_RESULT_FILE", "results.json")
    fake.fails_with = unreachable()
    with pytest.raises(NsbillError, match="No answer"):
        billing_panel(fake.as_desk()).show()
    assert shown == []


def test_showing_the_panel_never_creates_and_create_waits_for_the_box(billing: BillingPanel, fake: FakeDesk) -> None:
    assert billing.create.disabled
    assert "Tick the box to confirm." in billing._blockers.value
    billing.confirm.value = True
    assert not billing.create.disabled
    assert billing.create.description == "Create 3 invoices and 1 cash sale"
    billing.confirm.value = False
    assert billing.create.disabled
    assert fake.calls == ["preview"]


def test_unticking_updating_confirming_and_creating_bills_all_but_the_unticked(
    billing: BillingPanel, fake: FakeDesk
) -> None:
    billing.confirm.value = True
    billing.reason.value = "customer asked"
    billing.orders._on_message(None, {"op": "tick", "key": "5002", "on": False}, [])
    assert (billing.create.disabled, billing.confirm.value, billing.confirm.disabled) == (True, False, True)
    assert not hidden(billing.update)
    click(billing, billing.update)
    assert hidden(billing.update)
    assert [row[:2] for row in billing.orders.page(0)] == [
        ["5001", True], ["5002", False], ["5003", True], ["5010", True],
    ]  # fmt: skip
    assert "1 excluded, 2 skipped" in billing._sum.value
    billing.confirm.value = True
    click(billing, billing.create)
    assert not hidden(billing._result_section)
    assert [row[0] for row in billing.outcomes.page(0)] == ["nsbill-5001", "nsbill-5003", "nsbill-5010"]
    assert "3 created (9.99 EUR, 101.00 USD)" in billing._result.value
    assert billing.create.disabled
    assert hidden(billing.finish)
    assert fake.calls == ["preview", "preview", "bill"]


def test_a_chosen_outcome_leads_to_its_record_in_netsuite(billing: BillingPanel, fake: FakeDesk) -> None:
    fake.outcomes = {"5002": "rejected"}
    billing.confirm.value = True
    click(billing, billing.create)
    billing.outcomes.chosen = frozenset({"nsbill-5001"})
    page = "https://9000001-sb1.app.netsuite.com/app/accounting/transactions/transaction.nl?id=9"
    assert f'href="{page}"' in billing._record.value
    billing.outcomes.chosen = frozenset({"nsbill-5002"})
    assert "has no record in NetSuite" in billing._record.value
    fake.settings = fake.settings.model_copy(update={"base_url": "http://127.0.0.1:8080"})
    billing.outcomes.chosen = frozenset({"nsbill-5001"})
    assert "a simulator has no pages" in billing._record.value
    assert "href" not in billing._record.value
    billing.outcomes.chosen = frozenset()
    assert billing._record.value == ""


def test_while_a_run_is_under_way_only_stop_and_pause_can_be_pressed(billing: BillingPanel, fake: FakeDesk) -> None:
    fake.gate = threading.Event()
    billing.confirm.value = True
    under_way = threading.Event()
    billing.state.observe(lambda change: under_way.set() if change["new"] else None, "creating")
    billing.create.click()
    assert under_way.wait(10)
    assert billing.preview.disabled
    assert billing.create.disabled
    assert not billing.orders.enabled
    assert not hidden(billing.stop)
    billing.stop.click()
    billing.worker.join()
    assert hidden(billing.stop)
    assert "4 not started" in billing._result.value
    click(billing, billing.finish)
    assert "4 created" in billing._result.value
    assert billing.orders.enabled


def test_a_run_is_paused_resumed_and_stopped_by_buttons_of_their_own(billing: BillingPanel, fake: FakeDesk) -> None:
    assert (hidden(billing.pause), hidden(billing.stop)) == (True, True)
    fake.gate = threading.Event()
    billing.confirm.value = True
    under_way = threading.Event()
    billing.state.observe(lambda change: under_way.set() if change["new"] else None, "creating")
    billing.create.click()
    assert under_way.wait(10)
    assert (hidden(billing.pause), billing.pause.description) == (False, "Pause")
    billing.pause.click()
    assert billing.pause.description == "Resume"
    assert "Paused at 0 of 4" in billing._progress.value
    billing.pause.click()
    assert (billing.pause.description, billing.state.paused) == ("Pause", False)
    billing.pause.click()
    billing.stop.click()
    billing.worker.join()
    assert (hidden(billing.pause), billing.state.paused) == (True, False)
    assert "4 not started" in billing._result.value


def test_refused_orders_are_tried_again_and_those_left_out_are_named(billing: BillingPanel, fake: FakeDesk) -> None:
    fake.outcomes = {"5001": "rejected"}
    billing.confirm.value = True
    click(billing, billing.create)
    assert not hidden(billing._retry_row)
    click(billing, billing.retry)
    assert "mend &lt;b&gt;it&lt;/b&gt; first" in billing._result.value
    billing.fixed.value = True
    click(billing, billing.retry)
    assert hidden(billing._retry_row)
    assert [call for call in fake.calls if call.startswith("retry")] == [
        "retry run-1 fixed=False", "retry run-1 fixed=True",
    ]  # fmt: skip


def test_unclear_creates_of_earlier_runs_are_offered_for_a_look_up(billing: BillingPanel, fake: FakeDesk) -> None:
    assert hidden(billing._unresolved_row)
    fake.waiting = 2
    click(billing, billing.preview)
    assert "2 creates have no clear answer" in billing._unresolved.value
    click(billing, billing.resolve)
    assert "Looked up 2: 2 in NetSuite." in billing._unresolved.value
    assert hidden(billing.resolve)


def test_an_error_is_one_escaped_sentence_and_the_panel_goes_on(billing: BillingPanel, fake: FakeDesk) -> None:
    fake.fails_with = unreachable()
    click(billing, billing.preview)
    assert "No answer from &lt;script&gt;host&lt;/script&gt;" in billing._error.value
    assert "Traceback" not in billing._error.value
    fake.fails_with = None
    click(billing, billing.preview)
    assert billing._error.value == ""


def test_records_that_differ_from_the_plan_are_said_in_the_panel_and_in_its_static_view(billing: BillingPanel) -> None:
    billing.confirm.value = True
    click(billing, billing.create)
    assert billing.state.result is not None
    billing.state.result = replace(billing.state.result, differences=("INV7 bills 1.00 USD <b>of another</b>",))
    for shown_text in (billing._result.value, billing.static()):
        assert "INV7 bills 1.00 USD &lt;b&gt;of another&lt;/b&gt;" in shown_text


def test_skipped_orders_stand_in_a_table_of_their_own_with_reasons(billing: BillingPanel) -> None:
    assert "Skipped: 2" in billing._skipped_heading.value
    assert [row[2] for row in billing.skipped.page(0)] == ["SO6001", "SO6002"]
    assert [row[7] for row in billing.skipped.page(0)] == ["Already billed", "No amazon order id"]


def test_the_classes_that_tests_and_styles_rely_on_are_there(billing: BillingPanel, settings: SettingsPanel) -> None:
    named = {
        "nsbill-preview": billing._headline,
        "nsbill-confirm": billing._confirm_section,
        "nsbill-confirm-box": billing.confirm,
        "nsbill-create": billing.create,
        "nsbill-stop": billing.stop,
        "nsbill-result": billing._result,
        "nsbill-orders": billing.orders,
        "nsbill-save": settings.save,
        "nsbill-status": settings.status,
    }
    laid_out = [settings.show_toml, settings.undo, settings._toml, settings.max_orders, settings.closed_period]
    placed = [child for row in settings.children for child in (row, *getattr(row, "children", ()))]
    assert all(placed.count(widget) == 1 for widget in laid_out)
    assert all(name in widget._dom_classes for name, widget in named.items())


def test_settings_are_filled_in_and_the_recommended_status_is_marked(settings: SettingsPanel) -> None:
    assert settings.search.value == "customsearch_to_bill"
    assert settings.search.options[1][0] == "Open <b>orders</b> (customsearch_open)"
    assert "(recommended)" in settings.status.options[0][0]
    assert settings.status.value is BillingStatus.PENDING_BILLING
    assert settings.save.disabled
    assert "Criteria and columns" in settings._about.value


def test_settings_are_changed_and_saved_and_the_edition_rule_gates_the_button(
    settings: SettingsPanel, fake: FakeDesk
) -> None:
    settings.cash_sale_flow.value = True
    settings.edition.value = LicenceEdition.PREMIUM
    assert settings.save.disabled
    assert "does not allow cash sales" in settings._blockers.value
    settings.edition.value = LicenceEdition.STANDARD
    settings.status.value = BillingStatus.PENDING_FULFILLMENT
    assert "chosen here is Pending Fulfillment" in settings._netsuite.value
    click(settings, settings.save)
    assert "Saved." in settings._saved.value
    assert fake.settings.cash_sale_flow
    assert fake.statuses["1201"] == ("SalesOrd:B",)
    assert settings.save.disabled


def test_limits_and_period_policy_are_changed_shown_as_toml_and_undone(settings: SettingsPanel, fake: FakeDesk) -> None:
    assert settings.undo.disabled
    assert settings._toml.value == ""
    settings.show_toml.value = True
    settings.max_orders.value = 25
    settings.max_total.value = "USD=<b>"
    settings.closed_period.value = ClosedPeriod.ASK
    assert settings.save.disabled
    assert "USD=&lt;b&gt;" in settings._toml.value
    assert "<b>" not in settings._toml.value + settings._blockers.value + settings._limits.value
    settings.max_total.value = " USD=1000.00 "
    assert not settings.save.disabled
    assert "max_orders = 25" in settings._toml.value
    click(settings, settings.undo)
    assert (settings.max_orders.value, settings.max_total.value, settings.closed_period.value) == (
        0, "", ClosedPeriod.BLOCK,
    )  # fmt: skip
    assert "save_settings" not in fake.calls


def test_choosing_another_search_shows_what_netsuite_says_of_it(settings: SettingsPanel, fake: FakeDesk) -> None:
    fake.statuses["1202"] = ("SalesOrd:B",)
    settings.search.value = "customsearch_open"
    settings.worker.join()
    assert "Open &lt;b&gt;orders&lt;/b&gt;" in settings._netsuite.value
    assert not hidden(settings.use_netsuites)
    click(settings, settings.use_netsuites)
    assert settings.status.value is BillingStatus.PENDING_FULFILLMENT


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company")) as made:
        yield made


def test_against_the_simulator_refused_and_unclear_creates_end_with_one_record_each(company: Company) -> None:
    control = company.simulator.control
    with company.desk() as desk:
        desk.settings = desk.client.settings = desk.settings.model_copy(update={"unknown_wait": 900, "slots": 1})
        panel = billing_panel(desk)
        panel.prepare()
        assert panel.state.plan is not None
        waiting = list(panel.state.plan.to_bill["sales_order_id"])[:2]
        panel.state.exclude(set(panel.state.plan.to_bill["sales_order_id"]) - set(waiting))
        click(panel, panel.update)
        before = company.bills()
        control("preferences", {"mandatory_fields": "class"})
        panel.confirm.value = True
        click(panel, panel.create)
        assert panel.state.result is not None
        assert panel.state.result.counts == {"rejected": 2}
        assert company.bills() == before
        control("preferences", {"mandatory_fields": ""})
        panel.fixed.value = True
        click(panel, panel.retry)
        assert (panel.state.error, panel.state.result.counts) == ("", {"created": 2})
        assert panel.state.unresolved == 0
        panel.state.exclude([])
        click(panel, panel.update)
        third = panel.state.plan.to_bill["sales_order_id"].iloc[0]
        panel.state.exclude(set(panel.state.plan.to_bill["sales_order_id"]) - {third})
        click(panel, panel.update)
        lost = {"where": "transform", "kind": "drop_after_commit", "times": 1}
        mute = {"where": "record", "kind": "drop_before", "times": 99}
        control("faults", {"faults": [lost, mute], "seed": 1})
        panel.confirm.value = True
        click(panel, panel.create)
        assert (panel.state.result.counts, panel.state.unresolved) == ({"unknown": 1}, 1)
        assert "1 create has no clear answer" in panel._unresolved.value
        control("faults", {"faults": [], "seed": 1})
        click(panel, panel.resolve)
        assert (panel.state.error, panel.state.unresolved) == ("", 0)
        assert panel.state.result.counts == {"created": 1}  # as the journal has it now
        assert panel.state.looked_up == "Looked up 1: 1 created after all."
    after = company.bills()
    made = {order: after[order] - before.get(order, 0) for order in (*waiting, third)}
    assert made == dict.fromkeys((*waiting, third), 1)


def test_against_the_simulator_all_but_the_unticked_order_are_billed_exactly_once(company: Company) -> None:
    before = company.bills()
    with company.desk() as desk:
        panel = billing_panel(desk)
        panel.prepare()
        plan = panel.state.plan
        assert plan is not None
        waiting = set(plan.to_bill["sales_order_id"])
        left_out = min(waiting)
        panel.orders.tick([left_out], on=False)
        click(panel, panel.update)
        panel.confirm.value = True
        click(panel, panel.create)
        assert panel.state.error == ""
        assert panel.state.result is not None
        refused = panel.state.result.count("rejected")
        assert panel.state.figures["created"] == len(waiting) - 1 - refused
    after = company.bills()
    made = {order: after[order] - before.get(order, 0) for order in after if after[order] != before.get(order, 0)}
    assert left_out not in made
    assert set(made.values()) == {1}
    assert len(made) == len(waiting) - 1 - refused


def test_against_the_simulator_a_chosen_row_opens_the_document_that_is_then_created(company: Company) -> None:
    before = company.bills()
    with company.desk() as desk:
        panel = billing_panel(desk)
        panel.prepare()
        assert panel.state.plan is not None
        planned = panel.state.plan.to_bill.iloc[0]
        panel.orders._on_message(None, {"op": "choose", "key": planned["sales_order_id"], "more": False}, [])
        panel.document.reader.join()
        document = panel.document.state.document
        assert document is not None
        assert document.bill is not None
        assert (document.bill.total, document.currency) == (planned["amount"], planned["currency"])
        assert (document.differences, len(document.bill.lines) > 0) == ((), True)
        assert f"Total in {planned['currency']}" in panel.document.value
        panel.state.preview()
        assert (panel.orders.chosen, hidden(panel.document)) == (frozenset(), True)
    assert company.bills() == before


def test_against_the_simulator_a_plan_that_no_longer_holds_creates_nothing(company: Company) -> None:
    with company.desk() as desk, company.desk() as someone_else:
        panel = billing_panel(desk)
        panel.prepare()
        panel.confirm.value = True
        someone_else.bill(someone_else.preview())
        before = company.bills()
        click(panel, panel.create)
        assert "the plan changed since it was seen" in panel._error.value
        assert company.bills() == before


def test_against_the_simulator_settings_read_and_write_the_real_search(company: Company) -> None:
    with company.desk() as desk:
        panel = settings_panel(desk)
        panel.prepare()
        assert panel.state.error == ""
        assert len(panel.search.options) > 1
        panel.status.value = BillingStatus.PENDING_FULFILLMENT
        click(panel, panel.save)
        assert desk.criterion().letters == ("B",)
        assert "billing_status" in (Path(company.workspace) / "nsbill.toml").read_text(encoding="utf-8")
        panel.status.value = BillingStatus.PENDING_BILLING
        click(panel, panel.save)
        assert desk.criterion().letters == ("F",)
