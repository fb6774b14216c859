"""Activity in the store: beside the settlements, never among them; everything or nothing of a file, once."""

from __future__ import annotations

import gzip
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from finances_documents import deferred, events, item, page, shipment, transaction, write
from settlement_files import plain_rows
from settlement_files import write as write_settlement

from nsbill.amazon.activity import ACTIVITY_FILES
from nsbill.amazon.store import AddResult, SettlementStore
from nsbill.errors import WorkspaceError
from nsbill.schemas import ACTIVITY


@pytest.fixture
def store(tmp_path: Path) -> SettlementStore:
    return SettlementStore(tmp_path / "workspace", seller_account="main")


def files_of(store: SettlementStore) -> dict[str, bytes]:
    found = (path for path in store.folder.rglob("*") if path.is_file())
    return {str(path.relative_to(store.folder)): path.read_bytes() for path in found}


def states(results: list[AddResult]) -> list[str]:
    return [result.state for result in results]


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): cell for name, cell in row.items()} for row in frame.to_dict("records")]


ANSWER = page(
    transaction(1),
    deferred(2, order="701-2222222-2222222"),
    deferred(3, status="DEFERRED_RELEASED"),
    transaction(4, items=[item("Expenses/FundTransfer = 30.00")], transactionType="Transfer", relatedIdentifiers=None),
    transaction(5, status=None, currency="USD"),
)


def test_an_empty_store_has_empty_frames_of_the_right_shape(store: SettlementStore) -> None:
    assert len(ACTIVITY.check(store.activity())) == 0
    assert len(ACTIVITY_FILES.check(store.sources())) == 0
    assert store.activity_files() == []


def test_a_file_of_activity_is_added_with_its_raw_bytes_and_its_facts(store: SettlementStore, tmp_path: Path) -> None:
    path = write(tmp_path / "answer.json", ANSWER)
    (result,) = store.add([path])
    assert (result.state, result.settlements) == ("added", ())
    assert result.message == (
        "Finances API transactions, 5 records of 2 orders, 1 Mar to 5 Mar 2026, released 42.25 CAD, "
        "deferred 42.25 CAD, deferred and released since 42.25 CAD, without status 42.25 USD, transfers 30.00 CAD."
    )
    (file,) = store.activity_files()
    digest = file.stem
    assert sorted(files_of(store)) == [f"activity/{digest}.parquet", f"sources/{digest}.json"]
    assert (store.folder / "sources" / f"{digest}.json").read_bytes() == path.read_bytes()
    activity = ACTIVITY.check(store.activity())
    assert len(activity) == 4 * 9 + 1
    assert activity.groupby("currency")["amount"].sum().to_dict() == {"CAD": Decimal("156.75"), "USD": Decimal("42.25")}


def test_the_listing_shows_each_file_with_its_sums_by_currency_and_status(
    store: SettlementStore, tmp_path: Path
) -> None:
    store.add([write(tmp_path / "answer.json", ANSWER), write(tmp_path / "empty.json", page())])
    rows = rows_of(ACTIVITY_FILES.check(store.sources()))
    names = ["source_name", "currency", "transaction_status", "amount", "transferred"]
    assert [" ".join("–" if pd.isna(row[name]) else str(row[name]) for name in names) for row in rows] == [
        "answer.json CAD RELEASED 42.25 30.00",
        "answer.json CAD DEFERRED 42.25 0.00",
        "answer.json CAD DEFERRED_RELEASED 42.25 0.00",
        "answer.json USD – 42.25 0.00",
        "empty.json – – 0.00 0.00",
    ]
    counts = ["source_format", "seller_account", "records", "orders", "lines", "unclassified_lines"]
    assert [rows[0][name] for name in counts] == ["FINANCES_TRANSACTIONS", "main", 5, 2, 37, 0]
    assert str(rows[0]["first_posted"]) == "2026-03-01 10:11:12+00:00"


def test_activity_is_not_among_the_settlements_and_never_in_their_totals(
    store: SettlementStore, tmp_path: Path
) -> None:
    settlement = write_settlement(tmp_path / "s.txt", plain_rows())
    answer = write(tmp_path / "a.json", page(transaction(more={"SETTLEMENT_ID": "12345678901"})))
    assert states(store.add([settlement, answer])) == ["added", "added"]
    assert store.settlements()["settlement_id"].tolist() == ["12345678901"]
    assert store.lines()["amount"].sum() == Decimal("11.01")
    assert len(store.check().query("holds == False")) == 0
    assert store.activity()["amount"].sum() == Decimal("42.25")


