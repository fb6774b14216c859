"""The fuzz of settlement reading: a small run of it, and proofs that its oracle notices what it is there for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from benchmarks import fuzz_settlements
from benchmarks.fuzz_amounts import amount_of, instant_of
from benchmarks.fuzz_inputs import FORMATS, Input, make_input
from benchmarks.fuzz_judge import ACCEPTED, FINDING, NO_TOTAL, REFUSED, UNTIED, Verdict, judge_error, judge_outcome
from benchmarks.fuzz_oracle import Reading, parse_v2
from benchmarks.fuzz_reading import Outcome, one_connection
from benchmarks.fuzz_worker import Work, run_batch
from nsbill.errors import SourceFileError

SEED = 20261128


def test_a_few_hundred_mutated_files_are_refused_clearly_or_read_as_what_they_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--seed", str(SEED), "--inputs", "300", "--processes", "1", "--store-every", "60", "--json"]
    code = fuzz_settlements.main([*options, "--findings", str(tmp_path / "findings")])
    report = json.loads(capsys.readouterr().out)
    assert report["kinds_of_findings"] == {}
    assert code == 0
    assert report["inputs"] == sum(report["verdicts"].values()) == 300
    assert report["store_checks"] == 5
    for verdict in (ACCEPTED, NO_TOTAL, REFUSED, UNTIED):
        assert report["verdicts"][verdict] > 0, verdict


@pytest.mark.parametrize("name, inputs", [("v1", 40), ("payments", 20), ("finances", 80), ("xml", 80)])
def test_the_other_formats_are_refused_clearly_or_read_as_what_they_say(name: str, inputs: int) -> None:
    batch = run_batch(Work(SEED, (name,)), range(inputs))
    assert [found.reason for found in batch.findings] == []
    assert batch.inputs == inputs


@pytest.mark.parametrize("name", FORMATS)
def test_every_template_is_what_it_says_to_its_oracle(name: str) -> None:
    for template in FORMATS[name].templates.values():
        for number in range(10):
            draft = template(Random(number))
            reading = FORMATS[name].parse(draft.render())
            assert (reading.problems, reading.unsure) == ([], "")
            outcome = Outcome(reading.money)
            assert outcome.sums() == {key: value for key, value in draft.lines_total.items() if key in outcome.sums()}
            assert reading.stated == {key: total for key, total in draft.stated.items() if total is not None}


def test_an_input_is_a_function_of_seed_and_number_alone() -> None:
    first = [make_input(SEED, number).data for number in range(40)]
    assert [make_input(SEED, number).data for number in reversed(range(40))] == first[::-1]
    assert len(set(first)) == 40
    assert [make_input(SEED + 1, number).data for number in range(40)] != first


@pytest.mark.parametrize("name", FORMATS["v2"].templates)
def test_every_template_is_a_valid_file_that_reads_as_the_oracle_reads_it(name: str, tmp_path: Path) -> None:
    for number in range(3):
        sheet = FORMATS["v2"].templates[name](Random(number))
        path = tmp_path / "s.txt"
        path.write_bytes(sheet.render())
        reading = FORMATS["v2"].parse(path.read_bytes())
        outcome = FORMATS["v2"].read(path, tmp_path)
        assert reading.problems == []
        assert outcome.sums() == sheet.lines_total
        assert len(outcome.money) == len(reading.money) == len(sheet.money_rows())
        verdict = judge_outcome(outcome, reading, None)
        assert verdict == Verdict(NO_TOTAL if None in sheet.stated.values() else ACCEPTED)


def planted(change: Callable[[Outcome], object]) -> Verdict:
    """The verdict when a reader, right in everything else, does ``change`` to what it read of valid files."""
    made = _plain_input()
    outcome = _read(made)
    change(outcome)
    return judge_outcome(outcome, made.format.parse(made.data), None)


def _plain_input(template: str = "no summary") -> Input:
    numbers = (make_input(SEED, number) for number in range(10_000))
    return next(made for made in numbers if made.template == template and not made.mutations)


def _read(made: Input) -> Outcome:
    reading = made.format.parse(made.data)
    stated: dict[str, Decimal | None] = dict(reading.stated)
    return Outcome(list(reading.money), stated)


def _other_amount(outcome: Outcome) -> None:
    outcome.money[0] = replace(outcome.money[0], amount=outcome.money[0].amount * 100)


FAULTS: dict[str, Callable[[Outcome], object]] = {
    "a line is lost": lambda outcome: outcome.money.pop(),
    "a line is read twice": lambda outcome: outcome.money.append(outcome.money[0]),
    "an amount is a hundredfold": _other_amount,
    "an amount is one cent off": lambda o: o.money.__setitem__(0, replace(o.money[0], amount=o.money[0].amount + 1)),
    "a line is of another settlement": lambda o: o.money.__setitem__(0, replace(o.money[0], settlement="1")),
    "a line is in another currency": lambda o: o.money.__setitem__(0, replace(o.money[0], currency="JPY")),
    "an amount is on another line": lambda o: o.money.__setitem__(0, replace(o.money[0], line=99)),
    "another order has the money": lambda o: o.money.__setitem__(0, replace(o.money[0], texts=("", "", "", "x"))),
    "a total is invented": lambda o: o.stated.update({o.money[0].settlement: sum(m.amount for m in o.money)}),  # type: ignore[dict-item]  # a sum of Decimals
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_oracle_notices_a_reader_that_is_wrong(fault: str) -> None:
    assert planted(str).outcome == NO_TOTAL
    assert planted(FAULTS[fault]).outcome == FINDING


def test_the_whole_run_notices_a_reader_that_refuses_nothing_and_drops_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(path: Path, scratch: Path) -> Outcome:
        reading = parse_v2(path.read_bytes())
        return Outcome(reading.money[:-1], {**reading.stated})

    monkeypatch.setitem(FORMATS, "v2", replace(FORMATS["v2"], read=careless))
    reasons = " ".join(found.reason for found in run_batch(Work(SEED), range(200)).findings)
    assert "only the dress was changed, yet its lines now add up to" in reasons
    assert "the text says (" in reasons
    assert "accepted although it cannot be trusted: line" in reasons


def test_a_refusal_of_another_kind_or_without_its_parts_is_a_finding() -> None:
    def verdict(error: Exception) -> str:
        return judge_error(error, "s.txt", Reading, None).outcome

    whole = SourceFileError("s.txt", line=3, found="'x'", expected="a number", remedy="Download it again.")
    assert verdict(whole) == REFUSED
    assert verdict(ValueError("x")) == FINDING
    assert verdict(SourceFileError("other.txt", found="'x'", expected="a number", remedy="Download it.")) == FINDING
    assert verdict(SourceFileError("s.txt", found="", expected="a number", remedy="Download it.")) == FINDING
    assert verdict(SourceFileError("s.txt", found="'x'", expected="", remedy="Download it.")) == FINDING
    assert verdict(SourceFileError("s.txt", found="'x'", expected="a number", remedy="")) == FINDING
    assert verdict(SourceFileError("s.txt", found="x", expected="a number", remedy="x" * 5000)) == FINDING
    assert verdict(SourceFileError("s.txt", found="x", expected="a number", remedy="a\0b")) == FINDING


def test_a_refusal_must_name_the_line_when_one_line_is_to_blame() -> None:
    reading = Reading()
    reading.blame(7, "the amount 'x'")
    error = SourceFileError("s.txt", found="'x'", expected="a number", remedy="Download it again.")
    assert "no line is named" in judge_error(error, "s.txt", lambda: reading, None).reason


AMOUNTS = """
    1234.56 | 1234.56
    1234,56 | 1234.56
    -0,5 | -0.5
    1.234,56 | 1234.56
    1,234.56 | 1234.56
    1,44,957.78 | 144957.78
    1 234,56 | 1234.56
    1,234,567 | 1234567
    1,234 |
    1.234 |
    5.005 |
    1e3 |
    --5 |
    1.2.3 |
    1,2,3 |
    .5 | 0.5
    5. | 5
    +5 | 5
    (5.00) | -5.00
    −5.00 | -5.00
    ５.００ | 5.00
    ٥.٠٠ | 5.00
    ￥500 | 500
    5.00 USD | 5.00
    12345678901234567 |
    nan |
    12 34 |
