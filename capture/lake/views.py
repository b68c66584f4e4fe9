"""Plain SQL views over a lake's files, right at every moment for any DuckDB client from 1.2 on."""

import atexit
import errno
import json
import logging
import shutil
import tempfile
from dataclasses import replace
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from capture.data_folder import ROLLED, VIEWS
from capture.functions import FUNCTIONS, LAST_HEARD, statements
from capture.publish import make_folder, publish
from capture.schemas import EVERY_TABLE, STATEMENT_TABLES, TABLES, Table
from capture.times import DAY_S

from .damage import damage, hint
from .layout import EMPTY_DATE, EMPTY_NAME, NEVER_SEALED, LakeStateError, Layout, restored_by
from .parquet_file import FILE_MODE, write_parquet
from .sealed import seal_through, sealed_through
from .sql_text import columns_sql, paths_sql, pattern, quoted

if TYPE_CHECKING:
    import duckdb

# Files of a newer DuckDB's own format cannot be opened by the 1.x clients that many tools still carry.
STORAGE_VERSION = "v1.2.0"

# The date that a file's folder is named by. Not by hive partitioning: it takes the date from any folder of such a name,
# outside of the lake too (D70). DuckDB leaves out files by this as well.
_DATE = "try_cast(substr(split_part(filename, '/', -2), 6) as date)"

# What says that a place cannot be written, and nothing of whether it can be read.
UNWRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT})

log = logging.getLogger("ticktape.views")


def prepare(layout: Layout) -> None:
    """Make a lake's folders, the rowless file of every table, and `ticktape.duckdb`, where they are missing.

    A view over files that cannot be read is one that cannot be asked; a warning says which files, and what mends them.
    Raises OSError where the folder cannot be written, and LakeStateError where DuckDB cannot find files below it, or
    where it is not known what is sealed.
    """
    if "\\" in str(layout.root.absolute()):
        raise LakeStateError(f"{layout.root.absolute()}: files are not found in a folder with a backslash in its name; "
                             "rename it, or name another with --data")
    for table in EVERY_TABLE.values():
        for empty in _empty_files(layout, table.name):
            if not _is_rowless(empty, table):
                make_folder(empty.parent)
                publish(empty, partial(write_parquet, table, table.schema.empty_table()), mode=FILE_MODE)
    for table in TABLES.values():
        if sealed_through(layout, table.name) == NEVER_SEALED and not layout.sealed(table.name).exists():
            seal_through(layout, table.name, NEVER_SEALED)
    faults: list[str] = []
    publish(layout.database, partial(_write_views, layout, faults), mode=FILE_MODE)
    if faults:
        _stamp_file(layout).unlink(missing_ok=True)  # to be tried again: what cannot be read may be mended by then
    else:
        publish(_stamp_file(layout), lambda path: path.write_text(_stamp(layout)), mode=FILE_MODE)


def readable(layout: Layout) -> Layout:
    """Return how to read a lake: as it is, prepared where it can be, or with rowless files from elsewhere.

    A lake can be read where nothing can be written: on a read-only disk, as another user, on a full disk. Raises
    OSError and LakeStateError as `prepare` does for all else.
    """
    if is_prepared(layout):
        return layout
    try:
        prepare(layout)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        return layout if _has_rowless(layout) else replace(layout, spare=_spare())
    return layout


@cache
def _spare() -> Path:
    """Return a folder that holds a rowless file of every table as long as this process lives."""
    folder = tempfile.TemporaryDirectory(prefix="ticktape-")
    atexit.register(folder.cleanup)
    layout = Layout(Path(folder.name))
    for table in EVERY_TABLE.values():
        file = _empty_files(replace(layout, spare=layout.root), table.name)[0]
        make_folder(file.parent)
        write_parquet(table, table.schema.empty_table(), file)
    return layout.root


def is_prepared(layout: Layout) -> bool:
    """Return whether a lake has all that `prepare` makes."""
    return belongs(layout) and all(layout.sealed(name).exists() for name in TABLES) and _has_rowless(layout)


