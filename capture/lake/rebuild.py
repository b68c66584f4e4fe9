"""Rebuilding: a lake's files made anew from its tapes, as another lake or in place of what is there."""

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from capture.schemas import Table
from capture.tape import TapeError, bad_path, segments

from .content import UnreadableError, read_rows
from .layout import Layout, Rolled, write_rolled
from .lock import roller_lock
from .ranges import Range, Ranges, first_whole_mark, readable
from .restore import Files
from .roll import files_of, publish_file
from .span import Span
from .strays import Account
from .views import prepare


class NotEmptyError(OSError):
    """A new lake was to be made where something lies already."""


def link_tape(source: Layout, recorder: str, target: Layout) -> None:
    """Give a lake the tape of another: the same files under a second name, or copies on another disk.

    Segments are only ever appended to or replaced whole, so neither lake can spoil the other's.
    """
    folder = target.tape / recorder
    folder.mkdir(mode=0o700, parents=True)
    for segment in segments(source.tape / recorder):
        try:
            os.link(segment.path, folder / segment.path.name)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP):
                raise
            shutil.copy2(segment.path, folder / segment.path.name)


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

    def ranges(self) -> Iterator[Range]:
        """Rebuild range by range, yielding each when its files are published.

        Decoding begins with the tape, as gaps and what history restored depend on all that came before. Raises
        RollerBusyError, and TapeError where no mark of the tape can be read.
        """
        folder = self.layout.tape / self.recorder
        first = first_whole_mark(folder)
        if first is None and not segments(folder):
            return
        if first is None:
            raise TapeError(f"{folder} holds no mark that can be read: there is nothing to rebuild from")
        with roller_lock(self.layout, self.recorder):
            account, last = Account(), None
            for last in Ranges(folder, Rolled(first), readable(Files(self.layout, self.recorder))):
                if self.span.passed(last):
                    break
                account.add(last, self._publish(last))
                yield last
            self._clear(account)
            if self.span.everything:
                prepare(self.layout)  # not before: its views cannot be made over files that cannot be read
                if last is not None:
                    write_rolled(self.layout, self.recorder, Rolled(last.to_mark, last.state))

    def _publish(self, found: Range) -> list[Path]:
        files = list(files_of(self.layout, self.recorder, found.from_mark, found.tables))
        if self.span.covers(found):
            self._covered.add(found.from_mark)
            for path, table, rows in files:
                self._file(path, table, rows, found)
        return [path for path, _, _ in files]

    def _file(self, path: Path, table: Table, rows: pa.Table, found: Range) -> None:
        if not found.is_whole and _is_readable(table, path):
            self.kept.append(path)
            return
        publish_file(path, table, rows)
        self.written += 1

    def _clear(self, account: Account) -> None:
        """Set aside what the tape does not give, unless its rows may come from a part of the tape that is gone."""
        for path, mark, whole in list(account.strays(self.layout, self.recorder)):
            # Marks from the tape's last one on will be given again, and with them the names of these files.
            beyond = self.span.everything and mark >= account.last_mark
            if beyond or (whole and mark in self._covered):
                self.set_aside.append(path.rename(bad_path(path)))
            elif self.span.everything:
                self.kept.append(path)


def _is_readable(table: Table, path: Path) -> bool:
    try:
        read_rows(table, path)
    except (FileNotFoundError, UnreadableError):
        return False
    return True
