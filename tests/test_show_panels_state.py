"""The states of the panels: what they allow, and what they say, without any widget."""

from __future__ import annotations

import threading
from datetime import date
from types import SimpleNamespace
from typing import cast

import pytest
from fake_desk import TODAY, FakeDesk, fake, unreachable
from show_samples import sample_reconciliation

from nsbill.desk import Desk
from nsbill.errors import BillingRefused, NsbillError
from nsbill.show.panels_state import BillingState, ReceivedState, SettingsState
from nsbill.vocabulary import BillingStatus, ClosedPeriod, LicenceEdition

__all__ = ["fake"]  # pytest finds the fixture by its name here


@pytest.fixture
def billing(fake: FakeDesk) -> BillingState:
    state = BillingState(fake.as_desk())
    state.preview()
    return state


@pytest.fixture
def settings(fake: FakeDesk) -> SettingsState:
    state = SettingsState(fake.as_desk())
    state.load()
    return state


def test_nothing_can_be_created_before_a_preview_and_a_confirmation(fake: FakeDesk) -> None:
    state = BillingState(fake.as_desk())
    assert state.blockers == ["There is no plan yet: press Preview."]
    state.preview()
    assert state.blockers == ["Tick the box to confirm."]
    state.confirmed = True
    assert state.blockers == []


def test_create_without_confirmation_is_refused_and_sends_nothing(billing: BillingState, fake: FakeDesk) -> None:
    billing.create()
    assert billing.error == "Nothing was billed: Tick the box to confirm. Then try again."
    assert isinstance(billing.failure, BillingRefused)
    assert "bill" not in fake.calls


def test_a_production_account_must_be_typed_out_before_anything_is_created(fake: FakeDesk) -> None:
    fake.settings = fake.settings.model_copy(update={"profile": "production"})
    state = BillingState(fake.as_desk())
    state.preview()
    state.confirmed = True
    assert state.blockers == ["This is a production account: type its id, 9000001_SB1, to create in it."]
    state.production = "9000001_SB1"
    assert state.blockers == []


def test_the_confirmation_names_count_totals_account_and_what_is_left_out(billing: BillingState) -> None:
    assert billing.confirmation == (
        "Create 3 invoices and 1 cash sale, together 9.99 EUR, 121.50 USD, in NetSuite account 9000001_SB1. "
        "0 excluded, 2 skipped."
    )


def test_unticking_takes_the_confirmation_back_until_the_plan_was_made_again(billing: BillingState) -> None:
    billing.confirmed = True
    billing.exclude(["5002"], reason="customer asked.")
    assert not billing.confirmed
    assert billing.blockers == ["Press Update plan, so that the plan seen is the one that runs."]
    assert billing.confirmation == ("The ticks changed (1 excluded now). Update the plan to see what would be created.")
    billing.preview()
    assert billing.blockers == ["Tick the box to confirm."]
    assert billing.excluded == {"5002": "customer asked"}
    assert "Create 2 invoices and 1 cash sale, together 9.99 EUR, 101.00 USD" in billing.confirmation
    assert "1 excluded, 2 skipped" in billing.confirmation


def test_left_out_orders_stay_in_the_list_in_their_place_and_can_be_taken_back(billing: BillingState) -> None:
    billing.exclude(["5002", "5003"])
    billing.preview()
    assert billing.candidates is not None
    assert list(billing.candidates["sales_order_id"]) == ["5001", "5002", "5003", "5010"]
    billing.exclude(["5003"])
    billing.preview()
    assert billing.plan is not None
    assert list(billing.plan.to_bill["sales_order_id"]) == ["5001", "5002", "5010"]
    assert billing.skipped is not None
    assert list(billing.skipped["sales_order_id"]) == ["6001", "6002"]


def test_a_left_out_order_that_the_search_no_longer_returns_is_forgotten(billing: BillingState, fake: FakeDesk) -> None:
    billing.exclude(["5002"])
    del fake.orders["5002"]
    billing.preview()
    assert billing.excluded == {}
    assert not billing.stale