def _has_rowless(layout: Layout) -> bool:
    return all(_is_rowless(path, table) for table in EVERY_TABLE.values() for path in _empty_files(layout, table.name))


def _is_rowless(path: Path, table: Table) -> bool:
    """Return whether a file is what `prepare` writes for a table: one of another table would hide the columns."""
    try:
        found = pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False
    said = found.metadata or {}
    return found.num_rows == 0 and all(said.get(name) == value for name, value in table.schema.metadata.items())


def _empty_files(layout: Layout, table: str) -> list[Path]:
    if table in STATEMENT_TABLES:
        return [layout.statement_rowless(table)]
    return [layout.rowless(folder) for folder in (layout.live(table), layout.archive(table))]


def belongs(layout: Layout) -> bool:
    """Return whether `ticktape.duckdb` is what this version of ticktape wrote for this folder, with no view that fails.

    Its views hold whole paths. A file beside it says what was written: to open it takes longer than most queries.
    """
    try:
        return _stamp_file(layout).read_text() == _stamp(layout)
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def _stamp_file(layout: Layout) -> Path:
    return layout.root / VIEWS


def _stamp(layout: Layout) -> str:
    """Return what tells one `ticktape.duckdb` from another: the folder, what is in it, and the file itself."""
    views = [*(view_sql(table, "", "", "") for table in TABLES.values()), _heard_query(layout),
             *(_statement_sql(table, "") for table in STATEMENT_TABLES.values())]  # fmt: skip
    written = layout.database.stat()
    return json.dumps({"folder": str(layout.root.absolute()),
                       "holds": sha256("\n".join([*views, *statements()]).encode()).hexdigest(),
                       "size_bytes": written.st_size, "written_ns": written.st_mtime_ns})


def view_sql(
    table: Table, archive: str, live: str, through: str, *, without: str = "", by_name: bool = False
) -> str:
    """Return the query behind a table's view: sealed days from the archive, later ones from the live files.

    `archive` and `live` are SQL expressions: a quoted pattern of files, or a list of them; `through` is one for the
    date up to which the table is sealed, `without` a list of archive files that are left out. `by_name` opens all
    files to see their columns, however few are then read: only needed to see which cannot be read.
    """
    columns = ", union_by_name = true" if by_name else f", schema = {_schema_sql(table)}" if table.version > 1 else ""
    sealed, rolled = (f"select {columns_sql(table)}, date from (select *, {_DATE} as date "
                      f"from read_parquet({files}, hive_partitioning = false, filename = true{columns}))"
                      for files in (archive, live))
    left_out = f" and filename not in {without}" if without else ""
    return (f"{sealed} where date <= {through}{left_out} and date > date '{EMPTY_DATE}'\n"
            f"union all by name\n"
            f"{rolled} where date > {through} and date > date '{EMPTY_DATE}'")


def statement_query(layout: Layout, table: Table) -> str:
    """Return the query behind the view of a table that IB's statements give, as its files are now.

    It fails where there are statements, but no rows of them.
    """
    rows = layout.statement_rows(table.name)
    files = [layout.statement_rowless(table.name), *([rows] if rows.exists() else [])]
    if len(files) == 1 and next(layout.statements.glob("*.xml.zst"), None):
        return failing_query(table, f"{rows} is missing; {hint(layout)}")
    return _statement_sql(table, paths_sql(files))


def _statement_sql(table: Table, files: str) -> str:
    columns = f", schema = {_schema_sql(table)}" if table.version > 1 else ""
    # By seconds: a cast to a date goes by the session's zone.
    return (f"select {columns_sql(table)}, date '1970-01-01' + cast(floor(epoch(ts) / {DAY_S}) as integer) as date "
            f"from read_parquet({files}, hive_partitioning = false{columns})")


