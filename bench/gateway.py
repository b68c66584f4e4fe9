"""How many messages a second a replay hands to a client that only reads.

    python -m bench.gateway [--messages 2000000] [--rounds 3] [--orders 50]

Writes a tape of a busy US morning (100 instruments with five streams each, see bench.messages), rolls it, and replays
it at full speed through `ticktape gateway` to one client in a process of its own, which subscribes to every stream and
throws away what it reads. Timed from the word to begin to the last byte. With orders the client has so many of them
in the market, each for another instrument and too far away to fill; rounds without and with them take turns.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from capture.gateway.control.command_socket import ask
from capture.lake.layout import Layout
from capture.lake.roll import Roller
from capture.lake.views import prepare
from capture.tape import TapeWriter
from capture.wire.connection import ClientConnection
from capture.wire.line import Line
from capture.wire.text.codec import answer_codec, request_codec
from capture.wire.text.framing import boundaries, frame
from capture.wire.text.handshake import ServerHello, client_hello, server_hello

from .messages import INSTRUMENTS, STREAMS, Ids, first_prices, mix

BEGIN_NS = 1_795_446_000_000_000_000  # 2026-11-23T15:00Z
PER_SECOND = 10_000  # messages in a second of the recording
READ_MESSAGES = 50  # that came in one read of the socket
MARK_SECONDS = 30
SUBMITTED = b"\0Submitted\0"  # in an answer to an order
AWAY = 5.0  # of the market, in money: it moves by a fraction of that
HELLO = ServerHello(200, "20261123 10:00:00 US/Eastern")
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "all_last": ("req_tick_by_tick", {"tick_kind": "AllLast"}),
    "quotes": ("req_tick_by_tick", {"tick_kind": "BidAsk"}),
    "smart_depth": ("req_market_depth", {"rows": 10, "smart": True}),
    "ticks": ("req_market_data", {}),
    "bars": ("req_real_time_bars", {"bar_size_s": 5, "what": "TRADES"}),
}


def contract(number: int) -> dict[str, Any]:
    """Return the contract of an instrument."""
    return {"con_id": number + 1, "symbol": f"S{number}", "sec_type": "STK", "exchange": "SMART", "currency": "USD",
            "local_symbol": f"S{number}"}  # fmt: skip


class Script:
    """A tape written as a recorder would have, in the time of the recording."""

    def __init__(self, data: Path) -> None:
        self.now_ns, self.marks, self.line = BEGIN_NS, 1, Line()
        (data / "tape").mkdir(parents=True)
        clocks = {"wall_ns": lambda: self.now_ns, "mono_ns": lambda: self.now_ns}
        self.writer = TapeWriter.open(data / "tape", "main", self.line.as_mark(1), **clocks)
        session = {"host": "127.0.0.1", "port": 4002, "client_id": 7, "software": "ticktape"}
        self.writer.opened(session)
        self.line.opened(session)
        self.sent(client_hello(157, 200))
        self.received(server_hello(HELLO))

    def sent(self, data: bytes) -> None:
        """Write what was sent."""
        self.writer.sent(data)
        self.line.sent(data)

    def received(self, data: bytes) -> None:
        """Write what was received."""
        self.writer.received(data)
        self.line.steer(self.line.received(data))

    def mark(self) -> None:
        """Write a mark."""
        self.marks += 1
        self.writer.mark(self.line.as_mark(self.marks))

    def subscribed(self) -> Ids:
        """Write the details of every instrument and the requests for every stream, and return their ids."""
        requests, answers = request_codec(HELLO.server_version), answer_codec(HELLO.server_version)
        ids: Ids = {stream: [] for stream in STREAMS}
        for number in range(INSTRUMENTS):
            details = contract(number) | {"min_tick": 0.01, "valid_exchanges": "SMART", "min_size": 1}
            self.received(frame(answers.encode("contract_details", request_id=1, **details)))
            for place, (stream, (name, values)) in enumerate(REQUESTS.items()):
                ids[stream].append(2 + number * len(REQUESTS) + place)
                asked = contract(number) | values
                self.sent(frame(requests.encode(name, request_id=ids[stream][-1], **asked)))
        return ids


def write_lake(data: Path, messages: int) -> None:
    """Write a lake that holds so many messages."""
    script = Script(data)
    frames = list(mix(script.subscribed(), messages, second=BEGIN_NS // 1_000_000_000))
    per_mark = PER_SECOND * MARK_SECONDS
    for at in range(0, messages, READ_MESSAGES):
        script.now_ns += 1_000_000_000 * READ_MESSAGES // PER_SECOND
        script.received(b"".join(frames[at : at + READ_MESSAGES]))
        if at % per_mark == 0:
            script.mark()
    script.mark()
    script.writer.close()
    layout = Layout(data)
    prepare(layout)
    for _ in Roller(layout, "main").roll():
        pass


@contextlib.contextmanager
def gateway(data: Path) -> Iterator[tuple[int, int]]:
    """Run a replay that waits to be resumed, and give its port and the id of its process."""
    command = [sys.executable, "-m", "capture.cli", "gateway", "--port", "0", "--lines", "0", "--data", str(data),
               "--replay", "2026-11-23", "--speed", "max", "--start-paused"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().split(":")[1]), process.pid
        finally:
            process.send_signal(signal.SIGINT)


def order(number: int, price: float) -> dict[str, Any]:
    """Return a limit order for an instrument whose price it does not reach, bought and sold by turns."""
    action, away = ("BUY", -AWAY) if number % 2 else ("SELL", AWAY)
    return contract(number) | {
        "order_id": number + 1, "action": action, "total_quantity": 10, "order_type": "LMT", "time_in_force": "GTC",
        "limit_price": round(price + away, 2), "transmit": True, "outside_regular_hours": True}  # fmt: skip


def read(port: int, orders: int) -> None:
    """Be the client: subscribe, place orders, say so, and read until nothing comes any more."""
    connection = ClientConnection()
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(connection.greet())
        while connection.hello is None:
            connection.receive(peer.recv(1 << 16))
        peer.sendall(connection.send("start_api", client_id=1))
        for number in range(INSTRUMENTS):
            for place, (name, values) in enumerate(REQUESTS.values()):
                request_id = 2 + number * len(REQUESTS) + place
                peer.sendall(connection.send(name, request_id=request_id, **contract(number), **values))
        codec = request_codec(HELLO.server_version)  # the connection is a recorder's: it sends no orders
        for number, price in enumerate(first_prices()[:orders]):
            peer.sendall(frame(codec.encode("place_order", **order(number, price))))
        chunks: list[bytes] = []
        ended = 0.0
        while b"".join(chunks).count(SUBMITTED) < orders:
            chunks.append(peer.recv(1 << 20))
        time.sleep(2)
        print("ready", flush=True)
        peer.settimeout(3)
        with contextlib.suppress(TimeoutError):
            while data := peer.recv(1 << 20):
                chunks.append(data)
                ended = time.time()
    whole = b"".join(chunks)
    answers = whole.count(SUBMITTED)
    found = {"frames": len(boundaries(whole)) - 1, "bytes": len(whole), "ended": ended, "submitted": answers}
    print(json.dumps(found), flush=True)


def cpu_s(process_id: int) -> float:
    """Return how much processor time a process has used, as Linux tells."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(data: Path, orders: int) -> tuple[float, float]:
    """Replay a lake once, print what came, and return messages per second, and per second of the gateway's CPU time."""
    with gateway(data) as (port, process_id):
        command = [sys.executable, "-m", "bench.gateway", "--read", str(port), "--orders", str(orders)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            client.stdout.readline()
            begun, used_s = time.time(), cpu_s(process_id)
            ask(port, "resume")
            found = json.loads(client.stdout.readline())
            used_s = cpu_s(process_id) - used_s
    per_second: float = found["frames"] / (found["ended"] - begun)
    assert found["submitted"] >= orders, "an order was not taken"
    came = f"{found['frames']:,} messages, {found['bytes'] / 1e6:,.0f} MB"
    print(f"{came}, {orders} orders: {per_second:,.0f} per second, {used_s:.1f} s of CPU time", flush=True)
    return per_second, found["frames"] / used_s


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=0)
    parser.add_argument("--read", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read, given.orders)
        return
    kinds = dict.fromkeys((0, given.orders))
    with tempfile.TemporaryDirectory(prefix=f"bench-{os.getpid()}-") as folder:
        data = Path(folder) / "data"
        write_lake(data, given.messages)
        rounds = [[measure(data, orders) for orders in kinds] for _ in range(given.rounds)]
    medians = [[sorted(rates)[len(rates) // 2] for rates in zip(*of_kind, strict=True)]
               for of_kind in zip(*rounds, strict=True)]  # fmt: skip
    for orders, (rate, of_cpu) in zip(kinds, medians, strict=True):
        print(f"median with {orders} orders: {rate:,.0f} messages per second ({rate / medians[0][0]:.0%}), "
              f"{of_cpu:,.0f} per second of CPU time ({of_cpu / medians[0][1]:.0%})")  # fmt: skip



if __name__ == "__main__":
    main()
