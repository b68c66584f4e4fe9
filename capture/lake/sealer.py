"""The sealer process: seals the dates of a lake that are over, clears away what sealing replaced, and ends.

    python -m capture.lake.sealer DATA [RETENTION]

RETENTION is JSON: after sealing, what is older than these days goes (see capture.lake.prune). A roller starts it; its
memory is free again when it has ended, and rolling goes on meanwhile.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .layout import Layout
from .prune import PruneError, prune
from .sealed import SealerBusyError
from .sealing import Sealed, Sealer

NICENESS = 15
LOOK_INTERVAL_S = 60.0

log = logging.getLogger("ticktape.sealer")


class SealerKeeper:
    """Starts a sealer now and then, one at a time; `stop` ends it, which does no harm: the next one goes on."""

    def __init__(self, layout: Layout, retention: str = "{}") -> None:
        self._layout, self._retention = layout, retention
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
            command = [sys.executable, "-m", "capture.lake.sealer", str(self._layout.root), self._retention]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        """End a sealer that runs."""
        if self._process:
            self._process.terminate()
            self._process.wait()


def main() -> None:
    """Run as a process of its own."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="ticktape sealer: %(message)s")
    for name in (signal.SIGINT, signal.SIGHUP):  # of a terminal they reach the recorder, which then ends us
        signal.signal(name, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)
    layout = Layout(Path(sys.argv[1]))
    retention = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    try:
        sealed = list(_seal(Sealer(layout)))
        if sealed and retention:  # once a day: of tapes it reads much
            log.info("pruned %d bytes", prune(layout, retention))
    except SealerBusyError:
        pass  # another recorder's: it seals for all
    except PruneError as error:
        sys.exit(f"ticktape sealer: {error}")
    except OSError as error:
        sys.exit(f"ticktape sealer: {error}; the date stays as it is, and nothing is lost")


def _seal(sealer: Sealer) -> Iterator[Sealed]:
    for sealed in sealer.seal():
        log.info("sealed %s: %d rows in %.1f s", sealed.day, sum(sealed.rows.values()), sealed.seconds)
        yield sealed
    sealer.clear()


if __name__ == "__main__":
    main()
