"""What was let go on purpose, and is not missed: rows of tables, and the beginning of a tape.

    sealed/pruned.json             of each pruned table: up to which date, and before which mark of each recorder
    tape/<recorder>/pruned.json    the mark at which a tape begins now, and what has to be known of before

Both are written before anything goes, so that verifying and rebuilding expect neither too much nor too little. Nothing
else tells what they say: so there is a second copy of each below archive/pruned, and what one lacks the other has
(D82).
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from capture.data_folder import PRUNED, PRUNED_TABLES, PRUNED_TABLES_COPY, pruned_tape_copy
from capture.decode.restore import KEYS
from capture.publish import make_folder, publish
from capture.schemas import Table
from capture.times import DAY_S

from .layout import LakeStateError, Layout

T = TypeVar("T")


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

    def joined(self, other: "PrunedTables") -> "PrunedTables":
        """Return what went by either of two: neither date nor mark ever goes back."""
        return PrunedTables({name: PrunedRows(max(rows.through for rows in both),
                                              {of: max(rows.marks.get(of, 0) for rows in both)
                                               for of in {mark for rows in both for mark in rows.marks}})
                             for name in self.tables | other.tables
                             if (both := [one.tables[name] for one in (self, other) if name in one.tables])})

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
    """What a part of a tape that went gave for a table and a sealed date, as `lake.proof.day_check.Day` counts it.

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
    """Return what rows went from a lake. Raises LakeStateError where neither file that says so can be read."""
    found = PrunedTables()
    for copy in _read(_tables_paths(layout), _tables):
        found = found.joined(copy)
    return found


def _tables(said: dict[str, Any]) -> PrunedTables:
    return PrunedTables({name: PrunedRows(str(rows["through"]), {of: int(mark) for of, mark in rows["marks"].items()})
                         for name, rows in said.items()})


def kept_s(layout: Layout) -> dict[str, float]:
    """Return for each table of which old rows went since when it is whole, in seconds since 1970."""
    through = {name: date.fromisoformat(rows.through) for name, rows in read_pruned_tables(layout).tables.items()}
    return {name: datetime.combine(day, time(), UTC).timestamp() + DAY_S for name, day in through.items()}


def write_pruned_tables(layout: Layout, pruned: PrunedTables) -> None:
    """Say what rows are to go from a lake, atomically."""
    _write(_tables_paths(layout), {name: asdict(rows) for name, rows in pruned.tables.items()})


def read_pruned_tape(folder: Path) -> PrunedTape | None:
    """Return what went from the tape in a folder; None where nothing did. Raises LakeStateError as above."""
    copies = _read(_tape_paths(folder), partial(_tape, folder.name))
    return max(copies, key=lambda pruned: pruned.mark, default=None)


def _tape(recorder: str, said: dict[str, Any]) -> PrunedTape:
    if (whose := said.pop("recorder", recorder)) != recorder:
        raise ValueError(f"it is of the tape of {whose}")
    days = tuple(PrunedDay(*day) for day in said.pop("days"))
    return PrunedTape(**said, days=days)


def removable(folder: Path) -> int:
    """Return the mark before which a tape may go without being verified again, as all that is known says it may."""
    return min((pruned.mark for pruned in _read(_tape_paths(folder), partial(_tape, folder.name))), default=0)


def write_pruned_tape(folder: Path, pruned: PrunedTape) -> None:
    """Say what is to go from the tape in a folder, atomically."""
    days = [list(asdict(day).values()) for day in pruned.days]
    _write(_tape_paths(folder), {"recorder": folder.name} | asdict(pruned) | {"days": days})


def copy_pruned(source: Layout, target: Layout, recorder: str) -> None:
    """Have another lake, made from a tape of this one, know what went."""
    if (pruned := read_pruned_tables(source)).tables:
        write_pruned_tables(target, pruned)
    if tape := read_pruned_tape(source.tape / recorder):
        write_pruned_tape(target.tape / recorder, tape)


def copies(layout: Layout, recorder: str) -> tuple[tuple[Path, ...], ...]:
    """Return the files that say what went from a lake, and those of a tape: each time a file and its copy."""
    return _tables_paths(layout), _tape_paths(layout.tape / recorder)


def _tables_paths(layout: Layout) -> tuple[Path, ...]:
    return layout.root / PRUNED_TABLES, layout.root / PRUNED_TABLES_COPY


def _tape_paths(folder: Path) -> tuple[Path, ...]:
    return folder / PRUNED, folder.parent.parent / pruned_tape_copy(folder.name)


def _read(paths: Iterable[Path], meant: Callable[[dict[str, Any]], T]) -> list[T]:
    """Return what a file and its copy say, where they are there. Raises LakeStateError where none can be read."""
    found, faults = [], list[tuple[Path, Exception]]()
    for path in paths:
        try:
            found.append(meant(json.loads(path.read_text())))
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            faults.append((path, error))
    if faults and not found:
        broken, fault = faults[0]
        raise LakeStateError(f"{broken} cannot be read: {fault}; bring it back from a backup, as it says what was "
                             "pruned: without it that would count as lost") from fault
    return found


def _write(paths: Iterable[Path], said: dict[str, Any]) -> None:
    for path in paths:
        make_folder(path.parent)
        publish(path, lambda temporary: temporary.write_text(json.dumps(said)))
