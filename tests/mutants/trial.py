"""One trial: a process of its own in which one module is changed, and the tests that run the changed line."""

import ast
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

PLUGINS_OFF = ("-p", "no:cacheprovider", "-p", "no:xdist")
LONGEST_S = 300.0  # on a busy machine
PROCESSOR_S = 60
IN_MEMORY = Path("/dev/shm")  # where there is one, no trial waits for a disk


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


def module_name(path: Path) -> str:
    """Return the name of the module in a file."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def survives(name: str, path: Path, tree: ast.Module, tests: Sequence[str]) -> bool:
    """Whether all tests pass though a module is another, imported anew with all else."""
    folder = tempfile.mkdtemp(prefix="mutant-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None)

    def run() -> bool:
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in range(3):
            os.dup2(nothing, descriptor)
        sys.meta_path.insert(0, _Finder(name, path, tree))
        return not pytest.main(["-x", "-q", *PLUGINS_OFF, f"--basetemp={folder}", *tests])

    try:
        return _apart(run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def survives_in_place(name: str, tree: ast.Module, items: Sequence[pytest.Item]) -> bool:
    """Whether all tests pass though some functions of a module do something else; tests and module are there."""

    def run() -> bool:
        replace_functions(name, tree)
        for item, following in zip(items, [*items[1:], None], strict=True):
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                return False
        return True

    return _apart(run)


def replace_functions(name: str, tree: ast.Module) -> None:
    """Have the functions of a module, wherever they are known, do what they do in another tree of it."""
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes(compile(tree, name, "exec"))}
    for function in [one for one in gc.get_objects() if isinstance(one, FunctionType) and one.__module__ == name]:
        code = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        if code is not None:
            function.__code__ = code.replace(co_filename=function.__code__.co_filename)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _apart(run: Callable[[], bool]) -> bool:
    """Return what `run` returns in a process of its own; False where that hangs, or ends on a signal."""
    process_id = os.fork()
    if not process_id:
        code = 70
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
            code = 0 if run() else 1
        finally:
            os._exit(code)
    until_s = time.monotonic() + LONGEST_S
    while time.monotonic() < until_s:
        ended, status = os.waitpid(process_id, os.WNOHANG)
        if ended:
            _kill(process_id)  # what it left running
            return status == 0
        time.sleep(0.005)
    _kill(process_id)
    os.waitpid(process_id, 0)
    return False


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
