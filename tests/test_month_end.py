"""Which month and day a month-end report is about, and where its files go."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from nsbill.errors import ReconcileError
from nsbill.runs.month_end import month_meant, report_folder

TODAY = date(2026, 3, 15)


@pytest.mark.parametrize(
    "month, as_of, name, day",
    [
        ("", "", "2026-02", "2026-02-28"),
        ("2025-12", "", "2025-12", "2025-12-31"),
        ("", "2026-03-10", "2026-03", "2026-03-10"),
        ("2026-03", "2026-03-15", "2026-03", "2026-03-15"),
        ("2024-02", "2024-02-10", "2024-02", "2024-02-10"),
    ],
)
def test_the_last_month_that_is_over_unless_another_one_or_a_day_is_named(
    month: str, as_of: str, name: str, day: str
) -> None:
    meant = month_meant(month, as_of, today=TODAY)
    assert (meant.name, meant.as_of.isoformat()) == (name, day)
    assert meant.whole == (meant.as_of == meant.last)


@pytest.mark.parametrize(
    "month, as_of, sentence",
    [
        ("2026-3", "", "not a month and a day"),
        ("", "31.12.2025", "not a month and a day"),
        ("2026-02", "2026-03-01", "2026-03-01 is not in 2026-02"),
        ("2026-03", "", "2026-03-31 has not come yet: today is 2026-03-15"),
        ("", "2026-03-16", "has not come yet"),
    ],
)
def test_what_cannot_be_meant_is_refused(month: str, as_of: str, sentence: str) -> None:
    with pytest.raises(ReconcileError, match=sentence):
        month_meant(month, as_of, today=TODAY)


def test_a_run_keeps_its_files_and_a_person_finds_them_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NSBILL_RESULT_FILE", raising=False)
    assert report_folder(tmp_path) == tmp_path / "reports"
    monkeypatch.setenv("NSBILL_RESULT_FILE", str(tmp_path / "run" / "results.json"))
    assert report_folder(tmp_path) == tmp_path / "run"
