"""nsbill.netsuite.searches, pages and protocol: pages side by side, changes noticed, versions compared.

By a stand-in for the client where the answers must be strange, and against a real simulator.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from nsbill.credentials import TokenCredentials
from nsbill.errors import NetSuiteError, SearchError
from nsbill.netsuite.books import load_currencies
from nsbill.netsuite.client import Call, Client
from nsbill.netsuite.lint import lint_search
from nsbill.netsuite.pages import PageSource, SearchRows, read_first_page, read_pages
from nsbill.netsuite.protocol import about, ask
from nsbill.netsuite.records import transform_order
from nsbill.netsuite.replies import Reply
from nsbill.netsuite.searches import first_rows, inspect_search, load_orders
from nsbill.settings import Settings
from nsbill.simulator.server import Simulator
from nsbill.simulator.world import build_world
from nsbill.vocabulary import RecordType

SOURCE = PageSource("1201", "Orders to bill", width=2)


@dataclass
class Account:
    """Answers the RESTlet's pages; ``strange`` may change an answer, or the orders, before it is given."""

    orders: list[str]
    slots: int = 4
    largest: int = 1000
    strange: Callable[[Account, dict[str, Any], dict[str, Any]], None] | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)
    version: str = "1.1.0"

    def __post_init__(self) -> None:
        self.settings = Settings(account="1_SB1", slots=self.slots)
        self.lock = threading.Lock()

    def send(self, call: Call) -> Reply:
        with self.lock:
            request = call.json
            self.asked.append((request["index"], request["page_size"]))
            envelope = {"ok": True, "version": self.version, "remaining_units": 4990}
            try:
                envelope["result"] = self.page(request["index"], request["page_size"])
            except LookupError as error:
                envelope |= {"ok": False, "error": {"code": str(error.args[0]), "message": "Not so."}}
            if self.strange:
                self.strange(self, request, cast("dict[str, Any]", envelope.get("result")))
            return Reply(200, envelope, None)

    def page(self, index: int, size: int) -> dict[str, Any]:
        pages = -(-len(self.orders) // size)
        if index and index >= pages:
            raise LookupError("INVALID_PAGE_RANGE")
        if size > self.largest:
            raise LookupError("RESPONSE_TOO_LARGE")
        rows = [
            {"id": order, "values": [order, "x"], "texts": [None, "X"]} for order in self.orders[index * size :][:size]
        ]
        found = {"count": len(self.orders), "page_size": size, "page_count": pages, "index": index, "rows": rows}
        return found | {"sorted_by": ["internalid"]}


def orders(number: int) -> list[str]:
    return [str(1000 + one) for one in range(number)]


def read(account: Account, size: int = 10, source: PageSource = SOURCE, **options: Any) -> SearchRows:
    return read_pages(cast("Client", account), source, page_size=size, **options)


@pytest.mark.parametrize("number, pages", [(0, 1), (1, 1), (10, 1), (11, 2), (95, 10), (100, 10)])
def test_every_row_comes_once_and_in_order_with_no_page_too_many(number: int, pages: int) -> None:
    account = Account(orders(number))
    rows = read(account)
    assert rows.ids.to_pylist() == orders(number)
    assert rows.raw["0"].to_pylist() == orders(number)
    assert set(rows.shown["1"].to_pylist()) <= {"X"}
    assert (len(account.asked), rows.total, rows.sorted_by) == (pages, number, ("internalid",))


def test_progress_counts_rows_up_to_the_total() -> None:
    seen: list[tuple[int, int]] = []

    def report(done: int, total: int, note: str = "") -> None:
        seen.append((done, total))

    read(Account(orders(35)), progress=report)
    assert (seen[0][0], seen[-1][0], len(seen)) == (10, 35, 4)
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {35}


@pytest.mark.parametrize("largest, sizes", [(5, {10, 5}), (10, {10})])
def test_an_answer_that_is_too_large_is_asked_for_in_smaller_pages(largest: int, sizes: set[int]) -> None:
    account = Account(orders(95), largest=largest, slots=1)
    assert read(account).ids.to_pylist() == orders(95)
    assert {size for _, size in account.asked} == sizes
    assert [size for _, size in account.asked].count(10) <= 10


def test_a_page_that_is_too_large_in_the_middle_is_cut_and_the_others_stay() -> None:
    class Heavy(Account):
        def page(self, index: int, size: int) -> dict[str, Any]:
            if index * size == 200 and size > 25:
                raise LookupError("RESPONSE_TOO_LARGE")
            return super().page(index, size)

    account = Heavy(orders(450), slots=1)
    assert read(account, size=100).ids.to_pylist() == orders(450)
    assert (2, 100) in account.asked
    assert (8, 25) in account.asked
    assert (1, 100) in account.asked


def test_an_answer_too_large_in_the_smallest_pages_is_an_error_with_a_way_out() -> None:
    with pytest.raises(NetSuiteError, match=r"RESPONSE_TOO_LARGE.*Remove long text columns"):
        read(Account(orders(20), largest=1))


def changing(times: int, change: Callable[[Account], None]) -> Callable[..., None]:
    """Change the account after the first page of each of the first ``times`` readings."""
    left = [times]

    def strange(account: Account, request: dict[str, Any], answer: dict[str, Any]) -> None:
        if request["index"] == 0 and left[0]:
            left[0] -= 1
            change(account)

    return strange


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda account: account.orders.append(str(5000 + len(account.orders))), "went from"),
        (lambda account: account.orders.pop(0), "went from"),
        (lambda account: account.orders.__delitem__(slice(-11, None)), "was no longer there|went from"),
        (lambda account: account.orders.insert(0, account.orders.pop()), "came twice"),
    ],
    ids=["one more", "one less", "a page less", "another order of rows"],
)
def test_a_search_that_changes_while_it_is_read_is_read_again(change: Callable[[Account], None], words: str) -> None:
    account = Account(orders(95), strange=changing(2, change))
    assert read(account).ids.to_pylist() == account.orders
    assert [index for index, _ in account.asked].count(0) == 3
    restless = Account(orders(95), strange=changing(9, change))
    with pytest.raises(SearchError, match=rf"changed while it was read, 3 times: .*({words}).*no import is running"):
        read(restless)
    assert [index for index, _ in restless.asked].count(0) == 3


