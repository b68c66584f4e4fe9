"""Plain SQL views over a lake's files, right at every moment for any DuckDB client from 1.2 on."""

import logging
from functools import partial
from pathlib import Path

import duckdb

from capture.schemas import TABLES, Table
from capture.tape import publish

from .damage import damage, hint, is_readable
from .layout import EMPTY_DATE, EMPTY_NAME, NEVER_SEALED, Layout
from .parquet import FILE_MODE, write_parquet
from .sealed import seal_through
from .sql import columns_sql, quoted

# Files of a newer DuckDB's own format cannot be opened by the 1.x clients that many tools still carry.
STORAGE_VERSION = "v1.2.0"

log = logging.getLogger("ticktape.views")


def prepare(layout: Layout) -> None:
    """Make a lake's folders, the rowless file of every table, and `ticktape.duckdb`, where they are missing.

    A view over files that cannot be read is one that cannot be asked; a warning says which files, and what mends them.
    Raises OSError where the folder cannot be written.
    """
    for table in TABLES.values():
        for folder in (layout.live(table.name), layout.archive(table.name)):
            empty = folder / f"date={EMPTY_DATE}" / EMPTY_NAME
            if not is_readable(empty):
                empty.parent.mkdir(parents=True, exist_ok=True)
                publish(empty, partial(write_parquet, table, table.schema.empty_table()), mode=FILE_MODE)
        if not layout.sealed(table.name).exists():
            seal_through(layout, table.name, NEVER_SEALED)
    publish(layout.database, partial(_write_views, layout), mode=FILE_MODE)


def belongs(layout: Layout) -> bool:
    """Return whether `ticktape.duckdb` is there, can be asked for every table and names this folder.

    Its views hold whole paths.
    """
    if not layout.database.exists():
        return False
    query = """select count(*) from duckdb_views()
               where not internal and contains(sql, $1 || '/' || view_name || '/*/*.parquet')"""
    try:
        with duckdb.connect(str(layout.database), read_only=True) as connection:
            found = connection.execute(query, [str(layout.root.absolute() / "live").replace("'", "''")]).fetchone()
    except duckdb.Error:
        return False
    return found is not None and found[0] == len(TABLES)


def view_sql(table: Table, archive: str, live: str, through: str, *, by_name: bool = False) -> str:
    """Return the query behind a table's view: sealed days from the archive, later ones from the live files.

    `archive` and `live` are SQL expressions: a quoted pattern of files, or a list of them; `through` is one for the
    date up to which the table is sealed. `by_name` opens all files to see their columns, however few are then read:
    only needed where there are files of several versions, or to see which cannot be read.
    """
    union = ", union_by_name = true" if by_name or table.version > 1 else ""
    source = f"select {columns_sql(table)}, date from read_parquet({{}}, hive_partitioning = true{union})"
    return (f"{source.format(archive)} where date <= {through} and date > date '{EMPTY_DATE}'\n"
            f"union all by name\n"
            f"{source.format(live)} where date > {through} and date > date '{EMPTY_DATE}'")


def fault_of(connection: duckdb.DuckDBPyConnection, layout: Layout, table: Table, statement: str) -> str | None:
    """Execute a statement that looks into a table's files; return which cannot be read and what mends them, or None."""
    try:
        connection.execute(statement)
    except duckdb.Error as error:
        return damage(layout, [table.name]) or f"{table.name} cannot be read: {error}; {hint(layout)}"
    return None


def failing_query(connection: duckdb.DuckDBPyConnection, table: Table, fault: str) -> str:
    """Return the query behind the view of a table that cannot be read: whatever is asked of it, it fails and says why.

    So no answer is made of fewer rows.
    """
    # In each column too: what is asked of one alone may be answered without looking at the rest.
    error = f"error({quoted(fault)})"
    types = [*connection.from_arrow(table.schema.empty_table()).types, "date"]
    columns = [f'cast({error} as {kind}) as "{column}"'
               for column, kind in zip([*table.schema.names, "date"], types, strict=True)]
    return f"select {', '.join(columns)} where {error} is null"


def _write_views(layout: Layout, path: Path) -> None:
    root = layout.root.absolute()
    # Opened in memory and attached: a database file opened by itself would take the default storage version.
    with duckdb.connect() as connection:
        connection.execute(f"attach {quoted(path)} as lake (storage_version {quoted(STORAGE_VERSION)})")
        at = Layout(root)
        queries = {table: _query(connection, at, table) for table in TABLES.values()}
        connection.execute("begin")  # one transaction: one sync to disk, not one per comment
        for table, query in queries.items():
            connection.execute(f'create view lake.main."{table.name}" as {query}')
            connection.execute(f'comment on view lake.main."{table.name}" is {quoted(table.meaning)}')
            for column in table.columns:
                connection.execute(
                    f'comment on column lake.main."{table.name}"."{column.name}" is {quoted(column.meaning)}')
        connection.execute("commit")
        connection.execute("detach lake")


def _query(connection: duckdb.DuckDBPyConnection, layout: Layout, table: Table) -> str:
    archive, live = (quoted(folder / "*" / "*.parquet") for folder in (layout.archive(table.name),
                                                                       layout.live(table.name)))
    # Read once for both halves: a date that is sealed meanwhile would else be in neither of them, or in both.
    through = f"with through as materialized (select sealed_through from {quoted(layout.sealed(table.name))})"
    query, whole = (
        f"{through}\n{view_sql(table, archive, live, '(select sealed_through from through)', by_name=by_name)}"
        for by_name in (False, True))
    # Looked at before the transaction, which would not outlive an error.
    if fault := fault_of(connection, layout, table, f"describe {whole}"):
        log.warning("%s", fault)
        return failing_query(connection, table, fault)
    return query
