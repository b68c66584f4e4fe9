"""Which row groups of archive files hold what: an instrument is found in a thousand files without opening any (D154).

    sealed/<table>.groups    Parquet, and behind it in a line of its own the checksum of that: of each file size and
                             time, of each row group its bounds, its rows, and where in the file's footer it stands

It says nothing that archive files do not say. So it may be missing, old or damaged: it counts only of files that are
still the same, the footers of all others are read. Written when a date is sealed.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.data_folder import ARCHIVE
from capture.lake.damage import FAULTS
from capture.lake.kept import KeptDay, KeptFile, is_same, read_kept
from capture.lake.layout import Layout
from capture.lake.parquet_file import FILE_MODE, checked_bytes, read_checked
from capture.publish import make_folder, publish
from capture.schemas import MARKET_TABLES

from .bounds import Bounds, Integers, bounds_of
from .footer_pieces import END_BYTES, put_together, taken_apart

_SAID = b"ticktape.groups"
_BOUNDS = tuple(field.name for field in fields(Bounds))


class ReplacedError(OSError):
    """A file is not the one any more of which the footer is known."""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """What is known of a file: how its footer begins and ends, bounds of its row groups, and where these stand."""

    stamp: tuple[int, int]
    head: bytes
    tail: bytes
    bounds: Bounds
    begins: Integers
    ends: Integers

    def metadata(self, path: Path, groups: Sequence[int]) -> pq.FileMetaData:
        """Return the footer of some row groups, numbered from 0 in their order.

        Raises OSError and what Arrow raises, and ReplacedError where it is another file by now.
        """
        with path.open("rb", buffering=0) as file:
            opened = os.fstat(file.fileno())
            if (opened.st_size, opened.st_mtime_ns) != self.stamp:
                raise ReplacedError(f"{path} was made anew meanwhile: ask once more")
            pieces = [os.pread(file.fileno(), int(self.ends[group] - self.begins[group]), int(self.begins[group]))
                      for group in groups]
        rows = int(self.bounds.rows[list(groups)].sum())
        return pq.read_metadata(pa.BufferReader(put_together(self.head, rows, pieces, self.tail)))


Files = dict[tuple[str, str], IndexedFile]  # by date in ISO form, and name


class GroupIndex:
    """What is kept of the row groups of a lake's archive files, read anew where it was written anew; of any threads."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._tables: dict[str, tuple[int, Files]] = {}  # when the file of each was written, and what is in it

    def of(self, path: Path, stamp: tuple[int, int]) -> IndexedFile | None:
        """Return what is kept of a file that has a size and time; None where nothing is, or of another one."""
        table = path.parent.parent.name
        if path.parent.parent.parent != self._layout.root / ARCHIVE:
            return None
        key = path.parent.name.removeprefix("date="), path.name
        found = self._tables[table][1].get(key) if table in self._tables else None
        if found is None or found.stamp != stamp:
            found = self._anew(table).get(key)
        return found if found and found.stamp == stamp else None

    def _anew(self, table: str) -> Files:
        try:
            written_ns = self._layout.groups(table).stat().st_mtime_ns
        except OSError:
            return {}
        if table not in self._tables or self._tables[table][0] != written_ns:
            self._tables[table] = written_ns, read_groups(self._layout, table)
        return self._tables[table][1]


def keep_groups(layout: Layout) -> None:
    """Write down what row groups archive files of market data hold; of those that stayed the same, as it is known.

    Where that cannot be written it stays as it is, and footers are read instead.
    """
    for table in MARKET_TABLES:
        before, kept = read_groups(layout, table.name), read_kept(layout, table.name)
        files = _files(layout, table.name, kept, before)
        if files and _stamps(files) != _stamps(before):
            with suppress(OSError):
                _write(layout.groups(table.name), files)


def read_groups(layout: Layout, table: str) -> Files:
    """Return what is kept of the row groups of a table's archive files; nothing where that cannot be read."""
    try:
        rows = read_checked(layout.groups(table))
        return _meant(json.loads(rows.schema.metadata[_SAID])[table], rows)
    except (*FAULTS, KeyError, TypeError, IndexError):
        return {}


