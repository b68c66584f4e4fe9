"""How long it takes from the bytes of a fill to an action on it, and what watching for it costs.

    python -m bench.alerts [--fills N] [--rate N]

`ticktape alerts run` has an alert on fills whose action is a webhook on this machine. A tape is written as a recorder
writes it, with so many trades a second, and now and then a fill: from the moment at which its bytes are on the tape to
the moment at which the webhook has the request is what counts. Measured are also the CPU of the process while nothing
is written, and while trades are, and what it takes without an alert of accounts.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import psutil

from capture.tape import TapeWriter
from capture.wire.line import Line
from capture.wire.text.codec import answer_codec, request_codec
from capture.wire.text.framing import frame
from capture.wire.text.handshake import ServerHello, client_hello, server_hello

HELLO = ServerHello(200, "20260105 14:30:00 UTC")
SESSION = {"host": "127.0.0.1", "port": 4002, "client_id": 7, "software": "ticktape bench"}
CONTRACT = {"con_id": 265598, "symbol": "AAPL", "local_symbol": "AAPL", "sec_type": "STK", "exchange": "SMART"}
READ_S = 0.01  # between two reads of the socket
STEADY_S = 20.0  # over which CPU is measured
BEGINS_S = 8.0  # by when the process has found the tape


CAME_S: dict[str, float] = {}  # of each fill, when its message came


class Hook(BaseHTTPRequestHandler):
    """Notes when messages come."""

    def do_POST(self) -> None:  # http.server's name
        """Take a message."""
        now_s = time.time()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for one in body["troubles"]:
            CAME_S.setdefault(one["key"], now_s)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Market:
    """Writes a tape: trades at a rate, and fills when told to."""

    def __init__(self, data: Path) -> None:
        self.answers, self._requests = answer_codec(HELLO.server_version), request_codec(HELLO.server_version)
        line = Line()
        (data / "tape").mkdir(parents=True)
        self.writer = TapeWriter.open(data / "tape", "main", line.as_mark(1))
        self.writer.opened(SESSION)
        self.writer.sent(client_hello(157, 200))
        self.writer.received(server_hello(HELLO))
        asked = {"request_id": 1, "tick_kind": "AllLast", **CONTRACT}
        self.writer.sent(frame(self._requests.encode("req_tick_by_tick", asked)))
        self.trade = frame(self.answers.encode("tick_by_tick", {
            "request_id": 1, "kind": 2, "time": 1_767_623_400, "price": 227.5, "size": 100, "mask": 0,
            "exchange": "NASDAQ", "conditions": ""}))

    def fill(self, execution_id: str) -> float:
        """Write a fill, and return when its bytes were there."""
        self.writer.received(frame(self.answers.encode("execution_details", {
            "request_id": -1, "execution_id": execution_id, "time": datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S"),
            "account": "DU1234567", "execution_exchange": "NASDAQ", "side": "BOT", "shares": 100.0, "price": 227.1,
            "permanent_id": 77, "client_id": 3, "order_id": 5, "cumulative_quantity": 100.0, "average_price": 227.1,
            "last_liquidity": 1, "ev_rule": "", "ev_multiplier": None, "pending_price_revision": False, **CONTRACT})))
        return time.time()

    def run(self, rate: float, lasts_s: float) -> None:
        """Write trades for a while, a read each READ_S."""
        begin_s, written = time.monotonic(), 0
        while (since_s := time.monotonic() - begin_s) < lasts_s:
            due = int(since_s * rate) - written
            if due:
                self.writer.received(self.trade * due)
                written += due
            time.sleep(READ_S)


@contextmanager
def alerter(folder: Path, port: int, kind: str) -> Iterator[psutil.Process]:
    """Run `ticktape alerts run` with an alert of a kind."""
    settings = folder / f"{kind}.toml"
    settings.write_text(f'data = "{folder / "data"}"\n[[alert]]\nwhat = ["{kind}"]\n'
                        f'webhook = "http://127.0.0.1:{port}/hook"\n')
    process = subprocess.Popen([sys.executable, "-m", "capture.cli", "alerts", "run", "--config", settings],
                               stderr=subprocess.DEVNULL, env={**os.environ, "no_proxy": "*"})
    time.sleep(BEGINS_S)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def cpu(process: psutil.Process, lasts_s: float, market: Market | None = None, rate: float = 0.0) -> float:
    """Return the share of a core that a process takes for a while."""
    def used_s() -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    before, begin_s = used_s(), time.monotonic()
    market.run(rate, lasts_s) if market else time.sleep(lasts_s)
    return (used_s() - before) / (time.monotonic() - begin_s)


def fills(market: Market, count: int, rate: float, name: str) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Write fills among trades, and return how long each took to the webhook, in milliseconds."""
    written_s = {}
    for number in range(count):
        market.run(rate, random.uniform(0.05, 0.15))
        written_s[f"fill:{name}.{number}"] = market.fill(f"{name}.{number}")
    market.run(rate, 2.0)
    missing = written_s.keys() - CAME_S.keys()
    assert not missing, f"{len(missing)} fills were not told"
    return np.array([CAME_S[key] - at_s for key, at_s in written_s.items()]) * 1e3


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fills", type=int, default=300)
    parser.add_argument("--rate", type=float, default=10_000, help="trades a second beside them")
    asked = parser.parse_args()
    server = HTTPServer(("127.0.0.1", 0), Hook)
    Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        market = Market(folder / "data")
        with alerter(folder, server.server_port, "line-lost") as process:
            print(f"no alert of accounts: {cpu(process, STEADY_S):.2%} of a core, "
                  f"{process.memory_info().rss / 2**20:,.0f} MiB")
        with alerter(folder, server.server_port, "fill") as process:
            print(f"an alert on fills, tape at rest: {cpu(process, STEADY_S):.2%} of a core, "
                  f"{process.memory_info().rss / 2**20:,.0f} MiB")
            print(f"at {asked.rate:,.0f} trades a second: {cpu(process, STEADY_S, market, asked.rate):.2%} of a core\n")
            print(f"{'from bytes to webhook':<32}{'fills':>8}{'p50 ms':>10}{'p99 ms':>10}{'most ms':>10}")
            for rate, what in ((0.0, "tape at rest"), (asked.rate, f"{asked.rate:,.0f} trades a second")):
                late = fills(market, asked.fills, rate, f"{rate:g}")
                half, nearly, most = np.percentile(late, [50, 99, 100])
                print(f"{what:<32}{len(late):>8}{half:>10.1f}{nearly:>10.1f}{most:>10.1f}")
        market.writer.close()


if __name__ == "__main__":
    main()
