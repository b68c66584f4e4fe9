"""Tapes written by hand: which stream stands for which, whose tape is played, and bars by an instrument's own hours."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from capture import Lake, open_lake
from capture.gateway.recorded import Recording
from capture.gateway.recorded.store import Store
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from tests.conftest import ScriptedTape

AAPL = 265598
SECOND_US = 1_000_000
BEGIN_S = int(datetime(2026, 11, 18, 14, 0, tzinfo=UTC).timestamp())  # 09:00 in New York
BEGIN_US = BEGIN_S * SECOND_US
NEVER = frozenset[int]()
HOURS = {
    "time_zone_id": "US/Eastern",
    "trading_hours": "20261118:0400-20261118:2000;20261119:0400-20261119:2000",
    "liquid_hours": "20261118:0930-20261118:1600;20261119:0930-20261119:1600",
}


class Tape(ScriptedTape):
    """A tape whose time is told."""

    def __init__(self, data: Path, recorder: str = "main") -> None:
        self.now_s = float(BEGIN_S)
        super().__init__(data, recorder, lambda: round(self.now_s * 1e9))
        self.open()

    def at(self, seconds: float) -> "Tape":
        """Let it be so many seconds after the beginning."""
        self.now_s = BEGIN_S + seconds
        return self

    def details(self, **more: Any) -> "Tape":
        fields = {"symbol": "AAPL", "local_symbol": "AAPL", "sec_type": "STK", "exchange": "SMART", "currency": "USD"}
        self.answer("contract_details", request_id=1, con_id=AAPL, min_tick=0.01, **{**fields, **HOURS, **more})
        return self

    def buy(self, price: float) -> "Tape":
        """Receive a trade of request 2 at its own time."""
        self.trade(2, price, time=int(self.now_s))
        return self

    def roll(self) -> None:
        self.mark().writer.close()
        prepare(Layout(self.data))
        list(Roller(Layout(self.data), self.recorder).roll())


Opened = Callable[..., Recording]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens the lake of a test as a recording."""
    lakes: list[Lake] = []

    def open_(**options: Any) -> Recording:
        lakes.append(open_lake(tmp_path))
        return Recording(lakes[-1], **options)

    yield open_
    for lake in lakes:
        lake.close()


def prices(recording: Recording) -> list[float]:
    found: list[float] = recording.trades(AAPL, recording.begin_us, recording.end_us)["price"].to_pylist()
    return found


