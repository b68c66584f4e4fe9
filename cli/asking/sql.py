"""`ticktape sql`: ask the lake in SQL."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from ..shared.exits import UsageError
from ..shared.options import Config, Data, lake_folder

if TYPE_CHECKING:
    from capture.query import Answer


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSON_LINES = "json-lines"
    PARQUET = "parquet"
    ARROW = "arrow"


_BINARY = (Format.PARQUET, Format.ARROW)


def run(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="The SQL; - or nothing reads it from stdin.")] = "-",
    data: Data = None,
    config: Config = None,
    format: Annotated[Format | None, typer.Option(help="Default: what FILE ends with, else table.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="File; - is stdout.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file where there is one.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Ask the lake in SQL and print the answer.

    The SQL is DuckDB's; it sees all that was recorded until this moment, rolled to files or not. `ticktape tables`
    lists the tables. It is one query, which cannot write anything; but it may read other files that you can read, as in
    `read_csv('/…')`. On the screen, the format table shows the first and last rows of a long answer; files and the
    other formats hold all of it. A file is replaced only once the whole answer is there.
    """
    output = None if output == Path("-") else output
    chosen = _choose(Format.JSON if json else format, output)
    if json and format not in (None, Format.JSON):
        raise UsageError(f"--json and --format {format} contradict each other: leave one out")
    if output and output.is_file() and not force:
        raise UsageError(f"{output} is there already: choose another name, or replace it with --force")
    if chosen in _BINARY and output is None and sys.stdout.isatty():
        raise UsageError(f"{chosen} is not for a terminal: name a file with -o, or pipe it on")

    from capture import open_lake

    from ..shared.answers import WRITERS
    from ..shared.output import TerminalFile

    with open_lake(lake_folder(data, config)) as lake:
        answer = lake.sql(sys.stdin.read() if query == "-" else _sql(query))
        with answer.explained():
            if output is None:
                shown = cast(BinaryIO, TerminalFile()) if sys.stdout.isatty() else sys.stdout.buffer
                WRITERS[chosen](answer, shown)
                sys.stdout.flush()
            else:
                _write(answer, chosen, output)


def _sql(query: str) -> str:
    """Return the SQL. Raises UsageError for a word alone, which a file or a table may have as its name."""
    from capture.schemas import EVERY_TABLE

    if query in EVERY_TABLE:
        raise UsageError(f"{query} is a table, and no query: write \"from {query}\"")
    if query.endswith(".sql") and " " not in query:
        raise UsageError(f"{query} is no query: what a file holds is asked by `ticktape sql < {query}`")
    return query


def _choose(format: Format | None, output: Path | None) -> Format:
    """Return the format that is asked for, or that a file's name ends with; a contradiction is refused."""
    named = _named(output) if output else None
    if format and named and format is not named:
        raise UsageError(f"--format {format} and {output} contradict each other: leave one out, or rename the file")
    if output and not (format or named):
        raise UsageError(f"{output} does not end like a format: name one with --format, of {', '.join(Format)}")
    return format or named or Format.TABLE


def _named(output: Path) -> Format | None:
    """Return the format that the ending of a file's name tells, as for exports; None for none."""
    from capture.export.formats import FORMATS

    endings = {f".{one}": one for one in Format}
    endings |= {ending: one for one in Format if one in FORMATS for ending in FORMATS[one].endings}
    return next((one for ending, one in endings.items() if output.name.lower().endswith(ending)), None)


def _write(answer: "Answer", format: Format, output: Path) -> None:
    from capture.export.text import open_text
    from capture.publish import make_folder, publish

    from ..shared.answers import TO_FILE, WRITERS

    write = TO_FILE.get(format, WRITERS[format])

    def fill(path: Path) -> None:
        with open_text(path, output.name) as file:
            write(answer, file)

    try:
        if output.exists() and not output.is_file():  # such as /dev/stdout, which cannot be replaced
            fill(output)
            return
        make_folder(output.resolve().parent)
        publish(output.resolve(), fill, mode=0o644)
    except OSError as error:
        error.filename = str(output)  # not that of the temporary file
        raise
