"""The session: handshake, start, ids, time, accounts, limits of clients and messages."""

import asyncio
import resource
import signal
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

from capture.gateway import Gateway, Limits, running
from capture.gateway.market import Market
from capture.gateway.server import MOST_STRANGERS
from capture.wire.connection import ClientConnection
from capture.wire.text.codec import request_codec
from capture.wire.text.framing import frame

from .conftest import START_US, Peer, Scene


@pytest.mark.parametrize(("newest", "agreed"), [(157, 157), (178, 178), (200, 200)])
def test_the_version_is_the_lower_of_both(scene: Scene, newest: int, agreed: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        assert peer.connection.hello is not None and peer.connection.hello.server_version == agreed
        assert peer.connection.hello.connection_time.startswith("20261118 ")

    scene(play, newest=newest)


@pytest.mark.parametrize("accounts_first", [True, False])
def test_accounts_and_ids_come_in_either_order(scene: Scene, accounts_first: bool) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        names = [answer.name for answer in peer.answers[:2]]
        assert names == sorted(["managed_accounts", "next_valid_id"], reverse=not accounts_first)
        assert peer.all("managed_accounts") == [{"accounts": "DU1234567"}]
        assert [error["code"] for error in peer.all("error", request_id=-1)] == [2104, 2104, 2106, 2158]

    scene(play, accounts_first=accounts_first)


def test_a_client_id_that_is_too_large_is_refused_and_the_connection_lives(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        other = await Peer.connect(gateway, start=False)
        for client_id, count in ((b"2147483648", 1), (b"9" * 40, 2), (b"nobody", 3), (b"-2147483649", 4)):
            other.writer.write(frame(b"71\x002\x00" + client_id + b"\x00\x00"))
            assert "client_id" in (await other.until("error", request_id=-1, code=320, count=count))["message"]
        assert other.all("next_valid_id") == []
        other.send("start_api", client_id=2147483647)
        await other.until("next_valid_id")
        assert gateway.control("status")["clients"] == [1, 2147483647]
        await other.close()

    scene(play)


def test_nothing_is_answered_before_start_api(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        other = await Peer.connect(gateway, start=False)
        other.send("req_current_time")
        other.send("start_api", client_id=5)
        await other.until("error", code=2158)
        assert not other.all("current_time")
        await other.close()

    scene(play)


def test_a_client_id_in_use_is_refused_and_free_again_afterwards(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        twin = await Peer.connect(gateway, start=False)
        twin.send("start_api", client_id=1)
        await twin.closed()
        assert [error["code"] for error in twin.all("error")] == [326]
        await twin.close()
        await peer.close()
        await asyncio.sleep(0.1)
        await (await Peer.connect(gateway, client_id=1)).close()

    scene(play)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"API\0" + frame(b"hello"), b"API\0" + frame(b"v300..400"),
                                  b"API\0\xff\xff\xff\xff"])
def test_what_is_no_client_is_closed(scene: Scene, data: bytes) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(data)
        async with asyncio.timeout(120):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    scene(play)


def test_time_is_told_once_a_second(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        for _ in range(3):
            peer.send("req_current_time")
        peer.send("req_current_time_millis")
        millis = await peer.until("current_time_millis")
        assert len(peer.all("current_time")) == 1
        assert abs(peer.all("current_time")[0]["time"] - START_US // 1_000_000) <= 2
        assert abs(millis["time_ms"] - START_US // 1_000) <= 2_000

    scene(play)


def test_unknown_and_malformed_requests_are_named_and_survived(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        peer.writer.write(frame(b"12\x001\x00") + frame(b"97\x001\x00") + frame(b"2\x002\x00\x00"))
        await peer.until("error", count=3, code=320)
        peer.send("req_ids", count=1)
        await peer.until("next_valid_id", count=2)

    scene(play)


@pytest.mark.parametrize("newest", [178, 200])
def test_orders_and_their_cancellations_are_refused_by_their_id(scene: Scene, newest: int) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        cancellation = b"4\x001\x0017\x00\x00" if newest < 192 else b"4\x0017\x00\x00\x00\x00"
        order = request_codec(newest).encode("place_order", order_id=17, con_id=265598, total_quantity=5)
        peer.writer.write(frame(order) + frame(cancellation))
        assert [await peer.code(17), (await peer.until("error", 2, request_id=17))["code"]] == [387, 10147]
        peer.writer.write(frame(b"5\x001\x00"))  # which a recorder's own connection never sends
        await peer.until("open_orders_end")

    scene(play, newest=newest)


def test_too_many_messages_are_answered_by_100_and_the_third_time_by_the_end(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        # Three times one more than 50. With more, and left unread, a reset could overtake the answers.
        for _ in range(3 * 51):
            peer.send("req_current_time_millis")
        await peer.closed()
        assert len(peer.all("error", code=100)) == 3

    scene(play, limits=Limits())


def test_more_clients_than_the_limit_are_closed(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        other = await Peer.connect(gateway, start=False)
        other.send("start_api", client_id=2)
        await other.closed()
        assert not other.all("managed_accounts")
        await other.close()

    scene(play, limits=Limits(clients=1))


def test_a_client_need_not_wait_for_the_answer_to_its_hello(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        for size in (1, 1_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            other = Peer(reader, writer, ClientConnection())
            everything = other.connection.greet() + frame(b"71\x002\x009\x00\x00") + frame(b"8\x001\x001\x00")
            for at in range(0, len(everything), size):
                writer.write(everything[at : at + size])
            await other.until("next_valid_id", count=2)
            await other.close()
            while len(gateway.state.clients) > 1:  # noqa: ASYNC110 - a test looks at what it cannot wait for
                await asyncio.sleep(0.01)

    scene(play)


def test_a_client_that_did_not_wait_is_heard_though_the_handshake_is_slow(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("slow-handshake", 0.2)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        other = Peer(reader, writer, ClientConnection())
        writer.write(other.connection.greet())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(frame(b"71\x002\x009\x00\x00"))
        await other.until("next_valid_id")
        await other.close()

    scene(play)


def test_a_half_handshake_is_given_up_and_one_that_the_gateway_delays_is_not(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.gateway.server.HANDSHAKE_S", 0.3)

    async def play(gateway: Gateway, peer: Peer) -> None:
        gateway.control("not-ready")
        silent = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(2)]
        silent[1][1].write(ClientConnection().greet()[:7])
        begun = [await Peer.connect(gateway, start=False) for _ in range(2)]
        begun[1].send("start_api", client_id=8)
        for reader, writer in silent:
            with suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()
        await begun[0].closed()
        gateway.control("clear")
        await begun[1].until("next_valid_id")
        peer.send("req_ids", count=1)
        await peer.until("next_valid_id", count=2)
        assert len(gateway.state.clients) == 2
        await begun[1].close()

    scene(play)


@pytest.mark.slow
def test_a_thousand_idle_connections_keep_nobody_out(scene: Scene) -> None:
    async def play(gateway: Gateway, peer: Peer) -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, hard), hard))
        idle = []
        for _ in range(1_000):
            idle.append(socket.create_connection(("127.0.0.1", gateway.port), timeout=5))
            if len(idle) % 50 == 0:
                await asyncio.sleep(0.01)
        other = await Peer.connect(gateway, client_id=2)
        assert len(gateway.state.clients) <= MOST_STRANGERS + 2
        await other.close()
        for line in idle:
            line.close()

    scene(play, limits=Limits(clients=2))


def test_only_loopback_is_served() -> None:
    with pytest.raises(ValueError, match="this machine only"):
        Gateway(Market(), host="0.0.0.0")
    with pytest.raises(ValueError, match="this machine only"):
        Gateway(Market(), host="example.com")
    Gateway(Market(), host="::1")


def test_a_gateway_runs_in_a_thread_and_frees_its_port() -> None:
    with running(Gateway(Market())) as gateway:
        port = gateway.port
        with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
            line.sendall(ClientConnection().greet())
            assert line.recv(100)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_a_taken_port_is_an_os_error() -> None:
    with running(Gateway(Market())) as gateway, pytest.raises(OSError), running(Gateway(Market(), port=gateway.port)):
        pass


@pytest.mark.slow
def test_a_gateway_ends_though_a_client_that_ended_reads_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("capture.gateway.client.LINGER_S", 0.1)

    async def act() -> None:
        async with asyncio.timeout(120), Gateway(Market()) as gateway:
            peer = await Peer.connect(gateway)
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a transport of a socket
            gateway.state.clients[0].write(bytes(30_000_000))  # more than the sockets hold
            peer.writer.write_eof()
            while gateway.state.clients:  # noqa: ASYNC110 - a test looks at what it cannot wait for
                await asyncio.sleep(0.01)
        await peer.close()

    asyncio.run(act())


@pytest.mark.slow
def test_serve_ends_on_sigterm_with_a_client_connected() -> None:
    code = ("from capture.gateway import Gateway, serve\nfrom capture.gateway.market import Market\n"
            "serve(Gateway(Market()), lambda port: print(port, flush=True))")
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
            line.sendall(ClientConnection().greet())
            assert line.recv(100)
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0
        assert process.stderr.read() == ""
