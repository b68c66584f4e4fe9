"""Rebuilding: a lake's files made anew from its tapes, as another lake or in place of what is there (D120, D124)."""

import errno
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import pyarrow as pa

from capture.lake.archive import write_sorted
from capture.lake.content import UnreadableError, is_readable, row_count
from capture.lake.layout import Layout, Rolled, write_rolled
from capture.lake.parquet_file import joint_mode
from capture.lake.process_lock import roller_lock
from capture.lake.pruned import PrunedTables, copy_pruned, read_pruned_tables, read_pruned_tape
from capture.lake.ranges import Range, Ranges, beginning, readable
from capture.lake.roll import parts_of, publish_file
from capture.lake.sealed import seal_through, sealed_dates, sealed_through, sealer_lock
from capture.lake.state import require_sealed
from capture.lake.stored_rows import Files
from capture.lake.views import prepare
from capture.publish import PRIVATE, make_folder, publish, sync_path
from capture.schemas import TABLES, Table
from capture.tape import TapeError, bad_path, segments

from .day_check import archived
from .tape_part import Span
from .unaccounted_files import Account, archive_strays


class NotEmptyError(OSError):
    """A new lake was to be made where something lies already."""


def link_tape(source: Layout, recorder: str, target: Layout) -> None:
    """Give a lake the tape of another: the same files under a second name, or copies on another disk.

    Segments are only ever appended to or replaced whole, so neither lake can spoil the other's. Where the beginning of
    the tape was pruned, the sealed days that came from it, in part at least, are given too: nothing else holds them. Do
    this for all recorders before anything is rebuilt.
    """
    folder = target.tape / recorder
    make_folder(target.root, PRIVATE)
    make_folder(folder, PRIVATE)
    copy_pruned(source, target, recorder)
    pruned = read_pruned_tape(folder)
    for segment in segments(source.tape / recorder):
        if pruned is None or segment.first_mark >= pruned.mark:
            _link(segment.path, folder / segment.path.name)
    sync_path(folder)
    for table, day in sorted({(day.table, day.day) for day in pruned.days}) if pruned else ():
        _link_day(source, recorder, target, table, day)


def _link_day(source: Layout, recorder: str, target: Layout, table: str, day: str) -> None:
    if (through := date.fromisoformat(day)) > sealed_through(target, table):
        seal_through(target, table, through)  # first: archive files without a date are damage
    to = target.archive(table) / f"date={day}"
    make_folder(to)
    for path in archived(source, table, day, recorder):
        _link(path, to / path.name)
    sync_path(to)


def _link(path: Path, to: Path) -> None:
    try:
        os.link(path, to)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP):
            raise
        shutil.copy2(path, to)


