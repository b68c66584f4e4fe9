"""Imports point down only, the wire does no I/O, and the package list is the tree."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each layer and what lies beneath it; a module may import its own layer and those reachable from it.
BENEATH = {
    "cli": {"gateway", "export", "watch", "plot"},
    "gateway": {"query", "replay"},
    "export": {"query", "replay"},
    "watch": {"query", "replay"},
    "plot": {"query"},
    "query": {"session", "lake", "replay"},
    "replay": {"session", "lake"},
    "session": {"tape"},
    "lake": {"tape"},
    "tape": {"wire"},
    "wire": {"schemas"},
    "schemas": set[str](),
}
NO_IO = {"socket", "asyncio", "time", "os", "pathlib"}
MOST_LINES = 400

MODULES = sorted(path for folder in ("capture", "schemas", "cli", "examples") for path in (ROOT / folder).rglob("*.py"))
EACH = pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])


def package(path: Path) -> list[str]:
    """Return the dotted name of the package that a module is installed in."""
    parts = list(path.relative_to(ROOT).parent.parts)
    return parts if parts[0] == "capture" else ["capture", *parts]


def imported(path: Path) -> Iterator[list[str]]:
    """Yield the full dotted name of everything a module imports, names out of packages among them."""
    here = package(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            base = base + (node.module or "").split(".") if node.module else base
            yield from ([*base, alias.name] for alias in node.names)


def layer(name: list[str]) -> str | None:
    """Return the layer a dotted name lies in, None for what is not of the project or of no layer."""
    return name[1] if name[0] == "capture" and len(name) > 1 and name[1] in BENEATH else None


def below(start: str) -> set[str]:
    return {start}.union(*(below(next_) for next_ in BENEATH[start]))


@EACH
def test_imports_point_down_only(path: Path) -> None:
    mine = layer([*package(path), path.stem])
    used = {layer(name) for name in imported(path)} - {None}
    if mine is None:  # capture/__init__.py: the library's face, and modules beside it
        assert "cli" not in used
        return
    assert used <= below(mine), f"{mine} imports {sorted(map(str, used - below(mine)))}"


@EACH
def test_nothing_imports_the_command_line_but_itself(path: Path) -> None:
    if package(path)[:2] != ["capture", "cli"]:
        assert "cli" not in {layer(name) for name in imported(path)}


@EACH
def test_tables_are_imported_by_their_installed_name(path: Path) -> None:
    assert not {name[0] for name in imported(path)} & {"schemas", "cli"}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if package(path)[1:2] == ["wire"]], ids=lambda path: path.name
)
def test_the_wire_does_no_io(path: Path) -> None:
    assert not {name[0] for name in imported(path)} & NO_IO


@EACH
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    said = ast.get_docstring(ast.parse(text)) or ""
    assert said or not text.strip()
    assert text.count("\n") < MOST_LINES or "Written by `make docs`" in said  # which nobody reads from end to end


def test_the_package_list_is_the_folders_with_code() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = settings["tool"]["setuptools"]["packages"]
    folders = {".".join(package(path)) for path in MODULES}
    assert set(packages) == folders
    assert len(packages) == len(set(packages))
