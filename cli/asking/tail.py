"""`ticktape tail`: rows as they come."""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from capture.printable import one_line

from ..shared.exits import UsageError
from ..shared.options import Config, Data, ForSeconds, lake_folder
from ..shared.output import json_text, json_value, say, show

if TYPE_CHECKING:
    import pyarrow as pa

    from capture.lake.layout import Layout
    from capture.query.follow import Follow

POLL_INTERVAL_S = 0.25
LOOK_INTERVAL_S = 2.0  # at what the recorders say of themselves



def run(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table, as `ticktape tables` lists them.")],
    instruments: Annotated[list[str] | None, typer.Argument(
        metavar="INSTRUMENT", help="Only these: symbols, or conid:265598.")] = None,
    count: Annotated[int, typer.Option("-n", min=0, metavar="ROWS", help="Show so many that are there first.")] = 10,
    stream: Annotated[str | None, typer.Option(help="Only this stream, as the tables name it: all_last.")] = None,
    columns: Annotated[str | None, typer.Option(metavar="NAME,…", help="These columns; all: all of them.")] = None,
    for_s: ForSeconds = None,
    data: Data = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON object per line, with all columns.")] = False,
) -> None:
    """Print a table's rows as they come, until Ctrl-C.

    First the last ones that are there, of a week at most, then each new one once, within a second of its arrival. Times
    are UTC. What recorders do meanwhile is said on stderr.
    """
    from capture import open_lake
    from capture.query.follow import Follow
    from capture.query.known import check_stream

    folder = lake_folder(data, config)
    names = _columns(table, columns, json)
    check_stream(stream, table)
    with open_lake(folder) as lake:  # makes what a folder needs that nobody has asked yet
        lake.check(instruments, [table])
    from capture.lake.layout import Layout

    layout = Layout(folder)
    follow = Follow(layout, table, instruments or [], stream)
    printer = (_JsonLines if json else _Lines)(names)
    try:
        for rows in _follow(follow, count, for_s, _Watch(layout)):
            printer.show(rows.select(names))
    except KeyboardInterrupt:
        pass  # how it is meant to end


def _columns(table: str, given: str | None, json: bool) -> list[str]:
    """Return the columns to show. Raises UsageError for a table or a column that is none."""
    from capture.schemas import TABLES
    from capture.suggestion import hint, unknown

    if table not in TABLES:
        raise UsageError(unknown("table", table, TABLES))
    every = TABLES[table].schema.names
    if given == "all" or (given is None and json):
        return list(every)
    if given is None:
        return list(TABLES[table].shown)
    names = [name.strip() for name in given.split(",")]
    for name in names:
        if name not in every:
            raise UsageError(f"{table} has no column {name}; {hint(name, every, 'it has')}")
    return names


def _follow(follow: "Follow", count: int, for_s: float | None, watch: "_Watch") -> Iterator["pa.Table"]:
    begun_s = time.monotonic()
    yield follow.last(count)
    while for_s is None or time.monotonic() - begun_s < for_s:
        watch.look()
        time.sleep(POLL_INTERVAL_S)
        rows = follow.poll()
        if len(rows):
            yield rows


class _Watch:
    """Says on stderr how the recorders of a lake are, whenever that changes."""

    def __init__(self, layout: "Layout") -> None:
        self._layout = layout
        self._looked_s = -LOOK_INTERVAL_S
        self._said: dict[str, str] = {}

    def look(self) -> None:
        """Look if it is time."""
        from capture.data_folder import SNAPSHOT
        from capture.watch.recorder_state import condition, recorder_state

        if time.monotonic() - self._looked_s < LOOK_INTERVAL_S:
            return
        self._looked_s = time.monotonic()
        found = {}
        for name in self._layout.recorders():
            if name == SNAPSHOT:
                continue
            with suppress(ValueError):  # it is writing that down at this moment
                state = recorder_state(self._layout, name)
                found[name] = f"{condition(state)}" + (f": {state['trouble']}" if state.get("trouble") else "")
        for name, words in found.items():
            if self._said.get(name) != words and (name in self._said or words != "recording"):
                say(f"ticktape: recorder {name}: {words}")
        if not found and not self._said:
            say("ticktape: nobody has recorded here yet")
            found = {"": ""}
        self._said |= found


class _JsonLines:
    """Prints rows as JSON objects, one a line."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def show(self, rows: "pa.Table") -> None:
        """Print rows."""
        for row in rows.to_pylist():
            show(json_text(json_value(row)))
        sys.stdout.flush()


class _Lines:
    """Prints rows under their columns, which get as wide as the widest value so far."""

    def __init__(self, names: list[str]) -> None:
        from rich.cells import cell_len

        self._names = names
        self._widths = [cell_len(name) for name in names]
        self._begun = False

    def show(self, rows: "pa.Table") -> None:
        """Print rows; before the first ones, the names of the columns."""
        from rich.cells import cell_len

        lines = [[_text(value) for value in row.values()] for row in rows.to_pylist()]
        self._widths = [max([width, *(cell_len(line[i]) for line in lines)]) for i, width in enumerate(self._widths)]
        if not self._begun:
            lines.insert(0, self._names)
            self._begun = True
        for line in lines:
            padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(line, self._widths, strict=True)]
            show("  ".join(padded).rstrip())
        sys.stdout.flush()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}"
    if isinstance(value, float):
        return f"{value:.15g}"  # as many digits as IB sends
    return one_line(str(value))
