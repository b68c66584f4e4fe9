"""What a replay plays: the rows of a lake, read a stretch of time after the other, and the state at its start."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow as pa

from capture.decode.event_time import MOMENT_SQL
from capture.functions.books import STREAMS as BOOK_STREAMS
from capture.kernel.merging import merging
from capture.lake.damage import hint as mends
from capture.query.answer import AskedError, QueryError
from capture.query.books.book_snapshots import book
from capture.query.known import check_span, check_stream
from capture.query.selection import Instruments, Moment, moment, symbols_and_ids
from capture.schemas import DEPTH, MARKET_TABLES, TABLES, Table
from capture.suggestion import hint
from capture.times import EPOCH

from . import Replay, Stretch, wide_schema
from .archive_sweep import HELD_ROWS, Choice, Group, groups_of, most_at_once, sweep
from .following import Following
from .merged_sweep import merged_sweep, most_held, suits
from .row_filter import LONGEST_LAG, US, Asked, Wanted, among
from .row_spans import day_spans, within
from .stretch import chosen

# How many rows are in memory at once, about: a stretch holds no more, unless a single second does.
STRETCH_ROWS = 500_000
# Of a swept day fewer at a time cost nothing more, and buffers of this size are used again rather than fetched anew:
# measured, a quarter less time than with STRETCH_ROWS.
SWEPT_ROWS = 131_072

# The state is looked for since each stream was last asked for, as IB sends some values only then; no longer than this.
LONGEST_LOOK_BACK = timedelta(days=7)
LOOK_BACK = timedelta(days=1)  # where the lake does not say when a stream was asked for
# Requests that begin no stream.
ONCE = ("history", "reference", "snapshot")

# By what time rows are played.
CLOCKS = EVENT, ARRIVAL = "event", "arrival"

EVERY_TABLE = tuple(one.name for one in MARKET_TABLES)
LAST_FIRST = 'ts desc, seq desc, "row" desc'

Texts = str | Sequence[str] | None


def replay(
    lake: Asked,
    instruments: Instruments | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    *,
    tables: Sequence[str] = EVERY_TABLE,
    columns: Sequence[str] | None = None,
    stream: Texts = None,
    recorder: Texts = None,
    speed: float | None = None,
    longest_silence_s: float | None = None,
    state: bool = True,
    clock: str = ARRIVAL,
    follow: bool = False,
) -> Replay:
    """Return what was recorded in [start, end) as events in recorded order: by ts, recorder, seq, row, over all tables.

    Iterate over it for typed records, also with `async for`, or take its `.batches()`. `instruments` are symbols or
    contract ids; rows of system tables that concern the whole line come too. `columns` narrows down what records hold
    beside their place. A trade recorded by two streams or recorders comes twice: name one `stream`, or several, and
    one `recorder`.

    `speed` 1 plays as recorded, 10 ten times as fast, None as fast as it goes. Silences longer than
    `longest_silence_s` are cut down to it. With a `start`, what was known then comes first, as records with
    `initial` true: the last row of each stream (and tick type, and kind of bar), and open order books as inserts.

    `clock` "event" plays what came late when it happened: `ts` is then within IB's whole second (`ts_event`; of a bar
    its end). What came on time, and what IB gives no time for (ticks, depth, greeks), keeps the time at which it came,
    as all does with "arrival".

    `follow` goes on with what comes, without an end: each row once, over rolls and days. What was there as it began is
    in order; then all that came within a tenth of a second is, so that a row that comes late, or that history restores,
    follows on those that came sooner, also with clock "event". At a speed above 1 the past catches up, and rows come as
    they come; at 1 a replay stays as far behind as it began, and what came meanwhile is held in memory. It ends when
    you stop iterating.

    Needs little memory, however long the time is. Raises QueryError for a table, column, time, speed or
    clock that is none, and for an `end` of what is followed.
    """
    if follow and end is not None:
        raise AskedError("a replay that follows has no end: leave out end, or follow")
    if clock not in CLOCKS:
        raise QueryError(f"clock is {clock!r}: give {' or '.join(map(repr, CLOCKS))}")
    wanted = Wanted(_tables(tables), _columns(tables, columns), instruments, _texts(stream), _texts(recorder),
                    _moment(start), _moment(end))
    check_span(start, end)
    for one in wanted.streams or ():
        check_stream(one)
    lake.check(instruments, [table.name for table in wanted.tables])
    for name, value in (("speed", speed), ("longest_silence_s", longest_silence_s)):
        if value is not None and (isinstance(value, str) or not value > 0):
            raise QueryError(f"{name} is {value!r}: give a number above 0, or None for no limit")

    def read() -> Iterator[Stretch]:
        # A lake of its own: it is read in another thread, and this one may be asked or closed meanwhile.
        looks_beyond = clock == EVENT or (state and wanted.start is not None)
        with closing(lake.again() if looks_beyond else lake.again(wanted.start, wanted.end)) as own:
            following = Following(own, wanted, by_event=clock == EVENT) if follow else None
            asked = replace(wanted, shifts=_shifts(own, wanted)) if clock == EVENT else wanted
            if state and asked.start is not None:
                yield Stretch.of(_state(own, asked, asked.start), initial=True)
            yield from _stretches(own, asked, following)
        if following is not None:
            yield from following.stretches()

    return Replay(read, wide_schema(wanted.tables, wanted.columns), speed=speed, longest_silence_s=longest_silence_s)


def _stretches(lake: Asked, wanted: Wanted, following: Following | None) -> Iterator[Stretch]:
    """Yield the past in order; of what is followed what was there when that began."""
    for start, end, rows in day_spans(lake, wanted, STRETCH_ROWS):
        choice, most_rows = _choice(wanted, start, end), min(STRETCH_ROWS, SWEPT_ROWS)
        groups = _archive(lake, wanted, start, end) if rows > STRETCH_ROWS and not wanted.shifts else None
        kernel = merging() if following is None and suits(choice) else None
        if groups is not None and kernel is not None and most_held(groups) <= HELD_ROWS:
            yield from merged_sweep(kernel, groups, choice, most_rows, mends(lake.layout))
            continue
        is_swept = groups is not None and most_at_once([(one, one.rows) for one in groups]) <= HELD_ROWS
        found = (sweep(groups, choice, most_rows, mends(lake.layout)) if groups is not None and is_swept
                 else _unordered(lake, wanted, start, end, rows))
        for tables in found:
            yield Stretch.of(tables if following is None else following.past(tables))


def _unordered(
    lake: Asked, wanted: Wanted, start: datetime, end: datetime, rows: int
) -> Iterator[dict[str, pa.Table]]:
    """Yield the rows of a span of time by queries, cut into spans that hold no more than a stretch does."""
    for begin, until in within(lake, wanted, start, end, STRETCH_ROWS) if rows > STRETCH_ROWS else [(start, end)]:
        yield {table.name: lake.sql(wanted.select(table, begin, until)).arrow() for table in wanted.tables}


def _choice(wanted: Wanted, start: datetime, end: datetime) -> Choice:
    columns = {table.name: [one.name for one in chosen(table, wanted.columns)] for table in wanted.tables}
    return Choice(start, end, columns, wanted.condition)


def _shifts(lake: Asked, wanted: Wanted) -> dict[str, timedelta]:
    """Return for the tables of which rows came at another time than they are played how far that is, at the most."""
    # Rows of the time that is wanted may have come later, or, where a clock was behind, sooner.
    near = replace(wanted, start=wanted.start and max(wanted.start - LONGEST_LAG, EPOCH),
                   end=wanted.end and wanted.end + LONGEST_LAG)
    found = {}
    for table in wanted.tables:
        if moment_sql := MOMENT_SQL.get(table.name):
            query = (f'select max(abs(epoch_us(ts) - epoch_us({moment_sql}))) from "{table.name}" '
                     f"where {near.where(table, near.start, near.end)}")
            [(shift_us,)] = lake.sql(query).rows()
            if shift_us:
                found[table.name] = timedelta(microseconds=shift_us)
    return found


def _archive(lake: Asked, wanted: Wanted, start: datetime, end: datetime) -> list[Group] | None:
    """Return the parts of archive files that hold a day, None where it is to be read by queries."""
    day = start.date()
    if any(table not in MARKET_TABLES for table in wanted.tables):
        return None
    counts = {table: lake.sql(f'select count(*) from "{table.name}" where date = date \'{day}\'').rows()[0][0]
              for table in wanted.tables}
    symbols, ids = symbols_and_ids(wanted.instruments) if wanted.instruments is not None else ([], [])
    return groups_of(lake.layout, counts, day, start, end, symbols if symbols and not ids else None)


def _state(lake: Asked, wanted: Wanted, at: datetime) -> dict[str, pa.Table]:
    """Return the rows that tell how things stood just before a moment, by table."""
    found = {}
    for table in wanted.tables:
        if table.state_key is not None:
            rows = _last(lake, wanted, table, at)
            found[table.name] = _books(lake, wanted, rows, at) if table is DEPTH else rows
    return found


def _last(lake: Asked, wanted: Wanted, table: Table, at: datetime) -> pa.Table:
    """Return the last row of each stream and kind."""
    since = _asked_since(lake, wanted, table, at)
    key = ", ".join(("recorder", "instrument_id", "stream", *(table.state_key or ())))
    rows = f"from {wanted.rows(table, since, at)}"
    # When each was last told first: of two columns that is much cheaper than to order all rows.
    query = (f'select * exclude (date) {rows} and ts >= (select min(last) from (select max(ts) as last {rows} '
             f'group by {key})) qualify row_number() over (partition by {key} order by {LAST_FIRST}) = 1')
    names = [column.name for column in (table.columns if table is DEPTH else chosen(table, wanted.columns))]
    return lake.sql(query).arrow().select(names)


def _asked_since(lake: Asked, wanted: Wanted, table: Table, at: datetime) -> datetime:
    """Return since when the streams that fill a table were asked for, the longest of them."""
    earliest = at - LONGEST_LOOK_BACK
    streams = f'select distinct stream from "{table.name}" where {wanted.where(table, at - LOOK_BACK, at)}'
    [(since,)] = lake.sql(f"""
        select min(last) from (
            select max(ts) as last from subscriptions
            where event = 'requested' and stream in ({streams}) and not {among("stream", ONCE)}
              and {wanted.where(TABLES["subscriptions"], earliest, at)}
            group by recorder, instrument_id, stream)""").rows()
    return min(since, at - LOOK_BACK) if since is not None else at - LOOK_BACK


def _books(lake: Asked, wanted: Wanted, last: pa.Table, at: datetime) -> pa.Table:
    """Return the books that can be trusted just before a moment, as inserts; `last` is the last row of each.

    Rows of a book have the time and place of its last operation.
    """
    known = {(row["recorder"], row["instrument_id"], row["stream"], row["request_id"]): row for row in last.to_pylist()}
    names = sorted({row["symbol"] for row in known.values() if row["symbol"] is not None
                    and row["stream"] in BOOK_STREAMS})
    levels = book(lake.sql, names, at - US).arrow().to_pylist() if names else []
    inserts = []
    for level in levels:
        row = known.get((level["recorder"], level["instrument_id"], level["stream"], level["request_id"]))
        if row is not None and level["valid"] and level["position"] is not None:
            told = {name: level[name] for name in ("side", "position", "price", "size", "market_maker")}
            inserts.append(row | told | {"operation": "insert"})
    return pa.Table.from_pylist(inserts, last.schema).select([c.name for c in chosen(DEPTH, wanted.columns)])


def _tables(names: Sequence[str]) -> tuple[Table, ...]:
    given = [names] if isinstance(names, str) else list(names)
    for name in given:
        if name not in TABLES:
            raise AskedError(f"there is no table {name}; {hint(name, TABLES)}")
    if not given:
        raise QueryError(f"no table is named: name some of {', '.join(TABLES)}")
    return tuple(TABLES[name] for name in dict.fromkeys(given))


def _columns(tables: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...] | None:
    if wanted is None:
        return None
    known = {column.name for table in _tables(tables) for column in table.columns}
    if unknown := sorted(set(wanted) - known):
        raise QueryError(f"none of the tables has a column {', '.join(unknown)}; they have {', '.join(sorted(known))}")
    return tuple(wanted)


def _moment(given: Moment | None) -> datetime | None:
    """Return a point in time; 1970 for those before, as no dates can be reckoned with that begin the calendar."""
    return None if given is None else max(moment(given), EPOCH)


def _texts(given: Texts) -> tuple[str, ...] | None:
    return None if given is None else (given,) if isinstance(given, str) else tuple(given)
