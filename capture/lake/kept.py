"""What is kept of a table's archive files, so that nobody looks into a thousand folders and files to count rows.

    sealed/<table>.files      of each date: when its folder was changed, and of each file size, time and rows; as JSON,
                              and in a line of its own the checksum of that

It says nothing that folders and files do not say. So it may be missing, old or damaged: of a date it counts only while
the folder was not changed since, of a file only while size and time are the same. Written when a date is sealed.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pyarrow.parquet as pq

from capture.publish import make_folder, publish
from capture.schemas import TABLES

from .damage import FAULTS
from .layout import Layout, day_folders, parquet_names
from .parquet_file import FILE_MODE

# For so long a folder must not have changed: longer than a tick of any file system's clock.
UNCHANGED_NS = 10_000_000_000


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file: how large it was, when it was written, in nanoseconds since 1970, and how many rows it holds."""

    size_bytes: int
    written_ns: int
    rows: int


@dataclass(frozen=True, slots=True)
class KeptDay:
    """A date: when its folder was changed last, in nanoseconds since 1970, and its files by name, in order."""

    changed_ns: int
    files: dict[str, KeptFile]


def read_kept(layout: Layout, table: str) -> dict[str, KeptDay]:
    """Return what is kept of a table by date, in ISO form; nothing where that cannot be read."""
    try:
        text, _, checksum = layout.kept(table).read_text().rpartition("\n")
        said = json.loads(text) if checksum == _checksum(text) else {}
        return {day: KeptDay(int(changed_ns), {name: KeptFile(*map(int, file)) for name, file in files.items()})
                for day, (changed_ns, files) in said[table].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return {}


def keep_files(layout: Layout) -> None:
    """Write down what the archive files of all tables hold; of those that stayed the same, as it is known.

    Where that cannot be written it stays as it is, and files are looked into for what it does not say.
    """
    for table in TABLES:
        before = read_kept(layout, table)
        days = {day: found for day, folder in day_folders(layout.archive(table)).items()
                if (found := _day(folder, before.get(day)))}
        if days != before:
            with suppress(OSError):
                _write(layout.kept(table), table, days)


def is_same(path: Path, kept: KeptFile) -> bool:
    """Return whether a file is the one that something is kept of."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return (found.st_size, found.st_mtime_ns) == (kept.size_bytes, kept.written_ns)


def wrong_files(layout: Layout) -> list[Path]:
    """Return the archive files of which something else is kept than they say."""
    found = []
    for table in TABLES:
        for day, kept in read_kept(layout, table).items():
            folder = layout.archive(table) / f"date={day}"
            found += [folder / name for name, file in kept.files.items()
                      if is_same(folder / name, file) and _differs(folder / name, file)]
    return found


def _differs(path: Path, kept: KeptFile) -> bool:
    try:
        return _file(path) != kept
    except FAULTS:
        return False  # damaged, which is told by whoever reads it


def _day(folder: Path, before: KeptDay | None) -> KeptDay | None:
    """Return what to keep of a date; None of one that may change yet without telling another time, or is damaged."""
    try:
        changed_ns = folder.stat().st_mtime_ns
        known = before.files if before else {}
        if before and before.changed_ns == changed_ns and all(is_same(folder / name, known[name]) for name in known):
            return before
        if time.time_ns() - changed_ns <= UNCHANGED_NS:
            return None
        return KeptDay(changed_ns, {name: _file(folder / name) for name in parquet_names(folder)})
    except FAULTS:
        return None


def _file(path: Path) -> KeptFile:
    found = path.stat()
    return KeptFile(found.st_size, found.st_mtime_ns, pq.read_metadata(path).num_rows)


def _write(path: Path, table: str, days: dict[str, KeptDay]) -> None:
    said = {day: [kept.changed_ns, {name: [file.size_bytes, file.written_ns, file.rows]
                                    for name, file in kept.files.items()}] for day, kept in days.items()}
    text = json.dumps({table: said}, separators=(",", ":"))
    make_folder(path.parent)
    publish(path, lambda temporary: temporary.write_text(f"{text}\n{_checksum(text)}"), mode=FILE_MODE)


def _checksum(text: str) -> str:
    return f"{crc32(text.encode()):08x}"
