"""Exclude and include single orders: by any of their names, with reason and author, until lifted; and the order's story."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from demo_company import Company, demo_company

from nsbill.cli import cli
from nsbill.cli.connection import announced
from nsbill.desk import Desk
from nsbill.errors import JournalError
from nsbill.vocabulary import SkipReason


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with demo_company(tmp_path_factory.mktemp("company"), orders=40) as made, announced(made.simulator, made.workspace):
        with made.desk() as desk:
            desk.save_settings(saved_search="customsearch_nsbill_orders_to_bill")
        yield made


@pytest.fixture
def desk(company: Company) -> Iterator[Desk]:
    with company.desk() as opened:
        yield opened


def run(company: Company, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--workspace", str(company.workspace)])


def test_an_order_is_left_out_by_any_of_its_names_until_it_is_included_again(desk: Desk) -> None:
    first = desk.preview().to_bill.iloc[0]
    for name in (first["sales_order_id"], first["sales_order_number"], first["amazon_order_id"]):
        found = desk.exclude(name, reason="the buyer disputes it", author="ann")
        assert found.sales_order_id == first["sales_order_id"]
        skipped = desk.preview().skipped.set_index("sales_order_id").loc[first["sales_order_id"]]
        assert skipped["reason"] == SkipReason.EXCLUDED_BY_USER.value
        assert "the buyer disputes it (ann, 20" in skipped["explanation"]
        why = desk.include(name, author="bob")[1]
        assert why is not None
        assert why.startswith("the buyer disputes it (ann, 20")
        assert first["sales_order_id"] in set(desk.preview().to_bill["sales_order_id"])
        assert desk.include(name, author="bob")[1] is None, "it is not left out any more"


def test_an_order_that_is_not_there_or_a_decision_without_reason_is_refused(desk: Desk) -> None:
    with pytest.raises(JournalError, match="no sales order whose internal id, number or Amazon id is 'SO-nowhere'"):
        desk.exclude("SO-nowhere", reason="x", author="ann")
    first = desk.preview().to_bill.iloc[0]["sales_order_id"]
    with pytest.raises(JournalError, match="needs a reason"):
        desk.exclude(first, reason="  ", author="ann")
    assert desk.journal.excluded(desk.settings.account) == {}
    with pytest.raises(JournalError, match="no sales order"):
        desk.exclude("x' OR t.id > 0 OR t.tranid = '", reason="x", author="ann")


def test_the_commands_decide_and_the_journal_tells_the_story_of_the_order(company: Company, desk: Desk) -> None:
    first = desk.preview().to_bill.iloc[0]
    number, order = first["sales_order_number"], first["sales_order_id"]
    said = run(company, "exclude", number, "--reason", "wait for the return", "--author", "ann")
    assert said.exit_code == 0, said.output
    assert f"{number} / {first['amazon_order_id']} (internal id {order}) is left out of every plan." in said.stdout
    before = run(company, "journal", "--order", number).stdout
    assert "ann left it out of every plan: wait for the return" in before
    assert f"To lift that: nsbill include {order}" in before.splitlines()[-1]
    lifted = run(company, "include", first["amazon_order_id"], "--author", "bob", "--reason", "it came back")
    assert lifted.exit_code == 0, lifted.output
    assert "it was left out: wait for the return (ann, " in lifted.stdout
    assert run(company, "include", order).exit_code == 1
    assert desk.bill(desk.preview()).count("created") > 0
    told = run(company, "journal", "--order", order).stdout.splitlines()
    wanted = (
        "ann left it out of every plan: wait for the return",
        "bob let it be billed again: it came back",
        f"for {number}",
        "nsbill is about to create the",
        "exists in NetSuite with internal id",
        ": finished ",
    )
    places = [next(i for i, line in enumerate(told) if words in line) for words in wanted]
    assert places == sorted(places), told
    assert "It is billed: " in told[-1]
    facts = json.loads(run(company, "journal", "--order", order, "--json").stdout)
    assert [event["what"] for event in facts["events"]][-4:] == ["run", "event", "event", "event"]
    assert len(facts["stands"]) == 1
