"""Digests: what is kept of the rows of archive files, so that questions over all dates need not open each (D135).

    sealed/<table>.digest     Parquet, and behind it in a line of its own the checksum of that

Of tables with few rows a date it holds these, of market data what `capture.lake.local_days` tells of them; and of which
files that is, with size and time of each. It says nothing that archive files do not say. So it may be missing, old or
damaged: it counts only of files that are still the same, all else is read. Written when a date is sealed.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from capture.publish import make_folder, publish
from capture.schemas import DICTIONARY, TABLES, Table
from capture.times import DAY
from capture.wire.messages.live_streams import TABLE_OF_STREAM
from capture.wire.zones import exchange_zone

from .archive import MEMORY_MIB, rows_sql
from .content import read_rows
from .damage import FAULTS
from .kept import KeptDay, KeptFile, keep_files, read_kept
from .layout import Layout
from .local_days import SCHEMA, holding_good, local_days_sql, merged, touching, zones_of
from .parquet_file import FILE_MODE, checked_bytes, file_mode, read_checked
from .row_groups.group_index import keep_groups

if TYPE_CHECKING:
    import duckdb

WHOLE = ("subscriptions", "gaps", "instruments", "sessions")  # of which all rows are kept
MARKET = tuple(sorted(set(TABLE_OF_STREAM.values())))
# These are held in memory by who asks. Of dates beyond so many rows nothing is kept: their files are opened.
MOST_ROWS = 200_000
MOST_DAYS = 1_000_000
WINDOW_ROWS = 5_000_000  # of market data that are looked at in one go

_SAID = b"ticktape.digest"
_OF_FILE = (pa.field("date", pa.date32()), pa.field("file", pa.string()))

Files = dict[str, dict[str, KeptFile]]  # by date in ISO form, and name


@dataclass(frozen=True, slots=True)
class Digest:
    """What is kept of the rows of some files, by date and name.

    `rows` of a table of `WHOLE` are its own, with the `date` and name of the `file` of each; of market data they are
    days. `unread` are files of whose rows nothing is kept: they cannot be read, or are too many.
    """

    rows: pa.Table
    files: Files = field(default_factory=dict)
    unread: Files = field(default_factory=dict)


def keep(layout: Layout) -> None:
    """Write down what archive files of all tables hold: `capture.lake.kept`, their row groups, and digests.

    Where that cannot be written it stays as it is, and files are looked into for what it does not say.
    """
    import duckdb

    keep_files(layout)
    keep_groups(layout)
    for name in filter(TABLES.__contains__, (*WHOLE, *MARKET)):  # zones of market data are in `instruments`
        days, before = read_kept(layout, name), read_digest(layout, name)
        if _files(days) != before.files | before.unread:  # of dates, each is in one of them
            with suppress(*FAULTS, duckdb.Error):
                _write(layout.digest(name), made(layout, name, days, before))


def carry_over(layout: Layout, path: Path, before: KeptFile, now: KeptFile) -> None:
    """Have what is kept of the rows of an archive file hold of the one that took its place, with the same rows.

    Where that cannot be written, the file is read instead.
    """
    table, day = path.parent.parent.name, path.parent.name.removeprefix("date=")
    if table not in (*WHOLE, *MARKET):
        return
    digest = read_digest(layout, table)
    for files in (digest.files, digest.unread):
        known = files.get(day, {}).get(path.name)
        if known and known == replace(before, rows=known.rows):
            files[day][path.name] = replace(now, rows=known.rows)
            with suppress(OSError):
                _write(layout.digest(table), digest)


def read_digest(layout: Layout, table: str) -> Digest:
    """Return what is kept of the rows of a table's archive files; nothing where that cannot be read."""
    try:
        words = [column.name for column in TABLES[table].columns if column.encoding == DICTIONARY]
        rows = read_checked(layout.digest(table), read_dictionary=words if table in WHOLE else [])
        said = json.loads(rows.schema.metadata[_SAID])
        files, unread = ({day: {name: KeptFile(*of) for name, of in files.items()} for day, files in one.items()}
                         for one in said[table])
    except (*FAULTS, KeyError, TypeError):
        return nothing(table)
    return Digest(rows, files, unread) if rows.schema.names == nothing(table).rows.schema.names else nothing(table)


def nothing(table: str) -> Digest:
    """Return the digest of no file of a table."""
    schema = SCHEMA if table in MARKET else pa.schema([*TABLES[table].schema, *_OF_FILE])
    return Digest(schema.empty_table())


