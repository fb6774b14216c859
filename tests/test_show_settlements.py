"""Settlements and exceptions: the states without widgets, then the panel without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest
from fake_desk import unreachable
from queue_tables import ACCOUNT, TODAY, exceptions, order_number
from settlement_files import plain_rows, write
from show_samples import HOSTILE, sample_reconciliation

from nsbill.amazon.store import SettlementStore
from nsbill.billing.journal import Journal
from nsbill.desk import Desk
from nsbill.exception_queue import ExceptionQueue, Taking
from nsbill.reconcile import Reconciliation
from nsbill.reconcile.tie_out_schemas import TIE_OUT, TieStep
from nsbill.schemas import EXCEPTIONS
from nsbill.show.panel_files import Drop, DropZone, plain_name
from nsbill.show.panels import SettlementsPanel
from nsbill.show.panels_state import QueueState, SettlementsState
from nsbill.show.tie_chain import chain_of, steps_of

TIES = "12345678901"


def tie_out(table: str) -> pd.DataFrame:
    """TIE_OUT from ``settlement month currency step holds residual``, one line each; ``-`` is empty."""
    rows: list[dict[str, object]] = []
    for line in filter(None, (line.strip() for line in table.splitlines())):
        settlement, month, currency, step, holds, residual = line.split()
        place = TieStep[step].place
        rows.append(
            {
                "seller_account": "main", "settlement_id": settlement, "month": month, "currency": currency,
                "place": place, "step": TieStep[step].value, "expected": None, "found": None,
                "residual": None if residual == "-" else Decimal(residual),
                "holds": {"yes": True, "no": False, "-": None}[holds], "explanation": f"why {settlement} {step}",
            }
        )  # fmt: skip
    return TIE_OUT.frame(rows)


STEPS = f"""
{TIES} 2026-09 USD LINES yes 0
{TIES} 2026-09 USD TOTAL yes 0
200    2026-10 JPY LINES yes 0
200    2026-10 JPY TOTAL no  -12
200    2026-10 JPY RESERVE no -
300    2026-10 EUR LINES yes 0
300    2026-10 EUR DEPOSIT - -
"""


@dataclass
class Books:
    """A desk with a real store and a real queue, whose reconciliation is given."""

    store: SettlementStore
    exceptions: ExceptionQueue
    found: Reconciliation
    fails_with: Exception | None = None
    calls: list[str] = field(default_factory=list)

    def reconcile(self, as_of: date | None = None, *, bank: object = ()) -> Reconciliation:
        self.calls.append("reconcile")
        if self.fails_with is not None:
            raise self.fails_with
        return self.found

    def take_exceptions(self, found: Reconciliation) -> Taking:
        return self.exceptions.take_in(found.exceptions, as_of=found.as_of, today=TODAY)

    def exception_queue(self) -> pd.DataFrame:
        return self.exceptions.frame()

    def as_desk(self) -> Desk:
        return cast("Desk", self)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    found = replace(
        sample_reconciliation(),
        tie_out=tie_out(STEPS),
        exceptions=exceptions("short 1 10.00; short 2 900.00; over 3 -5.00 EUR"),
    )
    with closing(Journal.open(tmp_path)) as journal:
        queue = ExceptionQueue(journal, account=ACCOUNT, seller_account="main")
        yield Books(SettlementStore(tmp_path, seller_account="main"), queue, found)


@pytest.fixture
def state(books: Books) -> SettlementsState:
    made = SettlementsState(books.as_desk())
    made.look()
    assert made.error == ""
    return made


@pytest.fixture
def queue(state: SettlementsState) -> QueueState:
    state.queue.by = "Ada"
    return state.queue


@pytest.fixture
def panel(books: Books) -> SettlementsPanel:
    made = SettlementsPanel(SettlementsState(books.as_desk()))
    made.prepare()
    made.queue.by.value = "Ada"
    return made


def test_the_chain_has_one_row_per_settlement_with_what_is_off_first_and_money_in_its_currency() -> None:
    rows = chain_of(tie_out(STEPS)).to_dict("records")
    assert [(row["settlement_id"], row["verdict"], row["breaks"]) for row in rows] == [
        ("200", "✗ 2 off", 2),
        ("300", "✓ ties, 1 ?", 0),
        (TIES, "✓ ties", 0),
    ]
    assert {name: rows[0][name] for name in ("lines", "total", "reserve")} == {
        "lines": "✓ 0", "total": "✗ -12", "reserve": "✗",
    }  # fmt: skip
    assert (rows[1]["deposit"], rows[2]["total"]) == ("?", "✓ 0.00")
    assert steps_of(tie_out(STEPS), "200")["mark"].tolist() == ["✓", "✗", "✗"]
    assert chain_of(TIE_OUT.frame()).empty


def test_looking_counts_what_ties_and_fills_the_queue(state: SettlementsState) -> None:
    assert state.headline == [
        ("Settlements stored", "0"),
        ("Bank statements kept", "0"),
        ("Tie as far as can be told", "2"),
        ("With a residual", "1"),
    ]
    assert "3 exceptions as of 2026-10-31 are in the queue: 3 new" in state.taken
    assert state.queue.sentence == "3 to do, 3 of them without an owner."
    assert state.figures["settlements_off"] == 1
    assert state.figures["to_do"] == 3


def test_files_are_added_and_compared_and_a_broken_one_is_a_sentence_without_its_temporary_place(
    state: SettlementsState, books: Books, tmp_path: Path
) -> None:
    drop = tmp_path / "dropped-abc"
    drop.mkdir()
    good = write(drop / "good.txt", plain_rows())
    broken = write(drop / "broken.txt", plain_rows("99.00", "55555"))
    other = drop / "<b>notes.txt"
    other.write_text("hello\n", encoding="utf-8")
    state.add([good, broken, other], ["a folder"])
    assert state.error == ""
    assert state.added_sentence == "3 files: 1 added, 2 refused"
    assert [fine for fine, _ in state.added_lines] == [True, False, False, False]
    told = " ".join(words for _, words in state.added_lines)
    assert "good.txt: settlement 12345678901, 5 lines, ties to 11.01 USD" in told
    assert "broken.txt, line 2, column 'total-amount'" in told
    assert "a folder: the browser could not read it" in told
    assert "dropped-abc" not in told
    assert (state.stored, books.calls) == (1, ["reconcile", "reconcile"])
    state.add([good])
    assert "already there" in state.added_sentence
    assert books.calls == ["reconcile", "reconcile"]  # nothing new, nothing to compare
    state.keep_untied = True
    state.add([broken])
    assert "does not tie" in state.added_lines[0][1]
    assert state.stored == 2


def test_one_settlement_opens_to_its_steps_and_its_lines(state: SettlementsState, tmp_path: Path) -> None:
    state.add([write(tmp_path / "good.txt", plain_rows())])
    state.look_into(TIES)
    assert state.steps is not None
    assert state.steps["explanation"].tolist() == [f"why {TIES} LINES", f"why {TIES} TOTAL"]
    assert len(state.shown_lines) == 5
    assert sum(state.shown_lines["amount"]) == Decimal("11.01")
    state.look_into("300")  # known to the reconciliation, not in the store any more
    assert (len(state.shown_lines), state.error) == (0, "")


def test_a_bank_statement_is_kept_and_compared_at_once_and_one_that_cannot_be_read_is_a_sentence(
    state: SettlementsState, books: Books, tmp_path: Path
) -> None:
    good, broken, amazons = tmp_path / "june.csv", tmp_path / "<b>july.csv", write(tmp_path / "a.txt", plain_rows())
    good.write_text("Date,Text,Amount,Currency\n2026-06-17,AMAZON,53.49,USD\n", encoding="utf-8")
    broken.write_text("Date,Text,Amount,Currency\n2026-06-17,AMAZON,soon,USD\n", encoding="utf-8")
    state.add([broken, good, amazons])
    assert state.added_sentence == "3 files: 2 added, 1 refused"
    assert [fine for fine, _ in state.added_lines] == [False, True, True]  # in the order in which they were dropped
    told = [words for _, words in state.added_lines]
    assert "line 2" in told[0]
    assert "soon" in told[0]
    assert told[1] == (
        "june.csv: Bank statement kept: 1 movement from 2026-06-17 to 2026-06-17 in USD; Amazon is named in 1."
    )
    assert dict(state.headline)["Bank statements kept"] == "1"
    assert books.calls == ["reconcile", "reconcile"]
    state.add([good])
    assert state.added_sentence == "1 file: 1 already there"
    assert books.calls == ["reconcile", "reconcile"]
    assert [path.name for path in books.store.bank.files()] == ["june.csv"]  # for the next session and the schedule


def test_without_netsuite_files_are_added_and_the_queue_is_there(state: SettlementsState, books: Books) -> None:
    books.fails_with = unreachable()
    again = SettlementsState(books.as_desk())
    again.look()
    assert again.error == "No answer from <script>host</script>. Check the network."
    assert again.reconciliation is None
    assert len(again.queue.rows) == 3
    file = write(books.store.folder / "good.txt", plain_rows())
    again.add([file])
    assert again.added_sentence == "1 file: 1 added"
    assert "No answer" in again.error
    assert (again.busy, again.stored) == ("", 1)


def test_an_action_reads_only_what_happened_since_also_what_others_did(
    queue: QueueState, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "exception_queue", None)  # the whole queue is not read again
    books.exceptions.assign(["E-3"], owner="Bo", by="Bo")
    queue.choose(["E-1"])
    queue.take()
    assert (queue.error, queue.done, queue.chosen) == ("", "E-1 is Ada's.", ("E-1",))
    assert queue.queue is not None
    pd.testing.assert_frame_equal(
        queue.queue.sort_values("exception_id", ignore_index=True), books.exceptions.frame(), check_exact=True
    )
    assert set(queue.rows["owner"].dropna()) == {"Ada", "Bo"}


def test_each_action_of_the_queue_says_what_it_lacks(queue: QueueState) -> None:
    choose = ["Choose one or more exceptions in the table."]
    assert (queue.take_blockers, queue.note_blockers, queue.mark_blockers) == (choose, choose, choose)
    queue.choose(["E-1", "E-77"])
    assert queue.chosen == ("E-1",)
    assert queue.take_blockers == []
    assert queue.assign_blockers == ["To give them to somebody, write the owner."]
    assert queue.note_blockers == ["To add a note, write it."]
    queue.target = "closed"
    assert queue.mark_blockers == ["To set the state to 'closed', write the reason as the note."]
    queue.by = " "
    assert queue.take_blockers == ["Write your name."]


def test_a_blocked_action_writes_nothing_and_says_why(queue: QueueState) -> None:
    queue.add_note()
    assert queue.error == "Journal: Choose one or more exceptions in the table. Nothing was written."
    assert queue.queue is not None
    assert queue.queue["note"].isna().all()


def test_exceptions_are_taken_given_noted_closed_and_leave_the_list(queue: QueueState) -> None:
    first = str(queue.rows["exception_id"].iloc[0])
    queue.choose([first])
    queue.take()
    assert queue.done == f"{first} is Ada's."
    queue.note = "asked Amazon, case 12"
    queue.add_note()
    assert (queue.note, queue.done) == ("", f"{first} has the note.")
    queue.owner = "Bob"
    queue.assign()
    assert [sentence.partition("UTC  ")[2] for sentence in queue.story][1:] == [
        "Ada took it", "Ada noted: asked Amazon, case 12", "Ada gave it to Bob",
    ]  # fmt: skip
    queue.choose(queue.rows["exception_id"])
    queue.target, queue.note = "closed", "written off"
    queue.mark()
    assert queue.done == "3 exceptions: each is closed."
    assert queue.rows.empty
    assert queue.chosen == ()
    assert queue.sentence == "0 to do, 0 of them without an owner. 3 closed or accepted ones are found all the same."
    queue.listed = "all"
    assert set(queue.rows["state"]) == {"closed"}
    assert queue.rows.set_index("exception_id").loc[first, "owner"] == "Bob"


def test_the_panel_marks_residuals_and_a_chosen_row_opens_its_lines(panel: SettlementsPanel, tmp_path: Path) -> None:
    panel.state.add([write(tmp_path / "good.txt", plain_rows())])
    described = {str(column["name"]): column for column in panel.chain.columns}
    assert (described["total"]["marked"], described["month"]["marked"]) == (True, False)
    assert [row[0] for row in panel.chain.page(0)] == ["200", "300", TIES]
    assert panel._into.layout.display == "none"
    panel.chain._on_message(None, {"op": "choose", "key": TIES, "more": False}, [])
    panel.worker.join()
    assert panel._into.layout.display is None
    assert f"Settlement {TIES}" in panel._one.value
    assert panel.lines.shown == 5


def test_the_panels_queue_gates_its_buttons_and_works_on_many(panel: SettlementsPanel, books: Books) -> None:
    view = panel.queue
    assert view.take.disabled
    view.grid._on_message(None, {"op": "choose_shown", "on": True}, [])
    assert view.grid.status == "3 rows, 3 chosen"
    assert (view.take.disabled, view.add_note.disabled) == (False, True)
    assert "3 exceptions are chosen." in view._one.value
    view.note.value = "<b>bold</b>"
    assert not view.add_note.disabled
    view.add_note.click()
    view.worker.join()
    assert set(books.exceptions.frame()["note"]) == {"<b>bold</b>"}
    view.grid._on_message(None, {"op": "choose", "key": "E-2", "more": False}, [])
    assert view.grid.chosen == {"E-2"}
    assert "Ada noted: &lt;b&gt;bold&lt;/b&gt;" in view._one.value
    view.listed.value = "closed"
    assert (view.grid.shown, view.grid.chosen, view.take.disabled) == (0, frozenset(), True)


def test_what_is_dropped_is_added_and_its_temporary_files_are_gone(panel: SettlementsPanel, tmp_path: Path) -> None:
    content = write(tmp_path / "x.txt", plain_rows()).read_bytes()
    for operation, buffers in (("start", []), ("begin", []), ("piece", [content[:40]]), ("piece", [content[40:]])):
        panel.files._on_message(None, {"op": operation, "name": "../../x<script>.txt"}, buffers)
    assert panel.files._drop.folder is not None
    folder = Path(panel.files._drop.folder.name)
    assert (folder / "0" / "x<script>.txt").read_bytes() == content
    panel.files._on_message(None, {"op": "done"}, [])
    assert panel.adding is not None
    panel.adding.join()
    assert "1 file: 1 added" in panel._added.value
    assert "x&lt;script&gt;.txt: settlement" in panel._added.value
    assert not folder.exists()


def test_the_static_view_and_hostile_names_are_text(books: Books) -> None:
    rows: list[dict[str, object]] = [
        {
            "exception_class": "ORPHAN_ORDER_ID", "seller_account": "main", "amazon_order_id": name, "settlement_id": name,
            "reference": str(index), "currency": "USD", "amount": Decimal(1), "evidence": name, "action": name,
        }
        for index, name in enumerate(HOSTILE)
    ]  # fmt: skip
    steps = tie_out(STEPS.replace("200 ", "<img>"))
    books.found = replace(books.found, exceptions=EXCEPTIONS.frame(rows), tie_out=steps)
    panel = SettlementsPanel(SettlementsState(books.as_desk()))
    assert "Nothing is compared yet." in panel.static()
    panel.prepare()
    assert panel.state.error == ""
    page = panel.static()
    assert "Tie-out chain" in page
    panel.queue.grid.choose_row("E-1")
    panel.state.look_into("<img>")
    for shown in (page, panel.queue._one.value, panel._one.value):
        assert "<script>alert" not in shown
        assert "<img>" not in shown
        assert "\u202e" not in shown
    assert "&lt;img&gt;" in panel._one.value


NAMES: list[tuple[str, str]] = [
    ("a.txt", "a.txt"),
    ("..\\..\\a.txt", "a.txt"),
    ("/etc/passwd", "passwd"),
    ("..", "file"),
    ("", "file"),
    ("a\u202eb\n.txt", "a_b_.txt"),
    ("ä" * 200 + ".txt", "ä" * 73 + ".txt"),
]


@pytest.mark.parametrize("given, kept", NAMES)
def test_a_browsers_file_name_leads_nowhere_else(given: str, kept: str) -> None:
    assert plain_name(given) == kept


def test_a_drop_that_was_cut_off_is_forgotten_and_what_cannot_be_read_is_named() -> None:
    drops: list[Drop] = []
    zone = DropZone("Drop", took=drops.append)
    answers: list[Any] = []
    zone.send = answers.append
    for message in ("start", "begin", "piece", "start", "begin", "unreadable", "begin", "done"):
        zone._on_message(None, {"op": message, "name": f"{len(answers)}.txt"}, [b"x"])
    (drop,) = drops
    assert ([path.name for path in drop.files], drop.unreadable) == (["6.txt"], ["4.txt"])
    assert answers == [{"op": "go on"}] * 8
    drop.discard()


def test_orders_of_the_queue_are_named(queue: QueueState) -> None:
    assert queue.rows["amazon_order_id"].tolist() == [order_number(3), order_number(2), order_number(1)]
