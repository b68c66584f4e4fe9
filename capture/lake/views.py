"""Plain SQL views over a lake's files, right at every moment for any DuckDB client from 1.2 on."""

from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from capture.schemas import TABLES, Table
from capture.tape import publish

from .layout import EMPTY_DATE, EMPTY_NAME, NEVER_SEALED, Layout
from .parquet import FILE_MODE, write_parquet

# Files of a newer DuckDB's own format cannot be opened by the 1.x clients that many tools still carry.
STORAGE_VERSION = "v1.2.0"


def prepare(layout: Layout) -> None:
    """Make a lake's folders, the rowless file of every table, and `ticktape.duckdb`, where they are missing.

    Raises OSError where the folder cannot be written.
    """
    for table in TABLES.values():
        for folder in (layout.live(table.name), layout.archive(table.name)):
            _publish_once(folder / f"date={EMPTY_DATE}" / EMPTY_NAME,
                          partial(write_parquet, table, table.schema.empty_table()))
        _publish_once(layout.sealed(table.name), partial(write_sealed_through, NEVER_SEALED))
    publish(layout.database, partial(_write_views, layout), mode=FILE_MODE)


def belongs(layout: Layout) -> bool:
    """Return whether `ticktape.duckdb` is there and names this folder: its views hold whole paths."""
    if not layout.database.exists():
        return False
    query = "select count(*) from duckdb_views() where not internal and contains(sql, $1)"
    try:
        with duckdb.connect(str(layout.database), read_only=True) as connection:
            found = connection.execute(query, [str(layout.root.absolute() / "live")]).fetchone()
    except duckdb.Error:
        return False
    return found is not None and found[0] == len(TABLES)


def write_sealed_through(day: date, path: Path) -> None:
    """Write the file that says up to which UTC date a table is sealed."""
    pq.write_table(pa.table({"sealed_through": pa.array([day], pa.date32())}), path)


def _publish_once(path: Path, write: partial[None]) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        publish(path, write, mode=FILE_MODE)


def view_sql(table: Table, archive: str, live: str, sealed: str) -> str:
    """Return the query behind a table's view: sealed days from the archive, later ones from the live files.

    `archive`, `live` and `sealed` are SQL expressions: a quoted pattern of files, or a list of them.
    """
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    source = f"select {columns}, date from read_parquet({{}}, hive_partitioning = true, union_by_name = true)"
    through = f"(select sealed_through from read_parquet({sealed}))"
    return (f"{source.format(archive)} where date <= {through} and date > date '{EMPTY_DATE}'\n"
            f"union all by name\n"
            f"{source.format(live)} where date > {through} and date > date '{EMPTY_DATE}'")


def quoted(text: object) -> str:
    """Return text as an SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def _write_views(layout: Layout, path: Path) -> None:
    root = layout.root.absolute()
    # Opened in memory and attached: a database file opened by itself would take the default storage version.
    with duckdb.connect() as connection:
        connection.execute(f"attach {quoted(path)} as lake (storage_version {quoted(STORAGE_VERSION)})")
        at = Layout(root)
        connection.execute("begin")  # one transaction: one sync to disk, not one per comment
        for table in TABLES.values():
            query = view_sql(
                table, quoted(at.archive(table.name) / "*" / "*.parquet"),
                quoted(at.live(table.name) / "*" / "*.parquet"), quoted(at.sealed(table.name)))
            connection.execute(f'create view lake.main."{table.name}" as {query}')
            connection.execute(f'comment on view lake.main."{table.name}" is {quoted(table.meaning)}')
            for column in table.columns:
                connection.execute(
                    f'comment on column lake.main."{table.name}"."{column.name}" is {quoted(column.meaning)}')
        connection.execute("commit")
        connection.execute("detach lake")