def made(layout: Layout, name: str, days: Mapping[str, KeptDay], before: Digest) -> Digest:
    """Return the digest of a table's archive files, of those that stayed the same as it was before.

    Raises what reading zones, or a file of a table of `WHOLE`, raises.
    """
    if name in MARKET:
        return _of_market(layout, name, _files(days), before)
    return _of_rows(layout, TABLES[name], _files(days), before)


def wrong_digests(layout: Layout) -> Iterator[Path]:
    """Yield the digests that say something else of files than these do."""
    import duckdb

    for name in (*WHOLE, *MARKET):
        found, days = read_digest(layout, name), read_kept(layout, name)
        same = {day: kept for day, kept in days.items() if kept.files == found.files.get(day)}
        with suppress(*FAULTS, duckdb.Error):  # a damaged file is told by whoever reads it
            again = made(layout, name, same, nothing(name))
            if _comparable(layout, name, again, found) != _comparable(layout, name, found, again):
                yield layout.digest(name)


def _comparable(layout: Layout, name: str, digest: Digest, other: Digest) -> list[dict[str, Any]]:
    """Return the rows of a digest of files that both hold, in the order of what tells one from another."""
    if name in WHOLE:
        rows, keys = rows_of(digest, {day: of_day for day, of_day in digest.files.items()
                                      if other.files.get(day) == of_day}), ["date", "file", "recorder", "seq", "row"]
    else:
        differ = {date.fromisoformat(day) for day in digest.files.keys() | other.files.keys()
                  if digest.files.get(day) != other.files.get(day)}
        with _database() as connection:
            rows = holding_good(digest.rows, differ, _zones(layout, connection))
        keys = ["day", "instrument_id", "stream"]
    found: list[dict[str, Any]] = rows.cast(nothing(name).rows.schema).sort_by([(key, "ascending") for key in keys]
                                                                            ).to_pylist()
    return found


def _files(days: Mapping[str, KeptDay]) -> Files:
    return {day: kept.files for day, kept in days.items()}


# Tables of which all rows are kept

def _of_rows(layout: Layout, table: Table, files: Files, before: Digest) -> Digest:
    some = _fitting(files)
    known = {day: of_day for day, of_day in some.items() if before.files.get(day) == of_day}
    unread = {day: of_day for day, of_day in files.items()
              if day not in some or before.unread.get(day) == of_day}  # fmt: skip
    parts = [rows_of(before, known)]
    for day in some.keys() - known.keys() - unread.keys():
        try:
            parts += [_read(layout, table, day, name) for name in files[day]]
            known[day] = files[day]
        except FAULTS:
            unread[day] = files[day]
    schema = nothing(table.name).rows.schema
    rows = pa.concat_tables(part.cast(schema) for part in parts)
    return Digest(rows if known else nothing(table.name).rows, known, unread)


def _fitting(files: Files) -> Files:
    """Return the files of the dates whose rows there is room for, the oldest first: what is kept once stays so."""
    some, room = Files(), MOST_ROWS
    for day, of_day in sorted(files.items()):
        rows = sum(file.rows for file in of_day.values())
        if rows <= room:
            some[day] = of_day
            room -= rows
    return some


def _read(layout: Layout, table: Table, day: str, name: str) -> pa.Table:
    found = read_rows(table, layout.archive(table.name) / f"date={day}" / name)
    where = (pa.repeat(pa.scalar(value, field.type), len(found))
             for value, field in zip((date.fromisoformat(day), name), _OF_FILE, strict=True))
    return pa.table([*found.columns, *where], names=[*found.column_names, *(field.name for field in _OF_FILE)])


def rows_of(digest: Digest, files: Mapping[str, Collection[str]]) -> pa.Table:
    """Return the rows of some files, named by date, that a digest of a table of `WHOLE` holds."""
    if all(set(of_day) == set(files.get(day, ())) for day, of_day in digest.files.items()):
        return digest.rows
    days, names = (digest.rows[field.name].cast(pa.string()) for field in _OF_FILE)
    places = pc.binary_join_element_wise(days, names, "/")
    wanted = pa.array([f"{day}/{name}" for day, of_day in files.items() for name in of_day], pa.string())
    return digest.rows.filter(pc.is_in(places, wanted))


# Market data