def test_adding_the_same_content_again_changes_nothing(store: SettlementStore, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", ANSWER)
    packed = tmp_path / "copy.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    store.add([path])
    before = files_of(store)
    results = store.add([path, packed])
    assert states(results) == ["already there"] * 2
    assert results[0].message.startswith("The same content was added as a.json, 20")
    assert files_of(store) == before


def test_a_later_answer_about_the_same_transaction_is_kept_beside_the_earlier_one(
    store: SettlementStore, tmp_path: Path
) -> None:
    store.add([write(tmp_path / "b.json", page(deferred(1)))])
    store.add([write(tmp_path / "a.json", page(deferred(1, status="DEFERRED_RELEASED")))])
    statuses = store.activity().drop_duplicates("transaction_status")["transaction_status"].tolist()
    assert statuses == ["DEFERRED", "DEFERRED_RELEASED"]


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".ndjson", ".json.gz"])
def test_files_of_a_folder_are_found_by_the_names_that_json_has(
    suffix: str, store: SettlementStore, tmp_path: Path
) -> None:
    folder = tmp_path / "answers"
    folder.mkdir()
    path = write(folder / f"a{suffix}", ANSWER)
    if suffix.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert states(store.add([folder])) == ["added"]


def test_nothing_of_a_refused_file_is_kept(store: SettlementStore, tmp_path: Path) -> None:
    broken = page(transaction(1), transaction(2, totalAmount={"currencyAmount": "1.001", "currencyCode": "CAD"}))
    (result,) = store.add([write(tmp_path / "a.json", broken)])
    assert result.state == "refused"
    assert "found 1.001" in result.message
    assert files_of(store) == {}


def test_a_file_of_another_seller_account_is_refused(store: SettlementStore, tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", ANSWER)
    store.add([path])
    (result,) = SettlementStore(store.folder, seller_account="other").add([path])
    assert result.state == "refused"
    assert "was added for seller account 'main'" in result.message


def test_what_whoever_adds_should_know_is_said(store: SettlementStore, tmp_path: Path) -> None:
    odd = events("token", ShipmentEventList=[shipment()], MoonEventList=shipment())
    (result,) = store.add([write(tmp_path / "a.json", odd)])
    assert result.message == (
        "Finances API events, 2 records of 1 order, 1 Mar 2026, without status 84.50 CAD, "
        "7 amounts unclassified; its last page names a next page: add that too; "
        "7 amounts under MoonEventList, which nsbill does not know: UNCLASSIFIED."
    )


def test_a_foreign_parquet_file_among_the_activity_is_named(store: SettlementStore, tmp_path: Path) -> None:
    store.add([write(tmp_path / "a.json", ANSWER)])
    store.activity_files()[0].write_bytes(b"PAR1 no")
    with pytest.raises(WorkspaceError, match="is no activity that nsbill stored"):
        store.sources()


def test_activity_without_its_raw_file_does_not_count(store: SettlementStore, tmp_path: Path) -> None:
    store.add([write(tmp_path / "a.json", ANSWER)])
    next((store.folder / "sources").iterdir()).unlink()
    assert store.activity_files() == []
    assert states(store.add([tmp_path / "a.json"])) == ["added"]


STEPS = [("make_durable", when) for when in range(5)] + [("replace", when) for when in range(3)] + [("copyfile", 0)]


@pytest.mark.parametrize("step, when", STEPS)
def test_killed_at_any_step_the_store_is_as_before_or_as_after(step: str, when: int, tmp_path: Path) -> None:
    workspace, path = tmp_path / "workspace", write(tmp_path / "a.json", ANSWER)
    script = f"""
        import os, shutil
        from pathlib import Path
        from nsbill.amazon import activity, store
        calls = 0
        def killing(real):
            def wrapped(*values):
                global calls
                calls += 1
                if calls > {when}:
                    os._exit(9)
                return real(*values)
            return wrapped
        if {step!r} == "make_durable":
            store.make_durable = activity.make_durable = killing(activity.make_durable)
        elif {step!r} == "copyfile":
            store.shutil.copyfile = killing(shutil.copyfile)
        else:
            Path.replace = killing(Path.replace)
        store.SettlementStore(Path({str(workspace)!r}), seller_account="main").add([{str(path)!r}])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, cwd=Path(__file__).parents[1])
    store = SettlementStore(workspace, seller_account="main")
    there = len(store.activity_files()) == 1
    assert (done.returncode, there) in {(9, False), (9, True), (0, True)}
    assert states(store.add([path])) == (["already there"] if there else ["added"])
    assert len(store.activity()) == 37
