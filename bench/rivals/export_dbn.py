"""A DBN file made into Parquet as a Databento user would.

    python export_dbn.py FILE.dbn.zst OUTPUT.parquet       prints seconds, rows, bytes and the most memory it had
"""

import json
import resource
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
from databento import DBNStore  # type: ignore[import-not-found]  # in its own environment only


def main() -> None:
    """Convert, and print what it took."""
    begin = time.perf_counter()
    DBNStore.from_file(sys.argv[1]).to_parquet(sys.argv[2])
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "rows": pq.read_metadata(sys.argv[2]).num_rows,
                      "bytes": Path(sys.argv[2]).stat().st_size,
                      "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
