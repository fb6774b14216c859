"""The RESTlet's own tests run on Node: units of the script, and every contract vector.

Debian's Node 18 and npm 9 run them as well as newer ones; the packages come from npm, by the lock beside them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest
from conftest import demanded

from nsbill.netsuite.restlet import CONTRACT, PROJECT

FOLDER = PROJECT / "jest"
OLDEST_NODE = (18, 14)
"""What Jest 30 asks for (its ``engines``); package.json says the same."""


def lack() -> str | None:
    """Say what this machine lacks for Jest, or None."""
    if shutil.which("npm") is None:
        return "no npm on this machine (Debian: apt-get install npm)"
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    return None if version >= OLDEST_NODE else f"Node {said} is too old for Jest 30, which needs 18.14 or newer"


def locked_packages() -> dict[str, dict[str, object]]:
    packages: dict[str, dict[str, object]] = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    return packages


def is_installed() -> bool:
    """Whether node_modules is what the lock says; npm keeps a copy of the lock inside."""
    inside = FOLDER / "node_modules" / ".package-lock.json"
    if not inside.is_file():
        return False
    found = json.loads(inside.read_text())["packages"]
    wanted = {name: one for name, one in locked_packages().items() if name and not one.get("optional")}
    return all(found.get(name, {}).get("version") == one["version"] for name, one in wanted.items())


def output_of(*command: str, seconds: int) -> tuple[int, str]:
    done = subprocess.run(
        command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
    )
    return done.returncode, done.stdout


@pytest.mark.node
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_jest_passes_with_every_contract_vector() -> None:
    reason = lack()
    if reason is not None:
        if "node" in demanded():
            pytest.fail(f"NSBILL_REQUIRE names node, but {reason}", pytrace=False)
        pytest.skip(f"node: {reason}")
    if not is_installed():
        code, said = output_of("npm", "ci", seconds=400)
        assert code == 0, said
    code, said = output_of("npx", "--no-install", "jest", "--ci", "--json", "--silent", seconds=150)
    report = json.loads(said[said.index('{"num') : said.rindex("}") + 1])
    failed = [
        f"{case['fullName']}\n{message}"
        for suite in report["testResults"]
        for case in suite["assertionResults"]
        for message in case["failureMessages"]
    ]
    assert (code, failed) == (0, []), "\n\n".join([*failed, *(s["message"] for s in report["testResults"])])
    titles = {case["title"] for suite in report["testResults"] for case in suite["assertionResults"]}
    vectors = {
        f"{path.name}: {vector['name']}" for path in CONTRACT.glob("*.json") for vector in json.loads(path.read_text())
    }
    assert vectors - titles == set()


def test_the_lock_names_versions_and_digests_and_no_host() -> None:
    packages = {name: one for name, one in locked_packages().items() if name}
    assert len(packages) > 100
    assert [name for name, one in packages.items() if "resolved" in one] == []
    assert [name for name, one in packages.items() if not str(one["integrity"]).startswith("sha512-")] == []
    assert "omit-lockfile-registry-resolved=true" in (FOLDER / ".npmrc").read_text()


def test_the_lock_is_complete_for_every_platform() -> None:
    """``npm ci`` refuses a lock that lacks an optional package, even one for another operating system."""
    packages = locked_packages()
    locked = {name.rpartition("node_modules/")[2] for name in packages}
    for name, one in packages.items():
        optional = one.get("optionalDependencies", {})
        assert isinstance(optional, dict)
        assert set(optional) - locked == set(), f"{name} was locked when its packages were not all there"


def test_what_is_asked_for_is_exact_and_locked() -> None:
    asked = json.loads((FOLDER / "package.json").read_text())
    packages = locked_packages()
    for name, version in asked["devDependencies"].items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert asked["engines"]["node"] == f">={OLDEST_NODE[0]}.{OLDEST_NODE[1]}"


def test_installed_packages_stay_out_of_git_and_of_the_wheel() -> None:
    asked = subprocess.run(["git", "check-ignore", "-q", "node_modules/x"], cwd=FOLDER, check=False)
    assert asked.returncode == 0
