"""nsbill.settings: the billing rules, the file, the environment, and secrets kept out of sight."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsbill.errors import SettingsError
from nsbill.settings import Settings, load_settings, save_settings, settings_toml
from nsbill.vocabulary import BillingMode, BillingStatus, ClosedPeriod, RecordType


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    save_settings(tmp_path, {"saved_search": "1201", "billing_status": BillingStatus.PENDING_FULFILLMENT})
    assert load_settings(tmp_path).billing_status is BillingStatus.PENDING_FULFILLMENT
    assert load_settings(tmp_path).saved_search == "1201"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_settings(tmp_path, {"slots": 3})
    monkeypatch.setenv("NSBILL_SLOTS", "9")
    assert load_settings(tmp_path).slots == 9


@pytest.mark.parametrize(
    "changes, sentence",
    [
        ({"edition": "premium", "cash_sale_flow": True}, "premium edition does not allow cash sales"),
        ({"invoice_flow": False}, "both flows are off"),
        ({"biling_status": "x"}, "is not a setting.*Valid:.*billing_status"),
        ({"billing_status": "billed"}, "'pending-billing' or 'pending-fulfillment'"),
        ({"time_zone": "Mars/Olympus"}, "not a known time zone"),
        ({"slots": 0}, "greater than or equal to 1"),
    ],
)
def test_an_impossible_setting_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        save_settings(tmp_path, changes)
    assert list(tmp_path.iterdir()) == []


def test_the_edition_table_can_be_overridden() -> None:
    settings = Settings(edition="premium", cash_sale_flow=True, edition_allows={"premium": ["invoice", "cashSale"]})
    assert settings.allows(RecordType.CASH_SALE)
    assert settings.mode is BillingMode.AUTO


@pytest.mark.parametrize(
    "invoice, cash_sale, mode",
    [(True, False, BillingMode.INVOICE), (False, True, BillingMode.CASH_SALE), (True, True, BillingMode.AUTO)],
)
def test_the_two_flows_amount_to_a_mode(*, invoice: bool, cash_sale: bool, mode: BillingMode) -> None:
    assert Settings(invoice_flow=invoice, cash_sale_flow=cash_sale).mode is mode


def test_hosts_follow_from_the_account() -> None:
    settings = Settings(account="1234567_SB1")
    assert settings.rest_url == "https://1234567-sb1.suitetalk.api.netsuite.com"
    assert settings.restlet_url == "https://1234567-sb1.restlets.api.netsuite.com/app/site/hosting/restlet.nl"


def test_a_secret_in_the_file_is_refused_without_being_shown(tmp_path: Path) -> None:
    (tmp_path / "nsbill.toml").write_text('token_secret = "hush"\n')
    with pytest.raises(SettingsError, match="a secret stands in") as caught:
        load_settings(tmp_path)
    assert "hush" not in str(caught.value)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "nsbill.toml").write_text("slots = = 3\n")
    with pytest.raises(SettingsError, match=r"nsbill\.toml is not readable TOML"):
        load_settings(tmp_path)


def test_the_file_is_shown_as_it_would_be_saved(tmp_path: Path) -> None:
    save_settings(tmp_path, {"account": "9000001_SB1"})
    changes = {"max_orders": 5, "closed_period": ClosedPeriod.NEXT_OPEN}
    shown = settings_toml(tmp_path, changes)
    assert shown == 'account = "9000001_SB1"\nclosed_period = "next-open"\nmax_orders = 5\n'
    assert "max_orders" not in (tmp_path / "nsbill.toml").read_text(encoding="utf-8")
    save_settings(tmp_path, changes)
    assert (tmp_path / "nsbill.toml").read_text(encoding="utf-8") == shown


@pytest.mark.parametrize("record", ["", "12/../3", "12?x=1", "'12'", "-1", "１２"])
def test_only_an_internal_id_has_a_page_in_netsuite(record: str) -> None:
    settings = Settings(account="1234567_SB1")
    assert settings.record_page(record) == ""
    assert settings.record_page("12").startswith("https://1234567-sb1.app.netsuite.com/")
