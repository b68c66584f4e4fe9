"""`ticktape tables`: what a lake holds, and what its columns mean."""

from pathlib import Path
from typing import Annotated

import typer

from .exits import UsageError
from .options import Data, Json, lake_folder
from .output import show_json, show_table, size_text


def run(
    table: Annotated[str | None, typer.Argument(metavar="TABLE", help="A table, to see its columns.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List the tables, or one table's columns.

    Of every table: its rows, dates, bytes on disk and meaning. Of a column: its type, unit, meaning, and what a null
    in it says.
    """
    if table is None:
        _list(lake_folder(data), json)
    else:
        _describe(table, json)


def _list(data: Path, json: bool) -> None:
    from capture.query import open_lake

    with open_lake(data) as lake:
        tables = lake.tables()
    if json:
        show_json(tables)
        return
    rows = [(t["table"], f"{t['rows']:,}", t["first_date"], t["last_date"], size_text(t["size_bytes"]), t["meaning"])
            for t in tables]
    show_table(("table", "rows", "first date", "last date", "on disk", "meaning"), rows, ("rows", "on disk"))


def _describe(name: str, json: bool) -> None:
    from capture.schemas import TABLES

    if name not in TABLES:
        raise UsageError(f"there is no table {name!r}; there are {', '.join(TABLES)}")
    table = TABLES[name]
    if json:
        columns = [{"column": c.name, "type": str(c.type), "unit": c.unit, "meaning": c.meaning, "null": c.null}
                   for c in table.columns]
        show_json({"table": table.name, "meaning": table.meaning, "version": table.version,
                   "sort_key": table.sort_key, "columns": columns})
        return
    print(f"{table.name}: {table.meaning}\nOrder: {', '.join(table.sort_key)}\n")
    rows = [(c.name, c.type, c.unit, c.meaning, c.null) for c in table.columns]
    show_table(("column", "type", "unit", "meaning", "null"), rows)
