"""nsbill.billing.run: each planned order ends in a defined state and is billed once; judged by the simulator's books."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_company import Company, demo_company
from test_billing_journal import small_plan

from nsbill.billing.journal import Journal, PlannedBill
from nsbill.billing.run import carry_out
from nsbill.credentials import TokenCredentials
from nsbill.desk import Desk
from nsbill.errors import BillingRefused, SignInRefused
from nsbill.netsuite import retry
from nsbill.simulator import tables
from nsbill.vocabulary import Outcome

SEARCH = "customsearch_nsbill_orders_to_bill"


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.001)
    monkeypatch.setenv("NSBILL_UNKNOWN_WAIT", "0")
    with demo_company(tmp_path, orders=60) as made:
        yield made


@pytest.fixture
def desk(company: Company) -> Iterator[Desk]:
    with company.desk() as opened:
        opened.save_settings(saved_search=SEARCH)
        yield opened


def faulty(company: Company, *faults: dict[str, object], seed: int = 1) -> None:
    company.simulator.control("faults", {"faults": list(faults), "seed": seed})


def books(company: Company, sql: str) -> list[tuple[object, ...]]:
    connection = tables.connect(company.workspace / "simulator.db")
    try:
        return [tuple(row) for row in connection.execute(sql)]
    finally:
        connection.close()


def change_books(company: Company, sql: str) -> None:
    connection = tables.connect(company.workspace / "simulator.db")
    connection.execute(sql)
    connection.close()


def assert_each_billed_once(company: Company, desk: Desk) -> None:
    """Every order that was billable has records that add up to its total, and its external ids are unique."""
    wrong = books(
        company,
        "SELECT o.id, o.total, SUM(b.total) FROM txn o JOIN txn b ON b.createdfrom = o.id "
        "WHERE o.type = 'SalesOrd' AND b.type IN ('CustInvc', 'CashSale') AND b.externalid LIKE 'nsbill%' "
        "GROUP BY o.id HAVING SUM(b.total) > o.total OR COUNT(*) > 1",
    )
    assert wrong == []
    left = desk.preview()
    assert len(left.to_bill) == 0
    still_open = books(company, "SELECT id FROM txn WHERE type = 'SalesOrd' AND status = 'F'")
    assert {str(row[0]) for row in still_open} == set(left.skipped["sales_order_id"])


def test_every_order_of_the_plan_gets_its_record_and_a_second_run_has_nothing_to_do(
    company: Company, desk: Desk
) -> None:
    plan = desk.preview()
    seen: list[tuple[int, int]] = []
    result = desk.bill(plan, progress=lambda done, total, _note="": seen.append((done, total)))
    assert result.counts == {"created": len(plan.to_bill)}
    assert result.totals == plan.totals
    assert result.differences == ()
    assert seen[-1] == (len(plan.to_bill), len(plan.to_bill))
    assert_each_billed_once(company, desk)
    assert len(desk.bill(desk.preview()).outcomes) == 0


@pytest.mark.parametrize(
    "kind",
    [
        "drop_before",
        "drop_after_commit",
        "error_500_before",
        "error_500_after_commit",
        "429",
        "slow_after_commit",
    ],
)
def test_after_any_fault_each_order_is_billed_once(
    company: Company, desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.preview()
    if kind == "slow_after_commit":
        monkeypatch.setattr(desk.client, "settings", desk.settings.model_copy(update={"read_timeout": 1}))
    faulty(company, {"where": "transform", "kind": kind, "times": 5, "skip": 3, "seconds": 3})
    result = desk.bill(plan)
    assert result.counts == {"created": len(plan.to_bill)}
    assert_each_billed_once(company, desk)


def test_under_mixed_random_faults_each_order_is_billed_once(company: Company, desk: Desk) -> None:
    rates = {"drop_after_commit": 0.1, "error_500_before": 0.1, "429": 0.1, "drop_before": 0.05, "locked": 0.05}
    faulty(company, *({"where": "transform", "kind": k, "rate": r} for k, r in rates.items()), seed=11)
    plan = desk.preview()
    result = desk.bill(plan)
    assert result.count("created") + result.count("rejected") + result.count("not started") == len(plan.to_bill)
    faulty(company)
    desk.resume()
    desk.bill(desk.preview())  # what was locked then is billed now
    assert_each_billed_once(company, desk)


def test_an_unknown_outcome_holds_its_order_back_until_it_is_resolved(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NSBILL_UNKNOWN_WAIT", "900")
    with company.desk() as desk:
        desk.save_settings(saved_search=SEARCH)
        plan = desk.preview()
        faulty(company, {"where": "transform", "kind": "drop_before", "times": 1})
        result = desk.bill(plan)
        assert (result.count("unknown"), result.count("created")) == (1, len(plan.to_bill) - 1)
        assert "unresolved_outcome" in desk.preview().skipped["reason"].tolist()
        assert desk.resume().count("unknown") == 1  # 900 s have not passed, so nothing is sent again
    monkeypatch.setenv("NSBILL_UNKNOWN_WAIT", "0")
    with company.desk() as desk:
        assert desk.resume().counts == {"created": len(plan.to_bill)}
        assert_each_billed_once(company, desk)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after_commit"])
def test_open_creates_of_an_earlier_run_are_settled_by_look_up_and_the_next_plan_goes_on(
    company: Company, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("NSBILL_UNKNOWN_WAIT", "900")
    with company.desk() as desk:
        desk.save_settings(saved_search=SEARCH)
        planned = len(desk.preview().to_bill)
        faulty(
            company,
            {"where": "transform", "kind": kind, "times": 1},
            {"where": "record", "kind": "drop_before", "times": 99},
        )
        assert desk.bill(desk.preview()).count("unknown") == 1
        faulty(company)
    monkeypatch.setenv("NSBILL_UNKNOWN_WAIT", "0")
    with company.desk() as desk:
        assert desk.settle_open() == {"absent" if kind == "drop_before" else "created": 1}
        assert desk.settle_open() == {}
        rest = desk.bill(desk.preview()).count("created")
        assert rest == (1 if kind == "drop_before" else 0)
        assert len(company.bills()) >= planned
        assert_each_billed_once(company, desk)


def test_a_plan_that_no_longer_holds_is_refused_with_the_difference(company: Company, desk: Desk) -> None:
    plan = desk.preview()
    gone = plan.to_bill.iloc[0]
    change_books(company, f"UPDATE txn SET status = 'H' WHERE id = {gone['sales_order_id']}")
    with pytest.raises(BillingRefused, match=rf"1 no longer to bill \({gone['sales_order_number']}\)"):
        desk.bill(plan)
    assert books(company, "SELECT id FROM txn WHERE externalid LIKE 'nsbill%'") == []


def test_an_order_closed_while_the_run_begins_is_rejected_and_the_others_are_billed(
    company: Company, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.preview()
    gone = plan.to_bill.iloc[0]["sales_order_id"]
    monkeypatch.setattr(Desk, "preview", lambda *_args, **_more: plan)
    change_books(company, f"UPDATE txn SET status = 'H' WHERE id = {gone}")
    result = desk.bill(plan)
    assert (result.count("rejected"), result.count("created")) == (1, len(plan.to_bill) - 1)
    told = result.outcomes.set_index("sales_order_id").loc[gone, "message"]
    assert "not a valid record transformation" in told
    assert "plan again" in told


def test_an_order_billed_by_hand_after_the_plan_is_found_and_not_billed_again(
    company: Company, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.preview()
    whole = plan.to_bill[plan.to_bill["part"] == 1]
    by_hand = whole.iloc[0]["sales_order_id"]
    desk.client._session.post(  # another user's transform, signed like ours
        f"{desk.settings.rest_url}/services/rest/record/v1/salesOrder/{by_hand}/!transform/invoice", json={}
    )
    monkeypatch.setattr(Desk, "preview", lambda *_args, **_more: plan)
    result = desk.bill(plan)
    assert (result.count("exists"), result.count("created")) == (1, len(plan.to_bill) - 1)
    assert "without the external id" in result.outcomes.set_index("sales_order_id").loc[by_hand, "message"]
    assert company.bills()[by_hand] == 1


def test_stopping_finishes_what_is_in_flight_and_resume_does_the_rest(company: Company, desk: Desk) -> None:
    plan, stop = desk.preview(), threading.Event()

    def stop_after_three(done: int, total: int, note: str = "") -> None:
        if done >= 3:
            stop.set()

    result = desk.bill(plan, progress=stop_after_three, stop=stop)
    assert result.count("not started") > 0
    assert result.count("unknown") == 0
    assert desk.resume().counts == {"created": len(plan.to_bill)}
    assert_each_billed_once(company, desk)


def test_credentials_that_stop_working_end_the_run_and_lose_nothing(company: Company, desk: Desk) -> None:
    plan = desk.preview()
    faulty(company, {"where": "transform", "kind": "401", "times": 999, "skip": 4})
    with pytest.raises(SignInRefused):
        desk.bill(plan)
    faulty(company)
    assert desk.resume().counts == {"created": len(plan.to_bill)}
    assert_each_billed_once(company, desk)


def test_a_record_that_differs_from_the_plan_is_a_listed_difference(
    company: Company, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = desk.preview()
    monkeypatch.setattr(Desk, "preview", lambda *_args, **_more: plan)
    dearer = plan.to_bill[plan.to_bill["part"] == 1].iloc[0]
    change_books(company, f"UPDATE txnline SET amount = amount + 1 WHERE txn = {dearer['sales_order_id']} AND line = 1")
    result = desk.bill(plan)
    assert result.count("created") == len(plan.to_bill)
    (sentence,) = result.differences
    assert f"for {dearer['sales_order_number']}" in sentence


def test_a_production_account_must_be_named(company: Company) -> None:
    settings = company.desk().settings.model_copy(update={"profile": "production"})
    secrets = TokenCredentials.of(company.simulator.credentials())
    with Desk(company.workspace, settings, secrets) as desk:
        with pytest.raises(BillingRefused, match="--production 9000001_SB1"):
            desk.check_account()
        with pytest.raises(BillingRefused, match="is a production account"):
            desk.bill(small_plan())
        with pytest.raises(BillingRefused, match="is a production account"):
            desk.resume()
        desk.check_account(production="9000001_SB1")


def test_pending_fulfillment_needs_the_accounts_preference(company: Company, desk: Desk) -> None:
    desk.save_settings(billing_status="pending-fulfillment")
    plan = desk.preview()
    assert len(plan.to_bill) == 0
    assert "B" in set(plan.skipped["status"])
    company.simulator.control("preferences", {"invoice_in_advance": True})
    plan = desk.preview()
    assert set(plan.to_bill["status"]) == {"B"}
    assert desk.bill(plan).counts == {"created": len(plan.to_bill)}
    assert len(desk.preview().to_bill) == 0


def test_a_single_401_is_tried_again_alone(company: Company, desk: Desk) -> None:
    plan = desk.preview()
    faulty(company, {"where": "transform", "kind": "401", "times": 1, "skip": 5})
    assert desk.bill(plan).counts == {"created": len(plan.to_bill)}


def test_an_order_whose_invoice_was_deleted_in_netsuite_is_billed_again(company: Company, desk: Desk) -> None:
    plan = desk.preview()
    desk.bill(plan)
    order = plan.to_bill[plan.to_bill["part"] == 1].iloc[0]["sales_order_id"]
    (invoice,) = (
        row[0] for row in books(company, f"SELECT id FROM txn WHERE createdfrom = {order} AND type = 'CustInvc'")
    )
    for sql in (
        f"DELETE FROM link WHERE nextdoc = {invoice}",
        f"DELETE FROM txnline WHERE txn = {invoice}",
        f"DELETE FROM txn WHERE id = {invoice}",
        f"UPDATE txnline SET quantitybilled = 0 WHERE txn = {order}",
        f"UPDATE txn SET status = 'F' WHERE id = {order}",
    ):
        change_books(company, sql)
    again = desk.bill(desk.preview())
    assert again.outcomes["sales_order_id"].tolist() == [order]
    assert again.counts == {"created": 1}
    assert_each_billed_once(company, desk)


def test_by_payment_method_makes_cash_sales_of_paid_orders(company: Company, desk: Desk) -> None:
    desk.save_settings(cash_sale_flow=True)
    plan = desk.preview()
    assert set(plan.to_bill["record_type"]) == {"invoice", "cashSale"}
    assert desk.bill(plan).complete
    made = books(company, "SELECT type, COUNT(*) FROM txn WHERE externalid LIKE 'nsbill%' GROUP BY type ORDER BY type")
    assert made == [
        ("CashSale", int((plan.to_bill["record_type"] == "cashSale").sum())),
        ("CustInvc", int((plan.to_bill["record_type"] == "invoice").sum())),
    ]
    paid = books(company, "SELECT o.paymentoption IS NULL FROM txn b JOIN txn o ON o.id = b.createdfrom "
                          "WHERE b.type = 'CashSale' AND b.externalid LIKE 'nsbill%'")  # fmt: skip
    assert {row[0] for row in paid} == {0}


def _own_threads() -> int:
    """How many threads there are, without those of the simulator, which starts its own when it needs them."""
    return sum("simulated-netsuite" not in thread.name for thread in threading.enumerate())


def test_few_intents_and_few_threads_wait_for_a_slot(company: Company, desk: Desk) -> None:
    plan, stop, governor = desk.preview(), threading.Event(), desk.client.governor
    desk.client.settings = desk.settings.model_copy(update={"slots": 2})
    company.simulator.control("latency", {"latency_ms": 100})
    threads, open_intents, waiting = [_own_threads()], [], []

    def watch(done: int, total: int, note: str = "") -> None:
        if governor.in_flight == 2:
            waiting.append(len(governor._queue))
            kinds = [event["kind"] for event in desk.journal.events() if event["external_id"]]
            open_intents.append(2 * kinds.count("intent") - len(kinds))
            threads.append(_own_threads())
        if len(waiting) == 8:
            stop.set()

    result = carry_out(plan, journal=desk.journal, client=desk.client, progress=watch, stop=stop)
    company.simulator.control("latency", {"latency_ms": 0})
    assert max(waiting) >= 5, "they wait for a slot"
    assert max(open_intents) <= 2 + 6 + 2, "two are in flight, six wait, two may be writing their outcome"
    assert max(threads) - threads[0] <= 2 + 6
    assert result.count("unknown") == 0
    assert result.count("not started") > 0
    assert desk.resume().counts == {"created": len(plan.to_bill)}
    assert_each_billed_once(company, desk)


@pytest.mark.parametrize("by", ["waiting too long", "another process"])
def test_an_intent_that_no_longer_holds_when_its_slot_is_there_is_not_acted_upon(
    company: Company, desk: Desk, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """Waiting for a slot must not eat up the time after which an intent counts as absent."""
    plan, intend = desk.preview(), Journal.intend
    desk.client.settings = desk.settings.model_copy(update={"unknown_wait": 900})
    taken = set(plan.to_bill["external_id"].head(3)) if by == "another process" else set()

    def overtaken(journal: Journal, run_id: str, bill: PlannedBill, *, fence: int | None = None) -> str | None:
        before = intend(journal, run_id, bill, fence=fence)
        if bill.external_id in taken:
            journal.record(run_id, bill.external_id, Outcome.UNKNOWN)
        return before

    monkeypatch.setattr(Journal, "intend", overtaken)
    monkeypatch.setattr("nsbill.billing.run.holding_time", lambda _: 60.0 if taken else -1.0)
    result = carry_out(plan, journal=desk.journal, client=desk.client)
    assert set(result.outcomes[result.outcomes["outcome"] == "unknown"]["external_id"]) == taken
    assert result.count("created") == len(plan.to_bill) - len(taken)
    told = [event["kind"] for event in desk.journal.events(order=str(plan.to_bill["sales_order_id"].iloc[-1]))]
    assert told == (["intent", "created"] if taken else ["intent", "absent", "intent", "created"])
