"""Faults on demand, each over TCP with a plain client."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from capture.gateway import CommandError, Gateway
from capture.gateway.control.commands import COMMANDS, CUT_SHORT, MALFORMED, UNKNOWN
from capture.wire.connection import BadFrame, Corrupt
from capture.wire.text.framing import Splitter, frame

from .conftest import AAPL, START_US, Peer, Scene, Sent

ES: dict[str, Any] = {"local_symbol": "ESZ6", "sec_type": "FUT", "exchange": "CME"}
QUIET_S = 0.3  # several times what passes between two ticks of a stream in these tests
SPEED = 20.0


async def read(peer: Peer, for_s: float = QUIET_S) -> list[str]:
    """Read for a while, and return the names of what came."""
    before = len(peer.answers)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(for_s):
            while data := await peer.reader.read(65536):
                peer.events(data)
    return [answer.name for answer in peer.answers[before:]]


async def trades(peer: Peer, request_id: int = 7, **contract: Any) -> None:
    """Ask for trades, and wait until they flow."""
    peer.send("req_tick_by_tick", request_id=request_id, tick_kind="AllLast", **(contract or AAPL))
    await flowing(peer, request_id)


async def flowing(peer: Peer, request_id: int = 7) -> None:
    """Wait for another row of a stream."""
    names = ("tick_by_tick", "tick_price", "tick_size")
    seen = len(peer.answers)
    async with asyncio.timeout(120):
        while not any(a.name in names and a.values["request_id"] == request_id for a in peer.answers[seen:]):
            peer.events(await peer.reader.read(65536))


def codes(peer: Peer, request_id: int = -1) -> Iterator[int]:
    found = (error["code"] for error in peer.all("error", request_id=request_id))
    return (code for code in found if code not in range(2104, 2160))


async def refused(gateway: Gateway) -> bool:
    try:
        await (await Peer.connect(gateway, client_id=99)).close()
    except ConnectionRefusedError:
        return True
    return False


# The connection


def test_drop_closes_after_a_whole_frame(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        gateway.control("drop")
        rest = Splitter()
        rest.feed(await peer.reader.read())
        assert rest.pending == b""
        await trades(await Peer.connect(gateway))

    scene(play, speed=SPEED)


def test_drop_can_leave_half_a_frame(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("drop", "mid-frame")
        rest = Splitter()
        assert rest.feed(await peer.reader.read()) == []
        assert rest.pending == frame(UNKNOWN)[:-4]

    scene(play)


def test_half_open_is_silence_and_keeps_the_client_id(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        gateway.control("half-open")
        await read(peer, 0.1)
        peer.send("req_current_time")
        assert await read(peer) == []
        assert not peer.reader.at_eof()
        twin = await Peer.connect(gateway, start=False)
        twin.send("start_api", client_id=1)
        await twin.until("error", code=326)
        await peer.close()
        await asyncio.sleep(0.1)
        await trades(await Peer.connect(gateway))

    scene(play, speed=SPEED)


def test_half_open_ends_with_the_connection(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("half-open", seconds=0.1)
        await peer.closed()

    scene(play)


def test_refuse_takes_no_connections_for_a_while(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("refuse", 0.2)
        assert await refused(gateway)
        await trades(peer)
        await asyncio.sleep(0.3)
        assert not await refused(gateway)

    scene(play, speed=SPEED)


def test_restart_leaves_no_session(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        gateway.control("restart", 0.2)
        await peer.closed()
        assert await refused(gateway)
        gateway.control("refuse", 0.4)
        await asyncio.sleep(0.3)
        assert await refused(gateway)  # the last of both opens the port
        await asyncio.sleep(0.3)
        back = await Peer.connect(gateway)
        assert gateway.control("status")["streams"] == []
        await trades(back)

    scene(play, speed=SPEED)


def test_chop_writes_single_bytes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    write = asyncio.StreamWriter.write

    def count(writer: asyncio.StreamWriter, data: bytes) -> None:
        if writer is not line[0].writer:
            written.append(len(data))
        write(writer, data)

    line: list[Peer] = []

    async def play(gateway: Gateway, peer: Peer) -> None:
        line.append(peer)
        gateway.control("chop")
        monkeypatch.setattr(asyncio.StreamWriter, "write", count)
        await trades(peer)
        assert len(written) > 20 and set(written) == {1}
        gateway.control("clear", "chop")
        written.clear()
        while not written:
            await flowing(peer)
        assert min(written) > 20

    scene(play, speed=SPEED)


@pytest.mark.parametrize("length", ["zero", "huge"])
def test_corrupt_puts_the_line_out_of_step(scene: Scene, length: str) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        gateway.control("corrupt", length, 0.1)
        data = await peer.reader.read()
        assert isinstance(peer.connection.receive(data)[-1], Corrupt)

    scene(play, speed=SPEED)


# The session


def test_duplicate_id_refuses_so_many_sessions(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("duplicate-id", 2)
        for _ in range(2):
            early = await Peer.connect(gateway, start=False)
            early.send("start_api", client_id=5)
            await early.closed()
            assert list(codes(early)) == [326]
        await Peer.connect(gateway, client_id=5)

    scene(play)


def test_slow_handshake_and_not_ready_delay_the_start(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        now_s = asyncio.get_running_loop().time
        gateway.control("slow-handshake", 0.2)
        begun_s = now_s()
        late = await Peer.connect(gateway, client_id=5, start=False)
        assert now_s() - begun_s >= 0.2
        gateway.control("not-ready", 0.3)
        late.send("start_api", client_id=5)
        assert await read(late, 0.1) == []
        await late.until("next_valid_id")
        assert now_s() - begun_s >= 0.5

    scene(play)


def test_skew_moves_the_time_that_is_told(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("skew", -100)
        peer.send("req_current_time")
        peer.send("req_current_time_millis")
        told = await peer.until("current_time"), await peer.until("current_time_millis")
        assert 95 < START_US / 1e6 - told[0]["time"] <= 101
        assert 95 < START_US / 1e6 - told[1]["time_ms"] / 1e3 <= 101

    scene(play)


def test_a_read_only_api_refuses_what_is_about_orders_and_nothing_else(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("read-only")
        peer.send("place_order", order_id=5, action="BUY", total_quantity=1, order_type="MKT", transmit=True, **AAPL)
        told = await peer.until("error", request_id=5)
        assert told["code"] == 321 and "Read-Only mode" in told["message"]
        peer.send("req_all_open_orders")
        peer.send("req_completed_orders", api_only=False)
        await peer.until("error", 2, request_id=-1, code=321)
        peer.send("req_positions")
        peer.send("req_executions", request_id=9, client_id=0, time="20261118-00:00:00")
        await peer.until("positions_end")
        await peer.until("executions_end", request_id=9)
        gateway.control("clear", "read-only")
        peer.send("req_all_open_orders")
        await peer.until("open_orders_end")

    scene(play)


def test_pacing_refuses_history_and_message_rate_everything(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        ask = {"name": "req_head_timestamp", "what": "TRADES", "date_format": 2, **AAPL}
        gateway.control("pacing")
        peer.send(request_id=7, **ask)
        peer.send(request_id=8, **ask)
        refusal = await peer.until("error", request_id=7)
        assert refusal["code"] == 162 and "pacing violation" in refusal["message"]
        await peer.until("head_timestamp", request_id=8)
        gateway.control("message-rate", 3)
        for _ in range(3):
            peer.send("req_ids", count=1)
        await peer.closed()
        assert list(codes(peer)) == [100] * 3

    scene(play)


def test_notice_sends_any_code(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("notice", 1300, "TWS socket port has been reset; the new one is 4003")
        assert "4003" in (await peer.until("error", code=1300))["message"]

    scene(play)


# Silence


def test_stall_silences_one_stream_for_a_while(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        await trades(peer, 8, **ES)
        gateway.control("stall", "trades", "AAPL", QUIET_S + 0.2)
        assert {row["state"]: row["instrument"] for row in gateway.control("status")["streams"]} == {
            "stall": "AAPL", "flowing": "ESZ6"}
        await read(peer, 0.1)
        peer.answers.clear()
        await read(peer)
        assert peer.all("tick_by_tick", request_id=8) and not peer.all("tick_by_tick", request_id=7)
        await flowing(peer)
        with pytest.raises(CommandError, match="there are: all_last AAPL, all_last ESZ6"):
            gateway.control("stall", "quotes")

    scene(play, speed=SPEED)


def test_a_stall_without_an_end_lasts_until_the_stream_is_requested_anew(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        gateway.control("stall", "all_last")
        await read(peer, 0.1)
        assert await read(peer) == []
        peer.send("cancel_tick_by_tick", request_id=7)
        await trades(peer, 8)

    scene(play, speed=SPEED)


@pytest.mark.parametrize(("kind", "code"), [("lost", 1101), ("kept", 1102)])
def test_outage_is_1100_silence_and_1101_or_1102(scene: Scene, kind: str, code: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        gateway.control("outage", kind)
        await peer.until("error", code=1100)
        await read(peer, 0.1)
        assert await read(peer) == []
        peer.send("req_head_timestamp", request_id=8, what="TRADES", date_format=2, **AAPL)
        assert await peer.code(8) == 162
        other = await Peer.connect(gateway, client_id=2)
        await other.until("error", code=1100)
        gateway.control("clear")
        await peer.until("error", code=code)
        if kind == "lost":
            assert await read(peer) == []
            await trades(peer)
        else:
            await flowing(peer)

    scene(play, speed=SPEED)


def test_history_under_way_is_lost_with_the_connection(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_historical_data", request_id=8, what="TRADES", bar_size="1 secs", duration="1800 S", end="",
                  regular_hours=False, date_format=2, keep_up_to_date=False, **AAPL)
        while not gateway.state.clients[0].tasks:  # noqa: ASYNC110  (nothing tells when a request has arrived)
            await asyncio.sleep(0)
        gateway.control("outage")
        assert await peer.code(8) == 162

    scene(play)


def test_farm_silences_its_instruments_and_may_leave_one_dead(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        peer.send("req_market_data", request_id=9, **AAPL)
        await trades(peer, 8, **ES)
        gateway.control("farm", "usfarm", QUIET_S + 0.2, dead="trades")
        assert (await peer.until("error", code=2103))["message"].endswith("broken:usfarm")
        await read(peer, 0.1)
        peer.answers.clear()
        await read(peer)
        assert {answer.values["request_id"] for answer in peer.answers} == {8}
        await peer.until("error", code=2104)
        await flowing(peer, 9)
        await read(peer)
        assert not peer.all("tick_by_tick", request_id=7)
        peer.send("cancel_tick_by_tick", request_id=7)
        await trades(peer)

    scene(play, speed=SPEED)


def test_the_farm_of_history_refuses_it(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("farm", "ushmds")
        await trades(peer)
        peer.send("req_head_timestamp", request_id=8, what="TRADES", date_format=2, **AAPL)
        assert await peer.code(8) == 162
        gateway.control("clear", "farm")
        assert [error["code"] for error in peer.all("error") if "ushmds" in error["message"]] == [2106, 2105]
        await peer.until("error", code=2106, count=2)

    scene(play, speed=SPEED)


def test_competing_is_10197_and_silence(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        await trades(peer)
        gateway.control("competing", 0.6)
        assert await peer.code(7) == 10197
        peer.send("req_market_data", request_id=8, **AAPL)
        assert await peer.code(8) == 10197
        assert await read(peer) == []
        await flowing(peer, 7)
        await flowing(peer, 8)

    scene(play, speed=SPEED)


# Streams


def test_reset_is_317_and_the_book_anew(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.send("req_market_depth", request_id=7, rows=3, smart=False, **AAPL)
        await peer.until("market_depth", count=20)
        gateway.control("reset")
        assert await peer.code(7) == 317
        await read(peer)
        at = next(place for place, answer in enumerate(peer.answers) if answer.values.get("code") == 317)
        book = [answer.values for answer in peer.answers[at + 1 : at + 7]]
        assert [(row["operation"], row["position"]) for row in book] == [(0, 0), (0, 1), (0, 2)] * 2

    scene(play, speed=SPEED)


LIVE_BARS = {"what": "TRADES", "bar_size": "5 secs", "duration": "60 S", "end": "", "regular_hours": False,
             "date_format": 2, "keep_up_to_date": True}


@pytest.mark.parametrize(("command", "code", "ended"), [
    ("halt", 316, [1]), ("bust", 10225, [2, 3]), ("lost-updates", 10182, [3])])
def test_what_ends_a_stream_asks_to_request_it_again(scene: Scene, command: str, code: int, ended: list[int]) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        def ask() -> None:
            peer.send("req_market_depth", request_id=1, rows=3, smart=True, **AAPL)
            peer.send("req_real_time_bars", request_id=2, what="TRADES", bar_size_s=5, regular_hours=False, **AAPL)
            peer.send("req_historical_data", request_id=3, **LIVE_BARS, **AAPL)

        ask()
        await peer.until("historical_data_update", request_id=3)
        gateway.control(command)
        await peer.until("error", code=code, count=len(ended))
        assert [error["request_id"] for error in peer.all("error", code=code)] == ended
        left = {row["request_id"] for row in gateway.control("status")["streams"]}
        assert left == {1, 2, 3} - set(ended)
        ask()
        await read(peer)
        assert len(gateway.control("status")["streams"]) == 3

    scene(play, speed=SPEED)


# Frames


@pytest.mark.parametrize(("command", "payload"), [
    ("unknown-frame", UNKNOWN), ("malformed-frame", MALFORMED), ("missing-fields", CUT_SHORT)])
def test_bad_frames_stand_between_good_ones(scene: Scene, command: str, payload: bytes) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control(command)
        peer.send("req_ids", count=1)
        bad, good = peer.connection.receive(await peer.reader.read(65536)), None
        while len(bad) < 2:
            bad += peer.connection.receive(await peer.reader.read(65536))
        bad, good = bad[:1], bad[1]
        assert isinstance(bad[0], BadFrame) and bad[0].payload == payload
        assert not isinstance(good, BadFrame)

    scene(play)


def test_extra_fields_do_not_change_what_is_said(scene: Scene, sent: Sent) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("extra-fields")
        peer.send("req_tick_by_tick", request_id=7, tick_kind="AllLast", **AAPL)
        data = await peer.reader.readuntil(b"extra\0")
        assert int.from_bytes(data[:4], "big") == len(data) - 4
        peer.events(data)
        await read(peer)
        said = [(trade["price"], trade["size"]) for trade in peer.all("tick_by_tick")]
        assert said and said == [(row["price"], row["size"]) for row in sent.rows(7, "trades")][: len(said)]

    scene(play, speed=SPEED)


def test_every_command_is_told_of_once_and_can_be_cleared(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        lasting = ["chop", "skew", "not-ready", "refuse", "competing", "farm", "outage", "extra-fields", "read-only",
                   "pacing"]
        for name in lasting:
            gateway.control(name, *([1] if name == "skew" else []))
        status = gateway.control("status")
        assert [*(fault.partition(" ")[0] for fault in status["faults"]), *status["due"]] == lasting
        gateway.control("clear")
        await asyncio.sleep(0.1)
        status = gateway.control("status")
        assert (status["faults"], status["due"]) == ([], {})
        assert not await refused(gateway)

    scene(play)
    assert all(function.__doc__ for function in COMMANDS.values())
