"""A question that names what there is not, or a span that ends before it begins, is not answered with silence."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import capture
from capture import Lake
from capture.query import AskedError, UnknownNameWarning
from capture.query.check_bars import bar_differences, check_bars

SPAN = ("2026-01-05", "2026-01-06")


@pytest.fixture
def lake(script: Any) -> Iterator[Lake]:
    script.open().ask(1, "req_tick_by_tick", tick_kind="AllLast").trade(1, 10)
    with capture.open_lake(script.data) as opened:
        yield opened


QUESTIONS: dict[str, Callable[[Lake, Any], Any]] = {
    "rows": lambda lake, who: lake.trades(who),
    "rows of a span": lambda lake, who: lake.trades(who, *SPAN),
    "rows of a year": lambda lake, who: lake.quotes(who, "2026-01-05", "2027-01-06"),
    "function": lambda lake, who: lake.vwap(who),
    "gaps": lambda lake, who: lake.gaps(who),
    "coverage": lambda lake, who: lake.coverage(who),
    "replay": lambda lake, who: lake.replay(who),
    "check bars": lambda lake, who: check_bars(lake, [who]),
    "bar differences": lambda lake, who: bar_differences(lake, [who]),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_an_unknown_symbol_is_warned_of_with_what_is_near(
    lake: Lake, recwarn: pytest.WarningsRecorder, question: Callable[[Lake, Any], Any]
) -> None:
    question(lake, "aapl")
    (warning,) = recwarn.list
    assert warning.category is UnknownNameWarning
    assert str(warning.message) == "nothing was recorded of 'aapl'; did you mean 'AAPL'?"
    assert warning.filename == __file__
    question(lake, "AAPL")
    assert len(recwarn.list) == 1


def test_of_several_instruments_the_unknown_ones_are_named(lake: Lake, recwarn: pytest.WarningsRecorder) -> None:
    lake.trades(["AAPL", "XQZ", 265598, 77])
    assert [str(each.message) for each in recwarn.list] == [
        "nothing was recorded of 'XQZ'; see the table instruments for what there is",
        "nothing was recorded of the contract id 77"]


SPANS: dict[str, Callable[[Lake, str, str], Any]] = {
    "rows": lambda lake, start, end: lake.trades("AAPL", start, end),
    "function": lambda lake, start, end: lake.vwap("AAPL", start, end),
    "gaps": lambda lake, start, end: lake.gaps(None, start, end),
    "coverage": lambda lake, start, end: lake.coverage(None, start, end),
    "replay": lambda lake, start, end: lake.replay("AAPL", start, end),
    "check bars": lambda lake, start, end: check_bars(lake, [], start, end),
    "books": lambda lake, start, end: lake.book_snapshots("AAPL", start, end),
}


@pytest.mark.parametrize("question", SPANS.values(), ids=SPANS)
def test_a_reversed_span_is_refused(lake: Lake, question: Callable[[Lake, str, str], Any]) -> None:
    with pytest.raises(AskedError, match="the end 2026-01-05 00:00:00 UTC is before the start 2026-01-06 00:00:00 UTC"):
        question(lake, *reversed(SPAN))


STREAMS: dict[str, Callable[[Lake, str], Any]] = {
    "rows": lambda lake, stream: lake.trades("AAPL", stream=stream),
    "gaps": lambda lake, stream: lake.gaps(stream=stream),
    "replay": lambda lake, stream: lake.replay("AAPL", stream=stream),
}


@pytest.mark.parametrize("question", STREAMS.values(), ids=STREAMS)
def test_an_unknown_stream_is_refused_with_what_is_near(lake: Lake, question: Callable[[Lake, str], Any]) -> None:
    with pytest.raises(AskedError, match=r"there is no stream.* 'all_lst'; did you mean 'all_last'"):
        question(lake, "all_lst")
    with pytest.raises(AskedError, match="`record` calls it trades, tables all_last"):
        question(lake, "trades")
    with pytest.raises(AskedError, match="there is no stream"):
        question(lake, "")


def test_a_table_has_streams_of_its_own(lake: Lake) -> None:
    with pytest.raises(AskedError, match="there is no stream of quotes 'all_last'; there are quotes, history"):
        lake.quotes("AAPL", stream="all_last")
    lake.trades("AAPL", stream="history")


def test_an_unknown_bar_size_is_refused(lake: Lake) -> None:
    with pytest.raises(AskedError, match="there is no bar size '1min'; did you mean"):
        check_bars(lake, width="1min")
