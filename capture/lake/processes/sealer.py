"""The sealer process: seals the dates of a lake that are over, clears away what sealing replaced, and ends.

    python -m capture.lake.processes.sealer DATA [RETENTION]

RETENTION is JSON: after sealing, what is older than these days goes (see capture.lake.proof.prune). A roller starts it;
its memory is free again when it has ended, and rolling goes on meanwhile.
"""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from capture.child_process import begin, fail
from capture.lake.layout import Layout
from capture.lake.proof.prune import PruneError, prune
from capture.lake.sealed import SealerBusyError
from capture.lake.sealing import Sealed, Sealer

from .timed_keeper import Keeper

NICENESS = 15
LOOK_INTERVAL_S = 60.0

log = logging.getLogger("ticktape.sealer")


class SealerKeeper(Keeper):
    """Starts a sealer now and then, where there is something to seal or to clear."""

    def __init__(self, layout: Layout, retention: str = "{}") -> None:
        super().__init__("capture.lake.processes.sealer", [str(layout.root), retention], LOOK_INTERVAL_S)
        self._layout = layout

    def has_work(self) -> bool:
        """Return whether a date can be sealed, or live files can go."""
        sealer = Sealer(self._layout)
        return bool(sealer.due() or sealer.clearable())


def main() -> None:
    """Run as a process of its own."""
    begin("sealer", NICENESS)
    layout = Layout(Path(sys.argv[1]))
    retention = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    try:
        sealed = list(_seal(Sealer(layout)))
        if sealed and retention:  # once a day: of tapes it reads much
            log.info("pruned %d bytes", prune(layout, retention))
    except SealerBusyError:
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


if __name__ == "__main__":
    main()
