"""Order books of a lake: one at a moment with all its rows, or the best levels at many moments."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa

from capture.functions.books import MOST_POSITIONS
from capture.query.answer import Answer, QueryError
from capture.query.known import check_span
from capture.query.selection import Instruments, Moment, moment, symbols_and_ids
from capture.schemas import TIMESTAMP
from capture.times import EPOCH, microseconds, moment_of

from .book_lives import EVENTS, NEVER_US, History, Key, histories
from .book_replay import Changes, Every, Moments, Operations, Piece, operations
from .book_replay import replay as replayed
from .book_side import Cells

if TYPE_CHECKING:
    import polars as pl

Ask = Callable[[str, Mapping[str, Any]], Answer]  # the `sql` of a lake
Heard = Callable[[], Mapping[str, float]]  # its `heard`

# A recorder that lives hears its gateway more often: it asks for the time when nothing else comes. What is on the tape
# says nothing of moments later than this after the last byte.
UNHEARD_S = 60.0

BATCH_ROWS = 131_072
_US = timedelta(microseconds=1)

_ROWS = """
select epoch_us(ts) as ts, seq, request_id,
       cast(list_position(['insert', 'update', 'delete'], operation) - 1 as tinyint) as kind,
       side = 'bid' as bid, position, price, size, {maker} as market_maker
from depth
where symbol = $symbol and instrument_id is not distinct from $instrument_id and recorder = $recorder
  and stream = $stream and operation in ('insert', 'update', 'delete') and position is not null and side is not null
  and ts >= $from and ts < $to and date >= date '{first}' and date <= date '{last}'