def test_a_stream_that_was_refused_is_not_there_unless_it_had_brought_something(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details()
    tape.ask(2, "req_tick_by_tick", tick_kind="AllLast")
    tape.at(1).buy(100.0)
    tape.at(2).answer("error", request_id=2, code=10189, message="Failed to request tick-by-tick data.")
    tape.ask(3, "req_market_data")
    tape.answer("error", request_id=3, code=354, message="Requested market data is not subscribed.")
    tape.ask(4, "req_market_depth", rows=5, smart=True)
    tape.answer("error", request_id=4, code=10092, message="Deep market data is not supported")
    tape.roll()
    recording = opened()
    assert recording.offers(AAPL, "all_last") and recording.offers(AAPL, "bars")
    assert not recording.offers(AAPL, "smart_depth") and not recording.offers(AAPL, "quotes")
    assert recording.offers(AAPL, "ticks")  # which can be made of trades


def test_of_two_recorders_the_first_by_name_is_played_or_the_one_named(tmp_path: Path, opened: Opened) -> None:
    for name, price in (("b", 200.0), ("a", 100.0)):
        tape = Tape(tmp_path, name).details()
        tape.ask(2, "req_tick_by_tick", tick_kind="AllLast")
        tape.at(1).buy(price).roll()
    assert prices(opened()) == [100.0]
    assert prices(opened(recorder="b")) == [200.0]


def test_the_same_request_id_in_another_session_begins_the_book_anew(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details()
    row = {"request_id": 2, "position": 0, "operation": 0, "side": 1, "size": 100, "smart": True, "market_maker": "X"}
    for second, price in ((1, 10.0), (5, 20.0)):
        tape.at(second).ask(2, "req_market_depth", rows=5, smart=True)
        tape.answer("market_depth_l2", **row, price=price)
        tape.at(second + 1).answer("market_depth_l2", **row, price=price + 1)
        tape.at(second + 2).close()
        if second == 1:
            tape.open()
    tape.roll()
    recording = opened()
    found = recording.depth(AAPL, BEGIN_US, recording.end_us, 5, True).to_pylist()
    assert [row["price"] if row["operation"] == "insert" else row["operation"] for row in found] == [
        10.0, 11.0, "reset", 20.0, 21.0]
    for moment_s, wanted in ((1.5, [10.0]), (4.0, [11.0, 10.0]), (5.5, [20.0]), (9.0, [21.0, 20.0])):
        book = recording.book(AAPL, BEGIN_US + int(moment_s * SECOND_US), 5, True)
        assert book["price"].to_pylist() == wanted


def test_delayed_level_1_is_played_as_delayed(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details()
    tape.ask(2, "req_market_data").answer("market_data_type", request_id=2, data_type=3)
    tape.at(1).answer("tick_price", request_id=2, tick_type=66, price=10.0, size=100, mask=0)
    tape.roll()
    recording = opened()
    assert recording.data_type(AAPL) == 3
    ticks = recording.ticks(AAPL, BEGIN_US, recording.end_us, NEVER, True).to_pylist()
    assert [(tick["tick_type"], tick["price"]) for tick in ticks] == [(66, 10.0)]


def test_a_price_tick_without_a_price_is_played_as_ib_sends_it(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details()
    tape.ask(2, "req_market_data")
    for tick_type in (9, 1):
        tape.at(1).answer("tick_price", request_id=2, tick_type=tick_type, price=-1, size=0, mask=0)
    tape.roll()
    ticks = opened().ticks(AAPL, BEGIN_US, BEGIN_US + 2 * SECOND_US, NEVER, True).to_pylist()
    assert [(tick["tick_type"], tick["price"], tick["size"]) for tick in ticks] == [(9, -1.0, None), (1, -1.0, 0.0)]


def test_a_week_of_history_is_known_when_it_is_over(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details()
    tape.ask(2, "req_historical_data", what="TRADES", bar_size="1 week", duration="2 W")
    bars = [{"bar_date": date, "open": 1.0, "high": 2.0, "low": 0.5, "close": close, "volume": 10, "wap": 1.0,
             "trade_count": 3} for date, close in (("20261102", 1.5), ("20261109", 1.6))]  # fmt: skip
    tape.answer("historical_data", request_id=2, bars=bars)
    tape.roll()
    recording = opened()
    for days, closes in ((-10, []), (-8, [1.5]), (-1, [1.5, 1.6])):
        known_us = BEGIN_US + days * 86_400 * SECOND_US
        found = recording.bars(AAPL, recording.head_us, known_us, 7 * 86_400, "TRADES", False, known_us)
        assert found["close"].to_pylist() == closes
    first_us = int(datetime(2026, 11, 2, tzinfo=UTC).timestamp()) * SECOND_US
    assert recording.first_us(AAPL, "TRADES", recording.begin_us) == first_us
    assert recording.first_us(AAPL, "SCHEDULE", recording.begin_us) is None


def test_history_alone_is_played_at_its_own_time(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details()
    tape.at(3_600).ask(2, "req_historical_ticks", what="TRADES", number_of_ticks=100)
    ticks = [{"time": BEGIN_S + second, "mask": 0, "price": price, "size": 1, "exchange": "X", "conditions": ""}
             for second, price in ((60, 10.0), (61, 11.0))]  # fmt: skip
    tape.answer("historical_trades", request_id=2, ticks=ticks, done=True)
    tape.roll()
    recording = opened()
    assert recording.offers(AAPL, "all_last")
    rows = recording.trades(AAPL, BEGIN_US + 60 * SECOND_US, BEGIN_US + 61 * SECOND_US)
    assert rows["price"].to_pylist() == [10.0]


def test_bars_of_days_and_regular_hours_follow_the_instruments_hours(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details()
    tape.ask(2, "req_tick_by_tick", tick_kind="AllLast")
    for minutes, price in ((0, 10.0), (31, 11.0), (419, 12.0), (421, 13.0), (600, 14.0)):  # from 09:00 on
        tape.at(60 * minutes).buy(price)
    tape.at(26 * 3_600).buy(20.0)  # the next day at 11:00
    tape.roll()
    recording = opened()
    end_us = recording.end_us
    ask = (AAPL, recording.head_us, end_us, 86_400, "TRADES")
    for regular_hours, first in ((True, (11.0, 12.0)), (False, (10.0, 14.0))):
        bars = recording.bars(*ask, regular_hours, end_us).to_pylist()
        assert [(bar["ts_event"].day, bar["open"], bar["close"]) for bar in bars] == [(18, *first), (19, 20.0, 20.0)]
    hourly = recording.bars(AAPL, recording.head_us, end_us, 3_600, "TRADES", True, end_us)["open"].to_pylist()
    assert hourly == [11.0, 12.0, 20.0]


def test_an_evening_session_belongs_to_the_day_on_which_it_ends(tmp_path: Path, opened: Opened) -> None:
    hours = {"trading_hours": "20261117:1800-20261118:1700;20261118:1800-20261119:1700"}
    tape = Tape(tmp_path).details(**hours)
    tape.ask(2, "req_tick_by_tick", tick_kind="AllLast")
    for hours_later, price in ((1, 10.0), (7.9, 11.0), (9.1, 20.0), (25, 21.0)):  # 10:00, 16:54, 18:06 and 10:00
        tape.at(3_600 * hours_later).buy(price)
    tape.roll()
    recording = opened()
    ask = (AAPL, recording.head_us, recording.end_us)
    bars = recording.bars(*ask, 86_400, "TRADES", False, recording.end_us).to_pylist()
    assert [(bar["ts_event"].day, bar["open"], bar["close"]) for bar in bars] == [(18, 10.0, 11.0), (19, 20.0, 21.0)]
    week = recording.bars(*ask, 7 * 86_400, "TRADES", False, recording.end_us)
    assert week["trade_count"].to_pylist() == [4]


def test_bars_are_made_of_5_second_bars_where_nothing_finer_was_recorded(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details()
    tape.ask(2, "req_real_time_bars", bar_size_s=5, what="TRADES")
    for number in range(24):
        price = 100.0 + number
        bar = {"open": price, "high": price + 0.5, "low": price - 0.5, "close": price + 0.1, "wap": price}
        tape.at(5 * number + 5.1).answer("real_time_bar", request_id=2, time=BEGIN_S + 5 * number, **bar, volume=10,
                                         trade_count=3)  # fmt: skip
    tape.roll()
    recording = opened()
    bars = recording.bars(AAPL, BEGIN_US, recording.end_us, 60, "TRADES", False, recording.end_us).to_pylist()
    names = ("open", "high", "low", "close", "volume", "wap", "trade_count")
    assert [tuple(bar[name] for name in names) for bar in bars] == [
        (100.0, 111.5, 99.5, 111.1, 120.0, 105.5, 36), (112.0, 123.5, 111.5, 123.1, 120.0, 117.5, 36)]


@pytest.mark.parametrize(("contract", "count"), [
    ({"multiplier": "1.0"}, 1), ({"multiplier": "100"}, 0), ({"multiplier": "x"}, 0),
    ({"last_trade_date": " "}, 1), ({"last_trade_date": "20261218 09:00:00"}, 0)])  # fmt: skip
def test_a_search_takes_any_text(tmp_path: Path, opened: Opened, contract: dict[str, str], count: int) -> None:
    tape = Tape(tmp_path).details()
    tape.ask(2, "req_tick_by_tick", tick_kind="AllLast").trade(2, 10.0)
    tape.roll()
    assert len(opened().find(BEGIN_US, con_id=AAPL, **contract)) == count


def test_an_expiry_in_another_zone_is_sent_as_received_and_found_by_the_exchanges_date(
    tmp_path: Path, opened: Opened
) -> None:
    sent = "20261219 05:00:00 Asia/Shanghai"
    tape = Tape(tmp_path).details(sec_type="OPT", right="C", strike=250.0, last_trade_date=sent)
    tape.ask(2, "req_tick_by_tick", tick_kind="AllLast").trade(2, 10.0)
    tape.roll()
    find = partial(opened().find, BEGIN_US, symbol="AAPL", sec_type="OPT")
    for date in ("", "20261218", "202612", "20261218 16:00:00 US/Eastern"):
        (found,) = find(last_trade_date=date)
        assert (found["last_trade_date"], found["last_trade_date_only"]) == (sent, "20261218")
    assert find(last_trade_date="20261219") == []


def test_bars_of_days_of_an_exchange_whose_zone_has_another_name(tmp_path: Path, opened: Opened) -> None:
    tape = Tape(tmp_path).details(time_zone_id="EST (Eastern Standard Time)")
    tape.ask(2, "req_tick_by_tick", tick_kind="AllLast")
    tape.at(5.0).buy(10.0).at(5_000.0).buy(11.0)
    tape.roll()
    recording = opened()
    bars = recording.bars(AAPL, BEGIN_US - 86_400_000_000, recording.end_us, 86_400, "TRADES", False, recording.end_us)
    assert [(bar["ts_event"].date().isoformat(), bar["trade_count"]) for bar in bars.to_pylist()] == [("2026-11-18", 2)]


def test_a_long_silence_is_passed_over_without_searching_for_what_came_before(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = Tape(tmp_path).details()
    tape.ask(2, "req_tick_by_tick", tick_kind="BidAsk")
    for second in (0, 1, 40_000, 40_001):
        quote = {"bid_price": 10.0 + second, "ask_price": 11.0 + second, "bid_size": 1.0, "ask_size": 1.0}
        tape.at(second).answer("tick_by_tick", request_id=2, kind=3, time=BEGIN_S + second, mask=0, **quote)
    tape.roll()
    recording = opened()
    queries: list[str] = []
    query = Store.query

    def counted(store: Store, sql: str, *more: Any) -> Any:
        queries.append(sql)
        return query(store, sql, *more)

    monkeypatch.setattr(Store, "query", counted)
    edges = [BEGIN_US + minute * 60 * SECOND_US for minute in range(700)]
    parts = list(pairwise(edges))
    ticks = [row for part in parts for row in recording.ticks(AAPL, *part, NEVER, False).to_pylist()]
    bars = [row for part in parts for row in recording.closed_bars(AAPL, *part, "BID", False).to_pylist()]
    updates = [row for part in parts for row in recording.bar_updates(AAPL, *part, 60, "BID", False).to_pylist()]
    assert [row["price"] for row in ticks if row["tick_type"] == 1] == [10.0, 11.0, 40_010.0, 40_011.0]
    assert [row["close"] for row in bars] == [11.0, 40_011.0]
    assert [row["close"] for row in updates] == [11.0] * 12 + [40_011.0] * 4
    assert len(queries) < 40
    back_us = BEGIN_US + 10 * SECOND_US  # it may also go back
    found = recording.ticks(AAPL, back_us, back_us + SECOND_US, NEVER, True).to_pylist()
    assert [row["price"] for row in found if row["tick_type"] == 1] == [11.0]
