"""Quotes and trades as nautilus_trader's QuoteTick and TradeTick."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.export.job import Job

from .instruments import Instrument
from .names import identity
from .numbers import NUMBER
from .records import TIMES, Part, Scale, record_schema, times

_QUOTE = {"bid_price": NUMBER, "ask_price": NUMBER, "bid_size": NUMBER, "ask_size": NUMBER, **TIMES}
_TRADE = {"price": NUMBER, "size": NUMBER, "aggressor_side": pa.uint8(), "trade_id": pa.string(), **TIMES}

NO_AGGRESSOR = 0


class Ticks:
    """Quotes or trades."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._recorders: dict[str, list[str]] = {}

    def parts(self, rows: pa.RecordBatch, instrument: Instrument) -> Iterator[Part]:
        """Yield what becomes of an instrument's rows."""
        scale = Scale(self._job, instrument)
        if self._job.table.name == "quotes":
            yield Part("quote_tick", identity(instrument.details), _quotes(rows, scale, instrument))
        else:
            yield Part("trade_tick", identity(instrument.details), self._trades(rows, scale, instrument))

    def rest(self) -> Iterator[Part]:
        """Yield what was kept back: nothing."""
        return iter(())

    def _trades(self, rows: pa.RecordBatch, scale: Scale, instrument: Instrument) -> pa.RecordBatch:
        rows = scale.fitting(rows, ["price"], ["size"], "trades without a price")
        aggressor = pa.array(np.full(len(rows), NO_AGGRESSOR, np.uint8))
        ids = self._trade_ids(rows, identity(instrument.details))
        return pa.record_batch([scale.prices(rows["price"]), scale.sizes(rows["size"]), aggressor, ids, *times(rows)],
                               schema=record_schema(_TRADE, instrument))

    def _trade_ids(self, rows: pa.RecordBatch, name: str) -> pa.Array:
        """Return `seq-row`; of recorders that come after an instrument's first also which they are: `seq-row-1`."""
        known = self._recorders.setdefault(name, [])
        known += [one for one in pc.unique(rows["recorder"].cast(pa.string())).to_pylist() if one not in known]
        which = pc.index_in(rows["recorder"].cast(pa.string()), pa.array(known, pa.string()))
        texts = [rows["seq"].cast(pa.string()), rows["row"].cast(pa.string())]
        ids = pc.binary_join_element_wise(*texts, "-")
        if len(known) > 1:
            others = pc.binary_join_element_wise(ids, which.cast(pa.string()), "-")
            ids = pc.if_else(pc.equal(which, 0), ids, others)
        return ids


def _quotes(rows: pa.RecordBatch, scale: Scale, instrument: Instrument) -> pa.RecordBatch:
    prices, sizes = ["bid_price", "ask_price"], ["bid_size", "ask_size"]
    rows = scale.fitting(rows, prices, sizes, "quotes without a bid or without an ask")
    made = [*(scale.prices(rows[name]) for name in prices), *(scale.sizes(rows[name]) for name in sizes)]
    return pa.record_batch([*made, *times(rows)], schema=record_schema(_QUOTE, instrument))
