"""Pacing, by a clock that only sleeping moves."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.replay import Stretch
from capture.replay.pacing import Pacer
from capture.schemas import MIDPOINTS

SECOND_US = 1_000_000


def stretch(*times_s: float, initial: bool = False, live: bool = False) -> Stretch:
    times = pa.array([int(time_s * SECOND_US) for time_s in times_s], pa.int64()).cast(MIDPOINTS.column("ts").type)
    count = len(times_s)
    rows = {"ts": times, "seq": np.arange(count), "row": np.zeros(count, np.int32), "recorder": ["main"] * count}
    return Stretch.of({"midpoints": pa.table(rows)}, initial=initial, live=live)


class Clock:
    """Time that passes when it is slept, and as much more as `busy_s` says for each part that was played."""

    def __init__(self, busy_s: float = 0) -> None:
        self.now_s, self.busy_s = 1000.0, busy_s
        self.played: list[tuple[float, float]] = []

    def play(self, pacer: Pacer, *stretches: Stretch, most_rows: int = 100) -> list[float]:
        """Return when each row came, after the first."""
        came = []
        for step in pacer.steps(stretches, most_rows):
            if isinstance(step, Stretch):
                assert 0 < len(step) <= most_rows
                came += [self.now_s] * len(step)
                self.now_s += self.busy_s
            else:
                assert step > 0 or not all(map(len, stretches)), "nothing is slept but where nothing came"
                self.now_s += step
        return [round(moment - came[0], 6) for moment in came]


def pacer(clock: Clock, speed: float | None, longest_silence_s: float | None = None) -> Pacer:
    return Pacer(speed, longest_silence_s, lambda: clock.now_s)


def test_rows_come_as_far_apart_as_they_were_recorded() -> None:
    clock = Clock()
    assert clock.play(pacer(clock, 1), stretch(5, 5, 7.5, 8)) == [0, 0, 2.5, 3]


def test_ten_times_as_fast_over_stretches() -> None:
    clock = Clock()
    parts = [stretch(5, 6), stretch(16), stretch(), stretch(16, 17)]
    assert clock.play(pacer(clock, 10), *parts) == [0, 0.1, 1.1, 1.1, 1.2]


def test_stretches_out_of_order_are_a_fault_of_ours() -> None:
    clock = Clock()
    assert clock.play(pacer(clock, None), stretch(9, initial=True), stretch(5, 6)) == [0, 0, 0]
    with pytest.raises(AssertionError, match="a replay never goes back"):
        clock.play(pacer(clock, None), stretch(5, 6), stretch(5.5))


def test_long_silences_are_cut_between_and_within_stretches() -> None:
    clock = Clock()
    assert clock.play(pacer(clock, 2, 4), stretch(0, 100, 101), stretch(9000)) == [0, 2, 2.5, 4.5]


def test_a_long_wait_is_slept_in_parts_that_a_clock_can_sleep() -> None:
    clock = Clock()
    steps = pacer(clock, 1e-300).steps([stretch(0, 1)], 100)
    first = next(steps)
    assert not isinstance(first, float) and len(first) == 1
    assert [next(steps), next(steps)] == [3600.0, 3600.0]


def test_without_speed_nothing_waits() -> None:
    clock = Clock()
    assert clock.play(pacer(clock, None), stretch(0, 1, 2000), most_rows=2) == [0, 0, 0]


def test_the_state_comes_at_once_and_the_first_row_after_it() -> None:
    clock = Clock()
    assert clock.play(pacer(clock, 1), stretch(0, 50, initial=True), stretch(60, 61)) == [0, 0, 0, 1]


def test_a_slow_reader_catches_up_and_nothing_drifts() -> None:
    clock = Clock(busy_s=0.3)
    came = clock.play(pacer(clock, 1), stretch(*(i / 10 for i in range(20)), 60))
    assert came[-1] == 60
    assert all(moment >= i / 10 for i, moment in enumerate(came[:-1]))
    assert all(moment - i / 10 <= 0.3 + 1e-6 for i, moment in enumerate(came[:-1]))


@pytest.mark.parametrize("most_rows", [1, 3])
@given(silences=st.lists(st.floats(0, 100), min_size=1, max_size=30), speed=st.floats(0.1, 100))
def test_no_row_is_early_or_late(most_rows: int, silences: list[float], speed: float) -> None:
    clock = Clock()
    times_s = np.cumsum(silences).tolist()
    came = clock.play(pacer(clock, speed), stretch(*times_s), most_rows=most_rows)
    assert came == pytest.approx([(time_s - times_s[0]) / speed for time_s in times_s], abs=1e-4)


def test_what_came_meanwhile_is_as_far_apart_and_what_comes_late_is_due_at_once() -> None:
    clock = Clock()
    came = [stretch(7, live=True), stretch(live=True), stretch(1, 6, 8, live=True), stretch(10, live=True)]
    assert clock.play(pacer(clock, 1), stretch(5, 6), *came) == [0, 1, 2, 2, 2, 3, 5]


def test_whoever_catches_up_gets_what_comes_as_it_comes() -> None:
    clock = Clock(busy_s=3)
    came = [stretch(at_s, live=True) for at_s in (7, 8, 9)]
    assert clock.play(pacer(clock, 10), stretch(0, 6), *came) == [0, 3, 6, 9, 12]
