"""A replay by event: what lagged is played when it happened, whatever date it came on; the rest when it came."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import capture
from capture import Lake
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.sealing import Sealer
from capture.lake.views import prepare
from capture.query import QueryError

MIDNIGHT = int(datetime(2026, 1, 6, tzinfo=UTC).timestamp())
BAR = {"open": 1, "high": 1, "low": 1, "close": 1, "volume": 1, "wap": 1, "trade_count": 1}
# When each row came, and when it happened, in seconds after 23:50; of bars the start. Price -> the same number.
TRADES = [(0.25, 0), (10.25, 10), (310.5, 20), (310.5, 20), (311.5, 300), (640.5, 599), (640.75, 640)]
BARS = [(6.25, 0), (320.0, 10), (640.0, 595)]
TICKS = [311.0]
BEGIN = MIDNIGHT - 600


@pytest.fixture(params=["tape", "files", "sealed"])
def lake(request: pytest.FixtureRequest, script: Any, tmp_path: Path) -> Iterator[Lake]:
    """Ten minutes before midnight and a little after, in which the line lagged up to 300 s."""
    now_s = float(BEGIN)
    tape = type(script)(tmp_path / "late", now=lambda: round(now_s * 1e6) * 1_000)
    tape.open().ask(1, "req_tick_by_tick", tick_kind="AllLast")
    tape.ask(2, "req_real_time_bars", what="TRADES", regular_hours=False).ask(3, "req_market_data")
    came = sorted([(at, 1, event) for at, event in TRADES] + [(at, 2, event) for at, event in BARS]
                  + [(at, 3, 0) for at in TICKS])  # fmt: skip
    for at, kind, event in came:
        now_s = BEGIN + at
        if kind == 1:
            tape.trade(1, at, time=BEGIN + event)
        elif kind == 2:
            tape.answer("real_time_bar", request_id=2, time=BEGIN + event, **BAR)
        else:
            tape.answer("tick_size", request_id=3, tick_type=0, size=1)
    tape.mark().writer.close()
    layout = Layout(tape.data)
    prepare(layout)
    if request.param != "tape":
        list(Roller(layout, "main").roll())
    if request.param == "sealed":
        list(Sealer(layout, settle_s=0, now_s=lambda: MIDNIGHT + 3 * 86_400.0).seal())
    with capture.open_lake(tape.data) as opened:
        yield opened


def played(lake: Lake, start: float | None = None, end: float | None = None, **more: Any) -> list[tuple[str, float]]:
    """Each event: its table, and when it is played, in seconds after 23:50."""
    first, last = (None if at is None else datetime.fromtimestamp(BEGIN + at, UTC) for at in (start, end))
    return [(event.table, round(event.ts.timestamp() - BEGIN, 6)) for event in
            lake.replay(start=first, end=last, state=False, **more)]  # fmt: skip


def test_by_arrival_rows_are_played_when_they_came(lake: Lake) -> None:
    assert [at for _, at in played(lake)] == sorted([at for at, _ in (*TRADES, *BARS)] + TICKS)


BY_EVENT = [("trades", 0.25), ("bars", 5.999999), ("trades", 10.25), ("bars", 15.999999), ("trades", 20.999999),
            ("trades", 20.999999), ("trades", 300.999999), ("ticks", 311.0), ("trades", 599.999999),
            ("bars", 600.999999), ("trades", 640.75)]  # fmt: skip


def test_by_event_what_lagged_is_played_when_it_happened(lake: Lake) -> None:
    assert played(lake, clock="event") == BY_EVENT


@pytest.mark.parametrize(("start", "end"), [(0, 20), (20, 21), (16, 320), (599, 600), (599.5, 700), (600.5, None)])
def test_a_range_is_of_events_too(lake: Lake, start: float, end: float | None) -> None:
    wanted = [one for one in BY_EVENT if start <= one[1] < (end or 1e9)]
    assert played(lake, start, end, clock="event") == wanted


def test_long_days_are_read_in_spans_of_events(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.replay.past.STRETCH_ROWS", 2)
    assert played(lake, clock="event") == BY_EVENT


def test_the_state_at_the_start_is_that_of_events_before_it(lake: Lake) -> None:
    start = datetime.fromtimestamp(BEGIN + 30, UTC)
    first = next(iter(lake.replay(start=start, tables=["trades"], clock="event")))
    assert (first.initial, first.ts_event.timestamp() - BEGIN) == (True, 20)


def test_another_clock_is_refused(lake: Lake) -> None:
    with pytest.raises(QueryError, match="'event' or 'arrival'"):
        lake.replay(clock="sundial")
