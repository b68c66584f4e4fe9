"""Lakes that are made once, and copied for tests that spoil them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture.lake.layout import Layout
from capture.lake.proof.verify import Verifier, foreign
from capture.lake.roll import Roller
from capture.lake.views import prepare


def rotate(script: Any) -> None:
    """Begin a new segment, as a recorder does."""
    script.marks += 1
    script.writer.rotate(script.line.as_mark(script.marks))


def ticks(script: Any, price: float) -> None:
    script.trade(5, price).trade(5, price + 0.5)
    script.answer("tick_by_tick", request_id=5, kind=3, time=1, bid_price=price, ask_price=price + 1)


def roll(layout: Layout) -> None:
    list(Roller(layout, "main").roll())


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the rolled lake is made once: rolling syncs many files, copying them does not."""
    return tmp_path_factory.mktemp("rolled") / "data"


@pytest.fixture
def rolled(script: Any, template: Path, tmp_path: Path) -> Layout:
    """Marks 1 to 12 in segments that begin with 1, 6 and 9; two sessions, a gap between them; all rolled."""
    if not template.exists():
        make(type(script)(template))
    shutil.copytree(template, tmp_path / "rolled")
    return Layout(tmp_path / "rolled")


def make(script: Any) -> None:
    script.open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
    for i in range(11):
        ticks(script, 100 + i)
        if i == 4:
            script.close("lost").open().ask(5, "req_tick_by_tick", tick_kind="AllLast")
        (rotate if i in (4, 7) else type(script).mark)(script)
    script.writer.close()
    layout = Layout(script.data)
    prepare(layout)
    roll(layout)


@pytest.fixture
def problems() -> Callable[[Layout], list[tuple[str, str]]]:
    """Verifies a lake and returns problem and file name (or place) of each finding, each with a way to repair it."""

    def verify(layout: Layout) -> list[tuple[str, str]]:
        verifier = Verifier(layout, "main")
        list(verifier.ranges())
        findings = verifier.findings + foreign(layout)
        assert all(found.detail and found.repair for found in findings)
        return sorted((found.problem, Path(found.place).name) for found in findings)

    return verify


@pytest.fixture
def layout(made: Layout, tmp_path: Path) -> Layout:
    """Return a copy of the lake that a module made once, by its fixture `made`, to spoil."""
    shutil.copytree(made.root, tmp_path / "data")
    return Layout(tmp_path / "data")