@pytest.mark.parametrize(
    "lie, words",
    [
        (lambda answer: answer.update(page_count=99), "announced on 99 pages"),
        (lambda answer: answer["rows"].pop(), "brought 9 rows, not 10"),
        (lambda answer: answer.update(count=94), "went from 95 to 94"),
    ],
)
def test_a_page_that_is_not_as_announced_is_noticed(lie: Callable[[dict[str, Any]], Any], words: str) -> None:
    def strange(account: Account, request: dict[str, Any], answer: dict[str, Any]) -> None:
        if request["index"] == 3:
            lie(answer)

    with pytest.raises(SearchError, match=words):
        read(Account(orders(95), strange=strange))


def test_a_search_that_repeats_orders_by_its_making_says_so_at_once() -> None:
    account = Account([order for order in orders(15) for _ in range(2)])
    with pytest.raises(SearchError, match=r"same order several times, such as the one with id 1\d+.*Main Line is true"):
        read(account, source=replace(SOURCE, one_row_an_order=False))
    assert len(account.asked) == 3


def test_columns_that_change_meanwhile_are_not_taken_for_each_other() -> None:
    def narrower(account: Account, request: dict[str, Any], answer: dict[str, Any]) -> None:
        for row in answer["rows"]:
            row["values"].pop()

    with pytest.raises(SearchError, match=r"no longer has the 2 columns.*try again"):
        read(Account(orders(3), strange=narrower))


def test_json_numbers_and_flags_are_taken_for_texts() -> None:
    def typed(account: Account, request: dict[str, Any], answer: dict[str, Any]) -> None:
        for row in answer["rows"]:
            row["values"][:] = [int(row["id"]), True]

    rows = read(Account(orders(2), strange=typed))
    assert (rows.raw["0"].to_pylist(), rows.raw["1"].to_pylist()) == (["1000", "1001"], ["T", "T"])


def test_only_the_first_page_is_read_for_a_look() -> None:
    account = Account(orders(95))
    rows = read_first_page(cast("Client", account), SOURCE, page_size=10)
    assert (rows.total, len(rows.ids), len(account.asked)) == (95, 10, 1)


def test_never_more_threads_than_pages_and_the_first_failure_ends_the_rest() -> None:
    names: set[str] = set()

    def broken(account: Account, request: dict[str, Any], answer: dict[str, Any]) -> None:
        names.add(threading.current_thread().name)
        if request["index"] >= 1:
            raise NetSuiteError("Page", status=400, code="X", detail="No")

    account = Account(orders(1000), slots=2, strange=broken)
    with pytest.raises(NetSuiteError, match="No"):
        read(account)
    assert len(account.asked) < 20
    names.clear()
    read(Account(orders(25), slots=50, strange=lambda *_: names.add(threading.current_thread().name)))
    assert len(names) <= 3


@pytest.mark.parametrize(
    "version, words",
    [
        ("2.0.0", "newer than this nsbill's 1.1. Install a newer nsbill."),
        ("0.9.0", "older than this nsbill's 1.1. Export and deploy it again: nsbill restlet export"),
        ("1.0.0", "version 1.0.0 of the protocol, older than this nsbill's 1.1. Export and deploy it again"),
        ("", "does not speak nsbill's protocol"),
    ],
)
def test_a_restlet_of_another_version_is_refused_with_the_way_out(version: str, words: str) -> None:
    with pytest.raises(NetSuiteError) as caught:
        read(Account(orders(3), version=version))
    assert words in str(caught.value)


@pytest.mark.parametrize("version", ["1.1.0", "1.1.7", "1.2.0"])
def test_a_restlet_of_the_same_major_version_and_no_older_minor_will_do(version: str) -> None:
    assert read(Account(orders(3), version=version)).total == 3


