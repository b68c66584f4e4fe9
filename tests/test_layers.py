"""Imports point down only and in no circle, pure rooms do no I/O, and the package list is the tree."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each room and what lies directly beneath it; a module may import its own room, rooms within it, and all those that
# are reachable from it. What follows from other edges is left out. GROUND are the modules beside the rooms, which many
# need; `face` is none of these: it is on top, with the package itself, which gives what is in it.
GROUND = "ground"
BENEATH = {
    "cli": {"face", "gateway", "recorder", "serve"},
    "alerts": {"watch"},
    "serve": {"alerts"},
    "watch": {"query", "session", "lake.proof"},
    "face": {"export", "plot"},
    "gateway": {"gateway.broker", "replay"},
    "gateway.broker": {"risk", "wanted"},
    "export": {"replay"},
    "plot": {"query"},
    "replay": {"query"},
    "query": {"wanted", "lake"},
    "recorder": {"session"},
    "session": {"tape", "wanted"},
    "wanted": {"schemas", "wire"},
    "lake.processes": {"lake.proof"},
    "lake.proof": {"lake.statements"},
    "lake.statements": {"lake", "statements"},
    "lake": {"decode", "functions"},
    "statements": {"schemas"},
    "functions": {"risk", "schemas", "wire.messages"},
    "decode": {"schemas", "tape", "wire"},
    "wire": {"wire.text"},
    "wire.text": {"kernel", "wire.messages"},
    "wire.messages": {GROUND},
    "tape": {GROUND, "kernel"},
    "risk": {GROUND},
    "kernel": set[str](),
    "schemas": set[str](),
    GROUND: set[str](),
}
NO_IO = {"socket", "asyncio", "time", "os", "pathlib", "subprocess", "threading"}
PURE = ("wire", "decode", "session", "gateway.broker", "risk", "statements")
MOST_LINES = 400
MOST_MODULES = 20
# Rooms whose file names say which verb, which kind of rows or which tool: the room's own name completes them, so that
# the same noun may stand once in each.
COMPLETED = ("cli", "functions", "gateway.broker", "gateway.market", "gateway.recorded", "export.dbn", "export.lean",
             "export.nautilus", "schemas")  # fmt: skip

FOLDERS = ("capture", "schemas", "cli", "examples")
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
EACH = pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(ROOT)) for path in MODULES])


def package(path: Path) -> list[str]:
    """Return the dotted name of the package that a module is installed in."""
    parts = list(path.relative_to(ROOT).parent.parts)
    return parts if parts[0] == "capture" else ["capture", *parts]


def dotted(path: Path) -> str:
    return ".".join([*package(path), *([path.stem] if path.stem != "__init__" else [])])


NAMES = {dotted(path): path for path in MODULES}


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


@cache
def used(name: str) -> frozenset[str]:
    """Return the modules of ours that a module imports, late and for types only, too."""
    found = {module(parts) for parts in imported(NAMES[name])}
    return frozenset(found - {None, name})  # type: ignore[arg-type]  # None is taken out


def module(parts: list[str]) -> str | None:
    """Return the module that a dotted name is or lies in; None for what is not ours."""
    while parts and ".".join(parts) not in NAMES:
        parts = parts[:-1]
    return ".".join(parts) or None


def room(name: str) -> str | None:
    """Return the room of a module; None for what is in none of them: notebooks."""
    parts = name.split(".")[1:] or ["face"]
    rooms = [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
    inner = next((each for each in rooms if each in BENEATH), None)
    return GROUND if inner is None and len(parts) == 1 and parts[0] != "examples" else inner


@cache
def below(start: str) -> frozenset[str]:
    return frozenset({start}).union(*(below(next_) for next_ in BENEATH[start]))


def edges() -> set[tuple[str | None, str | None]]:
    """Return which rooms import which others, by any module."""
    return {(room(name), room(other)) for name in NAMES for other in used(name)}


def test_every_edge_of_the_order_is_an_import() -> None:
    assert {(above, beneath) for above, rooms in BENEATH.items() for beneath in rooms} - edges() == set()


def test_no_edge_of_the_order_follows_from_others() -> None:
    assert {(above, beneath) for above, rooms in BENEATH.items() for beneath in rooms
            if any(beneath in below(other) for other in rooms - {beneath})} == set()  # fmt: skip


@EACH
def test_imports_point_down_only(path: Path) -> None:
    mine = room(dotted(path))
    rooms = {room(name) for name in used(dotted(path))} - {None}
    if mine is None:
        assert "cli" not in rooms
        return
    inner = {each for each in BENEATH if each.startswith(f"{mine}.") and mine not in below(each)}
    assert rooms <= below(mine) | inner, f"{mine} imports {sorted(map(str, rooms - below(mine)))}"


def circles() -> list[set[str]]:
    """Return the sets of modules that import each other in a circle, in whatever way."""
    reached = {name: _reached(name) for name in NAMES}
    return [{name, *(other for other in reached[name] if name in reached[other])}
            for name in NAMES if name in reached[name]]  # fmt: skip


def _reached(start: str) -> set[str]:
    found: set[str] = set()
    todo = list(used(start))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += used(name)
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles() == []


@EACH
def test_nothing_imports_the_command_line_but_itself(path: Path) -> None:
    if package(path)[:2] != ["capture", "cli"]:
        assert "cli" not in {room(name) for name in used(dotted(path))}


@EACH
def test_tables_are_imported_by_their_installed_name(path: Path) -> None:
    assert not {name[0] for name in imported(path)} & {"schemas", "cli"}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if ".".join(package(path)[1:]).startswith(PURE)], ids=lambda path: path.name
)
def test_pure_rooms_do_no_io(path: Path) -> None:
    assert not {name[0] for name in imported(path)} & NO_IO


@EACH
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    said = ast.get_docstring(ast.parse(text)) or ""
    assert said or not text.strip()
    assert text.count("\n") < MOST_LINES or "Written by `make docs`" in said  # which nobody reads from end to end


def test_no_folder_is_full() -> None:
    modules = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    assert {folder.name: count for folder, count in modules.items() if count > MOST_MODULES} == {}


def test_a_file_name_says_which_file() -> None:
    names = Counter(path.name for path in MODULES
                    if path.stem[0] != "_" and not ".".join(package(path)[1:]).startswith(COMPLETED))  # fmt: skip
    assert {name for name, count in names.items() if count > 1} == set()


def test_the_package_list_is_the_folders_with_code() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = settings["tool"]["setuptools"]["packages"]
    folders = {".".join(package(path)) for path in MODULES}
    assert set(packages) == folders
    assert len(packages) == len(set(packages))


def test_the_package_list_has_what_lies_beneath_first() -> None:
    """docs/modules.md is in this order, and says so."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    places: dict[str, list[int]] = {}
    for place, package in enumerate(settings["tool"]["setuptools"]["packages"]):
        places.setdefault(GROUND if package == "capture" else room(package) or "examples", []).append(place)
    late = {(above, beneath) for above in BENEATH.keys() & places.keys() for beneath in below(above) & places.keys()
            if beneath != above and places[above][0] < places[beneath][-1]}
    assert late == set()


# Of capture/replay what reads a lake; all else there orders, paces and hands on the rows that it is given (D97).
READ_A_LAKE = ("archive_sweep", "following", "merged_sweep", "past", "row_filter", "row_spans")


@pytest.mark.parametrize("name", [name for name in NAMES if room(name) == "replay" and not name.endswith(READ_A_LAKE)])
def test_order_and_pacing_know_no_lake(name: str) -> None:
    assert {room(other) for other in _reached(name)} <= {"replay", "kernel", "schemas", GROUND}
    assert not {other for other in used(name) if other.endswith(READ_A_LAKE)}


UNITS = re.compile(r"^_?(?:(?:SECOND|MINUTE|HOUR|DAY)(?:_US|_S)?|EPOCH)(?: =|, )", re.MULTILINE)


@EACH
def test_units_of_time_are_defined_once(path: Path) -> None:
    assert path == ROOT / "capture" / "times.py" or not UNITS.search(path.read_text())
