"""Other people's libraries and programs, in environments of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.rivals.environment import node_modules_with, python_with

PATIENCE_S = 240


def run(requirements: tuple[str, ...], program: Path, *arguments: object, stdin: str = "") -> str:
    """Run a Python program where some packages are installed, and return what it prints."""
    return _run([python_with(requirements), program, *arguments], {}, stdin)


def run_here(program: Path, *arguments: object, stdin: str = "") -> str:
    """Run a Python program with the packages of the tests, and return what it prints."""
    return _run([sys.executable, program, *arguments], {}, stdin)


def run_node(requirements: tuple[str, ...], program: Path, *arguments: object) -> str:
    """Run a program of Node.js where some packages are installed, and return what it prints; skips without npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("there is no Node.js with npm on this machine")
    try:
        modules = node_modules_with(requirements)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"npm cannot install {requirements[0]}: {error}")
    return _run(["node", program, *arguments], {"NODE_PATH": str(modules)}, "")


def _run(command: list[object], more: dict[str, str], stdin: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))} | more
    ran = subprocess.run(list(map(str, command)), input=stdin, capture_output=True, text=True, env=environment,
                         timeout=PATIENCE_S)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
