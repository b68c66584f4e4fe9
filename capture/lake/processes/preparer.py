"""The preparer process: makes what a lake needs before its first row, and ends.

    python -m capture.lake.processes.preparer DATA

A roller starts it where something is missing, and waits: views take DuckDB, whose memory a roller would keep for ever.
"""

import sys
from pathlib import Path

import duckdb

from capture.child_process import begin, fail
from capture.lake.layout import Layout
from capture.lake.views import prepare


def main() -> None:
    """Run as a process of its own, which speaks for its roller."""
    begin("roller")
    try:
        prepare(Layout(Path(sys.argv[1])))
    except (OSError, duckdb.Error) as error:
        fail("roller", f"{error}; nothing on the tape is lost, and rolling goes on from there")


if __name__ == "__main__":
    main()
