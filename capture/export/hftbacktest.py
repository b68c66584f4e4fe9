"""hftbacktest's npz: an array `data` of events of one instrument, changes of its book by price beside its trades."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.query import QueryError
from capture.replay.row_spans import day_spans
from capture.replay.stretch import TEXT
from capture.schemas import TABLES, TIMESTAMP

from .job import Job
from .level_changes import ASK, BID, NEITHER, Floats, Ints, LevelChanges, books_by_price
from .merge import merged
from .row_writer import Rows, Writer
from .source import BATCH_ROWS, BOOK_LEVELS, SPAN_ROWS, books, check_no_day_is_left_out, once

TAKES = {
    "depth": f"changes by price of the best {BOOK_LEVELS} levels, with the trades",
    "quotes": "changes by price of a book of one level a side, with the trades",
}
LEAVES_OUT = (
    "IB tells the exchange's time in whole seconds only, so that exch_ts is local_ts, the time of arrival: feed "
    "latency is 0. What history restored has no time of arrival: it stands at IB's second, rounded down. Trades "
    "keep price, size and the side that trades_with_quotes finds; one of no known side has neither flag, and "
    "fills no order. Exchanges, conditions and market makers are left out, sizes at the same price are added up. "
    "hftbacktest knows no book whose bid is not below its ask: while it is so, it shows the side that changed "
    "last."
)

# What a record is, and the bits of its `ev`: the kind, and whom it concerns.
EVENT = np.dtype([("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"),
                  ("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8")])  # fmt: skip
DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
BUY, SELL = 1 << 29, 1 << 28
EVERYBODY = 1 << 31 | 1 << 30  # it happens at the exchange at exch_ts, and is heard of at local_ts

# Higher levels take much longer for little: 5 takes twice the time for files smaller by a twelfth.
COMPRESSION_LEVEL = 3
_COPY_BYTES = 1 << 22


def rows(job: Job) -> Rows:
    """Return books, and trades in rows of their own, which have a `price` and the `side` of the aggressor.

    The book of quotes is void from where quotes are missing to the next one. Raises QueryError for several
    instruments, as their events cannot be told apart, and for quotes in steps.
    """
    if job.table.name == "quotes" and job.every is not None:
        raise QueryError("hftbacktest takes no bars of quotes: leave `every` out")
    check_no_day_is_left_out(job)
    symbol, instrument_id = _only(job)
    ids = pc.field("instrument_id")
    of_it = ids.is_null() if instrument_id is None else ids == instrument_id
    if job.table.name == "depth":
        sequences = [books(job, BOOK_LEVELS, job.every).batches]
    else:
        sequences = [_quotes(job), _missing(job, symbol, of_it)]
    schema = _schema(BOOK_LEVELS if job.table.name == "depth" else 1)
    # Of the same moment a trade comes before the book that it made.
    sequences = [_trades(job, symbol, of_it), *sequences]
    return Rows(schema, merged([_with_all(batches, schema) for batches in sequences]))


def _only(job: Job) -> tuple[str, int | None]:
    """Return symbol and contract id of the one instrument."""
    found = job.lake.sql(f'select distinct symbol, instrument_id from "{job.table.name}" '
                         f"where symbol is not null and {job.where} order by all").rows()
    if not found:
        raise QueryError(f"no {job.table.name} were recorded of what is asked for; `ticktape coverage` tells what was")
    if len({symbol for symbol, _ in found}) > 1:
        some = ", ".join(dict.fromkeys(symbol for symbol, _ in found[:4]))
        raise QueryError(f"a file of hftbacktest holds one instrument, and here are {some}{' …' * (len(found) > 4)}: "
                         "name one, or make a file for each with --by symbol")
    if len(found) > 1:
        ids = ", ".join(str(instrument_id) for _, instrument_id in found)
        raise QueryError(f"a file of hftbacktest holds one instrument, and {found[0][0]} is several: name one by its "
                         f"contract id ({ids})")
    [(symbol, instrument_id)] = found
    return symbol, instrument_id


def _schema(levels: int) -> pa.Schema:
    level = [(f"{side}_{what}_{number:02}", pa.float64()) for number in range(levels) for what in ("px", "sz")
             for side in ("bid", "ask")]
    return pa.schema([("ts", TIMESTAMP), ("symbol", TEXT), ("instrument_id", pa.int64()), ("valid", pa.bool_()), *level,
                      ("price", pa.float64()), ("size", pa.float64()), ("side", TEXT)])


def _with_all(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield rows with all columns, those that they have not as nulls."""
    for batch in batches:
        names = set(batch.schema.names)
        yield pa.record_batch([batch[field.name].cast(field.type) if field.name in names
                               else pa.nulls(len(batch), field.type) for field in schema], schema=schema)


def _quotes(job: Job) -> Iterator[pa.RecordBatch]:
    """Yield quotes as books of one level."""
    for batch in once(job).batches:
        valid = pa.repeat(pa.scalar(True), len(batch))
        columns = {"valid": valid, "bid_px_00": batch["bid_price"], "ask_px_00": batch["ask_price"],
                   "bid_sz_00": batch["bid_size"], "ask_sz_00": batch["ask_size"]}
        yield pa.record_batch({name: batch[name] for name in ("ts", "symbol", "instrument_id")} | columns)


def _missing(job: Job, symbol: str, of_it: pc.Expression) -> Iterator[pa.RecordBatch]:
    """Yield where quotes begin to be missing, as void books."""
    found = job.lake.missing_time([symbol], job.start, job.end, recorded_by=job.recorder).arrow()
    found = found.filter(of_it & (pc.field("missing") == "quotes"))
    found = found.select(["from_ts", "symbol", "instrument_id"]).rename_columns(["ts", "symbol", "instrument_id"])
    found = found.append_column("valid", pa.repeat(pa.scalar(False), len(found)))
    yield from found.sort_by("ts").combine_chunks().to_batches()


