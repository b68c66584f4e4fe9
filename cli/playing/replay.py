"""`ticktape replay`: what was recorded, once more, in order and at any speed."""

import math
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capture.printable import one_line

from ..shared.exits import UsageError
from ..shared.options import Config, Data, ForSeconds, PlayedBy, lake_folder, utc_time
from ..shared.output import json_text, json_value, redraw, say, show

if TYPE_CHECKING:
    import pyarrow as pa

    from capture.replay import Record, Replay

MAX = "max"
SHOW_INTERVAL_S = 0.2  # of progress, on a terminal
LINE_INTERVAL_S = 5.0  # elsewhere
# What a line says first, and so does not repeat.
FIRST = ("ts", "symbol")


class Format(StrEnum):
    """How events are written."""

    LINES = "lines"
    JSON = "json"
    ARROW = "arrow"


def run(
    instruments: Annotated[list[str] | None, typer.Argument(
        metavar="INSTRUMENT", help="Only these: symbols, or conid:265598.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this time on, UTC.")] = None,
    end: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this time, UTC.")] = None,
    tables: Annotated[str | None, typer.Option(metavar="NAME,…", help="Default: all market data.")] = None,
    stream: Annotated[str | None, typer.Option(metavar="NAME,…", help="Only these streams: all_last,quotes.")] = None,
    recorder: Annotated[str | None, typer.Option(help="Only what this recorder recorded.")] = None,
    speed: Annotated[str, typer.Option(metavar="N|max", help="1 plays as recorded, 10 ten times as fast.")] = MAX,
    cut_silence: Annotated[float | None, typer.Option(
        metavar="SECONDS", help="Cut silences down to this, in recorded time.")] = None,
    clock: Annotated[PlayedBy, typer.Option(help="In the order in which rows came, or in which things happened.")] = (
        PlayedBy.ARRIVAL),
    state: Annotated[bool, typer.Option("--state/--no-state", help="Begin with how things stood at --from.")] = True,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes.")] = False,
    for_s: ForSeconds = None,
    format: Annotated[Format | None, typer.Option(help="Default: lines.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json: an object per line.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Print what was recorded as events in recorded order, over all instruments and tables, until Ctrl-C.

    With --follow, what comes is printed as it comes once the past has caught up: each event once, while recorders,
    rollers and sealers work on. At --speed 1 it stays as far behind as it began.

    With --from, how things stood then comes first, marked as initial: last values of each stream, open order books. The
    format arrow is Arrow's stream format: a row per event, its table in the column `table`. Times are UTC.
    """
    chosen = Format.JSON if json else format or Format.LINES
    if json and format not in (None, Format.JSON):
        raise UsageError(f"--json and --format {format} contradict each other: leave one out")
    if follow and end is not None:
        raise UsageError("--follow and --until contradict each other: what is followed has no end")
    if chosen is Format.ARROW and sys.stdout.isatty():
        raise UsageError("arrow is not for a terminal: pipe it on")

    from capture import open_lake
    from capture.query import QueryError

    wanted: dict[str, Any] = {"tables": tables.split(",")} if tables else {}
    names = instruments or None
    first, last, factor = utc_time("--from", start), utc_time("--until", end), _speed(speed)
    with open_lake(lake_folder(data, config)) as lake:
        try:
            replay = lake.replay(names, first, last, stream=stream.split(",") if stream else None, recorder=recorder,
                                 speed=factor, longest_silence_s=cut_silence, state=state, clock=clock.value,
                                 follow=follow, **wanted)
        except QueryError as error:  # of what was asked for: nothing is read before the first event
            raise UsageError(str(error)) from None
        with suppress(KeyboardInterrupt), _ended_after(for_s):  # a way to end it
            _WRITERS[chosen](replay)
            sys.stdout.flush()


@contextmanager
def _ended_after(for_s: float | None) -> Iterator[None]:
    """Interrupt what runs within after some time, as Ctrl-C does."""
    if for_s is None:
        yield
        return
    timer = threading.Timer(for_s, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def _speed(text: str) -> float | None:
    if text == MAX:
        return None
    with suppress(ValueError):
        if 0 < (factor := float(text.removesuffix("x"))) < math.inf:
            return factor
    raise UsageError(f"--speed {text} is no speed: write 1, 10, 0.5 or max")


def _write_lines(replay: "Replay") -> None:
    from capture.schemas import TABLES

    shown = {name: table.shown for name, table in TABLES.items()}
    for record in _told(replay):
        show(_line(record, shown[record.table]))


def _write_json(replay: "Replay") -> None:
    for record in _told(replay):
        show(json_text({"table": record.table, "initial": record.initial, **json_value(record.as_dict())}))


def _write_arrow(replay: "Replay") -> None:
    import pyarrow as pa

    # Plain texts: not every reader takes dictionaries that change on the way.
    schema = pa.schema([pa.field(field.name, pa.string() if pa.types.is_dictionary(field.type) else field.type,
                                 field.nullable) for field in replay.schema])
    progress = _Progress()
    with pa.ipc.new_stream(sys.stdout.buffer, schema) as writer:
        for batch in replay.batches():
            writer.write_batch(batch.cast(schema))
            sys.stdout.buffer.flush()
            progress.at(_last_us(batch), batch.num_rows)
    progress.end()


_WRITERS = {Format.LINES: _write_lines, Format.JSON: _write_json, Format.ARROW: _write_arrow}


def _line(record: "Record", shown: Sequence[str]) -> str:
    """Return an event as a line: time, table, symbol, and what tells most of such a row."""
    values = [(name, getattr(record, name)) for name in shown if name not in FIRST]
    told = [f"{name}={_text(value)}" for name, value in values if value is not None]
    symbol = getattr(record, "symbol", None)
    first = [_text(record.ts), "initial" if record.initial else "", record.table, one_line(symbol or ""), *told]
    return "  ".join(word for word in first if word)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return f"{value:.12g}" if isinstance(value, float) else one_line(str(value))


def _told(replay: "Replay") -> "Iterator[Record]":
    """Yield events; those that are due together have left by the time at which the next are."""
    progress = _Progress()
    for part in replay.stretches():
        for record in part.records():
            yield record
            progress.at(record.ts_us, 1)
        sys.stdout.flush()
    progress.end()


def _last_us(batch: "pa.RecordBatch") -> int:
    value: int = batch["ts"].cast("int64")[-1].as_py()
    return value


class _Progress:
    """Says on stderr how far a replay is, now and then; where stdout is a terminal, the events themselves say it."""

    def __init__(self) -> None:
        self._drawn = sys.stderr.isatty()
        self._interval_s = float("inf") if sys.stdout.isatty() else SHOW_INTERVAL_S if self._drawn else LINE_INTERVAL_S
        self._begun_s = self._shown_s = time.monotonic()
        self._rows = 0

    def at(self, ts_us: int, rows: int) -> None:
        """Count rows, the last of this time."""
        self._rows += rows
        now_s = time.monotonic()
        if now_s - self._shown_s >= self._interval_s:
            self._shown_s = now_s
            at = datetime.fromtimestamp(ts_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            text = f"{at} · {self._rows:,} events, {self._rows / (now_s - self._begun_s):,.0f}/s"
            if self._drawn:
                redraw(text)
            else:
                say(text)

    def end(self) -> None:
        """Clear what was drawn, and say so where nothing was there to be played."""
        if self._drawn and self._shown_s != self._begun_s:
            redraw()
        if not self._rows:
            say("ticktape: nothing was recorded of what is asked for; `ticktape coverage` tells what was")
