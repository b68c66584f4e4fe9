"""No schedule breaks any of IB's rules for history, whatever is asked and whenever the process restarts."""

import json
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.gateway.limits import HistoryPacing as GatewayPacing
from capture.session.history_pacing import MOST_OPEN, Ask, HistoryPacing

NOW_S = 1_767_623_400.0

asks = st.lists(
    st.tuples(st.sampled_from([("a", "AAPL", 1), ("b", "AAPL", 1), ("c", "ES", 2), ("d", "ES", 2), ("w", "ES", 0)]),
              st.sampled_from([0.0, 0.1, 3.0, 100.0]), st.booleans()), max_size=150)  # fmt: skip


def earliest(pacing: HistoryPacing, ask: Ask, now_s: float) -> float:
    """The moment at which a request goes out, as seen by somebody who always asks again at the time told."""
    for _ in range(10):
        due_s = pacing.due_s(ask, now_s)
        assert due_s is not None
        if due_s <= now_s:
            return now_s
        now_s = due_s
    raise AssertionError("never due")


@settings(max_examples=50, deadline=None)
@given(asks)
def test_the_gateway_never_finds_its_pacing_violated(wanted: list[tuple[tuple[str, str, int], float, bool]]) -> None:
    pacing, gateway, now_s = HistoryPacing(), GatewayPacing(), NOW_S
    for (identity, source, weight), pause_s, restart in wanted:
        ask = Ask(identity, source, weight)
        now_s = earliest(pacing, ask, now_s + pause_s)
        pacing.sent(ask, now_s)
        pacing.ended()
        if weight:
            assert gateway.admit(identity, source, "BID_ASK" if weight == 2 else "TRADES", now_s)
        if restart:
            pacing = HistoryPacing.from_json(json.loads(json.dumps(pacing.as_json())))


def test_different_contracts_are_not_held_back_by_each_other() -> None:
    pacing = HistoryPacing()
    for number in range(30):
        ask = Ask(number, number)
        assert pacing.due_s(ask, NOW_S) == NOW_S
        pacing.sent(ask, NOW_S)
    assert pacing.budget(NOW_S)["requests"] == 30


def test_no_more_than_50_are_open() -> None:
    pacing = HistoryPacing()
    for number in range(MOST_OPEN):
        pacing.sent(Ask(number, number, 0), NOW_S)
    assert pacing.due_s(Ask("next", "next", 0), NOW_S) is None
    pacing.ended()
    assert pacing.due_s(Ask("next", "next", 0), NOW_S) == NOW_S
    pacing.session_ended()
    assert pacing.budget(NOW_S)["open"] == MOST_OPEN


def test_after_a_violation_nothing_goes_out_for_a_minute() -> None:
    pacing = HistoryPacing()
    pacing.violated(NOW_S)
    assert pacing.due_s(Ask(1, 1), NOW_S + 1) == NOW_S + 60
    assert pacing.budget(NOW_S + 15)["held_s"] == 45


@pytest.mark.parametrize("used", [0, 7, 60])
@pytest.mark.parametrize("wanted", [0, 1, 59, 60, 61, 130, 600])
def test_the_estimate_is_what_it_takes(used: int, wanted: int) -> None:
    pacing, now_s, names = HistoryPacing(), NOW_S, count()
    for _ in range(used):
        now_s += 1.5
        pacing.sent(Ask(next(names), "x"), now_s)
        pacing.ended()
    estimate_s, begun_s = pacing.estimate_s(wanted, now_s), now_s
    for _ in range(wanted):
        ask = Ask(next(names), str(next(names)))
        now_s = earliest(pacing, ask, now_s)
        pacing.sent(ask, now_s)
        pacing.ended()
    assert now_s - begun_s == pytest.approx(estimate_s)
