"""A day of the invented market as a recorder's files would hold it: quotes, trades and depth with every column."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from capture.gateway.market import Market
from capture.schemas import DEPTH, QUOTES, TABLES, TRADES, Table

BEGIN = datetime(2026, 11, 20, 13, tzinfo=UTC)  # an hour and a half before New York opens
HOUR_US = 3_600_000_000
SMART_DEPTH, DEPTH_OF = "AAPL", ("AAPL", "ESZ6", "EUR.USD")  # IB gives an account three books at a time
STREAMS = {QUOTES.name: "quotes", TRADES.name: "all_last", DEPTH.name: "depth"}
FIRST_REQUEST = 1_000


@dataclass(frozen=True)
class Part:
    """Rows of one table and instrument, without what only a recorder knows."""

    table: Table
    symbol: str
    request_id: int
    rows: pa.Table


def recorded(hours: float) -> dict[str, pa.Table]:
    """Return the tables of so many hours from 13:00 UTC, rows in the order in which they arrived.

    20 stocks, futures, pairs and coins, depth of three of them; the seed, and so every row, is always the same. Rows
    carry the number of their frame in one line for all instruments and streams, as on a tape.
    """
    parts = list(_parts(int(hours * HOUR_US)))
    ts = np.concatenate([part.rows["ts"].cast(pa.int64()).to_numpy() for part in parts])
    seq = np.empty(len(ts), np.int64)
    seq[np.argsort(ts, kind="stable")] = np.arange(1, len(ts) + 1)
    ends = np.cumsum([len(part.rows) for part in parts])
    numbered = [_whole(part, seq[end - len(part.rows) : end]) for part, end in zip(parts, ends, strict=True)]
    return {name: pa.concat_tables([rows for part, rows in zip(parts, numbered, strict=True)
                                    if part.table.name == name]).sort_by("seq") for name in STREAMS}


def _parts(length_us: int) -> list[Part]:
    market = Market(seed=1, rate=1.0, always_open=False)
    begin_us = int(BEGIN.timestamp()) * 1_000_000
    found: list[Part] = []
    for con_id, instrument in market.instruments.items():
        if instrument.sec_type == "OPT" or instrument.style.prints_only or not instrument.quotes_per_s:
            continue
        span = (con_id, begin_us, begin_us + length_us)
        symbol = instrument.local_symbol
        made = {QUOTES: market.quotes(*span), TRADES: market.trades(*span)}
        if symbol in DEPTH_OF:
            made[DEPTH] = market.depth(*span, smart=symbol == SMART_DEPTH)
        found += [Part(table, symbol, FIRST_REQUEST + len(found) + place, rows)
                  for place, (table, rows) in enumerate(made.items())]
    return found


def _whole(part: Part, seq: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    """Return rows with the columns that a recorder adds."""
    count = len(seq)
    stream = "smart_depth" if part.table is DEPTH and part.symbol == SMART_DEPTH else STREAMS[part.table.name]
    constants = {"row": 0, "recorder": "main", "symbol": part.symbol, "stream": stream,
                 "request_id": part.request_id, "origin": "live"}
    columns = {name: part.rows[name] for name in part.rows.schema.names}
    columns |= {name: pa.repeat(value, count) for name, value in constants.items()} | {"seq": pa.array(seq)}
    schema = TABLES[part.table.name].schema
    return pa.table([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema)
