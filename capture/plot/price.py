"""The chart of prices: bid and ask as a band, the price between them, volume below, and what is missing, shaded."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import altair as alt

from capture.printable import one_line
from capture.query.intervals import intersection, union

from .panel import Gap, Panel
from .theme import BAND, CLOSED, LINE, MISSING, MUTED, PARTLY, RESTORED, VOLUME, WIDTH, config, time_axis
from .window import Window

_PRICE, _BAND = "middle of bid and ask, else last trade", "lowest bid to highest ask"
_RESTORED, _CLOSED = "restored from history", "market closed"
_NAMED_REASONS = 3  # of what is missing, in the legend
_FAR = 5  # interquartile ranges from the other prices: what lies beyond would squeeze them
_NEAR = 0.001  # of a price: what lies within is never far
_SHADE_OPACITY = 0.3
_HEIGHT, _VOLUME_HEIGHT, _SEVERAL_HEIGHT, _SEVERAL_VOLUME_HEIGHT = 330, 90, 190, 55  # pixels


def price_chart(shown: Window, panels: Sequence[Panel]) -> alt.TopLevelMixin:
    """Return a chart with a panel for each instrument: price with the band of bid and ask, and volume if there is any.

    Times are UTC. Gaps are shaded, time in which the market was closed in grey; lines do not cross either.
    """
    several = len(panels) > 1
    style = _Style(shown, panels)
    heights = (_SEVERAL_HEIGHT, _SEVERAL_VOLUME_HEIGHT) if several else (_HEIGHT, _VOLUME_HEIGHT)
    parts = [part for panel in panels for part in _parts(panel, style, heights, several)]
    chart: alt.TopLevelMixin = alt.vconcat(
        *parts, spacing=10, title=_title(shown, panels), datasets=style.datasets, config=config()
    ).resolve_scale(color="shared")
    return chart


class _Style:
    """What the panels of a chart share: the axis of time, and what colours mean."""

    def __init__(self, shown: Window, panels: Sequence[Panel]) -> None:
        self.shown = shown
        self.datasets: dict[str, list[dict[str, Any]]] = {}
        gaps = [gap for panel in panels for gap in panel.gaps]
        self._missing = _missing_label("", [gap for gap in gaps if gap.missing and not gap.restored])
        self._partly = _missing_label(", the rest restored", [gap for gap in gaps if gap.missing and gap.restored])
        self.colours = self._colours(panels)

    def data(self, rows: Iterable[dict[str, Any]]) -> alt.NamedData:
        """Return data that marks can share: altair would copy and check rows again and again."""
        name = f"data-{len(self.datasets)}"
        self.datasets[name] = list(rows)
        return alt.NamedData(name)

    def gap_label(self, gap: Gap) -> str:
        """Return what the legend says of a gap."""
        if not gap.missing:
            return _RESTORED
        return self._partly if gap.restored else self._missing

    def colour(self) -> alt.Color:
        """Return the colour of rows by their `label`, one of the legend's."""
        scale = alt.Scale(domain=list(self.colours), range=list(self.colours.values()))
        legend = alt.Legend(title=None, orient="top", symbolType="square", symbolStrokeWidth=0, columns=4, offset=6,
                            labelLimit=WIDTH)  # fmt: skip
        return alt.Color("label:N", scale=scale, legend=legend)

    def x(self, field: str, *, labelled: bool) -> alt.X:
        """Return the axis of time for a field in milliseconds since 1970."""
        domain = [_ms(self.shown.start.timestamp()), _ms(self.shown.end.timestamp())]
        scale = alt.Scale(type="utc", domain=domain, nice=False)
        return alt.X(f"{field}:T", scale=scale, axis=time_axis(self.shown.span, labelled=labelled))

    def _colours(self, panels: Sequence[Panel]) -> dict[str, str]:
        def any_bar(name: str) -> bool:
            return any(bar[name] is not None for panel in panels for bar in panel.bars)

        colours = {}
        if any_bar("line"):
            colours[_PRICE] = LINE
        if any_bar("bid_low") or any_bar("ask_high"):
            colours[_BAND] = BAND
        shades = {self._missing: MISSING, self._partly: PARTLY, _RESTORED: RESTORED}
        labels = {self.gap_label(gap) for panel in panels for gap in panel.gaps}
        colours |= {label: colour for label, colour in shades.items() if label in labels}
        if any(panel.closed for panel in panels):
            colours[_CLOSED] = CLOSED
        return colours


