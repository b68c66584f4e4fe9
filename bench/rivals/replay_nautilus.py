"""Quotes replayed as a nautilus user would: a catalog, asked for the quote ticks of all instruments in order of time.

    python replay_nautilus.py write ROWS.parquet FOLDER       writes the rows as a catalog
    python replay_nautilus.py play FOLDER                     plays it for each line of stdin; answers a line of JSON
"""

import json
import sys
import time

import nautilus  # type: ignore[import-not-found]  # beside it, where it is run
import pyarrow.compute as pc
import pyarrow.parquet as pq
from nautilus_trader.model.data import QuoteTick  # type: ignore[import-not-found]  # in its own environment only
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue  # type: ignore[import-not-found]  # likewise
from nautilus_trader.persistence.catalog import ParquetDataCatalog  # type: ignore[import-not-found]  # likewise


def write(rows_file: str, home: str) -> None:
    """Write each instrument's quotes in one piece."""
    rows = pq.read_table(rows_file)
    catalog = ParquetDataCatalog(home)
    for number in pc.unique(rows["instrument_id"]).to_pylist():
        mine = rows.filter(pc.equal(rows["instrument_id"], number))
        identity = InstrumentId(Symbol(f"{mine['symbol'][0]}-{number}"), Venue("IB"))
        catalog.write_data(nautilus.quotes(identity, mine))


def play(home: str) -> None:
    """Answer: how long it took, how many rows came, and the sum of their bids."""
    for _ in sys.stdin:
        begin = time.perf_counter()
        count, total = 0, 0.0
        for tick in ParquetDataCatalog(home).query(QuoteTick):
            count += 1
            total += float(tick.bid_price)
        print(json.dumps({"seconds": time.perf_counter() - begin, "rows": count, "bids": total}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(*sys.argv[2:4])
    else:
        play(sys.argv[2])
