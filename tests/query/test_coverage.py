"""Coverage divides trading time into what was captured, quiet, restored, missing and unknown."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import capture
from capture.query.covered.coverage import coverage
from capture.query.covered.instrument_days import InstrumentDays
from capture.query.intervals import Spans, difference, intersection, totals, union
from capture.tape.notes import WANTED

NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC).timestamp()  # Monday noon in New York
SECOND = 1_000_000_000

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda ends: (min(ends), max(ends))), max_size=6)


def seconds(of: Any) -> set[int]:
    return {second for start, end in of for second in range(int(start), int(end))}


@given(some=spans, others=spans)
def test_sets_of_time_are_sets(some: Spans, others: Spans) -> None:
    a, b = union(some), union(others)
    assert seconds(a) == seconds(some)
    assert totals(a, [(0, 60)]) == [len(seconds(some))]
    assert seconds(intersection(a, b)) == seconds(some) & seconds(others)
    assert seconds(difference(a, b)) == seconds(some) - seconds(others)


@given(some=spans, parts=spans)
def test_time_within_parts_is_what_both_have(some: Spans, parts: Spans) -> None:
    of_both = [len(seconds(some) & seconds([part])) for part in parts]
    assert totals(union(some), parts) == [0.0 if start > end else found for found, (start, end) in
                                          zip(of_both, parts, strict=True)]


class Day:
    """A recorder's day in New York, of an instrument that trades from 9:30 to 16:00."""

    def __init__(self, make: Any, folder: Path, zone: str = "US/Eastern") -> None:
        self.now_s, self.late_s = NOON, 0.0
        self.tape = make(folder, now=lambda: int(self.now_s * SECOND))
        self.tape.open()
        self.tape.answer("contract_details", request_id=9, symbol="AAPL", con_id=265598, time_zone_id=zone,
                         trading_hours="20260105:0930-20260105:1600;20260106:0930-20260106:1600")
        self.tape.ask(1, "req_tick_by_tick", tick_kind="AllLast")

    def trade_until(self, minutes: float) -> None:
        end = self.now_s + 60 * minutes
        while self.now_s < end:
            self.tape.trade(1, 10, time=int(self.now_s - self.late_s))
            self.now_s += 20

    def coverage(self) -> list[dict[str, Any]]:
        with capture.open_lake(self.tape.data) as lake:
            days = InstrumentDays(lambda query, parameters, *_: lake.sql(query, parameters).arrow())
            return coverage(lambda *asked: lake.sql(*asked).arrow().to_pylist(), days, [], lake.heard(), self.now_s)


@pytest.fixture
def day(script: Any, tmp_path: Path) -> Any:
    made = Day(type(script), tmp_path / "day")
    yield made
    made.tape.writer.close()


def test_a_stream_that_always_had_rows_is_captured(day: Day) -> None:
    day.trade_until(minutes=30)
    (row,) = day.coverage()
    assert (row["symbol"], row["stream"], row["day"]) == ("AAPL", "all_last", "2026-01-05")
    assert row["expected_s"] == pytest.approx(1800)
    assert row["captured_s"] == pytest.approx(1780, abs=21)
    assert row["share"] > 0.98
    assert row["down_s"] == 0


def test_time_outside_trading_hours_is_not_expected(day: Day) -> None:
    day.now_s = NOON + 4 * 3600 - 600  # ten minutes before the close
    day.trade_until(minutes=30)
    (row,) = day.coverage()
    assert row["expected_s"] == pytest.approx(4 * 3600)


def test_hours_in_a_zone_by_another_name_count_too(script: Any, tmp_path: Path) -> None:
    day = Day(type(script), tmp_path / "named", zone="EST (Eastern Standard Time)")
    day.now_s = NOON + 4 * 3600 - 600
    day.trade_until(minutes=30)
    (row,) = day.coverage()
    assert (row["expected_s"], row["day"], row["zone"]) == (pytest.approx(4 * 3600), "2026-01-05", "America/New_York")
    day.tape.writer.close()


