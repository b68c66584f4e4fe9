"""`ticktape gaps`: times in which wanted data did not arrive, and what became of them."""

from typing import Annotated

import typer

from .options import Data, Json, lake_folder, utc_time
from .output import age_text, show_json, show_table

Instruments = Annotated[list[str] | None, typer.Argument(metavar="INSTRUMENT", help="Only these instruments.")]
StreamOption = Annotated[str | None, typer.Option(help="Only this stream, as the tables name it: all_last, quotes.")]
Since = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only gaps that end after this time, UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only gaps that begin before this, UTC.")]


def run(
    instruments: Instruments = None,
    stream: StreamOption = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only gaps that still last.")] = False,
    since: Since = None,
    until: Until = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List gaps: instrument, stream, from, to, why, and how they stand.

    A gap lasts from the last moment its stream was known to be whole to the first row after it.
    """
    from capture.query import open_lake

    first, last = utc_time("--from", since), utc_time("--until", until)
    with open_lake(lake_folder(data)) as lake:
        found = lake.gaps(instruments, first, last, stream=stream, open_only=open_only).arrow().to_pylist()
    if json:
        show_json(found)
        return
    rows = [(g["symbol"], g["stream"], g["from_ts"], g["to_ts"], age_text(g["lasted_s"]), g["state"], g["code"],
             g["rows_restored"], g["reason"]) for g in found]  # fmt: skip
    show_table(("symbol", "stream", "from", "to", "lasted", "state", "code", "restored", "reason"), rows,
               ("lasted", "code", "restored"))  # fmt: skip
