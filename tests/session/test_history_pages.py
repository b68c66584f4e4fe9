"""Pages cover a span whatever the market did, and end."""

from bisect import bisect_left
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.session.history_pages import ANY_OPENING, MOST_TICKS, SPANS, BarPages, TickPages, requests_left
from capture.wanted.streams import BAR_DURATIONS
from capture.wire.messages.bar_sizes import BAR_SIZES_S as SIZES_S

ORIGIN = 1_767_571_200  # midnight UTC

bursts = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 2_600)), max_size=12)


def second(text: str) -> int:
    return int(datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC).timestamp())


def page(market: list[int], values: dict[str, Any], completes: bool) -> list[int]:
    """What IB answers: the seconds of the ticks from the start on."""
    begin = bisect_left(market, second(values["start"]))
    end = min(begin + values["number_of_ticks"], len(market))
    while completes and begin < end < len(market) and market[end] == market[end - 1]:
        end += 1
    return list(range(begin, end))


@given(bursts, st.integers(0, 40), st.integers(0, 40))
def test_every_tick_comes_once_at_least(market: list[tuple[int, int]], first: int, length: int) -> None:
    ticks = sorted(ORIGIN + at for at, count in market for _ in range(count))
    pages, got, requests = TickPages("TRADES", ORIGIN + first, ORIGIN + first + length), set(), 0
    while not pages.done:
        answer = page(ticks, pages.values(), completes=True)
        got |= set(answer)
        pages.take(len(answer), ticks[answer[-1]] if answer else None)
        requests += 1
    wanted = {i for i, at in enumerate(ticks) if ORIGIN + first <= at <= ORIGIN + first + length}
    assert wanted <= got
    assert requests <= len(ticks) // MOST_TICKS + len(market) + 3


@given(bursts, st.booleans())
def test_a_second_whose_rest_cannot_be_asked_for_is_named(market: list[tuple[int, int]], completes: bool) -> None:
    counts = Counter[int]()
    for at, count in market:
        counts[ORIGIN + at] += count
    ticks = sorted(counts.elements())
    pages, got, cut = TickPages("TRADES", ORIGIN, ORIGIN + 40), set[int](), set[int]()
    while not pages.done:
        answer = page(ticks, pages.values(), completes)
        got |= set(answer)
        count, last_s = len(answer), ticks[answer[-1]] if answer else None
        cut |= {second for second in [pages.cut_s(count, last_s)] if second is not None}
        pages.take(count, last_s)
    lacking = {ticks[number] for number in set(range(len(ticks))) - got}
    assert lacking <= cut
    assert cut <= {second for second, count in counts.items() if count >= MOST_TICKS}
    assert not completes or {counts[second] for second in cut} <= {MOST_TICKS}


@given(st.lists(st.integers(0, 40), max_size=4 * MOST_TICKS))
def test_a_last_second_that_was_cut_is_asked_for_again(at: list[int]) -> None:
    ticks = sorted(ORIGIN + second for second in at)
    pages, got = TickPages("TRADES", ORIGIN, ORIGIN + 40), set()
    while not pages.done:
        answer = page(ticks, pages.values(), completes=False)
        got |= set(answer)
        pages.take(len(answer), ticks[answer[-1]] if answer else None)
    assert got == set(range(len(ticks)))


@pytest.mark.parametrize(("openings", "expected"), [
    ({10, 30}, ["00:20:05", "00:30:00", "01:00:00", "01:10:00", "01:30:00", "02:00:00"]),
    ({0}, ["00:20:05", "01:00:00", "02:00:00"]), (set(), ["00:20:05", "01:00:00", "02:00:00"])])
def test_an_empty_answer_leads_to_where_the_next_session_may_begin(openings: set[int], expected: list[str]) -> None:
    pages, starts = TickPages("MIDPOINT", ORIGIN + 1_205, ORIGIN + 2 * 3_600), []
    while not pages.done:
        starts.append(pages.values()["start"][-8:])
        pages.take(0, None, frozenset(openings))
    assert starts == expected


@given(st.lists(st.integers(0, 48 * 12), unique=True, min_size=2, max_size=12), st.integers(0, 86_400), st.booleans())
def test_no_session_is_passed_over_though_answers_end_with_theirs(edges: list[int], first: int, known: bool) -> None:
    edges.sort()  # of sessions, back to back or apart, in spans of 5 minutes
    sessions = [(ORIGIN + a * 300, ORIGIN + b * 300) for a, b in pairwise(edges)][:: 1 + first % 2]
    ticks = {at for start, end in sessions for at in (start, start + 1, (start + end) // 2)}
    openings = frozenset(start // 60 % 60 for start, _ in sessions) if known else ANY_OPENING
    pages, got = TickPages("TRADES", ORIGIN + first, ORIGIN + 2 * 86_400), set()
    while not pages.done:
        begin = pages.next_s
        end = next((end for start, end in sessions if start <= begin < end), begin)
        answer = {at for at in ticks if begin <= at < end}
        got |= answer
        pages.take(len(answer), max(answer, default=None), openings)
        assert pages.next_s > begin
    assert got == {at for at in ticks if at >= ORIGIN + first}


@pytest.mark.parametrize("bar_size", SPANS)
def test_bars_lie_back_to_back(bar_size: str) -> None:
    step_s = SPANS[bar_size].step_s
    pages, ends = BarPages(bar_size, "TRADES", ORIGIN, ORIGIN + 3 * step_s - 1), []
    assert requests_left(pages) == 3
    while not pages.done:
        ends.append(second(pages.values()["end"]) - ORIGIN)
        pages.take(0, None)
    assert ends == [step_s, 2 * step_s, 3 * step_s]
    assert requests_left(pages) == 0


def test_all_widths_of_ib_are_known() -> None:
    assert {size: span.bar_s for size, span in SPANS.items()} == {
        size: seconds for size, seconds in SIZES_S.items() if size not in ("1 week", "1 month")}
    assert SPANS.keys() > BAR_DURATIONS.keys()


@pytest.mark.parametrize(
    ("pages", "weight"),
    [(TickPages("TRADES", 0, 1), 1), (TickPages("BID_ASK", 0, 1), 2), (BarPages("5 secs", "BID_ASK", 0, 1), 2),
     (BarPages("30 secs", "TRADES", 0, 1), 1), (BarPages("1 min", "BID_ASK", 0, 1), 0)],
)  # fmt: skip
def test_bid_and_ask_count_twice_and_wide_bars_not(pages: Any, weight: int) -> None:
    assert pages.weight == weight
