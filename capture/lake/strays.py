"""Rolled files that the tape does not account for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from capture.schemas import TABLES

from .layout import EMPTY_NAME, Layout, live_mark
from .ranges import Range


def rolled_files(layout: Layout) -> Iterator[Path]:
    """Yield every file that the views read as rolled rows."""
    for name in TABLES:
        for path in layout.live(name).glob("*/*.parquet"):
            if path.name != EMPTY_NAME:
                yield path


def foreign_files(layout: Layout) -> Iterator[Path]:
    """Yield the files that no recorder of this lake wrote, by their names."""
    recorders = set(layout.recorders())
    for path in rolled_files(layout):
        named = live_mark(path)
        if named is None or named[0] not in recorders:
            yield path


def newest_file_mark(layout: Layout, recorder: str) -> int | None:
    """Return the greatest mark in the names of a recorder's files; None where it has none."""
    return max((mark for _, mark in _files_of(layout, recorder)), default=None)


def _files_of(layout: Layout, recorder: str) -> Iterator[tuple[Path, int]]:
    for path in rolled_files(layout):
        named = live_mark(path)
        if named and named[0] == recorder:
            yield path, named[1]


@dataclass(slots=True)
class Account:
    """The files that a recorder's tape gives, range by range; `marks` are the marks met, `last_mark` the newest."""

    marks: set[int] = field(default_factory=set)
    last_mark: int = -1
    _whole: set[int] = field(default_factory=set)
    _files: set[tuple[str, str, int]] = field(default_factory=set)

    def add(self, found: Range, paths: Iterable[Path]) -> None:
        """Take note of a range and its files."""
        self.marks |= {found.from_mark, found.to_mark}
        self.last_mark = found.to_mark
        self._files |= {_place(path, found.from_mark) for path in paths}
        if found.is_whole:
            self._whole.add(found.from_mark)

    def strays(self, layout: Layout, recorder: str) -> Iterator[tuple[Path, int, bool]]:
        """Yield the recorder's other files, each with its mark and whether the tape holds that mark's range whole."""
        for path, mark in _files_of(layout, recorder):
            if _place(path, mark) not in self._files:
                yield path, mark, mark in self._whole


def _place(path: Path, mark: int) -> tuple[str, str, int]:
    return path.parent.parent.name, path.parent.name, mark
