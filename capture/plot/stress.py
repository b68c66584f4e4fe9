"""What a portfolio gains and loses: a heat map of prices by volatilities, or a bar for each scenario."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from capture.printable import one_line

from .theme import INK, MUTED, config

LOSS, NOTHING, GAIN = "#b2182b", "#f7f4ef", "#14637a"
_CELL_WIDTH, _CELL_HEIGHT, _BAR_HEIGHT, _BARS_WIDTH = 84, 46, 26, 560  # pixels
_DARK_SHARE = 0.55  # of the largest amount: from there on text is white
_NOTHING = 0.005  # of a currency
_UNITS = ((1e9, "bn"), (1e6, "m"), (1e3, "k"))


def stress_chart(rows: Sequence[dict[str, Any]], currency: str, rate_move: float | None = None) -> alt.TopLevelMixin:
    """Return the picture of a stress's totals: rows with `gain`, `unpriced`, and what moves.

    Of a grid it is a heat map where rates move by `rate_move`, or by the least that there is; the worst of all points
    is told above it. Of scenarios it is a bar for each, worst first.
    """
    assert rows, "a stress has at least one point"
    return _bars(rows, currency) if "scenario" in rows[0] else _heat_map(rows, currency, rate_move)


def money_text(amount: float) -> str:
    """Return an amount in few characters: -1.25m, 830k, 12."""
    if abs(amount) < _NOTHING:
        return "0"
    size, unit = next(((size, unit) for size, unit in _UNITS if abs(amount) >= size * 0.9995), (1.0, ""))
    return f"{amount / size:.3g}{unit}".replace("-", "−")


def move_text(move: float) -> str:
    """Return a relative move for people: +10 %, −2.5 %, 0."""
    return f"{move * 100:+.4g} %".replace("-", "−") if move else "0"


def _heat_map(rows: Sequence[dict[str, Any]], currency: str, rate_move: float | None) -> alt.TopLevelMixin:
    shown_rate = min({row["rate_move"] for row in rows}, key=lambda rate: (abs(rate - (rate_move or 0.0)), rate))
    shown = [row for row in rows if row["rate_move"] == shown_rate]
    most = max(abs(row["gain"]) for row in rows) or 1.0
    worst = _worst(rows)
    cells = [{"price": move_text(row["price_move"]), "volatility": move_text(row["volatility_move"]),
              "gain": row["gain"], "text": money_text(row["gain"]), "told": f"{row['gain']:,.2f} {currency}",
              "dark": abs(row["gain"]) > _DARK_SHARE * most, "worst": row is worst} for row in shown]  # fmt: skip
    x = alt.X("price:O", title="prices move by", sort=_order(shown, "price_move"), axis=_AXIS)
    y = alt.Y("volatility:O", title="volatilities move by", sort=_order(shown, "volatility_move")[::-1], axis=_AXIS)
    base = alt.Chart(alt.NamedData("cells")).encode(x, y)
    colour = alt.Color("gain:Q", legend=None, scale=alt.Scale(domain=[-most, 0, most], range=[LOSS, NOTHING, GAIN],
                                                                       interpolate="rgb"))  # fmt: skip
    tiles = base.mark_rect(stroke="white", strokeWidth=1.5).encode(colour, tooltip=[
        alt.Tooltip("told:N", title="gain"), alt.Tooltip("price:N"), alt.Tooltip("volatility:N")])  # fmt: skip
    texts = base.mark_text(fontSize=12).encode(alt.Text("text:N"), color=alt.when("datum.dark").then(
        alt.value("white")).otherwise(alt.value(INK)))  # fmt: skip
    frame = base.transform_filter("datum.worst").mark_rect(fill=None, stroke=INK, strokeWidth=2)
    chart: alt.TopLevelMixin = (tiles + texts + frame).properties(
        width=alt.Step(_CELL_WIDTH), height=alt.Step(_CELL_HEIGHT), datasets={"cells": cells}, config=config(),
        title=_title(rows, currency, f"rates {_rate_text(shown_rate)}"))  # fmt: skip
    return chart


def _bars(rows: Sequence[dict[str, Any]], currency: str) -> alt.TopLevelMixin:
    ordered = sorted(rows, key=lambda row: row["gain"])
    bars = [{"scenario": one_line(row["scenario"]), "gain": row["gain"], "told": f"{row['gain']:,.2f} {currency}",
             "text": money_text(row["gain"]) + _lacking(row["unpriced"])} for row in ordered]  # fmt: skip
    y = alt.Y("scenario:N", title=None, sort=[bar["scenario"] for bar in bars],
              axis=alt.Axis(labelLimit=260, labelFontSize=12, labelColor=INK, domain=False, ticks=False))  # fmt: skip
    most, least = max(0.0, *(bar["gain"] for bar in bars)), min(0.0, *(bar["gain"] for bar in bars))
    room = 0.16 * (most - least or 1.0)
    x = alt.X("gain:Q", title=f"gain ({currency})", scale=alt.Scale(domain=[least - room, most + room], nice=False),
              axis=alt.Axis(labelExpr="format(datum.value, '~s')", tickCount=6))  # fmt: skip
    base = alt.Chart(alt.NamedData("bars")).encode(x, y)
    sign = alt.when("datum.gain < 0").then(alt.value(LOSS)).otherwise(alt.value(GAIN))
    marks = base.mark_bar(height={"band": 0.7}).encode(color=sign, tooltip=[
        alt.Tooltip("scenario:N"), alt.Tooltip("told:N", title="gain")])  # fmt: skip
    text = base.encode(text="text:N")
    losses = text.transform_filter("datum.gain < 0").mark_text(align="right", dx=-5, fontSize=12, color=INK)
    gains = text.transform_filter("datum.gain >= 0").mark_text(align="left", dx=5, fontSize=12, color=INK)
    zero = alt.Chart(alt.NamedData("bars")).mark_rule(color=MUTED).encode(x=alt.datum(0))
    chart: alt.TopLevelMixin = (marks + zero + losses + gains).properties(
        width=_BARS_WIDTH, height=alt.Step(_BAR_HEIGHT), datasets={"bars": bars}, config=config(),
        title=_title(rows, currency, f"{len(rows)} scenarios"))  # fmt: skip
    return chart


_AXIS = alt.Axis(labelAngle=0, domain=False, ticks=False, labelFontSize=12, labelColor=INK)


def _worst(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return min(rows, key=lambda row: row["gain"])


def _order(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
    return [move_text(move) for move in sorted({row[name] for row in rows})]


def _title(rows: Sequence[dict[str, Any]], currency: str, shown: str) -> alt.TitleParams:
    worst = _worst(rows)
    where = worst.get("scenario") or (f"prices {move_text(worst['price_move'])}, volatilities "
                                      f"{move_text(worst['volatility_move'])}, rates {_rate_text(worst['rate_move'])}")
    unpriced = max(row["unpriced"] for row in rows)
    lacking = f"; {unpriced:,} without a price {'is' if unpriced == 1 else 'are'} in no figure" if unpriced else ""
    return alt.TitleParams(f"Stress · gain in {currency} · {shown}", subtitle=(
        f"worst of {len(rows)}: {money_text(worst['gain'])} at {one_line(where)}{lacking}"))  # fmt: skip


def _rate_text(move: float) -> str:
    return f"{move * 10_000:+.4g} bp".replace("-", "−") if move else "unmoved"


def _lacking(unpriced: int) -> str:
    return f" (lacks {unpriced:,})" if unpriced else ""
