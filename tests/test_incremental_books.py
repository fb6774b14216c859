"""nsbill.netsuite.whole_books: what is kept and brought up to date is what a full load reads, whatever was done."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from changing_books import Work, assert_same
from pyarrow import parquet
from simulator_account import Account
from simulator_books import make_books
from test_netsuite_applications import client_of

from nsbill.netsuite import kept, marks, whole_books
from nsbill.netsuite.client import Client
from nsbill.netsuite.kept import read_kept, write_kept
from nsbill.netsuite.suiteql import query_table
from nsbill.netsuite.whole_books import Books, load_books
from nsbill.simulator import tables
from nsbill.simulator.server import Simulator


class Kept:
    """A simulator with small books, a client, and a folder for what is kept."""

    def __init__(self, folder: Path, simulator: Simulator, client: Client) -> None:
        self.folder, self.simulator, self.client = folder / "books", simulator, client
        self.work = Work(Account(simulator), folder / "simulator.db", seed=1)

    def load(self, *, full: bool = False) -> Books:
        """Bring what is kept up to date, and compare it with a full load."""
        books = load_books(self.client, self.folder, full=full)
        assert_same(books, self.client)
        return books

    def told(self) -> dict[str, tuple[int, int, int, str]]:
        """Load, and tell of what was not as before: changed by date, by the check, deleted, and why it was read whole."""
        books = self.load()
        told = {one.what: (one.changed, one.undated, one.deleted, one.why_whole) for one in books.loaded}
        return {what: facts for what, facts in told.items() if facts != (0, 0, 0, "")}

    def file(self, name: str) -> Path:
        """The copy of one kind of record."""
        (found,) = self.folder.glob(f"*/{name}.parquet")
        return found


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Kept]:
    path = make_books(tmp_path / "simulator.db")
    with closing(tables.connect(path)) as connection:  # so that the others are older than what is asked for again
        connection.execute("UPDATE txn SET lastmodifieddate = '2026-02-04T10:00:00Z' WHERE id = 101")
        connection.execute("UPDATE txn SET lastmodifieddate = '2026-02-09T10:00:00Z' WHERE id = 902")
    with Simulator(path) as simulator, closing(client_of(simulator)) as client:
        yield Kept(tmp_path, simulator, client)


# seed | whether NetSuite dates what merely follows | its zone | on whose clock it reads dates in queries
WORLDS = [
    (1, "F", "America/Los_Angeles", "session"),
    (2, "T", "America/Los_Angeles", "session"),
    (3, "F", "Asia/Tokyo", "utc"),
    (4, "F", "America/Los_Angeles", "utc"),
    (5, "F", "Europe/Berlin", "session"),
]


@pytest.mark.parametrize("seed, stamped, zone, literal", WORLDS)
def test_after_any_changes_what_is_kept_becomes_what_a_full_load_reads(
    books: Kept, seed: int, stamped: str, zone: str, literal: str
) -> None:
    names = ("derived_changes_stamped", "suiteql_time_zone", "suiteql_literal_zone")
    books.simulator.control("preferences", dict(zip(names, (stamped, zone, literal), strict=True)))
    books.work = work = Work(books.work.ns, books.work.path, seed)
    work.run("UPDATE txn SET status = 'F' WHERE type = 'SalesOrd'")
    for rounds in range(12):
        for _ in range(work.random.randrange(6)):
            work.something()
        told = books.load()
        assert all(one.checked and not one.moving for one in told.loaded)
        assert {one.why_whole for one in told.loaded} == ({"nothing was kept yet"} if rounds == 0 else {""})
    assert len(work.done) >= 6, work.done


def test_nothing_is_read_again_when_nothing_has_changed(books: Kept) -> None:
    books.load()
    before = [path.stat().st_mtime_ns for path in sorted(books.folder.rglob("*.parquet"))]
    found = books.load()
    assert [(one.changed, one.undated, one.deleted) for one in found.loaded] == [(0, 0, 0)] * 4
    told = "0 of 16 records had changed since 2026-02-04 02:00 (NetSuite's clock)"
    assert found.sentences == (f"Books: {told}; numbers and sums agree with NetSuite's.",)
    assert [path.stat().st_mtime_ns for path in sorted(books.folder.rglob("*.parquet"))] == before


def test_a_new_record_is_found_by_its_date_and_what_follows_from_it_by_the_check(books: Kept) -> None:
    books.load()
    assert books.work.ns.transform(112).status_code == 204
    # the order is Billed now; nothing in its date says so
    assert books.told() == {"Sales orders": (0, 1, 0, ""), "Billing records": (1, 0, 0, "")}


def test_where_netsuite_dates_what_follows_the_check_has_nothing_to_find(books: Kept) -> None:
    books.simulator.control("preferences", {"derived_changes_stamped": "T"})
    books.load()
    books.work.ns.transform(112)
    assert books.told() == {"Sales orders": (1, 0, 0, ""), "Billing records": (1, 0, 0, "")}


def test_a_payment_that_is_taken_back_leaves_no_date_and_is_found(books: Kept) -> None:
    books.load()
    body = {"apply": {"items": [{"doc": {"id": "901"}, "apply": False}]}}
    assert books.work.ns.patch("/customerPayment/903", body).status_code == 204
    assert books.told() == {"Billing records": (0, 1, 0, ""), "Applied payments": (0, 0, 1, "")}


def test_deleted_records_are_found_and_said(books: Kept) -> None:
    books.load()
    for key in (111, 112, 113):
        assert books.work.ns.delete(f"/salesOrder/{key}").status_code == 204
    found = books.load()  # order 111 carries no Amazon order id, so that it was never here
    assert found.sentences[1] == (
        "Sales orders: 0 of 10 had changed since 2026-02-04 02:00 (NetSuite's clock); 2 were deleted in NetSuite; "
        "numbers and sums agree with NetSuite's."
    )


def test_a_renamed_customer_and_a_late_commit_are_found_without_a_date(books: Kept) -> None:
    books.load()
    assert books.work.run("UPDATE customer SET companyname = 'Amazon EU' WHERE id = 202")
    assert books.told() == {"Sales orders": (0, 1, 0, "")}
    assert books.work.late()
    assert books.told() == {"Sales orders": (0, 1, 0, "")}


@pytest.mark.parametrize("hours", [-50_000, 0])
def test_the_clock_of_this_machine_does_not_matter(books: Kept, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        kept, "time", SimpleNamespace(time=lambda: 1.77e9 + 3600 * hours)
    )  # the only clock that is looked at
    books.load()
    books.work.ns.transform(112)
    assert books.told() == {"Sales orders": (0, 1, 0, ""), "Billing records": (1, 0, 0, "")}


def test_a_record_that_netsuite_dates_in_the_future_hides_nothing(books: Kept) -> None:
    books.work.run("UPDATE txn SET lastmodifieddate = '2099-01-01T10:00:00Z' WHERE id IN (103, 901)")
    books.load()
    books.work.ns.transform(112)
    assert books.told() == {"Sales orders": (0, 1, 0, ""), "Billing records": (0, 1, 0, "")}


def test_a_full_load_can_be_asked_for(books: Kept) -> None:
    books.load()
    found = books.load(full=True)
    assert found.sentences == ("Books: all 16 records were read from NetSuite: it was asked for.",)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60] ^= 0xFF
    path.write_bytes(bytes(content))


def _other(**changes: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        table = parquet.read_table(path)
        key = json.loads(table.schema.metadata[b"nsbill"])
        write_kept(path, table, key | changes)

    return change


@pytest.mark.parametrize(
    "harm, said",
    [
        (_cut, "what is kept cannot be read"),
        (_flip, "what is kept cannot be read"),
        (lambda path: path.write_bytes(b""), "what is kept cannot be read"),
        (Path.unlink, "nothing was kept yet"),
        (_other(version="0"), "what is kept was written by another version of nsbill"),
        (_other(account="1"), "what is kept is of another account"),
        (_other(address="https://elsewhere"), "what is kept comes from another address"),
        (_other(query="SELECT"), "the settings or fields that are asked for have changed"),
    ],
)
def test_a_copy_that_is_not_of_this_is_read_anew_and_it_is_said(
    books: Kept, harm: Callable[[Path], object], said: str
) -> None:
    books.load()
    harm(books.file("orders"))
    found = books.load()
    assert [one.what for one in found.loaded if one.why_whole] == ["Sales orders"]
    assert found.loaded[0].why_whole.startswith(said)
    assert found.sentences[1].startswith(f"Sales orders: all 12 were read: {said}")
    assert books.told() == {}


def test_what_was_tampered_with_inside_is_mended(books: Kept) -> None:
    books.load()
    path = books.file("billing_records")
    table = parquet.read_table(path)
    totals = table["total"].to_pylist()
    place = table.column_names.index("total")
    changed = table.set_column(place, "total", [[totals[0] + 1, *totals[1:]]]).cast(table.schema)
    parquet.write_table(changed, path)
    assert books.told() == {"Billing records": (0, 1, 0, "")}


def test_another_setting_of_a_field_is_another_copy(books: Kept) -> None:
    books.load()
    books.client.settings = books.client.settings.model_copy(
        update={"amazon_order_id_field": "custbody_celigo_etail_order_id"}
    )
    found = books.load()
    changed = "the settings or fields that are asked for have changed"
    assert {one.what: one.why_whole for one in found.loaded} == {
        "Sales orders": changed, "Billing records": changed, "Credits": changed, "Applied payments": "",
    }  # fmt: skip


def test_other_books_at_the_same_address_are_read_anew(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        with Simulator(make_books(folder / "simulator.db")) as simulator, closing(client_of(simulator)) as client:
            kept_books = Kept(folder, simulator, client)
            kept_books.folder = tmp_path / "books"
            if name == "two":
                kept_books.work.run("UPDATE txn SET id = id + 5000, total = total + 1")
                kept_books.work.run("UPDATE txnline SET txn = txn + 5000")
                kept_books.work.run("UPDATE link SET previousdoc = previousdoc + 5000, nextdoc = nextdoc + 5000")
            kept_books.load()


def test_when_most_differs_everything_is_read(books: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_MANY", 2)
    books.load()
    books.work.run("UPDATE customer SET companyname = 'Amazon'")
    assert books.told() == {"Sales orders": (0, 0, 0, "more than half of what is kept differs from NetSuite")}


def test_without_marks_everything_is_read_each_time_and_nothing_is_kept(books: Kept) -> None:
    books.simulator.control("preferences", {"suiteql_ora_hash": "F"})
    for _ in range(2):
        found = books.load()
        assert all(one.why_whole.startswith("NetSuite gives no marks to check by (") for one in found.loaded)
        assert not any(one.checked for one in found.loaded)
    assert not books.folder.exists()


def test_a_role_that_sees_less_has_less(books: Kept) -> None:
    books.load()
    names = (
        "ADMI_LOGIN_OAUTH",
        "ADMI_RESTWEBSERVICES",
        "REPO_ANALYTICS",
        "TRAN_SALESORD",
        "TRAN_CUSTINVC",
        "LIST_CURRENCY",
    )
    books.simulator.control("roles", {"role": "Billing", "permissions": dict.fromkeys(names, "VIEW")})
    found = books.load()
    assert {one.what: one.records for one in found.loaded}["Credits"] == 0


def test_books_that_change_all_the_time_are_taken_and_it_is_said(books: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    books.load()

    def busy(client: Client, query: object, **options: object) -> object:
        books.work.run("UPDATE txn SET total = total + 1 WHERE id = 106")
        return query_table(client, query, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(marks, "query_table", busy)
    told = load_books(books.client, books.folder).loaded[0]
    assert (told.moving, told.undated > 0) == (1, True)
    assert told.sentence.endswith("1 changed again while they were read; the next load takes them.")
    monkeypatch.undo()
    books.load()


def _loads(folder: Path, simulator_url: str, keys: dict[str, str], times: int) -> None:
    class There:
        url = simulator_url

        def credentials(self) -> dict[str, str]:
            return keys

    with closing(client_of(There())) as client:  # type: ignore[arg-type]
        for _ in range(times):
            load_books(client, folder)


def test_several_processes_keep_at_once_and_one_that_is_killed_leaves_nothing_half(books: Kept) -> None:
    books.load()
    spawn = multiprocessing.get_context("spawn")
    given = (books.folder, books.simulator.url, books.simulator.credentials())
    busy = [spawn.Process(target=_loads, args=(*given, times)) for times in (3, 3, 1000)]
    for process in busy:
        process.start()
    for number in range(30):
        books.work.run("UPDATE txn SET total = total + 1 WHERE id = ?", 101 + number % 13)
        load_books(books.client, books.folder)
    busy[2].kill()
    for process in busy:
        process.join(60)
    assert [process.exitcode for process in busy] == [0, 0, -9]
    books.load()


def test_a_killed_writer_leaves_the_copy_before_and_its_rest_is_tidied_up(
    books: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.load()
    path = books.file("orders")
    before = path.read_bytes()
    rest = path.parent / ".aside-orders-0123456789abcdef.parquet"
    rest.write_bytes(before[:100])  # what a process that was killed while it wrote leaves behind
    books.work.run("UPDATE txn SET total = total + 1 WHERE id = 106")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            load_books(books.client, books.folder)
    assert path.read_bytes() == before
    assert books.told() == {"Sales orders": (0, 1, 0, "")}
    assert rest.exists(), "another process might be writing it"
    monkeypatch.setattr(kept, "_LEFT_BEHIND", -1.0)
    books.work.run("UPDATE txn SET total = total + 1 WHERE id = 106")
    books.load()
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "applications.parquet", "billing_records.parquet", "credits.parquet", "orders.parquet",
    ]  # fmt: skip


def _interrupted(_: int) -> None:
    raise KeyboardInterrupt


def test_without_payments_booked_no_applications_are_read(books: Kept) -> None:
    found = load_books(books.client, books.folder, applied=False)
    assert found.applications is None
    assert [one.what for one in found.loaded] == ["Sales orders", "Billing records", "Credits"]


def test_thousands_of_scattered_changes_are_narrowed_down(books: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_SMALLEST_BLOCK", 100)
    work = books.work
    old = "'2026-01-05T10:00:00Z'"
    work.run(
        "WITH RECURSIVE n(i) AS (SELECT 10000 UNION ALL SELECT i + 7 FROM n WHERE i < 24000) "
        "INSERT INTO txn (id, type, tranid, status, entity, subsidiary, currency, trandate, createddate, "
        f"lastmodifieddate, otherrefnum, total) SELECT i, 'SalesOrd', 'S' || i, 'F', 201, 1, 1, '2026-01-05', {old}, "
        f"{old}, '111-' || i, i FROM n"
    )
    books.load()
    work.run("UPDATE txn SET total = total + 5 WHERE (id - 10000) % 1400 = 0 AND id > 10000")
    work.run("DELETE FROM txn WHERE id = 17000")
    assert books.told() == {"Sales orders": (0, 9, 1, "")}


def test_the_key_of_a_copy_is_in_the_copy(books: Kept) -> None:
    books.load()
    table, why = read_kept(books.file("orders"), {"version": "x", "account": "", "address": "", "query": ""})
    assert (table, why) == (None, "what is kept was written by another version of nsbill")


def test_the_summary_says_when_some_had_to_be_read_whole(books: Kept) -> None:
    found = books.load()
    one = replace(found.loaded[0], why_whole="", since=None, undated=3)
    told = replace(found, loaded=(one, *found.loaded[1:])).sentences
    assert told[0] == (
        "Books: 7 of 16 records had changed, or had to be read anew; numbers and sums agree with NetSuite's."
    )
    assert whole_books.Loaded("X", 1, "", None, 0, 0, 1, 0, checked=True).sentence.count("1 was deleted") == 1
