"""What it takes to begin: `ticktape --help`, and to import the library and open a lake. In seconds of CPU.

    python -m bench.startup [--rounds N]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from .rounds import note, spread

COMMANDS = {
    "ticktape --help": ("-m", "capture.cli", "--help"),
    "import capture; open_lake": ("-c", "import sys, capture; capture.open_lake(sys.argv[1])"),
}


def once(arguments: list[str], bytecode: str) -> float:
    """Return the seconds of CPU, all threads', that a process takes from its start to its end.

    What it compiles is kept in the folder `bytecode`: some environments forbid Python to keep it, others lack it yet.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL,
                   env=kept | {"PYTHONPYCACHEPREFIX": bytecode})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as bytecode:
        (Path(data) / "tape").mkdir()
        for name, arguments in COMMANDS.items():
            once([*arguments, data], bytecode)  # which compiles what is to be compiled, and prepares the lake
            values = [once([*arguments, data], bytecode) for _ in range(asked.rounds)]
            note(name, "ticktape", values)
            median, least, most = spread(values)
            print(f"{name:<28}{median:.3f} s of CPU ({least:.3f} to {most:.3f})")


if __name__ == "__main__":
    main()
