from datetime import datetime, timedelta
from typing import Any

import pytest

from capture.plot import read_panels
from capture.plot.window import MOST_BARS, WIDTHS_S, fitting_width_s
from capture.query import QueryError

from .conftest import NOON, MakeLake, at, gap, instrument, quote, trade

DAY = timedelta(days=1)


def ten_minutes(symbol: str = "AAPL", start: datetime = NOON) -> dict[str, list[dict[str, Any]]]:
    return {"quotes": [quote(at(s, start), 100 + s / 100, 100.1 + s / 100, symbol) for s in range(0, 600, 2)],
            "trades": [trade(at(s + 1, start), 100.05 + s / 100, symbol) for s in range(0, 600, 10)]}  # fmt: skip


def test_bars_have_the_mid_the_band_and_the_volume(make_lake: MakeLake) -> None:
    lake = make_lake(**ten_minutes(), instruments=[instrument()])
    shown, [panel] = read_panels(lake, ["AAPL"])
    assert (shown.start, shown.end, shown.width_s) == (NOON, at(599), 1)
    assert (panel.name, panel.units.price, panel.units.size) == ("APPLE INC", "USD", "shares")
    assert panel.rows == 360 and len(panel.bars) == 360
    first, second = panel.bars[:2]
    assert first["line"] == pytest.approx(100.05) and first["volume"] is None
    assert (first["bid_low"], first["ask_high"]) == (100, 100.1)
    assert second["line"] == second["trade"] == 100.05  # no quote in that second
    assert second["volume"] == 100


@pytest.mark.parametrize(("kept", "rows"), [("quotes", 300), ("trades", 60)])
def test_quotes_or_trades_alone_are_enough(make_lake: MakeLake, kept: str, rows: int) -> None:
    lake = make_lake(**{kept: ten_minutes()[kept]})
    _, [panel] = read_panels(lake, ["AAPL"])
    assert panel.rows == rows == len(panel.bars)
    assert all(bar["line"] is not None for bar in panel.bars)
    assert panel.units.price == ""


def test_one_row_is_one_bar(make_lake: MakeLake) -> None:
    shown, [panel] = read_panels(make_lake(trades=[trade(at(0.5), 100.0)]), ["AAPL"])
    assert (shown.start, shown.end) == (NOON, at(1))
    assert [bar["line"] for bar in panel.bars] == [100.0]


def test_gaps_alone_are_shown_too(make_lake: MakeLake) -> None:
    shown, [panel] = read_panels(make_lake(gaps=[gap(at(0), at(60))]), ["AAPL"])
    assert (shown.start, shown.end) == (NOON, at(60))
    assert panel.bars == []
    assert [(one.to_s - one.from_s, one.reason, one.missing, one.restored) for one in panel.gaps] == [
        (60, "the line broke", ("quotes",), ())]  # fmt: skip


def test_gaps_say_which_streams_are_missing_and_which_were_restored(make_lake: MakeLake) -> None:
    gaps = [gap(at(100), at(160)), gap(at(100), at(170), stream="all_last"), gap(at(300), at(310), state="backfilled"),
            gap(at(400), at(420), stream="depth"), gap(at(599), None, "stopped")]  # fmt: skip
    _, [panel] = read_panels(make_lake(**ten_minutes(), gaps=gaps), ["AAPL"])
    found = [(one.from_s - NOON.timestamp(), one.to_s - NOON.timestamp(), one.missing, one.restored)
             for one in panel.gaps]  # fmt: skip
    assert found == [(100, 160, ("all_last", "quotes"), ()), (160, 170, ("all_last",), ()),
                     (300, 310, (), ("quotes",))]  # and not the end of the recording


def test_a_gap_restored_of_one_stream_and_missing_of_another_is_both(make_lake: MakeLake) -> None:
    gaps = [gap(at(100), at(160), "no quotes"), gap(at(110), at(150), "no trades", "backfilled", stream="all_last"),
            gap(at(160), at(170), "no quotes")]  # fmt: skip
    _, [panel] = read_panels(make_lake(**ten_minutes(), gaps=gaps), ["AAPL"])
    found = [(one.from_s - NOON.timestamp(), one.to_s - NOON.timestamp(), one.reason, one.missing, one.restored)
             for one in panel.gaps]  # fmt: skip
    assert found == [(100, 110, "no quotes", ("quotes",), ()), (110, 150, "no quotes", ("quotes",), ("all_last",)),
                     (150, 170, "no quotes", ("quotes",), ())]  # fmt: skip


