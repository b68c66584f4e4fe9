"""Up to which date a table is sealed, and the lock between those who roll rows and those who move that date.

Rows of a date go to live files while it is not sealed, and to the archive once it is. So that none is published among
the live files of a date at the moment it is sealed, publishing and moving the date exclude each other (D78, D80).
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import pyarrow as pa

from capture.data_folder import DATES_LOCK, SEALER_LOCK
from capture.publish import make_folder, publish
from capture.schemas import TABLES

from .layout import NEVER_SEALED, LakeStateError, Layout, day_folders, restored_by
from .parquet_file import FILE_MODE, parquet_file, write_rows
from .process_lock import locked


class SealerBusyError(OSError):
    """Another process is sealing this lake."""


def sealed_through(layout: Layout, table: str) -> date:
    """Return the UTC date up to which a table is sealed; NEVER_SEALED where nothing is.

    Raises LakeStateError where the file that says so cannot be read, or is missing though there are archive files.
    """
    try:
        with parquet_file(layout.sealed(table)) as file:  # read_table imports more than is read
            found = file.read()["sealed_through"][0].as_py()
        if not isinstance(found, date):
            raise ValueError("it holds no date")
    except FileNotFoundError:
        if any(path for day in day_folders(layout.archive(table)).values() for path in day.glob("*.parquet")):
            raise LakeStateError(f"{layout.sealed(table)} is missing, which says up to which date {table} is to be "
                                 f"read from the archive; {restored_by(layout)}") from None
        return NEVER_SEALED
    except (OSError, ValueError, KeyError, IndexError, pa.ArrowException) as error:
        raise LakeStateError(f"{layout.sealed(table)} cannot be read: {error}; {restored_by(layout)}") from error
    return found


def sealed_dates(layout: Layout) -> dict[str, str]:
    """Return for each table the date up to which it is sealed, in ISO form."""
    return {table: sealed_through(layout, table).isoformat() for table in TABLES}


def seal_through(layout: Layout, table: str, day: date) -> None:
    """Say that a table is sealed up to a UTC date, atomically."""
    path = layout.sealed(table)
    make_folder(path.parent)
    publish(path, partial(_write, day), mode=FILE_MODE)


def _write(day: date, path: Path) -> None:
    write_rows(pa.table({"sealed_through": pa.array([day], pa.date32())}), path)


@contextmanager
def publishing(layout: Layout) -> Iterator[None]:
    """Hold off the moving of sealed dates while rows are published; any number may publish at once."""
    with locked(_made(layout, DATES_LOCK), fcntl.LOCK_SH):
        yield


@contextmanager
def moving_dates(layout: Layout) -> Iterator[None]:
    """Hold off all publishing of rows while sealed dates move; to be held for moments only."""
    with locked(_made(layout, DATES_LOCK), fcntl.LOCK_EX):
        yield


@contextmanager
def sealer_lock(layout: Layout) -> Iterator[None]:
    """Be the one who seals a lake. Raises SealerBusyError where another process is."""
    busy = SealerBusyError(f"the lake in {layout.root} is being sealed by another process: let it finish")
    with locked(_made(layout, SEALER_LOCK), fcntl.LOCK_EX | fcntl.LOCK_NB, busy):
        yield


def _made(layout: Layout, lock: str) -> Path:
    """Return the path of a lock, whose folder is there."""
    make_folder((layout.root / lock).parent)
    return layout.root / lock
