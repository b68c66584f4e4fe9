"""What `verify`, `rebuild` and `recover` share: which tapes, which part of them, and how far along it is."""

import sys
import time
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import UsageError
from .output import console, say, show

if TYPE_CHECKING:
    from capture.lake.layout import Layout
    from capture.lake.proof.tape_part import Span
    from capture.lake.ranges import Range

SHOW_INTERVAL_S = 0.2  # on a terminal
LINE_INTERVAL_S = 5.0  # elsewhere
MOST_SHOWN = 20  # of what was found; --json has all of it

Name = Annotated[str | None, typer.Option("--recorder", metavar="NAME", help="Only the tape of this recorder.")]
From = Annotated[str | None, typer.Option("--from", metavar="MARK|DATE", help="From this mark, or UTC date, on.")]
Until = Annotated[str | None, typer.Option(
    "--until", metavar="MARK|DATE", help="Up to this mark, or UTC date, without it.")]


def chosen(layout: "Layout", name: str | None) -> list[str]:
    """Return the recorders to look at. Raises UsageError for a name without tape, LakeMissingError without a lake."""
    layout.require()
    recorders = layout.recorders()
    if name is not None and name not in recorders:
        raise UsageError(f"{layout.tape} holds no tape of {name!r}, but of: {', '.join(recorders) or 'nobody'}")
    return recorders if name is None else [name]


def span(begin: str | None, end: str | None) -> "Span":
    """Return the part of a tape that two options name. Raises UsageError for what is neither mark nor date."""
    from capture.lake.proof.tape_part import Span

    return Span(_bound(begin), _bound(end))


def _bound(text: str | None) -> int | date | None:
    if text is None:
        return None
    try:
        return int(text) if text.isdecimal() else date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is neither the number of a mark nor a date such as 2026-01-31") from None


def walk(title: str, ranges: "Iterable[Range]") -> float:
    """Go through ranges, saying on stderr how far it is, and return the seconds it took."""
    from rich.status import Status

    begun_s = shown_s = time.monotonic()
    interval_s = SHOW_INTERVAL_S if sys.stderr.isatty() else LINE_INTERVAL_S
    rows = 0
    with Status("", console=console(stderr=True)) as status:
        for found in ranges:
            rows += found.rows
            now_s = time.monotonic()
            if now_s - shown_s >= interval_s:
                shown_s = now_s
                text = f"{title}: mark {found.to_mark}, {rows:,} rows, {rows / (now_s - begun_s):,.0f} rows/s"
                (status.update if sys.stderr.isatty() else say)(text)
    return time.monotonic() - begun_s


def show_findings(lines: list[str]) -> None:
    """Print what was found, the first of it in full."""
    show("\n".join(lines[:MOST_SHOWN]))
    if len(lines) > MOST_SHOWN:
        show(f"… and {len(lines) - MOST_SHOWN} more: --json has all of them")
