"""Prometheus and Alertmanager run: a stream that stalls fires by the packaged rules, and resolves when it flows."""

import http.server
import json
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from capture.watch.condition import Watcher
from capture.watch.metrics import exposition
from tests.debian import program

from .conftest import Told, stream
from .test_packaged_prometheus import PROMETHEUS

LONGEST_S = 120.0  # a busy machine's; a quiet one takes a few seconds


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(answer: Callable[[str, bytes], bytes]) -> Iterator[int]:
    """Serve on loopback what `answer` gives for a path and a body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = answer(self.path, self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _reply  # noqa: N815  # the library's names

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running(log: Path, *command: str) -> Iterator[None]:
    with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        try:
            yield
        finally:
            process.terminate()


def until(found: Callable[[], bool], log: Path) -> None:
    end_s = time.monotonic() + LONGEST_S
    while not found():
        assert time.monotonic() < end_s, log.read_text()
        time.sleep(0.2)


def quick(name: str, folder: Path, changes: dict[str, str]) -> Path:
    """Write a packaged file with other times and addresses."""
    text = (PROMETHEUS / name).read_text()
    for before, after in changes.items():
        assert re.search(before, text), before
        text = re.sub(before, after, text)
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.slow
def test_a_stalled_stream_fires_and_resolves(told: Told, tmp_path: Path) -> None:
    prometheus, alertmanager = program("prometheus"), program("prometheus-alertmanager")
    received: list[dict[str, Any]] = []
    alive: list[bytes] = []
    life = {"state": "flowing"}
    data = told(datetime.now(UTC))
    watcher = Watcher(data)
    begun_s = time.monotonic()

    def metrics(_path: str, _body: bytes) -> bytes:
        now = datetime.now(UTC)
        rows = int((time.monotonic() - begun_s) * 10)
        told(now, streams=[stream(last_row=now.isoformat(), rows=rows), stream(
            "MSFT", life["state"], message="silent: no row for 40 s", last_row=now.isoformat())])
        return exposition(watcher.look(now))

    def people(path: str, body: bytes) -> bytes:
        (alive.append(body) if path == "/ping" else received.extend(json.loads(body)["alerts"]))
        return b""

    def told_of(status: str) -> bool:
        return any(one["status"] == status and one["labels"].get("kind") == "stream-silent" for one in received)

    with serving(metrics) as target, serving(people) as hook:
        manager, port = free_port(), free_port()
        routes = quick("alertmanager.yml", tmp_path, {
            r"127\.0\.0\.1:909\d": f"127.0.0.1:{hook}", "group_wait: 30s": "group_wait: 0s",
            "group_interval: 5m": "group_interval: 1s", "group_interval: 1m": "group_interval: 1s"})
        quick("rules.yml", tmp_path, {"for: (60s|15m)": "for: 1s", "keep_firing_for: 5m": "keep_firing_for: 2s"})
        config = quick("prometheus.yml", tmp_path, {
            "interval: 15s": "interval: 1s", "127.0.0.1:9093": f"127.0.0.1:{manager}",
            "127.0.0.1:8017": f"127.0.0.1:{target}"})
        log = tmp_path / "log"
        with running(tmp_path / "alertmanager.log", alertmanager, f"--config.file={routes}",
                     f"--storage.path={tmp_path / 'am'}", "--cluster.listen-address=",
                     f"--web.listen-address=127.0.0.1:{manager}"), running(
                         log, prometheus, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'db'}",
                         f"--web.listen-address=127.0.0.1:{port}"):
            query = f"http://127.0.0.1:{port}/api/v1/query?query=ticktape_well"

            def scraped() -> bool:
                try:
                    with urllib.request.urlopen(query, timeout=5) as answer:
                        return bool(json.load(answer)["data"]["result"])
                except OSError:
                    return False

            until(scraped, log)
            assert not told_of("firing")
            life["state"] = "silent"
            until(lambda: told_of("firing"), log)
            life["state"] = "flowing"
            until(lambda: told_of("resolved"), log)
            until(lambda: bool(alive), log)  # the dead man's switch went to its own receiver
    assert {one["labels"]["alertname"] for one in received} == {"TicktapeAlarm"}
