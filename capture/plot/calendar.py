"""The calendar of coverage: a square for each stream and day, its colour the share of trading time that is there."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import altair as alt

from capture.printable import one_line

from .theme import SHARES, config

# What the legend says of a share, and the least share it is said of; from the least up.
CLASSES = (("nothing", 0.0), ("under 50 %", 1e-9), ("from 50 %", 0.5), ("from 90 %", 0.9), ("from 99 %", 0.99),
           ("from 99.9 %", 0.999), ("all", 1.0))  # fmt: skip

_WIDEST, _NARROWEST, _CELLS, _CELL_HEIGHT = 46, 4, 820, 15  # pixels: of a day, of all days, of a stream
_SPANS = (("quiet", "quiet_s"), ("restored", "backfilled_s"), ("missing", "down_s"), ("unknown", "unknown_s"))


def calendar_chart(rows: Sequence[dict[str, Any]]) -> alt.TopLevelMixin:
    """Return the calendar of rows of `Lake.coverage`; a day without trading time, such as a Sunday, is empty."""
    days = _days(rows)
    cell = max(_NARROWEST, min(_WIDEST, _CELLS // len(days)))
    streams = list(dict.fromkeys(row["stream"] for row in rows))
    names = [name for name, _ in CLASSES]
    x = alt.X("day:O", title="day (of the exchange's calendar)", scale=alt.Scale(domain=days, paddingInner=0.12),
              axis=_axis(days, cell))  # fmt: skip
    y = alt.Y("stream:N", title=None, sort=streams, axis=alt.Axis(domain=False, ticks=False),
              scale=alt.Scale(paddingInner=0.12))  # fmt: skip
    colour = alt.Color("share:N", scale=alt.Scale(domain=names, range=list(SHARES)), legend=alt.Legend(
        title="trading time that is there", orient="top", direction="horizontal", symbolType="square"))  # fmt: skip
    cells = alt.Chart(alt.NamedData("cells")).mark_rect(cornerRadius=1).encode(
        x, y, colour, tooltip=[alt.Tooltip(f"{name}:N", title=title) for name, title in _TOLD.items()])  # fmt: skip
    header = alt.Header(title=None, labelAngle=0, labelAlign="left", labelAnchor="middle", labelFontWeight=600)
    chart: alt.TopLevelMixin = cells.properties(width=alt.Step(cell), height=alt.Step(_CELL_HEIGHT)).facet(
        row=alt.Row("symbol:N", header=header, sort=list(dict.fromkeys(one_line(row["symbol"]) for row in rows))),
        spacing=8, title=_title(rows, days),
    ).resolve_scale(y="independent").properties(
        datasets={"cells": [_cell(row) for row in rows]}, config=config())  # fmt: skip
    return chart


def share_class(share: float | None) -> str:
    """Return what the legend says of a share; of a day without trading time that all is there."""
    return next(name for name, least in reversed(CLASSES) if (1.0 if share is None else share) >= least)


_TOLD = {"symbol": "instrument", "stream": "stream", "day": "day", "percent": "there", "expected": "trading time",
         **{name: name for name, _ in _SPANS}, "reasons": "reasons"}


def _cell(row: dict[str, Any]) -> dict[str, str]:
    share = row["share"]
    return {"symbol": one_line(row["symbol"]), "stream": row["stream"], "day": row["day"], "share": share_class(share),
            "percent": "" if share is None else f"{share:.2%}", "expected": _time(row["expected_s"]),
            **{name: _time(row[column]) for name, column in _SPANS}, "reasons": "; ".join(row["reasons"])}


def _time(span_s: float) -> str:
    return str(timedelta(seconds=round(span_s)))


def _days(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Return all days from the first to the last one."""
    found = [date.fromisoformat(row["day"]) for row in rows]
    first = min(found)
    return [(first + timedelta(days=day)).isoformat() for day in range((max(found) - first).days + 1)]


def _axis(days: list[str], cell: int) -> alt.Axis:
    """Return an axis that names every day where there is room, else Mondays, else the first days of months."""
    dates = [date.fromisoformat(day) for day in days]
    form = "%d %b"
    if len(days) <= 7 or cell >= _WIDEST:
        named = dates
    elif len(days) <= 100:
        named = [day for day in dates if day.weekday() == 0]
    else:
        named, form = [day for day in dates if day.day == 1], "%b %Y"
    shown = f"utcFormat(toDate(datum.value + 'T00:00:00Z'), '{form}')"
    return alt.Axis(values=[day.isoformat() for day in named], labelExpr=shown, labelAngle=0, domain=False, ticks=False)


def _title(rows: Sequence[dict[str, Any]], days: list[str]) -> alt.TitleParams:
    expected_s = sum(row["expected_s"] for row in rows)
    lost_s = sum(row["down_s"] + row["unknown_s"] for row in rows)
    share = f", {1 - lost_s / expected_s:.2%} of trading time" if expected_s else ""
    streams = len({(row["symbol"], row["stream"]) for row in rows})
    return alt.TitleParams(f"Coverage · {days[0]} to {days[-1]}" if len(days) > 1 else f"Coverage · {days[0]}",
                           subtitle=f"{streams} streams{share}; restored from history counts as there")
