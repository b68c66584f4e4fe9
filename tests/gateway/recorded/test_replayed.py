"""A replay as a client sees it: at the gateway's time, paused, moved, sped up, and told what IB said that day."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from capture import Lake
from capture.gateway import AT_ONCE, CommandError, Gateway
from capture.gateway.recorded import Recording
from capture.wire.text.framing import frame
from tests.gateway.conftest import Peer

from .conftest import AAPL, ESZ6, EURUSD, MSFT, OPTION, SECOND_US, START_US, ended, playing, replay, rows

pytestmark = pytest.mark.slow

SETTLE_S = 0.3
LATER_US = START_US + 60 * SECOND_US
Play = Callable[[Gateway, Peer], Awaitable[None]]


def contract(con_id: int) -> dict[str, Any]:
    return {"con_id": con_id}


def run(gateway: Gateway, play: Play, newest: int = 200) -> None:
    async def act() -> None:
        async with playing(gateway, newest) as peer:
            await play(gateway, peer)

    asyncio.run(act())


async def settled(peer: Peer) -> None:
    """Read until nothing more comes."""
    try:
        while True:
            async with asyncio.timeout(SETTLE_S):
                data = await peer.reader.read(65536)
            peer.events(data)
            if not data:
                return
    except TimeoutError:
        pass


def test_the_time_is_that_of_the_replay(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_current_time")
        assert (await peer.until("current_time"))["time"] == LATER_US // SECOND_US
        assert gateway.control("status")["state"] == "paused"
        gateway.control("speed", 20)
        gateway.control("resume")
        await asyncio.sleep(0.3)
        gateway.control("pause")
        peer.send("req_current_time_millis")
        told_us = (await peer.until("current_time_millis"))["time_ms"] * 1_000
        assert LATER_US + 4 * SECOND_US < told_us < LATER_US + 60 * SECOND_US
        assert gateway.control("status")["speed"] == "20"

    run(replay(recording, LATER_US), play)


def test_a_paused_replay_sends_the_state_and_nothing_more(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_market_data", request_id=1, **contract(AAPL))
        peer.send("req_market_depth", request_id=2, rows=10, smart=True, **contract(AAPL))
        peer.send("req_tick_by_tick", request_id=3, tick_kind="BidAsk", **contract(AAPL))
        book = recording.book(AAPL, LATER_US, 10, True).to_pylist()
        await peer.until("market_depth_l2", len(book))
        await settled(peer)
        assert [row["price"] for row in peer.all("market_depth_l2")] == [row["price"] for row in book]
        ticks = recording.ticks(AAPL, LATER_US, LATER_US + 1, frozenset(), True).to_pylist()
        assert [tick["tick_type"] for tick in peer.all("tick_price")] == [
            row["tick_type"] for row in ticks if row["can_auto_execute"] is not None]
        assert peer.all("tick_by_tick") == []
        await settled(peer)
        assert len(peer.all("market_depth_l2")) == len(book)

    run(replay(recording, LATER_US), play)


def test_seeking_goes_back_and_on_and_resets_books(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_market_depth", request_id=2, rows=10, smart=True, **contract(AAPL))
        peer.send("req_tick_by_tick", request_id=3, tick_kind="BidAsk", **contract(AAPL))
        await settled(peer)
        for at_us in (START_US + 20 * SECOND_US, START_US + 90 * SECOND_US):
            peer.answers.clear()
            gateway.control("seek", datetime.fromtimestamp(at_us // SECOND_US, UTC).isoformat())
            await settled(peer)
            names = [answer.name for answer in peer.answers]
            assert peer.all("error")[0]["code"] == 317 and names.index("error") == 0
            book = recording.book(AAPL, at_us, 10, True).to_pylist()
            assert [row["price"] for row in peer.all("market_depth_l2")] == [row["price"] for row in book]
        peer.answers.clear()
        gateway.control("speed", 5)
        gateway.control("resume")
        await peer.until("tick_by_tick", count=3)
        first = recording.quotes(AAPL, at_us, recording.end_us).to_pylist()[0]
        assert peer.all("tick_by_tick")[0]["bid_price"] == first["bid_price"]

    run(replay(recording, LATER_US), play)


def test_an_answer_that_is_worked_out_is_given_up_when_the_replay_moves(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def slow_bars(*asked: Any) -> Any:
        begun.set()
        time.sleep(0.5)
        return bars(*asked)

    async def play(gateway: Gateway, peer: Peer) -> None:
        asked = {"duration": "60 S", "bar_size": "30 secs", "what": "TRADES"}
        peer.send("req_historical_data", request_id=1, **asked, **contract(AAPL))
        await asyncio.to_thread(begun.wait)
        gateway.control("seek", "-30")
        assert "the replay moved" in (await peer.until("error", request_id=1, code=162))["message"]
        await settled(peer)
        assert peer.all("historical_data") == []

    bars = recording.bars
    monkeypatch.setattr(recording, "bars", slow_bars)
    run(replay(recording, LATER_US), play)


@pytest.mark.parametrize(("arguments", "text"), [
    (("seek", "noon"), "'noon' is no time; write 2026-11-20T14:30Z"), (("seek", "+99999"), "is outside"),
    (("seek", "2020-01-01"), "what is played goes from 2026-11-18T15:00:00Z to"),
    (("seek", "+1e300"), "is no time"), (("speed", 1e300), "less than or equal to 1000000"),
    (("speed", 0), "greater than 0"), (("speed", "fast"), "speed FACTOR")])  # fmt: skip
def test_what_cannot_be_done_is_said(recording: Recording, arguments: tuple[Any, ...], text: str) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        with pytest.raises(CommandError, match=text.replace("+", r"\+")):
            gateway.control(*arguments)

    run(replay(recording), play)


def test_at_full_speed_every_row_comes_in_the_order_of_the_recording(lake: Lake, recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        asked = {1: (AAPL, "AllLast"), 2: (AAPL, "BidAsk"), 3: (ESZ6, "BidAsk"), 4: (MSFT, "AllLast")}
        for request_id, (con_id, kind) in asked.items():
            peer.send("req_tick_by_tick", request_id=request_id, tick_kind=kind, **contract(con_id))
        await asyncio.sleep(0.2)
        gateway.control("resume")
        await ended(gateway)
        await settled(peer)
        wanted = lake.sql(f"""
            select seq, row, case when instrument_id = {AAPL} then 1 else 4 end as id, price from trades
            where stream = 'all_last' and instrument_id in ({AAPL}, {MSFT})
            union all select seq, row, case when instrument_id = {AAPL} then 2 else 3 end, bid_price from quotes
            where instrument_id in ({AAPL}, {ESZ6}) order by seq, row""").rows()
        ticks = peer.all("tick_by_tick")
        assert [(tick["request_id"], tick.get("price", tick.get("bid_price"))) for tick in ticks] == [
            (id_, price) for _, _, id_, price in wanted]

    run(replay(recording, START_US, AT_ONCE), play)


def test_at_full_speed_time_stands_without_streams_and_waits_for_every_client(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("resume")
        await asyncio.sleep(0.1)
        assert gateway.clock.now_us() == START_US
        other = await Peer.connect(gateway, client_id=2)
        for one, con_id in ((peer, AAPL), (other, ESZ6)):
            one.send("req_tick_by_tick", request_id=1, tick_kind="BidAsk", **contract(con_id))
        await asyncio.gather(peer.until("tick_by_tick"), other.until("tick_by_tick"), ended(gateway))
        await settled(peer)
        await settled(other)
        for one, con_id in ((peer, AAPL), (other, ESZ6)):
            assert len(one.all("tick_by_tick")) <= len(recording.quotes(con_id, START_US, recording.end_us))
        await other.close()

    run(replay(recording, START_US, AT_ONCE), play)


def test_what_was_not_recorded_is_refused_as_ib_would(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_contract_details", request_id=1, symbol="TSLA", sec_type="STK")
        peer.send("req_market_depth", request_id=2, rows=5, **contract(MSFT))
        peer.send("req_tick_by_tick", request_id=3, tick_kind="AllLast", **contract(EURUSD))
        bars = {"duration": "60 S", "bar_size": "1 min", "what": "BID"}
        peer.send("req_historical_data", request_id=4, **bars, **contract(EURUSD))
        peer.send("req_real_time_bars", request_id=5, bar_size_s=5, what="TRADES", **contract(OPTION))
        peer.send("req_head_timestamp", request_id=6, what="BID", **contract(EURUSD))
        codes = [await peer.code(request_id) for request_id in range(1, 7)]
        assert codes == [200, 10092, 354, 162, 420, 162]

    run(replay(recording, LATER_US), play)


def test_level_1_that_is_not_there_is_not_subscribed(lake: Lake) -> None:
    recording = Recording(lake)

    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.state.feed.offers = lambda con_id, stream: False  # type: ignore[method-assign]  # as of details alone
        peer.send("req_market_data", request_id=1, **contract(AAPL))
        assert await peer.code(1) == 354

    run(replay(recording, LATER_US), play)


def test_notices_of_the_day_come_at_their_time(broken_lake: Lake, broken: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_tick_by_tick", request_id=1, tick_kind="BidAsk", **contract(ESZ6))
        await asyncio.sleep(0.1)
        peer.answers.clear()
        gateway.control("resume")
        await ended(gateway)
        await settled(peer)
        codes = [error["code"] for error in peer.all("error") if error["code"] in (1100, 1102, 2103)]
        assert codes == [1100, 1102, 2103, 1100, 1102]
        (broken_at,) = rows(broken_lake, "select ts from notices where code = 2103")
        told = peer.all("error", code=2103)[0]
        assert told["time_ms"] == int(broken_at["ts"].timestamp() * 1_000) and told["request_id"] == -1

    run(replay(broken, START_US, AT_ONCE), play)


def test_an_ended_replay_stands_still_and_says_so_and_is_no_lost_line(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_tick_by_tick", request_id=1, tick_kind="BidAsk", **contract(AAPL))
        await peer.until("error", code=2199, request_id=-1)
        gateway.control("seek", "-5")
        gateway.control("resume")
        await peer.until("error", 2, code=2199)
        late = await Peer.connect(gateway, client_id=2)
        await late.until("error", code=2199)
        await late.close()
        assert len(peer.all("error", code=2199)) == 2 and not peer.all("error", code=1100)

    run(replay(recording, recording.end_us - SECOND_US, paused=False), play)


def test_a_session_that_starts_while_ib_is_away_is_told(broken: Recording) -> None:
    told = broken.notices(broken.begin_us, broken.end_us).to_pylist()
    down = next(row["ts"] for row in told if row["code"] == 1100)

    async def play(gateway: Gateway, peer: Peer) -> None:
        await peer.until("error", code=1100)

    run(replay(broken, int(down.timestamp() * 1e6) + SECOND_US), play)


def test_an_order_that_cannot_be_read_is_refused_and_the_account_is_empty(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.writer.write(frame(b"3\x0017\x00265598\x00AAPL\x00STK\x00"))
        assert await peer.code(17) == 320
        # A recorder's own connection sends none of these.
        for request, answer in ((b"5\x001\x00", "open_orders_end"), (b"61\x001\x00", "positions_end"),
                                (b"99\x000\x00", "completed_orders_end")):
            peer.writer.write(frame(request))
            await peer.until(answer)

    run(replay(recording, LATER_US), play)


def test_old_clients_are_served(recording: Recording) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_contract_details", request_id=1, **contract(AAPL))
        assert (await peer.until("contract_details"))["long_name"] == "APPLE INC"
        bars = {"duration": "60 S", "bar_size": "30 secs", "what": "TRADES"}
        peer.send("req_historical_data", request_id=2, **bars, **contract(AAPL))
        assert len((await peer.until("historical_data"))["bars"]) == 2

    run(replay(recording, LATER_US), play, newest=157)


def test_only_a_replay_can_be_moved() -> None:
    from capture.gateway.market import Market

    async def play(gateway: Gateway, peer: Peer) -> None:
        for command in (("pause",), ("resume",), ("seek", "14:30"), ("speed", 2)):
            with pytest.raises(CommandError, match="this gateway plays nothing that was recorded"):
                gateway.control(*command)
        assert "time" not in gateway.control("status")

    run(Gateway(Market()), play)
