"""Read a DBN file with Databento's own client and write its rows as Parquet: python dbn.py FILE.dbn OUT.parquet."""

import sys

import databento  # type: ignore[import-not-found]  # in an environment of its own only
import pyarrow as pa
import pyarrow.parquet as pq


def main() -> None:
    """Write all columns, the index too, with symbols from the file's own mappings."""
    store = databento.DBNStore.from_file(sys.argv[1])
    frame = store.to_df(map_symbols=True).reset_index()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sys.argv[2])
    print(store.dataset, store.schema, store.stype_in, len(store.symbols))


if __name__ == "__main__":
    main()
