"""Every row of the table of speed, by one command: `python -m bench.all`; a second one goes on where the first ended.

    python -m bench.all [--again] [--only WORD] [--quick] [--write]

Each benchmark runs as a process of its own, rivals in environments of theirs; what it measured, round by round, is kept
in `.bench/all/`, one file each, and is not measured again. A row takes its figures from there. --again forgets what is
kept (with --only of those benchmarks alone), --quick measures little, to see that all runs; --write puts the table into
docs/benchmarks.md.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .rivals.environment import FOLDER
from .rounds import KEPT_IN, Measures, read
from .speed_table import ROWS, table

KEPT = FOLDER / "all"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- Written by `python -m bench.all --write` -->", "<!-- end -->"

HEAD = (
    "## All rows", "", "```bash", "python -m bench.all --write", "```", "",
    "× is how many times as fast as the best rival in the same rounds: their median, least and most. The share is of "
    "what this machine copies in memory, compresses with zstd or writes to disk (`bench/limits.py`).", "",
)  # fmt: skip

# Each benchmark: how it is asked for the table, and to see that it runs.
BENCHMARKS: dict[str, tuple[list[str], list[str]]] = {
    "limits": ([], ["--rounds", "1"]),
    "startup": ([], ["--rounds", "2"]),
    "decoding": ([], ["--messages", "20000", "--rounds", "2"]),
    "ingest": ([], ["--messages", "100000", "--rival-messages", "20000", "--rounds", "1", "--steady-seconds", "8"]),
    "replay": ([], ["--rows", "200000", "--rounds", "1"]),
    "query": (["--no-lengths"],
              ["--no-lengths", "--symbols", "10", "--days", "3", "--rows", "300000", "--rounds", "1"]),
    "freshness": ([], ["--seconds", "40", "--questions", "20"]),
}


def kept_file(folder: Path, name: str) -> Path:
    """Return the file that holds what a benchmark measured."""
    return folder / f"{name}.jsonl"


def due(folder: Path, only: str, again: bool) -> list[str]:
    """Return which benchmarks are to run: those whose names hold a word, and of which nothing is kept, or all again."""
    return [name for name in BENCHMARKS if only in name and (again or not kept_file(folder, name).exists())]


def run(name: str, folder: Path, quick: bool) -> bool:
    """Run a benchmark and keep what it measured, whole or not at all; return whether it came to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{name}.unfinished"
    unfinished.unlink(missing_ok=True)
    print(f"\n== bench.{name}", flush=True)
    command = [sys.executable, "-m", f"bench.{name}", *BENCHMARKS[name][quick]]
    done = subprocess.run(command, check=False, env=os.environ | {KEPT_IN: str(unfinished)})
    if done.returncode or not unfinished.exists():
        print(f"bench.{name} failed: see above; the same command tries it again", file=sys.stderr)
        return False
    unfinished.replace(kept_file(folder, name))
    return True


def measures(folder: Path) -> Measures:
    """Return all that is kept."""
    return {measure: by_who for path in sorted(folder.glob("*.jsonl")) for measure, by_who in read(path).items()}


def placed(page: str, lines: Iterable[str]) -> str:
    """Return a page with its generated section made of these lines, behind the first paragraph where it had none."""
    section = f"{BEGIN}\n" + "\n".join(lines) + f"\n{END}\n"
    if BEGIN in page:
        before, _, rest = page.partition(BEGIN)
        return before + section + rest.partition(f"{END}\n")[2]
    first, _, rest = page.partition("\n## ")
    return f"{first}\n{section}\n## {rest}"


def main() -> None:
    """Measure what is not kept, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--only", default="", metavar="WORD")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if asked.quick and asked.write:
        parser.error("--quick measures too little for the page: leave out one of both")
    folder = KEPT.with_name("all-quick") if asked.quick else KEPT
    ended = [run(name, folder, asked.quick) for name in due(folder, asked.only, asked.again)]
    lines = table(ROWS, measures(folder))
    print("", *lines, sep="\n")
    if asked.write:
        PAGE.write_text(placed(PAGE.read_text("utf-8"), [*HEAD, *lines, ""]), "utf-8")
    sys.exit(0 if all(ended) else 1)


if __name__ == "__main__":
    main()