def _schema_sql(table: Table) -> str:
    """Return the columns of a table's newest version, null where a file of an older one lacks them, as DuckDB's map.

    So that a query opens no other files than those it reads: by their names, all would be opened to see their columns.
    """
    columns = (f"{quoted(name)}: {{name: {quoted(name)}, type: '{kind}', default_value: null}}"
               for name, kind in zip(table.schema.names, column_types(table), strict=True))
    return f"map {{{', '.join(columns)}}}"


def column_types(table: Table) -> tuple[str, ...]:
    """Return DuckDB's names of the types of a table's columns, in their order."""
    return tuple(_TYPES[column.kind] for column in table.columns)


# Of each kind of column; written out, as whoever asks whether a lake is prepared needs no DuckDB.
_TYPES = {"text": "VARCHAR", "bytes": "BLOB", "flag": "BOOLEAN", "number": "DOUBLE", "time": "TIMESTAMP WITH TIME ZONE",
          "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT"}


def fault_of(connection: "duckdb.DuckDBPyConnection", layout: Layout, table: Table, statement: str) -> str | None:
    """Execute a statement that looks into a table's files; return which cannot be read and what mends them, or None."""
    import duckdb

    try:
        connection.execute(statement)
    except duckdb.Error as error:
        return damage(layout, [table.name]) or f"{table.name} cannot be read: {error}; {hint(layout)}"
    return None


def failing_query(table: Table, fault: str) -> str:
    """Return the query behind the view of a table that cannot be read: whatever is asked of it, it fails and says why.

    So no answer is made of fewer rows.
    """
    # In each column too: what is asked of one alone may be answered without looking at the rest.
    error = f"error({quoted(fault)})"
    types = [*column_types(table), "date"]
    columns = [f'cast({error} as {kind}) as "{column}"'
               for column, kind in zip([*table.schema.names, "date"], types, strict=True)]
    return f"select {', '.join(columns)} where {error} is null"


def _write_views(layout: Layout, faults: list[str], path: Path) -> None:
    """Write the file; add to `faults` what keeps views from being made."""
    import duckdb  # late, as a roller comes by this module: it stays without

    root = layout.root.absolute()
    # DuckDB cannot write at every path, such as one with a question mark: written elsewhere, and copied.
    # Opened in memory and attached: a database file opened by itself would take the default storage version.
    with tempfile.TemporaryDirectory(prefix="ticktape-") as elsewhere, duckdb.connect() as connection:
        written = Path(elsewhere) / path.name
        written.write_bytes(_functions())
        connection.execute(f"attach {quoted(written)} as lake")
        at = Layout(root)
        queries = {table: _query(connection, at, table, faults) for table in EVERY_TABLE.values()}
        connection.execute("begin")  # one transaction: one sync to disk, not one per comment
        for table, query in queries.items():
            connection.execute(f'create view lake.main."{table.name}" as {query}')
            connection.execute(f'comment on view lake.main."{table.name}" is {quoted(table.meaning)}')
            for column in table.columns:
                connection.execute(
                    f'comment on column lake.main."{table.name}"."{column.name}" is {quoted(column.meaning)}')
        connection.execute(f"create view lake.main.{LAST_HEARD} as {_heard_query(at)}")
        connection.execute("commit")
        connection.execute("detach lake")
        shutil.copyfile(written, path)


