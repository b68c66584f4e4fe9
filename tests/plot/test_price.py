import json
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from capture import Lake
from capture.plot import Format, Panel, price_chart, read_panels, save
from capture.plot.price import beyond_axis, price_range, width_text

from .conftest import NOON, MakeLake, at, gap, instrument, quote, trade

pytestmark = pytest.mark.slow  # charts are checked against Vega-Lite's schema, and drawn


def specification(lake: Lake, symbols: list[str], *times: Any) -> dict[str, Any]:
    """Return what is drawn; its drawing raises for a specification that is none."""
    chart = price_chart(*read_panels(lake, symbols, *times))
    found: dict[str, Any] = chart.to_dict()
    vl_convert.vegalite_to_svg(json.dumps(found))
    return found


def legend(found: dict[str, Any]) -> list[str]:
    """Return the labels of the legend, without those of line and band."""
    layers = [layer for part in found["vconcat"] for layer in part["layer"] if "color" in layer.get("encoding", {})]
    labels: list[str] = layers[0]["encoding"]["color"]["scale"]["domain"]
    return [label for label in labels if "bid" not in label]


def segments(found: dict[str, Any]) -> list[int]:
    rows = next(rows for rows in found["datasets"].values() if rows and "segment" in rows[0])
    return [row["segment"] for row in rows]


def test_volume_stands_below_and_axes_have_units(make_lake: MakeLake) -> None:
    found = specification(make_lake(trades=[trade(at(s), 100.0 + s) for s in range(9)], instruments=[instrument()]),
                          ["AAPL"])  # fmt: skip
    assert len(found["vconcat"]) == 2
    text = json.dumps(found)
    assert "price (USD)" in text and '["volume", "(shares)"]' in text and "time (UTC)" in text
    assert found["title"]["text"] == "AAPL · Wed 18 Nov 2026"
    assert found["title"]["subtitle"] == "APPLE INC, 12:00:00 to 12:00:09 UTC, in bars of 1 s"


def test_each_instrument_has_a_panel_and_only_what_trades_has_volume(make_lake: MakeLake) -> None:
    lake = make_lake(trades=[trade(at(1), 100.0)], quotes=[quote(at(1), 1.0, 1.1, "EUR.USD")])
    found = specification(lake, ["EUR.USD", "AAPL", "AAPL"])
    assert [part.get("title", {}).get("text") for part in found["vconcat"]] == ["EUR.USD", "AAPL", None]


@pytest.mark.parametrize(("state", "label", "parts"), [
    ("closed", "missing quotes: the line broke", 2), ("backfilled", "restored from history", 1)])  # fmt: skip
def test_lines_break_where_something_is_missing(make_lake: MakeLake, state: str, label: str, parts: int) -> None:
    lake = make_lake(quotes=[quote(at(s), 100, 101) for s in (0, 1, 2, 30, 31)], gaps=[gap(at(3), at(30), state=state)])
    found = specification(lake, ["AAPL"])
    assert legend(found) == [label]
    assert len(set(segments(found))) == parts


def test_a_quiet_market_is_no_break(make_lake: MakeLake) -> None:
    assert set(segments(specification(make_lake(quotes=[quote(at(s), 1, 2) for s in (0, 500)]), ["AAPL"]))) == {0}


def test_restored_of_one_stream_and_missing_of_another_has_a_colour_and_a_word_of_its_own(make_lake: MakeLake) -> None:
    gaps = [gap(at(10), at(40)), gap(at(20), at(30), state="backfilled", stream="all_last")]
    found = specification(make_lake(quotes=[quote(at(s), 1, 2) for s in (0, 60)], gaps=gaps), ["AAPL"])
    both = "missing quotes, the rest restored: the line broke"
    assert legend(found) == ["missing quotes: the line broke", both]
    shades = [row for rows in found["datasets"].values() for row in rows if "what" in row]
    assert [row["what"] for row in shades if row["label"] == both] == ["quotes missing; all_last restored"]
    assert len({row["from"] for row in shades}) == len(shades)  # no shade lies on another
    scale = found["vconcat"][0]["layer"][0]["encoding"]["color"]["scale"]
    assert len(set(scale["range"])) == len(scale["domain"])


@pytest.mark.parametrize(("number", "label"), [
    (2, "missing quotes: reason 0; reason 1"), (6, "missing quotes: 6 reasons")])
def test_what_is_missing_has_one_colour(make_lake: MakeLake, number: int, label: str) -> None:
    gaps = [gap(at(10 * n), at(10 * n + 5), f"reason {n}") for n in range(number)]
    found = specification(make_lake(quotes=[quote(at(0), 1, 2), quote(at(99), 1, 2)], gaps=gaps), ["AAPL"])
    assert legend(found) == [label]
    told = [row["reason"] for rows in found["datasets"].values() for row in rows if "reason" in row]
    assert {f"reason {n}" for n in range(number)} <= set(told)


