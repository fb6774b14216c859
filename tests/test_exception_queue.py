"""The life of an exception: found, changed, gone, found again; owned, noted, closed and opened again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_tables import ACCOUNT, TODAY, day, exceptions, order_number, stands, take

from nsbill.billing.journal import Journal
from nsbill.errors import JournalError, SchemaError
from nsbill.exception_queue import ExceptionQueue
from nsbill.exception_queue.lifecycle import Found, Standing, what_happened
from nsbill.exception_queue.told import told_by
from nsbill.reconcile import Reconciliation
from nsbill.reconcile.tie_out_schemas import TIE_OUT, TieStep
from nsbill.schemas import EXCEPTION_QUEUE, EXCEPTIONS, SETTLEMENTS, STATEMENT, TOTALS
from nsbill.vocabulary import ExceptionState, ReceiptBasis, TaxMode


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[ExceptionQueue]:
    journal = Journal.open(tmp_path)
    yield ExceptionQueue(journal, account=ACCOUNT, seller_account="main")
    journal.close()


LIFE = """
state       | found | was      | now      | happened   | becomes
            |       |          | 10.00 a  | seen       | open
open        | yes   | 10.00 a  | 10.00 a  | -          |
open        | yes   | 10.00 a  | 12.00 a  | changed    |
open        | yes   | 10.00 a  | 10.00 b  | changed    |
in progress | yes   | 10.00 a  | 12.00 b  | changed    |
waiting     | yes   | 10.00 a  | 12.00 a  | changed    |
open        | yes   | 10.00 a  |          | gone       | resolved
in progress | yes   | 10.00 a  |          | gone       | resolved
waiting     | yes   | 10.00 a  |          | gone       | resolved
closed      | yes   | 10.00 a  | 10.00 a  | -          |
closed      | yes   | 10.00 a  | 10.00 b  | changed    |
closed      | yes   | 10.00 a  | 10.01 a  | re-opened  | open
closed      | yes   | 10.00 a  |          | gone       |
closed      | no    | 10.00 a  |          | -          |
closed      | no    | 10.00 a  | 10.00 a  | re-opened  | open
accepted    | yes   | 10.00 a  | 10.00 a  | -          |
accepted    | yes   | 10.00 a  | -10.00 a | re-opened  | open
accepted    | yes   | 10.00 a  |          | gone       |
resolved    | no    | 10.00 a  |          | -          |
resolved    | no    | 10.00 a  | 10.00 a  | re-opened  | open
resolved    | no    | 10.00 a  | 9.00 a   | re-opened  | open
open        | no    | 10.00 a  |          | -          |
open        | no    | 10.00 a  | 10.00 a  | re-opened  | open
"""
"""The last but one: somebody opened it by hand although it is not found any more; it stays open until it is closed."""


@pytest.mark.parametrize("line", LIFE.strip().splitlines()[1:])
def test_what_a_reconciliation_does_to_an_exception(line: str) -> None:
    state, found, was, now, happened, becomes = (cell.strip() for cell in line.split("|"))
    before = Standing(*_said(was), state=ExceptionState(state), is_found=found == "yes") if was else None
    got = what_happened(before, Found(*_said(now)) if now else None)
    assert (got.kind if got else "-", (got.state or "") if got else "") == (happened, becomes)


def _said(text: str) -> tuple[Decimal, str]:
    amount, evidence = text.split()
    return Decimal(amount), evidence


def test_a_late_line_opens_a_closed_exception_again_and_the_history_says_so(queue: ExceptionQueue) -> None:
    assert take(queue, "11-01", "short 1 10.00; short 2 5.00").events == {"seen": 2}
    queue.mark(["E-1"], ExceptionState.CLOSED, by="ann", reason="credited by CM-7")
    queue.assign(["E-1"], owner="bob", by="ann")
    assert take(queue, "11-02", "short 1 10.00; short 2 5.00").events == {}
    assert stands(queue) == ["E-1 10.00 closed", "E-2 5.00 open"]
    late = take(queue, "11-03", "short 1 12.50 USD l. 3; short 2 5.00")
    assert late.events == {"re-opened": 1}
    assert late.sentence == "2 exceptions as of 2026-11-03 are in the queue: 1 open again."
    row = queue.one("E-1")
    assert (row["state"], row["amount"], row["owner"], row["note"]) == (
        "open",
        Decimal("12.50"),
        "bob",
        "credited by CM-7",
    )
    _, told = queue.history("E-1")
    assert [sentence.split("UTC  ")[1] for sentence in told] == [
        "first found as of 2026-11-01: 10.00 USD; settlement 900, line 7",
        "ann set it to closed: credited by CM-7",
        "ann gave it to bob",
        "the amount changed from 10.00 USD to 12.50 USD after it was closed, so it is open again, as of 2026-11-03; l. 3",
    ]


def test_what_is_not_found_any_more_is_resolved_and_opens_when_it_comes_back(queue: ExceptionQueue) -> None:
    take(queue, "11-01", "over 1 10.00; short 2 3.00")
    assert take(queue, "11-02", "short 2 3.00").events == {"gone": 1}
    assert stands(queue) == ["E-1 10.00 resolved gone", "E-2 3.00 open"]
    assert queue.one("E-1")["gone_since"] == day("11-02")
    take(queue, "11-03", "over 1 10.00")
    assert stands(queue) == ["E-1 10.00 open", "E-2 3.00 resolved gone"]
    row = queue.one("E-1")
    assert (row["times_reopened"], row["first_seen"], row["gone_since"]) == (1, day("11-01"), None)
    assert "found again as of 2026-11-03, so it is open again: 10.00 USD" in queue.history("E-1")[1][-1]


def test_what_somebody_accepted_stays_accepted_when_it_is_gone(queue: ExceptionQueue) -> None:
    take(queue, "11-01", "short 1 10.00")
    queue.mark(["E-1"], ExceptionState.ACCEPTED, by="ann", reason="a cent's worth")
    take(queue, "11-02", "")
    assert stands(queue) == ["E-1 10.00 accepted gone"]
    assert queue.history("E-1")[1][-1].endswith("not found any more as of 2026-11-02: it stays accepted")


def test_other_evidence_of_the_same_amount_is_written_down_and_opens_nothing(queue: ExceptionQueue) -> None:
    take(queue, "11-01", "short 1 10.00")
    queue.mark(["E-1"], ExceptionState.CLOSED, by="ann", reason="x")
    assert take(queue, "11-02", "short 1 10.00 USD settlement 900, lines 7–8").events == {"changed": 1}
    assert stands(queue) == ["E-1 10.00 closed"]
    assert queue.one("E-1")["evidence"] == "settlement 900, lines 7–8"
    assert "the evidence changed, as of 2026-11-02, still 10.00 USD" in queue.history("E-1")[1][-1]


def test_a_reconciliation_of_an_earlier_day_closes_and_opens_nothing(queue: ExceptionQueue) -> None:
    take(queue, "11-10", "short 1 10.00")
    before = stands(queue)
    late = take(queue, "11-09", "over 2 99.00")
    assert not late.taken
    assert late.sentence == (
        "Not taken into the queue: it has the exceptions as of 2026-11-10 already, and these are as of 2026-11-09."
    )
    assert stands(queue) == before
    assert len(queue.history("E-1")[0]) == 1
    assert queue.newest_as_of() == day("11-10")
    assert take(queue, "11-10", "short 1 11.00").events == {"changed": 1}, "the same day may be looked at again"


def test_a_day_to_come_is_not_taken_in_since_it_would_shut_out_every_day_before_it(queue: ExceptionQueue) -> None:
    far = queue.take_in(exceptions("short 1 10.00"), as_of=date(2027, 12, 31), today=TODAY)
    assert (far.taken, far.sentence) == (
        False,
        "Not taken into the queue: 2027-12-31 is a day to come; what is due then is not known yet.",
    )
    assert queue.newest_as_of() is None
    assert stands(queue) == []


def test_what_could_not_be_looked_for_is_not_taken_for_gone(queue: ExceptionQueue) -> None:
    take(queue, "11-01", "over 1 1.00; short 2 2.00")
    only_short = queue.take_in(
        exceptions(""), as_of=day("11-02"), today=TODAY, is_told=lambda name, *_: name == "SHORT_SETTLED"
    )
    assert (only_short.events, only_short.untold) == ({"gone": 1}, 1)
    assert only_short.sentence.endswith("1 gone. 1 could not be looked for and stay as they are.")
    assert stands(queue) == ["E-1 1.00 open", "E-2 2.00 resolved gone"]


TOLD = """
class                      | order | settlement | told
DEPOSIT_MISSING            |       | K          | yes
DEPOSIT_MISSING            |       | K+1        | no
DEPOSIT_MISMATCH           |       | K+2        | no
RESERVE_BREAK              |       | K          | no
DEPOSIT_WITHOUT_SETTLEMENT |       |            | no
PAYMENT_NOT_APPLIED        | 1     |            | no
DEFERRED_OVERDUE           | 1     |            | no
SOURCE_DISAGREEMENT        | 1     | K          | no
SHORT_SETTLED              | 1     |            | yes
SETTLEMENT_DOES_NOT_FOOT   |       | K          | yes
"""


def test_a_reconciliation_without_bank_payments_or_activity_tells_nothing_about_them() -> None:
    steps: list[dict[str, object]] = [
        {"seller_account": "main", "settlement_id": name, "currency": "USD", "place": 8, "step": TieStep.DEPOSIT.value,
         "holds": holds, "explanation": "x"}
        for name, holds in (("K", True), ("K+1", None))
    ]  # fmt: skip
    is_told = told_by(replace(reconciled(), tie_out=TIE_OUT.frame(steps)))
    for line in TOLD.strip().splitlines()[1:]:
        name, order, settlement, told = (cell.strip() or None for cell in line.split("|"))
        assert is_told(str(name), order, settlement) == (told == "yes"), line


def test_only_the_basis_settled_is_taken_in(queue: ExceptionQueue) -> None:
    posted = queue.take(replace(reconciled(), basis=ReceiptBasis.POSTED), today=TODAY)
    assert (posted.taken, queue.newest_as_of()) == (False, None)
    assert "on the basis 'settled', and this is on the basis 'posted'" in posted.sentence
    assert queue.take(reconciled(), today=TODAY).taken


def reconciled() -> Reconciliation:
    """A reconciliation that found nothing."""
    return Reconciliation(
        as_of=TODAY,
        tax_mode=TaxMode.EXCLUDE,
        statement=STATEMENT.frame(),
        exceptions=EXCEPTIONS.frame(),
        settlements=SETTLEMENTS.frame(),
        totals=TOTALS.frame(),
    )


def test_seller_accounts_and_accounts_keep_apart_and_the_numbers_go_on(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    first = ExceptionQueue(journal, account="1", seller_account="main")
    second = ExceptionQueue(journal, account="2", seller_account="main")
    take(first, "11-10", "short 1 10.00")
    assert take(second, "11-01", "short 1 10.00; short 2 1.00").events == {"seen": 2}, "its own days"
    assert (stands(first), stands(second)) == (["E-1 10.00 open"], ["E-2 10.00 open", "E-3 1.00 open"])
    take(second, "11-02", "")
    assert stands(first) == ["E-1 10.00 open"]
    with pytest.raises(JournalError, match="seller account 'main', not 'other'"):
        take(ExceptionQueue(journal, account="1", seller_account="other"), "11-10", "short 1 10.00")
    journal.close()


@pytest.mark.parametrize("account, seller_account", [("2", "main"), ("1", "other")])
def test_nobody_reads_or_works_on_an_exception_of_another_account(
    tmp_path: Path, account: str, seller_account: str
) -> None:
    journal = Journal.open(tmp_path)
    mine = ExceptionQueue(journal, account="1", seller_account="main")
    theirs = ExceptionQueue(journal, account=account, seller_account=seller_account)
    take(mine, "11-01", "short 1 10.00")
    for step in (
        lambda: theirs.mark(["E-1"], ExceptionState.CLOSED, by="bob", reason="not ours"),
        lambda: theirs.assign(["E-1"], owner="bob", by="bob"),
        lambda: theirs.note(["E-1"], text="x", by="bob"),
        lambda: theirs.one("E-1"),
        lambda: theirs.history("E-1"),
    ):
        with pytest.raises(JournalError, match="the queue has no E-1"):
            step()
    assert stands(mine) == ["E-1 10.00 open"]
    assert [event["kind"] for event in mine.history("E-1")[0]] == ["seen"], "nothing was written"
    journal.close()


def test_class_order_settlement_reference_and_currency_tell_exceptions_apart(queue: ExceptionQueue) -> None:
    table = "short 1 1.00; over 1 1.00; short 1 1.00 EUR; odd X-1 1.00; odd X-2 1.00; label X-1 1.00"
    assert take(queue, "11-01", table).events == {"seen": 6}
    assert take(queue, "11-02", table).events == {}
    with pytest.raises(JournalError, match=rf"SHORT_SETTLED, main, {order_number(1)}, USD is there twice"):
        take(queue, "11-03", "short 1 1.00; short 1 2.00")
    assert queue.newest_as_of() == day("11-02"), "nothing of it was taken in"


def test_a_frame_of_something_else_is_refused(queue: ExceptionQueue) -> None:
    with pytest.raises(SchemaError, match="'exceptions' lacks"):
        queue.take_in(EXCEPTION_QUEUE.frame().drop(columns=["evidence"]), as_of=TODAY, today=TODAY)
    assert queue.newest_as_of() is None


@settings(max_examples=15, deadline=None)
@given(
    days=st.lists(
        st.dictionaries(st.integers(1, 6), st.sampled_from(["1.00", "2.00", "-3.50"]), max_size=6),
        min_size=1,
        max_size=5,
    ),
    chance=st.randoms(use_true_random=False),
)
def test_order_of_rows_and_repetition_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, days: list[dict[int, str]], chance: object
) -> None:
    folder = tmp_path_factory.mktemp("queues")
    books = [Journal.open(folder / name) for name in ("once", "again")]
    once, again = (ExceptionQueue(book, account=ACCOUNT, seller_account="main") for book in books)
    for number, found in enumerate(days, 1):
        rows = [f"short {order} {amount}" for order, amount in found.items()]
        take(once, f"11-{number:02}", "\n".join(rows))
        taken = take(again, f"11-{number:02}", "\n".join(rows))
        for _ in range(2):
            chance.shuffle(rows)  # type: ignore[attr-defined]
            taken = take(again, f"11-{number:02}", "\n".join(rows))
        assert taken.events == {}
    frames = [queue.frame().drop(columns=["last_event"]) for queue in (once, again)]
    assert frames[0].equals(frames[1])
    assert set(frames[0].loc[frames[0]["gone_since"].isna(), "amazon_order_id"]) == set(map(order_number, days[-1]))
    for book in books:
        book.close()


def test_people_work_on_several_at_once_and_everything_is_told(queue: ExceptionQueue) -> None:
    take(queue, "11-01", "short 1 10.00; short 2 5.00; short 3 1.00")
    done = queue.assign(["E-1", "e-2", "3", "E-1"], owner="ann", by="ann")
    assert [(one.exception_id, one.changed, one.sentence) for one in done] == [
        ("E-1", True, "is ann's"), ("E-2", True, "is ann's"), ("E-3", True, "is ann's"),
    ]  # fmt: skip
    assert [one.changed for one in queue.assign(["E-1", "E-2"], owner="ann", by="bob")] == [False, False]
    queue.assign(["E-2"], owner="", by="ann")
    queue.note(["E-1"], text=" asked Amazon ", by="ann")
    queue.mark(["E-1"], ExceptionState.WAITING, by="ann", reason="case 42")
    assert [one.sentence for one in queue.mark(["E-1"], ExceptionState.WAITING, by="bob")] == ["was waiting already"]
    queue.mark(["E-1"], ExceptionState.CLOSED, by="ann", reason="paid")
    queue.mark(["E-1"], ExceptionState.OPEN, by="bob", reason="not paid")
    assert [sentence.split("UTC  ")[1] for sentence in queue.history("E-1")[1][1:]] == [
        "ann took it", "ann noted: asked Amazon", "ann set it to waiting: case 42", "ann set it to closed: paid",
        "bob opened it again: not paid",
    ]  # fmt: skip
    assert queue.history("E-2")[1][-1].endswith("ann left it without an owner")
    owners = queue.frame()["owner"]
    assert [None if gone else owner for owner, gone in zip(owners, owners.isna(), strict=True)] == ["ann", None, "ann"]


WRONG = """
assign E-1,E-9,E-7  | the queue has no E-9, E-7
note E-9            | the queue has no E-9
close E-1,X-2       | no name of an exception: 'X-2'
close E-0           | no name of an exception: 'E-0'
close               | no exception is named
"""


@pytest.mark.parametrize("line", WRONG.strip().splitlines())
def test_a_wrong_name_is_named_and_nothing_is_written(queue: ExceptionQueue, line: str) -> None:
    words, problem = (cell.strip() for cell in line.split("|"))
    what, _, names = words.partition(" ")
    ids = [name for name in names.split(",") if name]
    take(queue, "11-01", "short 1 10.00")
    work = {
        "assign": lambda: queue.assign(ids, owner="ann", by="ann"),
        "note": lambda: queue.note(ids, text="x", by="ann"),
        "close": lambda: queue.mark(ids, ExceptionState.CLOSED, by="ann", reason="x"),
    }
    with pytest.raises(JournalError, match=problem):
        work[what]()
    assert len(queue.history("E-1")[0]) == 1


def test_closing_and_accepting_need_a_reason_and_resolving_is_not_for_people(queue: ExceptionQueue) -> None:
    take(queue, "11-01", "short 1 10.00")
    for state, reason, problem in (
        (ExceptionState.CLOSED, " ", "'closed' needs a reason"),
        (ExceptionState.ACCEPTED, "", "'accepted' needs a reason"),
        (ExceptionState.RESOLVED, "x", "what a reconciliation finds"),
    ):
        with pytest.raises(JournalError, match=problem):
            queue.mark(["E-1"], state, by="ann", reason=reason)
    with pytest.raises(JournalError, match="a note needs words"):
        queue.note(["E-1"], text=" ", by="ann")
    with pytest.raises(JournalError, match="who does this"):
        queue.note(["E-1"], text="x", by=" ")
    assert stands(queue) == ["E-1 10.00 open"]


def test_the_frame_is_of_its_schema_even_when_nothing_was_ever_found(queue: ExceptionQueue) -> None:
    assert list(queue.frame().columns) == EXCEPTION_QUEUE.names
    assert take(queue, "11-01", "").sentence == "0 exceptions as of 2026-11-01 are in the queue: nothing changed."
    assert len(EXCEPTION_QUEUE.check(queue.frame())) == 0
    take(queue, "11-02", "odd S-1 -4.00 JPY")
    row = EXCEPTION_QUEUE.check(queue.frame()).iloc[0]
    assert (row["reference"], row["amount"], row["first_seen"]) == ("S-1", Decimal("-4.00"), day("11-02"))
    assert set(EXCEPTIONS.names) < set(EXCEPTION_QUEUE.names)
