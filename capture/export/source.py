"""The rows of an export, in order of time and in little memory: as recorded, each once, bars, or books (D110, D115)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from capture.functions import FUNCTIONS
from capture.functions.sql_pieces import HISTORY, OPTIONS, STREAMS
from capture.query import QueryError
from capture.query.account.shown_accounts import ShownAccounts
from capture.query.arguments import call_sql
from capture.query.selection import ORDER, moment
from capture.replay.past import replay
from capture.replay.row_filter import US, among
from capture.replay.row_spans import spans
from capture.replay.stretch import TEXT
from capture.schemas import TABLES, Subject
from capture.times import DAY, EPOCH

from .job import Job
from .merge import merged
from .row_writer import Rows

BATCH_ROWS = 65_536
SPAN_ROWS = 1_000_000  # are sorted at once
BOOK_LEVELS = 10
# Of books each instrument has batches of its own in memory, until those of the others have come as far.
BOOK_BATCH_ROWS = 16_384

_BOOKS = """
select distinct symbol, instrument_id, stream, recorder from depth
where stream is not null and symbol is not null and {where} order by all
"""


def rows(job: Job) -> Rows:
    """Return the rows that a job asks for, for formats that hold any columns.

    Those of `recorded`; of `once` if the job says so; of `bars`, or for depth of `books`, if it says `every`.
    """
    if job.every is not None:
        return books(job, every=job.every) if job.table.name == "depth" else bars(job)
    return once(job) if job.once else recorded(job)


def recorded(job: Job, streams: Sequence[str] | None = None) -> Rows:
    """Return the rows as the table holds them, whatever was recorded twice; of some streams, or of the job's.

    Where accounts are left out, their names are in no text either: IB repeats them in values and messages.
    """
    schema = _of_table(job)
    past = replay(job.lake, job.instruments, job.start, job.end, tables=[job.table.name], columns=job.columns,
                  stream=streams or job.stream, recorder=job.recorder, state=False)
    hidden = ShownAccounts(job.lake.sql, None) if _hides_accounts(job, schema.names) else None
    return Rows(schema, (pa.RecordBatch.from_arrays(_columns(batch.select(schema.names), hidden), schema=schema)
                         for batch in past.batches()))


def _hides_accounts(job: Job, names: Sequence[str]) -> bool:
    return job.table.subject in (Subject.ACCOUNT, Subject.LINE) and job.personal.isdisjoint(names)


def _columns(batch: pa.RecordBatch, hidden: ShownAccounts | None) -> list[pa.Array]:
    return [column if hidden is None else _hiding(column, hidden) for column in batch.columns]


def _hiding(column: pa.Array, hidden: ShownAccounts) -> pa.Array:
    if not pa.types.is_dictionary(column.type):
        return column
    words = pa.array([hidden.text(word) for word in column.dictionary.to_pylist()], column.type.value_type)
    return pa.DictionaryArray.from_arrays(column.indices, words)


def once(job: Job) -> Rows:
    """Return each trade, quote or midpoint once, as `trades_once` and its siblings give them; of other tables all rows.

    Trades that are not reported to the tape are among them unless `unreported` is False. Raises QueryError where the
    job names a stream: which one counts is what is decided here.
    """
    if job.table.name not in OPTIONS:
        return recorded(job)
    _no_stream(job)
    _lose_nameless(job)
    if _is_there_once(job):
        return _counting(job)
    schema = _of_table(job)
    return Rows(schema, _dense(_once(job, schema.names), schema))


def _lose_nameless(job: Job) -> None:
    where = f'from "{job.table.name}" where instrument_id is null and {job.where}'
    [(count,)] = job.near.sql(f"select count(*) {where}").rows()
    job.lose("rows without a contract id, left out, as nobody knows whether they are there twice", count)


def _is_there_once(job: Job) -> bool:
    """Return whether nothing of what counts can be there twice: one recorder, and trades by one stream."""
    streams = ", ".join(map(repr, STREAMS[job.table.name]))
    [(recorders, most)] = job.near.sql(
        f'select count(distinct recorder), count(distinct stream) filter (stream in ({streams})) '
        f'from "{job.table.name}" where {job.where}').rows()
    return bool(recorders == 1 and most <= 1)


def _counting(job: Job) -> Rows:
    """Return the recorded rows that count, which is several times as fast as to ask which of several does."""
    schema, known = _of_table(job), job.table.schema.names
    # A trade or midpoint without a price is IB's notice of a halt.
    needed = ["instrument_id"] if job.table.name == "quotes" else ["instrument_id", "price"]
    reported = job.table.name == "trades" and job.unreported is False
    wanted = {*schema.names, *needed, *(["unreported"] if reported else [])}
    found = recorded(job.part(columns=[name for name in known if name in wanted]), (*STREAMS[job.table.name], HISTORY))

    def counting(batch: pa.RecordBatch) -> pa.RecordBatch:
        for name in needed:
            batch = batch.filter(batch[name].is_valid()) if batch[name].null_count else batch
        return batch.filter(pc.invert(batch["unreported"])) if reported else batch

    return Rows(schema, (counting(batch).select(schema.names) for batch in found.batches))


def _once(job: Job, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    function = f"{job.table.name}_once"
    for begin, end in spans(job.near, job.wanted, SPAN_ROWS):
        # Which recorder and stream count is decided for each day, so that a part of one is asked of the whole day.
        first, last = moment(begin.date()), moment((end - US).date()) + DAY
        whole = _call(job, function, max(first, job.start or first), min(last, job.end or last),
                      with_unreported=job.unreported is not False)
        yield from job.lake.sql(
            f"select {_listed(names)} from ({whole}) where ts >= timestamptz '{begin}' and ts < timestamptz '{end}' "
            f"and {_of_ids(job)} order by {_listed(ORDER)}").batches(BATCH_ROWS)


def bars(job: Job) -> Rows:
    """Return bars of `every` (an interval) from trades, quotes or midpoints, as `time_bars` and its siblings give them.

    `whole` leaves out bars with gaps, `unreported` counts trades that are not reported to the tape too. Raises
    QueryError for a table that no bars are made of, and where the job names a stream.
    """
    function = job.table.bars
    if function is None:
        of = ", ".join(table.name for table in TABLES.values() if table.bars)
        raise QueryError(f"{job.table.name} cannot be made into bars: `every` is for {of} and depth")
    _no_stream(job)
    known = [column for column, _ in FUNCTIONS[function].returns]
    names = _chosen(job, known)
    width_of(job)  # refuses what is none
    _lose_nameless(job)

    def query(begin: datetime | None, end: datetime | None) -> str:
        made = _call(job, function, begin, end, width=job.every, whole=job.whole, with_unreported=bool(job.unreported),
                     fill=False)
        return f"select {_listed(names)} from ({made}) where {_of_ids(job)}"

    schema = encoded(job.lake.sql(f"{query(job.start, job.end)} limit 0").arrow().schema)
    return Rows(schema, _dense((batch for begin, end in _bar_spans(job) for batch in job.lake.sql(
        f"{query(begin, end)} order by ts, symbol, instrument_id").batches(BATCH_ROWS)), schema))


def _bar_spans(job: Job) -> Iterator[tuple[datetime | None, datetime | None]]:
    """Yield the spans that bars are made of one after the other: days, if no bar lies in two of them."""
    if DAY % width_of(job):
        yield job.start, job.end
        return
    first, last = job.extent
    day = moment(first.date())
    while day <= last:
        yield max(day, job.start or day), min(day + DAY, job.end or day + DAY)
        day += DAY


def books(job: Job, levels: int = BOOK_LEVELS, every: str | None = None) -> Rows:
    """Return the best levels of books, whenever they change or in steps of `every`, as `lake.book_snapshots` does.

    Columns: ts, symbol, instrument_id, recorder, stream, request_id, valid, reason, updated_ts, and `bid_px_00
    ask_px_00 bid_sz_00 ask_sz_00 bid_px_01 …`. Rows of several instruments at the same moment come in any order. Raises
    QueryError where an instrument has several books in the lake and the job does not say which, and where there is
    none.
    """
    start, end = job.span
    if every is not None and job.start is None:  # at round moments
        start += -(start - EPOCH) % width_of(job)
    readers = [
        job.lake.book_snapshots(instrument, start, end, every=every, levels=levels, of_stream=stream,
                                recorded_by=recorder).batches(BOOK_BATCH_ROWS)
        for instrument, (stream, recorder) in _books(job).items()]
    names = _chosen(job, readers[0].schema.names)
    schema = encoded(pa.schema([readers[0].schema.field(name) for name in names]))
    return Rows(schema, _dense((batch.select(names) for batch in merged(readers)), schema))


def _books(job: Job) -> dict[str | int, tuple[str, str]]:
    """Return stream and recorder of each instrument's book."""
    found: dict[str | int, tuple[str, str]] = {}
    for symbol, instrument_id, stream, recorder in job.near.sql(_BOOKS.format(where=job.where)).rows():
        key = symbol if instrument_id is None else instrument_id
        if key in found:
            raise QueryError(f"{symbol} has several order books: {stream} of recorder {recorder}, "
                             f"{' of recorder '.join(found[key])}: name one stream and one recorder")
        found[key] = stream, recorder
    return found


