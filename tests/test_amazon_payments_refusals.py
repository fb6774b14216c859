"""Payments reports that cannot be trusted: each is refused whole, with its place and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from payments_documents import DE, SITES, US, Report, read, refusal, utc

from nsbill.amazon.payments_headers import find_payments_header, fold, looks_like_payments, words
from nsbill.errors import SourceFileError

GOOD = Report(US).add({"description": "Bowl"}, product_sales="9.89", selling_fees="-1.50")

# --- the row check ----------------------------------------------------------------------------------------------------


def test_a_row_whose_amounts_do_not_add_up_to_its_total_is_refused_with_both_sums() -> None:
    report = GOOD.add({"total": "8.38"}, product_sales="9.89", selling_fees="-1.50")
    text = refusal(report)
    assert "report.csv, line 4, column 'total'" in text
    assert "found 8.38 for amounts that add up to 8.39 (product sales 9.89, selling fees -1.50)" in text


def test_cells_shifted_by_one_show_in_the_row_check() -> None:
    line = GOOD.text.splitlines()[-1]
    left = GOOD.text.replace(line, line.replace('"0","8.39"', '"8.39",""'))
    assert (
        "found no total for amounts that add up to 16.78 (product sales 9.89, selling fees -1.50, other 8.39)"
        in refusal(left)
    )


def test_empty_cells_behind_the_last_column_are_refused_and_delimiters_in_cells_are_none() -> None:
    assert len(read(GOOD.add({"description": 'Cup, large, "blue"'}, product_sales="1.00"))) > 0
    longer = GOOD.text.rstrip("\n") + ",,\n"
    assert f"line 3: found {len(US.names) + 2} cells; expected {len(US.names)} as in the header" in refusal(longer)


def test_columns_of_money_that_no_sum_explains_refuse_the_file() -> None:
    site = replace(US, columns=US.columns.replace("\nother |", "\nMoon fee | moon\nother |"))
    report = Report(site).add({}, product_sales="9", moon="-1").add({"moon": "5", "total": "9.00"}, product_sales="9")
    assert "found 9.00 for amounts that add up to 14.00 (product sales 9.00, Moon fee 5.00)" in refusal(report)


def test_a_row_of_text_without_a_total_is_refused() -> None:
    assert "column 'total': found no total" in refusal(GOOD.add({"total": ""}))


# --- amounts ----------------------------------------------------------------------------------------------------------


def test_a_file_that_mixes_decimal_points_and_commas_is_refused_with_both_examples() -> None:
    report = Report(DE).add({}, product_sales="9.89").add({}, product_sales="7.50")
    text = refusal(report.text.replace('"7,50"', '"7.50"'))
    assert (
        "line 4, column 'Umsätze': found '7.50', which has decimal points; expected decimal commas as in '9,89'" in text
    )


@pytest.mark.parametrize(
    "cell",
    [
        "1.2345",
        "12.345",
        "1,23,456.00",
        "1,2345.00",
        "1 23.45",
        "--5",
        "5-",
        "(5.00)",
        "1e3",
        "USD 5",
        "€5.00",
        "NaN",
        "x",
    ],
)
def test_what_is_no_amount_of_the_file_is_refused(cell: str) -> None:
    text = refusal(GOOD.add({"product sales": cell, "total": "5.00"}))
    assert "line 4, column 'product sales'" in text
    assert repr(cell) in text


@pytest.mark.parametrize("site", ["DE", "JP", "US"])
def test_a_point_before_three_digits_is_refused_where_nothing_shows_that_it_marks_thousands(site: str) -> None:
    report = Report(SITES[site]).add({"product sales": "8.568", "total": "8.568"})
    assert "found '8.568', and no amount with a decimal comma in the file" in refusal(report)


def test_groups_of_two_digits_are_read_in_rupees_only() -> None:
    report = GOOD.add({"product sales": "1,44,957.78", "total": "144,957.78"})
    assert "'1,44,957.78'" in refusal(report)


def test_more_digits_than_an_amount_can_have_are_refused() -> None:
    assert "column 'product sales'" in refusal(GOOD.add({"product sales": "12345678901234567.00"}, other="1"))


# --- currency ---------------------------------------------------------------------------------------------------------


def test_without_a_statement_the_marketplaces_of_the_rows_tell_the_currency() -> None:
    bare = replace(US, stated="")
    rows = read(Report(bare).add({"marketplace": "Amazon.co.uk"}, product_sales="1").add({}, other="2"))
    assert {row["currency"] for row in rows} == {"GBP"}


@pytest.mark.parametrize(
    "stated, sites, found",
    [
        ("", [""], "no currency above the header, and no row with a marketplace of a known currency"),
        ("", ["Non-Amazon US"], "no currency above the header, and no row with a marketplace of a known currency"),
        ("", ["amazon.com", "amazon.ca"], "no currency above the header, and marketplaces of CAD, USD"),
        (
            "All amounts in USD or CAD",
            ["amazon.com"],
            "CAD, USD in the lines above the header, and marketplaces of USD",
        ),
        ("All amounts in EUR", ["amazon.co.uk"], "EUR in the lines above the header, and marketplaces of GBP"),
    ],
)
def test_a_currency_that_cannot_be_told_refuses_the_file(stated: str, sites: list[str], found: str) -> None:
    report = Report(replace(US, stated=stated))
    for site in sites:
        report = report.add({"marketplace": site}, product_sales="1")
    assert found in refusal(report)


def test_a_statement_goes_before_the_marketplaces_of_some_rows() -> None:
    report = GOOD.add({"marketplace": "amazon.ca"}, product_sales="1").add(
        {"marketplace": "amazon.com"}, product_sales="1"
    )
    assert {row["currency"] for row in read(report)} == {"USD"}


# --- instants ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell, expected",
    [
        ("Mar 8, 2026 1:59:59 AM PST", "2026-03-08 09:59:59"),
        ("Mar 8, 2026 3:00:00 AM PDT", "2026-03-08 10:00:00"),
        ("Nov 1, 2026 1:30:00 AM PDT", "2026-11-01 08:30:00"),
        ("Nov 1, 2026 1:30:00 AM PST", "2026-11-01 09:30:00"),
        ("Dec 31, 2026 12:00:00 AM PST", "2026-12-31 08:00:00"),
        ("Dec 31, 2026 12:00:00 PM PST", "2026-12-31 20:00:00"),
        ("Dec. 31, 2026 11:59:59 p.m. PST", "2027-01-01 07:59:59"),
        ("December 31, 2026, 11:59:59 p.\u202fm. PST", "2027-01-01 07:59:59"),
        ("Feb 29, 2028 5:07:09 am GMT+5:30", "2028-02-28 23:37:09"),
    ],
)
def test_instants_become_utc_exactly(cell: str, expected: str) -> None:
    [row] = read(Report(US).add({"date/time": cell}, product_sales="1"))
    assert row["posted_at"] == utc(expected)


@pytest.mark.parametrize(
    "site, cell, expected",
    [
        ("BR", "8 de mar. de 2026 07:19:19 GMT-7", "2026-03-08 14:19:19"),
        ("BR", "1 de março de 2026 00:00:00 GMT-8", "2026-03-01 08:00:00"),
        ("FR", "1 févr. 2020 10:11:12 CET", "2020-02-01 09:11:12"),
        ("FR", "31 août 2020 23:11:12 CEST", "2020-08-31 21:11:12"),
        ("IT", "03 SET 2020 10.11.12 GMT", "2020-09-03 10:11:12"),
        ("ES", "3 dic 2020 0:11:12 GMT-00:30", "2020-12-03 00:41:12"),
        ("DE", "31.12.2026 23:59:59 GMT+01:00", "2026-12-31 22:59:59"),
        ("JP", "2026/01/01 0:00:00 JST", "2025-12-31 15:00:00"),
    ],
)
def test_instants_of_each_language_become_utc_exactly(site: str, cell: str, expected: str) -> None:
    [row] = read(Report(SITES[site]).add({"date/time": cell}, product_sales="1"))
    assert row["posted_at"] == utc(expected)


def test_every_name_of_a_month_is_read() -> None:
    report = Report(US)
    for name in words("month"):
        report = report.add({"date/time": f"3 {name} 2026 0:00:00 UTC"}, product_sales="1")
    found = [row["posted_at"] for row in read(report)]
    assert found == [utc(f"2026-{int(month):02d}-03 00:00:00") for month in words("month").values()]


@pytest.mark.parametrize(
    "cell, found",
    [
        ("Jun 3, 2026 2:15:12 AM IST", "the time zone 'IST'"),
        ("Jun 3, 2026 2:15:12 AM CST", "the time zone 'CST'"),
        ("Jun 3, 2026 2:15:12 AM GMT+25", "the time zone 'GMT+25'"),
        ("Jun 3, 2026 2:15:12 AM", "no time zone"),
        ("Jux 3, 2026 2:15:12 AM PDT", "the month 'Jux'"),
        ("6/3/2026 2:15", "'6/3/2026 2:15'"),
        ("3 Jun 2026 2:15:12 AM PDT", "'3 Jun 2026 2:15:12 AM PDT'"),
        ("Feb 30, 2026 2:15:12 AM PST", "'Feb 30, 2026 2:15:12 AM PST'"),
        ("Jun 3, 2026 14:15:12 PM PDT", "'Jun 3, 2026 14:15:12 PM PDT'"),
        ("Jun 3, 2026 24:15:12 PDT", "'Jun 3, 2026 24:15:12 PDT'"),
        ("Jun 3, 1926 2:15:12 AM PDT", "'Jun 3, 1926 2:15:12 AM PDT'"),
        ("", "nothing"),
    ],
)
def test_an_instant_that_is_unclear_is_refused(cell: str, found: str) -> None:
    text = refusal(GOOD.add({"date/time": cell}, product_sales="1"))
    assert "line 4, column 'date/time'" in text
    assert f"found {found}" in text


def test_an_unclear_release_date_is_refused_too() -> None:
    text = refusal(
        GOOD.add({"transaction status": "Released", "transaction release date": "Jun 12"}, product_sales="1")
    )
    assert "line 4, column 'Transaction Release Date': found 'Jun 12'" in text


# --- other cells ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part, cell, column",
    [
        ("quantity", "1.5", "quantity"), ("quantity", "two", "quantity"), ("settlement id", "1.82E+10", "settlement id"),
        ("transaction status", "Maybe", "Transaction Status"),
    ],
)  # fmt: skip
def test_other_cells_that_make_no_sense_are_refused(part: str, cell: str, column: str) -> None:
    text = refusal(GOOD.add({part: cell}, product_sales="1"))
    assert f"line 4, column '{column}': found '{cell}'" in text


def test_every_word_for_a_status_means_one_of_two() -> None:
    assert set(words("status").values()) == {"RELEASED", "DEFERRED"}
    assert {words("status")[fold(word)] for word in ("Liberado", "Veröffentlicht", "支払い実行済み")} == {"RELEASED"}
    assert {words("status")[fold(word)] for word in ("Diferido", "Deferred", "留保中")} == {"DEFERRED"}


# --- the text itself --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "last, found",
    [
        ('"Jun 3, 2026 2:15:12 AM PDT","1"', "2 cells"),
        ("Total,,\n", "3 cells"),
        (GOOD.text.splitlines()[-1] + ',"one more"', "33 cells"),
        (GOOD.text.splitlines()[-1][:-30], "a row that cannot be split"),
        ('"Jun 3, 2026 2:15:12 AM PDT', "a row that cannot be split"),
    ],
)
def test_a_row_that_is_cut_off_or_has_too_many_cells_is_refused(last: str, found: str) -> None:
    text = refusal(GOOD.text + last)
    assert f"line 4: found {found}" in text
    assert "Download it again" in text


def test_a_quote_that_is_never_closed_does_not_swallow_rows() -> None:
    lines = GOOD.add({}, product_sales="1").add({}, product_sales="2").text.splitlines()
    lines[3] = lines[3].replace('"Order"', '"Order', 1)
    assert "report.csv" in refusal("\n".join(lines) + "\n")


def test_two_reports_in_one_file_are_refused() -> None:
    assert "line 4" in refusal(GOOD.text + GOOD.text)


def test_a_column_that_stands_there_twice_is_refused() -> None:
    text = GOOD.text.replace('"postage', '"x').replace('"gift wrap credits"', '"postage credits"')
    assert "found a second column that holds 'shipping credits', beside 'shipping credits'" in refusal(text)


def test_what_is_no_payments_report_is_refused_at_once() -> None:
    with pytest.raises(SourceFileError, match="no line with the column names of a payments report"):
        find_payments_header("x.csv", ["a,b,c", "date/time,type,total"])


@pytest.mark.parametrize(
    "line",
    [
        "settlement-id\tsettlement-start-date\ttotal-amount\tcurrency\ttransaction-type\tamount-type\tamount",
        "date/time,settlement id,type,order id,sku,description,quantity,total",
        "a,b,c,d,e,f,g,h,i,j,k,l,m,n",
        '{"transactions": [' + '"x",' * 50_000,
        '"' + "," * 200_000,
        "",
    ],
)
def test_other_texts_do_not_look_like_a_payments_report(line: str) -> None:
    assert not looks_like_payments([line])
