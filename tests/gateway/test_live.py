"""Live streams over TCP: what arrives is what the gateway says it sent; refusals carry IB's codes."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from capture.gateway import Gateway, Limits

from .conftest import AAPL, Peer, Scene, Sent

MESSAGE_SETTLE_S = 0.3


async def settled(peer: Peer) -> None:
    """Read what is still under way."""
    try:
        async with asyncio.timeout(MESSAGE_SETTLE_S):
            while True:
                peer.events(await peer.reader.read(65536))
    except TimeoutError:
        pass


@pytest.mark.parametrize(("kind", "number"), [("Last", 1), ("AllLast", 2), ("BidAsk", 3), ("MidPoint", 4)])
def test_tick_by_tick_arrives_as_sent(scene: Scene, sent: Sent, kind: str, number: int) -> None:
    table = {1: "trades", 2: "trades", 3: "quotes", 4: "midpoints"}[number]

    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_tick_by_tick", request_id=7, tick_kind=kind, **AAPL)
        await peer.until("tick_by_tick", count=30)
        peer.send("cancel_tick_by_tick", request_id=7)
        await settled(peer)
        ticks = peer.all("tick_by_tick")
        rows = sent.rows(7, table)
        assert len(ticks) == len(rows)
        for tick, row in zip(ticks, rows, strict=True):
            assert tick["kind"] == number and tick["request_id"] == 7
            assert tick["time"] == row["ts_event"].timestamp()
            assert {name: tick[name] for name in row.keys() & tick.keys()} == {
                name: row[name] for name in row.keys() & tick.keys()}
        if kind == "Last":
            assert not any(row["unreported"] for row in rows)

    scene(play, speed=20.0)


def test_a_stream_starts_with_historical_ticks_where_asked(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_tick_by_tick", request_id=7, tick_kind="BidAsk", number_of_ticks=50, **AAPL)
        past = await peer.until("historical_quotes")
        await peer.until("tick_by_tick")
        assert past["done"] and len(past["ticks"]) >= 50
        assert peer.answers.index(next(a for a in peer.answers if a.name == "historical_quotes")) < peer.answers.index(
            next(a for a in peer.answers if a.name == "tick_by_tick"))

    scene(play, speed=10.0)


def test_ignoring_sizes_leaves_only_changes_of_price(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_tick_by_tick", request_id=7, tick_kind="BidAsk", ignore_size=True, **AAPL)
        await peer.until("tick_by_tick", count=50)
        prices = [(tick["bid_price"], tick["ask_price"]) for tick in peer.all("tick_by_tick")]
        assert all(one != other for one, other in pairwise(prices))

    scene(play, speed=20.0)


@pytest.mark.parametrize("smart", [True, False])
def test_depth_starts_with_the_book_and_its_operations_keep_it(scene: Scene, sent: Sent, smart: bool) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        name = "market_depth_l2" if smart else "market_depth"
        peer.send("req_market_depth", request_id=7, rows=5, smart=smart, **AAPL)
        await peer.until(name, count=200)
        operations = peer.all(name)
        assert [operation["position"] for operation in operations[:10]] == [0, 1, 2, 3, 4] * 2
        assert all(operation["operation"] == 0 for operation in operations[:10])
        books: dict[int, list[float]] = {0: [], 1: []}
        for operation in operations:
            apply(books[operation["side"]], operation)
        assert len(books[0]) in (4, 5) and len(books[1]) in (4, 5)
        rows = sent.rows(7, "depth")[: len(operations)]
        assert [operation["price"] for operation in operations] == [row["price"] for row in rows]
        if smart:
            assert [operation["market_maker"] for operation in operations] == [row["market_maker"] for row in rows]

    scene(play, speed=10.0)


def apply(book: list[float], operation: dict[str, Any]) -> None:
    place = operation["position"]
    match operation["operation"]:
        case 0:
            book.insert(place, operation["price"])
        case 1:
            book[place] = operation["price"]
        case 2:
            del book[place]


def test_level_1_announces_itself_and_arrives_as_sent(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_market_data", request_id=7, generic_ticks="233,236", **AAPL)
        await peer.until("tick_price", count=40)
        peer.send("cancel_market_data", request_id=7)
        await settled(peer)
        names = [answer.name for answer in peer.answers if answer.values.get("request_id") == 7]
        assert names[:2] == ["tick_request_parameters", "market_data_type"]
        ticks = [a for a in peer.answers if a.name in ("tick_price", "tick_size", "tick_generic", "tick_string")]
        rows = sent.rows(7, "ticks")
        assert [tick.values["tick_type"] for tick in ticks] == [row["tick_type"] for row in rows]
        assert {48, 46, 89} <= {row["tick_type"] for row in rows}
        prices = [(t.values["price"], t.values["size"]) for t in ticks if t.name == "tick_price"]
        assert prices == [(row["price"], row["size"] or 0) for row in rows if row["can_auto_execute"] is not None]

    scene(play, speed=20.0)


def test_options_have_computations(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_market_data", request_id=7, con_id=700046509, exchange="SMART")
        option = await peer.until("tick_option", tick_type=13)
        row = next(row for row in sent.rows(7, "greeks") if row["tick_type"] == 13)
        assert {name: option[name] for name in ("delta", "gamma", "implied_volatility", "underlying_price")} == {
            name: row[name] for name in ("delta", "gamma", "implied_volatility", "underlying_price")}

    scene(play)


def test_a_snapshot_ends_and_takes_no_generic_ticks(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_market_data", request_id=7, snapshot=True, **AAPL)
        await peer.until("snapshot_end", request_id=7)
        assert {1, 2, 4} <= {tick["tick_type"] for tick in peer.all("tick_price")}
        peer.send("req_market_data", request_id=8, snapshot=True, generic_ticks="233", **AAPL)
        assert await peer.code(8) == 414

    scene(play)


def test_delayed_data_has_its_own_tick_types(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_market_data_type", data_type=3)
        peer.send("req_market_data", request_id=7, **AAPL)
        assert await peer.code(7) == 10167
        assert (await peer.until("market_data_type"))["data_type"] == 3
        await peer.until("tick_price", count=10)
        assert {tick["tick_type"] for tick in peer.all("tick_price")} <= {66, 67, 68, 72, 73, 75, 76}
        assert sent.rows(7, "ticks")[0]["tick_name"].startswith("DELAYED_")

    scene(play, unsubscribed=frozenset({265598}), speed=5.0)


def test_real_time_bars_come_every_five_seconds(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_real_time_bars", request_id=7, bar_size_s=5, what="TRADES", **AAPL)
        await peer.until("real_time_bar", count=4)
        bars, rows = peer.all("real_time_bar"), sent.rows(7, "bars")
        assert [bar["time"] % 5 for bar in bars] == [0] * len(bars)
        for bar, row in zip(bars, rows, strict=False):
            assert bar["time"] == row["ts_event"].timestamp()
            for name in ("open", "high", "low", "close", "volume", "wap", "trade_count"):
                assert bar[name] == row[name]

    scene(play, speed=20.0)


def test_streams_are_merged_by_time(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        for request_id, kind in ((1, "AllLast"), (2, "BidAsk"), (3, "MidPoint")):
            peer.send("req_tick_by_tick", request_id=request_id, tick_kind=kind, **AAPL)
        peer.send("req_tick_by_tick", request_id=4, tick_kind="BidAsk", con_id=756733, exchange="SMART")
        await peer.until("tick_by_tick", count=300)
        times = [tick["time"] for tick in peer.all("tick_by_tick")]
        assert times == sorted(times)
        assert {tick["request_id"] for tick in peer.all("tick_by_tick")} == {1, 2, 3, 4}

    scene(play, speed=10.0)


REFUSED = [
    ("req_market_data", {"symbol": "NONE", "sec_type": "STK"}, 200),
    ("req_market_data", {"symbol": "ABC", "sec_type": "STK", "currency": "USD"}, 200),
    ("req_market_data", AAPL | {"generic_ticks": "588"}, 321),
    ("req_market_data", AAPL | {"generic_ticks": "fish"}, 321),
    ("req_tick_by_tick", AAPL | {"tick_kind": "Everything"}, 321),
    ("req_tick_by_tick", {"con_id": 416904, "tick_kind": "Last"}, 321),
    ("req_market_depth", {"con_id": 416904, "rows": 5}, 10092),
    ("req_real_time_bars", AAPL | {"what": "FEES"}, 321),
    ("req_real_time_bars", {"con_id": 12087792, "what": "TRADES"}, 162),
    ("cancel_market_data", {}, 300),
    ("cancel_market_depth", {}, 310),
    ("cancel_real_time_bars", {}, 300),
    ("cancel_historical_data", {}, 366),
]


@pytest.mark.parametrize(("name", "values", "code"), REFUSED)
def test_refusals_carry_ibs_codes(scene: Scene, name: str, values: dict[str, Any], code: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send(name, request_id=7, **values)
        assert await peer.code(7) == code

    scene(play)


@pytest.mark.parametrize(("name", "values", "code"), [
    ("req_market_data", {}, 354), ("req_tick_by_tick", {"tick_kind": "Last"}, 354),
    ("req_market_depth", {"rows": 5}, 354), ("req_real_time_bars", {"what": "TRADES"}, 420)])
def test_without_permission_there_is_no_live_data(scene: Scene, name: str, values: dict[str, Any], code: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send(name, request_id=7, **AAPL, **values)
        assert await peer.code(7) == code

    scene(play, unsubscribed=frozenset({265598}))


@pytest.mark.parametrize(("name", "values", "limits", "code"), [
    ("req_market_data", {}, Limits(market_data=2), 101),
    ("req_tick_by_tick", {"tick_kind": "Last"}, Limits(tick_by_tick=2, tick_by_tick_pacing=False), 10190),
    ("req_market_depth", {"rows": 5}, Limits(market_depth=2), 309)])
def test_limits_hold_until_a_stream_is_cancelled(
    scene: Scene, name: str, values: dict[str, Any], limits: Limits, code: int
) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        for request_id in (1, 2, 3):
            peer.send(name, request_id=request_id, **AAPL, **values)
        assert await peer.code(3) == code
        peer.send(name.replace("req_", "cancel_"), request_id=1)
        peer.send(name, request_id=4, **AAPL, **values)
        peer.send(name, request_id=4, **AAPL, **values)
        assert await peer.code(4) == 102

    scene(play, limits=limits)


def test_the_same_ticks_cannot_be_requested_twice_within_15_seconds(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        for request_id in (1, 2):
            peer.send("req_tick_by_tick", request_id=request_id, tick_kind="Last", **AAPL)
        assert await peer.code(2) == 10189

    scene(play, limits=Limits())


def test_a_cfd_sends_its_clients_elsewhere(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_market_data", request_id=7, con_id=118089500)
        assert await peer.until("reroute_market_data") == {"request_id": 7, "con_id": 265598, "exchange": "SMART"}
        peer.send("req_market_depth", request_id=8, con_id=118089500, rows=5)
        assert (await peer.until("reroute_market_depth"))["request_id"] == 8

    scene(play)


def test_fractional_sizes_need_a_newer_client(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_tick_by_tick", request_id=7, con_id=479624278, tick_kind="AllLast")
        assert await peer.code(7) == 10285

    scene(play, newest=157)


async def read_bytes(peer: Peer, count: int) -> None:
    async with asyncio.timeout(120):
        while count > 0:
            count -= len(await peer.reader.read(1 << 20))


@pytest.mark.slow
def test_a_slow_client_slows_only_itself(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        fast = await type(peer).connect(gateway, client_id=2)
        for one in (peer, fast):
            one.send("req_tick_by_tick", request_id=1 if one is peer else 2, tick_kind="BidAsk", **AAPL)
        await read_bytes(fast, 25_000_000)  # `peer` reads nothing meanwhile
        slow, quick = gateway.state.client(1), gateway.state.client(2)
        assert slow is not None and quick is not None and slow.now_us < quick.now_us
        await fast.close()
        await peer.until("tick_by_tick", count=5_000)
        received = peer.all("tick_by_tick")
        rows = sent.rows(1, "quotes")[: len(received)]
        assert [tick["bid_price"] for tick in received] == [row["bid_price"] for row in rows]

    scene(play, speed=20_000.0)