def wrong_groups(layout: Layout) -> Iterator[Path]:
    """Yield the files that say something else of row groups than archive files do."""
    for table in (table.name for table in MARKET_TABLES):
        found, kept = read_groups(layout, table), read_kept(layout, table)
        again = _files(layout, table, kept, {})
        same = [key for key, file in found.items() if key in again and again[key].stamp == file.stamp]
        if any(not _is_equal(found[key], again[key]) for key in same):
            yield layout.groups(table)


def _is_equal(one: IndexedFile, other: IndexedFile) -> bool:
    return (one.head, one.tail) == (other.head, other.tail) and all(
        np.array_equal(ours, theirs) for ours, theirs in zip(_columns(one), _columns(other), strict=True))


def _columns(file: IndexedFile) -> list[Any]:
    return [*(getattr(file.bounds, name) for name in _BOUNDS), file.begins, file.ends]


def _files(layout: Layout, table: str, kept: Mapping[str, KeptDay], before: Files) -> Files:
    """Return what is known of the files of which something is kept; without what cannot be read."""
    found: Files = {}
    for day, of_day in kept.items():
        for name, file in of_day.files.items():
            known = before.get((day, name))
            if known is None or known.stamp != (file.size_bytes, file.written_ns):
                known = _looked_at(layout.archive(table) / f"date={day}" / name, file)
            if known:
                found[day, name] = known
    return found


def _looked_at(path: Path, kept: KeptFile) -> IndexedFile | None:
    try:
        content, metadata = _footer(path), pq.read_metadata(path)
        begin = kept.size_bytes - END_BYTES - len(content)
        pieces, bounds = taken_apart(content), bounds_of(metadata)
        ends = [[begin + group[end] for group in pieces.groups] for end in (0, 1)]
        if not is_same(path, kept) or len(pieces.groups) != metadata.num_row_groups:
            return None  # replaced meanwhile
        return IndexedFile((kept.size_bytes, kept.written_ns), pieces.head, pieces.tail, bounds,
                           *(np.array(one, np.int64) for one in ends))
    except FAULTS:
        return None


def _footer(path: Path) -> bytes:
    """Return the footer of a file."""
    with path.open("rb") as file:
        file.seek(-END_BYTES, os.SEEK_END)
        size = int.from_bytes(file.read(4), "little")
        file.seek(-END_BYTES - size, os.SEEK_END)
        return file.read(size)


def _stamps(files: Files) -> dict[tuple[str, str], tuple[int, int]]:
    return {key: file.stamp for key, file in files.items()}


# The file

def _meant(said: dict[str, Any], rows: pa.Table) -> Files:
    pieces = [b64decode(piece) for piece in said["pieces"]]
    columns = {name: rows[name].to_numpy() for name in (*_BOUNDS, "begins", "ends")}
    found: Files = {}
    at = 0
    for day, name, size_bytes, written_ns, head, tail, count in said["files"]:
        part = {column: values[at : at + count] for column, values in columns.items()}
        begins, ends = part.pop("begins"), part.pop("ends")
        stamp = size_bytes, written_ns
        found[day, name] = IndexedFile(stamp, pieces[head], pieces[tail], Bounds(**part), begins, ends)
        at += count
    return found


def _write(path: Path, files: Files) -> None:
    pieces: dict[bytes, int] = {}  # all files of a version begin and end alike
    said = [[*key, *file.stamp, *(pieces.setdefault(piece, len(pieces)) for piece in (file.head, file.tail)),
             len(file.begins)] for key, file in files.items()]
    told = json.dumps({path.stem: {"files": said, "pieces": [b64encode(piece).decode() for piece in pieces]}})
    parts = zip(*(_columns(file) for file in files.values()), strict=True)
    columns = dict(zip((*_BOUNDS, "begins", "ends"), map(np.concatenate, parts), strict=True))
    written = checked_bytes(pa.table(columns).replace_schema_metadata({_SAID: told}))
    make_folder(path.parent)
    publish(path, lambda temporary: temporary.write_bytes(written), mode=FILE_MODE)