def encoded(schema: pa.Schema) -> pa.Schema:
    """Return columns with texts dictionary-encoded."""
    return pa.schema([field.with_type(TEXT) if pa.types.is_string(field.type) else field for field in schema])


def decoded(schema: pa.Schema) -> pa.Schema:
    """Return columns with plain texts."""
    return pa.schema([field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
                      for field in schema])


def _of_table(job: Job) -> pa.Schema:
    names = _chosen(job, job.table.schema.names)
    return encoded(pa.schema([job.table.schema.field(name).with_nullable(True) for name in names]))


def _dense(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        columns = [column.dictionary_encode() if pa.types.is_string(column.type) else column
                   for column in batch.columns]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _call(job: Job, function: str, start: datetime | None, end: datetime | None, **more: Any) -> str:
    values = {"symbols": job.symbols, "start": start, "end": end, "recorded_by": job.recorder, **more}
    return call_sql(FUNCTIONS[function], [values[one.name] for one in FUNCTIONS[function].parameters])


def _chosen(job: Job, known: Sequence[str]) -> list[str]:
    if unknown := [name for name in job.columns or () if name not in known]:
        raise QueryError(f"there is no column {', '.join(unknown)}; there are {', '.join(known)}")
    return list(job.columns or (name for name in known if name not in job.personal))


def _no_stream(job: Job) -> None:
    if job.stream is not None:
        raise QueryError("a stream cannot be named where each event is to count once: leave the stream out")


def check_no_day_is_left_out(job: Job) -> None:
    """Raise QueryError where days may be left out, for formats in which each row says what changed since the last."""
    if job.min_coverage is not None:
        raise QueryError("changes of books follow from one another, so that no day between can be left out: name days "
                         "by start and end, or leave the coverage out")


def _of_ids(job: Job) -> str:
    """Return the condition that leaves out other instruments of the same symbols."""
    if not job.ids:
        return "true"
    return f"({among('symbol', job.named)} or instrument_id in ({', '.join(map(str, job.ids))}))"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def width_of(job: Job) -> timedelta:
    """Return how long a bar is. Raises QueryError for what is no length."""
    try:
        [(width_us,)] = job.lake.sql("select epoch_us(cast($1 as interval))", [job.every]).rows()
    except QueryError:
        width_us = None
    if not width_us or width_us < 0:
        raise QueryError(f"bars of {job.every!r} cannot be made: give a length of time, such as '1 minute'")
    return timedelta(microseconds=width_us)