def require_empty(folder: Path) -> None:
    """Raise NotEmptyError where a folder holds anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotEmptyError(f"{folder} is not empty: name a new folder for the lake that is to be made")


@dataclass(slots=True)
class Rebuilder:
    """Publishes a recorder's files anew: iterate `ranges`, which takes the roller's lock, then read the counts.

    Where the tape is not whole any more, files that can be read are `kept`: they may know more than the tape. Files
    that the tape does not give are `set_aside` under the name `<file>.bad`, which no query reads.
    """

    layout: Layout
    recorder: str
    span: Span = field(default_factory=Span)
    written: int = 0
    kept: list[Path] = field(default_factory=list)
    set_aside: list[Path] = field(default_factory=list)
    _covered: set[int] = field(default_factory=set)
    _sealed: dict[str, str] = field(default_factory=dict)
    _whole: set[int] = field(default_factory=set)
    _pruned: PrunedTables = field(default_factory=PrunedTables)
    _first: int = field(init=False)  # the mark that the tape begins with
    _days: dict[tuple[str, str], dict[int, Path]] = field(default_factory=dict)  # sealed ones: files to sort, by mark

    def ranges(self) -> Iterator[Range]:
        """Rebuild range by range, yielding each when its files are published.

        Decoding begins with the tape, as gaps and what history restored depend on all that came before. Raises
        RollerBusyError, LakeStateError where it is not known what is sealed, and TapeError where no mark of the tape
        can be read.
        """
        folder = self.layout.tape / self.recorder
        first = beginning(folder)
        if first is None and not segments(folder):
            return
        if first is None:
            raise TapeError(f"{folder} holds no mark that can be read: there is nothing to rebuild from")
        with roller_lock(self.layout, self.recorder), sealer_lock(self.layout):
            require_sealed(self.layout)
            account, last, nameless = Account(), None, Counter[str]()
            self._sealed = sealed_dates(self.layout)
            self._pruned, self._first = read_pruned_tables(self.layout), first.mark
            for last in Ranges(folder, first, readable(Files(self.layout, self.recorder))):
                if self.span.passed(last):
                    break
                account.add(last, self._publish(last))
                nameless.update(last.nameless)
                yield last
            self._clear(account)
            for (table, day), paths in self._days.items():
                self._seal_again(TABLES[table], day, paths)
            if self.span.everything:
                prepare(self.layout)  # not before: its views cannot be made over files that cannot be read
                if last is not None:
                    write_rolled(self.layout, self.recorder, Rolled(last.to_mark, last.state, dict(nameless)))

    def _publish(self, found: Range) -> list[Path]:
        covered = self.span.covers(found)
        if covered:
            self._covered.add(found.from_mark)
            self._whole |= {found.from_mark} if found.is_whole else set()
        paths = []
        for table, day, rows in parts_of(found.tables):
            if self._pruned.holds(table.name, day, self.recorder, found.from_mark):
                continue
            paths.append(self.layout.live_file(table.name, day, self.recorder, found.from_mark))
            if covered:
                self._part(paths[-1], table, day, self._pruned.blanked(table, rows), found)
        return paths

    def _part(self, path: Path, table: Table, day: str, rows: pa.Table, found: Range) -> None:
        if day > self._sealed[table.name]:
            self._file(path, table, rows, found)
            return
        files = self._days.setdefault((table.name, day), {})
        if found.is_whole:
            publish_file(path, table, rows)  # no query reads it: the date is sealed
            files[found.from_mark] = path

    def _seal_again(self, table: Table, day: str, files: dict[int, Path]) -> None:
        """Replace a sealed date's files by one made from what the tape gives, unless they may hold more than that."""
        old = archived(self.layout, table.name, day, self.recorder)
        if self._from_pruned(table.name, day, old) or self._knows_more(table, *old):
            pass  # as it is, it is all there is
        elif files and all(self._gives(first, last) for first, last in old.values()):
            target = self.layout.archive_file(table.name, day, self.recorder, min(files), max(files))
            make_folder(target.parent)
            self._spare(old, files)
            publish(target, partial(write_sorted, table, list(files.values())), mode=joint_mode(files.values()))
            for path in old.keys() - {target}:
                path.unlink()
            self.written += 1
        else:
            self.kept += old
        for path in files.values():
            path.unlink()

    def _spare(self, old: Iterable[Path], files: Mapping[int, Path]) -> None:
        """Keep archive files aside that hold more rows than the tape gives for their date."""
        held = {path: rows for path in old if (rows := _rows(path)) is not None}
        if sum(held.values()) > sum(_rows(path) or 0 for path in files.values()):
            for path in held:
                aside = bad_path(path)
                os.link(path, aside)
                self.set_aside.append(aside)

    def _from_pruned(self, table: str, day: str, old: dict[Path, tuple[int, int]]) -> bool:
        """Return whether archive files of a date hold rows of a part of the tape that was pruned."""
        return read_pruned_tape(self.layout.tape / self.recorder) is not None and any(
            first < self._first and not self._pruned.holds(table, day, self.recorder, last)
            for first, last in old.values())

    def _knows_more(self, table: Table, *paths: Path) -> bool:
        """Return whether files can be read and hold what the tape does not tell any more since rows were pruned."""
        not_known = {name for name, _ in self._pruned.not_known}
        return table.name in not_known and bool(paths) and all(is_readable(table, path) for path in paths)

    def _gives(self, first: int, last: int) -> bool:
        """Return whether every range from one mark to another was decoded, and is whole."""
        broken = (mark for mark in self._covered - self._whole if first <= mark <= last)
        return {first, last} <= self._whole and not any(broken)

    def _file(self, path: Path, table: Table, rows: pa.Table, found: Range) -> None:
        if not found.is_whole and is_readable(table, path):
            self.kept.append(path)
            return
        if self._knows_more(table, path):
            return
        publish_file(path, table, rows)
        self.written += 1

    def _clear(self, account: Account) -> None:
        """Set aside what the tape does not give, unless its rows may come from a part of the tape that is gone."""
        for path, first, last in list(archive_strays(self.layout, self.recorder, self._days, self._pruned)):
            if self.span.everything and last < account.last_mark and account.gives(first, last):
                self.set_aside.append(path.rename(bad_path(path)))
        for path, mark, whole in list(account.strays(self.layout, self.recorder, self._sealed)):
            # Marks from the tape's last one on will be given again, and with them the names of these files.
            beyond = self.span.everything and mark >= account.last_mark
            if beyond or (whole and mark in self._covered):
                self.set_aside.append(path.rename(bad_path(path)))
            elif self.span.everything:
                self.kept.append(path)


def _rows(path: Path) -> int | None:
    try:
        return row_count(path)
    except (FileNotFoundError, UnreadableError):
        return None
