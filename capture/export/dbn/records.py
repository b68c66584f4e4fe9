"""Rows as DBN's records: numpy arrays of Databento's layout, and what a field cannot hold taken down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.export.job import Job
from capture.export.source import BOOK_LEVELS

NO_PUBLISHER = 0  # numbers of publishers are given out by Databento
WORD_BYTES = 4  # a record's length is counted in words
NS_PER_US = 1_000
SIZE_MAX = 2.0**32 - 2  # the number after it says that there is none
VOLUME_MAX = 2.0**63
SEQUENCES = 2**32
BACKFILL = "backfill"

Fields = Mapping[str, Any]


class Values:
    """Columns of a batch as DBN's fields have them; `dbn` is Databento's library."""

    def __init__(self, dbn: Any, rows: pa.RecordBatch, job: Job) -> None:
        self.dbn, self.rows, self._job = dbn, rows, job

    def price(self, name: str) -> Any:
        """Return prices in billionths; nulls, and what is too large, as DBN's none."""
        scale, none = self.dbn.FIXED_PRICE_SCALE, self.dbn.UNDEF_PRICE
        values = self._floats(name)
        fits = np.abs(values) < none / scale
        billionths = np.rint(np.where(fits, values, 0) * scale).astype(np.int64)
        self._lose("prices too large for DBN, left out", ~fits & ~np.isnan(values))
        self._lose("prices with more than nine decimals, rounded", fits & (billionths / scale != values))
        return np.where(fits, billionths, none)

    def size(self, name: str, most: float = SIZE_MAX, of: str | None = None) -> Any:
        """Return sizes as whole numbers, nulls as 0; without a price in column `of` there is nothing to have a size."""
        values = self._floats(name)
        null = np.isnan(values)
        rounded = np.rint(np.where(null, 0, values))
        clipped = np.clip(rounded, 0, most)
        self._lose("fractional sizes, rounded to whole ones", ~null & (rounded != values))
        self._lose("sizes that DBN's numbers do not reach, clipped", clipped != rounded)
        self._lose("sizes that IB did not send, written as 0", null & (of is None or ~np.isnan(self._floats(of))))
        return clipped.astype(np.uint64)

    def nanoseconds(self, name: str, instead: str) -> Any:
        """Return times in nanoseconds since 1970, of another column where there is none."""
        return pc.coalesce(self.rows[name], self.rows[instead]).cast(pa.int64()).to_numpy() * NS_PER_US

    def is_true(self, name: str) -> Any:
        """Return whether a flag is set; nulls are not."""
        return self.rows[name].fill_null(False).to_numpy(zero_copy_only=False)

    def is_backfill(self) -> Any:
        """Return whether rows are from IB's history."""
        found = pc.equal(self.rows["origin"].cast(pa.string()), BACKFILL)
        return found.fill_null(False).to_numpy(zero_copy_only=False)

    def whole(self, name: str) -> Any:
        """Return whole numbers, none of which is null."""
        return self.rows[name].to_numpy()

    def _floats(self, name: str) -> Any:
        return self.rows[name].to_numpy(zero_copy_only=False)

    def _lose(self, what: str, where: Any) -> None:
        self._job.lose(what, int(np.count_nonzero(where)))


def _event(values: Values) -> Fields:
    dbn = values.dbn
    return {"ts_event": values.nanoseconds("ts_event", "ts"), "ts_recv": values.nanoseconds("ts", "ts"),
            "sequence": values.whole("seq") % SEQUENCES, "side": b"N",
            "flags": np.where(values.is_backfill(), dbn.F_LAST | dbn.F_BAD_TS_RECV, dbn.F_LAST)}


def _trade(values: Values) -> Fields:
    return {**_event(values), "action": b"T", "price": values.price("price"), "size": values.size("size")}


def _quote(values: Values) -> Fields:
    """Return the quote; which part of it changed is not said, so the price of the change is none."""
    return {**_event(values), "action": b"M", "price": values.dbn.UNDEF_PRICE,
            "bid_px_00": values.price("bid_price"), "bid_sz_00": values.size("bid_size", of="bid_price"),
            "ask_px_00": values.price("ask_price"), "ask_sz_00": values.size("ask_size", of="ask_price")}


def _book(values: Values) -> Fields:
    """Return the book; one that cannot be trusted is cleared."""
    dbn, valid = values.dbn, values.is_true("valid")
    at = values.nanoseconds("ts", "ts")
    made: dict[str, Any] = {"ts_event": at, "ts_recv": at, "side": b"N", "price": dbn.UNDEF_PRICE,
                            "action": np.where(valid, b"M", b"R"),
                            "flags": np.where(valid, dbn.F_LAST, dbn.F_LAST | dbn.F_MAYBE_BAD_BOOK)}
    for level in (f"{i:02}" for i in range(BOOK_LEVELS)):
        for side in ("bid", "ask"):
            price = f"{side}_px_{level}"
            made |= {price: values.price(price), f"{side}_sz_{level}": values.size(f"{side}_sz_{level}", of=price)}
    return made


def _bar(values: Values) -> Fields:
    return {"ts_event": values.nanoseconds("ts", "ts"), "volume": values.size("volume", most=VOLUME_MAX),
            **{name: values.price(name) for name in ("open", "high", "low", "close")}}


@dataclass(frozen=True, slots=True)
class Layout:
    """Databento's class of a record, and how its fields are made but for those of every record."""

    message: str
    fields: Callable[[Values], Fields]


BAR = Layout("OHLCVMsg", _bar)
LAYOUTS = {"trades": Layout("TradeMsg", _trade), "mbp-1": Layout("MBP1Msg", _quote),
           "mbp-10": Layout("MBP10Msg", _book),
           **{f"ohlcv-{width}": BAR for width in ("1s", "1m", "1h", "1d")}}  # fmt: skip


class Records:
    """Makes records of batches, for one of DBN's schemas."""

    def __init__(self, dbn: Any, schema: str, job: Job) -> None:
        self._dbn, self._job, self._layout = dbn, job, LAYOUTS[schema]
        message = getattr(dbn, self._layout.message)
        self._type = np.dtype(message._dtypes)
        self._head = {"length": self._type.itemsize // WORD_BYTES, "publisher_id": NO_PUBLISHER,
                      "rtype": int(dbn.RType.from_schema(dbn.Schema.from_str(schema)))}

    def encode(self, batch: pa.RecordBatch) -> memoryview:
        """Return the records of rows, all of which have a contract id of 32 bits."""
        values = Values(self._dbn, batch, self._job)
        made = np.zeros(len(batch), self._type)
        fields = {**self._head, "instrument_id": values.whole("instrument_id"), **self._layout.fields(values)}
        for name, of_rows in fields.items():
            made[name] = of_rows
        return made.view(np.uint8).data
