"""The tour: five steps on a simulated company, each with what it did in NetSuite; on another account it only looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from demo_company import Company, demo_company

from nsbill.errors import BillingRefused, NsbillError
from nsbill.show.happened import Happened
from nsbill.show.panels import TourPanel, tour_panel
from nsbill.show.panels_state import TourState
from nsbill.show.tour_state import FEW


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company")) as made:
        yield made


@pytest.fixture
def panel(company: Company) -> Iterator[TourPanel]:
    with company.desk() as desk:
        made = tour_panel(desk)
        made.prepare()
        assert made.state.error == ""
        yield made


def click(panel: Any, button: Any) -> None:
    """Press a button as the browser would, which cannot press a disabled one, and wait for what it started."""
    assert not button.disabled
    button.click()
    panel.worker.join()
    assert panel.state.error == ""


def test_the_tour_bills_three_orders_once_and_says_what_happened_in_netsuite(
    panel: TourPanel, company: Company
) -> None:
    before, state = company.bills(), panel.state
    assert state.simulated
    assert state.happened["look"].created == 0
    assert any("Amazon orders to bill" in line for line in state.happened["look"].lines)
    assert (panel.bill.disabled, panel.again.disabled, panel.paid.disabled) == (True, True, True)
    assert "Make the plan first: step 2." in panel._hints["bill"].value

    click(panel, panel.plan)
    assert company.bills() == before
    assert state.plan is not None
    assert len(state.plan.to_bill) == FEW
    assert state.confirmation.startswith("Bill 3 orders, together ")
    assert state.confirmation.endswith(" in the simulated account 9000001_SB1.")
    assert "nothing was saved" in state.happened["plan"].lines[-1]
    assert "Total in " in panel._told["plan"].value
    assert panel.bill.disabled

    panel.confirm.value = True
    click(panel, panel.bill)
    orders = set(state.plan.to_bill["sales_order_id"])
    made = {order: number for order, number in company.bills().items() if number != before.get(order, 0)}
    assert made == dict.fromkeys(orders, 1)
    assert state.happened["bill"].created == FEW
    assert state.happened["bill"].sentence.endswith("and created 3 records.")
    for order, external_id in zip(state.plan.to_bill["sales_order_id"], state.plan.to_bill["external_id"], strict=True):
        request = f"POST record/v1/salesOrder/{order}/!transform/invoice, external id {external_id}): created record "
        assert any(request in line for line in state.happened["bill"].lines)
    assert all(" became invoice " in sentence for sentence in state.result_sentences)
    assert panel.bill.disabled
    assert panel.confirm.disabled

    click(panel, panel.again)
    assert made == {order: number for order, number in company.bills().items() if number != before.get(order, 0)}
    assert "the plan changed since it was seen: 3 no longer to bill" in state.refusal
    assert all(": 1 record in NetSuite (" in sentence for sentence in state.records)
    assert len(state.records) == FEW
    assert (state.happened["again"].created, state.happened["again"].changed) == (0, 0)

    click(panel, panel.paid)
    assert state.paid is not None
    assert set(state.paid["amazon_order_id"]) == set(state.plan.to_bill["amazon_order_id"])
    assert state.happened["paid"].created == 0
    assert "Their rows of the statement" in panel._told["paid"].value

    click(panel, panel.look)  # the tour again takes the next ones
    assert panel._told["plan"].value + panel._told["bill"].value + panel._told["again"].value == ""
    click(panel, panel.plan)
    assert not orders & set(state.plan.to_bill["sales_order_id"])


def test_where_all_is_billed_three_orders_are_shipped_first_as_after_nsbill_demo(tmp_path: Path) -> None:
    with demo_company(tmp_path, orders=40) as company, company.desk() as desk:
        desk.bill(desk.preview())
        panel = tour_panel(desk)
        panel.prepare()
        before = company.bills()
        assert panel.plan.disabled
        assert "No order waits to be billed: let some be shipped first." in panel._hints["plan"].value
        click(panel, panel.ship)
        assert panel.state.happened["plan"].created == FEW
        assert (
            sum("!transform/itemFulfillment): created record" in line for line in panel.state.happened["plan"].lines)
            == FEW
        )
        assert company.bills() == before
        assert panel.ship.layout.display == "none"
        click(panel, panel.plan)
        panel.confirm.value = True
        click(panel, panel.bill)
        click(panel, panel.paid)
        assert panel.state.plan is not None
        billed = set(panel.state.plan.to_bill["sales_order_id"])
        assert {order for order, number in company.bills().items() if number != before.get(order, 0)} == billed
        assert len(billed) > 0


def test_a_run_without_a_person_only_looks(company: Company) -> None:
    before = company.bills()
    with company.desk() as desk:
        panel = tour_panel(desk)
        panel.prepare()
        page = panel.static()
    assert "Orders to bill" in page
    assert "nothing changed in it." in page
    assert panel.results == {"to_bill": panel.state.to_bill, "settlements": panel.state.settlements}
    assert company.bills() == before


@pytest.mark.parametrize(
    "changes", [{"profile": "production"}, {"profile": "sandbox"}, {"account": "9000002_SB1"}], ids=str
)
def test_an_account_that_does_not_say_it_is_the_simulator_is_only_looked_at(
    company: Company, changes: dict[str, str]
) -> None:
    before = company.bills()
    with company.desk() as desk:
        state = TourState(desk)
        desk.settings = desk.settings.model_copy(update=changes)  # the connection stays: only what is believed differs
        state.look()
        assert not state.simulated
        state.plan_few()
        assert "is not the simulator, so the tour creates nothing in it" in state.error
        state.simulated = True  # whatever a notebook does to it
        state.plan_few()
        state.confirmed = True
        state.bill()
        assert isinstance(state.failure, BillingRefused)
        assert "does not say that it is the simulator" in state.error
        state.plan, state._waiting = None, ()
        state.ship()
        assert "does not say that it is the simulator" in state.error
        assert state.happened["plan"].created == 0
    assert company.bills() == before


def test_what_happened_counts_and_never_shows_a_secret(panel: TourPanel, company: Company) -> None:
    told = str([panel.state.happened[step].requests for step in panel.state.happened])
    assert not any(secret in told for secret in company.environment.values())
    assert Happened(()).sentence == "NetSuite was not asked."
    assert Happened(("a.", "b.", "a.")).lines == ("a, 2 times.", "b.")
    assert Happened(("a",)).sentence == "NetSuite was asked 1 time; nothing changed in it."
    assert Happened(("a",), changed=1).sentence == "NetSuite was asked 1 time, and something was changed in it."


def test_what_went_wrong_stands_escaped_under_the_step_that_it_was_of(panel: TourPanel) -> None:
    panel.state.step = "paid"
    panel.state.fail(NsbillError("No answer from <b>host</b>."))
    assert "No answer from &lt;b&gt;host&lt;/b&gt;." in panel._errors["paid"].value
    assert {step for step, box in panel._errors.items() if box.value} == {"paid"}
