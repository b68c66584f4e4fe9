"""The paths of a data folder, and what the name of a rolled or sorted file says (D66; see capture.data_folder)."""

import json
import os
import re
import shlex
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from capture.data_folder import ARCHIVE, DATABASE, LIVE, ROLLED, SEALED, STATEMENTS, TAPE
from capture.publish import publish
from capture.tape.segment import is_recorder

NEVER_SEALED = date(1970, 1, 1)
# A file without rows stands in this folder of every table: a pattern always finds a file, and so the columns (D67).
EMPTY_DATE = "1970-01-01"
EMPTY_NAME = "empty.parquet"
MOST_NAMES = 10_000  # of folders whose dates are remembered: each question looks at the names of all

_ARCHIVE_NAME = re.compile(r"(?P<recorder>[A-Za-z0-9_-]+)\.(?P<first>\d{12,})-(?P<last>\d{12,})\.parquet")
_DAY_NAME = re.compile(r"date=(\d{4}-\d\d-\d\d)")
_LIVE_NAME = re.compile(r"(?P<recorder>[A-Za-z0-9_-]+)\.(?P<mark>\d{12,})\.parquet")


def restored_by(layout: "Layout") -> str:
    """Return in words the command that restores what a lake must know of itself."""
    return f"`{shlex.join(['ticktape', 'recover', '--data', str(layout.root)])}` restores it"


class LakeMissingError(FileNotFoundError):
    """There is no lake at a path."""


class LakeStateError(OSError):
    """A file in which a lake keeps what it must know of itself cannot be read (D69)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one data folder.

    `spare` is where the rowless files are of a lake that lacks them and cannot be written, None for its own folders.
    """

    root: Path
    spare: Path | None = None

    @property
    def tape(self) -> Path:
        """The folder of the tapes, one folder per recorder in it."""
        return self.root / TAPE

    @property
    def database(self) -> Path:
        """The DuckDB file with the views."""
        return self.root / DATABASE

    def live(self, table: str) -> Path:
        """Return the folder of a table's rolled files."""
        return self.root / LIVE / table

    def archive(self, table: str) -> Path:
        """Return the folder of a table's sealed days."""
        return self.root / ARCHIVE / table

    def rowless(self, folder: Path) -> Path:
        """Return the file without rows of a table's folder of live or archive files."""
        return (self.spare / folder.name if self.spare else folder) / f"date={EMPTY_DATE}" / EMPTY_NAME

    @property
    def statements(self) -> Path:
        """The folder of IB's statements, and a folder in it for each table that they give."""
        return self.root / STATEMENTS

    def statement_rows(self, table: str) -> Path:
        """Return the file of the rows that all statements give of a table; there is none where there are no statements.
        """
        return self.statements / table / "rows.parquet"

    def statement_rowless(self, table: str) -> Path:
        """Return the file without rows of a table that statements give."""
        return (self.spare or self.statements) / table / EMPTY_NAME

    def sealed(self, table: str) -> Path:
        """Return the file that says up to which date a table is sealed."""
        return self.root / SEALED / f"{table}.parquet"

    def kept(self, table: str) -> Path:
        """Return the file of what is kept of a table's archive files (see capture.lake.kept)."""
        return self.root / SEALED / f"{table}.files"

    def digest(self, table: str) -> Path:
        """Return the file of what is kept of the rows of a table's archive files (see capture.lake.digest)."""
        return self.root / SEALED / f"{table}.digest"

    def groups(self, table: str) -> Path:
        """Return the file of what is kept of the row groups of a table's archive files."""
        return self.root / SEALED / f"{table}.groups"

    def live_file(self, table: str, day: str, recorder: str, mark: int) -> Path:
        """Return the path of the rows that followed a mark; `day` is the ISO date of their ts."""
        return self.live(table) / f"date={day}" / f"{recorder}.{mark:012}.parquet"

    def archive_file(self, table: str, day: str, recorder: str, first_mark: int, last_mark: int) -> Path:
        """Return the path of sorted rows of a date, from what followed a mark to what followed another."""
        return self.archive(table) / f"date={day}" / f"{recorder}.{first_mark:012}-{last_mark:012}.parquet"

    def rolled(self, recorder: str) -> Path:
        """Return the file that holds a recorder's rolled position."""
        return self.tape / recorder / ROLLED

    def recorders(self) -> list[str]:
        """Return the names of the recorders that have a tape here."""
        found = self.tape.iterdir() if self.tape.is_dir() else ()
        return sorted(path.name for path in found if path.is_dir() and is_recorder(path.name))

    def require(self) -> None:
        """Raise LakeMissingError where this folder holds no lake, LakeStateError where its name is no text."""
        try:
            str(self.root.absolute()).encode()
        except UnicodeEncodeError:
            raise LakeStateError(f"{str(self.root.absolute())!a}: files are not found in a folder whose name is no "
                                 "UTF-8; rename it, or where the locale is to blame, set PYTHONUTF8=1") from None
        if not self.tape.is_dir() and not (self.root / LIVE).is_dir():
            raise LakeMissingError(
                f"no lake at {self.root.absolute()}: name its folder with --data, or make one with `ticktape record`")


