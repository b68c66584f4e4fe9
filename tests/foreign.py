"""Other people's libraries and programs, in environments of their own."""

import os
import subprocess
from pathlib import Path

from bench.rivals.environment import python_with


def run(requirements: tuple[str, ...], program: Path, *arguments: object, stdin: str = "") -> str:
    """Run a program where some packages are installed, and return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    command = [python_with(requirements), str(program), *map(str, arguments)]
    ran = subprocess.run(command, input=stdin, capture_output=True, text=True, env=environment, timeout=240)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
