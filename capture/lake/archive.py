"""Archive files: rows of one table, recorder and date, sorted, in as much memory as one is willing to give (D72)."""

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from capture.schemas import Table

from .content import UnreadableError, fault_of
from .parquet_file import ROW_GROUP_ROWS, open_parquet
from .row_groups.cuts import groups
from .sql_text import columns_sql, paths_sql
from .versions import oldest_version

if TYPE_CHECKING:
    import duckdb

MEMORY_MIB = 512
SORT_PREFIX = ".sort-"  # of the folder in which rows are sorted that memory does not hold


class SealError(OSError):
    """A sorted file does not hold what the files hold that it was made from (D77)."""


def write_sorted(table: Table, sources: Sequence[Path], path: Path, memory_mib: int = MEMORY_MIB) -> int:
    """Write the rows of some files to one, by the table's sort key, and return how many there are.

    Files of older schema versions are read as the newest. What does not fit into `memory_mib` is sorted on disk, beside
    `path`. Raises SealError where the result, read back, does not hold the same rows, UnreadableError or duckdb.Error
    where a source cannot be read: damage would get checksums of its own.
    """
    for source in sources:
        if fault := fault_of(table, source):
            raise UnreadableError(f"{source}: {fault}")
    with _database(path.parent, memory_mib) as connection:
        order = ", ".join(f'"{name}"' for name in table.sort_key)
        given = rows_sql(connection, table, sources)
        rows = connection.sql(f"select {columns_sql(table)} from {given} order by {order}")
        reader = rows.to_arrow_reader(ROW_GROUP_ROWS)
        schema = pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in table.columns])
        version = oldest_version(table, sources)
        with open_parquet(table, schema, path, archive=True, version=version) as writer:
            for group in groups(reader, "symbol" if table.sort_key[0] == "symbol" else None):
                writer.write_table(group.cast(schema), row_group_size=ROW_GROUP_ROWS)
        wanted, found = (fingerprint(connection, table, source) for source in (given, files_sql([path])))
    if wanted != found:
        raise SealError(f"{path} was to hold {wanted[0]:,} rows and holds {found[0]:,}, or others: {path.parent} stays "
                        "as it was; try again, and have the disk and memory of this machine checked")
    return wanted[0]


def fingerprint(
    connection: "duckdb.DuckDBPyConnection", table: Table, source: str, leave_out: Collection[str] = ()
) -> tuple[int, int]:
    """Return how many rows an SQL source has, and a sum over hashes of them: equal for the same rows in any order.

    Columns that are to be left out may hold anything.
    """
    columns = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in leave_out)
    query = f"select count(*), coalesce(sum(hash({columns})::hugeint), 0) from {source}"
    count, total = connection.sql(query).fetchall()[0]
    return count, int(total)


@contextmanager
def _database(folder: Path, memory_mib: int) -> Iterator["duckdb.DuckDBPyConnection"]:
    import duckdb  # late, as a roller comes by this module: it stays without

    with tempfile.TemporaryDirectory(prefix=SORT_PREFIX, dir=folder) as spill, duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"set memory_limit = '{memory_mib}MiB'")
        connection.execute("set threads = 2")  # each keeps buffers of its own
        connection.execute("set temp_directory = $1", [spill])
        yield connection


def files_sql(paths: Sequence[Path]) -> str:
    """Return the SQL source of all rows of some files."""
    return f"read_parquet({paths_sql(paths)}, hive_partitioning = false, union_by_name = true)"


def rows_sql(connection: "duckdb.DuckDBPyConnection", table: Table, paths: Sequence[Path]) -> str:
    """Return the SQL source of all rows of some files of a table, in the columns and types of its newest version."""
    if table.version == 1:
        return files_sql(paths)
    nothing = f"nothing_{table.name}"
    connection.register(nothing, table.schema.empty_table())
    return f"(from {files_sql(paths)} union all by name from {nothing})"
