"""Which fast tests run which lines, and how long each takes: found once per state of the tree, and kept."""

import json
import os
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import coverage

from .trial import PLUGINS_OFF

MAP, DATA, TIMES = "map.json", "coverage", "times.json"
STATEMENT_LINES = 10  # of a statement over many lines, some lines are no step of the interpreter
# Of the tests of a line as many as took so long when they were measured: a trial must not seem to hang.
MOST_S = 20.0
LONGEST_S = 3.0  # a test that takes longer is none of the fast ones


class Covering:
    """The tests, by node id, that run a line of a file, the quickest first; `seconds` has those that passed."""

    def __init__(self, lines: dict[str, dict[str, list[str]]], seconds: dict[str, float]) -> None:
        self._lines, self._seconds = lines, seconds

    def tests(self, path: Path, line: int) -> list[str]:
        """Return the node ids of the tests that run a line; of one that importing runs, those that run the file."""
        of_file = self._lines.get(str(path), {})
        near = next((str(number) for number in range(line, line - STATEMENT_LINES, -1) if str(number) in of_file), "")
        found = of_file.get(near) or {test for tests in of_file.values() for test in tests}
        quick = sorted((self._seconds[test], test) for test in found if self._seconds.get(test, LONGEST_S) < LONGEST_S)
        return [test for (_, test), total_s in zip(quick, accumulate(s for s, _ in quick), strict=True)
                if total_s <= MOST_S]


def covering(folder: Path, tests: list[str]) -> Covering:
    """Return which tests run which lines, measured the first time, then read from `folder`."""
    if not (folder / MAP).exists():
        _measure(folder, tests)
    lines = json.loads((folder / MAP).read_text())
    return Covering(lines, json.loads((folder / TIMES).read_text()))


def _measure(folder: Path, tests: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"COVERAGE_FILE": str(folder / DATA), "TEST_TIMES": str(folder / TIMES)}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", *PLUGINS_OFF, "-p", "tests.mutants.times",
               "--cov=capture", "--cov-context=test", "--cov-report=", *tests]  # fmt: skip
    if subprocess.run(command, env=environment, check=False).returncode:
        print("the tests that failed are left out", file=sys.stderr)
    data = coverage.CoverageData(basename=str(folder / DATA))
    data.read()
    lines = {str(Path(file).relative_to(Path.cwd())): {
        str(line): sorted({context.partition("|")[0] for context in contexts if "|" in context} - {""})
        for line, contexts in data.contexts_by_lineno(file).items()} for file in data.measured_files()}  # fmt: skip
    (folder / MAP).write_text(json.dumps(lines))