def test_what_changed_in_netsuite_since_the_last_preview_is_said(billing: BillingState, fake: FakeDesk) -> None:
    def numbers() -> dict[str, str]:
        assert billing.plan is not None
        rows = billing.plan.to_bill
        return dict(zip(rows["sales_order_id"], rows["sales_order_number"], strict=True))

    assert billing.changes == ""
    before = numbers()
    gone, other, *_ = before
    record, currency, _ = fake.orders[other]
    fake.orders = {**fake.orders, other: (record, currency, "0.01"), "7777": ("invoice", "USD", "5.00")}
    del fake.orders[gone]
    billing.preview()
    assert billing.changes == (
        f"Since the last preview: 1 no longer to bill ({before[gone]}); 1 new ({numbers()['7777']}); "
        f"1 with another amount, date or record type ({before[other]})."
    )
    billing.exclude([other])
    billing.preview()
    assert billing.changes == ""
    billing.confirmed = True
    billing.create()
    fake.orders = {"7778": ("invoice", "USD", "5.00")}
    billing.preview()
    assert billing.changes.startswith("Since the last preview: 1 new (")  # what was billed here is no news


def test_every_left_out_order_keeps_its_own_reason(billing: BillingState) -> None:
    billing.exclude(["5001"], reason="first")
    billing.exclude(["5001", "5002"])
    assert billing.excluded == {"5001": "first", "5002": "unticked in the billing panel"}


def test_creating_gives_the_result_and_uses_the_plan_up(billing: BillingState) -> None:
    billing.confirmed = True
    billing.create()
    assert billing.error == ""
    assert billing.result_sentence == "Run run-1: 4 created (9.99 EUR, 121.50 USD)."
    assert billing.result_advice == ""
    assert (billing.done, billing.total, billing.creating, billing.confirmed) == (4, 4, False, False)
    assert billing.blockers == ["This plan was used: press Preview for a new one."]
    assert billing.figures["created"] == 4


def test_a_refused_run_shows_its_sentence_and_asks_for_a_new_preview(billing: BillingState, fake: FakeDesk) -> None:
    billing.confirmed = True
    fake.fails_with = BillingRefused("fingerprint", "the plan changed since it was seen", "Look again.")
    billing.create()
    assert billing.error == "Nothing was billed: the plan changed since it was seen. Look again."
    assert billing.result is None
    assert billing.blockers == ["This plan was used: press Preview for a new one."]
    fake.fails_with = None
    billing.preview()
    assert billing.error == ""
    assert billing.blockers == ["Tick the box to confirm."]


def test_the_result_says_what_to_do_about_orders_without_a_record(billing: BillingState, fake: FakeDesk) -> None:
    fake.outcomes = {"5001": "rejected", "5002": "unknown"}
    billing.confirmed = True
    billing.create()
    assert "2 created (9.99 EUR, 1.00 USD), 1 refused by NetSuite, 1 without a clear answer." in billing.result_sentence
    assert list(billing.outcomes["outcome"]) == ["rejected", "unknown", "created", "created"]
    assert "Do not create the orders without a clear answer by hand" in billing.result_advice
    assert billing.finish_blockers == []
    billing.finish()
    assert "resume run-1" in fake.calls
    assert billing.finish_blockers == ["Every order of the run has its outcome."]


def test_stop_ends_a_run_and_the_rest_is_not_started(billing: BillingState, fake: FakeDesk) -> None:
    fake.gate = threading.Event()
    billing.confirmed = True
    began = threading.Event()
    billing.observe(lambda _: began.set(), "creating")
    thread = threading.Thread(target=billing.create)
    thread.start()
    assert began.wait(10)
    assert billing.blockers == ["Checking that the plan is still what NetSuite gives…"]
    billing.stop()
    assert billing.stopping
    thread.join(10)
    assert billing.result_sentence == "Run run-1: 4 not started."
    assert billing.finish_blockers == []


def test_with_nothing_to_bill_there_is_nothing_to_confirm(fake: FakeDesk) -> None:
    fake.orders = {}
    state = BillingState(fake.as_desk())
    state.preview()
    assert state.blockers == ["There is nothing to bill."]
    assert state.records == "nothing"


