"""A recording whose line lagged: its bars are whole however late ticks came, and it can be played by event."""

from collections.abc import Iterator
from typing import Any

import pytest

from capture import Lake, open_lake
from capture.gateway.recorded import Recording
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare

from .conftest import AAPL, SECOND_US, START_US

START = START_US // SECOND_US
SIZE_S = 5
SECONDS, GONE_S = 180, 200
LAGGING = (40, 130)  # seconds of events in which the line is late, more and more, and then less again
MSFT = 272093
BAR = {"open": 1, "high": 1, "low": 1, "close": 1, "volume": 1, "wap": 1, "trade_count": 1}


def came(second: int) -> float:
    """When the trade of a second arrives: a little later, or, where the line lags, up to 45 s."""
    first, last = LAGGING
    late_s = min(second - first, last - second) if first < second < last else 0
    return second + 0.25 + max(late_s, 0)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """AAPL with a trade in each second, size of the second; MSFT with 5-second bars; both on a line that lags."""
    from tests.conftest import ScriptedTape

    now_s = float(START)
    data = tmp_path_factory.mktemp("lagging") / "data"
    tape = ScriptedTape(data, now=lambda: round(now_s * 1e6) * 1_000)
    tape.open()
    for con_id, symbol in ((AAPL, "AAPL"), (MSFT, "MSFT")):
        tape.answer("contract_details", request_id=9, symbol=symbol, local_symbol=symbol, con_id=con_id, sec_type="STK")
    tape.ask(1, "req_tick_by_tick", tick_kind="AllLast")
    tape.ask(2, "req_real_time_bars", con_id=MSFT, symbol="MSFT", what="TRADES", regular_hours=False)
    for second in range(SECONDS):
        now_s = max(now_s, START + came(second))
        tape.trade(1, 10.0, second + 1, time=START + second)
        if second % SIZE_S == SIZE_S - 1:
            tape.answer("real_time_bar", request_id=2, time=START + second + 1 - SIZE_S, **BAR)
    now_s = START + GONE_S + 20.0
    tape.trade(1, 10.0, 7, time=START + GONE_S)  # late, and the last there is
    tape.mark().writer.close()
    layout = Layout(data)
    prepare(layout)
    list(Roller(layout, "main").roll())
    with open_lake(data) as opened:
        yield opened


def us(second: float) -> int:
    return START_US + round(second * SECOND_US)


@pytest.mark.parametrize("step_s", [200, 7, 1.3])
def test_no_five_second_bar_of_a_lagging_hour_is_dropped(lake: Lake, step_s: float) -> None:
    recording, at_s, bars = Recording(lake), 0.0, list[Any]()
    while at_s < GONE_S + 100:
        bars += recording.closed_bars(AAPL, us(at_s), us(at_s + step_s), "TRADES", False).to_pylist()
        at_s += step_s
    last = bars.pop()
    assert (last["volume"], last["ts_event"].timestamp() - START) == (7, GONE_S)
    assert last["ts"].timestamp() - START == GONE_S + 20 + 60, "a line that fell quiet comes past nothing"
    starts = [int(bar["ts_event"].timestamp()) - START for bar in bars]
    assert starts == list(range(0, SECONDS, SIZE_S)), "each bar, once, in order"
    assert [bar["volume"] for bar in bars] == [sum(range(at + 1, at + 1 + SIZE_S)) for at in starts], "and whole"
    for bar, start in zip(bars, starts, strict=True):
        sent = bar["ts"].timestamp() - START
        assert sent >= start + SIZE_S + 0.5
        assert sent >= max(came(second) for second in range(start, start + SIZE_S)), "nothing is known before it came"
        assert sent < start + SIZE_S + 0.5 + 51


@pytest.mark.parametrize("by_event", [False, True])
def test_history_holds_what_came_late(lake: Lake, by_event: bool) -> None:
    recording = Recording(lake, by_event=by_event)
    rows = recording.past("trades", AAPL, us(60), us(90), us(1000))
    assert rows["size"].to_pylist() == list(range(61, 91))
    bars = recording.bars(AAPL, us(60), us(90), SIZE_S, "TRADES", False, us(1000))
    assert bars["volume"].to_pylist() == [sum(range(at + 1, at + 1 + SIZE_S)) for at in range(60, 90, SIZE_S)]


def test_by_arrival_rows_are_played_when_they_came_and_by_event_when_they_happened(lake: Lake) -> None:
    by_arrival, by_event = Recording(lake), Recording(lake, by_event=True)
    came_then = [second + 1 for second in range(SECONDS) if 60 <= max(map(came, range(second + 1))) < 90]
    assert by_arrival.trades(AAPL, us(60), us(90))["size"].to_pylist() == came_then
    played = by_event.trades(AAPL, us(60), us(90)).to_pylist()
    assert [row["size"] for row in played] == list(range(61, 91))
    assert all(0 < row["ts"].timestamp() - row["ts_event"].timestamp() < 1 for row in played)


def test_recorded_bars_are_sent_at_their_end_by_event(lake: Lake) -> None:
    bars = Recording(lake, by_event=True).closed_bars(MSFT, us(0), us(SECONDS + 10), "TRADES", False).to_pylist()
    ends = [int(bar["ts_event"].timestamp()) - START + SIZE_S for bar in bars]
    assert ends == list(range(SIZE_S, SECONDS + 1, SIZE_S))
    assert all(0 <= bar["ts"].timestamp() - START - end < 1 for bar, end in zip(bars, ends, strict=True))