@dataclass(frozen=True, slots=True)
class Rolled:
    """How far a recorder's tape is rolled: up to a mark, and the state of decoding there (`decoder.DecodingState`).

    `nameless` counts the rows of market data before it that name no instrument, by table.
    """

    mark: int
    state: dict[str, Any] | None = None
    nameless: dict[str, int] = field(default_factory=dict)


def day_folders(folder: Path) -> dict[str, Path]:
    """Return the folders of dates among a table's live or archive files, by date in ISO form, oldest first.

    Without that of the rowless file, and without any of another name, such as a copy that somebody made.
    """
    return {day: folder / f"date={day}" for day in days_in(folder)}


def days_in(folder: Path) -> list[str]:
    """Return the dates of `day_folders` alone, which takes much less than their paths."""
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(day for name in names if (day := day_of(name)) and day != EMPTY_DATE)


def parquet_names(folder: Path) -> list[str]:
    """Return the names of the files of rows in a folder, in order; none where it is gone, as what was pruned is."""
    # Not by glob: over a thousand dates that takes most of the time of a first question.
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(".parquet"))
    except FileNotFoundError:
        return []


@lru_cache(maxsize=MOST_NAMES)
def day_of(name: str) -> str | None:
    """Return the date in the name of a folder of files, in ISO form; None for a folder of another kind."""
    match = _DAY_NAME.fullmatch(name)
    try:
        return date.fromisoformat(match[1]).isoformat() if match else None
    except ValueError:
        return None


def live_mark(path: Path) -> tuple[str, int] | None:
    """Return the recorder and the mark in a rolled file's name; None for a file of another kind."""
    match = _LIVE_NAME.fullmatch(path.name)
    return (match["recorder"], int(match["mark"])) if match else None


def archive_marks(path: Path) -> tuple[str, int, int] | None:
    """Return recorder, first and last mark in the name of an archive file; None for a file of another kind."""
    match = _ARCHIVE_NAME.fullmatch(path.name)
    return (match["recorder"], int(match["first"]), int(match["last"])) if match else None


def read_rolled(layout: Layout, recorder: str) -> Rolled | None:
    """Return how far a recorder's tape is rolled; None when nothing is. Raises LakeStateError."""
    path = layout.rolled(recorder)
    try:
        return _rolled(json.loads(path.read_text()), recorder)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeStateError(f"{path} cannot be read: {error}; {restored_by(layout)}") from error


def _rolled(said: dict[str, Any], recorder: str) -> Rolled:
    """Return the position that a file holds. Raises ValueError and others where it is that of another tape, or none."""
    if (whose := said.get("recorder", recorder)) != recorder:
        raise ValueError(f"it is of the tape of {whose}")
    mark, gaps = said["mark"], said.get("gaps")
    if type(mark) is not int or not isinstance(gaps, dict | None):
        raise ValueError("it holds no mark and state")
    return Rolled(mark, gaps, dict(said.get("nameless", {})))


def write_rolled(layout: Layout, recorder: str, rolled: Rolled) -> None:
    """Move a recorder's rolled position on, atomically."""
    # The key is that of the first versions, whose state was of gaps only.
    text = json.dumps({"recorder": recorder, "mark": rolled.mark, "gaps": rolled.state, "nameless": rolled.nameless})
    publish(layout.rolled(recorder), lambda path: path.write_text(text))
