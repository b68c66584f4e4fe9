"""Bars, prices and rows against plain Python over the same rows, through the lake and through the views file."""

import math
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from capture.query import QueryError
from capture.query.intervals import Spans

from . import reference
from .conftest import NOON, MadeLake, same

pytestmark = pytest.mark.slow

RANGE = "null, '2026-11-18', '2026-11-20'"
WIDTHS = [timedelta(seconds=7), timedelta(minutes=1), timedelta(days=1)]


def lost(lake: MadeLake, table: str, *streams: str) -> dict[str, Spans]:
    return reference.missing(lake.rows["gaps"], lake.rows[table], streams, table)


@pytest.mark.parametrize("table", ["trades", "quotes", "midpoints"])
def test_each_event_counts_once(random_lake: MadeLake, table: str) -> None:
    answer = random_lake.sql(f"select * from {table}_once({RANGE}) order by symbol, ts, seq, row")
    expected = reference.once(random_lake.rows[table], table)
    assert [(row["recorder"], *reference.place(row)) for row in answer] == [
        (row["recorder"], *reference.place(row)) for row in expected]
    assert len({row["recorder"] for row in answer}) == 2 or table != "trades"


@pytest.mark.parametrize("width", WIDTHS, ids=str)
def test_time_bars(random_lake: MadeLake, width: timedelta) -> None:
    gone = lost(random_lake, "trades", "all_last", "last")
    groups = reference.grouped(reference.once(random_lake.rows["trades"]), width)
    expected = [{"symbol": symbol, "ts": ts, **reference.traded(rows),
                 "gap_s": reference.gap_s(gone, symbol, ts, ts + width)}
                for (symbol, ts), rows in sorted(groups.items())]  # fmt: skip
    query = f"time_bars(null, '{width.total_seconds()} seconds', '2026-11-18', '2026-11-20'"
    same(random_lake.sql(f"from {query})"), expected)
    whole = [row for row in expected if row["gap_s"] == 0]
    assert len(whole) < len(expected) and any(0 < row["gap_s"] < width.total_seconds() for row in expected)
    same(random_lake.sql(f"from {query}, whole := true)"), whole)


def test_bars_without_trades_take_the_close_before_but_not_within_a_gap(made: MadeLake) -> None:
    made.trade(0.5, 100)
    made.trade(0.7, 101)
    made.trade(5.5, 103)
    made.gap(2, 3.5)
    bars = made.sql("from time_bars('AAPL', '1 second', null, null, fill := true)")
    assert [(bar["open"], bar["close"], bar["volume"], bar["gap_s"]) for bar in bars] == [
        (100, 101, 2, 0), (101, 101, 0, 0), (None, None, 0, 1), (None, None, 0, 0.5), (101, 101, 0, 0),
        (103, 103, 1, 0)]


def test_unreported_trades_count_where_they_are_asked_for(made: MadeLake) -> None:
    made.trade(0, 100)
    made.trade(1, 90, unreported=True)
    made.trade(2, None)
    assert [bar["low"] for bar in made.sql("from time_bars('AAPL', '1 day', null, null)")] == [100]
    (bar,) = made.sql("from time_bars('AAPL', '1 day', null, null, with_unreported := true)")
    assert (bar["low"], bar["trades"]) == (90, 2)


@pytest.mark.parametrize("first", ["last", "all_last"])
def test_a_trade_that_came_by_both_streams_counts_once_whichever_was_first(made: MadeLake, first: str) -> None:
    second = "all_last" if first == "last" else "last"
    for i in range(4):
        at = NOON + timedelta(seconds=i)
        made.trade(i + 0.5, 100 + i, stream=first, ts_event=at)
        made.trade(i + 0.5001, 100 + i, stream=second, ts_event=at)
    made.trade(9, 109, stream="last", ts_event=NOON + timedelta(seconds=9))
    assert [row["price"] for row in made.sql("from trades_once('AAPL', null, null)")] == [100, 101, 102, 103, 109]


