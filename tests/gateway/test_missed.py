"""What was sent and what was missed are together what the market produced, whatever was broken."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from capture.gateway import Gateway
from capture.gateway.market import Market

from .conftest import AAPL, START_US, Peer, Scene, Sent
from .test_faults import SPEED, flowing, read, trades

LAG_US = 10_000_000  # half a second at this speed: how far streams may be behind on a busy machine
Act = Callable[[Gateway, Peer], Awaitable[Peer]]


async def stall(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("stall", "trades", seconds=0.2)
    await read(peer)
    await flowing(peer)
    return peer


async def stall_dead(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("stall", "trades")
    return await anew(peer)


async def anew(peer: Peer) -> Peer:
    await read(peer)
    peer.send("cancel_tick_by_tick", request_id=7)
    await trades(peer)
    return peer


async def outage_lost(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("outage", "lost", 0.2)
    await peer.until("error", code=1101)
    await trades(peer)
    return peer


async def outage_kept(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("outage", "kept", 0.2)
    await peer.until("error", code=1102)
    return peer


async def farm_dead(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("farm", seconds=0.1, dead="trades")
    await peer.until("error", code=2104, count=3)
    return await anew(peer)


async def drop(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("drop", "mid-frame")
    await peer.closed()
    await asyncio.sleep(0.2)  # long enough to miss something
    return await back(gateway)


async def half_open(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("half-open")
    await read(peer)
    await peer.close()
    await asyncio.sleep(0.1)
    return await back(gateway)


async def restart(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("restart", 0.2)
    await peer.closed()
    await asyncio.sleep(0.3)
    return await back(gateway)


async def back(gateway: Gateway) -> Peer:
    peer = await Peer.connect(gateway)
    await trades(peer)
    return peer


async def stall_over_an_outage(gateway: Gateway, peer: Peer) -> Peer:
    gateway.control("stall", "trades", seconds=0.4)
    return await outage_lost(gateway, peer)


@pytest.mark.parametrize(("act", "reason"), [
    (stall, "stall"), (stall_dead, "stall"), (outage_lost, "outage"), (outage_kept, "outage"),
    (farm_dead, "farm usfarm"), (drop, "disconnected"), (half_open, "half-open"), (restart, "disconnected"),
    (stall_over_an_outage, "stall")])
def test_sent_and_missed_are_what_was_produced(scene: Scene, sent: Sent, act: Act, reason: str) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        since_us = gateway.state.clients[0].subscriptions["tick_by_tick", 7].since_us
        assert since_us is not None
        before_us = gateway.clock.now_us()
        first, peer = peer, await act(gateway, peer)
        after_us = gateway.clock.now_us()
        await flowing(peer)
        peer.send("cancel_tick_by_tick", request_id=7)
        await read(peer, 0.1)
        *missed, last = gateway.missed
        assert [one.reason for one in missed] == [reason] and (last.reason, last.to_us) == ("cancelled", None)
        assert before_us - LAG_US < missed[0].from_us <= before_us + LAG_US
        assert missed[0].from_us < (missed[0].to_us or 0) <= after_us
        kept = sent.rows(7, "trades")
        lost = [row for table, rows in missed[0].rows() for row in rows.to_pylist() if table == "trades"]
        produced = Market().trades(AAPL["con_id"], since_us, last.from_us).to_pylist()
        assert len(lost) > 0
        arrived = [tick for one in {first, peer} for tick in one.all("tick_by_tick")]
        assert len(arrived) == len(kept)
        assert sorted([*kept, *lost], key=lambda row: row["ts"]) == produced
        with pytest.raises(ValueError, match="say until when"):
            last.rows()
        assert last.rows(last.from_us + 10_000_000)
        assert gateway.state.ledger.settle() == missed and gateway.missed == [last]
        await peer.close()

    scene(play, speed=SPEED)


def test_what_begins_and_ends_beside_a_stream_leaves_it_whole(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        since_us = gateway.state.clients[0].subscriptions["tick_by_tick", 7].since_us or 0
        for request_id in range(8, 16):
            peer.send("req_market_data", request_id=request_id, generic_ticks="", snapshot=False, **AAPL)
            await peer.until("tick_request_parameters", request_id=request_id)
            peer.send("cancel_market_data", request_id=request_id)
            await flowing(peer)
        peer.send("cancel_tick_by_tick", request_id=7)
        await read(peer, 0.1)
        [until_us] = [one.from_us for one in gateway.missed if one.subscription.stream == "all_last"]
        assert sent.rows(7, "trades") == Market().trades(AAPL["con_id"], since_us, until_us).to_pylist()

    scene(play, speed=SPEED)


def test_a_book_requested_in_silence_begins_when_it_flows(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("outage", "kept", 0.2)
        peer.send("req_market_depth", request_id=7, rows=3, smart=True, **AAPL)
        await peer.until("market_depth_l2", count=10)
        assert [(row["operation"], row["position"]) for row in sent.rows(7, "depth")[:6]] == [
            ("insert", 0), ("insert", 1), ("insert", 2)] * 2
        described: list[dict[str, Any]] = gateway.control("missed")
        assert [(one["stream"], one["instrument"], one["reason"]) for one in described] == [
            ("smart_depth", "AAPL", "outage")]
        assert START_US <= described[0]["from_us"] < described[0]["to_us"]

    scene(play, speed=SPEED)


def test_history_has_what_was_missed(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        await stall(gateway, peer)
        [missed] = gateway.missed
        start = f"{datetime.fromtimestamp(missed.from_us // 1_000_000, UTC):%Y%m%d-%H:%M:%S}"
        peer.send("req_historical_ticks", request_id=8, start=start, end="", number_of_ticks=1000, what="TRADES",
                  regular_hours=False, ignore_size=False, **AAPL)
        history = (await peer.until("historical_trades", request_id=8))["ticks"]
        lost = [row for _, rows in missed.rows() for row in rows.to_pylist()]
        kept = Counter((tick["time"], tick["price"], tick["size"]) for tick in history)
        assert Counter((row["ts_event"].timestamp(), row["price"], row["size"]) for row in lost) <= kept

    scene(play, speed=SPEED)


def test_without_faults_nothing_is_missed(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        await read(peer)
        assert gateway.missed == []

    scene(play, speed=SPEED)