@pytest.mark.parametrize("body", [None, [], "text", {"version": "1.1.0"}, {"ok": True}])
def test_an_answer_of_another_script_is_no_envelope(body: object) -> None:
    class Other(Account):
        def send(self, call: Call) -> Reply:
            return Reply(200, body, None)

    with pytest.raises(NetSuiteError, match="Check 'script' and 'deploy'"):
        ask(cast("Client", Other([])), "Ask", {"action": "about"})


# Against the simulator -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    folder = tmp_path_factory.mktemp("searches")
    build_world(folder / "books.db", folder / "files", orders=200, seed=3, today=datetime.now(UTC).date())
    with Simulator(folder / "books.db") as running:
        yield running


@pytest.fixture
def ns(simulator: Simulator, tmp_path: Path) -> Iterator[Client]:
    simulator.control("faults", {"faults": [], "seed": 1})
    simulator.control("statistics", {"reset": True})
    given = simulator.credentials()
    secrets = ("consumer_key", "consumer_secret", "token_id", "token_secret")
    known = {name: value for name, value in given.items() if name in Settings.model_fields and name not in secrets}
    with Client(
        Settings(**cast("dict[str, Any]", known)), TokenCredentials.of({n: given[n] for n in secrets})
    ) as client:
        yield client


def loaded(ns: Client, **options: Any) -> list[str]:
    search = inspect_search(ns, ns.settings.saved_search)
    found: list[str] = load_orders(ns, search, load_currencies(ns), **options).orders["sales_order_id"].tolist()
    return found


def test_small_pages_side_by_side_give_what_one_page_gives(ns: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loaded(ns)
    assert len(whole) > 30
    assert first_rows(ns, inspect_search(ns, ns.settings.saved_search)).total >= len(whole)
    monkeypatch.setattr("nsbill.netsuite.searches.PAGE_SIZE", 5)
    assert loaded(ns) == whole


def test_an_order_billed_while_the_search_is_read_is_noticed_and_left_out(
    ns: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nsbill.netsuite.searches.PAGE_SIZE", 5)
    before = loaded(ns)
    billed: list[str] = []

    def bill_one(done: int, total: int, note: str = "") -> None:
        if not billed:  # after the first page
            billed.append(before[-1])
            day = datetime.now(UTC).date()
            transform_order(ns, before[-1], RecordType.INVOICE, external_id=f"test-{day}", transaction_date=day)

    assert loaded(ns, progress=bill_one) == before[:-1]


@pytest.mark.parametrize("kind", ["429", "drop_before", "error_500_before"])
def test_pages_survive_faults_on_the_way(
    ns: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    whole = loaded(ns)
    monkeypatch.setattr("nsbill.netsuite.searches.PAGE_SIZE", 5)
    simulator.control("faults", {"faults": [{"where": "restlet", "kind": kind, "times": 2, "skip": 3}], "seed": 1})
    assert loaded(ns) == whole
    state = simulator.control("faults")
    assert state["faults"][0]["fired"] == 2


def test_the_restlet_tells_about_itself_and_the_account(ns: Client) -> None:
    told = about(ns)
    assert (told.version.split(".")[:2], told.account) == (["1", "1"], ns.settings.account)
    assert set(told.preferences) == {"invoice_in_advance", "show_unfulfilled_items", "dates_outside_period"}
    assert set(told.features) == {"ADVSHIPPING", "SUBSIDIARIES", "MULTICURRENCY"}
    assert told.role
    assert told.remaining_units > 0


def test_a_search_is_described_with_joins_formulas_and_sorts(ns: Client) -> None:
    search = inspect_search(ns, ns.settings.saved_search)
    assert (search.record_type, search.main_line, search.summary) == ("salesorder", True, False)
    assert search.columns[0].name == "internalid"
    assert {c.join for c in search.columns} == {None}
    assert search.expression
    assert search.status.operator == "anyof"


def test_a_search_that_sums_up_is_refused_before_it_is_read(ns: Client, simulator: Simulator) -> None:
    search = inspect_search(ns, ns.settings.saved_search)
    summed = replace(search, columns=(replace(search.columns[0], summary="COUNT"), *search.columns[1:]))
    with pytest.raises(SearchError, match=r"sums orders up.*nsbill searches"):
        load_orders(ns, summed, {})
    statistics = simulator.control("statistics")
    assert cast("dict[str, int]", statistics["requests"])["restlet"] == 1


def test_the_simulators_own_search_passes_the_lint_and_another_does_not(ns: Client) -> None:
    search = inspect_search(ns, ns.settings.saved_search)
    findings = lint_search(search, ns.settings, rows=first_rows(ns, search))
    assert [f for f in findings if f.level == "error"] == []
    other = inspect_search(ns, "customsearch_open_orders")
    errors = [f for f in lint_search(other, ns.settings, rows=first_rows(ns, other)) if f.level == "error"]
    assert [f.subject for f in errors] == ["columns"]