def test_a_gap_counts_up_to_a_time_that_is_asked_for(make_lake: MakeLake) -> None:
    lake = make_lake(**ten_minutes(), gaps=[gap(at(590), None, "stopped")])
    shown, [panel] = read_panels(lake, ["AAPL"], NOON, at(1_000))
    assert shown.end == at(1_000)
    assert panel.gaps[-1].to_s == at(1_000).timestamp()


def test_without_a_time_the_last_day_is_shown(make_lake: MakeLake) -> None:
    rows = [trade(at(0) - DAY, 1.0), trade(at(0), 2.0), trade(at(5), 3.0)]
    lake = make_lake(trades=rows)
    assert read_panels(lake, ["AAPL"])[0].start == NOON
    shown, [panel] = read_panels(lake, ["AAPL"], NOON - 2 * DAY)
    assert shown.start.date() == (NOON - DAY).date() and len(panel.bars) == 2
    assert read_panels(lake, ["AAPL"], end=NOON)[1][0].bars[0]["line"] == 1.0


def test_closed_markets_are_known_and_no_gap(make_lake: MakeLake) -> None:
    hours = ";".join(f"202611{day}:1100-202611{day}:1300" for day in (18, 19, 20))
    lake = make_lake(trades=[trade(at(0), 1.0), trade(at(0) + DAY, 1.0)], instruments=[instrument(hours=hours)],
                     gaps=[gap(at(1_800), at(-1_800) + DAY)])  # fmt: skip
    _, [panel] = read_panels(lake, ["AAPL"], NOON)
    assert panel.closed == [(at(3_600).timestamp(), (at(-3_600) + DAY).timestamp())]
    assert [round(one.to_s - one.from_s) for one in panel.gaps] == [1_800, 1_800]


def test_currencies_have_no_volume(make_lake: MakeLake) -> None:
    details = instrument("EUR.USD", security_type="CASH", ib_symbol="EUR", long_name=None)
    lake = make_lake(quotes=ten_minutes("EUR.USD")["quotes"], instruments=[details])
    _, [panel] = read_panels(lake, ["EUR.USD"])
    assert (panel.units.price, panel.units.size, panel.name) == ("USD", "EUR", "")
    assert all(bar["volume"] is None for bar in panel.bars)


def test_prices_in_pence_say_so(make_lake: MakeLake) -> None:
    lake = make_lake(**ten_minutes(), instruments=[instrument(currency="GBP", price_magnifier=100)])
    assert read_panels(lake, ["AAPL"])[1][0].units.price == "GBP/100"


def test_what_was_not_recorded_is_told_with_what_was(make_lake: MakeLake) -> None:
    lake = make_lake(**ten_minutes())
    with pytest.raises(QueryError, match=r"^NVDA, X: no trades or quotes .* recorded instruments: AAPL$"):
        read_panels(lake, ["AAPL", "NVDA", "X"])
    with pytest.raises(QueryError, match=r"^AAPL: no trades, quotes or gaps then; `ticktape coverage`"):
        read_panels(lake, ["AAPL"], NOON + DAY)


def test_an_instrument_with_nothing_then_has_an_empty_panel(make_lake: MakeLake) -> None:
    lake = make_lake(trades=[trade(at(0), 1.0), trade(at(0) - DAY, 1.0, "EUR.USD")])
    _, [first, second] = read_panels(lake, ["EUR.USD", "AAPL"], NOON)
    assert (first.symbol, first.bars, first.gaps) == ("EUR.USD", [], [])
    assert (second.symbol, second.rows) == ("AAPL", 1)


def test_an_empty_lake_knows_no_instrument(make_lake: MakeLake) -> None:
    with pytest.raises(QueryError, match="recorded instruments: none"):
        read_panels(make_lake(), ["AAPL"])


@pytest.mark.parametrize(("span_s", "width_s"), [(0, 1), (1_000, 1), (1_001, 2), (86_400, 120), (200 * 86_400, 21_600),
                                                 (9e9, 86_400)])  # fmt: skip
def test_bars_are_as_narrow_as_a_picture_can_show(span_s: float, width_s: int) -> None:
    assert fitting_width_s(span_s) == width_s
    assert all(86_400 % width_s == 0 for width_s in WIDTHS_S)
    assert MOST_BARS == 1_000