def test_a_recorder_of_both_streams_does_not_count_double(made: MadeLake) -> None:
    for i in range(10):
        made.trade(i, 100 + i, recorder="whole")
        for stream in ("last", "all_last") if i < 6 else ():
            made.trade(i, 100 + i, recorder="both", stream=stream)
    assert {row["recorder"] for row in made.sql("from trades_once('AAPL', null, null)")} == {"whole"}


@pytest.mark.parametrize("per_bar", [0, -1])
def test_an_amount_that_fills_no_bar_is_refused(made: MadeLake, per_bar: int) -> None:
    made.trade(0, 100)
    with pytest.raises(QueryError, match="per_bar must be above 0"):
        made.lake.volume_bars("AAPL", per_bar).rows()


def test_of_several_recorders_one_can_be_named(made: MadeLake) -> None:
    for i, recorder in enumerate(["main", "second", "second"]):
        made.trade(i, i, recorder=recorder)
    query = "select close, recorder from time_bars('AAPL', '1 day', null, null{})"
    assert made.sql(query.format("")) == [{"close": 2, "recorder": "second"}]
    assert made.sql(query.format(", recorded_by := 'main'")) == [{"close": 0, "recorder": "main"}]


def test_quote_and_midpoint_bars(random_lake: MadeLake) -> None:
    width = timedelta(seconds=30)
    expected = []
    gone = lost(random_lake, "quotes", "quotes")
    groups = reference.grouped(reference.once(random_lake.rows["quotes"], "quotes"), width)
    for (symbol, ts), rows in sorted(groups.items()):
        both = [row for row in rows if row["bid_price"] is not None]
        sides = {"bid": [row["bid_price"] for row in both], "ask": [row["ask_price"] for row in rows],
                 "mid": [(row["bid_price"] + row["ask_price"]) / 2 for row in both]}  # fmt: skip
        expected.append({f"{side}_{name}": value for side, prices in sides.items()
                         for name, value in reference.ohlc(prices).items()}
                        | {"symbol": symbol, "ts": ts, "spread": 1.0 if both else None, "quotes": len(rows),
                           "gap_s": reference.gap_s(gone, symbol, ts, ts + width)})  # fmt: skip
    same(random_lake.sql("from quote_bars(null, interval 30 second, '2026-11-18', '2026-11-20')"), expected)
    groups = reference.grouped(reference.once(random_lake.rows["midpoints"], "midpoints"), width)
    same(random_lake.sql("from midpoint_bars(null, '30 seconds', '2026-11-18', '2026-11-20')"),
         [{"symbol": symbol, "ts": ts, **reference.ohlc([row["price"] for row in rows]), "changes": len(rows)}
          for (symbol, ts), rows in sorted(groups.items())])  # fmt: skip