def _missing_label(more: str, gaps: Sequence[Gap]) -> str:
    """Return what the legend says of gaps in which something is missing: which streams, and why."""
    streams, reasons = sorted({one for gap in gaps for one in gap.missing}), sorted({gap.reason for gap in gaps})
    why = "; ".join(reasons) if len(reasons) <= _NAMED_REASONS else f"{len(reasons)} reasons"
    return f"missing {', '.join(streams)}{more}: {why}"


def _parts(panel: Panel, style: _Style, heights: tuple[int, int], several: bool) -> list[Any]:
    """Return the chart of an instrument's price, and that of its volume if it has any."""
    bars = _drawn(panel, style.shown)
    data = style.data(bars)
    has_volume = any(bar["volume"] for bar in bars)
    name = one_line(" · ".join(filter(None, (panel.symbol, panel.name))))
    title: dict[str, Any] = {"title": alt.TitleParams(name, fontSize=13)} if several else {}
    layers = [*_shades(panel, style, not has_volume), *_price_layers(panel, bars, data, style, not has_volume)]
    price = alt.layer(*layers).properties(width=WIDTH, height=heights[0], **title)
    if not has_volume:
        return [price]
    y = alt.Y("volume:Q", title=["volume", f"({panel.units.size})"], axis=alt.Axis(tickCount=3, format="~s"))
    volume = alt.Chart(data).mark_rect(color=VOLUME).encode(style.x("from", labelled=True), x2="to:T", y=y,
                                                                   tooltip=_TOOLTIP)  # fmt: skip
    below = alt.layer(*_shades(panel, style, labelled=True), volume).properties(width=WIDTH, height=heights[1])
    return [price, below]


def _price_layers(
    panel: Panel, bars: list[dict[str, Any]], data: alt.NamedData, style: _Style, labelled: bool
) -> list[alt.Chart]:
    if not bars:
        nothing = alt.Chart(style.data([{}])).mark_text(color=MUTED, fontSize=13, text="no trades or quotes")
        return [nothing]
    low, high = price_range(bars)
    y: dict[str, Any] = {"scale": alt.Scale(domain=[low, high], zero=False, nice=False),
                         "title": panel.units.price_title}  # fmt: skip
    base = alt.Chart(data).encode(style.x("to", labelled=labelled))
    band = _labelled(base, _BAND).mark_area(clip=True).encode(
        alt.Y("bid_low:Q", **y), y2="ask_high:Q", detail="segment:N", color=style.colour())
    line = _labelled(base, _PRICE).mark_line(strokeWidth=1.2, clip=True, strokeJoin="round").encode(
        alt.Y("line:Q", **y), detail="segment:N", color=style.colour())
    # A segment of one bar is no line.
    lone = alt.Chart(style.data(bar for bar in bars if bar["lone"])).encode(style.x("to", labelled=labelled))
    rules = _labelled(lone, _BAND).mark_rule(strokeWidth=4, clip=True).encode(
        alt.Y("bid_low:Q", **y), y2="ask_high:Q", color=style.colour())
    points = _labelled(lone, _PRICE).mark_point(filled=True, size=22, opacity=1, clip=True).encode(
        alt.Y("line:Q", **y), color=style.colour())
    # What a pointer says, over the whole height of a bar.
    hover = alt.Chart(data).mark_rect(fillOpacity=0).encode(style.x("from", labelled=labelled), x2="to:T",
                                                               tooltip=_TOOLTIP)  # fmt: skip
    return [hover, band, rules, line, points]


def _labelled(chart: alt.Chart, label: str) -> alt.Chart:
    return chart.transform_calculate(label=f"'{label}'")


