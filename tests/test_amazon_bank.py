"""Bank statements of any layout, and the deposits that are found in them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from nsbill.amazon.bank import BankLine, BankStatement, read_bank
from nsbill.amazon.bank_columns import parse_mapping
from nsbill.amazon.deposits import arrives_by, match_deposits
from nsbill.amazon.parquet import SettlementFacts
from nsbill.amazon.proof_rows import PROOFS
from nsbill.errors import SourceFileError

STATEMENTS = {
    "plain": "Date,Description,Amount,Currency\n2026-06-17,AMAZON PAYMENTS,53.49,USD\n2026-06-18,Rent,-900.00,USD\n",
    "german": (
        "Konto;DE00 0000\nZeitraum;Juni\n\nBuchungstag;Wertstellung;Verwendungszweck;Betrag (EUR);Saldo\n"
        "17.06.2026;18.06.2026;AMAZON PAYMENTS EUROPE;53,49;1.053,49\n18.06.26;18.06.26;Miete;-900,00;153,49\n"
    ),
    "debit and credit": (
        "Transaction date,Details,Debit,Credit,Currency\n06/17/2026,AMZN,,53.49,USD\n06/18/2026,Rent,900.00,,USD\n"
    ),
    "debits with a minus": (
        "Posted date,Paid out,Paid in,Memo\n17 Jun 2026,,$53.49,AMZN\n18 Jun 2026,-$900.00,,Rent\n"
    ),
    "signs apart": "Datum;Betrag;Soll/Haben;Währung;Text\n17.06.2026;53,49;H;EUR;Amazon\n18.06.2026;900,00;S;EUR;Miete\n",
    "french": (
        "Date opération;Date valeur;Libellé;Débit;Crédit\n17/06/2026;18/06/2026;AMAZON;;53,49\n"
        "18/06/2026;18/06/2026;Loyer;900,00;\n"
    ),
    "accounting style": '"Date","Amount","Payee"\n"Jun 17, 2026","53.49 CR","AMZN"\n"Jun 18, 2026","900.00 DR","Rent"\n',
    "brackets": "date,amount,what\n20260617,53.49,AMZN\n20260618,(900.00),Rent\n",
}


def read(tmp_path: Path, text: str, *, encoding: str = "utf-8", **options: str) -> BankStatement:
    path = tmp_path / "bank.csv"
    path.write_bytes(text.encode(encoding))
    columns = parse_mapping(options.pop("columns")) if "columns" in options else None
    return read_bank(path, columns=columns, **options)


def refusal(tmp_path: Path, text: str, **options: str) -> str:
    with pytest.raises(SourceFileError) as caught:
        read(tmp_path, text, **options)
    return str(caught.value)


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", STATEMENTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_statements_of_every_layout_say_the_same(layout: str, encoding: str, tmp_path: Path) -> None:
    named = "EUR" if layout in {"german", "signs apart", "french"} else "USD"
    found = read(tmp_path, STATEMENTS[layout], encoding=encoding, currency=named)
    shown = [(line.day, line.amount, line.currency, line.of_amazon) for line in found.lines]
    assert shown == [
        (date(2026, 6, 17), Decimal("53.49"), named, True),
        (date(2026, 6, 18), Decimal("-900.00"), named, False),
    ]
    first = {"german": 5}.get(layout, 2)
    assert [line.line for line in found.lines] == [first, first + 1]


def test_lines_without_a_movement_are_left_out_and_named(tmp_path: Path) -> None:
    text = "Opening balance;12,00\n\nDatum;Text;Betrag;Währung\n17.06.2026;AMAZON;53,49;EUR\n;Closing balance;;\n17.06.2026;Info;;\n"
    found = read(tmp_path, text)
    assert ([line.line for line in found.lines], found.left_out) == ([4], (5, 6))


def test_a_text_over_several_lines_keeps_the_line_numbers_right(tmp_path: Path) -> None:
    text = 'Date,Text,Amount,Currency\n2026-06-17,"AMAZON\nPAYMENTS",53.49,USD\n2026-06-18,"a",7.00,USD\n'
    assert [(line.line, line.text) for line in read(tmp_path, text).lines] == [(2, "AMAZON PAYMENTS"), (4, "a")]


def test_a_file_without_a_header_is_read_by_column_numbers(tmp_path: Path) -> None:
    text = '"06/17/2026","53.49","*","","AMAZON"\n"06/18/2026","-900.00","*","","Rent"\n'
    found = read(tmp_path, text, columns="date=1,amount=2,text=5", currency="usd")
    assert [(line.line, str(line.amount), line.text) for line in found.lines] == [
        (1, "53.49", "AMAZON"),
        (2, "-900.00", "Rent"),
    ]
    semicolons = '17.06.2026;53,49;"AMAZON"\n'
    assert str(read(tmp_path, semicolons, columns="date=1,amount=2", currency="EUR").lines[0].amount) == "53.49"


def test_columns_that_are_not_recognised_can_be_named_even_with_a_comma(tmp_path: Path) -> None:
    text = 'Wann,"Wie viel, in EUR",Was\n2026-06-17,53.49,AMAZON\n'
    assert "no header" in refusal(tmp_path, text)
    found = read(tmp_path, text, columns="date=Wann,amount=Wie viel, in EUR")
    assert (str(found.lines[0].amount), found.lines[0].currency) == ("53.49", "EUR")


@pytest.mark.parametrize("text", ["", "amount", "when=1", "date=1,date=2", "date=,amount=2", "x,date=1"])
def test_a_mapping_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form date"):
        parse_mapping(text)


HEAD = "Date,Text,Amount,Currency\n"
REFUSED = {
    "day and month": (HEAD + "03/04/2026,a,5.00,USD\n", "line 2, column 'Date'.*day and month.*--bank-dates"),
    "no such day": (HEAD + "2026-06-01,a,5.00,USD\n2026-06-31,a,5.00,USD\n", "line 3, column 'Date': found '2026-06-31'"),
    "two kinds of dates": (HEAD + "2026-06-01,a,5.00,USD\n01.07.2026,a,5.00,USD\n", "line 3, column 'Date'"),
    "decimal mark": (HEAD + '2026-06-01,a,"1,230",USD\n', "line 2, column 'Amount': found '1,230'.*--bank-numbers"),
    "two decimal marks": (HEAD + '2026-06-01,a,5.00,USD\n2026-06-02,a,"5,00",USD\n', "line 3, column 'Amount'"),
    "two signs": (HEAD + "2026-06-01,a,--5.00,USD\n", "line 2, column 'Amount': found '--5.00'"),
    "a third decimal": (HEAD + "2026-06-01,a,5.123,USD\n2026-06-01,a,5.50,USD\n", "line 2, column 'Amount'"),
    "no number": (HEAD + "2026-06-01,a,pending,USD\n", "line 2, column 'Amount': found 'pending'"),
    "amount without a date": (HEAD + ",Total,5.00,USD\n", "line 2, column 'Date': found an amount without a date"),
    "delimiter in a text": (HEAD + "2026-06-01,a, b,5.00,USD\n", "line 2: found 5 cells"),
    "no currency": ("Date,Amount\n2026-06-01,5.00\n", "line 2: found no currency.*--bank-currency"),
    "two currencies": ("Date,Amount (EUR),Currency\n2026-06-01,5.00,USD\n", "line 2.*EUR and USD"),
    "two amounts": ("Date,Amount,Net amount,Currency\n2026-06-01,5.00,4.00,USD\n", "2 columns that may be the amount"),
    "debit and credit at once": (
        "Date,Debit,Credit,Currency\n2026-06-01,5.00,4.00,USD\n", "line 2.*a debit and a credit in one line",
    ),
    "debits in two ways": (
        "Date,Debit,Credit,Currency\n2026-06-01,5.00,,USD\n2026-06-01,-5.00,,USD\n", "with and without a minus sign",
    ),
    "a negative credit": ("Date,Debit,Credit,Currency\n2026-06-01,,-5.00,USD\n", "a negative credit, -5.00"),
    "a sign that is none": ("Date,Amount,D/C,Currency\n2026-06-01,5.00,X,USD\n", "found 'x'.*credit or debit"),
    "a sign that differs": ("Date,Amount,D/C,Currency\n2026-06-01,-5.00,C,USD\n", "'c' beside -5.00"),
    "nothing": ("", "no header"),
    "binary": ("PK\x03\x04\0\0", "no plain text"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_read_in_two_ways_or_none_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    text, message = REFUSED[name]
    found = refusal(tmp_path, text)
    assert found.startswith("bank.csv")
    with pytest.raises(SourceFileError, match=message):
        read(tmp_path, text)


def test_what_is_stated_settles_what_could_be_read_in_two_ways(tmp_path: Path) -> None:
    text = 'Date,Amount\n03/04/2026,"1,230"\n'
    stated = {"currency": "USD", "numbers": "point"}
    assert read(tmp_path, text, day_format="dmy", **stated).lines[0].day == date(2026, 4, 3)
    (line,) = read(tmp_path, text, day_format="mdy", **stated).lines
    assert (line.day, str(line.amount)) == (date(2026, 3, 4), "1230.00")
    assert str(read(tmp_path, text, day_format="mdy", currency="USD", numbers="comma").lines[0].amount) == "1.23"


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="no readable file"):
        read_bank(tmp_path / "gone.csv")


# --- matching ---------------------------------------------------------------------------------------------------------


def facts(name: str, total: str | None, deposit: str, currency: str = "USD") -> SettlementFacts:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    return SettlementFacts(
        settlement_id=name, seller_account="main", currency=currency, marketplace=None, period_start=start,
        period_end=start, deposit_date=date.fromisoformat(deposit) if deposit else None,
        total_amount=Decimal(total) if total is not None else None, lines_total=Decimal(0), lines=0,
        unclassified_lines=0, source_name="s.txt", source_digest="0" * 64, content_digest="0" * 64,
        settlements_in_source=(name,), added_at=start,
    )  # fmt: skip


def statement(table: str, name: str = "bank.csv") -> BankStatement:
    """From ``day | amount | text | currency``; line numbers count from 2. Covers June and July 2026 by itself."""
    rows = [["2026-06-01", "-1.00", "Rent", "USD"], ["2026-07-31", "-1.00", "Rent", "USD"]]
    rows += [[cell.strip() for cell in row.split("|")] for row in table.strip().splitlines() if row.strip()]
    lines = [
        BankLine(name, number, date.fromisoformat(row[0]), Decimal(row[1]), row[3] if len(row) > 3 else "USD", row[2])
        for number, row in enumerate(rows)
    ]
    return BankStatement(name, tuple(lines))


def told(settlements: list[SettlementFacts], *statements: BankStatement) -> list[str]:
    """``id expected found holds code`` of each row, – for what is empty."""
    names = ["settlement_id", "expected", "found", "holds", "code"]
    rows = match_deposits(settlements, statements)
    PROOFS.frame(rows)  # is of the shape
    return [" ".join("–" if row[name] is None else str(row[name]) for name in names) for row in rows]


def why(settlements: list[SettlementFacts], *statements: BankStatement) -> str:
    return str(match_deposits(settlements, statements)[0]["explanation"])


K, K1 = facts("K", "53.49", "2026-06-17"), facts("K1", "7.01", "2026-07-01")


def test_deposits_are_found_by_total_and_day() -> None:
    bank = statement("2026-06-19 | 53.49 | AMAZON\n2026-07-01 | 7.01 | AMAZON")
    assert told([K, K1], bank) == ["K 53.49 53.49 True –", "K1 7.01 7.01 True –"]
    assert why([K], bank) == "It is line 2 of bank.csv (2026-06-19, 53.49 USD): AMAZON."


DAYS = [
    ("2026-06-17", "2026-06-24"),  # Wednesday
    ("2026-06-19", "2026-06-26"),  # Friday
    ("2026-06-20", "2026-06-26"),  # Saturday: Monday is the first business day after it
    ("2026-06-21", "2026-06-26"),  # Sunday
    ("2026-06-22", "2026-06-29"),  # Monday
]


@pytest.mark.parametrize("deposit, last", DAYS)
def test_a_deposit_may_take_five_business_days_and_not_one_more(deposit: str, last: str) -> None:
    settlement, day = facts("K", "53.49", deposit), date.fromisoformat(last)
    assert arrives_by(date.fromisoformat(deposit)) == day
    for when, holds in (
        (deposit, "True"),
        (last, "True"),
        (date.fromordinal(day.toordinal() + 1).isoformat(), "False"),
    ):
        assert told([settlement], statement(f"{when} | 53.49 | Bank"))[0].split()[3] == holds
    before = date.fromordinal(date.fromisoformat(deposit).toordinal() - 1)
    assert told([settlement], statement(f"{before} | 53.49 | Bank")) == ["K 53.49 – False DEPOSIT_MISSING"]


def test_two_bank_lines_that_fit_are_ambiguous_even_when_only_one_names_amazon() -> None:
    bank = statement("2026-06-18 | 53.49 | AMAZON\n2026-06-19 | 53.49 | A customer")
    assert told([K], bank) == ["K 53.49 – – DEPOSIT_AMBIGUOUS"]
    assert "line 2 of bank.csv (2026-06-18, 53.49 USD) and line 3" in why([K], bank)


def test_two_settlements_that_fit_one_line_are_ambiguous_and_the_line_is_not_left_over() -> None:
    twin = facts("L", "53.49", "2026-06-18")
    bank = statement("2026-06-19 | 53.49 | AMAZON")
    assert told([K, twin], bank) == ["K 53.49 – – DEPOSIT_AMBIGUOUS", "L 53.49 – – DEPOSIT_AMBIGUOUS"]
    assert "which fits L as well" in why([K, twin], bank)


def test_twins_are_not_told_apart_by_leaving_one_over() -> None:
    later = facts("L", "53.49", "2026-06-23")
    bank = statement("2026-06-18 | 53.49 | AMAZON\n2026-06-24 | 53.49 | AMAZON")
    assert [row.split()[4] for row in told([K, later], bank)] == ["DEPOSIT_AMBIGUOUS"] * 2
    much_later = facts("L", "53.49", "2026-06-25")
    apart = statement("2026-06-18 | 53.49 | AMAZON\n2026-06-26 | 53.49 | AMAZON")
    assert [row.split()[3] for row in told([K, much_later], apart)] == ["True", "True"]


def test_a_cent_less_is_another_amount() -> None:
    bank = statement("2026-06-18 | 53.48 | AMAZON")
    assert told([K], bank) == ["K 53.49 53.48 False DEPOSIT_MISMATCH"]
    assert str(match_deposits([K], [bank])[0]["residual"]) == "-0.01"


def test_another_amount_is_set_beside_a_deposit_only_when_it_can_be_no_other() -> None:
    near = facts("L", "50.00", "2026-06-18")
    bank = statement("2026-06-18 | 53.48 | AMAZON")
    assert told([K, near], bank) == ["K 53.49 – False DEPOSIT_MISMATCH", "L 50.00 – False DEPOSIT_MISMATCH"]


def test_a_missing_deposit_in_another_currency_of_the_bank_does_not_hide_how_much_is_lacking() -> None:
    euros = facts("E", "9.00", "2026-06-18", "EUR")
    line = "2026-06-18 | 53.48 | AMAZON"
    bank = statement(f"{line}\n2026-06-02 | -1.00 | Rent | EUR")
    assert told([K, euros], bank) == ["K 53.49 53.48 False DEPOSIT_MISMATCH", "E 9.00 – False DEPOSIT_MISSING"]
    assert told([K, euros], statement(line))[0] == "K 53.49 – False DEPOSIT_MISMATCH", "it may be the euros, converted"


def test_negative_and_empty_totals_are_due_no_deposit() -> None:
    owed, nothing = facts("N", "-62.31", "2026-06-17"), facts("Z", "0.00", "2026-06-17")
    assert told([owed, nothing], statement("")) == ["N 0.00 0.00 True –", "Z 0.00 0.00 True –"]


def test_without_total_or_deposit_date_nothing_is_claimed() -> None:
    assert told([facts("N", None, "2026-06-17"), facts("Z", "5.00", "")], statement("2026-06-18 | 5.00 | x")) == [
        "N – – – DEPOSIT_MISSING",
        "Z 5.00 – – DEPOSIT_MISSING",
    ]


def test_a_deposit_after_the_statement_ends_is_not_called_missing() -> None:
    late = facts("K", "53.49", "2026-07-29")
    assert told([late], statement("")) == ["K 53.49 – – DEPOSIT_MISSING"]
    assert "give the statement of these days as well" in why([late], statement(""))
    august = BankStatement(
        "august.csv", (BankLine("august.csv", 2, date(2026, 8, 3), Decimal("53.49"), "USD", "AMZN"),)
    )
    assert told([late], statement(""), august)[0] == "K 53.49 53.49 True –"


def test_a_month_without_a_statement_between_two_is_not_called_covered() -> None:
    june = BankStatement("june.csv", (BankLine("june.csv", 2, date(2026, 6, 1), Decimal(1), "USD", ""),))
    august = BankStatement("august.csv", (BankLine("august.csv", 2, date(2026, 8, 30), Decimal(1), "USD", ""),))
    assert told([K], june, august) == ["K 53.49 – – DEPOSIT_MISSING"]


def test_a_deposit_in_another_currency_is_shown_with_its_rate_and_not_matched() -> None:
    euros = facts("C", "97.05", "2026-06-17", currency="EUR")
    bank = statement("2026-06-18 | 103.84 | AMAZON PAYMENTS")
    assert told([euros], bank) == ["C 97.05 – – –"]
    assert "1 EUR gave 1.0700 USD" in why([euros], bank)
    same_number = statement("2026-06-18 | 97.05 | AMAZON PAYMENTS")
    assert told([euros], same_number)[0] == "C 97.05 – – –"


def test_amazon_deposits_without_a_settlement_are_listed() -> None:
    bank = statement(
        "2026-06-17 | 53.49 | AMAZON\n2026-06-30 | 12.00 | AMZN MKTP\n2026-07-20 | 9.00 | AMZN\n2026-06-20 | -8.00 | AMAZON PRIME\n2026-06-20 | 3.00 | Customer"
    )
    assert told([K, facts("K1", "7.00", "2026-07-01")], bank)[2:] == [
        "– – 12.00 False DEPOSIT_WITHOUT_SETTLEMENT",
        "– – 9.00 – DEPOSIT_WITHOUT_SETTLEMENT",
    ]
