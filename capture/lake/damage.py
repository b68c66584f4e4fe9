"""Files of a lake that cannot be read: which they are, and what mends them."""

import shlex
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from capture.schemas import TABLES

from .content import UnreadableError
from .layout import EMPTY_DATE, EMPTY_NAME, Layout, day_folders
from .parquet import parquet_file
from .restore import Captured

_FAULTS = (OSError, ValueError, pa.ArrowException)


def hint(layout: Layout) -> str:
    """Return in words what finds damaged files of a lake, and what mends them."""
    verify, rebuild = (shlex.join(["ticktape", *words, "--data", str(layout.root)])
                       for words in (["verify"], ["rebuild", "--replace"]))
    return f"`{verify}` names all that is damaged, `{rebuild}` mends it"


def damage(layout: Layout, names: Iterable[str] = TABLES) -> str | None:
    """Return in words which files of some tables cannot be read, and what mends them; None where all can.

    Looks at the ends of files first, which say what is in them, and reads them whole only if these are all right.
    """
    paths = [path for name in names for path in _files(layout, name)]
    for read in (_read_footer, _read_whole):
        if bad := list(_unreadable(paths, read)):
            (path, why), more = bad[0], f" ({len(bad) - 1} more like it)" if len(bad) > 1 else ""
            return f"{path} cannot be read: {why}{more}; {hint(layout)}"
    return None


def insistent(layout: Layout, captured: Captured) -> Captured:
    """Return a way to find captured rows that names the file which cannot be read. It raises UnreadableError then."""

    def found(name: str, instrument_id: int, first: datetime, last: datetime) -> Iterable[pa.Table]:
        try:
            return captured(name, instrument_id, first, last)
        except _FAULTS as error:
            raise UnreadableError(damage(layout, [name]) or f"{name}: {error}; {hint(layout)}") from error

    return found


def _files(layout: Layout, name: str) -> Iterator[Path]:
    for folder in (layout.live(name), layout.archive(name)):
        yield folder / f"date={EMPTY_DATE}" / EMPTY_NAME
        for day in day_folders(folder).values():
            yield from sorted(day.glob("*.parquet"))
    yield layout.sealed(name)


def _unreadable(paths: Iterable[Path], read: Callable[[Path], None]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        try:
            read(path)
        except FileNotFoundError:
            continue  # set aside meanwhile
        except _FAULTS as error:
            yield path, (str(error).splitlines() or [type(error).__name__])[0]


def _read_footer(path: Path) -> None:
    pq.read_metadata(path)


def _read_whole(path: Path) -> None:
    with parquet_file(path) as file:
        for group in range(file.num_row_groups):
            file.read_row_group(group)
