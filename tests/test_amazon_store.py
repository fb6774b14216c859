"""The store of settlements: everything or nothing of a file, once, for ever, and what it proves."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from settlement_files import ORDER_1, lines, plain_rows, summary, text_of, with_commas, write

from nsbill.amazon import store as store_module
from nsbill.amazon.proofs import PROOFS
from nsbill.amazon.store import AddResult, SettlementStore
from nsbill.errors import SchemaError, WorkspaceError
from nsbill.reconcile.engines import open_engine
from nsbill.schemas import LINES, SETTLEMENTS

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"
DATA = Path(__file__).parent / "data"


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


def test_an_empty_store_has_empty_frames_of_the_right_shape(store: SettlementStore) -> None:
    assert len(SETTLEMENTS.check(store.settlements())) == 0
    assert len(LINES.check(store.lines())) == 0
    assert len(PROOFS.check(store.check())) == 0
    assert store.lines_files() == []


def test_a_file_that_ties_is_added_with_its_raw_bytes_and_its_facts(store: SettlementStore, tmp_path: Path) -> None:
    path = write(tmp_path / "50011020300.txt", plain_rows())
    (result,) = store.add([path])
    assert (result.state, result.settlements) == ("added", ("12345678901",))
    assert result.message == "settlement 12345678901, 5 lines, ties to 11.01 USD."
    (row,) = rows_of(store.settlements())
    shown = {name: str(row[name]) for name in ("currency", "marketplace", "total_amount", "residual", "lines", "ties")}
    assert shown == {
        "currency": "USD",
        "marketplace": "Amazon.com",
        "total_amount": "11.01",
        "residual": "0.00",
        "lines": "5",
        "ties": "ties",
    }
    assert (str(row["deposit_date"]), row["deposit_day"], row["source_name"]) == ("2026-06-17", 20621, path.name)
    assert (store.folder / "sources" / f"{row['source_digest']}.txt").read_bytes() == path.read_bytes()
    (file,) = store.lines_files()
    assert file.name == f"12345678901-{row['source_digest'][:12]}.parquet"
    assert store.lines()["amount"].sum() == Decimal("11.01")


def test_the_lines_of_one_order_are_those_that_name_it(store: SettlementStore, tmp_path: Path) -> None:
    for settlement in ("12345678901", "12345678902"):
        store.add([write(tmp_path / f"{settlement}.txt", plain_rows(settlement=settlement))])
    stored = store.lines()
    found = LINES.check(store.lines_of_order(ORDER_1))
    assert len(found) == (stored["amazon_order_id"] == ORDER_1).sum() > 0
    assert set(found["amazon_order_id"]) == {ORDER_1}
    assert list(found["settlement_id"].unique()) == ["12345678901", "12345678902"]
    assert len(LINES.check(store.lines_of_order("111-0000000-0000000"))) == 0


def test_adding_the_same_content_again_changes_nothing(store: SettlementStore, tmp_path: Path) -> None:
    path = write(tmp_path / "s.txt", plain_rows())
    copy, packed = tmp_path / "s (1).txt", tmp_path / "s.txt.gz"
    shutil.copy(path, copy)
    packed.write_bytes(gzip.compress(path.read_bytes()))
    store.add([path])
    before = files_of(store)
    results = store.add([path, copy, packed])
    assert states(results) == ["already there"] * 3
    assert results[0].settlements == ("12345678901",)
    assert files_of(store) == before


def test_one_refused_file_does_not_stop_the_others(store: SettlementStore, tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.txt", plain_rows("12.00"))
    good = write(tmp_path / "good.txt", plain_rows())
    results = store.add([bad, tmp_path / "gone.txt", good])
    assert states(results) == ["refused", "refused", "added"]
    assert results[0].message == (
        "bad.txt, line 2, column 'total-amount': found 5 lines of settlement 12345678901 that add up to 11.01 USD, "
        "off by -0.99; expected the stated total of 12.00 USD. The file is cut off or an excerpt: download it again, "
        "or accept it untied to keep it marked as such. Nothing of this file was kept."
    )
    assert "found no such file" in results[1].message
    assert len(store.settlements()) == 1


def test_nothing_of_a_refused_file_is_kept(store: SettlementStore, tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text(text_of(plain_rows("11.01", "11111111111")) + text_of(plain_rows("99.00", "22222222222")))
    assert states(store.add([path])) == ["refused"]
    assert files_of(store) == {}


def test_an_untied_file_is_kept_and_marked_when_the_user_accepts_it(store: SettlementStore, tmp_path: Path) -> None:
    path = write(tmp_path / "s.txt", plain_rows("12.00"))
    (result,) = store.add([path], accept_untied=True)
    assert result.state == "added"
    assert "does not tie: its lines add up to 11.01 USD, off by -0.99" in result.message
    (row,) = rows_of(store.settlements())
    assert (row["ties"], row["residual"]) == ("does_not_tie", Decimal("-0.99"))


def test_a_file_without_summary_row_cannot_tie_and_says_so(store: SettlementStore, tmp_path: Path) -> None:
    rows = lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1", currency="CAD")
    (result,) = store.add([write(tmp_path / "s.txt", rows)])
    assert "its file states no total, so it cannot tie" in result.message
    (row,) = rows_of(store.settlements())
    assert row["ties"] == "cannot_tie"
    assert row["total_amount"] is None or pd.isna(row["total_amount"])


def test_a_settlement_without_lines_is_kept_when_its_total_is_nothing(store: SettlementStore, tmp_path: Path) -> None:
    (result,) = store.add([write(tmp_path / "s.txt", [summary("0.00")])])
    assert result.message == "settlement 12345678901, 0 lines, ties to 0.00 USD."
    assert store.settlements()["lines"].tolist() == [0]
    assert len(store.lines()) == 0


def test_several_settlements_of_one_file_become_several_files(store: SettlementStore, tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text(text_of(plain_rows("11.01", "11111111111")) + text_of(plain_rows("11.01", "22222222222")))
    (result,) = store.add([path])
    assert sorted(result.settlements) == ["11111111111", "22222222222"]
    assert len(store.lines_files()) == 2
    assert len(store.lines()) == 10
    assert states(store.add([path])) == ["already there"]


def test_the_same_settlement_with_other_bytes_is_kept_shown_and_not_counted(
    store: SettlementStore, tmp_path: Path
) -> None:
    first = write(tmp_path / "first.txt", plain_rows())
    second = write(
        tmp_path / "second.txt", [summary("5.00"), *lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1")]
    )
    store.add([first])
    (result,) = store.add([second])
    assert result.state == "added"
    assert "both are kept, the earlier one counts" in result.message
    assert len(list((store.folder / "settlements").glob("*.parquet"))) == 2
    (row,) = rows_of(store.settlements())
    assert row["lines_total"] == Decimal("11.01")
    assert "Another file states this settlement differently: second.txt" in row["problem"]
    assert store.lines()["amount"].sum() == Decimal("11.01")
    proof = store.check().query("proof == 'one file'")
    assert proof["holds"].tolist() == [False]


def test_a_file_of_hundreds_of_settlements_is_refused_before_files_run_out(
    store: SettlementStore, tmp_path: Path
) -> None:
    rows = [row for number in range(501) for row in plain_rows("11.01", f"{10_000_000_000 + number}")[:2]]
    (result,) = store.add([write(tmp_path / "s.txt", rows)])
    assert result.state == "refused"
    assert "found more than 500 settlements" in result.message
    assert files_of(store) == {}


def test_a_file_of_another_seller_account_is_refused(store: SettlementStore, tmp_path: Path) -> None:
    path = write(tmp_path / "s.txt", plain_rows())
    store.add([path])
    (result,) = SettlementStore(store.folder, seller_account="other").add([path])
    assert result.state == "refused"
    assert "was added for seller account 'main'" in result.message


def test_folders_and_patterns_are_expanded_and_each_file_is_read_once(store: SettlementStore, tmp_path: Path) -> None:
    folder = tmp_path / "downloads"
    folder.mkdir()
    write(folder / "a.txt", plain_rows("11.01", "11111111111"))
    write(folder / "b.txt", with_commas(plain_rows("11.01", "22222222222")))
    (folder / "notes.md").write_text("not for nsbill")
    seen: list[tuple[int, int, str]] = []
    results = store.add(
        [folder, folder / "*.txt", folder / "a.txt"], progress=lambda done, of, note="": seen.append((done, of, note))
    )
    assert [(result.path.name, result.state) for result in results] == [("a.txt", "added"), ("b.txt", "added")]
    assert seen == [(0, 2, "a.txt"), (1, 2, "b.txt"), (2, 2, "")]


def test_an_empty_folder_and_a_pattern_without_files_are_refused(store: SettlementStore, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert states(store.add([tmp_path / "empty", tmp_path / "*.nothing"])) == ["refused", "refused"]


def test_a_foreign_parquet_file_in_the_store_is_named(store: SettlementStore, tmp_path: Path) -> None:
    store.add([write(tmp_path / "s.txt", plain_rows())])
    store.lines_files()[0].write_bytes(b"PAR1 no")
    with pytest.raises(WorkspaceError, match="is no settlement that nsbill stored"):
        store.settlements()


def test_a_settlement_stored_by_an_earlier_nsbill_reads_with_the_later_columns_empty(
    store: SettlementStore, tmp_path: Path
) -> None:
    store.add([write(tmp_path / "s.txt", plain_rows())])
    (file,) = store.lines_files()
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(["adjustment_id", "extra"]), file)
    assert store.lines()["adjustment_id"].isna().all()
    with open_engine() as engine:
        found = engine.read(engine.parquet([file], LINES))
        assert found["extra"].null_count == found.num_rows == 5
        pq.write_table(table.drop_columns(["currency"]), file)
        with pytest.raises(SchemaError, match="lacks currency"):
            engine.parquet([file], LINES)


# --- killed in the middle ---------------------------------------------------------------------------------------------

STEPS = [("make_durable", 1), ("copyfile", 0), ("make_durable", 3), ("replace", 1), ("replace", 2), ("make_durable", 4)]
"""The call at which the process dies, after so many that went well; the last one dies after the deciding rename."""


@pytest.mark.parametrize("step, when", STEPS)
def test_killed_at_any_step_the_store_is_as_before_or_as_after(step: str, when: int, tmp_path: Path) -> None:
    workspace, path = tmp_path / "workspace", tmp_path / "two.txt"
    path.write_text(text_of(plain_rows("11.01", "11111111111")) + text_of(plain_rows("11.01", "22222222222")))
    script = f"""
        import os, shutil, sys
        from pathlib import Path
        from nsbill.amazon import parquet, store
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
            store.make_durable = parquet.make_durable = killing(parquet.make_durable)
        elif {step!r} == "copyfile":
            store.shutil.copyfile = killing(shutil.copyfile)
        else:
            Path.replace = killing(Path.replace)
        store.SettlementStore(Path({str(workspace)!r}), seller_account="main").add([{str(path)!r}])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, cwd=Path(__file__).parents[1])
    store = SettlementStore(workspace, seller_account="main")
    assert done.returncode in {0, 9}
    assert len(store.settlements()) in {0, 2}
    there = len(store.settlements()) == 2
    assert there or done.returncode == 9
    assert states(store.add([path])) == (["already there"] if there else ["added"])
    assert len(store.lines()) == 10


