"""Rows of recorded streams by time: read from the lake a window at a time, and kept while there is room (D100)."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from threading import RLock
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.decode.event_time import LAG_SQL, MOMENT_SQL
from capture.lake.sql_text import quoted
from capture.query import LakeReader
from capture.query.new_rows import behind, there
from capture.query.tail import BEFORE_ALL, Place
from capture.replay.following import Came
from capture.replay.row_filter import US, Wanted
from capture.schemas import TABLES
from capture.times import DAY_US, SECOND_US, moment_of
from capture.wire.messages.absent import HALTS, word_for_none

LONGEST_BAR_US = 31 * DAY_US
PIECES = (24, 48, 96, 288, 1_440)  # into how many windows a day may be cut
GROWING_PIECES = 96  # and a day that is not over, at least: nobody knows how many rows it will have
MOST_CHUNKS = 64  # of rows that came, until they are put together
WINDOW_ROWS = 250_000  # of a whole table: what streams together is read together
MOST_BYTES = 512 << 20
EXPECTED = -1  # a window that is none: of what will be asked for
LONG_US = DAY_US // 4  # ranges from here on are read at once and not kept

ORDER = ("ts", "seq", "row")
_IN_ORDER = 'instrument_id, ts, seq, "row"'
NOT_OF_THE_MARKET = ("recorder", "symbol", "stream", "request_id", "origin")
# Column of a table -> its SQL where it is played otherwise than stored: IB's words of no value, where a client would
# read an empty field as 0, or as another message.
_NO_PRICE, _NOT_KNOWN = word_for_none("tick_price", "price"), word_for_none("tick_generic", "value")
_MADE = {"ticks": {
    "price": f"case when can_auto_execute is not null then coalesce(price, {_NO_PRICE}) end",
    "value": f"""case when tick_type in ({", ".join(map(str, sorted(HALTS)))}) and size is null and "text" is null
        and can_auto_execute is null then coalesce(value, {_NOT_KNOWN}) else value end"""}}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bars:
    """What bars are: their size as IB words it and in seconds, what they are made of, and of which hours."""

    bar_size: str
    size_s: int
    what: str
    regular_hours: bool


@dataclass(frozen=True, slots=True)
class Series:
    """Rows that belong together: of one table, instrument and recorder, of some streams, and of one kind of bars.

    `beginnings`: also the bars that came at the beginning of bars kept up to date. `by_event`: what came late is played
    when it happened.
    """

    table: str
    con_id: int
    recorder: str
    streams: tuple[str, ...]
    bars: Bars | None = None
    beginnings: bool = False
    by_event: bool = False

    def rows(self, con_ids: Sequence[int], from_us: int, to_us: int, late_us: int = DAY_US) -> str:
        """Return what an SQL query takes its rows of some instruments in a range of time from, up to a condition.

        They came no more than `late_us` before or after. `ts` is the moment at which a row is played: a bar of IB's
        history as it ends, all else as it came, or by event.
        """
        start, end = moment_of(from_us), moment_of(to_us)
        return self._wanted(con_ids, late_us).rows(TABLES[self.table], start, end)

    def select(self, con_ids: Sequence[int], from_us: int, to_us: int, late_us: int = DAY_US) -> str:
        """Return the SQL of its rows of some instruments that are played in a range of time; see `rows`."""
        made = _MADE.get(self.table, {})
        names = ", ".join(f'{made.get(name, name)} as "{name}"' for name in columns(self.table))
        return f"select {names} from {self.rows(con_ids, from_us, to_us, late_us)}"

    def _wanted(self, con_ids: Sequence[int], late_us: int) -> Wanted:
        table = TABLES[self.table]
        is_late = self.by_event and self.table in MOMENT_SQL
        shift = timedelta(microseconds=late_us if is_late else 0)
        if self.bars is None:
            shifts = {self.table: shift} if is_late else {}
            return Wanted((table,), None, con_ids, self.streams, (self.recorder,), None, None, shifts)
        size = timedelta(seconds=self.bars.size_s)
        ends = f"ts_event + to_microseconds({size // US - 1})"  # the last moment that is in the bar
        moment = f"case when form = 'history' then {ends} else {MOMENT_SQL[self.table] if is_late else 'ts'} end"
        kind = [f"bar_size = {quoted(self.bars.bar_size)}", f"what = {quoted(self.bars.what)}",
                f"regular_hours = {str(self.bars.regular_hours).lower()}"]
        kind += [] if self.beginnings else ["not (form = 'history' and stream = 'live_bars')"]
        return Wanted((table,), None, con_ids, self.streams, (self.recorder,), None, None, {self.table: shift + size},
                      {self.table: moment}, tuple(kind))


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of a series in a window of time, in order."""

    rows: pa.Table
    ts_us: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: pa.Table) -> Self:
        """Return some rows, which are in order."""
        return cls(rows, rows["ts"].to_numpy().view(np.int64))

    def between(self, from_us: int, to_us: int) -> pa.Table:
        """Return the rows of a range."""
        first, last = np.searchsorted(self.ts_us, (from_us, to_us))
        return self.rows.slice(first, last - first)

    def joined(self, rows: pa.Table) -> "Block":
        """Return these rows and others, which are in order, too."""
        together = pa.concat_tables([self.rows, rows])
        if together["ts"].num_chunks > MOST_CHUNKS:
            together = together.combine_chunks()
        other = Block.of(rows)
        if not len(self.ts_us) or self.ts_us[-1] < other.ts_us[0]:
            return Block(together, np.concatenate([self.ts_us, other.ts_us]))
        return Block.of(together.sort_by([(name, "ascending") for name in ORDER]))


