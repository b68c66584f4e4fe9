"""Change the program in small ways, one at a time, and see whether the fast tests notice.

    python -m tests.mutants [FILE...] [--sample N] [--seed N] [--jobs N] [--again]

Prints the score of each file and what survived. Goes on where it was stopped, in .mutants/, as long as the tree is the
same; --again begins anew. A change that no test runs counts as one that survives. Changes that equivalent.toml names
are not tried, and counted apart.
"""

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import blake2b
from pathlib import Path
from random import Random

from .covering import Covering, covering
from .equivalent import equivalents
from .in_place import Mutant, run_in_place
from .operators import Site, mutated, sites
from .trial import module_name, survives

FILES = ("capture/tape/*.py", "capture/decode/*.py", "capture/wire/line.py", "capture/lake/**/*.py")
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
    parser.add_argument("--jobs", type=int, default=2, help="how many trials run side by side; default 2")
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
    chosen = mutants[: given.sample]
    left_out = {(path, site) for path in given.files for site in equivalents(path)}
    tried = [mutant for mutant in chosen if mutant not in left_out]
    _require_passing(tests, mutants[0][0])
    _try_all(tried, tests, folder / "results.jsonl", given.jobs)
    _report(tried, _known(folder / "results.jsonl"))
    print(f"{len(chosen) - len(tried)} of {len(chosen)} were not tried: tests/mutants/equivalent.toml")
    return 0


def _files() -> list[str]:
    return sorted(str(path) for pattern in FILES for path in Path().glob(pattern))


def _require_passing(tests: Covering, path: Path) -> None:
    """Exit where tests fail in a trial without any change: all changes would seem to be noticed."""
    if not survives(module_name(path), path, ast.parse(path.read_text()), tests.tests(path, 0)[:20]):
        sys.exit(f"tests of {path} fail, or take too long, without any change: nothing can be found out by them")


def _state() -> str:
    """Return a name for the present state of program and tests."""
    head = subprocess.run(["git", "rev-parse", "HEAD^{tree}"], capture_output=True, text=True, check=True).stdout
    changes = subprocess.run(["git", "diff", "HEAD"], capture_output=True, check=True).stdout
    return blake2b(head.encode() + changes, digest_size=6).hexdigest()


def _try_all(mutants: list[Mutant], tests: Covering, results: Path, jobs: int) -> None:
    """Try what was not tried yet, in processes side by side, each with its part of the mutants."""
    known = _known(results)
    new = [mutant for mutant in mutants if _key(*mutant) not in known]
    workers = []
    for job in range(jobs):
        worker = os.fork()
        if not worker:
            os._exit(_try(new[job::jobs], tests, results))
        workers.append(worker)
    ends = [os.waitpid(worker, 0)[1] for worker in workers]
    if any(ends):
        sys.exit("a process that tried mutants failed")


def _try(mutants: list[Mutant], tests: Covering, results: Path) -> int:
    with results.open("a") as log:

        def found(path: Path, site: Site, survived: bool) -> None:
            log.write(json.dumps({"key": _key(path, site), "change": site.change, "killed": not survived}) + "\n")
            log.flush()

        for path, site in mutants:  # before pytest imports what is to be imported anew
            if not (tests.tests(path, site.line) and site.is_inside):
                found(path, site, _survives(path, site, tests))
        inside = [(path, site) for path, site in mutants if tests.tests(path, site.line) and site.is_inside]
        return run_in_place(inside, tests, TESTS, found)


def _report(mutants: list[Mutant], known: dict[str, bool]) -> None:
    tried = Counter(str(path) for path, _ in mutants)
    killed = Counter(str(mutant[0]) for mutant in mutants if known[_key(*mutant)])
    survivors = [(str(path), site.line, site.change.splitlines()[0]) for path, site in mutants
                 if not known[_key(path, site)]]  # fmt: skip
    for path, line, change in sorted(survivors):
        print(f"{path}:{line}: {change}")
    for name, number in sorted(tried.items()):
        print(f"{killed[name]:5} of {number:5} killed, {killed[name] / number:6.1%}  {name}")
    print(f"{killed.total()} of {tried.total()} killed, {killed.total() / max(tried.total(), 1):.1%}")


def _key(path: Path, site: Site) -> str:
    return f"{path}:{site.line}:{site.number}"


def _known(results: Path) -> dict[str, bool]:
    if not results.exists():
        return {}
    return {found["key"]: found["killed"] for found in map(json.loads, results.read_text().splitlines())}


def _survives(path: Path, site: Site, tests: Covering) -> bool:
    running = tests.tests(path, site.line)
    if not running:
        return True
    return survives(module_name(path), path, mutated(path.read_text(), site), running)


if __name__ == "__main__":
    sys.exit(main())
