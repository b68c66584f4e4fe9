"""Many trials in one run of pytest: tests are collected once, and each trial is a fork of what is there then."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from .covering import Covering
from .operators import Site, mutated
from .trial import IN_MEMORY, PLUGINS_OFF, module_name, survives_in_place

Mutant = tuple[Path, Site]


class Trials:
    """A pytest plugin that runs no tests, but tries mutants with those of them that run the changed line."""

    def __init__(
        self, mutants: Sequence[Mutant], tests: Covering, found: Callable[[Path, Site, bool], None]
    ) -> None:
        self._mutants, self._tests, self._found = mutants, tests, found

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try all, and tell what was found."""
        items = {item.nodeid: item for item in session.items}
        for count, (path, site) in enumerate(self._mutants, 1):
            running = [items[test] for test in self._tests.tests(path, site.line) if test in items]
            tree = mutated(path.read_text(), site)
            self._found(path, site, survives_in_place(module_name(path), tree, running))
            if count % 25 == 0:
                print(f"{count:,} of {len(self._mutants):,}", file=sys.__stderr__, flush=True)
        return True


def run_in_place(
    mutants: Sequence[Mutant], tests: Covering, places: Sequence[str], found: Callable[[Path, Site, bool], None]
) -> int:
    """Try mutants inside functions with tests of some places; return pytest's exit code."""
    folder = tempfile.mkdtemp(prefix="mutants-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
    try:
        return int(pytest.main(["-q", "-s", "-m", "not slow", *PLUGINS_OFF, f"--basetemp={folder}", *places],
                               plugins=[Trials(mutants, tests, found)]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
