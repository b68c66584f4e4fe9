"""Other people's libraries and programs, in environments of their own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from bench.rivals.environment import node_modules_with, python_with

PATIENCE_S = 240


def run(requirements: tuple[str, ...], program: Path, *arguments: object, stdin: str = "") -> str:
    """Run a Python program where some packages are installed, and return what it prints."""
    return _run([python_with(requirements), program, *arguments], {}, stdin)


def run_here(program: Path, *arguments: object, stdin: str = "") -> str:
    """Run a Python program with the packages of the tests, and return what it prints."""
    return _run([sys.executable, program, *arguments], {}, stdin)


class Talk:
    """A program that says lines of JSON, and waits to be told to go on."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self._process, self._errors = process, errors

    def heard(self) -> Any:
        """The next line of JSON it says."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self._errors.seek(0)
        raise AssertionError(self._errors.read())

    def go_on(self, text: str = "") -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n")
        self._process.stdin.flush()


@contextmanager
def talking(requirements: tuple[str, ...], program: Path, *arguments: object) -> Iterator[Talk]:
    """Run a Python program where some packages are installed, and talk with it; with none, with those of the tests."""
    python = python_with(requirements) if requirements else sys.executable
    command = list(map(str, [python, program, *arguments]))
    with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env=_environment({})) as process:  # fmt: skip
        patience = threading.Timer(PATIENCE_S, process.kill)
        patience.start()
        try:
            yield Talk(process, errors)
            process.communicate()
            errors.seek(0)
            assert process.returncode == 0, errors.read()
        finally:
            patience.cancel()
            process.kill()


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
    ran = subprocess.run(list(map(str, command)), input=stdin, capture_output=True, text=True, env=_environment(more),
                         timeout=PATIENCE_S)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))} | more
