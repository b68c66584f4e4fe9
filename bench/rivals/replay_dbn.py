"""Quotes replayed as a Databento user would: a DBN file, compressed with zstd, read by Databento's own client.

    python replay_dbn.py write ROWS.parquet FILE       writes the rows as mbp-1 records, in their order
    python replay_dbn.py play FILE                     plays it in a form per line of stdin; answers a line of JSON each
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import dbn  # type: ignore[import-not-found]  # beside it, where it is run
import pyarrow.parquet as pq
from databento import DBNStore  # type: ignore[import-not-found]  # in its own environment only

BATCH_ROWS = 65_536


def arrays(store: Any) -> tuple[int, int]:
    """Play all records as one array."""
    found = store.to_ndarray()
    return len(found), int(found["bid_px_00"].sum())


def pieces(store: Any) -> tuple[int, int]:
    """Play the records as arrays of some each."""
    count = total = 0
    for found in store.to_ndarray(count=BATCH_ROWS):
        count += len(found)
        total += int(found["bid_px_00"].sum())
    return count, total


def records(store: Any) -> tuple[int, int]:
    """Play the records one by one."""
    count = total = 0
    for record in store:
        count += 1
        total += record.levels[0].bid_px
    return count, total


FORMS = {"arrays": arrays, "pieces": pieces, "records": records}


def play(file: str) -> None:
    """Answer forms: how long each took, how many rows came, and the sum of their bids."""
    for line in sys.stdin:
        begin = time.perf_counter()
        count, total = FORMS[line.strip()](DBNStore.from_file(file))
        seconds = time.perf_counter() - begin
        print(json.dumps({"seconds": seconds, "rows": count, "bids": total / dbn.PRICE_UNITS}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        dbn.write("quotes", pq.read_table(sys.argv[2]), Path(sys.argv[3]))
    else:
        play(sys.argv[2])
