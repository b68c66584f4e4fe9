"""How pictures look: colours, fonts and axes of time."""

from datetime import timedelta
from typing import Any

import altair as alt

INK, MUTED, FAINT, GRID = "#1f2933", "#5f6b7a", "#9aa5b1", "#e7eaee"
LINE, BAND, VOLUME = "#174e8c", "#8fbce8", "#8695a8"
CLOSED, RESTORED = "#d5dae1", "#e9b44c"
MISSING, PARTLY = "#d1495b", "#8a4f9e"
SHARES = ("#8c1c2b", "#d1495b", "#ee9d68", "#f4d58a", "#8ecfc0", "#45a09a", "#14637a")  # from nothing to all

CATEGORIES = ("#1d5fa8", "#e08a2c", "#45a09a", "#c8553d", "#7b4f9e", "#8a5a3c", "#5f6b7a", "#9bb24a")

WIDTH = 880  # pixels; a PNG has twice as many
PNG_SCALE = 2.0
_TICKS = 8  # of time
_NAME = "ticktape"
_FONT = "Helvetica Neue, Arial, Liberation Sans, sans-serif"


@alt.theme.register(_NAME, enable=False)
def _theme() -> alt.theme.ThemeConfig:
    return {"config": config()}


def config() -> Any:
    """Return what all charts have in common, as Vega-Lite's configuration."""
    axis = {"labelColor": MUTED, "titleColor": MUTED, "titleFontWeight": "normal", "labelFontSize": 11,
            "titleFontSize": 11, "gridColor": GRID, "domainColor": FAINT, "tickColor": FAINT,
            "labelFlush": False}  # fmt: skip
    legend = {"labelColor": INK, "titleColor": MUTED, "titleFontWeight": "normal", "labelFontSize": 11,
              "titleFontSize": 11, "labelLimit": 420, "symbolSize": 110}  # fmt: skip
    title = {"anchor": "start", "color": INK, "fontSize": 16, "fontWeight": 600, "subtitleColor": MUTED,
             "subtitleFontSize": 12, "subtitlePadding": 5, "offset": 10, "frame": "group"}  # fmt: skip
    header = {"labelColor": INK, "titleColor": MUTED, "labelFontSize": 11}
    return {"font": _FONT, "background": "white", "padding": 14, "view": {"stroke": None, "continuousWidth": WIDTH},
            "axis": axis, "legend": legend, "range": {"category": list(CATEGORIES)},
            "mark": {"color": CATEGORIES[0]}, "title": title, "header": header}


def prepare_notebook(scale: float = PNG_SCALE) -> None:
    """Give all charts of a notebook this look, and show them as pictures, which need no network and any viewer shows.

    A picture has `scale` times as many pixels as the chart, each way.

    `altair.renderers.enable("default")` shows them with zoom and tooltips instead, by a script from the network.
    """
    alt.theme.enable(_NAME)
    alt.renderers.enable("png", scale_factor=scale)
    alt.data_transformers.disable_max_rows()


def time_axis(span: timedelta, *, labelled: bool = True) -> alt.Axis:
    """Return a UTC axis for a span of time, or its grid alone."""
    if not labelled:
        return alt.Axis(labels=False, ticks=False, title=None, domain=False, tickCount=_TICKS)
    day, minute = timedelta(days=1), timedelta(minutes=1)
    limits = ((10 * minute, "%H:%M:%S"), (day, "%H:%M"), (7 * day, "%d %b %H:%M"), (timedelta.max, "%d %b"))
    form = next(form for longest, form in limits if span <= longest)
    return alt.Axis(title="time (UTC)", format=form, tickCount=_TICKS, labelOverlap=True)
