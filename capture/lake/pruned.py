"""What was let go on purpose, and is not missed: rows of tables, and the beginning of a tape.

    sealed/pruned.json             of each pruned table: up to which date, and before which mark of each recorder
    tape/<recorder>/pruned.json    the mark at which a tape begins now, and what has to be known of before

Both are written before anything goes, so that verifying and rebuilding expect neither too much nor too little.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import Table
from capture.tape import make_folder, publish

from .layout import LakeStateError, Layout
from .restore import KEYS

FILE_NAME = "pruned.json"
T = TypeVar("T")
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class PrunedRows:
    """Rows of a table that went: those of dates up to `through` (ISO) that followed marks before that of a recorder."""

    through: str
    marks: dict[str, int]

    def holds(self, day: str, recorder: str, mark: int) -> bool:
        """Return whether rows of a date, which followed a mark of a recorder, are among them."""
        return day <= self.through and mark < self.marks.get(recorder, 0)


@dataclass(frozen=True, slots=True)
class PrunedTables:
    """All rows that went, by table."""

    tables: dict[str, PrunedRows] = field(default_factory=dict)

    def holds(self, table: str, day: str, recorder: str, mark: int) -> bool:
        """Return whether rows of a table and date, which followed a mark of a recorder, went."""
        return table in self.tables and self.tables[table].holds(day, recorder, mark)

    @property
    def not_known(self) -> frozenset[tuple[str, str]]:
        """The columns, by table, whose values cannot be told from the tape once such rows are gone.

        How many rows history brought into a gap follows from those captured before, which may have gone.
        """
        return frozenset({("gaps", "rows_restored")} if self.tables.keys() & KEYS.keys() else ())

    def blanked(self, table: Table, rows: pa.Table) -> pa.Table:
        """Return rows of a table with nulls where their values are not known: of gaps in dates of which rows went."""
        through = max((self.tables[name].through for name in self.tables.keys() & KEYS.keys()), default="")
        for column in (column for name, column in self.not_known if name == table.name):
            gone = pc.less_equal(pc.strftime(rows["from_ts"], format="%Y-%m-%d"), through)
            rows = rows.set_column(rows.column_names.index(column), column, pc.if_else(gone, None, rows[column]))
        return rows


@dataclass(frozen=True, slots=True)
class PrunedDay:
    """What a part of a tape that went gave for a table and a sealed date, as `capture.lake.day_check.Day` counts it.

    `hashed_by` says how `total` came about: it can be compared only with a sum that came about in the same way.
    """

    table: str
    day: str
    rows: int
    total: int
    first: int
    last: int
    hashed_by: str


@dataclass(frozen=True, slots=True)
class PrunedTape:
    """The beginning of a tape that went: all before `mark`.

    `state` is what decoding from there on has to know, `frames` how many frames came before, `size_bytes` what their
    segments took, `through` the UTC date of the mark, `days` what the tables hold of them.
    """

    mark: int
    state: dict[str, Any]
    frames: int
    size_bytes: int
    through: str
    days: tuple[PrunedDay, ...] = ()


def read_pruned_tables(layout: Layout) -> PrunedTables:
    """Return what rows went from a lake. Raises LakeStateError where the file that says so cannot be read."""
    return _read(_tables_path(layout), _tables) or PrunedTables()


def _tables(said: dict[str, Any]) -> PrunedTables:
    return PrunedTables({name: PrunedRows(**rows) for name, rows in said.items()})


def kept_s(layout: Layout) -> dict[str, float]:
    """Return for each table of which old rows went since when it is whole, in seconds since 1970."""
    through = {name: date.fromisoformat(rows.through) for name, rows in read_pruned_tables(layout).tables.items()}
    return {name: datetime.combine(day, time(), UTC).timestamp() + DAY_S for name, day in through.items()}


def write_pruned_tables(layout: Layout, pruned: PrunedTables) -> None:
    """Say what rows are to go from a lake, atomically."""
    _write(_tables_path(layout), {name: asdict(rows) for name, rows in pruned.tables.items()})


def read_pruned_tape(folder: Path) -> PrunedTape | None:
    """Return what went from the tape in a folder; None where nothing did. Raises LakeStateError as above."""
    return _read(folder / FILE_NAME, _tape)


def _tape(said: dict[str, Any]) -> PrunedTape:
    days = tuple(PrunedDay(*day) for day in said.pop("days"))
    return PrunedTape(**said, days=days)


def write_pruned_tape(folder: Path, pruned: PrunedTape) -> None:
    """Say what is to go from the tape in a folder, atomically."""
    _write(folder / FILE_NAME, asdict(pruned) | {"days": [list(asdict(day).values()) for day in pruned.days]})


def copy_pruned(source: Layout, target: Layout, recorder: str) -> None:
    """Have another lake, made from a tape of this one, know what went."""
    if (pruned := read_pruned_tables(source)).tables:
        make_folder(_tables_path(target).parent)
        write_pruned_tables(target, pruned)
    if tape := read_pruned_tape(source.tape / recorder):
        write_pruned_tape(target.tape / recorder, tape)


def _tables_path(layout: Layout) -> Path:
    return layout.sealed("trades").with_name(FILE_NAME)


def _read(path: Path, meant: Callable[[dict[str, Any]], T]) -> T | None:
    try:
        return meant(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeStateError(f"{path} cannot be read: {error}; bring it back from a backup, as it says what was "
                             "pruned: without it that would count as lost") from error


def _write(path: Path, said: dict[str, Any]) -> None:
    publish(path, lambda temporary: temporary.write_text(json.dumps(said)))
