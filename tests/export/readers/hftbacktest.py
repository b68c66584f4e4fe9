"""Reads an npz with hftbacktest: `FILE.npz MOMENTS.npy TICK_SIZE LEVELS FOLDER` writes what it finds into a folder.

`events.parquet` has the events as they are in the file. `seen.json` has what a backtest without orders sees at moments
in nanoseconds, none of them before the first event: the best levels of both sides, the prices in ticks, and the trades
since the moment before.
"""

import json
import sys
from pathlib import Path
from typing import Any

# The folder of this program has a module of the library's name: itself.
sys.path.pop(0)

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hftbacktest import (  # type: ignore[import-not-found]  # in its own environment only
    BacktestAsset,
    HashMapMarketDepthBacktest,
    event_dtype,
)
from hftbacktest.data import validate_event_order  # type: ignore[import-not-found]  # likewise

NO_PRICE_TICKS = 1 << 62  # what it says where a side is empty is beyond
FURTHEST_TICKS = 1000


def levels(depth: Any, side: str, most: int) -> list[tuple[int, float]]:
    """Return the best levels; they are asked for one price after the other, as it has them by price only."""
    best, step = (depth.best_bid_tick, -1) if side == "bid" else (depth.best_ask_tick, 1)
    if abs(best) > NO_PRICE_TICKS:
        return []
    size_at = depth.bid_qty_at_tick if side == "bid" else depth.ask_qty_at_tick
    found = ((best + away * step, size_at(best + away * step)) for away in range(FURTHEST_TICKS))
    return [(tick, size) for tick, size in found if size][:most]


def main(path: str, moments: str, tick_size: str, most: str, folder: str) -> None:
    data = np.load(path)["data"]
    assert data.dtype.descr == event_dtype.descr, data.dtype
    validate_event_order(data)
    pq.write_table(pa.table({name: data[name] for name in data.dtype.names}), Path(folder) / "events.parquet")
    asset = (BacktestAsset().data([path]).linear_asset(1.0).constant_order_latency(0, 0).risk_adverse_queue_model()
             .no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0).tick_size(float(tick_size)).lot_size(1e-4)
             .last_trades_capacity(len(data)))
    backtest = HashMapMarketDepthBacktest([asset])
    seen: list[dict[str, Any]] = []
    for at in np.load(moments).tolist():
        # Its clock begins with the first event. It answers 1 at the end of the data, which it has all taken then.
        now = backtest.current_timestamp if seen else int(data["local_ts"][0])
        assert backtest.elapse(at - now) in (0, 1)
        depth, trades = backtest.depth(0), backtest.last_trades(0)
        seen.append({"bid": levels(depth, "bid", int(most)), "ask": levels(depth, "ask", int(most)),
                     "trades": [(float(trade["px"]), float(trade["qty"])) for trade in trades]})
        backtest.clear_last_trades(0)
    backtest.close()
    (Path(folder) / "seen.json").write_text(json.dumps(seen))


main(*sys.argv[1:])
