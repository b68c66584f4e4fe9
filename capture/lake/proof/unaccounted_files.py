"""Rolled files that the tape does not account for."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from capture.lake.layout import EMPTY_DATE, EMPTY_NAME, Layout, archive_marks, day_folders, live_mark
from capture.lake.pruned import PrunedTables
from capture.lake.ranges import Range
from capture.schemas import TABLES

from .day_check import archived


def foreign_files(layout: Layout) -> Iterator[Path]:
    """Yield the files among those that the views read which no recorder of this lake wrote, by their names."""
    recorders = set(layout.recorders())
    for name in TABLES:
        for folder, recorder_of in ((layout.live(name), live_mark), (layout.archive(name), archive_marks)):
            for path in _files_in(folder):
                named = recorder_of(path)
                if named is None or named[0] not in recorders:
                    yield path


def newest_file_mark(layout: Layout, recorder: str) -> int | None:
    """Return the greatest mark in the names of a recorder's files; None where it has none."""
    return max((mark for _, mark in _files_of(layout, recorder)), default=None)


def _files_of(layout: Layout, recorder: str) -> Iterator[tuple[Path, int]]:
    for name in TABLES:
        for path in _files_in(layout.live(name)):
            named = live_mark(path)
            if named and named[0] == recorder:
                yield path, named[1]


def _files_in(folder: Path) -> Iterator[Path]:
    folders = [folder / f"date={EMPTY_DATE}", *day_folders(folder).values()]
    return (path for day in folders for path in day.glob("*.parquet") if path.name != EMPTY_NAME)


def archive_strays(
    layout: Layout, recorder: str, known: Collection[tuple[str, str]], pruned: PrunedTables
) -> Iterator[tuple[Path, int, int]]:
    """Yield a recorder's archive files, with first and last mark, of other tables and dates than are known.

    Without those that pruning is to remove.
    """
    places = {(name, day) for name in TABLES for day in day_folders(layout.archive(name))}
    for table, day in sorted(places - set(known)):
        for path, (first, last) in archived(layout, table, day, recorder).items():
            if not pruned.holds(table, day, recorder, last):
                yield path, first, last


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

    def gives(self, first: int, last: int) -> bool:
        """Return whether the tape holds the ranges of two marks whole, and all between that it holds at all."""
        broken = (mark for mark in self.marks - self._whole if first <= mark <= last)
        return {first, last} <= self._whole and not any(broken)

    def strays(self, layout: Layout, recorder: str, sealed: Mapping[str, str]) -> Iterator[tuple[Path, int, bool]]:
        """Yield the recorder's other files, each with its mark and whether the tape holds that mark's range whole.

        Without live files of dates that are `sealed`, by table: no query reads them any more.
        """
        for path, mark in _files_of(layout, recorder):
            place = _place(path, mark)
            if place not in self._files and place[1] > f"date={sealed[place[0]]}":
                yield path, mark, mark in self._whole


def _place(path: Path, mark: int) -> tuple[str, str, int]:
    return path.parent.parent.name, path.parent.name, mark
