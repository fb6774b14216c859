"""nsbill.netsuite.suiteql and books: windows of the id side by side, checked against a count that no cap touches."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from nsbill.credentials import TokenCredentials
from nsbill.errors import NetSuiteError
from nsbill.netsuite import suiteql
from nsbill.netsuite.books import (
    billing_records_by_id,
    billing_records_of,
    load_billing_records,
    load_credits,
    load_currencies,
    load_sales_orders,
)
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.columns import AMOUNT, ID, TEXT
from nsbill.netsuite.replies import Reply
from nsbill.netsuite.suiteql import Query, chunks, query_page, query_table
from nsbill.settings import Settings
from nsbill.simulator import tables
from nsbill.simulator.server import Simulator
from nsbill.simulator.world import build_world

QUERY = Query("Read the orders", {"id": ("t.id", ID), "total": ("t.foreigntotal", AMOUNT)}, "transaction t", "t.x = 1")


@dataclass
class Account:
    """Answers windows of QUERY on ``ids``, and announces no more than ``cap`` rows, as NetSuite does."""

    ids: list[int]
    slots: int = 4
    cap: int = 100_000
    strange: Callable[[Account, str], None] | None = None
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settings = Settings(account="1_SB1", slots=self.slots)
        self.lock = threading.Lock()

    def send(self, call: Call) -> Reply:
        with self.lock:
            assert call.headers == {"Prefer": "transient"}
            text, limit = call.json["q"], int(call.params["limit"])
            self.asked.append(text)
            low, high = (re.search(rf"t\.id {sign} (\d+)", text) for sign in (">", "<="))
            fitting = sorted(
                one for one in self.ids if (not low or one > int(low[1])) and (not high or one <= int(high[1]))
            )
            if "COUNT(*)" in text:
                highest = {"high": str(max(fitting))} if fitting else {}
                items: list[dict[str, Any]] = [{"links": [], "n": str(len(fitting)), **highest}]
                total = 1
            else:
                items = [{"links": [], "id": str(one), "total": f"{one}.50"} for one in fitting[:limit]]
                total = min(len(fitting), self.cap)
            if self.strange:
                self.strange(self, text)
            return Reply(200, {"items": items, "count": len(items), "hasMore": False, "totalResults": total}, None)


def ids_of(account: Account, **options: Any) -> list[int]:
    rows = query_table(cast("Client", account), QUERY, **options)
    return [int(one) for one in rows["id"].to_pylist()]


@pytest.fixture(autouse=True)
def pages_of_ten(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "ns" not in request.fixturenames:
        monkeypatch.setattr(suiteql, "PAGE_SIZE", 10)


EVEN = [100 + 3 * one for one in range(1000)]
SKEWED = [*range(1, 41), *range(1_000_000, 1_000_200), 5_000_000]


@pytest.mark.parametrize(
    "ids, requests",
    [([], 1), ([7], 1), (list(range(1, 11)), 1), (list(range(1, 12)), 3), (EVEN, 128)],
    ids=["none", "one", "a full page", "one more than a page", "even ids"],
)
def test_every_row_comes_once_in_order_with_few_requests(ids: list[int], requests: int) -> None:
    account = Account(ids)
    assert ids_of(account) == ids
    assert len(account.asked) <= requests


def test_uneven_ids_are_cut_again_where_they_stand_close() -> None:
    account = Account(SKEWED)
    assert ids_of(account) == SKEWED
    assert len(account.asked) < 5 * len(SKEWED) // 10


@pytest.mark.parametrize("ids", [EVEN, SKEWED], ids=["even", "skewed"])
@pytest.mark.parametrize("cap", [10, 25, 100])
def test_more_rows_than_netsuite_announces_are_read_to_the_last(
    ids: list[int], cap: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The announced total stands still at the cap; the count does not."""
    monkeypatch.setattr(suiteql, "ROW_CAP", cap)
    assert ids_of(Account(ids, cap=cap)) == ids


def test_a_total_at_the_cap_is_not_taken_for_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suiteql, "ROW_CAP", 10)
    account = Account(list(range(1, 31)), cap=10)
    assert len(ids_of(account)) == 30
    assert any("COUNT(*)" in text for text in account.asked)


def test_progress_reaches_the_count() -> None:
    seen: list[tuple[int, int]] = []

    def report(done: int, total: int, note: str = "") -> None:
        seen.append((done, total))

    ids_of(Account(EVEN), progress=report)
    assert seen[0] == (10, 1000)
    assert seen[-1] == (1000, 1000)


def add_after_count(times: int) -> Callable[[Account, str], None]:
    left = [times]

    def strange(account: Account, text: str) -> None:
        if "COUNT(*)" in text and left[0]:
            left[0] -= 1
            account.ids.remove(account.ids[-5])

    return strange


def test_books_that_change_while_they_are_read_are_read_again() -> None:
    account = Account(list(EVEN), strange=add_after_count(2))
    assert len(ids_of(account)) == len(EVEN) - 2
    assert sum("COUNT(*)" in text for text in account.asked) == 3


def test_books_that_never_stand_still_say_what_differs() -> None:
    account = Account(list(EVEN), strange=add_after_count(9))
    with pytest.raises(NetSuiteError, match=r"3 times: 997 rows were read where 998 were counted. Try again when no"):
        ids_of(account)


