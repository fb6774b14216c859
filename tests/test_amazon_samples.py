"""The real files, all of them: each is read or refused as the README beside them says, and reads the same twice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from nsbill.amazon.store import AddResult, SettlementStore

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
FOLDERS = ("orders", "payments_csv", "settlement_v1_ca", "settlement_v2", "vocabulary")

COMPLETE = {
    "50011020300.txt": None, "50018020314.txt": None, "50034020328.txt": None, "50041020342.txt": None,
    "50044020356.txt": None, "us_invented_cc_by.txt": Decimal("582.89"),
}  # fmt: skip
"""Settlements that are complete, and their total where the README states it."""

ACTIVITY = {
    "au_2026_excerpt.csv", "br_2026_03_monthly.csv", "us_2026_seller_fulfilled.csv", "us_pre2025_resaved.csv",
}  # fmt: skip

REFUSED = {
    "au_2026_excerpt.txt": "off by -211,967.84",
    "us_damaged_excerpt.txt": "tabs became spaces",
    "jp_all_orders.tsv": "what looks like an all-orders report",
    "vocabulary.tsv": "what looks like a text without the columns of a settlement report",
    "au_settlement_mapping.csv": "what looks like",
    "fee_codes_cc_by.json": "what looks like a JSON document",
}


@pytest.fixture(scope="module")
def added(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[SettlementStore, list[AddResult], list[AddResult]]]:
    """A store to which every sample was added, and was added again."""
    missing = [name for name in FOLDERS if not (SAMPLES / name).is_dir()]
    if missing:
        pytest.skip(f"sample files are not there: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("samples")
    store = SettlementStore(folder, seller_account="main")
    first = store.add([SAMPLES / name for name in FOLDERS])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = store.add([SAMPLES / name for name in FOLDERS])
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    yield store, first, again
    shutil.rmtree(folder)


Added = tuple[SettlementStore, list[AddResult], list[AddResult]]


def test_every_sample_is_read_or_refused_as_its_readme_says(added: Added) -> None:
    _, first, _ = added
    found = {result.path.name: result.state for result in first}
    assert found == dict.fromkeys([*COMPLETE, *ACTIVITY], "added") | dict.fromkeys(REFUSED, "refused")


def test_each_refusal_says_why(added: Added) -> None:
    _, first, _ = added
    messages = {result.path.name: result.message for result in first if result.state == "refused"}
    assert [name for name, reason in REFUSED.items() if reason not in messages[name]] == []


def test_each_complete_settlement_ties_to_the_cent(added: Added) -> None:
    store, _, _ = added
    found = store.settlements().set_index("source_name")
    assert set(found.index) == set(COMPLETE)
    assert found["ties"].unique().tolist() == ["ties"]
    assert found["residual"].unique().tolist() == [Decimal("0.00")]
    stated = {name: found.loc[name, "total_amount"] for name, total in COMPLETE.items() if total is not None}
    assert stated == {name: total for name, total in COMPLETE.items() if total is not None}
    assert found["lines_total"].sum() == store.lines()["amount"].sum()


def test_no_amount_of_a_complete_settlement_is_unclassified(added: Added) -> None:
    store, _, _ = added
    assert store.settlements()["unclassified_lines"].unique().tolist() == [0]


def test_consecutive_settlements_are_proved_together(added: Added) -> None:
    store, _, _ = added
    proofs = store.check()
    assert proofs[proofs["holds"].fillna(value=True) == False].empty  # noqa: E712  # a column of three values


def test_activity_is_kept_beside_the_settlements(added: Added) -> None:
    store, _, _ = added
    assert set(store.sources()["source_name"]) == ACTIVITY
    assert len(store.activity_files()) == len(ACTIVITY)
    assert set(store.activity()["source_format"]) == {"PAYMENTS_CSV"}


def test_adding_everything_again_changes_nothing(added: Added) -> None:
    _, first, again = added
    expected = {"added": "already there", "refused": "refused"}
    assert [result.state for result in again] == [expected[result.state] for result in first]
