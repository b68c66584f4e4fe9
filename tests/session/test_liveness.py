from random import Random

import pytest

from capture.session.liveness import CALM_S, FIRST_S, SHORTEST_S, Flow
from capture.wanted.hours import Phase
from capture.wanted.streams import KINDS, SNAPSHOT, Kind

BY_WORD = {kind.word: kind for kind in KINDS}
QUOTES, TRADES, BARS = BY_WORD["quotes"], BY_WORD["trades"], BY_WORD["bars"]


def flowed(rate: float, seconds: int = 300, phase: Phase = Phase.LIQUID, seed: int = 1) -> tuple[Flow, float]:
    """A flow of rows at random, looked at each second, and the time at its end."""
    flow, random, now_s, due_s = Flow(), Random(seed), 0.0, 0.0
    flow.requested(now_s)
    for _ in range(seconds):
        now_s += 1
        count = 0
        while due_s < now_s:
            due_s += random.expovariate(rate)
            count += 1
        flow.look(count, phase, now_s)
    return flow, now_s


def test_a_busy_stream_may_be_silent_for_seconds_only() -> None:
    flow, _ = flowed(50)
    assert flow.allowed_s(QUOTES) == SHORTEST_S
    assert flow.rows_per_second == pytest.approx(50, rel=0.3)


@pytest.mark.parametrize("rate", [1.0, 0.2, 0.1])
def test_a_slower_one_for_as_many_of_its_spacings(rate: float) -> None:
    flow, _ = flowed(rate, 1200)
    allowed_s = flow.allowed_s(TRADES)
    assert allowed_s is not None
    assert 5 / rate < allowed_s < 40 / rate


@pytest.mark.parametrize("rate", [0.01, 0.001])
def test_an_idle_one_is_not_expected_to_do_anything(rate: float) -> None:
    flow, _ = flowed(rate, 3000)
    assert flow.allowed_s(TRADES) is None


@pytest.mark.parametrize("rate", [100.0, 5.0, 1.0, 0.3, 0.05])
def test_rows_that_come_at_random_raise_no_alarm(rate: float) -> None:
    for seed in range(5):
        random, flow, due_s = Random(seed), Flow(), 0.0
        flow.requested(0.0)
        for second in range(1, 3000):
            count = 0
            while due_s < second:
                due_s += random.expovariate(rate)
                count += 1
            flow.look(count, Phase.LIQUID, second)
            allowed_s = flow.allowed_s(TRADES)
            assert allowed_s is None or flow.silent_s(second) <= allowed_s


def test_silence_does_not_argue_its_own_expectation_away() -> None:
    flow, now_s = flowed(1, 600)
    before = flow.allowed_s(TRADES)
    for second in range(60):
        flow.look(0, Phase.LIQUID, now_s + second)
    assert flow.allowed_s(TRADES) == before
    assert flow.silent_s(now_s + 60) >= 60
    assert flow.rows_per_second < 0.01


def test_what_a_request_begins_with_tells_nothing_of_its_rate() -> None:
    flow = Flow()
    flow.requested(0.0)
    flow.look(40, Phase.LIQUID, 1.0)
    for number in range(1, 10):
        flow.look(1, Phase.LIQUID, 1.0 + 6 * number)
    allowed_s = flow.allowed_s(QUOTES)
    assert allowed_s is not None
    assert allowed_s > 60


def test_closed_hours_and_snapshots_expect_nothing() -> None:
    flow, now_s = flowed(50)
    assert flow.allowed_s(SNAPSHOT) is None
    flow.look(0, Phase.CLOSED, now_s + 1)
    assert flow.allowed_s(QUOTES) is None


def test_a_change_of_hours_is_learnt_anew() -> None:
    flow, now_s = flowed(50)
    flow.look(10, Phase.OPEN, now_s + 1)
    assert flow.allowed_s(QUOTES) is None
    for second in range(60):
        flow.look(2, Phase.OPEN, now_s + 2 + second)
    assert flow.allowed_s(QUOTES) == pytest.approx(8.0)


@pytest.mark.parametrize(("kind", "phase", "allowed_s"), [
    (QUOTES, Phase.LIQUID, FIRST_S), (BARS, Phase.LIQUID, FIRST_S), (TRADES, Phase.LIQUID, None),
    (QUOTES, Phase.OPEN, None), (QUOTES, Phase.CLOSED, None)])
def test_the_first_row(kind: Kind, phase: Phase, allowed_s: float | None) -> None:
    flow = Flow()
    flow.requested(0.0)
    flow.look(0, phase, 1.0)
    assert flow.allowed_s(kind) == allowed_s


def test_alarms_make_patient_until_it_was_calm_for_long() -> None:
    flow, now_s = flowed(50)
    for factor in (2, 4, 8, 16, 16):
        flow.alarmed(now_s)
        assert flow.allowed_s(QUOTES) == SHORTEST_S * factor
    for _ in range(int(4 * CALM_S) + 4):
        now_s += 1
        flow.look(50, Phase.LIQUID, now_s)
    assert flow.allowed_s(QUOTES) == SHORTEST_S
