"""Bank statements that a workspace keeps: told by their content, kept once, and each movement counted once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from settlement_files import plain_rows, text_of

from nsbill.amazon.bank import BankStatement, read_bank
from nsbill.amazon.bank_shelf import BankShelf, is_bank_statement, merged
from nsbill.amazon.proof_rows import Proof
from nsbill.amazon.store import SettlementStore
from nsbill.errors import SourceFileError

JUNE = "Date,Description,Amount,Currency\n2026-06-17,AMAZON A1,53.49,USD\n2026-06-18,Fee,-1.00,USD\n2026-06-18,Fee,-1.00,USD\n"
JULY = "Date,Description,Amount,Currency\n2026-06-18,Fee,-1.00,USD\n2026-06-18,Fee,-1.00,USD\n2026-07-02,AMAZON B2,9.99,USD\n"
OTHER = "Date,Description,Amount,Currency\n2026-06-17,AMAZON A1,53.50,USD\n"


def written(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text, is_bank",
    [
        (JUNE, True),
        ("Konto;DE00\n\nBuchungstag;Verwendungszweck;Betrag (EUR)\n17.06.2026;AMAZON;53,49\n", True),
        ("Date,Date,Amount\n2026-06-17,2026-06-17,1.00\n", True),  # unreadable, and a bank's all the same
        (text_of(plain_rows()), False),
        (text_of(plain_rows()).replace("transaction-type", "kind"), False),  # a broken settlement
        ("amazon-order-id\tpurchase-date\n111\t2026-06-17\n", False),
        ("just words\n", False),
        ("", False),
        ("%PDF-1.7\n", False),
        ('{"transactions": []}', False),
    ],
)
def test_a_bank_statement_is_told_by_its_content(tmp_path: Path, text: str, is_bank: bool) -> None:
    assert is_bank_statement(written(tmp_path, "file.txt", text)) is is_bank
    assert not is_bank_statement(tmp_path / "no-such-file")


def test_a_statement_is_kept_once_as_it_was_given_and_a_refused_one_not_at_all(tmp_path: Path) -> None:
    shelf = BankShelf(tmp_path / "bank")
    assert (shelf.files(), shelf.statements()) == ([], [])
    new, said = shelf.add(written(tmp_path, "june.csv", JUNE))
    assert new
    assert said == "Bank statement kept: 3 movements from 2026-06-17 to 2026-06-18 in USD; Amazon is named in 1."
    again, said = shelf.add(written(tmp_path / "elsewhere", "copy.csv", JUNE))
    assert not again
    assert said.startswith("The same bank statement is there already: 3 movements")
    with pytest.raises(SourceFileError, match="column"):
        shelf.add(written(tmp_path, "twice.csv", "Date,Date,Amount\n2026-06-17,2026-06-17,1.00\n"))
    assert [path.read_text(encoding="utf-8") for path in shelf.files()] == [JUNE]
    assert [path.name for path in shelf.files()] == ["june.csv"]
    assert {path.parent.parent for path in shelf.files()} == {tmp_path / "bank"}
    assert [line.file for line in shelf.statements()[0].lines] == ["june.csv"] * 3


def test_a_movement_that_two_statements_have_is_one_and_twins_within_one_are_two(tmp_path: Path) -> None:
    june, july, other = (
        read_bank(written(tmp_path, name, text)) for name, text in (("a", JUNE), ("b", JULY), ("c", OTHER))
    )
    (one,) = merged([june, july])
    assert [(line.day, line.amount) for line in one.lines] == [
        (date(2026, 6, 17), Decimal("53.49")),
        (date(2026, 6, 18), Decimal("-1.00")),
        (date(2026, 6, 18), Decimal("-1.00")),
        (date(2026, 7, 2), Decimal("9.99")),
    ]
    assert merged([june, june, june]) == [june]
    assert merged([june, other]) == [june, other]
    assert len(june.lines) == 3  # what was given stays as it was


def test_deposits_are_looked_for_in_what_is_kept_and_in_what_is_given_besides(tmp_path: Path) -> None:
    store = SettlementStore(tmp_path / "workspace", seller_account="main")
    (added,) = store.add([written(tmp_path, "settlement.txt", text_of(plain_rows()))])
    assert added.state == "added", added.message

    def deposits(*given: BankStatement) -> list[bool]:
        rows = store.check(given)
        return [bool(value) for value in rows.loc[rows["proof"] == Proof.DEPOSIT.value, "holds"]]

    assert deposits() == []
    facts = store.settlements().iloc[0]
    day, total, currency = facts["deposit_date"], facts["total_amount"], facts["currency"]
    kept = written(tmp_path, "bank.csv", f"Date,Description,Amount,Currency\n{day},AMAZON,{total},{currency}\n")
    assert deposits(read_bank(kept)) == [True]
    assert deposits() == []  # it was given once, and not kept
    store.bank.add(kept)
    assert deposits() == [True]
    assert deposits(read_bank(kept)) == [True]  # given besides it is no second movement, which would fit as well
