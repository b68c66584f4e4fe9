"""What comes to a lake after a moment, over several tables: each row once, whatever the roller does meanwhile.

New rows are looked for in the tape's tail, which is decoded once, and when the roller has moved on, in the few files
that it made since: asking costs as much as there is that is new, however much the lake holds.

What is there and what is to come are told apart by places on the tapes, and never by times: what IB's history restores
has the time at which it happened, and clocks are set (D132).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.decode.merge_rows import merged
from capture.lake.damage import FAULTS
from capture.lake.layout import Layout, archive_marks, day_folders, live_mark
from capture.lake.parquet_file import read_parquet
from capture.lake.sealed import sealed_through
from capture.schemas import TABLES, Table

from .answer import QueryError
from .explained import explained
from .tail import BEFORE_ALL, Place, Tail

IN_ORDER = [("seq", "ascending"), ("row", "ascending")]


class NewRows:
    """The rows of tables that come after `begin`; a recorder that begins later is taken in from its first row on.

    `cut` says for each recorder that there was the last place on its tape of what was there. A poll that failed may be
    repeated: nothing is lost by it. Raises QueryError for a file that cannot be read, TapeError where a tape cannot be.
    """

    def __init__(self, layout: Layout, tables: Sequence[str]) -> None:
        self.layout = layout
        self.tables = [TABLES[name] for name in tables]
        self.tails: dict[str, Tail] = {}
        self.cut: dict[str, Place] = {}
        self._reached: dict[str, tuple[int, Place]] = {}  # the mark that a tail began at, and how far it went

    def begin(self) -> None:
        """Take all that is there now for known."""
        for recorder in self.layout.recorders():
            tail = self._refreshed(recorder)
            self._reached[recorder] = tail.mark or 0, tail.place
        self.cut = {recorder: place for recorder, (_, place) in self._reached.items()}

    def poll(self) -> dict[str, pa.Table]:
        """Return the rows that came since, by table; a recorder's are in the order in which they came.

        Tables without rows are left out.
        """
        found: dict[str, list[pa.Table]] = {}
        reached = {}
        for recorder in self.layout.recorders():
            before, seen = self._reached.get(recorder, (0, BEFORE_ALL))
            tail = self._refreshed(recorder)
            for table in self.tables:
                if parts := self._since(table, tail, before, seen):
                    found.setdefault(table.name, []).append(merged(parts))
            reached[recorder] = tail.mark or before, max(seen, tail.place)
        self._reached |= reached
        return {name: pa.concat_tables(parts) for name, parts in found.items()}

    @property
    def places(self) -> dict[str, Place]:
        """For each recorder the last place on its tape that was polled."""
        return {recorder: place for recorder, (_, place) in self._reached.items()}

    def began(self, places: Mapping[str, Place]) -> list[str]:
        """Return the recorders that have no place: ask once rows were read, none of theirs was there before."""
        return [name for name in self.layout.recorders() if name not in places]

    def _refreshed(self, recorder: str) -> Tail:
        tail = self.tails.pop(recorder, None) or Tail(self.layout, recorder)
        tail.refresh()
        self.tails[recorder] = tail  # which fails begins anew: what it had read of the tape is half decoded
        return tail

    def _since(self, table: Table, tail: Tail, before: int, seen: Place) -> list[pa.Table]:
        """Return a recorder's rows behind a place; at that time its tail began at the mark `before`."""
        parts = tail.pieces(table.name)
        if tail.mark is not None and before < tail.mark:
            parts += self._rolled(table, tail.recorder, before, tail.mark)
        found = [shaped(table, rows) for part in parts if len(rows := _after(part, seen))]
        return found if len(found) < 2 else [_once(merged(found))]

    def _rolled(self, table: Table, recorder: str, begin: int, end: int) -> Iterator[pa.Table]:
        """Yield the rows of files that hold what followed marks from one on, up to another."""
        through = str(sealed_through(self.layout, table.name))
        for day, folder in day_folders(self.layout.live(table.name)).items():
            for path in folder.glob(f"{recorder}.*.parquet") if day > through else ():
                if (live := live_mark(path)) and begin <= live[1] < end:
                    yield self._read(table, path)
        for day, folder in day_folders(self.layout.archive(table.name)).items():
            for path in folder.glob(f"{recorder}.*.parquet") if day <= through else ():
                if (marks := archive_marks(path)) and marks[2] >= begin and marks[1] < end:
                    yield self._read(table, path)

    def _read(self, table: Table, path: Path) -> pa.Table:
        try:
            rows = read_parquet(path)
        except FileNotFoundError:
            raise
        except FAULTS as error:
            raise QueryError(explained(self.layout, [table.name], error)) from error
        return rows.sort_by(IN_ORDER)


def shaped(table: Table, rows: pa.Table) -> pa.Table:
    """Return rows in the columns and plain types of their table, null where an older version lacks one."""
    columns = {name: rows[name] if name in rows.column_names else pa.nulls(len(rows), field.type)
               for name, field in zip(table.schema.names, table.schema, strict=True)}
    return pa.table(columns).cast(empty(table).schema)


def empty(table: Table) -> pa.Table:
    """Return no rows of a table."""
    return pa.schema([(column.name, column.type) for column in table.columns]).empty_table()


def behind(rows: pa.Table, place: Place) -> pa.ChunkedArray:
    """Return which rows of a recorder lie behind a place on its tape."""
    seq, row = place
    return pc.or_(pc.greater(rows["seq"], seq), pc.and_(pc.equal(rows["seq"], seq), pc.greater(rows["row"], row)))


def there(rows: pa.Table, places: Mapping[str, Place], began: Collection[str]) -> pa.Table:
    """Return of some rows those that lie at or before the place of their recorder, and none of those that `began`.

    They are nearly always all of them, which is seen soon.
    """
    first = min((seq for seq, _ in places.values()), default=0)
    if not began and (not len(rows) or pc.max(rows["seq"]).as_py() < first):
        return rows
    recorders = rows["recorder"].cast(pa.string())
    came = pc.is_in(recorders, pa.array(list(began), pa.string()))
    for recorder, place in places.items():
        came = pc.or_(came, pc.and_(pc.equal(recorders, recorder), behind(rows, place)))
    return rows.filter(pc.invert(came))


def _after(rows: pa.Table, seen: Place) -> pa.Table:
    """Return the rows behind a place; they are in the order of the tape."""
    seqs = rows["seq"].to_numpy()
    rest = rows.slice(int(np.searchsorted(seqs, seen[0])))
    if not len(rest) or seqs[-len(rest)] > seen[0]:
        return rest
    return rest.filter(behind(rest, seen))


def _once(rows: pa.Table) -> pa.Table:
    """Return rows of one recorder in the order of its tape, without those that lie in a file and in the tail, too.

    What was rolled after the tail was read may have been sealed together with what came before.
    """
    rows = rows.sort_by(IN_ORDER)
    seqs, places = rows["seq"].to_numpy(), rows["row"].to_numpy()
    again = np.zeros(len(rows), bool)
    again[1:] = (seqs[1:] == seqs[:-1]) & (places[1:] == places[:-1])
    return rows.filter(pa.array(~again))
