"""The shell commands of README.md: ``python tests/readme_blocks.py 2`` prints the second ``sh`` block."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def shell_blocks() -> list[str]:
    """The fenced blocks of README.md that are marked ``sh``, in order."""
    text = README.read_text(encoding="utf-8")
    return [block.strip() for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


if __name__ == "__main__":
    sys.stdout.write(shell_blocks()[int(sys.argv[1]) - 1] + "\n")
