from hypothesis import given
from hypothesis import strategies as st

from capture.session.pacing import TokenBucket


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
    assert bucket.take(now + wait + 1e-6)
