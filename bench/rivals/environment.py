"""Rivals' environments: `.bench/<rival>/`, each made with its own pip or npm when it is first asked for, and kept."""

import fcntl
import subprocess
import sys
from collections.abc import Callable
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
    "broker_nautilus": ("nautilus_trader==1.221.0",),
}


def command_of(program: str, *arguments: object) -> list[str]:
    """Return the command that runs a rival's program, in an environment that holds what it needs."""
    return [python_with(REQUIREMENTS[program]), str(PROGRAMS / f"{program}.py"), *map(str, arguments)]


def python_with(requirements: tuple[str, ...]) -> str:
    """Return the Python of an environment that holds some packages, named after the first; made if need be."""

    def make(home: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        pip = (str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        subprocess.run([*pip, *requirements], check=True)

    return str(_made(requirements[0].partition("==")[0], requirements, make) / "bin" / "python")


def node_modules_with(requirements: tuple[str, ...]) -> Path:
    """Return a folder of modules for Node.js that holds some packages, named after the first; made if need be.

    Raises OSError or subprocess.CalledProcessError where there is no npm, or it cannot get them.
    """

    def make(home: Path) -> None:
        npm = ("npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(home))
        subprocess.run([*npm, *requirements], check=True)

    name = "node-" + requirements[0].rpartition("@")[0].strip("@").replace("/", "-")
    return _made(name, requirements, make) / "node_modules"


def _made(name: str, requirements: tuple[str, ...], make: Callable[[Path], None]) -> Path:
    """Return the folder of an environment; `make` is called where it does not hold these packages yet."""
    home = FOLDER / name
    installed = home / "installed"
    FOLDER.mkdir(exist_ok=True)
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side want the same
        if not installed.exists() or installed.read_text() != str(requirements):
            print(f"installing {requirements[0]} into {home}", file=sys.stderr, flush=True)
            home.mkdir(exist_ok=True)
            make(home)
            installed.write_text(str(requirements))
    return home
