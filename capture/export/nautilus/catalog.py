"""Catalogs of nautilus_trader (its `ParquetDataCatalog`), written without the library.

A folder for each kind of data, in it one for each instrument or type of bars, in that a file named by the first and the
last `ts_init`. A backtest sorts by `ts_init`: when a row was received, or when a bar was over.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from capture.export import source
from capture.export.folder_names import is_folder_name
from capture.export.job import Job
from capture.export.row_writer import Rows, Writer
from capture.query import QueryError

from .bars import BarsOfIB, MadeBars, width_us
from .deltas import Deltas
from .files import Files
from .instruments import Instrument, write_definition
from .names import folder, identity
from .numbers import measured
from .records import Part
from .ticks import Ticks

TAKES: Mapping[str, str] = {
    "trades": "TradeTick; with `every` Bar of LAST prices",
    "quotes": "QuoteTick; with `every` Bars of BID, ASK and MID prices",
    "midpoints": "with `every` Bar of MID prices",
    "depth": "OrderBookDelta, by price (L2_MBP)",
    "bars": "Bar",
    "instruments": "the newest definitions: Equity, FuturesContract, OptionContract, CurrencyPair, IndexInstrument, "
                   "Cfd or Commodity",
}
LEAVES_OUT = (
    "Who was the aggressor (NO_AGGRESSOR), exchanges, conditions and flags of trades, halts, flags of quotes, "
    "market makers, levels of a book beyond the tenth, streams and recorders, and of bars vwap, number of trades "
    "and missing time. What history restored stands at IB's second, rounded down. Prices are as IB sends them, "
    "also where these are not in whole units of the currency. A backtest refuses data with other decimals than the "
    "definition of the instrument has: all of a catalog has as many as its trades, quotes, books and bars (of "
    "midpoints too, which may need one more) need. Where a later export needs more, files that are there are written "
    "anew with the same rows. Sizes of stocks, futures and options that are no whole numbers are kept, but refused."
)
# Instruments are written one by one: of a hundred, few rows of each at a time take twice as long.
GATHERED_ROWS = 262_144
UNKNOWN = "rows of instruments whose contract details were not recorded"


class Form(Protocol):
    """Makes rows of a catalog of an instrument's rows."""

    def parts(self, rows: pa.RecordBatch, instrument: Instrument) -> Iterator[Part]:
        """Yield what becomes of an instrument's rows, which are in order of time."""

    def rest(self) -> Iterator[Part]:
        """Yield what was kept back, after the last row."""


def rows(job: Job) -> Rows:
    """Return the rows that a catalog is made of. Raises QueryError for what it cannot take."""
    name = job.table.name
    if name not in TAKES:
        raise QueryError(f"a catalog of nautilus_trader has no place for {name}: it takes {', '.join(TAKES)}")
    if name == "depth":
        source.check_no_day_is_left_out(job)
        return source.books(job, every=job.every)
    if job.every is not None:
        width_us(job)
        return source.bars(job)
    if name == "midpoints":
        raise QueryError("a catalog of nautilus_trader has no place for single midpoints: make bars with `every`")
    # A definition holds from when it was received; what was received before the range is needed in it.
    return source.recorded(job.part(start=None)) if name == "instruments" else source.once(job)


def open_writer(path: Path, rows: Rows, job: Job) -> Writer:
    """Return a writer of a catalog into an empty folder."""
    if job.table.name == "instruments":
        return Definitions(path, job)
    if job.every is not None and job.table.name != "depth":
        return Catalog(path, job, MadeBars(job))
    forms: Mapping[str, Any] = {"depth": Deltas, "bars": BarsOfIB}
    return Catalog(path, job, forms.get(job.table.name, Ticks)(job))


class Instruments:
    """A job's instruments by contract id, each with a nautilus id of its own."""

    def __init__(self, job: Job) -> None:
        self._job, self._measured = job, measured(job)
        self._known: dict[int, Instrument | None] = {}
        self._names: dict[str, int] = {}

    def of(self, contract_id: int, rows: int) -> Instrument | None:
        """Return an instrument; None if it has no id, and then so many rows are counted as lost."""
        if contract_id not in self._known:
            self._known[contract_id] = self._found(contract_id)
        found = self._known[contract_id]
        if found is None:
            self._job.lose(self._lack(contract_id), rows)
        return found

    def _lack(self, contract_id: int) -> str:
        """Return in words what keeps an instrument from having an id."""
        details = self._job.details.get(contract_id)
        if details is None:
            return UNKNOWN
        if not is_folder_name(folder(identity(details))):
            return f"rows of contract {contract_id}: its name can be none of a folder"
        return f"rows of contract {contract_id}: {identity(details)} is another contract's name too"

    def _found(self, contract_id: int) -> Instrument | None:
        details = self._job.details.get(contract_id)
        if details is None or not is_folder_name(folder(identity(details))):
            return None
        if self._names.setdefault(identity(details), contract_id) != contract_id:
            return None
        return Instrument.of(details, self._measured.get(contract_id, (0, 0)))


class Catalog:
    """Writes market data into a catalog."""

    def __init__(self, root: Path, job: Job, form: Form) -> None:
        self._files, self._form = Files(root), form
        self._instruments = Instruments(job)
        self._waiting: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        self._waiting.append(batch)
        if sum(map(len, self._waiting)) >= GATHERED_ROWS:
            self._gather()

    def _gather(self) -> None:
        """Write what waits, if anything does."""
        if not any(map(len, self._waiting)):
            return
        batch = pa.Table.from_batches(self._waiting).unify_dictionaries().combine_chunks().to_batches()[0]
        self._waiting = []
        for contract_id, rows in by_instrument(batch):
            if (instrument := self._instruments.of(contract_id, len(rows))) is not None:
                self._take(self._form.parts(rows, instrument))
        self._files.rest(batch["ts"].cast(pa.int64())[-1].as_py() * 1_000)

    def close(self) -> None:
        """Finish the files."""
        self._gather()
        self._take(self._form.rest())
        self._files.close()

    def _take(self, parts: Iterator[Part]) -> None:
        for part in parts:
            self._files.write(part.kind, part.name, part.rows)


class Definitions:
    """Writes definitions of instruments into a catalog: of each the newest."""

    def __init__(self, root: Path, job: Job) -> None:
        self._root, self._job = root, job
        self._ids: set[int] = set()

    def write(self, batch: pa.RecordBatch) -> None:
        """Take rows."""
        self._ids.update(batch["instrument_id"].unique().to_pylist())

    def close(self) -> None:
        """Write the definitions."""
        instruments = Instruments(self._job)
        for contract_id in sorted(self._ids):
            instrument = instruments.of(contract_id, 1)
            if instrument is not None and (reason := write_definition(self._root, instrument)):
                self._job.lose(reason, 1)


def by_instrument(batch: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield each instrument's rows in their order, by contract id: -1 for those without one."""
    ids = batch["instrument_id"].fill_null(-1).to_numpy()
    order = np.argsort(ids, kind="stable")
    batch, ids = batch.take(pa.array(order)), ids[order]
    begins = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])[:len(ids)]).tolist()
    for begin, end in zip(begins, [*begins[1:], len(ids)], strict=True):
        yield int(ids[begin]), batch.slice(begin, end - begin)
