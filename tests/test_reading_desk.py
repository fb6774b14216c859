"""The desk of reports reads, and cannot create: it has no method for it, and its client sends no such request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_company import Company, demo_company

from nsbill.credentials import load_credentials
from nsbill.desk import Desk
from nsbill.errors import BillingRefused
from nsbill.netsuite.client import Call
from nsbill.netsuite.reading import ReadingClient, only_reads
from nsbill.netsuite.records import transform_order
from nsbill.netsuite.searches import write_status
from nsbill.reading_desk import ReadingDesk
from nsbill.settings import Settings, load_settings
from nsbill.vocabulary import BillingStatus, RecordType

SETTINGS = Settings(account="1_SB1", base_url="http://127.0.0.1:9")
REST, RESTLET = SETTINGS.rest_url, SETTINGS.restlet_url


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=40) as made:
        yield made


@pytest.fixture
def desk(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadingDesk]:
    for name, value in company.environment.items():
        monkeypatch.setenv(name, value)
    with ReadingDesk.open(company.workspace) as opened:
        yield opened


@pytest.mark.parametrize(
    "call,reads",
    [
        (Call("x", "GET", f"{REST}/services/rest/record/v1/salesOrder/1"), True),
        (Call("x", "POST", f"{REST}/services/rest/query/v1/suiteql", json={"q": "SELECT 1"}), True),
        (Call("x", "POST", RESTLET, json={"action": "page"}), True),
        (Call("x", "POST", RESTLET, json={"action": "set_status"}), False),
        (Call("x", "POST", RESTLET, json={"action": "something new"}), False),
        (Call("x", "POST", RESTLET), False),
        (Call("x", "POST", f"{REST}/services/rest/record/v1/salesOrder/1/!transform/invoice"), False),
        (Call("x", "POST", f"{REST}/services/rest/record/v1/invoice", json={}), False),
        (Call("x", "PATCH", f"{REST}/services/rest/record/v1/invoice/1", json={}), False),
        (Call("x", "DELETE", f"{REST}/services/rest/record/v1/invoice/1"), False),
        (Call("x", "PUT", f"{REST}/services/rest/record/v1/invoice/eid:1"), False),
        (Call("x", "GET", f"{REST}/services/rest/record/v1/salesOrder/1", creates=True), False),
        (Call("x", "POST", f"{REST}/services/rest/query/v1/suiteql/../../record/v1/invoice"), False),
    ],
)
def test_only_what_reads_counts_as_reading(call: Call, reads: bool) -> None:
    assert only_reads(call, SETTINGS) is reads


def test_it_reconciles_as_the_full_desk_does(desk: ReadingDesk, company: Company) -> None:
    found = desk.reconcile()
    with company.desk() as full:
        assert found.totals.equals(full.reconcile().totals)
    assert len(found.statement) > 0
    assert desk.take_exceptions(found).sentence


def test_it_has_no_method_that_creates_or_changes_anything_in_netsuite() -> None:
    changing = {"bill", "resume", "retry", "settle_open", "save_settings", "exclude", "include", "client", "preview"}
    assert changing - {"client"} <= set(dir(Desk))
    assert not changing & set(dir(ReadingDesk))


def test_its_client_refuses_to_create_before_anything_is_sent(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in company.environment.items():
        monkeypatch.setenv(name, value)
    settings, before = load_settings(company.workspace), company.bills()
    with company.desk() as full:
        order = full.preview().to_bill.iloc[0]
    with ReadingClient(settings, load_credentials(settings)) as client:
        with pytest.raises(BillingRefused, match="this connection only reads"):
            transform_order(
                client,
                order["sales_order_id"],
                RecordType(order["record_type"]),
                external_id=order["external_id"],
                transaction_date=order["transaction_date"],
            )
        with pytest.raises(BillingRefused, match="this connection only reads"):
            write_status(client, settings.saved_search, BillingStatus.PENDING_FULFILLMENT)
    assert company.bills() == before


def test_the_scheduled_reports_use_it() -> None:
    folder = Path(__file__).parents[1] / "notebooks"
    for path in folder.glob("1[12]_*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert "ReadingDesk" in text, path.name
        assert "import Desk" not in text, path.name
