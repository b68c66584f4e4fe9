"""The sealer process: seals the dates of a lake that are over, clears away what sealing replaced, and ends.

    python -m capture.lake.processes.sealer DATA [RETENTION]

RETENTION is JSON: after sealing, what is older than these days goes (see capture.lake.proof.prune). A roller starts it;
its memory is free again when it has ended, and rolling goes on meanwhile. When nothing else is due it compacts the
archive (see capture.lake.row_groups.compactor).
"""

import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from capture.child_process import begin, fail
from capture.lake.layout import Layout
from capture.lake.row_groups.compacted import CompactedDays
from capture.lake.sealed import SealerBusyError
from capture.lake.sealing import Sealed, Sealer

from .timed_keeper import Keeper

NICENESS = 15
LOOK_INTERVAL_S = 60.0
COMPACT_INTERVAL_S = 600.0

log = logging.getLogger("ticktape.sealer")


class SealerKeeper(Keeper):
    """Starts a sealer now and then, where there is something to seal, to clear or to compact."""

    def __init__(self, layout: Layout, retention: str = "{}") -> None:
        super().__init__("capture.lake.processes.sealer", [str(layout.root), retention], LOOK_INTERVAL_S)
        self._layout = layout
        self._compacting_s = time.monotonic()  # when it is looked next whether there is something to compact

    def has_work(self) -> bool:
        """Return whether a date can be sealed, live files can go, or, now and then, the archive can be compacted."""
        sealer = Sealer(self._layout)
        return bool(sealer.due() or sealer.clearable() or self._compacts())

    def _compacts(self) -> bool:
        if time.monotonic() < self._compacting_s:
            return False
        self._compacting_s = time.monotonic() + COMPACT_INTERVAL_S
        return bool(CompactedDays(self._layout).due())


def main() -> None:
    """Run as a process of its own."""
    from capture.lake.proof.prune import PruneError, prune  # late: the roller, which starts this, stays without
    from capture.lake.row_groups.compactor import CompactorBusyError

    begin("sealer", NICENESS)
    layout = Layout(Path(sys.argv[1]))
    retention = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    try:
        sealed = list(_seal(Sealer(layout)))
        if sealed and retention:  # once a day: of tapes it reads much
            log.info("pruned %d bytes", prune(layout, retention))
        _compact(layout)
    except (SealerBusyError, CompactorBusyError):
        pass  # another recorder's: it seals for all
    except PruneError as error:
        fail("sealer", str(error))
    except OSError as error:
        fail("sealer", f"{error}; the date stays as it is, and nothing is lost")


def _seal(sealer: Sealer) -> Iterator[Sealed]:
    for sealed in sealer.seal():
        log.info("sealed %s: %d rows in %.1f s", sealed.day, sum(sealed.rows.values()), sealed.seconds)
        yield sealed
    sealer.clear()


def _compact(layout: Layout) -> None:
    """Make archive files anew until a date can be sealed."""
    from capture.lake.row_groups.compactor import Compactor

    count, saved_bytes = 0, 0
    for done in Compactor(layout).compact():
        count, saved_bytes = count + 1, saved_bytes + done.before_bytes - done.after_bytes
        if done.fault:
            log.warning("%s stays as it is: %s", done.path, done.fault)
        if Sealer(layout).due():
            break
    if count:
        log.info("compacted %d files, by %d bytes", count, saved_bytes)


if __name__ == "__main__":
    main()