def test_what_a_killed_run_left_is_cleared_away_later(store: SettlementStore, tmp_path: Path) -> None:
    old, young = (store.folder / "settlements" / f"{store_module._ASIDE}{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "raw").write_text("half")
    os.utime(old, (0, 0))
    store.add([write(tmp_path / "s.txt", plain_rows())])
    assert (old.exists(), young.exists()) == (False, True)
    assert len(store.settlements()) == 1


# --- proofs -----------------------------------------------------------------------------------------------------------


def proofs(store: SettlementStore, proof: str) -> list[tuple[str, str, str, str]]:
    found = store.check().query(f"proof == '{proof}'")
    names = ["settlement_id", "expected", "found", "holds"]
    return [tuple("–" if pd.isna(row[name]) else str(row[name]) for name in names) for row in rows_of(found)]  # type: ignore[misc]


def test_the_worked_example_is_proved_and_its_reserve_rolls_forward(store: SettlementStore) -> None:
    results = store.add([DATA / "worked_example_k.txt", DATA / "worked_example_k1.txt"])
    assert states(results) == ["added", "added"]
    assert [str(total) for total in store.settlements()["total_amount"]] == ["53.49", "7.01"]
    assert proofs(store, "lines sum to total") == [
        ("20000000001", "53.49", "53.49", "True"),
        ("20000000002", "7.01", "7.01", "True"),
    ]
    assert proofs(store, "reserve rolls forward") == [
        ("20000000001", "–", "50.00", "–"),
        ("20000000002", "20.00", "20.00", "True"),
    ]
    assert proofs(store, "periods chain") == [("20000000001", "–", "–", "–"), ("20000000002", "–", "–", "True")]


def chained(
    number: int, previous: str, current: str, *, days: tuple[int, int], marketplace: str
) -> list[dict[str, str]]:
    name = f"3000000000{number}"
    total = Decimal(previous) + Decimal(current) + 5
    start, end = (f"2026-06-{day:02d} 00:00:00 UTC" for day in days)
    return [
        summary(total, name, start=start, end=end),
        *lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1", name, marketplace=marketplace),
        *lines(f"other-transaction | | other-transaction | Previous Reserve Amount Balance | {previous}", name),
        *lines(f"other-transaction | | other-transaction | Current Reserve Amount | {current}", name),
    ]


def test_a_broken_reserve_a_gap_and_an_overlap_are_shown_with_their_residual(
    store: SettlementStore, tmp_path: Path
) -> None:
    chain = [
        chained(1, "0.00", "-10.00", days=(1, 5), marketplace="Amazon.de"),
        chained(2, "8.00", "-3.00", days=(5, 9), marketplace="Amazon.de"),
        chained(3, "7.00", "-7.00", days=(12, 20), marketplace="Amazon.de"),
        chained(4, "7.00", "0.00", days=(19, 25), marketplace="amazon.de"),
        chained(5, "0.00", "0.00", days=(5, 9), marketplace="Amazon.fr"),
    ]
    store.add([write(tmp_path / f"{number}.txt", rows) for number, rows in enumerate(chain)])
    by_id = sorted
    assert by_id(proofs(store, "reserve rolls forward")) == [
        ("30000000001", "–", "0.00", "True"),
        ("30000000002", "10.00", "8.00", "False"),
        ("30000000003", "3.00", "7.00", "–"),
        ("30000000004", "7.00", "7.00", "True"),
        ("30000000005", "–", "0.00", "True"),
    ]
    assert [row[3] for row in by_id(proofs(store, "periods chain"))] == ["–", "True", "False", "False", "–"]
    texts = " ".join(store.check().query("proof == 'periods chain'")["explanation"])
    assert "3 days, 0:00:00 are missing after 30000000002" in texts
    assert "overlaps 30000000003 by 1 day" in texts


def test_an_untied_settlement_shows_its_residual_in_the_proof(store: SettlementStore) -> None:
    path = SAMPLES / "settlement_v2" / "au_2026_excerpt.txt"
    if not path.exists():
        pytest.skip("sample files are not there: au_2026_excerpt.txt")
    (refused,) = store.add([path])
    assert refused.state == "refused"
    assert "add up to 151.11 AUD, off by -211,967.84" in refused.message
    (added,) = store.add([path], accept_untied=True)
    assert added.state == "added"
    (row,) = rows_of(store.check().query("proof == 'lines sum to total'"))
    assert (row["residual"], row["holds"]) == (Decimal("-211967.84"), False)


def test_the_real_samples_get_what_they_deserve(store: SettlementStore) -> None:
    folder = SAMPLES / "settlement_v2"
    if not folder.exists():
        pytest.skip("sample files are not there: settlement_v2")
    found = {result.path.name: result.state for result in store.add([folder])}
    assert found == {
        "au_2026_excerpt.txt": "refused",
        "us_damaged_excerpt.txt": "refused",
        "us_invented_cc_by.txt": "added",
    }
    assert [str(total) for total in store.settlements()["total_amount"]] == ["582.89"]


def test_lines_of_other_channels_name_no_marketplace(store: SettlementStore, tmp_path: Path) -> None:
    mcf = lines(
        "Order | S01-1234567-1234567 | ItemFees | FBAPerUnitFulfillmentFee | -1.00 | 1", marketplace="Non-Amazon"
    )
    own = lines(f"Order | {ORDER_1} | ItemPrice | Principal | 5.00 | 1", marketplace="Amazon.ca")
    store.add([write(tmp_path / "s.txt", [summary("3.00"), *mcf, *mcf, *own])])
    assert store.settlements()["marketplace"].tolist() == ["Amazon.ca"]
