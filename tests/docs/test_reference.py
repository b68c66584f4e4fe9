import re
from importlib import import_module
from pathlib import Path

import pytest

reference = import_module("capture.cli.generate.documents")  # type checkers see only the package
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == reference.PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_page_says_what_to_change(name: str) -> None:
    head = re.search("<!-- Written by `make docs` from (.+); change it there. -->", (DOCS / name).read_text("utf-8"))
    named = [source for source in head[1].split(", ") if "/" in source] if head else []
    assert named
    assert [source for source in named if not (DOCS.parent / source).exists()] == []


@pytest.mark.parametrize("path", reference.METHODS, ids=lambda path: path.name)
def test_the_methods_of_a_lake_are_those_of_the_table(path: Path) -> None:
    assert path.read_text("utf-8") == reference.METHODS[path](), "run `make docs`"


def test_it_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert reference.commands_page() == (DOCS / "cli.md").read_text("utf-8")
