"""What the page costs beside a recorder, and whether the recorder notices: CPU time, memory and lag.

    python -m bench.page [--seconds N] [--rate N]

A sender gives the product's recorder so many messages a second; `ticktape serve` runs beside it, in turn without
anybody, with one real browser on the page Now, and with 20 browsers: that one and 19 that take its stream of events,
while a page asks the lake now and then. CPU is the processes' own time, which other work on the machine hardly changes;
the recorder's lag is how long what the sender sent waited in its socket, looked at every 50 ms.
"""

import argparse
import http.client
import itertools
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import psutil
from playwright.sync_api import sync_playwright

from .ingest import TWO_CORES, recording, start_sending

FRAMES = 200_000
OTHERS = 19
LOOK_S, QUESTION_S = 0.05, 2.0
SETTLE_S = 6.0  # until all has started
QUESTIONS = ("/api/instruments", "/api/coverage", "/api/notices", "/api/prices?symbol=S1", "/api/disk")
CHROMIUM = "/usr/bin/chromium"


class Cost(NamedTuple):
    """What some seconds took: shares of a core in percent, MiB, and how long bytes waited in the recorder's socket."""

    bytes_per_s: float
    recorder_percent: float
    roller_percent: float
    page_percent: float
    page_mib: float
    lag_ms: tuple[float, float, float]  # p50, p99, most


def used_s(process: psutil.Process | None) -> float:
    """Return the CPU time of a process, and of its children that ended."""
    return sum(process.cpu_times()[:4]) if process else 0.0


def family(process: psutil.Process | None) -> list[psutil.Process]:
    """Return a process and all below it."""
    return [process, *process.children(recursive=True)] if process else []


def waiting_bytes(port: int) -> int:
    """Return how much lies in sockets between a sender's port and whoever reads from it."""
    found, name = 0, f"{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        sent, came = (int(part, 16) for part in queues.split(":"))
        found += came if remote.endswith(f":{name}") else sent if local.endswith(f":{name}") else 0
    return found


def tape_bytes(data: Path) -> int:
    """Return how much is on the tape, while no segment of it is finished: what came, with little beside it."""
    return sum(path.stat().st_size for path in data.glob("tape/main/*.tape"))


def measured(data: Path, recorder: psutil.Process, page: psutil.Process | None, port: int, seconds: float) -> Cost:
    """Return what some seconds from now cost."""
    roller, pages = recorder.children()[0], family(page)
    began_s, before = time.perf_counter(), [used_s(one) for one in (recorder, roller)]
    pages_s, waits, received = sum(map(used_s, pages)), [], tape_bytes(data)
    while time.perf_counter() - began_s < seconds:
        waits.append(waiting_bytes(port))
        time.sleep(LOOK_S)
    took_s = time.perf_counter() - began_s
    per_s = (tape_bytes(data) - received) / took_s
    own, rolling = (100 * (used_s(one) - past) / took_s for one, past in zip((recorder, roller), before, strict=True))
    now = family(page)
    page_s = sum(map(used_s, now)) - pages_s
    mib = sum(one.memory_full_info().pss for one in now) / 2**20
    lag = np.percentile(np.array(waits) / max(per_s, 1) * 1e3, [50, 99, 100])
    return Cost(per_s, own, rolling, 100 * page_s / took_s, mib, (lag[0], lag[1], lag[2]))


class Visitor:
    """Somebody who is let in by the printed address, and asks."""

    def __init__(self, address: str) -> None:
        self.address, self.host = address, urlsplit(address).netloc
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request("GET", address.partition(self.host)[2])
        self.cookie = (connection.getresponse().getheader("set-cookie") or "").partition(";")[0]
        assert self.cookie, "the printed address lets one in"

    def ask(self, path: str) -> int:
        """Return the status of an answer, which is read."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def listen(self) -> socket.socket:
        """Return a line that takes events."""
        name, port = self.host.split(":")
        line = socket.create_connection((name, int(port)))
        line.sendall(f"GET /live HTTP/1.1\r\nHost: {self.host}\r\nCookie: {self.cookie}\r\n\r\n".encode())
        return line


@contextmanager
def others(visitor: Visitor) -> Iterator[None]:
    """Have others take events, and one of them ask the lake."""
    done = Event()
    with selectors.DefaultSelector() as chosen, ExitStack() as lines:
        for _ in range(OTHERS):
            chosen.register(lines.enter_context(visitor.listen()), selectors.EVENT_READ)

        def take() -> None:
            while not done.is_set():
                for key, _ in chosen.select(0.2):
                    key.fileobj.recv(1 << 16)  # type: ignore[union-attr]  # it is a socket

        def ask() -> None:
            for path in itertools.cycle(QUESTIONS):
                if done.wait(QUESTION_S):
                    return
                assert visitor.ask(path) == 200, path

        threads = [Thread(target=one) for one in (take, ask)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="of each line of the table")
    parser.add_argument("--rate", type=int, default=10_000, help="messages a second")
    asked = parser.parse_args()
    found: list[tuple[str, Cost]] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, sends_s = Path(name), str(int(6 * asked.seconds + 300))
        feeder, recorder = stack.enter_context(recording(folder, FRAMES, TWO_CORES, str(asked.rate), sends_s))
        [port] = {line.laddr.port for line in psutil.Process(feeder.pid).net_connections()}
        start_sending(feeder)

        def note(what: str, page: psutil.Process | None) -> None:
            time.sleep(SETTLE_S)
            found.append((what, measured(folder / "data", recorder, page, port, asked.seconds)))

        note("no page", None)
        served = subprocess.Popen([sys.executable, "-m", "capture.cli", "serve", "--data", folder / "data", "--port=0"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        stack.callback(served.wait)
        stack.callback(served.terminate)
        assert served.stdout
        page = psutil.Process(served.pid)
        visitor = Visitor(served.stdout.readline().strip())
        note("the page, nobody there", page)
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=CHROMIUM)
        tab = browser.new_context()
        cookie, _, value = visitor.cookie.partition("=")
        tab.add_cookies([{"name": cookie, "value": value, "url": f"http://{visitor.host}"}])
        tab.new_page().goto(f"http://{visitor.host}/")
        note("1 browser on Now", page)
        with others(visitor):
            note("20 browsers, questions", page)
        browser.close()
        note("no browser again", page)
        frame_bytes = (folder / "bytes").stat().st_size / FRAMES
        recorder.terminate()  # its roller ends with it, and leaves the folder
        recorder.wait()
    print(f"{asked.rate:,} messages a second are sent, {asked.seconds:.0f} s each; load {psutil.getloadavg()[0]:.1f}\n")
    print(f"{'':<26}{'came/s':>8}{'recorder %':>12}{'roller %':>10}{'lag p50, p99, most ms':>24}{'page %':>9}"
          f"{'page MiB':>10}")  # fmt: skip
    for what, cost in found:
        lag = ", ".join(f"{ms:.1f}" for ms in cost.lag_ms)
        print(f"{what:<26}{cost.bytes_per_s / frame_bytes:>8,.0f}{cost.recorder_percent:>12.1f}"
              f"{cost.roller_percent:>10.1f}{lag:>24}{cost.page_percent:>9.2f}{cost.page_mib:>10.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