order by seq, "row"
"""
_WHO = (("symbol", pa.string()), ("instrument_id", pa.int64()), ("recorder", pa.string()), ("stream", pa.string()))
_STATE = (("ts", TIMESTAMP), *_WHO, ("request_id", pa.int32()), ("valid", pa.bool_()), ("reason", pa.string()),
          ("updated_ts", TIMESTAMP))
_LEVEL = (("side", pa.string()), ("position", pa.int32()), ("price", pa.float64()), ("size", pa.float64()),
          ("market_maker", pa.string()))
_SIDES = ("bid", "ask")


class Computed(Answer):
    """An answer that is worked out in Python from what a query gives: each method does so anew, in batches."""

    def __init__(self, schema: pa.Schema, batches: Callable[[], Iterator[pa.RecordBatch]]) -> None:
        self._schema, self._make = schema, batches
        self._explain = str

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._schema.names)

    def pl(self) -> "pl.DataFrame":
        """Return a polars frame."""
        import polars as pl

        frame = pl.from_arrow(self.arrow())
        assert isinstance(frame, pl.DataFrame)
        return frame

    def arrow(self) -> pa.Table:
        """Return an Arrow table."""
        return pa.Table.from_batches(self._make(), self._schema)

    def batches(self, rows: int = 65_536) -> pa.RecordBatchReader:
        """Return a reader of Arrow batches of at most so many rows."""
        parts = (batch.slice(at, rows) for batch in self._make() for at in range(0, len(batch), rows))
        return pa.RecordBatchReader.from_batches(self._schema, parts)

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """Return a relation over the whole answer, in a database of its own."""
        return duckdb.connect().from_arrow(self.arrow())

    def __repr__(self) -> str:
        return str(self.duckdb())

    def _first(self, rows: int) -> pa.Table:
        taken: list[pa.RecordBatch] = []
        for batch in self._make():
            taken.append(batch.slice(0, rows - sum(map(len, taken))))
            if sum(map(len, taken)) >= rows:
                break
        return pa.Table.from_batches(taken, self._schema)


def book(
    ask: Ask, symbols: Instruments | None, at: Moment | None = None, *, levels: int = MOST_POSITIONS,
    of_stream: str | None = None, recorded_by: str | None = None, heard: Heard = dict,
) -> Answer:
    """Return the books of instruments (None: of all) at a moment (default: now), what happened at that moment included.

    One row per level: symbol, recorder, stream; `side`, `position` (0 is the best), `price`, `size`, `market_maker`;
    asks after bids. `updated_ts` is when the book last changed. A book that cannot be trusted at that moment is one row
    with `valid` false and the `reason`, without levels: see `capture.query.books.book_lives`; `heard` is asked when
    each recorder last heard something, as nothing is known of what came later. Raises QueryError where no book of the
    instruments was recorded.
    """
    start = moment(at) if at is not None else datetime.now(UTC)
    schema = pa.schema([*_STATE, *_LEVEL])
    asked = _Asked(ask, _instruments(symbols), start, start + _US, _checked(levels), of_stream, recorded_by, heard)
    return Computed(schema, lambda: (_long(key, piece, schema) for key, piece in asked.pieces(_once, "market_maker")))


def book_snapshots(
    ask: Ask, symbols: Instruments | None, start: Moment | None = None, end: Moment | None = None, *,
    every: str | timedelta | None = "1 second", levels: int = 10,
    of_stream: str | None = None, recorded_by: str | None = None, heard: Heard = dict,
) -> Answer:
    """Return the best levels of books at moments in [start, end): start, and then in steps of `every`.

    With every=None: at start, and whenever the book is another, operations of one time together. Columns as in
    Databento's mbp-10: `bid_px_00 ask_px_00 bid_sz_00 ask_sz_00 bid_px_01 …`, null where the level is absent. At each
    moment the book holds all that happened up to it, that moment included; it begins right, with the operations before
    `start`. A book that cannot be trusted at a moment has `valid` false, the `reason`, and nulls.

    `start` is by default the first request for a book, `end` now. Rows come by symbol, recorder and stream, and then in
    order of time. `.batches()` needs little memory, however long the time is. Raises QueryError where no book of the
    instruments was recorded, or `every` is no length of time.
    """
    check_span(start, end)
    begin = moment(start) if start is not None else EPOCH
    until = moment(end) if end is not None else datetime.now(UTC)
    step_us = _step_us(every)

    def moments(from_us: int, to_us: int) -> Moments:
        return Changes(from_us, to_us) if step_us is None else Every(from_us, to_us, step_us)

    prices = [(f"{side}_{what}_{level:02}", pa.float64()) for level in range(_checked(levels)) for what in ("px", "sz")
              for side in _SIDES]
    schema = pa.schema([*_STATE, *prices])
    asked = _Asked(ask, _instruments(symbols), begin, until, levels, of_stream, recorded_by, heard)
    return Computed(schema, lambda: (_wide(key, piece, schema) for key, piece in asked.pieces(moments, "null")))


def _once(from_us: int, to_us: int) -> Moments:
    return Every(from_us, to_us, 1)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for: books of whom, in [start, end)."""

    ask: Ask
    instruments: dict[str, Any]
    start: datetime
    end: datetime
    levels: int
    of_stream: str | None
    recorded_by: str | None
    heard: Heard

    def pieces(self, moments: Callable[[int, int], Moments], maker: str) -> Iterator[tuple[Key, Piece]]:
        """Yield the books at all moments, key by key."""
        for key, history in self._histories().items():
            start = max(self.start, moment_of(history.lives[0].begin_us)) if self.start == EPOCH else self.start
            if start >= self.end:
                continue
            rows = self._operations(key, history, start, maker)
            for piece in replayed(history, rows, moments(microseconds(start), microseconds(self.end)), self.levels):
                yield key, piece

    def _histories(self) -> dict[Key, History]:
        events = self.ask(EVENTS, self.instruments).arrow()
        place = events.schema.get_field_index("ts")
        found = histories(events.set_column(place, "ts", events["ts"].cast(pa.int64())).to_pylist())
        if not found:
            names = ", ".join(map(str, (*self.instruments["symbols"], *self.instruments["ids"])))
            raise QueryError(f"no order book of {names or 'any instrument'} was recorded: name it with a stream "
                             "`depth` or `smart_depth` in the settings")
        heard = self.heard()
        for key, history in found.items():
            life, heard_s = history.lives[-1], heard.get(key.recorder)
            if heard_s is not None and life.end_us == NEVER_US:
                reason = f"nothing was heard after {datetime.fromtimestamp(heard_s, UTC):%Y-%m-%d %H:%M:%S}"
                history.lives[-1] = replace(life, end_us=int((heard_s + UNHEARD_S) * 1e6), end_reason=reason)
        return {key: history for key, history in found.items()
                if key.stream == (self.of_stream or key.stream) and key.recorder == (self.recorded_by or key.recorder)}

    def _operations(self, key: Key, history: History, start: datetime, maker: str) -> Iterator[Operations]:
        """Yield the operations that the books are made of: from where the life of the first moment begins."""
        begun = [life.begin_us for life in history.lives if life.begin_us <= microseconds(start)]
        first = moment_of(begun[-1]) if begun else start
        query = _ROWS.format(maker=maker, first=first.date(), last=(self.end - _US).date())
        found = self.ask(query, {**key._asdict(), "from": first, "to": self.end})
        return (operations(batch) for batch in found.batches(BATCH_ROWS))