class Store:
    """Reads a lake for several threads. Windows of instruments that stream side by side are read by one query.

    Where the recording grows, `take` is told what came: rows before `known_us` are all there, and those that lie behind
    what was told are left out until they are told.
    """

    def __init__(self, lake: LakeReader) -> None:
        self.known_us: int | None = None
        self._places: Mapping[str, Place] = {}
        self._came: Came | None = None
        self._lake = lake
        self._lock = RLock()
        self._blocks: OrderedDict[tuple[Series, int], Block] = OrderedDict()
        self._size_bytes = 0
        self._widths_us: dict[tuple[str, int], int] = {}
        self._lates_us: dict[tuple[str, date], int] = {}
        self._asked: dict[Series, dict[int, int]] = {}  # a series without its instrument -> instrument -> last window

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Return the answer to an SQL query. Raises QueryError."""
        with self._lock:
            answer = self._lake.sql(sql, parameters)
        return answer.arrow()

    def rows(self, series: Series, from_us: int, to_us: int) -> pa.Table:
        """Return the rows of a series that are played in a range, in order."""
        to_us = to_us if self.known_us is None else min(to_us, self.known_us)
        if to_us <= from_us:
            return empty(series.table)
        if to_us - from_us >= LONG_US:
            days_us = range(from_us // DAY_US * DAY_US, to_us, DAY_US)
            there = any(self._wide_us(series.table, day_us) for day_us in days_us)
            return self._read(series, [series.con_id], from_us, to_us) if there else empty(series.table)
        with self._lock:
            blocks = [self._block(series, *window) for window in self._windows(series.table, from_us, to_us)]
        if len(blocks) == 1:
            return blocks[0].between(from_us, to_us)
        parts = [part for block in blocks if len(part := block.between(from_us, to_us))]
        return parts[0] if len(parts) == 1 else pa.concat_tables([empty(series.table), *parts])

    def newest(self, series: Series, con_ids: Iterable[int], from_us: int, to_us: int, key: str) -> pa.Table:
        """Return the last row of a range for each instrument and value of a column."""
        return self.query(f"""{series.select(sorted(con_ids), from_us, to_us)}
            qualify row_number() over (
                partition by instrument_id, "{key}" order by ts desc, seq desc, "row" desc) = 1
            order by ts, seq, "row" """).cast(empty(series.table).schema)

    def late_us(self, table: str, from_us: int, to_us: int) -> int:
        """Return how much earlier or later than IB's time of them rows of a range came, at the most."""
        if table not in LAG_SQL:
            return 0
        first, last = (day(at_us) for at_us in (from_us - DAY_US, to_us + DAY_US))
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        with self._lock:
            if unknown := [one for one in days if (table, one) not in self._lates_us]:
                where = f"date between date '{unknown[0]}' and date '{unknown[-1]}'"
                found = self.query(self._late_sql(table, where))
                self._lates_us |= {(table, one): 0 for one in unknown}
                self._lates_us |= {(table, row["date"]): int((row["late_s"] or 0.0) * SECOND_US)
                                   for row in found.to_pylist()}
            return max(self._lates_us[table, one] for one in days)

    def beside(self, series: Series) -> set[int]:
        """Return the instruments that are streamed like a series, its own among them."""
        with self._lock:
            return {series.con_id, *self._asked.get(replace(series, con_id=0), {})}

    def take(self, came: Mapping[str, pa.Table], places: Mapping[str, Place], known_us: int) -> None:
        """Take in what came, by table, up to a place on each tape; before a moment all is known from now on."""
        with self._lock:
            self.known_us, self._places = known_us, places
            # Also where there was nothing to play, there may be something now.
            self._widths_us = {of: wide_us for of, wide_us in self._widths_us.items() if wide_us}
            for table, rows in came.items():
                self._add(table, rows)

    def there(self, rows: pa.Table) -> pa.Table:
        """Leave out rows that were not told yet."""
        return rows if self.known_us is None else there(rows, self._places, self._began())

    def _began(self) -> list[str]:
        return [name for name in self._lake.layout.recorders() if name not in self._places]

    def _add(self, table: str, rows: pa.Table) -> None:
        """Put rows that came into the windows that are kept, and take note of how late they are."""
        if self._came is None:
            self._came = Came()
        self._came.take(table, rows)
        if table in LAG_SQL:
            for row in self._came.sql(self._late_sql(table, "true")).to_pylist():
                if (of := (table, row["date"])) in self._lates_us:
                    self._lates_us[of] = max(self._lates_us[of], int((row["late_s"] or 0.0) * SECOND_US))
        first_us, last_us = _played_within(table, rows)
        kept: dict[tuple[Series, int], list[int]] = {}
        for series, begin_us in self._blocks:
            if series.table == table and begin_us <= last_us and begin_us + self._width_us(table, begin_us) > first_us:
                kept.setdefault((replace(series, con_id=0), begin_us), []).append(series.con_id)
        for (kind, begin_us), con_ids in kept.items():
            end_us = begin_us + self._width_us(table, begin_us)
            found = self._came.sql(f"{kind.select(con_ids, begin_us, end_us)} order by {_IN_ORDER}")
            for con_id, part in _by_instrument(found.cast(empty(table).schema), sorted(con_ids)):
                if len(part):
                    self._keep(replace(kind, con_id=con_id), begin_us, part)

    def _keep(self, series: Series, begin_us: int, rows: pa.Table) -> None:
        before = self._blocks[series, begin_us]
        self._blocks[series, begin_us] = after = before.joined(rows)
        self._size_bytes += after.rows.nbytes - before.rows.nbytes

    def _width_us(self, table: str, begin_us: int) -> int:
        return self._widths_us[table, begin_us // DAY_US * DAY_US]

    @staticmethod
    def _late_sql(table: str, where: str) -> str:
        return f'select date, max(abs({LAG_SQL[table]})) as late_s from "{table}" where {where} group by date'

    def _read(self, series: Series, con_ids: Sequence[int], from_us: int, to_us: int) -> pa.Table:
        late_us = self.late_us(series.table, from_us, to_us) + SECOND_US if series.by_event else 0
        selected = series.select(con_ids, from_us, to_us, late_us)
        places, known_us = self._places, self.known_us
        rows = self.query(f"{selected} order by {_IN_ORDER}").cast(empty(series.table).schema)
        if known_us is not None:
            rows = _told(rows, places.get(series.recorder, BEFORE_ALL if series.recorder in self._began() else None))
        return rows.combine_chunks()

    def _windows(self, table: str, from_us: int, to_us: int) -> Iterator[tuple[int, int]]:
        """Yield begin and end of the windows of a range; a day is cut into more of them the more rows it has."""
        at_us = from_us
        while at_us < to_us:
            wide_us = self._wide_us(table, at_us // DAY_US * DAY_US)
            begin_us = at_us // (wide_us or DAY_US) * (wide_us or DAY_US)
            if wide_us:
                yield begin_us, begin_us + wide_us
            at_us = begin_us + (wide_us or DAY_US)

    def _wide_us(self, table: str, day_us: int) -> int:
        """Return how wide a table's windows are on a day, 0 where it has nothing to play."""
        if (table, day_us) not in self._widths_us:
            # Bars of history are played at their end, which may be on a later day.
            first, last = day(day_us - (LONGEST_BAR_US if table == "bars" else 0)), day(day_us)
            found = self.query(f"""
                select count(*) as there, count(*) filter (date = date '{last}') as n from "{table}"
                where date between date '{first}' and date '{last}' """)
            there, count = found["there"][0].as_py(), found["n"][0].as_py()
            grows = self.known_us is not None and day_us + DAY_US > self.known_us
            least = GROWING_PIECES if grows else PIECES[0]
            pieces = next((n for n in PIECES if count <= n * WINDOW_ROWS and n >= least), PIECES[-1])
            self._widths_us[table, day_us] = DAY_US // pieces if there or grows else 0
        return self._widths_us[table, day_us]

    def expect(self, series: Series) -> None:
        """Take note that a series will be streamed: it is then read together with others of its kind."""
        with self._lock:
            self._asked.setdefault(replace(series, con_id=0), {})[series.con_id] = EXPECTED

    def _block(self, series: Series, begin_us: int, end_us: int) -> Block:
        found = self._blocks.get((series, begin_us))
        if found is None:
            asked = self._asked.setdefault(replace(series, con_id=0), {})
            wide_us = end_us - begin_us
            near = (EXPECTED, begin_us, begin_us - wide_us, begin_us + wide_us)
            beside = [con_id for con_id, at_us in asked.items()
                      if at_us in near and (replace(series, con_id=con_id), begin_us) not in self._blocks]  # fmt: skip
            self._load(series, sorted({series.con_id, *beside}), begin_us, end_us)
            asked.update(dict.fromkeys((series.con_id, *beside), begin_us))
            found = self._blocks[series, begin_us]
        self._blocks.move_to_end((series, begin_us))
        return found

    def _load(self, series: Series, con_ids: list[int], begin_us: int, end_us: int) -> None:
        rows = self._read(series, con_ids, begin_us, end_us)
        for con_id, part in _by_instrument(rows, con_ids):
            self._blocks[replace(series, con_id=con_id), begin_us] = Block.of(part)
            self._size_bytes += part.nbytes
        while self._size_bytes > MOST_BYTES and len(self._blocks) > len(con_ids):
            self._size_bytes -= self._blocks.popitem(last=False)[1].rows.nbytes


def _by_instrument(rows: pa.Table, con_ids: Sequence[int]) -> Iterator[tuple[int, pa.Table]]:
    """Yield the rows of each instrument; they and the instruments are in order of contract ids."""
    edges = np.searchsorted(rows["instrument_id"].to_numpy(), [*con_ids, con_ids[-1] + 1])
    for con_id, first, last in zip(con_ids, edges[:-1], edges[1:], strict=True):
        yield con_id, rows.slice(first, last - first)


def _told(rows: pa.Table, place: Place | None) -> pa.Table:
    """Return the rows of a recorder that are not behind a place on its tape; all where it has none."""
    if place is None or not len(rows) or pc.max(rows["seq"]).as_py() < place[0]:
        return rows
    return rows.filter(pc.invert(behind(rows, place)))


def _played_within(table: str, rows: pa.Table) -> tuple[int, int]:
    """Return the first and last moment at which rows may be played: bars of IB's history may be at their end."""
    names = ["ts", "ts_event"] if table == "bars" else ["ts"]
    edges = [pc.min_max(rows[name].cast(pa.int64())).as_py() for name in names]
    firsts, lasts = ([edge[name] for edge in edges if edge[name] is not None] for name in ("min", "max"))
    return min(firsts), max(lasts) + (LONGEST_BAR_US if table == "bars" else 0)


def columns(table: str) -> list[str]:
    """Return the columns that matter to a market: what happened, and its place in the recording."""
    return [column.name for column in TABLES[table].columns if column.name not in NOT_OF_THE_MARKET]


@cache
def empty(table: str) -> pa.Table:
    """Return no rows, with the columns that matter to a market."""
    fields = [TABLES[table].schema.field(name).with_nullable(True) for name in columns(table)]
    return pa.schema(fields).empty_table()


def day(at_us: int) -> date:
    """Return the UTC date of a moment."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).date()
