"""The processes of the test: gateways, and recorders with their rollers, which are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

TICKTAPE = [sys.executable, "-m", "capture.cli"]
# Marks, segments and syncs as often as can be, no waiting for IB's limits, and all patience with the hello.
OFTEN = {
    "ROLL_INTERVAL_S": "1", "SYNC_INTERVAL_S": "0.3", "SEGMENT_SIZE_BYTES": "65536", "MARKET_DATA_LINES": "0",
    "REQUESTS_PER_SECOND": "1000", "CONNECT_TIMEOUT_S": "0",
    "HANDSHAKE_TIMEOUT_S": "600",
}  # fmt: skip


@contextmanager
def gateway(seed: int, rate: float) -> Iterator[int]:
    """Run a gateway in a process of its own and return its port."""
    options = ["--port", "0", "--seed", str(seed), "--rate", str(rate), "--lines", "0"]
    with subprocess.Popen([*TICKTAPE, "gateway", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as one:
        try:
            assert one.stdout
            yield int(one.stdout.readline().rpartition(b":")[2])
        finally:
            one.terminate()


class RecorderProcess:
    """`ticktape record` with its roller, started at once. What it says goes to the file `words`."""

    def __init__(
        self, data: Path, client_id: int, port: int, instruments: list[str], streams: str, words: IO[str]
    ) -> None:
        options = [f"--streams={streams}", f"--port={port}", f"--client-id={client_id}", f"--data={data}"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TICKTAPE_")}
        environment |= {f"TICKTAPE_{name}": value for name, value in OFTEN.items()}
        self.process = subprocess.Popen([*TICKTAPE, "record", *instruments, *options], cwd=data.parent,
                                        env=environment, stderr=words, stdin=subprocess.DEVNULL)  # fmt: skip
        self._started_s = time.monotonic()

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._started_s

    def roller(self) -> psutil.Process | None:
        """Return the recorder's roller, None while there is none."""
        children = [child for child in psutil.Process(self.process.pid).children() if is_alive(child)]
        assert len(children) <= 1
        return children[0] if children else None

    def freeze(self) -> None:
        """Stop the recorder wherever it is; it is as it would be killed there."""
        self.process.send_signal(signal.SIGSTOP)
        while psutil.Process(self.process.pid).status() != psutil.STATUS_STOPPED:
            time.sleep(0.001)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def processes_of(data: Path) -> list[psutil.Process]:
    """Return all processes, recorders and rollers, that were started for a data folder."""
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if str(data) in " ".join(one.info["cmdline"] or ()) and is_alive(one)]
