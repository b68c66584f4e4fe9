"""The rival of the ingest benchmark: a recorder as users write it on ib_async, its events to lists to Arrow to Parquet.

    python -m bench.rival BYTES IDS       prints messages per second

It is spared the socket: it reads the frames from a file, in pieces of a socket read's size. It keeps what ib_async's
events offer; ticktape keeps every field.
"""

import json
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ib_async import IB, RealTimeBarList, Stock

READ_FRAMES = 1_500  # about 64 KiB
FLUSH_FRAMES = 100_000  # per Parquet file

KINDS = {"all_last": "AllLast", "quotes": "BidAsk", "smart_depth": "mktDepth", "ticks": "mktData"}


class Rival:
    """Keeps ticks, depth and bars in lists and writes them out every so often."""

    def __init__(self, ids: dict[str, list[int]], folder: Path) -> None:
        self.ib, self.folder, self.files = IB(), folder, 0
        self.ib.client.decoder.serverVersion = 178
        self.tick_by_tick: list[tuple[Any, ...]] = []
        self.level1: list[tuple[Any, ...]] = []
        self.depth: list[tuple[Any, ...]] = []
        self.bars: list[tuple[Any, ...]] = []
        for stream, kind in KINDS.items():
            for number, request_id in enumerate(ids[stream]):
                contract = Stock(f"S{number}", "SMART", "USD", conId=number + 1)
                self.ib.wrapper.startTicker(request_id, contract, kind)
        for number, request_id in enumerate(ids["bars"]):
            bars = RealTimeBarList()
            bars.reqId, bars.contract = request_id, Stock(f"S{number}", "SMART", "USD", conId=number + 1)
            bars.updateEvent += self.keep_bar
            self.ib.wrapper.startSubscription(request_id, bars)
        self.ib.pendingTickersEvent += self.keep

    def keep_bar(self, bars: Any, _new: bool) -> None:
        """Keep a bar and, as a recorder must, not let ib_async's list grow."""
        bar = bars.pop()
        row = (bar.time, bar.open_, bar.high, bar.low, bar.close, bar.volume, bar.wap, bar.count)
        self.bars.append((bars.contract.conId, *row))

    def keep(self, tickers: Any) -> None:
        """Keep what came since the last call."""
        for ticker in tickers:
            con_id = ticker.contract.conId
            for t in ticker.tickByTicks:
                self.tick_by_tick.append(
                    (con_id, type(t).__name__, t.time, getattr(t, "price", None), getattr(t, "size", None),
                     getattr(t, "bidPrice", None), getattr(t, "askPrice", None), getattr(t, "bidSize", None),
                     getattr(t, "askSize", None), getattr(t, "exchange", None), getattr(t, "specialConditions", None)))
            for t in ticker.ticks:
                self.level1.append((con_id, t.time, t.tickType, t.price, t.size))
            for t in ticker.domTicks:
                row = (t.position, t.marketMaker, t.operation, t.side, t.price, t.size)
                self.depth.append((con_id, t.time, *row))

    def flush(self) -> None:
        """Write what was kept to Parquet."""
        for name in ("tick_by_tick", "level1", "depth", "bars"):
            rows: list[tuple[Any, ...]] = getattr(self, name)
            if rows:
                columns = {str(i): list(column) for i, column in enumerate(zip(*rows, strict=True))}
                pq.write_table(pa.table(columns), self.folder / f"{name}.{self.files}.parquet", compression="zstd")
                rows.clear()
        self.files += 1

    def run(self, data: bytes) -> int:
        """Decode and keep all frames; return how many there were."""
        wrapper, decoder = self.ib.wrapper, self.ib.client.decoder
        position = done = 0
        wrapper.tcpDataArrived()
        while position < len(data):
            (length,) = struct.unpack_from(">I", data, position)
            fields = data[position + 4 : position + 4 + length].decode(errors="backslashreplace").split("\0")
            fields.pop()
            decoder.interpret(fields)
            position += 4 + length
            done += 1
            if done % READ_FRAMES == 0:
                wrapper.tcpDataProcessed()
                wrapper.tcpDataArrived()
            if done % FLUSH_FRAMES == 0:
                self.flush()
        wrapper.tcpDataProcessed()
        self.flush()
        return done


def main() -> None:
    """Measure the rival."""
    data = Path(sys.argv[1]).read_bytes()
    ids = json.loads(Path(sys.argv[2]).read_text())
    with tempfile.TemporaryDirectory() as folder:
        rival = Rival(ids, Path(folder))
        begin = time.perf_counter()
        count = rival.run(data)
        print(count / (time.perf_counter() - begin))


if __name__ == "__main__":
    main()
