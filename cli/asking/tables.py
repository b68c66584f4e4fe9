"""`ticktape tables`: what a lake holds, and what its columns mean."""

from pathlib import Path
from typing import Annotated

import typer

from ..shared.exits import UsageError
from ..shared.options import Config, Data, Json, lake_folder
from ..shared.output import show, show_json, show_table, size_text


def run(
    table: Annotated[str | None, typer.Argument(metavar="TABLE", help="A table, to see its columns.")] = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List the tables, or one table's columns.

    Of every table: its rows, dates, bytes on disk, schema version and meaning. Of a column: its type, unit, meaning,
    and what a null in it says; of one table also how many of its files are of which schema version. Files of older
    versions read as the newest.
    """
    if table is None:
        _list(lake_folder(data, config), json)
    else:
        _describe(table, lake_folder(data, config), json)


def _list(data: Path, json: bool) -> None:
    from capture import open_lake

    with open_lake(data) as lake:
        tables = lake.tables()
    if json:
        show_json(tables)
        return
    rows = [(t["table"], f"{t['rows']:,}", t["first_date"], t["last_date"], size_text(t["size_bytes"]), t["version"],
             t["meaning"]) for t in tables]
    show_table(("table", "rows", "first date", "last date", "on disk", "version", "meaning"), rows,
               ("rows", "on disk", "version"))


def _describe(name: str, data: Path, json: bool) -> None:
    from capture.lake.layout import Layout
    from capture.lake.versions import file_versions
    from capture.schemas import EVERY_TABLE
    from capture.suggestion import unknown

    if name not in EVERY_TABLE:
        raise UsageError(unknown("table", name, EVERY_TABLE))
    table = EVERY_TABLE[name]
    files = {str(version or "unknown"): count for version, count in file_versions(Layout(data), table).items()}
    if json:
        columns = [{"column": c.name, "type": str(c.type), "unit": c.unit, "meaning": c.meaning, "null": c.null}
                   for c in table.columns]
        show_json({"table": table.name, "meaning": table.meaning, "version": table.version, "files": files,
                   "sort_key": table.sort_key, "columns": columns})
        return
    counts = "".join(f"; {count:,} files of version {version}" for version, count in sorted(files.items()))
    show(f"{table.name}: {table.meaning}\nOrder: {', '.join(table.sort_key)}\nVersion: {table.version}{counts}\n")
    rows = [(c.name, c.type, c.unit, c.meaning, c.null) for c in table.columns]
    show_table(("column", "type", "unit", "meaning", "null"), rows)