@pytest.mark.parametrize(("name", "per_bar"), [("tick", 20), ("volume", 30), ("dollar", 5000)])
def test_bars_of_trades_volume_and_turnover(random_lake: MadeLake, name: str, per_bar: int) -> None:
    measure: Callable[[dict[str, Any]], float] = {
        "tick": lambda row: 1, "volume": lambda row: row["size"],
        "dollar": lambda row: row["price"] * row["size"]}[name]  # fmt: skip
    gone = lost(random_lake, "trades", "all_last", "last")
    bars: dict[tuple[str, float], list[dict[str, Any]]] = defaultdict(list)
    before: dict[str, float] = defaultdict(float)
    for row in reference.once(random_lake.rows["trades"]):
        bars[row["symbol"], before[row["symbol"]] // per_bar].append(row)
        before[row["symbol"]] += measure(row)
    expected, ended = [], dict[str, Any]()
    for (symbol, _), rows in sorted(bars.items()):
        since = ended.get(symbol, rows[0]["ts"])
        ended[symbol] = rows[-1]["ts"]
        expected.append({"symbol": symbol, "ts": rows[0]["ts"], "end_ts": rows[-1]["ts"], **reference.traded(rows),
                         "gap_s": reference.gap_s(gone, symbol, since, rows[-1]["ts"])})  # fmt: skip
    same(random_lake.sql(f"from {name}_bars({RANGE.replace('null,', f'null, {per_bar},')})"), expected)


def test_vwap(random_lake: MadeLake) -> None:
    rows = reference.once(random_lake.rows["trades"])
    wanted = ("vwap", "volume", "trades")
    for width in WIDTHS[1:]:
        expected = [{"symbol": symbol, "ts": ts, **{name: reference.traded(some)[name] for name in wanted}}
                    for (symbol, ts), some in sorted(reference.grouped(rows, width).items())]
        same(random_lake.sql(f"from vwap({RANGE}, width := '{width.total_seconds()} seconds')"), expected)
    (whole,) = random_lake.sql("from vwap('AAPL', '2026-11-18', '2026-11-20')")
    expected_whole = reference.traded([row for row in rows if row["symbol"] == "AAPL"])
    assert whole["vwap"] == pytest.approx(expected_whole["vwap"])
    gone = lost(random_lake, "trades", "all_last", "last")
    assert whole["gap_s"] == pytest.approx(sum(end - start for start, end in gone["AAPL"]))


def test_twap(random_lake: MadeLake) -> None:
    rows = [row for row in reference.once(random_lake.rows["trades"]) if row["symbol"] == "AAPL"]
    rows = [row for row in rows if row["ts"].date() == NOON.date()]
    end = NOON + timedelta(minutes=20)
    (whole,) = random_lake.sql("from twap('AAPL', '2026-11-18', '2026-11-18T12:20')")
    assert (whole["twap"], whole["held_s"]) == pytest.approx(reference.twap(rows, rows[0]["ts"], end))
    width = timedelta(minutes=1)
    answer = random_lake.sql("from twap('AAPL', '2026-11-18', '2026-11-18T12:20', width := '1 minute')")
    starts = [rows[0]["ts"].replace(second=0, microsecond=0) + i * width for i in range(len(answer))]
    assert starts[-1] == rows[-1]["ts"].replace(second=0, microsecond=0)
    for row, start in zip(answer, starts, strict=True):
        assert (row["ts"], row["twap"], row["held_s"]) == (
            start, *map(pytest.approx, reference.twap(rows, start, start + width)))


def test_realized_volatility(random_lake: MadeLake) -> None:
    groups = reference.grouped(reference.once(random_lake.rows["trades"]), timedelta(seconds=20))
    sums: dict[Any, float] = defaultdict(float)
    counts: dict[Any, int] = defaultdict(int)
    before: dict[Any, float] = {}
    for (symbol, ts), rows in sorted(groups.items()):
        day = (symbol, ts.date())
        sums[day] += math.log(rows[-1]["price"] / before.get(day, rows[0]["price"])) ** 2
        counts[day] += 1
        before[day] = rows[-1]["price"]
    expected = [{"bars": counts[day], "variance": sums[day], "volatility": math.sqrt(sums[day]),
                 "annual_volatility": math.sqrt(sums[day] / counts[day] * 500)} for day in sorted(sums)]  # fmt: skip
    query = "from realized_volatility(null, '20 seconds', '2026-11-18', '2026-11-20', bars_per_year := 500)"
    same(random_lake.sql(query), expected)


def test_a_price_of_zero_has_no_log_return(made: MadeLake) -> None:
    for i, price in enumerate([5, 0, -1, 5, 10]):
        made.trade(i, price)
    (row,) = made.sql("from realized_volatility('AAPL', '1 second', null, null)")
    assert row["variance"] == pytest.approx(math.log(2) ** 2)


def test_a_range_without_rows_is_empty(random_lake: MadeLake) -> None:
    for call in ("time_bars('AAPL', '1 minute', '2027-01-01', '2027-01-02', fill := true)",
                 "tick_bars('NONE', 5, null, null)", "vwap('NONE', null, null)", "twap(['NONE'], null, null)",
                 "realized_volatility([], '1 minute', null, null)", "trades_with_quotes('NONE', null, null)",
                 "session_bars('NONE', null, null)", "quote_bars('NONE', '1 hour', null, null)"):  # fmt: skip
        assert random_lake.sql(f"from {call}") == []