def test_a_failure_is_a_sentence_and_a_fault_of_nsbill_is_one_too(fake: FakeDesk) -> None:
    state = BillingState(fake.as_desk())
    fake.fails_with = unreachable()
    state.preview()
    assert state.error == "No answer from <script>host</script>. Check the network."
    fake.fails_with = ZeroDivisionError("division by zero")
    state.preview()
    assert state.error == "Something unexpected happened (ZeroDivisionError: division by zero). Please report it."
    assert state.busy == ""
    with pytest.raises(ZeroDivisionError):
        state.raise_failure()
    fake.fails_with = None
    state.preview()
    assert (state.error, state.failure) == ("", None)


def test_settings_as_they_are_need_no_saving(settings: SettingsState) -> None:
    assert [choice.text for choice in settings.searches] == [
        "Orders to bill (customsearch_to_bill)",
        "Open <b>orders</b> (customsearch_open)",
    ]
    assert settings.netsuite_sentence == "The saved search 'Orders to bill' selects Pending Billing, as chosen here."
    assert settings.blockers == ["Nothing to save: the settings and the saved search are as shown."]


def test_a_search_saved_by_its_number_is_shown_by_its_script_id(fake: FakeDesk) -> None:
    fake.settings = fake.settings.model_copy(update={"saved_search": "1202"})
    state = SettingsState(fake.as_desk())
    state.load()
    assert state.saved_search == "customsearch_open"
    assert not state.changed


def test_netsuites_own_criterion_is_said_plainly_and_can_be_taken(fake: FakeDesk) -> None:
    fake.statuses["1201"] = ("SalesOrd:B",)
    state = SettingsState(fake.as_desk())
    state.load()
    assert state.differs
    assert state.netsuite_sentence == (
        "The saved search 'Orders to bill' selects Pending Fulfillment; chosen here is Pending Billing. "
        "Until it is saved, NetSuite's criterion wins."
    )
    assert state.save_sentence == "Saving writes 'Pending Billing' to the saved search in NetSuite."
    assert state.blockers == []
    state.use_netsuites_status()
    assert state.billing_status is BillingStatus.PENDING_FULFILLMENT
    assert not state.differs


