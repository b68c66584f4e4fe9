"""Files of a lake that cannot be read: which they are, and what mends them."""

import shlex
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from capture.decode.restore import Captured
from capture.schemas import EVERY_TABLE, STATEMENT_TABLES, TABLES

from .content import UnreadableError, row_groups
from .layout import Layout, day_folders
from .parquet_file import read_parquet
from .sql_text import paths_sql

# With what reading a Parquet file may end that is none, or is damaged.
FAULTS = (OSError, ValueError, pa.ArrowException)


def hint(layout: Layout) -> str:
    """Return in words what finds damaged files of a lake, and what mends them."""
    verify, rebuild = (shlex.join(["ticktape", *words, "--data", str(layout.root)])
                       for words in (["verify"], ["rebuild", "--replace"]))
    return f"`{verify}` names all that is damaged, `{rebuild}` mends it"


def damage(layout: Layout, names: Iterable[str] = EVERY_TABLE) -> str | None:
    """Return in words which files of some tables cannot be read, and what mends them; None where all can.

    Looks at the ends of files first, which say what is in them, and reads them whole only if these are all right: then
    once more by DuckDB, which is stricter in some things.
    """
    files = [(name, path) for name in names for path in _files(layout, name)]
    for read in (_read_footer, _read_whole, _read_by_duckdb):
        if bad := list(_unreadable(files, read)):
            (path, why), more = bad[0], f" ({len(bad) - 1} more like it)" if len(bad) > 1 else ""
            return f"{path} cannot be read: {why}{more}; {hint(layout)}"
    return None


def insistent(layout: Layout, captured: Captured) -> Captured:
    """Return a way to find captured rows that names the file which cannot be read. It raises UnreadableError then."""

    def found(name: str, instrument_id: int, first: datetime, last: datetime) -> Iterable[pa.Table]:
        try:
            return captured(name, instrument_id, first, last)
        except FAULTS as error:
            raise UnreadableError(damage(layout, [name]) or f"{name}: {error}; {hint(layout)}") from error

    return found


def _files(layout: Layout, name: str) -> Iterator[Path]:
    if name in STATEMENT_TABLES:
        yield from filter(Path.exists, (layout.statement_rowless(name), layout.statement_rows(name)))
        return
    for folder in (layout.live(name), layout.archive(name)):
        yield layout.rowless(folder)
        for day in day_folders(folder).values():
            yield from sorted(day.glob("*.parquet"))
    yield layout.sealed(name)


def _unreadable(files: Iterable[tuple[str, Path]], read: Callable[[str, Path], None]) -> Iterator[tuple[Path, str]]:
    for name, path in files:
        try:
            read(name, path)
        except FileNotFoundError:
            continue  # set aside meanwhile
        except FAULTS as error:
            yield path, (str(error).splitlines() or [type(error).__name__])[0]


def _read_footer(_: str, path: Path) -> None:
    pq.read_metadata(path)


def _read_whole(name: str, path: Path) -> None:
    """Read a file of a table as `verify` does: with what it says of its columns and rows."""
    if not path.parent.name.startswith("date="):  # the file that says up to which date it is sealed
        read_parquet(path)
        return
    for _ in row_groups(TABLES[name], path):
        pass


def _read_by_duckdb(_: str, path: Path) -> None:
    import duckdb  # here, as who records comes by this module and needs no database

    with duckdb.connect() as connection:
        query = f"from read_parquet({paths_sql([path])}, hive_partitioning = false)"
        try:
            for _batch in connection.sql(query).to_arrow_reader():
                pass
        except duckdb.Error as error:
            raise UnreadableError(str(error)) from error
