"""settlements add, killed with SIGKILL between any two steps and at random times, and run twice at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import pytest
from settlement_files import plain_rows, text_of

from nsbill.amazon import parquet
from nsbill.amazon import store as module
from nsbill.amazon.store import SettlementStore

ROOT = Path(__file__).parents[1]
SETTLEMENTS = ("11111111111", "22222222222")

CHILD = """
    import os, random, signal, sys, time
    from pathlib import Path
    from nsbill.amazon.store import SettlementStore

    folder, file = Path(sys.argv[1]), sys.argv[2]

    def added(number, prepare):
        "Add the file in a forked process; return its pid."
        pid = os.fork()
        if pid == 0:
            workspace = folder / f"workspace-{number}"
            prepare(str(workspace))
            (result,) = SettlementStore(workspace, seller_account="main").add([file])
            os._exit({"added": 0, "already there": 1, "refused": 2}[result.state])
        return pid

    def told(pid):
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(code, flush=True)
        return code
"""
"""A process of its own that forks the ones to be killed: the libraries are loaded once, and no thread runs yet."""

AT_EACH_STEP = """
    def dying(calls):
        def prepare(workspace):
            left = calls
            def watch(event, arguments):
                nonlocal left
                if event in STEPS and workspace in str(arguments[0]):
                    left -= 1
                    if left < 0:
                        os.kill(os.getpid(), signal.SIGKILL)
            sys.addaudithook(watch)
        return prepare

    STEPS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.scandir", "shutil.copyfile"}
    for calls in range(200):
        if told(added(calls, dying(calls))) == 0:
            break
"""
"""Python tells of every file that is opened, moved or removed; the process dies just before one of these."""

AT_RANDOM_TIMES = """
    def nothing(workspace):
        pass

    began = time.monotonic()
    told(added(0, nothing))
    whole = time.monotonic() - began
    chance = random.Random(20_260_728)
    killed, number = 0, 0
    while killed < 6 and number < 60:
        number += 1
        pid = added(number, nothing)
        time.sleep(whole * chance.uniform(0, 1.1))
        os.kill(pid, signal.SIGKILL)
        if told(pid) == -signal.SIGKILL:
            killed += 1
        else:
            whole *= 0.8
"""

AT_ONCE = """
    pids = [added(0, lambda workspace: None) for _ in range(4)]
    for pid in pids:
        told(pid)
"""


def two_settlements(path: Path, *, repeated: int = 1) -> Path:
    """A file of two settlements; each row's five lines add up to 11.01."""
    parts = []
    for name in SETTLEMENTS:
        rows = plain_rows(str(Decimal("11.01") * repeated), name)
        parts.append(text_of([rows[0], *rows[1:] * repeated]))
    path.write_text("".join(parts))
    return path


def run(script: str, folder: Path, file: Path) -> list[int]:
    """Run a script after ``CHILD``; return the exit codes of the processes that it forked."""
    text = textwrap.dedent(CHILD) + textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-c", text, str(folder), str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


def judge(workspace: Path, path: Path, *, lines: int, total: Decimal) -> bool:
    """Assert that the file is there as a whole or not at all, and that adding it again makes everything tie."""
    store = SettlementStore(workspace, seller_account="main")
    there = len(store.settlements()) > 0
    if there:
        assert store.settlements()["settlement_id"].tolist() == list(SETTLEMENTS)
        assert len(store.lines()) == lines
    else:
        assert store.lines_files() == []
    (again,) = store.add([path])
    assert again.state == ("already there" if there else "added"), again.message
    found = store.settlements()
    assert found["ties"].tolist() == ["ties", "ties"]
    assert found["problem"].isna().all()
    assert len(store.lines()) == lines
    assert store.lines()["amount"].sum() == total
    assert store.check().query("proof == 'lines sum to total'")["holds"].all()
    assert [len(list((workspace / "sources").iterdir())), len(list((workspace / "settlements").glob("*.parquet")))] == [
        1,
        2,
    ]
    return there


def test_killed_before_any_of_its_steps_the_store_is_as_before_or_as_after(tmp_path: Path) -> None:
    path = two_settlements(tmp_path / "two.txt")
    codes = run(AT_EACH_STEP, tmp_path, path)
    assert codes == [-signal.SIGKILL] * (len(codes) - 1) + [0]
    assert len(codes) > 20
    outcomes = [judge(tmp_path / f"workspace-{n}", path, lines=10, total=Decimal("22.02")) for n in range(len(codes))]
    assert outcomes == sorted(outcomes), "there is one moment before which nothing and after which everything is there"
    assert (outcomes[0], outcomes[-2], outcomes[-1]) == (False, True, True)


@pytest.mark.slow
def test_killed_at_random_times_the_store_is_as_before_or_as_after(tmp_path: Path) -> None:
    path = two_settlements(tmp_path / "two.txt", repeated=2_000)
    codes = run(AT_RANDOM_TIMES, tmp_path, path)
    assert codes[0] == 0
    assert codes.count(-signal.SIGKILL) == 6, "the waits get shorter until enough processes die at their work"
    for number, code in enumerate(codes):
        there = judge(tmp_path / f"workspace-{number}", path, lines=20_000, total=Decimal("22.02") * 2_000)
        assert there or code == -signal.SIGKILL


def test_processes_that_add_the_same_file_at_once_do_no_harm(tmp_path: Path) -> None:
    path = two_settlements(tmp_path / "two.txt", repeated=200)
    codes = run(AT_ONCE, tmp_path, path)
    assert set(codes) <= {0, 1}
    assert 0 in codes
    assert judge(tmp_path / "workspace-0", path, lines=2_000, total=Decimal("22.02") * 200)


def test_a_file_that_changes_while_it_is_added_is_kept_as_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = two_settlements(tmp_path / "two.txt")
    read = path.read_bytes()
    written = parquet.write_settlements

    def overtaken(*arguments: object) -> object:
        path.write_text("another download")
        return written(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "write_settlements", overtaken)
    store = SettlementStore(tmp_path / "workspace", seller_account="main")
    assert [result.state for result in store.add([path])] == ["added"]
    (kept,) = (store.folder / "sources").iterdir()
    assert kept.read_bytes() == read
    assert path.read_bytes() != read
