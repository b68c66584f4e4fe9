"""A real browser for tests, and axe, which judges how accessible a page is: `python -m tests.browser` gets axe.

Chromium is Debian's (see tests.debian), axe is npm's and lies in .venv. What cannot be had is said, and tests that need
it are skipped for that reason.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.debian import program

NPM = Path(__file__).parents[1] / ".venv" / "npm"
AXE = NPM / "node_modules" / "axe-core" / "axe.min.js"
AXE_VERSION = "4.14.1"


def chromium() -> str:
    """Return the path of Chromium; the test is skipped where there is none."""
    return program("chromium")


def axe() -> str:
    """Return axe's script; the test is skipped where there is none."""
    if not AXE.exists():
        pytest.skip(f"there is no {AXE}: `python -m tests.browser` gets it from npm")
    return AXE.read_text("utf-8")


def get() -> None:
    """Get axe where it is missing; where that fails, say so."""
    npm = shutil.which("npm")
    if AXE.exists() or npm is None:
        return
    print("getting axe-core", file=sys.stderr)
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(NPM),
               f"axe-core@{AXE_VERSION}"]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        print(f"tests that need axe-core are skipped: {error}: {error.stderr}", file=sys.stderr)


if __name__ == "__main__":
    get()