def price_range(bars: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return which prices to show: all of the line's, and those of bids and asks but for what is far from all others.

    Far is several interquartile ranges of bids and asks away from the line and from half of them.
    """
    line = sorted(bar["line"] for bar in bars if bar["line"] is not None)
    edges = sorted(bar[name] for bar in bars for name in ("bid_low", "ask_high") if bar[name] is not None)
    middle = edges[len(edges) // 4: len(edges) - len(edges) // 4]
    usual = [*line[:1], *line[-1:], *middle[:1], *middle[-1:]]
    reach = max(_FAR * (middle[-1] - middle[0]), _NEAR * abs(middle[0])) if middle else 0.0
    shown = [*usual, *(edge for edge in edges if min(usual) - reach <= edge <= max(usual) + reach)]
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    margin = (high - low) * 0.05 or abs(high) * 0.001 or 1.0
    return low - margin, high + margin


def beyond_axis(bars: Sequence[dict[str, Any]]) -> int:
    """Return how many bars have a bid or ask that is not within the prices that are shown."""
    low, high = price_range(bars)
    return sum(any(bar[name] is not None and not low <= bar[name] <= high for name in ("bid_low", "ask_high"))
               for bar in bars)  # fmt: skip


def _shades(panel: Panel, style: _Style, labelled: bool) -> list[alt.Chart]:
    """Return the shades of gaps and of time in which the market was closed."""
    rows = [{"from": _ms(start), "to": _ms(end), "label": _CLOSED, "opacity": 0.5, **_told(start, end, "", _CLOSED)}
            for start, end in panel.closed]  # fmt: skip
    rows += [{"from": _ms(gap.from_s), "to": _ms(gap.to_s), "label": style.gap_label(gap), "opacity": _SHADE_OPACITY,
              **_told(gap.from_s, gap.to_s, gap.reason, _what(gap))}
             for gap in panel.gaps]  # fmt: skip
    if not rows:
        return []
    tooltip = [alt.Tooltip(f"{name}:N") for name in ("what", "reason", "since", "until", "lasted")]
    return [alt.Chart(style.data(rows)).mark_rect(clip=True).encode(
        style.x("from", labelled=labelled), x2="to:T", color=style.colour(),
        fillOpacity=alt.FillOpacity("opacity:Q", scale=None), tooltip=tooltip)]  # fmt: skip


def _what(gap: Gap) -> str:
    """Return which streams are missing, and which were restored."""
    parts = ((gap.missing, "missing"), (gap.restored, "restored"))
    return "; ".join(f"{', '.join(streams)} {how}" for streams, how in parts if streams)


def _told(start_s: float, end_s: float, reason: str, what: str) -> dict[str, str]:
    return {"what": what, "reason": reason, "since": _text(start_s), "until": _text(end_s),
            "lasted": f"{end_s - start_s:,.1f} s"}  # fmt: skip


def _drawn(panel: Panel, shown: Window) -> list[dict[str, Any]]:
    """Return bars with their times in milliseconds, and the number of the stretch without a break that they lie in."""
    breaks = union([*((gap.from_s, gap.to_s) for gap in panel.gaps if gap.missing), *panel.closed])
    drawn: list[dict[str, Any]] = []
    segment, end_s = 0, None
    for bar in panel.bars:
        start_s = bar["at_s"]
        if end_s is not None and start_s > end_s and intersection([(end_s, start_s)], breaks):
            segment += 1
        end_s = start_s + shown.width_s
        drawn.append({**bar, "from": _ms(start_s), "to": _ms(end_s), "segment": segment, "when": _text(start_s)})
    sizes = [0] * (segment + 1)
    for bar in drawn:
        sizes[bar["segment"]] += 1
    for bar in drawn:
        bar["lone"] = sizes[bar["segment"]] == 1
    return drawn


_TOOLTIP = [alt.Tooltip("when:N", title="bar of"),
            *(alt.Tooltip(f"{name}:Q", title=name, format=",") for name in ("bid", "ask", "trade", "volume"))]


def _title(shown: Window, panels: Sequence[Panel]) -> alt.TitleParams:
    first, last = shown.start, shown.end - timedelta(microseconds=1)
    names = one_line(", ".join(panel.symbol for panel in panels[:8]) + (", …" if len(panels) > 8 else ""))
    one = f"{one_line(panels[0].name)}, " if len(panels) == 1 and panels[0].name else ""
    days = f"{first:%a %d %b %Y}" if first.date() == last.date() else f"{first:%d %b} to {last:%d %b %Y}"
    until = f"{shown.end:%H:%M:%S}" if shown.end.date() == last.date() else "24:00:00"
    beyond = sum(beyond_axis(panel.bars) for panel in panels)
    cut = f"; {beyond:,} {'bar goes' if beyond == 1 else 'bars go'} beyond the axis" if beyond else ""
    return alt.TitleParams(f"{names} · {days}", subtitle=(
        f"{one}{first:%H:%M:%S} to {until} UTC, in bars of {width_text(shown.width_s)}{cut}"))  # fmt: skip


def width_text(width_s: int) -> str:
    """Return the width of a bar for people: 2 s, 5 min, 1 h."""
    for unit_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if width_s % unit_s == 0:
            return f"{width_s // unit_s} {unit}"
    return f"{width_s} s"


def _ms(at_s: float) -> int:
    return round(at_s * 1000)


def _text(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