def test_what_was_missed_is_down_and_says_why(day: Day) -> None:
    day.trade_until(minutes=10)
    day.tape.close("reset by peer")
    day.now_s += 600
    day.tape.open().ask(1, "req_tick_by_tick", tick_kind="AllLast")
    day.trade_until(minutes=10)
    (row,) = day.coverage()
    assert row["down_s"] == pytest.approx(620, abs=1)
    assert row["reasons"] == ["reset by peer"]
    assert row["share"] == pytest.approx(1 - 640 / 1800, abs=0.02)


def test_minutes_without_rows_are_quiet(day: Day) -> None:
    day.trade_until(minutes=5)
    day.now_s += 600
    day.trade_until(minutes=5)
    (row,) = day.coverage()
    assert row["quiet_s"] == pytest.approx(600, abs=1)
    assert row["share"] == pytest.approx(1, abs=0.02)


def test_of_two_recorders_one_is_enough(day: Day) -> None:
    other = type(day.tape)(day.tape.data, "other", now=lambda: int(day.now_s * SECOND))
    other.open().ask(1, "req_tick_by_tick", tick_kind="AllLast")
    day.trade_until(minutes=5)
    other.trade(1, 10, time=int(day.now_s)).close("killed").writer.close()
    day.trade_until(minutes=25)
    (row,) = day.coverage()
    assert row["expected_s"] == pytest.approx(1800)
    assert (row["down_s"], row["unknown_s"]) == (0, pytest.approx(0, abs=21))
    day.tape.close("reset by peer")
    day.now_s += 600
    (row,) = day.coverage()
    assert row["down_s"] == pytest.approx(620, abs=1)
    assert row["reasons"] == ["killed", "reset by peer"]


def test_what_was_given_up_is_not_expected(day: Day) -> None:
    day.trade_until(minutes=10)
    day.tape.request("cancel_tick_by_tick", request_id=1)
    day.tape.close("enough")
    day.now_s += 3600
    (row,) = day.coverage()
    assert row["expected_s"] == pytest.approx(600)
    assert row["share"] == pytest.approx(1, abs=0.04)


def test_what_came_after_the_last_byte_is_unknown(day: Day) -> None:
    day.trade_until(minutes=5)
    day.now_s += 3600
    (row,) = day.coverage()
    assert row["unknown_s"] == pytest.approx(3620, abs=1)
    assert row["share"] < 0.1


def test_days_are_the_instruments_own(day: Day) -> None:
    day.trade_until(minutes=1)
    day.now_s += 24 * 3600
    assert [(row["day"], row["expected_s"]) for row in day.coverage()] == [
        ("2026-01-05", pytest.approx(4 * 3600)), ("2026-01-06", pytest.approx(2.5 * 3600 + 60))]


def test_lag_is_a_column_of_coverage(day: Day) -> None:
    day.trade_until(minutes=5)
    day.late_s = 40.0
    day.trade_until(minutes=2)
    (row,) = day.coverage()
    assert (row["lag_p50_s"], row["lag_max_s"]) == (0, 40)


def test_a_stream_without_event_times_has_no_lag(day: Day) -> None:
    day.tape.ask(2, "req_market_data")
    day.tape.answer("tick_size", request_id=2, tick_type=0, size=1)
    day.trade_until(minutes=1)
    row = next(row for row in day.coverage() if row["stream"] == "ticks")
    assert (row["lag_p50_s"], row["lag_max_s"]) == (None, None)


def test_a_stream_ends_at_the_next_start_that_does_not_want_it(day: Day) -> None:
    day.trade_until(minutes=10)
    day.tape.close("stopped")
    day.now_s += 300
    day.tape.open().writer.note({"note": WANTED, "streams": []})
    day.now_s += 3600
    (row,) = day.coverage()
    assert (row["expected_s"], row["down_s"]) == (pytest.approx(900), pytest.approx(320, abs=1))
    with capture.open_lake(day.tape.data) as lake:
        (gap,) = lake.gaps().arrow().to_pylist()
        assert (gap["state"], gap["lasted_s"]) == ("closed", pytest.approx(320, abs=1))
