"""Footers of files, read once while a file stays the same, and the row groups that may hold some rows."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from capture.lake.parquet_file import parquet_file

from .bounds import Bounds, Wanted, bounds_of
from .group_index import GroupIndex, IndexedFile, ReplacedError

# What is held of footers: their own size, of which Arrow makes some six times as much in memory.
MOST_BYTES = 32 << 20

Stamp = tuple[int, int]  # by which a file is known to be the same: its size, and when it was written in nanoseconds


_Key = tuple[Path, tuple[int, ...] | None]  # a file, and which of its row groups: None for the whole footer


@dataclass(frozen=True, slots=True)
class Part:
    """Some row groups of a file, by their numbers in `metadata`: `part.opened().read_row_groups(part.groups)`."""

    path: Path
    metadata: pq.FileMetaData
    groups: tuple[int, ...]
    stamp: Stamp

    def opened(self, **options: Any) -> pq.ParquetFile:
        """Return the file, opened by what is known of it; options are Arrow's.

        Raises FileNotFoundError, and ReplacedError where it is another file by now: ask for its parts again.
        """
        file = parquet_file(self.path, metadata=self.metadata, **options)
        # Looked at once it is open: what was replaced before is seen, and what is replaced later is not read.
        if _stamp(self.path) != self.stamp:
            file.close()
            raise ReplacedError(f"{self.path} was made anew meanwhile: ask once more")
        return file


@dataclass(frozen=True, slots=True)
class _Footer:
    stamp: Stamp
    metadata: pq.FileMetaData
    bounds: Bounds


class Footers:
    """Footers that were read, those asked for last; of any number of threads. Files that are replaced are read anew."""

    def __init__(self, index: GroupIndex | None = None, *, most_bytes: int = MOST_BYTES) -> None:
        self._index = index
        self._most_bytes, self._held_bytes = most_bytes, 0
        self._held: OrderedDict[_Key, _Footer] = OrderedDict()
        self._lock = threading.Lock()

    def metadata(self, path: Path) -> pq.FileMetaData:
        """Return the footer of a file. Raises FileNotFoundError, and OSError or what Arrow raises for a damaged one."""
        return self._whole(path, _stamp(path)).metadata

    def parts(self, paths: Iterable[Path], wanted: Wanted) -> Iterator[Part]:
        """Yield of each file that may hold rows which are wanted the row groups that may; files in the order given.

        Files that are in the index are not opened for it. Raises as `metadata` does, and ValueError for a footer that
        contradicts itself.
        """
        for path in paths:
            stamp = _stamp(path)
            indexed = self._index.of(path, stamp) if self._index else None
            bounds = indexed.bounds if indexed else self._whole(path, stamp).bounds
            groups = tuple(bounds.holding(wanted).tolist())
            if groups and indexed:
                try:
                    some = self._some(path, indexed, groups)
                except ReplacedError:  # the index says nothing of the file that is there now
                    yield from self.parts([path], wanted)
                    continue
                yield Part(path, some, tuple(range(len(groups))), stamp)
            elif groups:
                yield Part(path, self._whole(path, stamp).metadata, groups, stamp)

    def _whole(self, path: Path, stamp: Stamp) -> _Footer:
        if known := self._known((path, None), stamp):
            return known
        metadata = pq.read_metadata(path)
        return self._hold((path, None), _Footer(stamp, metadata, bounds_of(metadata)))

    def _some(self, path: Path, indexed: IndexedFile, groups: tuple[int, ...]) -> pq.FileMetaData:
        """Return the footer of some row groups of a file."""
        if known := self._known((path, groups), indexed.stamp):
            return known.metadata
        metadata = indexed.metadata(path, groups)
        return self._hold((path, groups), _Footer(indexed.stamp, metadata, indexed.bounds)).metadata

    def _known(self, key: _Key, stamp: Stamp) -> _Footer | None:
        with self._lock:
            known = self._held.get(key)
            if known is None or known.stamp != stamp:
                return None
            self._held.move_to_end(key)
            return known

    def _hold(self, key: _Key, footer: _Footer) -> _Footer:
        with self._lock:
            before = self._held.pop(key, None)
            self._held[key] = footer
            self._held_bytes += _size_bytes(footer) - (_size_bytes(before) if before else 0)
            while self._held_bytes > self._most_bytes and len(self._held) > 1:
                _, oldest = self._held.popitem(last=False)
                self._held_bytes -= _size_bytes(oldest)
        return footer


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _size_bytes(footer: _Footer) -> int:
    return int(footer.metadata.serialized_size)
