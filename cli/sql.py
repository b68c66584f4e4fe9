"""`ticktape sql`: ask the lake in SQL."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .exits import UsageError
from .options import Data, lake_folder


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    ARROW = "arrow"


_BINARY = (Format.PARQUET, Format.ARROW)


def run(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The SQL; - or nothing reads it from stdin.")] = "-",
    data: Data = None,
    format: Annotated[Format | None, typer.Option(help="Default: what FILE ends with, else table.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Ask the lake in SQL and print the answer.

    The SQL is DuckDB's; it sees all that was recorded until this moment, rolled to files or not. `ticktape tables`
    lists the tables. The format table shows the first and last rows of a long answer; csv, json, parquet and arrow
    hold all of it.
    """
    chosen = Format.JSON if json else format or _by_suffix(output)
    if chosen in _BINARY and output is None and sys.stdout.isatty():
        raise UsageError(f"{chosen} is not for a terminal: name a file with -o, or pipe it on")

    from capture.query import open_lake

    from .answers import WRITERS

    with open_lake(lake_folder(data)) as lake:
        answer = lake.sql(sys.stdin.read() if query == "-" else query)
        if output is None:
            WRITERS[chosen](answer, sys.stdout.buffer)
            sys.stdout.flush()
        else:
            with output.open("wb") as file:
                WRITERS[chosen](answer, file)


def _by_suffix(output: Path | None) -> Format:
    suffix = output.suffix.removeprefix(".") if output else ""
    return Format(suffix) if suffix in list(Format) else Format.TABLE