@cache
def _functions() -> bytes:
    """Return a database of the functions alone: they are the same in every lake, and take as long as all the rest.

    What they ask must be there when they are made, and is bound for each of them: empty tables, so that this is quick.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="ticktape-") as folder, duckdb.connect() as connection:
        written = Path(folder) / "functions.duckdb"
        connection.execute(f"attach {quoted(written)} as lake (storage_version {quoted(STORAGE_VERSION)})")
        connection.execute("begin")
        connection.execute("use lake")  # by which the functions find the views, and each other
        for table in EVERY_TABLE.values():
            columns = ", ".join(f'"{name}" {kind}' for name, kind in
                                zip([*table.schema.names, "date"], [*column_types(table), "date"], strict=True))
            connection.execute(f'create table "{table.name}" ({columns})')
        connection.execute(f"create table {LAST_HEARD} (recorder varchar, ts timestamptz)")
        for statement in statements():
            connection.execute(statement)
        for function in FUNCTIONS.values():
            connection.execute(f"comment on macro table {function.name} is {quoted(function.meaning)}")
        for name in (*EVERY_TABLE, LAST_HEARD):
            connection.execute(f'drop table "{name}"')
        connection.execute("use memory")
        connection.execute("commit")
        connection.execute("detach lake")
        return written.read_bytes()


def _heard_query(layout: Layout) -> str:
    """Return the query behind the view of when each recorder last heard anything, as far as it is rolled.

    It reads the text of their positions: to take JSON apart some clients need an extension.
    """
    files = quoted(pattern(layout.tape) + f"/*/{ROLLED}")
    return f"""
        select regexp_extract(filename, '([^/\\\\]+)[/\\\\][^/\\\\]+$', 1) as recorder,
            make_timestamp(cast(regexp_extract(content, '"heard_us": ?([1-9][0-9]*)', 1) as bigint)) at time zone 'UTC'
                as ts
        from read_text({files}) where regexp_matches(content, '"heard_us": ?[1-9]')"""


def _query(connection: "duckdb.DuckDBPyConnection", layout: Layout, table: Table, faults: list[str]) -> str:
    if table.name in STATEMENT_TABLES:
        query = whole = _statement_sql(table, quoted(pattern(layout.statements / table.name) + "/*.parquet"))
    else:
        query, whole = _of_tapes(layout, table)
    # Looked at before the transaction, which would not outlive an error.
    if fault := fault_of(connection, layout, table, f"describe {whole}"):
        log.warning("%s", fault)
        faults.append(fault)
        return failing_query(table, fault)
    return query


def _of_tapes(layout: Layout, table: Table) -> tuple[str, str]:
    """Return the query behind a table's view, and one that opens all its files."""
    archive, live = (quoted(pattern(folder) + "/date=????-??-??/*.parquet")
                     for folder in (layout.archive(table.name), layout.live(table.name)))
    # Read once for both halves (D85): a date that is sealed meanwhile would else be in neither of them, or in both.
    through = f"with through as materialized ({_through(layout, table)})"
    query, whole = (
        f"{through}\n{view_sql(table, archive, live, '(select sealed_through from through)', by_name=by_name)}"
        for by_name in (False, True))
    return query, whole


def _through(layout: Layout, table: Table) -> str:
    """Return the query for the date up to which a table is sealed; it fails where that contradicts the files.

    It goes by their names, as `capture.lake.state` does, which says more of it.
    """
    names = (f"(select split_part(file, '/', -2) as day, split_part(file, '/', -1) as name from "
             f"glob({quoted(pattern(folder) + '/date=????-??-??/*.parquet')}) where name <> '{EMPTY_NAME}' "
             "and try_cast(substr(day, 6) as date) is not null)"
             for folder in (layout.archive(table.name), layout.live(table.name)))
    archive, live = names
    begin, end = f"{layout.sealed(table.name)} does not fit the files of ", f"; {restored_by(layout)}"
    return f"""
        with sealed as (
            from read_parquet({quoted(pattern(layout.sealed(table.name)))}, hive_partitioning = false)
        ), archived as {archive}, rolled as {live}, wrong as (
            select min(day) as day from (
                select day, name from archived, sealed where day > 'date=' || sealed_through
                and day || regexp_replace(name, '-[0-9]+[.]parquet$', '.parquet')
                    not in (select day || name from rolled)
            union all
                select day, name from rolled, sealed where day <= 'date=' || sealed_through
                and day || split_part(name, '.', 1) not in (select day || split_part(name, '.', 1) from archived))
        )
        select case when day is null then sealed_through else error({quoted(begin)} || day || {quoted(end)}) end
               as sealed_through
        from sealed, wrong"""
