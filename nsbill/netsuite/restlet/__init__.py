"""The RESTlet as a project for the SuiteCloud CLI, its Jest tests and the contract vectors (netsuite 7.4, 10).

``src/`` and ``suitecloud.config.js`` go to NetSuite; ``jest/`` and ``contract/`` stay here.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["CONTRACT", "PROJECT", "VERSION", "export_project", "project_files"]

PROJECT = Path(__file__).parent
"""The project's folder in the installed package."""

CONTRACT = PROJECT / "contract"
"""Folder of the contract vectors: one JSON list a file, run against the JavaScript and against the simulator."""

VERSION = "1.1.0"
"""Version of the protocol that the script speaks."""

# Written here: a file named .gitignore would hide its neighbours from the tools that build nsbill.
_GITIGNORE = """\
# The account that this computer is signed in to, and what the SuiteCloud CLI leaves behind.
project.json
suitecloud-sdk-settings.json
*.log
node_modules/
"""


def project_files() -> dict[str, bytes]:
    """Return what an export holds: relative path to content, in a fixed order."""
    found = {"suitecloud.config.js": (PROJECT / "suitecloud.config.js").read_bytes(), ".gitignore": _GITIGNORE.encode()}
    for path in sorted((PROJECT / "src").rglob("*")):
        if path.is_file():
            found[path.relative_to(PROJECT).as_posix()] = path.read_bytes()
    return found


def export_project(directory: Path) -> list[Path]:
    """Write the project into ``directory`` and return its files; each is there whole or not at all.

    Files with these names are replaced, others are left alone. Raises ``OSError`` when a file cannot be written.
    """
    written = []
    for name, content in project_files().items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(target, content)
        written.append(target)
    return written


def _write_whole(target: Path, content: bytes) -> None:
    """Write beside the target, then rename: an interruption leaves the old file."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
