"""The roller process: rolls a recorder's tape until it is told to stop, or its recorder is gone.

    python -m capture.lake.roller DATA RECORDER
"""

import fcntl
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from .layout import Layout
from .roll import Roller
from .views import prepare

POLL_S = 0.2

log = logging.getLogger("ticktape.roller")


def run(data: Path, recorder: str, stop: threading.Event, parent: int | None = None) -> None:
    """Roll until `stop` is set, or until the process `parent` is gone; then once more up to the last mark."""
    layout = Layout(data)
    prepare(layout)
    roller = Roller(layout, recorder)
    while True:
        # Seen before rolling: whatever was on the tape by then is rolled before leaving.
        last = stop.wait(POLL_S) or (parent is not None and os.getppid() != parent)
        for rolled in roller.roll():
            log.info("rolled mark %d: %d frames, %d rows", rolled.from_mark, rolled.frames, sum(rolled.rows.values()))
        if last:
            return


def main() -> None:
    """Run as a process of its own, which ends with SIGTERM or with its recorder."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="ticktape roller: %(message)s")
    data, recorder = Path(sys.argv[1]), sys.argv[2]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the recorder, which then ends us
    parent = os.getppid()
    with (data / "tape" / recorder / "roller.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # wait for one that is finishing after its recorder was killed
        run(data, recorder, stop, parent)


if __name__ == "__main__":
    main()