def _of_market(layout: Layout, name: str, files: Files, before: Digest) -> Digest:
    known = before.files | before.unread
    changed = {date.fromisoformat(day) for day in files.keys() | known.keys() if files.get(day) != known.get(day)}
    with _database() as connection:
        zones = _zones(layout, connection)
        reader = _Reader(layout, TABLES[name], files, connection, zones)
        rows = merged(before.rows, changed, zones, reader.days)
    unread = reader.unread | {day for day in map(date.fromisoformat, before.unread) if day not in changed}
    if len(rows) > MOST_DAYS:
        return Digest(nothing(name).rows, unread=files)
    kept, of_day = rows.filter(pc.invert(touching(rows, unread))), set(map(str, unread))
    return Digest(kept, {day: of for day, of in files.items() if day not in of_day},
                  {day: of for day, of in files.items() if day in of_day})


class _Reader:
    """Reads days from archive files, of so many dates at once as memory takes; `unread` are dates of which it cannot.
    """

    def __init__(
        self, layout: Layout, table: Table, files: Files, connection: "duckdb.DuckDBPyConnection",
        zones: Mapping[int, str],
    ) -> None:
        self.unread: set[date] = set()
        self._folder, self._table, self._connection, self._zones = layout.archive(table.name), table, connection, zones
        self._files = {date.fromisoformat(day): of_day for day, of_day in files.items()}

    def days(self, where: str, dates: set[date] | None) -> pa.Table:
        """Return the days of rows that fulfil a condition, of some dates or all."""
        there = {day for day in self._files if dates is None or day in dates}
        first = sorted(there | {day - DAY for day in there})
        return pa.concat_tables([SCHEMA.empty_table(), *self._beginning(first, there, where)])

    def _beginning(self, first: list[date], there: set[date], where: str) -> Iterator[pa.Table]:
        """Yield the days that touch some dates first: all their rows are of these dates and the ones after each."""
        import duckdb

        read = sorted(there.intersection({near for day in first for near in (day, day + DAY)}))
        if not read:
            return
        count = sum(file.rows for day in read for file in self._files[day].values())
        if count <= WINDOW_ROWS or len(first) == 1:
            with suppress(duckdb.Error):
                yield self._query(first, read, where)
                return
        if len(first) == 1:
            self.unread.update(read)
            return
        for half in (first[: len(first) // 2], first[len(first) // 2 :]):
            yield from self._beginning(half, there, where)

    def _query(self, first: list[date], read: list[date], where: str) -> pa.Table:
        paths = [self._folder / f"date={day}" / name for day in read for name in self._files[day]]
        source = rows_sql(self._connection, self._table, paths)
        query = local_days_sql(self._table.name, source, where)
        found = self._connection.sql(query, params=zones_of(self._zones)).to_arrow_table().cast(SCHEMA)
        return found.filter(pc.is_in(found["first_date"], pa.array(first, pa.date32())))


@contextmanager
def _database() -> Iterator["duckdb.DuckDBPyConnection"]:
    import duckdb  # late, as a roller comes by this module: it stays without

    with duckdb.connect() as connection:
        for setting in ("TimeZone = 'UTC'", f"memory_limit = '{MEMORY_MIB}MiB'", "threads = 2", "temp_directory = ''"):
            connection.execute(f"set {setting}")
        yield connection


def _zones(layout: Layout, connection: "duckdb.DuckDBPyConnection") -> dict[int, str]:
    """Return the time zones of instruments, as the last contract details in the archive name them."""
    table, digest = TABLES["instruments"], read_digest(layout, "instruments")
    paths = [layout.archive(table.name) / f"date={day}" / name
             for day, of_day in read_kept(layout, table.name).items() for name in of_day.files]
    if digest.files:
        connection.register("details", digest.rows)
    elif not paths:
        return {}
    source = "details" if digest.files else rows_sql(connection, table, paths)
    found = connection.sql(f"""
        select instrument_id, last(time_zone order by ts, recorder, seq, "row") from {source}
        where instrument_id is not null and time_zone <> '' and trading_hours <> '' group by all""").fetchall()
    return {instrument_id: str(zone) for instrument_id, word in found if (zone := exchange_zone(word))}


# The file

def _write(path: Path, digest: Digest) -> None:
    said = {path.stem: [{day: {name: astuple(file) for name, file in of_day.items()} for day, of_day in files.items()}
                        for files in (digest.files, digest.unread)]}
    told = json.dumps(said, separators=(",", ":"))
    written = checked_bytes(digest.rows.replace_schema_metadata({_SAID: told}))
    make_folder(path.parent)
    mode = file_mode(TABLES[path.stem], digest.rows) if path.stem in WHOLE else FILE_MODE
    publish(path, lambda temporary: temporary.write_bytes(written), mode=mode)
