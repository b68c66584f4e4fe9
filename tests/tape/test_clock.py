"""Stamps never go back, become right again, and a step of the clock is told once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from capture.tape.steady_clock import TapeClock

SECOND_NS = 1_000_000_000


class Clocks:
    """A wall clock that can be set, and a monotonic one."""

    def __init__(self) -> None:
        self.wall_ns = 1000 * SECOND_NS
        self.mono_ns = 5 * SECOND_NS

    def advance(self, by_ns: int, step_ns: int = 0) -> None:
        self.wall_ns += by_ns + step_ns
        self.mono_ns += by_ns

    def clock(self, last_wall_ns: int = 0) -> TapeClock:
        return TapeClock(last_wall_ns, lambda: self.wall_ns, lambda: self.mono_ns)


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(-(10**11), 10**11)), max_size=30))
def test_stamps_never_go_back(moves: list[tuple[int, int]]) -> None:
    clocks = Clocks()
    clock = clocks.clock()
    stamps = [clock.stamp()[0]]
    for by_ns, step_ns in moves:
        clocks.advance(by_ns, step_ns)
        stamps.append(clock.stamp()[0])
        assert stamps[-1] >= clocks.wall_ns
    assert all(earlier <= later for earlier, later in pairwise(stamps))


def test_true_time_catches_up_at_half_speed() -> None:
    clocks = Clocks()
    clock = clocks.clock()
    before_ns, _ = clock.stamp()
    clocks.advance(0, -2 * SECOND_NS)
    assert clock.stamp()[0] == before_ns
    clocks.advance(SECOND_NS)
    assert clock.stamp() == (before_ns + SECOND_NS // 2, clocks.mono_ns)
    clocks.advance(3 * SECOND_NS)
    assert clock.stamp()[0] == clocks.wall_ns
    clocks.advance(SECOND_NS)
    assert clock.stamp()[0] == clocks.wall_ns


def test_each_step_back_is_told_once_with_its_size() -> None:
    clocks = Clocks()
    clock = clocks.clock()
    clock.stamp()
    clocks.advance(SECOND_NS, -3 * SECOND_NS)
    clock.stamp()
    assert (clock.take_step_s(), clock.take_step_s()) == (3.0, None)
    clocks.advance(SECOND_NS // 4)
    clock.stamp()
    assert clock.take_step_s() is None
    clocks.advance(0, -SECOND_NS)
    clock.stamp()
    assert clock.take_step_s() == 1.0


def test_small_corrections_are_not_told_however_many() -> None:
    clocks = Clocks()
    clock = clocks.clock()
    clock.stamp()
    for _ in range(20):
        clocks.advance(100_000, -900_000)
        clock.stamp()
    assert clock.take_step_s() is None


def test_stamps_go_on_from_the_tape_across_a_restart() -> None:
    clocks = Clocks()
    last_ns = clocks.wall_ns + 4 * SECOND_NS
    clock = clocks.clock(last_ns)
    clocks.advance(SECOND_NS)
    assert clock.stamp()[0] == last_ns + SECOND_NS // 2
    assert clock.take_step_s() == 4.0
