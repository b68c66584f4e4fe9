"""Rivals' environments: `.bench/<rival>/`, each made with its own pip the first time it is asked for, and kept."""

import fcntl
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(__file__).parent
FOLDER = PROGRAMS.parents[1] / ".bench"
# What a rival's program needs, by the program's name. numpy and pandas come with what needs them.
REQUIREMENTS = {
    "dbn": ("databento-dbn==0.72.0", "numpy", "pyarrow"),
    "nautilus": ("nautilus_trader==1.221.0",),
    "arctic": ("arcticdb==6.28.2", "pyarrow"),
    "arctic_questions": ("arcticdb==6.28.2", "pyarrow"),
    "replay_dbn": ("databento==0.87.0", "pyarrow"),
    "export_dbn": ("databento==0.87.0", "pyarrow"),
    "replay_nautilus": ("nautilus_trader==1.221.0",),
}


def command_of(program: str, *arguments: object) -> list[str]:
    """Return the command that runs a rival's program, in an environment that holds what it needs."""
    return [python_with(REQUIREMENTS[program]), str(PROGRAMS / f"{program}.py"), *map(str, arguments)]


def python_with(requirements: tuple[str, ...]) -> str:
    """Return the Python of an environment that holds some packages, named after the first; made if need be."""
    home = FOLDER / requirements[0].partition("==")[0]
    python, installed = home / "bin" / "python", home / "installed"
    FOLDER.mkdir(exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side want the same
        if not installed.exists() or installed.read_text() != str(requirements):
            print(f"installing {requirements[0]} into {home}", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
            subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *requirements],
                           check=True)
            installed.write_text(str(requirements))
    return str(python)