def test_gaps_alone_say_that_there_is_nothing_else(make_lake: MakeLake) -> None:
    found = specification(make_lake(gaps=[gap(at(0), at(60))]), ["AAPL"])
    assert legend(found) == ["missing quotes: the line broke"]
    assert "no trades or quotes" in json.dumps(found)


def test_quotes_with_one_side_are_drawn(make_lake: MakeLake) -> None:
    specification(make_lake(quotes=[quote(at(0), None, 2), quote(at(1), 1, None), quote(at(2), None, None)]), ["AAPL"])


def test_a_lake_of_many_days_is_drawn_with_few_bars(make_lake: MakeLake) -> None:
    rows = [trade(at(86_400 * day + 600 * n), 100 + day) for day in range(40) for n in range(30)]
    lake = make_lake(trades=rows)
    shown, [panel] = read_panels(lake, ["AAPL"], NOON)
    assert shown.width_s == 3_600 and panel.rows == 1_200 and len(panel.bars) == 200
    assert specification(lake, ["AAPL"], NOON)["title"]["text"] == "AAPL · 18 Nov to 27 Dec 2026"


def bar(line: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"line": line, "bid_low": low, "ask_high": high}


@pytest.mark.parametrize(("bars", "low", "high"), [
    ([bar(10, None, None), bar(11, None, None)], 9.95, 11.05),
    ([bar(10, 9.9, 10.1)] * 98 + [bar(10, 0.01, 99_999)], 9.89, 10.11),  # a quote far from the market
    ([bar(10, 9.9, 10.1)] * 98 + [bar(10, 9.5, 10.9)], 9.43, 10.97),  # a wide one, but not far
    ([bar(100, 100, 100)] * 98 + [bar(100, 99.99, 100.01)], 99.989, 100.011),
    ([bar(5, 5, 5)], 4.995, 5.005),
    ([bar(0, 0, 0)], -1, 1),
    ([bar(-37.6, -38, -37)], -38.05, -36.95),  # crude oil once
    ([bar(None, None, 2)], 1.998, 2.002),
    ([bar(None, None, None)], -0.05, 1.05),
])  # fmt: skip
def test_prices_far_from_the_others_do_not_squeeze_them(bars: list[dict[str, Any]], low: float, high: float) -> None:
    assert price_range(bars) == pytest.approx((low, high))


@pytest.mark.parametrize(("wild", "said"), [(0, ""), (1, "; 1 bar goes beyond the axis"),
                                           (2, "; 2 bars go beyond the axis")])  # fmt: skip
def test_what_is_cut_off_is_said(make_lake: MakeLake, wild: int, said: str) -> None:
    quotes = [quote(at(s / 2), 100, 101) for s in range(80)]
    for place in range(wild):
        quotes[2 * place] |= {"bid_price": 1.0}
    lake = make_lake(quotes=quotes)
    _, [panel] = read_panels(lake, ["AAPL"])
    assert beyond_axis(panel.bars) == wild
    assert specification(lake, ["AAPL"])["title"]["subtitle"] == f"12:00:00 to 12:00:40 UTC, in bars of 1 s{said}"


def test_a_whole_day_ends_at_24(make_lake: MakeLake) -> None:
    lake = make_lake(quotes=[quote(at(s), 100, 101) for s in (-43_200, 43_199)])
    assert "00:00:00 to 24:00:00 UTC" in specification(lake, ["AAPL"])["title"]["subtitle"]


def test_widths_are_said_in_their_unit() -> None:
    assert [width_text(width_s) for width_s in (1, 30, 60, 900, 3_600, 86_400)] == ["1 s", "30 s", "1 min", "15 min",
                                                                                  "1 h", "1 d"]  # fmt: skip


@pytest.mark.parametrize(("format", "begin"), [
    (Format.PNG, b"\x89PNG"), (Format.SVG, b"<svg"), (Format.HTML, b"<!DOCTYPE html>")])  # fmt: skip
def test_each_format_is_written_whole_and_needs_no_network(
    make_lake: MakeLake, tmp_path: Path, format: Format, begin: bytes
) -> None:
    lake = make_lake(quotes=[quote(at(s), 100, 101) for s in range(9)])
    path = tmp_path / "picture"
    save(price_chart(*read_panels(lake, ["AAPL"])), path, format)
    written = path.read_bytes()
    assert written.lstrip().startswith(begin)
    assert b"<script src=" not in written and b'href="http' not in written
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["picture"]


def test_a_panel_is_what_the_chart_is_made_of(make_lake: MakeLake) -> None:
    shown, panels = read_panels(make_lake(trades=[trade(at(0), 1.0)]), ["AAPL"])
    assert all(isinstance(panel, Panel) for panel in panels) and shown.span.total_seconds() == 1
