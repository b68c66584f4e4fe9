"""`ticktape plot`: prices of a recording, or a calendar of what is covered, as a picture."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..shared.exits import UsageError
from ..shared.options import Config, Data, Json, lake_folder, utc_time
from ..shared.output import show, show_json
from ..shared.pictures import check_picture, picture_format, write_picture

if TYPE_CHECKING:
    from capture import Lake

MOST_NAMED = 3  # instruments in the name of a file
MOST_NAME = 150  # characters of it: what IB calls an instrument may be longer than a name can be

Instruments = Annotated[list[str] | None, typer.Argument(metavar="INSTRUMENT", help="Instruments, a panel for each.")]
Since = Annotated[str | None, typer.Option(
    "--from", metavar="TIME", help="From this time on, UTC. Default: the last day that has rows.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before this time, UTC.")]
Output = Annotated[Path | None, typer.Option(
    "--output", "-o", metavar="FILE", help="A file that ends with .png, .svg or .html. Default: a PNG here.")]


def run(
    instruments: Instruments = None,
    since: Since = None,
    until: Until = None,
    calendar: Annotated[bool, typer.Option(
        "--calendar", help="The coverage calendar; so too without instruments.")] = False,
    output: Output = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Draw prices with the band of bid and ask, volume and gaps; or which days are covered.

    Bars are as wide as a picture needs. Gaps are shaded, in another colour those that history restored; so is time in
    which the market was closed. In a calendar a square is a stream's day. HTML can be opened without a network, and
    says more where the pointer is. Prints the file's name.
    """
    first, last = utc_time("--from", since), utc_time("--until", until)
    if first and last and first >= last:
        raise UsageError(f"--from {since} is not before --until {until}: nothing lies between")
    from capture import open_lake

    format = picture_format(output)
    check_picture(output, force)
    draw = _draw_calendar if calendar or not instruments else _draw_prices
    with open_lake(lake_folder(data, config)) as lake:
        chart, name, facts = draw(lake, instruments or [], first, last)
    path = output or Path(f"{name}.{format}")
    write_picture(chart, path, force)
    if json:
        show_json({"path": str(path), **facts})
    else:
        show(str(path))


def _draw_prices(
    lake: "Lake", symbols: Sequence[str], start: datetime | None, end: datetime | None
) -> tuple[Any, str, dict[str, Any]]:
    """Return a chart, a name for it, and what there is to say of it."""
    from capture.plot import price_chart, read_panels

    shown, panels = read_panels(lake, symbols, start, end)
    named = list(dict.fromkeys(panel.symbol for panel in panels))
    more = [f"and-{len(named) - MOST_NAMED}-more"] if len(named) > MOST_NAMED else []
    name = "-".join([*named[:MOST_NAMED], *more, f"{shown.start:%Y-%m-%d}"])
    facts = {
        "from": shown.start, "to": shown.end, "bar_s": shown.width_s, "rows": sum(panel.rows for panel in panels),
        "points": sum(len(panel.bars) for panel in panels),
        "instruments": [{"symbol": panel.symbol, "rows": panel.rows, "points": len(panel.bars),
                         "gaps": len(panel.gaps)} for panel in panels]}  # fmt: skip
    return price_chart(shown, panels), re.sub(r"[^\w.-]+", "_", name)[-MOST_NAME:], facts


def _draw_calendar(
    lake: "Lake", symbols: Sequence[str], start: datetime | None, end: datetime | None
) -> tuple[Any, str, dict[str, Any]]:
    from capture.plot import calendar_chart
    from capture.query import QueryError

    rows = lake.coverage(list(symbols), start, end)
    missing = sorted(set(symbols) - {row["symbol"] for row in rows})
    if missing or not rows:
        known = sorted({row["symbol"] for row in lake.coverage()})
        raise QueryError(f"{', '.join(missing) or lake.layout.root}: no stream was asked for then; recorded "
                         f"instruments: {', '.join(known) or 'none'}")
    days = sorted({row["day"] for row in rows})
    facts = {"from": days[0], "to": days[-1], "rows": len(rows), "points": len(rows),
             "instruments": list(dict.fromkeys(row["symbol"] for row in rows))}  # fmt: skip
    return calendar_chart(rows), "coverage", facts
