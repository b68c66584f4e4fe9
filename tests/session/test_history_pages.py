"""Pages cover a span whatever the market did, and end."""

from bisect import bisect_left
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.gateway.bars import SIZES_S
from capture.session.history_pages import MOST_TICKS, SPANS, BarPages, TickPages, requests_left
from capture.session.streams import BAR_DURATIONS

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


@given(st.lists(st.integers(0, 40), max_size=4 * MOST_TICKS))
def test_a_last_second_that_was_cut_is_asked_for_again(at: list[int]) -> None:
    ticks = sorted(ORIGIN + second for second in at)
    pages, got = TickPages("TRADES", ORIGIN, ORIGIN + 40), set()
    while not pages.done:
        answer = page(ticks, pages.values(), completes=False)
        got |= set(answer)
        pages.take(len(answer), ticks[answer[-1]] if answer else None)
    assert got == set(range(len(ticks)))


def test_an_empty_answer_leads_past_the_end_of_a_session() -> None:
    pages, starts = TickPages("MIDPOINT", ORIGIN, ORIGIN + 2 * 3_600), []
    while not pages.done:
        starts.append(pages.values()["start"][-8:])
        pages.take(0, None)
    assert starts == ["00:00:00", "01:00:00", "02:00:00"]


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