def _trades(job: Job, symbol: str, of_it: pc.Expression) -> Iterator[pa.RecordBatch]:
    """Yield trades with their sides."""
    # Whole days, as which recorder counts is decided for each, and a side may follow from trades before.
    wanted = replace(job.wanted, tables=(TABLES["trades"], TABLES["quotes"]), instruments=[symbol], streams=None)
    for begin, end, _ in day_spans(job.lake, wanted, SPAN_ROWS):
        found = job.lake.trades_with_quotes([symbol], begin, end, with_unreported=job.unreported is not False,
                                            recorded_by=job.recorder)
        yield from (batch.filter(of_it) for batch in found.batches(BATCH_ROWS))


@dataclass(frozen=True, slots=True)
class _Events:
    """Events, by the row of the batch that they come from."""

    row: Ints
    ev: Ints
    px: Floats
    qty: Floats


class HftbacktestWriter:
    """Writes events to a file that nobody sees, as their number has to be known first, and at the end the npz."""

    def __init__(self, path: Path, job: Job) -> None:
        self._path, self._job = path, job
        self._raw = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  closed when the file is finished
        self._changes = LevelChanges()
        self._crossed = False

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        is_trade = batch["price"].is_valid().to_numpy(zero_copy_only=False)
        found = [self._traded(batch, np.flatnonzero(is_trade)), *self._changed(batch, np.flatnonzero(~is_trade))]
        row = np.concatenate([one.row for one in found])
        order = np.argsort(row, kind="stable")
        events = np.zeros(len(row), EVENT)
        events["exch_ts"] = events["local_ts"] = batch["ts"].cast(pa.int64()).to_numpy()[row[order]] * 1000
        for name in ("ev", "px", "qty"):
            events[name] = np.concatenate([getattr(one, name) for one in found])[order]
        self._raw.write(events.tobytes())

    def close(self) -> None:
        """Write the file."""
        count = self._raw.tell() // EVENT.itemsize
        self._raw.seek(0)
        header = {"descr": np.lib.format.dtype_to_descr(EVENT), "fortran_order": False, "shape": (count,)}
        with (
            self._raw,
            zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive,
            archive.open("data.npy", "w", force_zip64=True) as entry,
        ):
            np.lib.format.write_array_header_1_0(entry, header)
            shutil.copyfileobj(self._raw, entry, _COPY_BYTES)

    def _traded(self, batch: pa.RecordBatch, row: Ints) -> _Events:
        trades = batch.take(pa.array(row))
        known = trades["size"].is_valid().to_numpy(zero_copy_only=False)
        self._job.lose("trades without a size, which are left out", int(np.count_nonzero(~known)))
        row, trades = row[known], trades.filter(pa.array(known))
        side = trades["side"].cast(pa.string()).to_numpy(zero_copy_only=False)
        side = np.select([side == "buy", side == "sell"], [BID, ASK], NEITHER)
        return _Events(row, _ev(TRADE, side), _numbers(trades["price"]), _numbers(trades["size"]))

    def _changed(self, batch: pa.RecordBatch, row: Ints) -> Iterator[_Events]:
        rows = batch.take(pa.array(row))
        self._job.lose("prices without a size, which are no level; each counts in every book", _without_size(rows))
        changes = self._changes.of(rows)
        void, first = (changes[name].to_numpy(zero_copy_only=False) for name in ("void", "first"))
        ev = _ev(np.select([void, first], [CLEAR, SNAPSHOT], DEPTH), changes["side"].to_numpy())
        yield _Events(row[changes["row"].to_numpy()], ev, _numbers(changes["price"]), _numbers(changes["size"]))
        yield from self._uncrossed(rows, row)

    def _uncrossed(self, rows: pa.RecordBatch, row: Ints) -> Iterator[_Events]:
        """Yield the best of both sides once more wherever they cross no longer.

        hftbacktest takes a level out of sight that a new one of the other side crosses, and not in again by itself.
        """
        (bid, bid_size), (ask, ask_size) = books_by_price(rows, np.arange(len(rows))).sides
        best = np.fmax.reduce(bid, axis=1), np.fmin.reduce(ask, axis=1)
        crossed = np.append(self._crossed, best[0] >= best[1])
        self._crossed = bool(crossed[-1])
        again = np.flatnonzero(crossed[:-1] & ~crossed[1:])
        for side, prices, sizes, price in ((BID, bid, bid_size, best[0]), (ASK, ask, ask_size, best[1])):
            there = again[~np.isnan(price[again])]
            level = np.argmax(prices[there] == price[there, None], axis=1)
            yield _Events(row[there], _ev(DEPTH, np.full(len(there), side)), price[there], sizes[there, level])


def _ev(kind: Any, side: npt.NDArray[Any]) -> Ints:
    """Return kinds, one or as many as there are sides, with the bits of these: a bid is a buyer, an ask a seller."""
    return np.asarray(kind | EVERYBODY | np.select([side == BID, side == ASK], [BUY, SELL], 0), np.int64)


def _numbers(values: pa.Array) -> Floats:
    found: Floats = values.fill_null(0.0).to_numpy(zero_copy_only=False)
    return found


def _without_size(rows: pa.RecordBatch) -> int:
    prices = [name for name in rows.schema.names if "_px_" in name]
    return sum(pc.sum(pc.and_(rows[name].is_valid(), pc.equal(rows[name.replace("_px_", "_sz_")].fill_null(0.0), 0.0)))
               .as_py() or 0 for name in prices)


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer of a file, which may be larger than memory; meanwhile the folder holds 64 bytes per event."""
    del rows
    return HftbacktestWriter(path, job)
