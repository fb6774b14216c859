"""What is installed is what was tested: pyproject, locks and environment.yml agree, and the wheel is whole."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import nsbill

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-test.lock")
SPARK_LOCK = "requirements-spark.lock"


@cache
def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _runtime() -> list[Requirement]:
    return [Requirement(text) for text in _project()["project"]["dependencies"]]


def _tests() -> list[Requirement]:
    return [Requirement(text) for text in _project()["dependency-groups"]["test"]]


def _locked(name: str) -> dict[str, Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert len({pin.name for pin in pins}) == len(pins), "one version of each package for every Python"
    return {canonicalize_name(pin.name): pin for pin in pins}


def _version(pin: Requirement) -> Version:
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


@cache
def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("lock", [*LOCKS, SPARK_LOCK])
def test_every_pin_is_exact_and_needs_no_index(lock: str) -> None:
    for pin in _locked(lock).values():
        assert _version(pin).is_devrelease is False
        assert pin.url is None
    assert "--" not in (ROOT / lock).read_text(encoding="utf-8"), "no options, no hosts"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_of_the_project_is_locked_at_a_version_it_allows(lock: str) -> None:
    pins = _locked(lock)
    for requirement in [*_runtime(), *(_tests() if "test" in lock else [])]:
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(_version(pin)), f"{requirement} is locked at {pin}"
        assert pin.marker is None, f"{pin} would be left out somewhere"


def test_the_lock_for_spark_holds_what_the_extra_names_and_nothing_that_the_others_hold() -> None:
    (extra,) = map(Requirement, _project()["project"]["optional-dependencies"]["spark"])
    pins = _locked(SPARK_LOCK)
    assert extra.specifier.contains(_version(pins[extra.name]))
    assert not pins.keys() & _locked("requirements-test.lock").keys(), "it is installed beside them"


def test_the_tests_run_on_the_versions_that_users_install() -> None:
    used, tested = _locked("requirements.lock"), _locked("requirements-test.lock")
    # a package may be needed on more machines to test than to use, so markers may differ
    assert {name: _version(pin) for name, pin in used.items()}.items() <= {
        n: _version(p) for n, p in tested.items()
    }.items()


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_locks_say_what_to_install_on_every_supported_python(python: str) -> None:
    surroundings = {"python_version": python, "python_full_version": f"{python}.2", "sys_platform": "linux"}
    left_out = [
        pin.name
        for pin in _locked("requirements.lock").values()
        if isinstance(pin.marker, Marker) and not pin.marker.evaluate(surroundings)
    ]
    assert not {"pandas", "jupyterlab", "papermill", "pyzmq"} & set(left_out)
    assert Requirement(f"python{_project()['project']['requires-python']}").specifier.contains(python)


def test_environment_yml_names_the_same_versions_and_one_channel() -> None:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert text == runpy.run_path(str(ROOT / ".ci" / "lock"))["environment_text"](), "run .ci/lock --environment-only"
    environment = yaml.safe_load(text)
    assert environment["channels"] == ["conda-forge"]
    conda = [line for line in environment["dependencies"] if isinstance(line, str)]
    packages = dict(line.split(" ==") for line in conda if " ==" in line)
    pins = _locked("requirements.lock")
    other_names = {"python-duckdb": "duckdb", "jupyter_client": "jupyter-client"}
    assert {other_names.get(name, name): version for name, version in packages.items()} == {
        requirement.name: str(_version(pins[canonicalize_name(requirement.name)])) for requirement in _runtime()
    }
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


def test_every_import_of_the_package_is_a_declared_dependency() -> None:
    """What comes along by chance today may be gone tomorrow."""
    extras = _project()["project"]["optional-dependencies"].values()
    wanted = [*_runtime(), *(Requirement(text) for extra in extras for text in extra)]
    declared = {requirement.name.replace("-", "_") for requirement in wanted}
    known = set(sys.stdlib_module_names) | declared | {"nsbill"}
    comes_with = {
        "urllib3": "requests",
        "jwt": "pyjwt",
        "zmq": "jupyter_client",
        "markupsafe": "jinja2",
        "dateutil": "pandas",
        "numpy": "pandas",
        "py4j": "pyspark",
    }
    imported: dict[str, str] = {}
    for path in (ROOT / "nsbill").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                imported.setdefault(name.split(".")[0], path.relative_to(ROOT).as_posix())
    missing = {name: where for name, where in imported.items() if name.lower() not in known and name not in comes_with}
    assert missing == {}
    assert set(comes_with.values()) <= declared


def test_every_dependency_is_explained_in_one_line() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z0-9-]+)`", text, re.MULTILINE))
    extras = _project()["project"]["optional-dependencies"].values()
    optional = {Requirement(text).name for extra in extras for text in extra}
    assert explained == {requirement.name for requirement in [*_runtime(), *_tests()]} | optional | {"uv"}


def test_the_version_is_the_one_on_top_of_the_change_log() -> None:
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == nsbill.__version__ == _project()["project"]["version"]


def test_no_tracked_file_names_a_registry_or_a_path_of_a_machine() -> None:
    forbidden = re.compile(
        r"https?://[^\s\"')>]*(py" + r"pi\.|pythonhos" + r"ted|npm" + r"js|registry\.|anaconda\.org|conda\.anaconda)"
        r"|/ro" + r"ot/|/wo" + r"rk/|/home/\w+/"
    )
    found = []
    for path in _tracked():
        if path.suffix in {".png", ".parquet", ".gz", ".xlsx"}:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if forbidden.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_the_wheel_brings_every_file_of_the_package(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    everything = zipfile.ZipFile(wheel).namelist()
    inside = {name for name in everything if name.startswith("nsbill/")}
    expected = {path.relative_to(ROOT).as_posix() for path in _tracked() if path.is_relative_to(ROOT / "nsbill")}
    assert expected - inside == set()
    assert "nsbill/runs/templates/nsbill_report/index.html.j2" in inside
    assert not [name for name in inside if "__pycache__" in name]
    cards = "data/share/jupyter/labextensions/nsbill-launcher/"
    files = {name.partition(cards)[2] for name in everything if cards in name}
    assert files == {"package.json", "static/remoteEntry.js"}
