"""Change the program in small ways, one at a time, and see whether the fast tests notice.

    python -m tests.mutants [FILE...] [--sample N] [--seed N] [--again]

Prints the score of each file and what survived. Goes on where it was stopped, in .mutants/, as long as the tree is the
same; --again begins anew. A change that no test runs counts as one that survives.
"""

import argparse
import ast
import json
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from random import Random

from .covering import Covering, covering
from .operators import Site, mutated, sites
from .trial import survives

FILES = ("capture/tape/*.py", "capture/lake/*.py")
TESTS = ["tests/tape", "tests/lake", "tests/schemas", "tests/test_power.py"]
FOLDER = Path(".mutants")
# What takes long to import is imported before a trial begins. Nothing of ours may be, and no plugin of pytest:
# of one that is there before it, it warns, and a warning fails.
HEAVY = ("numpy", "pyarrow.parquet", "pyarrow.compute", "pyarrow.dataset", "duckdb", "polars", "zstandard")


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, default=[*map(Path, _files())])
    parser.add_argument("--sample", type=int, help="how many changes to try, chosen at random; default all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="forget what was tried")
    given = parser.parse_args()
    folder = FOLDER / _state()
    if given.again:
        shutil.rmtree(folder, ignore_errors=True)
    tests = covering(folder, TESTS)
    for module in HEAVY:
        __import__(module)
    mutants = [(path, site) for path in given.files for site in sites(path.read_text())]
    Random(given.seed).shuffle(mutants)
    _require_passing(tests, mutants[0][0])
    _try(mutants[: given.sample], tests, folder / "results.jsonl")
    return 0


def _files() -> list[str]:
    return sorted(str(path) for pattern in FILES for path in Path().glob(pattern))


def _require_passing(tests: Covering, path: Path) -> None:
    """Exit where tests fail in a trial without any change: all changes would seem to be noticed."""
    if not survives(_module(path), path, ast.parse(path.read_text()), tests.tests(path, 0)[:20]):
        sys.exit(f"tests of {path} fail, or take too long, without any change: nothing can be found out by them")


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _state() -> str:
    """Return a name for the present state of program and tests."""
    head = subprocess.run(["git", "rev-parse", "HEAD^{tree}"], capture_output=True, text=True, check=True).stdout
    changes = subprocess.run(["git", "diff", "HEAD"], capture_output=True, check=True).stdout
    return blake2b(head.encode() + changes, digest_size=6).hexdigest()


def _try(mutants: list[tuple[Path, Site]], tests: Covering, results: Path) -> None:
    known = _known(results)
    survivors: list[str] = []
    tried: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    with results.open("a") as log:
        for count, (path, site) in enumerate(mutants, 1):
            key = f"{path}:{site.line}:{site.number}"
            if key not in known:
                known[key] = not _survives(path, site, tests)
                log.write(json.dumps({"key": key, "change": site.change, "killed": known[key]}) + "\n")
                log.flush()
            tried[str(path)] += 1
            killed[str(path)] += known[key]
            if not known[key]:
                survivors.append(f"{path}:{site.line}: {site.change.splitlines()[0]}")
            if count % 25 == 0:
                said = f"{count:,} of {len(mutants):,}, {killed.total() / count:.1%} killed"
                print(said, file=sys.stderr, flush=True)
    for survivor in sorted(survivors):
        print(survivor)
    for name, number in sorted(tried.items()):
        print(f"{killed[name]:5} of {number:5} killed, {killed[name] / number:6.1%}  {name}")
    print(f"{killed.total()} of {tried.total()} killed, {killed.total() / max(tried.total(), 1):.1%}")


def _known(results: Path) -> dict[str, bool]:
    if not results.exists():
        return {}
    return {found["key"]: found["killed"] for found in map(json.loads, results.read_text().splitlines())}


def _survives(path: Path, site: Site, tests: Covering) -> bool:
    running = tests.tests(path, site.line)
    if not running:
        return True
    return survives(_module(path), path, mutated(path.read_text(), site), running)


if __name__ == "__main__":
    sys.exit(main())
