"""The map of the code: what each module is for, where it lies, and which decisions explain it.

The first sentence of a module's docstring says what it is for. Decisions are numbered in docs/decisions, and cited by
their numbers in the code.
"""

import ast
import re
import tomllib
from pathlib import Path

from .markdown import markdown, page

ROOT = Path(__file__).parents[2]  # of the repository, from which alone docs are made
DECISIONS = ROOT / "docs" / "decisions"
CITED = re.compile(r"\bD[1-9]\d*\b")
_HEADING = re.compile(r"^## ((D\d+)\. .+)$", re.MULTILINE)
_CITATION = re.compile(r" \(D\d+(?:, D\d+)*\)")
_SENTENCE = re.compile(r".+?\.(?= |$)|.+")


def headings() -> list[tuple[str, str, Path]]:
    """Return number, heading and file of every decision, in order of numbers."""
    found = [(number, heading, path) for path in DECISIONS.glob("*.md")
             for heading, number in _HEADING.findall(path.read_text("utf-8"))]  # fmt: skip
    return sorted(found, key=lambda one: _place(one[0]))


def rooms() -> list[Path]:
    """Return the folders of the code, in the order in which pyproject.toml lists them: what is beneath comes first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    return [ROOT / _folder(package, settings["package-dir"]) for package in settings["packages"]]


def modules_page() -> str:
    """Return the table of all modules, room by room."""
    links = {number: f"[{number}](decisions/{path.name}#{anchor(heading)})" for number, heading, path in headings()}
    return page(
        "Modules",
        ("docstrings of modules", "cli/generate/module_map.py"),
        "What each module is for, by the first sentence of its docstring, where it lies, and which "
        "[decisions](decisions/README.md) explain it, as cited in it. What lies beneath comes first; of "
        "`capture/` itself, `face.py` alone lies on top.",
        *(_room(folder, links) for folder in rooms()))


def decisions_page() -> str:
    """Return the list of all decisions."""
    rows = [(f"[{number}]({path.name}#{anchor(heading)})", heading.removeprefix(f"{number}. "), path.stem)
            for number, heading, path in headings()]  # fmt: skip
    return page(
        "Decisions",
        ("headings of the pages beside it", "cli/generate/module_map.py"),
        "Why things are as they are. Each decision says its context, what was decided, and what was measured and "
        "rejected where anything was. Code cites it by its number; a new one takes the next number. This list follows "
        "from the pages beside it.",
        markdown(("number", "decision", "area"), rows))


def anchor(heading: str) -> str:
    """Return what a link to a heading ends with, behind the #, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _place(number: str) -> int:
    return int(number[1:])


def _folder(package: str, elsewhere: dict[str, str]) -> str:
    """Return where a package's files are, given where those packages are that do not lie as they are named."""
    known = max((name for name in elsewhere if f"{package}.".startswith(f"{name}.")), key=len)
    return elsewhere[known] + package.removeprefix(known).replace(".", "/")


def _room(folder: Path, links: dict[str, str]) -> str:
    text = (folder / "__init__.py").read_text("utf-8")
    rows = [_row(path, links) for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    parts = [f"## {folder.relative_to(ROOT)}/", f"{_paragraph(text)} {_cited(text, links)}".rstrip()]
    return "\n\n".join([*parts, markdown(("concept", "file", "decisions"), rows)] if rows else parts)


def _row(path: Path, links: dict[str, str]) -> tuple[str, str, str]:
    text = path.read_text("utf-8")
    found = _SENTENCE.match(_paragraph(text))
    return found[0] if found else "", f"[{path.name}](../{path.relative_to(ROOT)})", _cited(text, links)


def _paragraph(text: str) -> str:
    """Return the first paragraph of a module's docstring, without the numbers of decisions."""
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
    return _CITATION.sub("", " ".join(first.split()))


def _cited(text: str, links: dict[str, str]) -> str:
    """Return links to the decisions that a text cites; a number that is none stands by itself."""
    return " ".join(links.get(number, number) for number in sorted(set(CITED.findall(text)), key=_place))
