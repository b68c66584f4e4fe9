"""`ticktape export`: rows in the form that the next tool wants."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..shared.exits import Exit, UsageError
from ..shared.options import Config, Data, Json, lake_folder, utc_time
from ..shared.output import console, say, show, show_json, size_text

if TYPE_CHECKING:
    from capture.export import Exported, Format
    from capture.export.export import Progress

MOST_DAYS = 10  # that are named
LINE_INTERVAL_S = 5.0  # of progress, where stderr is no terminal


def run(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, as `ticktape tables` lists them.")],
    instruments: Annotated[list[str] | None, typer.Argument(
        metavar="INSTRUMENT", help="Only these: symbols, or conid:265598.")] = None,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="PATH", help="File or folder. With --format: by default TABLE, here.")] = None,
    format: Annotated[str | None, typer.Option(
        metavar="NAME", help="Default: as the name of PATH ends. See docs/export.md.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this time on, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this time, UTC.")] = None,
    columns: Annotated[str | None, typer.Option(metavar="NAME,…", help="Only these columns.")] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream, as the tables name it: all_last.")] = None,
    recorder: Annotated[str | None, typer.Option(help="Only what this recorder recorded.")] = None,
    once: Annotated[bool, typer.Option(
        "--once", help="Each event once, though several streams or recorders have it.")] = False,
    every: Annotated[str | None, typer.Option(
        metavar="INTERVAL", help="Bars of trades, quotes or midpoints, or snapshots of books: '1 minute'.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Only bars without gaps.")] = False,
    unreported: Annotated[bool | None, typer.Option(
        "--unreported/--reported", help="Trades not reported to the tape. Default: as rows, not in bars.")] = None,
    restored: Annotated[bool, typer.Option(
        "--restored/--no-restored", help="Rows from IB's history, whose times are whole seconds.")] = True,
    min_coverage: Annotated[float | None, typer.Option(
        metavar="SHARE", help="Leave out days of which less was recorded: 0.95.")] = None,
    by: Annotated[str | None, typer.Option(metavar="symbol,date", help="A folder of files by these.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Write a table's rows, in order of time, to a file or folder in the form that another tool wants.

    A manifest beside it says what it holds, which gaps, and what the format has no place for. Formats: parquet, csv,
    arrow, json-lines, dbn, nautilus, hftbacktest, lean. With --json, the manifest is printed.
    """
    from capture import open_lake
    from capture.export import FORMATS, AskedError, ExistsError
    from capture.query import QueryError

    words = instruments or None
    if output == Path("-"):
        raise UsageError("an export is a file or a folder: to print rows there is `ticktape sql … --format csv`")
    place = output or Path(table + (_ending(format, FORMATS) if not by else ""))
    with open_lake(lake_folder(data, config)) as lake, _progress() as progress:
        try:
            done = lake.export(
                table, place, words, utc_time("--from", start), utc_time("--until", end), format=format,
                columns=_listed(columns) or None, stream=stream, recorder=recorder, once=once,
                every=every, whole=whole, unreported=unreported, restored=restored,
                min_coverage=min_coverage, by=_listed(by), force=force, progress=progress)
        except (ExistsError, AskedError) as error:
            raise UsageError(str(error)) from None
        except QueryError as error:
            raise QueryError(f"nothing was exported: {error}") from error
        except OSError as error:
            error.filename = str(place)  # not that of the temporary file
            raise
    if json:
        show_json({"path": str(done.path), "manifest": str(done.manifest), **done.said})
    else:
        show(str(done.path))
    _tell(done)
    if done.losses:
        raise typer.Exit(Exit.LOST)


def _listed(text: str | None) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()] if text else []


def _ending(format: str | None, formats: "Mapping[str, Format]") -> str:
    if format is None:
        raise UsageError("there is no name to tell the format by: give --output NAME.parquet, or --format parquet")
    if format in formats:
        return next(iter(formats[format].endings), f"-{format}")
    return f".{format}"


def _tell(done: "Exported") -> None:
    """Say what was written, and what it lacks."""
    said = done.said
    files, gaps = len(said["files"]), [gap for gap in said["gaps"] if gap["state"] != "backfilled"]
    times = " to ".join(f"{said[name]:%Y-%m-%d %H:%M:%S}" for name in ("first_ts", "last_ts"))
    lines = [f"{done.rows:,} rows from {times} UTC, {size_text(done.size_bytes)} in {files} file{'s' * (files != 1)}; "
             f"more in {done.manifest}"]
    if gaps:
        lines.append(f"gaps in it: {len(gaps)}; the manifest says when and why")
    lines += [f"left out: {day['symbol']} on {day['day']}, of which {day['share']:.1%} was recorded"
              for day in said["left_out_days"][:MOST_DAYS]]
    if len(said["left_out_days"]) > MOST_DAYS:
        lines.append(f"left out: {len(said['left_out_days']) - MOST_DAYS} days more")
    if said["restored_rows"]:
        lines.append(f"from IB's history: {said['restored_rows']:,} rows, whose times are whole seconds")
    lines += [f"lost: {what}" + (f" ({count:,})" if count > 1 else "") for what, count in done.losses.items()]
    if said["leaves_out"]:
        lines.append(f"not in it: {said['leaves_out']}")
    for line in lines:
        say(f"ticktape: {line}")


@contextmanager
def _progress() -> "Iterator[Progress]":
    """Yield what shows on stderr how far it is: a bar on a terminal, lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines().at
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def at(rows: int, total: int | None, when: datetime) -> None:
            bar.update(task, completed=rows, total=total, description=f"{when:%Y-%m-%d %H:%M}")

        yield at


class _Lines:
    """A line of progress now and then."""

    def __init__(self) -> None:
        self._begun_s = self._shown_s = time.monotonic()

    def at(self, rows: int, total: int | None, when: datetime) -> None:
        """Say how far it is, if it is time."""
        now_s = time.monotonic()
        if now_s - self._shown_s >= LINE_INTERVAL_S:
            self._shown_s = now_s
            share = f" of {total:,}" if total else ""
            say(f"ticktape: {rows:,} rows{share}, {rows / (now_s - self._begun_s):,.0f}/s, at {when:%Y-%m-%d %H:%M}")
