"""The files of a catalog under way: one per kind of data and instrument, however many of them there are."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from capture.lake.parquet_file import parquet_writer

from .names import file_name, folder

ROW_GROUP_ROWS = 10_000
MOST_OPEN = 256  # of the 1024 files that a process may have open as a rule
_UNFINISHED = "unfinished"


class Files:
    """Takes rows for files, each in order of `ts_init`."""

    def __init__(self, root: Path, most_open: int = MOST_OPEN) -> None:
        self._root, self._most_open = root / "data", most_open
        self._files: dict[tuple[str, str], _File] = {}  # those that are written to last come last

    def write(self, kind: str, name: str, rows: pa.RecordBatch) -> None:
        """Take rows of an instrument or a type of bars; their schema's metadata are those of its file."""
        if not len(rows):
            return
        file = self._files.pop((kind, name), None) or _File(self._root / kind / folder(name), rows.schema)
        self._files[kind, name] = file
        file.write(rows)

    def rest(self, until_ns: int) -> None:
        """Finish files that were not written to for longest, if too many are open; more of the same is another file.

        Only those that end before a time that no row to come is before: two files of a folder may have no time in
        common.
        """
        opened = [file for file in self._files.values() if file.is_open]
        for file in opened[:max(len(opened) - self._most_open, 0)]:
            if file.last_ns < until_ns:
                file.finish()

    def close(self) -> None:
        """Finish all files."""
        for file in self._files.values():
            file.finish()


class _File:
    """A file, and those after it in the same folder."""

    def __init__(self, home: Path, schema: pa.Schema) -> None:
        self._home, self._schema = home, schema
        self._rows: list[pa.RecordBatch] = []
        self._writer: pq.ParquetWriter | None = None
        self._first_ns: int | None = None
        self.last_ns = 0

    @property
    def is_open(self) -> bool:
        return self._writer is not None

    def write(self, rows: pa.RecordBatch) -> None:
        self._rows.append(rows)
        if self._first_ns is None:
            self._first_ns = rows["ts_init"][0].as_py()
        self.last_ns = rows["ts_init"][-1].as_py()
        if sum(map(len, self._rows)) >= ROW_GROUP_ROWS:
            self._flush()

    def finish(self) -> None:
        self._flush()
        if self._writer is None or self._first_ns is None:
            return
        self._writer.close()
        (self._home / _UNFINISHED).rename(self._home / file_name(self._first_ns, self.last_ns))
        self._writer = self._first_ns = None

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self._home.mkdir(parents=True, exist_ok=True)
            self._writer = parquet_writer(self._home / _UNFINISHED, self._schema)
        self._writer.write_table(pa.Table.from_batches(self._rows), ROW_GROUP_ROWS)
        self._rows = []

