"""Documents about the code say what is so: paths and links lead somewhere, decisions are there, modules are named."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from statistics import median

import pytest

from tests.test_layers import BENEATH

ROOT = Path(__file__).parents[2]
modules = import_module("capture.cli.generate.module_map")  # type checkers see only the package
CODE = [path for folder in ("capture", "schemas", "cli", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]
PAGES = sorted([ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
DECISIONS = [path for path in sorted((ROOT / "docs/decisions").glob("*.md")) if path.name != "README.md"]
PLAIN = [ROOT / "ARCHITECTURE.md", *DECISIONS]
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

# Folders of the repository, by which a path in a text is one of ours rather than of a lake or an export.
OURS = ("capture/", "schemas/", "cli/", "tests/", "bench/", "docs/", "examples/")
MOST_WORDS = 20  # in a sentence, in the middle
FEW_WORDS = 3  # what has fewer is no sentence: a list's head, a cell


def paths(text: str) -> Iterator[str]:
    """Yield the files and folders of the repository that a text names, in code marks or bare."""
    found = re.findall(r"(?<![\w/.<>…-])(?:[\w-]+/)+(?:[\w-]+\.(?:py|md|toml|ipynb))?(?![\w/<…=])", text)
    yield from (path for path in found if path.startswith(OURS))


def links(text: str) -> Iterator[str]:
    """Yield where a page's links lead, without those to other sites."""
    found = re.findall(r"\]\(([^)\s]+)\)|^\[[^]]+\]: (\S+)", text, re.MULTILINE)
    yield from (target for pair in found if "://" not in (target := "".join(pair)))


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def sentences(page: Path) -> list[str]:
    text = re.sub(r"^(?:#|\|).*$", "", without_code(page.read_text("utf-8")), flags=re.MULTILINE)
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:-|\d+\.) )", text)
    parts = [part for block in blocks for part in re.split(r"(?<=[.!?])\s+", " ".join(block.split()))]
    return [part for part in parts if len(part.split()) >= FEW_WORDS]


@EACH
def test_every_path_named_is_there(page: Path) -> None:
    assert {path for path in paths(without_code(page.read_text("utf-8"))) if not (ROOT / path).exists()} == set()


@EACH
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page.read_text("utf-8")):
        place, _, heading = target.partition("#")
        linked = page.parent / place if place else page
        assert linked.exists(), target
        if heading and linked.suffix == ".md":
            assert heading in {modules.anchor(line) for line in headings(linked)}, target


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", without_code(page.read_text("utf-8")), re.MULTILINE)


def test_the_picture_of_the_rooms_is_the_order_that_imports_keep() -> None:
    drawn = re.findall(r"^\s*(\S+) --> (\S+)$", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE)
    assert Counter(drawn) == Counter((above.replace(".", "/"), below.replace(".", "/"))
                                     for above, beneath in BENEATH.items() for below in beneath)  # fmt: skip


def test_every_module_is_named_in_the_map() -> None:
    text = modules.modules_page()
    named = {(ROOT / "docs" / target).resolve() for target in links(text) if target.endswith(".py")}
    named |= {ROOT / folder / "__init__.py" for folder in re.findall(r"^## (.+)/$", text, re.MULTILINE)}
    assert named == set(CODE)


def test_decisions_are_numbered_without_a_gap_and_each_once() -> None:
    numbers = [int(number[1:]) for number, *_ in modules.headings()]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_each_decision_says_its_context_and_what_was_decided(page: Path) -> None:
    for part in re.split(r"^## ", page.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        said = re.findall(r"^- \*(\w+):\*", part, re.MULTILINE)
        assert re.match(r"D\d+\. ", part), part
        assert said == ["Context", "Decision", *(name for name in ("Measured", "Rejected") if name in said)], part


def test_every_decision_cited_is_there() -> None:
    there = {number for number, *_ in modules.headings()}
    cited = {number for path in (*CODE, *PAGES) for number in modules.CITED.findall(path.read_text("utf-8"))}
    assert cited <= there


@pytest.mark.parametrize("page", PLAIN, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_are_short(page: Path) -> None:
    assert median(len(sentence.split()) for sentence in sentences(page)) < MOST_WORDS
