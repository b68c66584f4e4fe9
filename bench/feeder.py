"""A gateway that does nothing but send prepared frames as fast as they are taken, or at a steady pace.

    python -m bench.feeder BYTES IDS COUNT [PER_SECOND SECONDS]

Prints its port; when all of 100 instruments' five streams are subscribed, it writes the request ids to IDS and the
frames to BYTES (one JSON line "ready"), waits for a line on standard input, sends, and prints how long until the last
byte was handed over. It goes on answering nothing until its peer hangs up.
"""

import json
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from capture.wire.connection import ServerConnection
from capture.wire.text.codec import Decoded
from capture.wire.text.handshake import ClientHello

from .messages import INSTRUMENTS, STREAMS, Ids, mix

PATIENCE_S = 60  # with a peer that says nothing
STREAM_OF_REQUEST = {"req_market_data": "ticks", "req_market_depth": "smart_depth", "req_real_time_bars": "bars"}


class Feeder:
    """One client's session, up to the last subscription."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.connection = ServerConnection()
        self.found: dict[str, dict[int, int]] = {stream: {} for stream in STREAMS}

    def until_subscribed(self) -> Ids:
        """Answer the client until every stream of every instrument is asked for; return the request ids."""
        while sum(map(len, self.found.values())) < INSTRUMENTS * len(STREAMS):
            data = self.client.recv(1 << 16)
            if not data:
                raise SystemExit("the recorder hung up before it had subscribed")
            for event in self.connection.receive(data):
                if isinstance(event, ClientHello):
                    self.client.sendall(self.connection.answer_hello(event, "20260105 09:30:00 US/Eastern"))
                elif isinstance(event, Decoded):
                    self.answer(event)
        return {stream: [ids[number] for number in range(INSTRUMENTS)] for stream, ids in self.found.items()}

    def answer(self, request: Decoded) -> None:
        """Answer the requests that a recorder sends before it records."""
        values, send = request.values, self.connection.send
        if request.name == "start_api":
            self.client.sendall(send("managed_accounts", accounts="DU1") + send("next_valid_id", order_id=1))
        elif request.name == "req_contract_details":
            number = int(values["symbol"][1:])
            details = {"symbol": values["symbol"], "local_symbol": values["symbol"], "sec_type": "STK",
                       "con_id": number + 1, "exchange": "SMART", "currency": "USD"}
            self.client.sendall(send("contract_details", request_id=values["request_id"], **details)
                                + send("contract_details_end", request_id=values["request_id"]))
        elif "con_id" in values:
            by_tick = {"AllLast": "all_last", "BidAsk": "quotes"}.get(values.get("tick_kind", ""))
            stream = by_tick or STREAM_OF_REQUEST[request.name]
            self.found[stream][values["con_id"] - 1] = values["request_id"]


@contextmanager
def answering(feeder: Feeder) -> Iterator[None]:
    """Return a context in which the client is told the time where it asks: else it would take the line for dead."""
    done = threading.Event()

    def answer() -> None:
        while not done.is_set():
            if select.select([feeder.client], [], [], 0.1)[0] and (data := feeder.client.recv(1 << 16)):
                for event in feeder.connection.receive(data):
                    if isinstance(event, Decoded) and event.name == "req_current_time":
                        feeder.client.sendall(feeder.connection.send("current_time", time=int(time.time())))

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def send_steadily(client: socket.socket, frames: list[bytes], per_second: int, seconds: int) -> None:
    """Send frames at a pace, in pieces of 5 ms."""
    piece, begin, at = per_second // 200, time.perf_counter(), 0
    for n in range(seconds * 200):
        client.sendall(b"".join(frames[at : at + piece]))
        at = (at + piece) % (len(frames) - piece)
        time.sleep(max(0.0, begin + (n + 1) / 200 - time.perf_counter()))


def main() -> None:
    """Serve one client."""
    path, ids_path, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        server.settimeout(PATIENCE_S)
        client, _ = server.accept()
    client.settimeout(PATIENCE_S)
    feeder = Feeder(client)
    ids = feeder.until_subscribed()
    with answering(feeder):
        frames = list(mix(ids, count))
        data = b"".join(frames)
    ids_path.write_text(json.dumps(ids))
    path.write_bytes(data)
    print("ready", flush=True)
    sys.stdin.readline()
    with suppress(ConnectionError):  # the recorder may have seen enough
        if len(sys.argv) > 4:
            send_steadily(client, frames, int(sys.argv[4]), int(sys.argv[5]))
        else:
            client.sendall(data)
        print("sent", flush=True)
        while client.recv(1 << 16):
            pass


if __name__ == "__main__":
    main()
