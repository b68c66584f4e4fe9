"""`ticktape check-bars`: IB's bars against bars made from ticks."""

from typing import Annotated, Any

import typer

from ..shared.options import Config, Data, Json, lake_folder, utc_time
from ..shared.output import show, show_json, show_table

MOST_SHOWN = 20

_COUNTS = (
    "compared", "equal", "prices_differ", "volume_differs", "missing_ours", "missing_theirs", "in_gaps", "outside")
_VALUES = ("open", "high", "low", "close", "volume")

Words = Annotated[list[str] | None, typer.Argument(
    metavar="INSTRUMENT", help="Only these: symbols, or conid:265598.")]
Since = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only bars from this time on, UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Only bars before this time, UTC.")]
Width = Annotated[str | None, typer.Option(metavar="SIZE", help="Only bars of this size: '5 secs', '1 min'.")]


def run(
    instruments: Words = None,
    since: Since = None,
    until: Until = None,
    width: Width = None,
    data: Data = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Compare IB's own bars with bars made from ticks.

    Real-time, kept-up-to-date and historical bars up to an hour against trades (without those that IB did not report),
    midpoints or quotes of the same recorder, by IB's own second. Differences are to be expected, as IB filters what it
    makes bars of: they are figures, and the exit code is 0. Outside: there are no ticks from that time.
    """
    from capture import open_lake
    from capture.query.check_bars import bar_differences, check_bars

    words = instruments or []
    first, last = utc_time("--from", since), utc_time("--until", until)
    with open_lake(lake_folder(data, config)) as lake:
        series = check_bars(lake, words, first, last, width).arrow().to_pylist()
        differences = bar_differences(lake, words, first, last, width).arrow().to_pylist()
    if json:
        show_json({"series": series, "differences": differences})
        return
    _show_series(series)
    if differences:
        show()
        _show_differences(differences[:MOST_SHOWN])
    if len(differences) > MOST_SHOWN:
        show(f"… and {len(differences) - MOST_SHOWN} more: --json has all of them")


def _show_series(series: list[dict[str, Any]]) -> None:
    names = [name.replace("_", " ") for name in _COUNTS]
    rows = [(s["symbol"], s["bar_size"], s["what"], s["form"], s["stream"], *(s[name] for name in _COUNTS),
             None if s["volume_ratio"] is None else f"{s['volume_ratio']:.6g}") for s in series]
    show_table(("symbol", "bars", "of", "form", "ticks", *names, "volume ratio"), rows, (*names, "volume ratio"))


def _show_differences(differences: list[dict[str, Any]]) -> None:
    rows = [(d["symbol"], d["bar_size"], d["what"], d["form"], d["ts"], d["verdict"].replace("_", " "),
             "yes" if d["in_gap"] else "", *(_both(d, name) for name in _VALUES)) for d in differences]
    names = [f"{name}, IB / ours" for name in _VALUES]
    show_table(("symbol", "bars", "of", "form", "begins", "differs", "in a gap", *names), rows)


def _both(difference: dict[str, Any], name: str) -> str:
    return " / ".join("–" if value is None else f"{value:.10g}" for value in
                      (difference[name], difference[f"our_{name}"]))