"""


@pytest.mark.parametrize("row", [row for row in AMOUNTS.splitlines() if row.strip()])
def test_an_amount_has_one_meaning_or_none(row: str) -> None:
    text, _, meaning = (part.strip(" ") for part in row.partition("|"))
    found = amount_of(text)
    assert (found[0] if found else None) == (Decimal(meaning) if meaning else None)


@pytest.mark.parametrize(
    "text", ["06/05/26", "2026-02-30 10:11:12 UTC", "31.02.2026 10:11:12 UTC", "2026-06-05 10:11:12 PST", "45812.42"]
)
def test_a_date_that_could_be_two_or_none_has_no_meaning(text: str) -> None:
    assert instant_of(text) is None


def test_one_input_can_be_shown_again(capsys: pytest.CaptureFixture[str]) -> None:
    made = _plain_input("us")
    assert fuzz_settlements.main(["--seed", str(SEED), "--only", str(made.number)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"input \d+ of seed 20261128: v2, us: untouched\n", out)
    assert "settlement-id\tsettlement-start-date" in out


def test_findings_are_kept_with_their_bytes_and_make_the_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, scratch: Path) -> Outcome:
        raise ZeroDivisionError

    monkeypatch.setitem(FORMATS, "v2", replace(FORMATS["v2"], read=broken))
    options = ["--inputs", "2", "--processes", "1", "--store-every", "0", "--findings", str(tmp_path)]
    assert fuzz_settlements.main(options) == 1
    assert "ZeroDivisionError instead of SourceFileError" in capsys.readouterr().out
    assert (tmp_path / "0.input").read_bytes() == make_input(1, 0).data
    assert "ZeroDivisionError" in (tmp_path / "1.txt").read_text(encoding="utf-8")
    with one_connection():
        pass
