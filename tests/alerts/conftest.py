"""A web server on loopback that takes messages, and what alerts need to run."""

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import pytest

from capture.wanted.alert_block import AlertBlock

SECRET = "hunter2"


class Hook:
    """Takes requests: `answers` are given first, each a status, then 200; `hold` keeps answers back while it is set."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.came_s: list[float] = []
        self.hold = Event()
        self._lock = Lock()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                came_s = time.time()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with hook._lock:
                    hook.requests.append((self.command, self.path, dict(self.headers), body))
                    hook.came_s.append(came_s)
                    status = hook.answers.pop(0) if hook.answers else 200
                while hook.hold.is_set():
                    time.sleep(0.01)
                try:
                    self.send_response(status)
                    if 300 <= status < 400:
                        self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # whoever asked was killed

            do_GET = do_POST = do_PUT = _take  # noqa: N815  # names of http.server

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/services/{SECRET}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def messages(self) -> list[dict[str, Any]]:
        with self._lock:
            return [json.loads(body) for _, _, _, body in self.requests if body]

    def close(self) -> None:
        self.hold.clear()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    served = Hook()
    yield served
    served.close()


def block(**more: Any) -> AlertBlock:
    given = {"name": "test", "what": ["all"], "for_s": 0.0, "keep_firing_s": 0.0, **more}
    if not given.keys() & {"webhook", "command", "apprise"}:
        given["command"] = ["true"]
    return AlertBlock(**given)


def trouble(kind: str = "line-lost", name: str = "main", severity: str = "alarm", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "key": f"{kind}:{name}", "severity": severity, "subject": "line", "name": name,
            "since": None, "cause": "it broke", "remedy": "mend it", "facts": {}, "text": f"{name}: it broke",
            **more}  # fmt: skip


def until(condition: Callable[[], Any], limit_s: float = 60.0) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.01)


def texts_below(folder: Path) -> str:
    return "".join(path.read_text("utf-8", "replace") for path in folder.rglob("*") if path.is_file())