def test_a_key_that_is_not_unique_never_loses_rows_in_silence() -> None:
    doubled = sorted([*range(1, 41), *range(1, 41)])
    with pytest.raises(NetSuiteError, match=r"an id came twice|rows were read where 80 were counted"):
        ids_of(Account(doubled))


def test_an_answer_without_items_says_where_to_look() -> None:
    class Other(Account):
        def send(self, call: Call) -> Reply:
            return Reply(200, {"unexpected": True}, None)

    with pytest.raises(NetSuiteError, match="Is 'base_url' in the settings a NetSuite address"):
        ids_of(Other([]))


def test_the_conditions_of_a_query_keep_their_own_meaning_beside_the_window() -> None:
    query = Query("Read", {"id": ("t.id", ID), "x": ("t.memo", TEXT)}, "transaction t", "t.a = 1 OR t.b = 2")
    assert query.window(5, 9) == (
        "SELECT t.id AS id, t.memo AS x FROM transaction t WHERE (t.a = 1 OR t.b = 2) AND t.id > 5 AND t.id <= 9 "
        "ORDER BY t.id"
    )
    assert Query("Read", {"id": ("c.id", ID)}, "currency c").window(None, None) == (
        "SELECT c.id AS id FROM currency c ORDER BY c.id"
    )


def test_lists_are_cut_into_pieces_of_five_hundred() -> None:
    assert [len(piece) for piece in chunks([str(one) for one in range(1201)])] == [500, 500, 201]
    assert chunks([]) == []


# Against the simulator -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, Path]]:
    folder = tmp_path_factory.mktemp("suiteql")
    build_world(folder / "books.db", folder / "files", orders=1500, seed=3, today=datetime.now(UTC).date())
    with Simulator(folder / "books.db") as running:
        yield running, folder / "books.db"


@pytest.fixture
def ns(world: tuple[Simulator, Path]) -> Iterator[Client]:
    simulator, _ = world
    simulator.control("faults", {"faults": [], "seed": 1})
    simulator.control("preferences", {"suiteql_row_cap": "100000"})
    given = simulator.credentials()
    secrets = ("consumer_key", "consumer_secret", "token_id", "token_secret")
    known = {name: value for name, value in given.items() if name in Settings.model_fields and name not in secrets}
    with Client(
        Settings(**cast("dict[str, Any]", known)), TokenCredentials.of({n: given[n] for n in secrets})
    ) as client:
        yield client


def in_books(database: Path, condition: str) -> int:
    with tables.connect(database) as books:
        number = int(books.execute(f"SELECT count(*) FROM txn WHERE {condition}").fetchone()[0])
    books.close()
    return number


def test_all_orders_are_read_although_the_account_gives_no_more_than_a_thousand_a_query(
    ns: Client, world: tuple[Simulator, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = load_sales_orders(ns, load_currencies(ns))
    assert len(whole) == in_books(world[1], "type = 'SalesOrd' AND otherrefnum IS NOT NULL") > 1000
    world[0].control("preferences", {"suiteql_row_cap": "1000"})
    monkeypatch.setattr(suiteql, "ROW_CAP", 1000)
    _, announced = query_page(ns, "Look", "SELECT t.id AS id FROM transaction t WHERE t.type = 'SalesOrd'")
    assert announced == 1000
    assert load_sales_orders(ns, load_currencies(ns)).equals(whole)


@pytest.mark.parametrize("kind", ["429", "drop_before", "error_500_before"])
def test_windows_survive_faults_on_the_way(
    ns: Client, world: tuple[Simulator, Path], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(suiteql, "PAGE_SIZE", 200)
    fault = {"where": "suiteql", "kind": kind, "times": 2, "skip": 4}
    world[0].control("faults", {"faults": [fault], "seed": 1})
    records = load_billing_records(ns, load_currencies(ns))
    assert len(records) == in_books(world[1], "type IN ('CustInvc', 'CashSale')")
    assert records["billing_record_id"].is_unique
    assert cast("Any", world[0].control("faults"))["faults"][0]["fired"] == 2


def test_billing_records_of_many_orders_are_asked_for_in_pieces_side_by_side(
    ns: Client, world: tuple[Simulator, Path]
) -> None:
    currencies = load_currencies(ns)
    world[0].control("statistics", {"reset": True})
    found = billing_records_of(ns, currencies, load_sales_orders(ns, currencies))
    everything = load_billing_records(ns, currencies)
    assert set(found["billing_record_id"]) == set(everything["billing_record_id"])
    some = everything["billing_record_id"].tolist()[:3]
    assert billing_records_by_id(ns, currencies, [*some, "999999999"])["billing_record_id"].tolist() == some


def test_credits_are_positive_and_currencies_are_codes(ns: Client, world: tuple[Simulator, Path]) -> None:
    credits_ = load_credits(ns, load_currencies(ns))
    assert len(credits_) == in_books(world[1], "type IN ('CustCred', 'CashRfnd')") > 0
    assert (credits_["total"] >= 0).all()
    assert set(credits_["currency"]) <= {"USD", "EUR", "GBP", "JPY", "CAD", "SEK", "MXN", "PLN", "AUD"}


def test_a_currency_that_the_account_does_not_list_is_named_with_its_row(ns: Client) -> None:
    with pytest.raises(NetSuiteError, match=r"Read the sales orders: row \d+: the currency '\d+' cannot be read"):
        load_sales_orders(ns, {})
