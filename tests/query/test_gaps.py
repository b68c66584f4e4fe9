"""Gaps are asked for as they stand now."""

from typing import Any

import pytest

import capture
from capture.query import QueryError


@pytest.fixture
def lake(script: Any) -> Any:
    script.open().ask(1, "req_tick_by_tick", tick_kind="AllLast").ask(2, "req_tick_by_tick", tick_kind="BidAsk")
    script.trade(1, 1).close("reset by peer").open().ask(1, "req_tick_by_tick", tick_kind="AllLast").trade(1, 2)
    with capture.open_lake(script.data) as lake:
        yield lake


def stood(lake: Any, **narrowed: Any) -> list[tuple[str, str]]:
    return [(row["stream"], row["state"]) for row in lake.gaps(**narrowed).arrow().to_pylist()]


def test_each_gap_is_there_once_in_its_newest_state(lake: Any) -> None:
    assert sorted(stood(lake)) == [("all_last", "closed"), ("quotes", "open")]
    (row,) = lake.gaps(stream="all_last").arrow().to_pylist()
    assert row["reason"] == "reset by peer"
    assert 0 <= row["lasted_s"] < 60


def test_gaps_are_narrowed_down(lake: Any) -> None:
    assert stood(lake, open_only=True) == [("quotes", "open")]
    assert stood(lake, instruments=["MSFT"]) == []
    assert len(stood(lake, instruments=["AAPL"])) == len(stood(lake, instruments="AAPL")) == 2
    assert stood(lake, end="2020-01-01") == []
    assert len(stood(lake, start="2020-01-01")) == 2


def test_a_time_that_is_none_is_said(lake: Any) -> None:
    with pytest.raises(QueryError, match="yesterdayish"):
        lake.gaps(start="yesterdayish").rows()
