"""The sealer process: seals the dates of a lake that are over, clears away what sealing replaced, and ends.

    python -m capture.lake.sealer DATA

A roller starts it; its memory is free again when it has ended, and rolling goes on meanwhile.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from .layout import Layout
from .sealed import SealerBusyError
from .sealing import Sealer

NICENESS = 15
LOOK_INTERVAL_S = 60.0

log = logging.getLogger("ticktape.sealer")


class SealerKeeper:
    """Starts a sealer now and then, one at a time; `stop` ends it, which does no harm: the next one goes on."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._looked_s = -LOOK_INTERVAL_S
        self._process: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Start a sealer if it is time."""
        now_s = time.monotonic()
        if now_s - self._looked_s < LOOK_INTERVAL_S or (self._process and self._process.poll() is None):
            return
        self._looked_s = now_s
        sealer = Sealer(self._layout)
        if sealer.due() or sealer.clearable():
            command = [sys.executable, "-m", "capture.lake.sealer", str(self._layout.root)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """End a sealer that runs."""
        if self._process:
            self._process.terminate()
            self._process.wait()


def main() -> None:
    """Run as a process of its own."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="ticktape sealer: %(message)s")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C reaches the recorder, which then ends us
    with suppress(OSError):
        os.nice(NICENESS)
    sealer = Sealer(Layout(Path(sys.argv[1])))
    try:
        for sealed in sealer.seal():
            log.info("sealed %s: %d rows in %.1f s", sealed.day, sum(sealed.rows.values()), sealed.seconds)
        sealer.clear()
    except SealerBusyError:
        pass  # another recorder's: it seals for all
    except OSError as error:
        sys.exit(f"ticktape sealer: {error}; the date stays as it is, and nothing is lost")


if __name__ == "__main__":
    main()
