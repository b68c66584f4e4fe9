"""How late rows come is told by IB's own times, for each stream."""

from typing import Any

import pytest

from capture.recorder.arrivals import SAMPLES, Arrivals
from capture.session.lateness import SPAN_S, Lateness, Timed
from capture.wire.context import Context
from capture.wire.line import Line
from capture.wire.text.codec import answer_codec
from capture.wire.text.framing import frame

NOW = 1_767_700_000
CODEC = answer_codec(200)
BAR = {"open": 1, "high": 1, "low": 1, "close": 1, "volume": 1, "wap": 1, "trade_count": 1}


def tick(request_id: int, time: int, kind: int = 2) -> bytes:
    return frame(CODEC.encode("tick_by_tick", request_id=request_id, kind=kind, time=time, price=1, size=1))


def timed(*reads: tuple[float, bytes]) -> dict[int, list[Timed]]:
    line, arrivals = Line(context=Context(200)), Arrivals()
    for came_s, data in reads:
        arrivals.add(line.received(data), 200, int(came_s * 1e6))
    arrivals.take()
    return arrivals.take_timed()


@pytest.mark.parametrize("data", [
    *(tick(7, NOW, kind) for kind in (1, 2, 3, 4)),
    frame(CODEC.encode("real_time_bar", request_id=7, time=NOW, **BAR)),
    frame(CODEC.encode("historical_data_update", request_id=7, bar_date=str(NOW), **BAR))])  # fmt: skip
def test_each_message_with_a_time_tells_it(data: bytes) -> None:
    assert timed((NOW + 3.5, data)) == {7: [Timed(NOW, NOW + 3.5)]}


@pytest.mark.parametrize("data", [
    frame(CODEC.encode("tick_size", request_id=7, tick_type=0, size=1)), tick(7, 0), tick(7, 20260105),
    frame(CODEC.encode("historical_data_update", request_id=7, bar_date="20260105", **BAR))])  # fmt: skip
def test_others_tell_none(data: bytes) -> None:
    assert timed((NOW, data)) == {}


def test_of_masses_the_last_row_of_each_stream_is_among_the_samples() -> None:
    rows = tick(2, NOW - 9) + b"".join(tick(1, NOW + number // 1_000) for number in range(20_000))
    found = timed((NOW + 30, rows[: len(rows) // 2]), (NOW + 31, rows[len(rows) // 2 :]))
    assert found[2] == [Timed(NOW - 9, NOW + 30)]
    assert found[1][-1] == Timed(NOW + 19, NOW + 31)
    assert 100 < len(found[1]) <= SAMPLES + 1
    assert found[1] == sorted(found[1])


def test_the_median_and_the_most_are_of_the_last_minute_with_rows() -> None:
    lateness = Lateness()
    lateness.look([Timed(NOW - 200, NOW)], 0.0)
    for second in range(1, int(SPAN_S) + 2):
        lateness.look([Timed(NOW + second - lag, NOW + second) for lag in (1, 2, 30 if second == 5 else 3)], 0.0)
    lateness.look([], 0.0)
    assert (lateness.p50_s, lateness.max_s, lateness.newest_s) == (2, 30, NOW + SPAN_S - 2)


def test_a_bar_is_late_from_its_end_on_and_one_in_the_making_says_nothing() -> None:
    lateness = Lateness()
    lateness.look([Timed(NOW, NOW + 7)], 5.0)
    assert lateness.max_s == 2
    making = Lateness()
    making.look([Timed(NOW, NOW + 7)], None)
    assert (making.max_s, making.newest_s) == (None, NOW)


def test_a_stream_without_times_has_no_lag() -> None:
    made: Any = Lateness()
    assert (made.p50_s, made.max_s, made.newest_s) == (None, None, None)
