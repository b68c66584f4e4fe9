"""The checker process: goes on with the round over the archive, slowly, and ends when nothing is due.

    python -m capture.lake.processes.checker DATA PID

A roller starts it, whose process PID is. Another recorder's checker does the round for all.
"""

import fcntl
import logging
import os
import sys
import time
from pathlib import Path

from capture.child_process import begin, fail
from capture.data_folder import CHECKER_LOCK
from capture.lake.layout import Layout
from capture.lake.process_lock import locked

from .timed_keeper import Keeper

NICENESS = 19
FIRST_LOOK_S, LOOK_INTERVAL_S = 60.0, 3_600.0
# Of rows in memory: a tenth of a core, and 80 TB in 30 days.
BYTES_PER_S = 32 << 20

log = logging.getLogger("ticktape.checker")


class CheckerBusyError(OSError):
    """Another process reads this lake's archive."""


class CheckerKeeper(Keeper):
    """Starts a checker now and then."""

    def __init__(self, layout: Layout) -> None:
        arguments = [str(layout.root), str(os.getpid())]
        super().__init__("capture.lake.processes.checker", arguments, LOOK_INTERVAL_S, FIRST_LOOK_S)


def check(layout: Layout, parent: int) -> None:
    """Read what is due, until `parent` is no longer this process's parent. Raises CheckerBusyError."""
    from capture.lake.proof.file_round import Round  # late: the roller, which starts this, stays without

    def pace(size_bytes: int) -> None:
        time.sleep(size_bytes / BYTES_PER_S)
        if os.getppid() != parent:
            raise SystemExit

    busy = CheckerBusyError(f"the archive in {layout.root} is being read by another process")
    with locked(layout.root / CHECKER_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB, busy):
        for checked in Round(layout, pace).check():
            if checked.fault:
                log.info("%s: %s", checked.path, checked.fault)  # the recorder says it


def main() -> None:
    """Run as a process of its own."""
    begin("checker", NICENESS)
    try:
        check(Layout(Path(sys.argv[1])), int(sys.argv[2]))
    except CheckerBusyError:
        pass
    except OSError as error:
        fail("checker", f"{error}; files of the archive are not being looked at")


if __name__ == "__main__":
    main()
