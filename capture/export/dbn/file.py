"""Databento's DBN: fixed records behind a head that says what they are; plain or compressed as the file's name says."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from capture.export import source
from capture.export.job import Job
from capture.export.row_writer import Rows, Writer
from capture.export.text import open_text
from capture.query import QueryError
from capture.query.selection import moment
from capture.times import DAY, EPOCH

from .bars import bar_width_of, bars, width_of
from .definitions import Definitions, nanoseconds
from .records import Records

DATASET = "TICKTAPE"
SYMBOL_BYTES = 70
ID_MAX = 2**32 - 1

TAKES = {
    "trades": "trades, or with --every 1 second, minute, hour or day ohlcv-1s, -1m, -1h, -1d",
    "quotes": "mbp-1",
    "depth": "mbp-10, from the rebuilt books",
    "bars": "ohlcv-1s, -1m, -1h or -1d, from IB's bars of that size, each as IB said it last",
    "instruments": "definition",
}
LEAVES_OUT = (
    "DBN has no place for recorder, stream, request and the kind of data (live, delayed, frozen), exchange and "
    "conditions of trades, IB's flags, market makers, and the reason why a book is invalid. Orders of a level are "
    "not counted, sides of trades not known. `sequence` is seq modulo 2^32, and 0 in books; instrument_id is IB's "
    "contract id, and publisher_id 0. Rows that history restored have IB's second as ts_recv and the flag "
    "BAD_TS_RECV. What changed in a book is not said. Of bars wap, vwap, the number of trades and gaps are left "
    "out; of instruments texts such as names, hours, order types and identifiers."
)
NO_BBO = ("DBN's quotes in steps of time (bbo-1s, bbo-1m) hold the last trade beside the quote, which quotes do not "
          "know: leave `every` out for mbp-1, or export to Parquet")
NO_SAMPLES = "DBN has no order books in steps of time: leave `every` out for mbp-10, or export to Parquet"

_SYMBOLS = """
select symbol, instrument_id, min({time}), max({time}) from "{table}"
where {where} and {time} is not null and instrument_id is not null group by all order by all
"""


def rows(job: Job) -> Rows:
    """Return the rows that become records.

    Trades and quotes once each, bars of trades, books, IB's bars, or contract details. Raises QueryError for what DBN
    cannot hold, and where `databento-dbn` is not installed.
    """
    _library()
    schema_of(job)
    if job.table.name == "bars":
        return bars(job)
    if job.table.name == "depth":
        return source.books(job)
    if job.every is not None:
        return source.bars(job)
    return source.once(job)


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer of a file, compressed with zstd where its name ends in .zst."""
    del rows
    return DbnWriter(path, schema_of(job), job)


def schema_of(job: Job) -> str:
    """Return DBN's name of what the rows become. Raises QueryError where there is none."""
    table = job.table.name
    if table == "bars":
        return f"ohlcv-{bar_width_of(job)}"
    if job.every is None:
        return {"trades": "trades", "quotes": "mbp-1", "depth": "mbp-10", "instruments": "definition"}[table]
    if table == "trades":
        return f"ohlcv-{width_of(job)}"
    raise QueryError({"quotes": NO_BBO, "depth": NO_SAMPLES}.get(table, f"no bars are made of {table}: leave out "
                                                                       "`every`"))


class _Encoder(Protocol):
    def encode(self, batch: pa.RecordBatch) -> bytes | memoryview:
        """Return the records of rows."""


class DbnWriter:
    """Writes the head at once, then records; rows that DBN has no instrument for are taken down."""

    def __init__(self, path: Path, schema: str, job: Job) -> None:
        dbn = _library()
        self._job = job
        self._encoder: _Encoder = Definitions(dbn, job) if schema == "definition" else Records(dbn, schema, job)
        head = _head(dbn, schema, job)
        self._file = open_text(path)
        self._file.write(head)

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        self._file.write(self._encoder.encode(self._known(batch)))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _known(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        ids = batch["instrument_id"]
        known = batch.filter(pc.and_(pc.greater(ids, 0), pc.less_equal(ids, ID_MAX)))  # nulls are none of them
        self._job.lose("rows without a contract id, left out", ids.null_count)
        self._job.lose("rows whose contract id is no number from 1 to 2^32 - 1, left out",
                       len(ids) - ids.null_count - len(known))
        return known


@dataclass(frozen=True, slots=True)
class _Interval:
    start_date: date
    end_date: date
    symbol: str


@dataclass(frozen=True, slots=True)
class _Mapping:
    """What Databento's library asks for: from which day to which a symbol was which instrument."""

    raw_symbol: str
    intervals: list[_Interval]


def _head(dbn: Any, schema: str, job: Job) -> bytes:
    """Return the metadata: the times of the export, or days of its rows, and the symbols of all instruments."""
    found = _instruments(job)
    first = job.start or moment(min((begin for *_, begin, _ in found), default=EPOCH).date())
    last = job.end or moment(max((end for *_, end in found), default=first).date()) + DAY
    mappings: dict[str, list[_Interval]] = {}
    for symbol, instrument_id, begin, end in found:
        if symbol is not None and 0 < instrument_id <= ID_MAX:
            mappings.setdefault(symbol, []).append(_Interval(begin.date(), (end + DAY).date(), str(instrument_id)))
    unfit = [symbol for symbol in mappings if len(symbol) > SYMBOL_BYTES or not symbol.isascii()]
    job.lose(f"symbols that are not ASCII or longer than {SYMBOL_BYTES}, left out: there is only the id", len(unfit))
    symbols = [symbol for symbol in mappings if symbol not in unfit]
    encoded: bytes = dbn.Metadata(
        dataset=DATASET, start=nanoseconds(first), end=nanoseconds(last), stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID, schema=dbn.Schema.from_str(schema), symbols=symbols, partial=[],
        not_found=[], mappings=[_Mapping(symbol, mappings[symbol]) for symbol in symbols]).encode()
    return encoded


def _instruments(job: Job) -> list[tuple[str | None, int, datetime, datetime]]:
    """Return symbol, contract id, first and last time of each instrument, by the time that readers go by."""
    time_column = "ts_event" if job.table.name == "bars" else "ts"
    query = _SYMBOLS.format(table=job.table.name, where=job.where, time=time_column)
    return [(symbol, instrument_id, begin, end) for symbol, instrument_id, begin, end in job.lake.sql(query).rows()]


def _library() -> Any:
    try:
        import databento_dbn
    except ImportError:
        raise QueryError("DBN is written with Databento's own library, which is not installed: "
                         "pip install 'ticktape[dbn]'") from None
    return databento_dbn
