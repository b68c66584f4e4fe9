"""One trial: a process of its own in which one module is changed, and the tests that run the changed line."""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

PLUGINS_OFF = ("-p", "no:cacheprovider", "-p", "no:xdist")
LONGEST_S = 600.0  # on a busy machine
PROCESSOR_S = 90


class _Changed(importlib.machinery.SourceFileLoader):
    """Loads a module from a tree instead of its file."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        super().__init__(name, str(path))
        self._tree = tree

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self._tree, self.path, "exec", dont_inherit=True)
        return code


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self._name, self._path, self._tree = name, path, tree

    def find_spec(self, fullname: str, _path: Any, _target: ModuleType | None = None) -> Any:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, _Changed(fullname, self._path, self._tree))


def survives(name: str, path: Path, tree: ast.Module, tests: Sequence[str]) -> bool:
    """Whether all tests pass though a module is another. A trial that hangs, or ends on a signal, does not."""
    process_id = os.fork()
    if not process_id:
        _run(name, path, tree, tests)
    until_s = time.monotonic() + LONGEST_S
    while time.monotonic() < until_s:
        ended, status = os.waitpid(process_id, os.WNOHANG)
        if ended:
            _kill(process_id)  # what it left running
            return status == 0
        time.sleep(0.02)
    _kill(process_id)
    os.waitpid(process_id, 0)
    return False


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _run(name: str, path: Path, tree: ast.Module, tests: Sequence[str]) -> None:
    """Run tests in this process, which ends with pytest's exit code."""
    code = 70
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        sys.meta_path.insert(0, _Finder(name, path, tree))
        code = int(pytest.main(["-x", "-q", *PLUGINS_OFF, *tests]))
    finally:
        os._exit(code)
