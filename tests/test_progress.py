"""nsbill.progress: short work leaves no trace in a log; long work does."""

from __future__ import annotations

import pytest

from nsbill.progress import console_progress, silent


def test_short_work_prints_nothing_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with console_progress("Billing") as progress:
        for done in range(5):
            progress(done, 5, "x")
    assert capsys.readouterr() == ("", "")


def test_progress_can_be_switched_off() -> None:
    with console_progress("Billing", enabled=False) as progress:
        assert progress is silent
