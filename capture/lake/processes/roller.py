"""The roller process: rolls a recorder's tape until it is told to stop, or its recorder is gone (D63).

    python -m capture.lake.processes.roller DATA RECORDER PID [RETENTION]

PID is the recorder's: said rather than asked for, as a recorder may die before this process has begun. RETENTION is for
the sealer.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from capture.child_process import begin, fail
from capture.lake.layout import Layout
from capture.lake.process_lock import RollerBusyError, roller_lock
from capture.lake.roll import Roller
from capture.lake.views import is_prepared

from .auditor import AuditorKeeper
from .checker import CheckerKeeper
from .roll_counts import RollCounts
from .sealer import SealerKeeper
from .timed_keeper import Keeper

POLL_S = 0.2
BUSY_S = 1.0

# mallopt's numbers: trim threshold, top pad, and from which size on a request goes to the system by itself.
_MALLOC_OPTIONS = {-1: 512 << 20, -2: 64 << 20, -3: 256 << 20}

log = logging.getLogger("ticktape.roller")


class End:
    """Whether this process was told to end by a signal.

    No threading.Event: a signal that comes while its lock is held by who waits would wait for that lock, for ever.
    """

    def __init__(self) -> None:
        self.told = False

    def tell(self, *_: object) -> None:
        """Tell it; may be called at any moment."""
        self.told = True


def run(data: Path, recorder: str, end: End, parent: int, retention: str = "{}") -> None:
    """Roll until `end` is told, or until `parent` is no longer this process's parent; then up to the last mark.

    Waits for its turn where another roller is still finishing after its recorder was killed; told to stop meanwhile,
    it leaves the rolling to that one.
    """
    said = False
    while True:
        try:
            with roller_lock(Layout(data), recorder):
                _roll(Layout(data), recorder, end, parent, retention)
                return
        except RollerBusyError as error:
            if not said:
                log.warning("%s", error)
            said = True
        if _told(end, parent, BUSY_S):
            return


def _roll(layout: Layout, recorder: str, end: End, parent: int, retention: str) -> None:
    prepare(layout)
    roller = Roller(layout, recorder)
    keepers: dict[str, Keeper] = {"sealer": SealerKeeper(layout, retention), "checker": CheckerKeeper(layout),
                                  "auditor": AuditorKeeper(layout)}
    counts = RollCounts(layout, recorder)
    try:
        while True:
            # Seen before rolling: whatever was on the tape by then is rolled before leaving.
            last = _told(end, parent, POLL_S)
            begun_s = time.monotonic()
            for rolled in roller.roll():
                rows = sum(rolled.rows.values())
                log.info("rolled mark %d: %d frames, %d rows", rolled.from_mark, rolled.frames, rows)
                now_s = time.monotonic()
                counts.rolled(rolled, now_s - begun_s)
                counts.tell(now_s)  # where there is much to roll, too: by it others see that the roller lives
                begun_s = now_s
            counts.tell(time.monotonic(), last)
            if last:
                return
            for keeper in keepers.values():
                keeper.look()
            counts.fails(**{name: keeper.failing for name, keeper in keepers.items()})
    finally:
        for keeper in reversed(keepers.values()):
            keeper.stop()


def prepare(layout: Layout) -> None:
    """Have what a lake lacks made by a process of its own, which says what keeps it from that; this one then ends."""
    command = [sys.executable, "-m", "capture.lake.processes.preparer", str(layout.root)]
    if not is_prepared(layout) and (code := subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode):
        sys.exit(code)


def _told(end: End, parent: int, wait_s: float) -> bool:
    """Wait a while, and return whether this process is to end."""
    if not end.told:
        time.sleep(wait_s)
    return end.told or os.getppid() != parent


def keep_memory() -> None:
    """Have the C library keep the memory that is given back, up to some limit, instead of returning it at once.

    Each range needs the same large arrays again, and getting their pages anew from the system took a tenth of the time.
    """
    with suppress(OSError, AttributeError):  # a C library that has no such setting
        set_option = ctypes.CDLL(None).mallopt
        for option, size_bytes in _MALLOC_OPTIONS.items():
            set_option(option, size_bytes)


def main() -> None:
    """Run as a process of its own, which ends with SIGTERM or with its recorder."""
    data, recorder, parent = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    keep_memory()
    end = End()
    signal.signal(signal.SIGTERM, end.tell)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # held back by the recorder until now
    begin("roller")
    try:
        run(data, recorder, end, parent, *sys.argv[4:])
    except (OSError, pa.ArrowException) as error:
        # TapeError is one: a full disk, a folder that is gone; nothing on the tape is lost by it.
        fail("roller", f"{error}; nothing on the tape is lost, and rolling goes on from there")


if __name__ == "__main__":
    main()
