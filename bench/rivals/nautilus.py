"""Rows as a nautilus user would keep them: a ParquetDataCatalog of quote ticks, trade ticks and order book deltas.

    python nautilus.py FOLDER       reads FOLDER/<table>.parquet, prints {table: {form: bytes}}

The catalog's own settings. The frame's number becomes the trade's id or the delta's sequence; for quotes there is no
field for it, nor for IB's flags, conditions, exchanges and streams.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from nautilus_trader.model.data import (  # type: ignore[import-not-found]  # in its own environment only
    OrderBookDelta,
    QuoteTick,
    TradeTick,
)
from nautilus_trader.model.enums import BookAction, OrderSide  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue  # type: ignore[import-not-found]  # likewise
from nautilus_trader.model.objects import FIXED_PRECISION  # type: ignore[import-not-found]  # likewise
from nautilus_trader.persistence.catalog import ParquetDataCatalog  # type: ignore[import-not-found]  # likewise

PRICE_DIGITS, SIZE_DIGITS = 5, 4  # enough for every instrument of the invented market
ACTIONS = {"insert": BookAction.ADD, "update": BookAction.UPDATE, "delete": BookAction.DELETE}
SIDES = {"bid": OrderSide.BUY, "ask": OrderSide.SELL}
PIECE_ROWS = 500_000  # as objects, some hundred bytes each


def floats(rows: pa.Table, *names: str) -> list[Any]:
    """Return columns as numpy floats."""
    return [rows[name].combine_chunks().to_numpy(zero_copy_only=False).copy() for name in names]  # it wants to write


def nanoseconds(rows: pa.Table, name: str) -> Any:
    """Return a column of times as nanoseconds since 1970."""
    return rows[name].cast(pa.int64()).combine_chunks().to_numpy().astype(np.uint64) * 1_000


def raw(values: Any, digits: int) -> list[int]:
    """Return numbers in the fixed point of the library."""
    return [int(units) * 10 ** (FIXED_PRECISION - digits) for units in np.rint(values * 10**digits)]


def quotes(identity: Any, rows: pa.Table) -> list[Any]:
    """Return quote ticks."""
    ticks: list[Any] = QuoteTick.from_raw_arrays_to_list(
        identity, PRICE_DIGITS, SIZE_DIGITS, *floats(rows, "bid_price", "ask_price", "bid_size", "ask_size"),
        nanoseconds(rows, "ts_event"), nanoseconds(rows, "ts"))
    return ticks


def trades(identity: Any, rows: pa.Table, sides: Any = None) -> list[Any]:
    """Return trade ticks; `sides` are who took liquidity, as numbers of the library (None: that is not known)."""
    ticks: list[Any] = TradeTick.from_raw_arrays_to_list(
        identity, PRICE_DIGITS, SIZE_DIGITS, *floats(rows, "price", "size"),
        np.zeros(len(rows), np.uint8) if sides is None else sides,
        list(map(str, rows["seq"].to_pylist())), nanoseconds(rows, "ts_event"), nanoseconds(rows, "ts"))
    return ticks


def depth(identity: Any, rows: pa.Table) -> list[Any]:
    """Return order book deltas: the position as the order's id."""
    price, size = floats(rows, "price", "size")
    words = (rows["operation"].to_pylist(), rows["side"].to_pylist())
    numbers = (raw(price, PRICE_DIGITS), raw(size, SIZE_DIGITS), rows["position"].to_pylist(), rows["seq"].to_pylist(),
               nanoseconds(rows, "ts").tolist())
    return [
        OrderBookDelta.from_raw(identity, ACTIONS[operation], SIDES[side], price, PRICE_DIGITS, size, SIZE_DIGITS,
                                position, 0, seq, ts, ts)
        for operation, side, price, size, position, seq, ts in zip(*words, *numbers, strict=True)
    ]


def main() -> None:
    """Write each table instrument by instrument and print the sizes."""
    folder = Path(sys.argv[1])
    found = {}
    for table, made in (("quotes", quotes), ("trades", trades), ("depth", depth)):
        rows = pq.read_table(folder / f"{table}.parquet")
        home = folder / f"{table}.nautilus"
        catalog = ParquetDataCatalog(str(home))
        for number in pc.unique(rows["instrument_id"]).to_pylist():
            mine = rows.filter(pc.equal(rows["instrument_id"], number))
            identity = InstrumentId(Symbol(f"{mine['symbol'][0]}-{number}"), Venue("IB"))
            for first in range(0, len(mine), PIECE_ROWS):
                catalog.write_data(made(identity, mine.slice(first, PIECE_ROWS)), skip_disjoint_check=True)
        files = list(home.rglob("*.parquet"))
        kept = sum(pq.read_metadata(path).num_rows for path in files)
        assert kept == len(rows), f"the catalog holds {kept} rows of {len(rows)}"
        found[table] = {"nautilus catalog": sum(path.stat().st_size for path in files)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
