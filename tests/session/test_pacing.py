import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.session.request_pacing import RequestPacing, TokenBucket


@given(
    rate=st.floats(1, 200),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=40),
    start=st.floats(0, 1e6),
)
def test_no_second_carries_more_than_rate_and_burst(rate: float, pauses: list[float], start: float) -> None:
    bucket = TokenBucket(rate)
    sent: list[float] = []
    now = start
    for pause in pauses:
        now += pause
        while bucket.take(now):
            sent.append(now)
    for moment in sent:
        within = [other for other in sent if moment <= other < moment + 1]
        assert len(within) <= rate + bucket.burst + 1e-6


def test_forty_a_second_never_passes_what_ib_allows() -> None:
    bucket = TokenBucket(40)
    now = 100.0
    sent: list[float] = []
    while len(sent) < 200:
        if bucket.take(now):
            sent.append(now)
        else:
            now += bucket.wait_s(now)
    assert max(sum(moment <= other < moment + 1 for other in sent) for moment in sent) <= 50
    assert sent[-1] - sent[0] < 200 / 40


@given(rate=st.floats(0.1, 1000), now=st.floats(0, 1e6))
def test_the_wait_is_exactly_long_enough(rate: float, now: float) -> None:
    bucket = TokenBucket(rate)
    while bucket.take(now):
        pass
    wait = bucket.wait_s(now)
    assert not bucket.take(now + wait / 2)
    assert bucket.take(now + wait), "who waits as long as told has not to wait again"


def test_what_lasts_is_counted_over_sessions_and_restarts() -> None:
    pacing, wall_s = RequestPacing(), 1_767_623_400.4
    for _ in range(60):
        assert pacing.admit("req_real_time_bars", {}, 50.0) == 0
    assert pacing.admit("req_tick_by_tick", {"con_id": 1, "tick_kind": "Last"}, 50.0) == 0
    pacing.session_ended()
    assert pacing.admit("req_tick_by_tick", {"con_id": 1, "tick_kind": "Last"}, 51.0) == 0
    assert pacing.admit("req_real_time_bars", {}, 51.0) == 599
    state = json.loads(json.dumps(pacing.as_json(wall_s - 50)))
    assert [name for name, *_ in state] == ["req_real_time_bars"]
    other = RequestPacing()  # of a process whose clock stands at 7 s, 100 s later
    other.resume(state, wall_s + 93, 7.0)
    assert other.admit("req_real_time_bars", {}, 7.0) == pytest.approx(500, abs=1)
    assert other.admit("req_real_time_bars", {}, 508.0) == 0
    behind = RequestPacing()  # the wall clock was set back by an hour meanwhile
    behind.resume(state, wall_s - 3600, 7.0)
    assert behind.admit("req_real_time_bars", {}, 7.0) == 600
    RequestPacing({}).resume(state, 0.0, 0.0)