def test_saving_writes_settings_and_search_and_says_so(settings: SettingsState, fake: FakeDesk) -> None:
    settings.billing_status = BillingStatus.PENDING_FULFILLMENT
    settings.cash_sale_flow = True
    assert settings.blockers == []
    settings.save()
    assert settings.saved == "Saved. Billing status: Pending Fulfillment (setting and saved search agree)."
    assert fake.statuses["1201"] == ("SalesOrd:B",)
    assert settings.mode_sentence.startswith("An order with a payment method becomes a cash sale")
    assert settings.blockers == ["Nothing to save: the settings and the saved search are as shown."]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"invoice_flow": False}, "both flows are off"),
        ({"cash_sale_flow": True, "edition": LicenceEdition.PREMIUM}, "premium edition does not allow cash sales"),
    ],
)
def test_impossible_settings_block_saving(
    settings: SettingsState, fake: FakeDesk, changes: dict[str, object], words: str
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert words in settings.blockers[0]
    settings.save()
    assert words in settings.error
    assert "save_settings" not in fake.calls


def test_the_edition_rule_is_explained(settings: SettingsState) -> None:
    settings.edition = LicenceEdition.PREMIUM
    assert settings.edition_sentence == (
        "The premium edition allows invoices only (by nsbill's table; check your contract)."
    )


def test_a_criterion_that_cannot_be_rewritten_blocks_saving_only_when_it_would_have_to_be(fake: FakeDesk) -> None:
    fake.writable = False
    state = SettingsState(fake.as_desk())
    state.load()
    state.cash_sale_flow = True
    assert state.blockers == []
    state.billing_status = BillingStatus.PENDING_FULFILLMENT
    assert state.blockers == ["The status criterion of this search cannot be rewritten: it has a formula."]


def test_a_setting_that_the_environment_holds_cannot_be_saved_in_silence(
    settings: SettingsState, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.cash_sale_flow = True
    monkeypatch.setenv("NSBILL_CASH_SALE_FLOW", "false")
    assert settings.blockers == [
        "The environment variable NSBILL_CASH_SALE_FLOW wins over what is saved here; unset it first."
    ]


def test_what_was_not_saved_is_named_shown_as_toml_and_taken_back(settings: SettingsState, fake: FakeDesk) -> None:
    assert settings.undo_blockers == ["Nothing was changed here since the settings were saved."]
    settings.max_orders, settings.max_total, settings.closed_period = 500, "USD=1000.00", ClosedPeriod.NEXT_OPEN
    settings.choose("customsearch_open")
    assert settings.changes_sentence == "Changed and not saved: saved_search, closed_period, max_orders, max_total."
    assert settings.limits_sentence == (
        "One run may bill at most 500 orders and at most USD=1000.00; a plan beyond that is refused."
    )
    assert 'closed_period = "next-open"' in settings.toml
    assert "max_orders = 500" in settings.toml
    settings.undo()
    assert (settings.error, settings.changes_sentence) == ("", "")
    assert (settings.saved_search, settings.max_orders, settings.max_total) == ("customsearch_to_bill", 0, "")
    assert settings.criterion is not None
    assert settings.criterion.search.script_id == "customsearch_to_bill"
    assert "save_settings" not in fake.calls


def test_limits_are_saved_and_impossible_ones_are_a_sentence(settings: SettingsState, fake: FakeDesk) -> None:
    settings.max_total = "a lot"
    assert "Use 1000.00, or USD=1000.00" in settings.blockers[0]
    settings.max_total, settings.max_orders = "1000.00", -1
    assert "max_orders" in settings.blockers[0]
    settings.max_orders = 20
    settings.save()
    assert settings.error == ""
    assert (fake.settings.max_orders, fake.settings.max_total) == (20, "1000.00")


def test_choosing_another_search_reads_its_own_criterion(settings: SettingsState, fake: FakeDesk) -> None:
    fake.statuses["1202"] = ()
    settings.choose("customsearch_open")
    assert "selects orders of every status" in settings.netsuite_sentence
    fake.fails_with = NsbillError("Unknown search.")
    settings.choose("customsearch_to_bill")
    assert settings.error == "Unknown search."
    fake.fails_with = None
    assert "could not be read" in settings.blockers[0]


def received_state(**options: object) -> ReceivedState:
    found = sample_reconciliation()
    desk = SimpleNamespace(today=lambda: TODAY, reconcile=lambda _: found)
    return ReceivedState(cast("Desk", desk), **options)  # type: ignore[arg-type]


def test_received_starts_today_and_needs_a_reconciliation() -> None:
    state = received_state()
    assert state.as_of == TODAY
    assert received_state(as_of=date(2026, 1, 31)).as_of == date(2026, 1, 31)
    assert state.order_blockers == ["Nothing is reconciled yet: press Reconcile."]
    assert (state.headline, state.orders, state.figures) == ([], [], {})


def test_received_chooses_the_currency_with_most_orders_and_its_largest_due() -> None:
    state = received_state()
    state.reconcile()
    totals = state.reconciliation.totals.set_index("currency")["orders"]
    assert totals[state.currency] == totals.max()
    assert state.order == state.statement["amazon_order_id"].iloc[0]
    assert dict(state.headline)["Orders"] == f"{totals.max():,}"
    assert state.order_blockers == []


def test_received_looks_at_one_currency_at_a_time() -> None:
    state = received_state()
    state.reconcile()
    for currency in state.currencies:
        state.choose_currency(currency)
        assert set(state.statement["currency"]) <= {currency}
        assert all(words.endswith(currency) for name, words in state.headline[:6])
        assert state.order in {*state.orders, ""}


def test_an_order_that_is_not_there_cannot_be_drawn() -> None:
    state = received_state()
    state.reconcile()
    state.order = "999-0000000-0000000"
    assert "There is no Amazon order 999-0000000-0000000" in state.order_blockers[0]


def test_a_reconciliation_that_fails_is_a_sentence(fake: FakeDesk) -> None:
    def fails(as_of: date) -> None:
        raise unreachable()

    state = ReceivedState(cast("Desk", SimpleNamespace(today=lambda: TODAY, reconcile=fails)))
    state.reconcile()
    assert "No answer" in state.error
