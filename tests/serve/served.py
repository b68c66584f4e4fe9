"""A lake, what its recorder says, and `ticktape serve` over both as a process of its own."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from capture.data_folder import ROLLER_STATUS, STATUS
from capture.lake.layout import Layout
from capture.lake.roll import first_unrolled
from capture.status_model import write_status
from capture.tape import segments
from tests.watch.conftest import recorder, roller, stream

FORGED = "<img src=x onerror=alert(1)></script><script>alert(2)</script><br>"  # what IB's text could be


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def streams(count: int = 3) -> list[dict[str, Any]]:
    """Return streams as a recorder says them: one refused with a forged text, the rest flowing."""
    found = [stream(f"S{number:04}", last_row=ago(1), rows=number, since=ago(600)) for number in range(count - 1)]
    return [*found, stream("EVIL", "refused", code=200, message=f"EVIL trades: {FORGED}", last_row=None, rows=0,
                           rows_per_second=0.0, since=ago(600))]  # fmt: skip


def tell(data: Path, **more: Any) -> None:
    """Have the recorder say something now, and live on without saying more."""
    layout = Layout(data)
    rolled = first_unrolled(layout, "main", segments(layout.tape / "main"))
    said = recorder(pid=os.getpid(), started=ago(900), written=ago(0), line_since=ago(900),
                    mark=rolled.mark if rolled else 0, **({"streams": streams()} | more))
    for name, what in ((STATUS, said), (ROLLER_STATUS, roller(pid=os.getpid(), written=ago(0)))):
        write_status(data / "tape" / "main" / name, what)
        os.utime(data / "tape" / "main" / name, (time.time() + 3_600,) * 2)


@dataclass
class Served:
    """`ticktape serve` while it runs; `ask` sends a request, as logged in unless told otherwise."""

    data: Path
    options: tuple[str, ...] = ()
    cookie: str = field(default="", init=False)

    def __post_init__(self) -> None:
        command = [sys.executable, "-m", "capture.cli", "serve", "--data", str(self.data), "--port=0", "--access-log"]
        self.log = self.data.parent / f"serve-{id(self)}.log"
        self.process = subprocess.Popen([*command, *self.options], stdout=subprocess.PIPE, text=True,
                                        stderr=self.log.open("w"))  # fmt: skip
        self.address = self.printed()
        self.origin = self.address.partition("/login")[0]
        self.host = urlsplit(self.origin).netloc

    def printed(self) -> str:
        """Return the next address that it prints."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def log_in(self) -> None:
        """Use the token up, as a browser does."""
        answer = self.ask(self.address.removeprefix(self.origin), cookie=None)
        assert answer.status == 303, answer.text
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def ask(
        self, path: str, method: str = "GET", *, cookie: str | None = "", body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "Answered":
        """Send a request with the cookie that was got, another, or None."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        given = self.cookie if cookie == "" else cookie
        sent = {**({"Cookie": given} if given else {}), **({"Origin": self.origin} if method == "POST" else {}),
                **(headers or {})}  # fmt: skip
        connection.request(method, path, body, sent)
        found = connection.getresponse()
        answer = Answered(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        connection.close()
        return answer

    def close(self) -> None:
        self.process.terminate()
        assert self.process.wait(60) == 0, self.log.read_text()
        assert self.process.stdout
        self.process.stdout.close()


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode()
