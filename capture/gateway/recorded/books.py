"""Order books as they were recorded: their state at a moment, and their operations with a reset at each new start."""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from capture.times import DAY_US, SECOND_US

from .catalog import Catalog, Start
from .store import Series, Store, empty

STEP_US = 3_600 * SECOND_US  # a book is followed so far at once
REACHES_US = (60 * SECOND_US, 3_600 * SECOND_US, DAY_US)  # how far the first row after a request is looked for
MOST_KEPT = 1_000
SIDES = ("ask", "bid")

Row = dict[str, Any]


@dataclass(slots=True)
class Book:
    """The rows of a book, best first, by side."""

    sides: dict[str, list[Row]] = field(default_factory=lambda: {side: [] for side in SIDES})

    def apply(self, row: Row, most: int) -> None:
        """Take in an operation on a book of at most so many rows; one that does not fit is taken as near as may be."""
        if row["operation"] == "reset":
            self.sides = {side: [] for side in SIDES}
            return
        side, place = self.sides[row["side"]], row["position"]
        if place >= most:
            return
        if row["operation"] == "insert":
            side.insert(place, row)
        elif row["operation"] == "delete":
            del side[place : place + 1]
        else:
            side[place : place + 1] = [row]
        del side[most:]  # IB tells no more of what is beyond the rows that were asked for

    def inserts(self, at_us: int, rows: int) -> list[Row]:
        """Return the first rows of each side as inserts at a moment, in front of all that comes then."""
        found = [row | {"operation": "insert", "position": place}
                 for side in SIDES for place, row in enumerate(self.sides[side][:rows])]  # fmt: skip
        return [row | {"ts": at_us, "seq": 0, "row": number} for number, row in enumerate(found)]


class Books:
    """The books of recorded instruments. What is beyond the rows that a client asks for is cut off."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._store, self._catalog = store, catalog
        self._kept: OrderedDict[tuple[Series, int], Book] = OrderedDict()  # books at moments, last used at the end
        self._first: dict[tuple[Series, int], tuple[int, int] | None] = {}  # seq of a start -> ts and seq of a row
        self._none_before: dict[tuple[Series, int], int] = {}  # seq of a start -> since when one may come

    def book(self, series: Series, at_us: int, rows: int) -> pa.Table:
        """Return the book just before a moment as inserts, asks first."""
        return _table(self._at(series, at_us).inserts(at_us, rows))

    def depth(self, series: Series, from_us: int, to_us: int, rows: int) -> pa.Table:
        """Return the operations of a range; in front of the first row of every request but the first, a reset."""
        found = self._operations(series, from_us, to_us)
        if all(start.rows <= rows for start in self._catalog.starts(series)):
            return found
        book = deepcopy(self._at(series, from_us))
        cut = _table([cut for row in found.to_pylist() for cut in _cut(book, row, rows, self._asked(series, row))])
        self._keep(series, to_us, book)
        return cut

    def _operations(self, series: Series, from_us: int, to_us: int) -> pa.Table:
        found = self._store.rows(series, from_us, to_us)
        starts = [start for start in self._catalog.starts(series)[1:] if start.ts_us < to_us]
        firsts = [first for start in starts if (first := self._first_row(series, start)) is not None]
        resets = [{"ts": ts_us, "seq": seq, "row": -1, "operation": "reset"}
                  for ts_us, seq in firsts if from_us <= ts_us < to_us]  # fmt: skip
        if not resets:
            return found
        joined = pa.concat_tables([found, _table(resets)])
        return joined.sort_by([("ts", "ascending"), ("seq", "ascending"), ("row", "ascending")])

    def _first_row(self, series: Series, start: Start) -> tuple[int, int] | None:
        """Return moment and frame of the first row after a request, None where there came none before the next."""
        of = series, start.seq
        if of not in self._first:
            later = [other.ts_us for other in self._catalog.starts(series) if other.seq > start.seq]
            end_us = min(later, default=start.ts_us + DAY_US) + 1
            from_us, known_us = self._none_before.get(of, start.ts_us), self._store.known_us
            reaches_us = (min(from_us + reach_us, end_us) for reach_us in REACHES_US)
            found = (self._after(series, start, from_us, to_us) for to_us in reaches_us)
            first = next((first for first in found if first is not None), None)
            if first is None and known_us is not None and known_us < end_us:  # it may come
                self._none_before[of] = max(known_us, start.ts_us)
                return None
            self._first[of] = first
        return self._first[of]

    def _after(self, series: Series, start: Start, from_us: int, to_us: int) -> tuple[int, int] | None:
        rows = self._store.rows(series, from_us, to_us)
        later = np.flatnonzero(rows["seq"].to_numpy() > start.seq)
        if not len(later):
            return None
        first = rows.slice(later[0], 1)
        return first["ts"].cast(pa.int64())[0].as_py(), first["seq"][0].as_py()

    def _begun_us(self, series: Series, at_us: int) -> int:
        """Return when the book that stands at a moment began; the moment itself where there is none."""
        for start in reversed([start for start in self._catalog.starts(series) if start.ts_us < at_us]):
            first = self._first_row(series, start)
            if first is not None and first[0] < at_us:
                return first[0]
        return at_us

    def _at(self, series: Series, at_us: int) -> Book:
        """Return the book before a moment: followed from the last one known, or from where it began."""
        begun_us = self._begun_us(series, at_us)
        known = [ts_us for of, ts_us in self._kept if of == series and begun_us < ts_us <= at_us]
        from_us = max(known, default=begun_us)
        book = deepcopy(self._kept[series, from_us]) if known else Book()
        for begin_us in range(from_us, at_us, STEP_US):
            for row in self._operations(series, begin_us, min(begin_us + STEP_US, at_us)).to_pylist():
                book.apply(row, self._asked(series, row))
        self._keep(series, at_us, book)
        return book

    def _asked(self, series: Series, row: Row) -> int:
        """Return how many rows the request asked for that an operation belongs to."""
        starts = self._catalog.starts(series)
        return starts[max(bisect_left(starts, row["seq"], key=lambda start: start.seq) - 1, 0)].rows

    def _keep(self, series: Series, at_us: int, book: Book) -> None:
        self._kept[series, at_us] = book
        self._kept.move_to_end((series, at_us))
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


def _cut(book: Book, row: Row, rows: int, most: int) -> Iterator[Row]:
    """Yield what an operation means to a book of so many rows, and take it into the whole book, of at most `most`."""
    side, place = book.sides.get(row["side"], []), row["position"]
    before = len(side)
    book.apply(row, most)
    if row["operation"] == "reset":
        yield row
    elif place < rows:
        if row["operation"] == "insert" and before >= rows:
            yield row | {"operation": "delete", "position": rows - 1, "price": 0.0, "size": 0.0}
        yield row
        if row["operation"] == "delete" and before > rows:
            yield row | {name: side[rows - 1][name] for name in ("price", "size", "market_maker")} | {
                "operation": "insert", "position": rows - 1}  # fmt: skip


def _table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=empty("depth").schema)
