"""What NSBILL_REQUIRE demands is there, and a lack is a failure and not a silent skip."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import conftest
import pytest
from conftest import LACKS, demanded, requires

HERE = Path(__file__).parent


def _used(name: str) -> list[str]:
    """The test files that need ``name``, by marker or by call."""
    pattern = re.compile(rf"""pytest\.mark\.{name}\b|\brequires\(["']{name}["']\)""")
    files = (path for path in HERE.glob("test_*.py") if path.name != Path(__file__).name)
    return [path.name for path in files if pattern.search(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", sorted(demanded()) or ["nothing"])
def test_what_is_demanded_is_there_if_any_test_uses_it(name: str) -> None:
    if name == "nothing":
        assert not demanded()
        return
    assert name in LACKS, f"NSBILL_REQUIRE names {name}; valid: {', '.join(LACKS)}"
    if _used(name):
        assert LACKS[name]() is None


def test_a_lack_is_a_skip_with_its_reason_and_a_failure_when_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LACKS, "browser", lambda: "no Chromium")
    monkeypatch.setattr(conftest, "_REQUIRE", "node")
    with pytest.raises(pytest.skip.Exception, match="browser: no Chromium"):
        requires("browser")
    monkeypatch.setattr(conftest, "_REQUIRE", "node, browser")
    with pytest.raises(pytest.fail.Exception, match="NSBILL_REQUIRE names browser, but no Chromium"):
        requires("browser")


def test_what_is_there_is_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LACKS, "browser", lambda: None)
    requires("browser")


def test_every_skip_in_the_tests_gives_a_reason() -> None:
    """A skip without a reason says nothing in the summary."""
    silent = []
    for path in HERE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"pytest.mark.skip", "pytest.skip"}:
                if not node.args and not node.keywords:
                    silent.append(f"{path.name}:{node.lineno}")
            elif isinstance(node, ast.Attribute) and ast.unparse(node) == "pytest.mark.xfail":
                silent.append(f"{path.name}:{node.lineno} xfail")
    assert silent == []