def _instruments(given: Instruments | None) -> dict[str, Any]:
    symbols, ids = symbols_and_ids(() if given is None else given)
    return {"everything": given is None, "symbols": symbols, "ids": ids}


def _checked(levels: int) -> int:
    if not isinstance(levels, int | np.integer) or not 1 <= levels <= MOST_POSITIONS:
        raise QueryError(f"a book of {levels!r} levels cannot be given: ask for 1 to {MOST_POSITIONS}")
    return levels


def _step_us(every: str | timedelta | None) -> int | None:
    if every is None:
        return None
    try:
        found = duckdb.execute("select epoch_us(cast($1 as interval))", [every]).fetchone()
    except duckdb.Error:
        found = None
    if not found or not found[0] > 0:
        raise QueryError(f"every={every!r} is no length of time: write '1 second', '250 ms', or a timedelta above zero")
    return int(found[0])


def _state(key: Key, piece: Piece) -> dict[str, pa.Array]:
    """Return the columns that a book at each moment has beside its levels."""
    count = len(piece.moments)
    updated = pa.array(piece.updated, mask=piece.updated == NEVER_US)
    reasons = pa.DictionaryArray.from_arrays(pa.array(piece.reason, mask=piece.reason < 0), pa.array(piece.reasons))
    whose = {name: pa.repeat(pa.scalar(getattr(key, name), kind), count) for name, kind in _WHO}
    request_id = pa.scalar(piece.life.request_id if piece.life else None, pa.int32())
    return whose | {
        "ts": pa.array(piece.moments).cast(TIMESTAMP), "request_id": pa.repeat(request_id, count),
        "valid": pa.array(piece.reason < 0), "reason": reasons.cast(pa.string()), "updated_ts": updated.cast(TIMESTAMP)}


def _shown(piece: Piece, cells: Cells) -> Cells:
    """Return the cells of valid books; those of others are empty."""
    return np.where(piece.reason[:, None] < 0, cells, -1) if (piece.reason >= 0).any() else cells


def _wide(key: Key, piece: Piece, schema: pa.Schema) -> pa.RecordBatch:
    columns = _state(key, piece)
    rows = piece.operations
    for side, cells in zip(_SIDES, (piece.bid, piece.ask), strict=True):
        by_level = np.ascontiguousarray(_shown(piece, cells).T)
        for what, values in (("px", rows.price), ("sz", rows.size)):
            found = np.append(values, np.nan)[by_level]  # an empty cell is -1: the last
            for level, column in enumerate(found):
                columns[f"{side}_{what}_{level:02}"] = pa.array(column, from_pandas=True)
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def _long(key: Key, piece: Piece, schema: pa.Schema) -> pa.RecordBatch:
    """Return the rows of the one book of a piece."""
    bid, ask = (_shown(piece, cells)[0] for cells in (piece.bid, piece.ask))
    standing = [np.flatnonzero(cells >= 0) for cells in (bid, ask)]
    position = np.concatenate(standing)
    cells = np.concatenate([bid[standing[0]], ask[standing[1]]])
    count = max(len(cells), 1)  # a book without rows is told of too
    state = pa.record_batch(_state(key, piece)).take(pa.array(np.zeros(count, np.int64)))
    rows = piece.operations
    columns = {name: state[name] for name in state.schema.names} | {
        "side": pa.array(np.repeat(_SIDES, [len(one) for one in standing]).tolist(), pa.string()),
        "position": pa.array(position, pa.int32()),
        "price": pa.array(rows.price[cells], from_pandas=True),
        "size": pa.array(rows.size[cells], from_pandas=True),
        "market_maker": rows.market_maker.take(pa.array(cells)).cast(pa.string()),
    }
    arrays = [columns[name] if len(cells) or name not in dict(_LEVEL) else pa.nulls(1, kind)
              for name, kind in zip(schema.names, schema.types, strict=True)]
    return pa.record_batch(arrays, schema=schema)
