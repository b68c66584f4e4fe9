"""Rows as an ArcticDB user would keep them: LMDB, one library per table, one frame per instrument indexed by time.

    python arctic.py FOLDER       reads FOLDER/<table>.parquet, prints {table: {form: bytes}}

Every column is kept but those that are the same in all rows of an instrument.
"""

import json
import sys
from pathlib import Path

import arcticdb  # type: ignore[import-not-found]  # in its own environment only
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

CONSTANT = ["row", "recorder", "instrument_id", "symbol", "stream", "request_id", "origin", "smart"]


def main() -> None:
    """Write each table instrument by instrument and print the sizes."""
    folder = Path(sys.argv[1])
    found = {}
    for table in ("quotes", "trades", "depth"):
        rows = pq.read_table(folder / f"{table}.parquet")
        home = folder / f"{table}.arctic"
        library = arcticdb.Arctic(f"lmdb://{home}").create_library(table)
        for number in pc.unique(rows["instrument_id"]).to_pylist():
            mine = rows.filter(pc.equal(rows["instrument_id"], number))
            key = f"{mine['symbol'][0]}-{number}"
            library.write(key, frame(mine.drop_columns([name for name in CONSTANT if name in mine.column_names])))
        kept = sum(library.get_description(key).row_count for key in library.list_symbols())
        assert kept == len(rows), f"the library holds {kept} rows of {len(rows)}"
        found[table] = {"ArcticDB, LMDB": sum(path.stat().st_blocks * 512 for path in home.rglob("*.mdb"))}
    print(json.dumps(found))


def frame(rows: pa.Table) -> object:
    """Return a pandas frame indexed by time."""
    return rows.to_pandas().set_index("ts").tz_convert(None)


if __name__ == "__main__":
    main()
