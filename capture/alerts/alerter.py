"""The alerter: a process that looks at a data folder, and tells what its alerts want told.

    python -m capture.alerts.alerter DATA PID <settings

PID is the recorder's beside which it runs: it ends with it, but where that was killed only once it has told so. What it
is told on stdin is what `capture.wanted.alert_block.spelled` gives: addresses are secret, and arguments of processes
are not. Of several for one data folder one works, and the others wait for their turn.
"""

import fcntl
import os
import signal
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from capture.child_process import begin, fail
from capture.data_folder import ALERT_LOCK
from capture.lake.process_lock import locked
from capture.publish import PRIVATE, make_folder
from capture.trouble_kinds import KINDS
from capture.wanted.alert_block import AlertBlock, Telling, unspelled

from .account_watch import ACCOUNT_KINDS, AccountWatch
from .actions import ActionError, ask
from .alive import Alive
from .courier import Couriers
from .desk import Desk, Sight, log
from .lookout import Lookout, plain
from .mutes import read_mutes

LOOK_INTERVAL_S = 2.0
IDLE_S, FOLLOW_S = 0.2, 0.02  # between two steps; where accounts are watched
TURN_S = 1.0  # between two looks whether another alerter is gone
STOP_WITHIN_S = 5.0
LINGER_S = 30.0  # beyond the time that trouble must last, of an alerter whose recorder was killed


class AlerterBusyError(OSError):
    """Another process tells the troubles of this data folder."""


class End:
    """Whether this process is to end: it was told by a signal, or has outlived the recorder beside which it runs."""

    def __init__(self, parent: int | None, linger_s: float) -> None:
        self.told = False
        self._parent, self._linger_s = parent, linger_s
        self._orphan_s: float | None = None

    def tell(self, *_: object) -> None:
        """Tell it; may be called at any moment."""
        self.told = True

    def has_come(self) -> bool:
        """Return whether to end now."""
        if self._parent is not None and os.getppid() != self._parent:
            self._orphan_s = self._orphan_s or time.monotonic()
        return self.told or (self._orphan_s is not None and time.monotonic() - self._orphan_s > self._linger_s)


class Alerter:
    """Tells the troubles of a data folder, and asks an address as a sign of life, where one is named."""

    def __init__(self, data: Path, telling: Telling) -> None:
        self._data, self._ping, blocks = data, telling.ping, telling.blocks
        self.desk = Desk(blocks, data, telling.since_s)
        wanted = frozenset[str]().union(*(block.kinds for block in blocks)) & ACCOUNT_KINDS
        self._accounts = AccountWatch(data, self.desk.places, wanted) if wanted else None
        self.idle_s = FOLLOW_S if wanted else IDLE_S
        self._lookout, self._alive = Lookout(data, blocks, self._accounts), Alive()
        self._couriers = Couriers(self.desk)
        self._pool = ThreadPoolExecutor(2)
        self._looking: Future[None] | None = None
        self._ping_failed, self._fault = False, ""
        self._due_s = 0.0

    def step(self) -> None:
        """Do what is due; looking and pinging are done beside, as they may take long."""
        if self._looking and self._looking.done():
            self._take(self._looking.exception())
            self._looking = None
        if self._looking is None and time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + LOOK_INTERVAL_S
            self._looking = self._pool.submit(self.look)

        if self._accounts:
            self._follow(self._accounts)

    def _take(self, error: BaseException | None) -> None:
        """Say once why looking failed: it is tried again, what accounts do is told meanwhile, and no sign of life is
        given.
        """
        said = f"{type(error).__name__}: {error}" if error else ""
        if said and said != self._fault:
            log.warning("troubles cannot be looked for: %s; it is tried again", said)
        self._fault = said

    def _follow(self, accounts: AccountWatch) -> None:
        """Tell what happened to accounts; where the tapes are read to goes to disk with it."""
        news = accounts.poll()
        with self.desk.changed:
            self.desk.places = accounts.places
            if news:
                self.desk.happened(time.time(), [(None, plain(one)) for one in news])

    def look(self) -> None:
        """Look at all that may be trouble, and give the sign of life."""
        now_s = time.time()
        if self._accounts:
            self._accounts.find_tapes()
        found, sights = self._lookout.look(datetime.fromtimestamp(now_s, UTC))
        self.desk.mutes = read_mutes(self._data)
        happened: list[Sight] = [one for one in sights if KINDS[one[1]["kind"]].happens]
        self.desk.look(now_s, [one for one in sights if not KINDS[one[1]["kind"]].happens])
        self.desk.happened(now_s, happened)
        if self._ping and found and self._alive.due(now_s, found.recorders):
            self._pool.submit(self._give_sign)

    def close(self) -> None:
        """Send what is due, keep what is to be known, and end."""
        self._pool.shutdown()
        self._couriers.stop(STOP_WITHIN_S)
        self.desk.save()
        self._lookout.close()

    def _give_sign(self) -> None:
        try:
            ask(self._ping.get_secret_value())
            self._ping_failed = False
        except ActionError as error:
            if not self._ping_failed:
                log.warning("the sign of life was not taken: %s; it is tried again each minute", error)
            self._ping_failed = True


def run(data: Path, telling: Telling, end: End) -> None:
    """Tell troubles until the end has come; waits for its turn where another alerter works."""
    make_folder(data, PRIVATE)
    make_folder((data / ALERT_LOCK).parent)
    said = False
    while not end.has_come():
        busy = AlerterBusyError(f"another process tells the troubles of {data}: this one waits for its turn")
        try:
            with locked(data / ALERT_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB, busy):
                _work(Alerter(data, telling), end)
                return
        except AlerterBusyError as error:
            if not said:
                log.warning("%s", error)
            said = True
        time.sleep(TURN_S)


def _work(alerter: Alerter, end: End) -> None:
    try:
        while not end.has_come():
            alerter.step()
            time.sleep(alerter.idle_s)
    finally:
        alerter.close()


def linger_s(blocks: list[AlertBlock]) -> float:
    """Return how long an alerter outlives a recorder that was killed: until it has told so."""
    return max((block.for_s for block in blocks), default=0.0) + LINGER_S


def main() -> None:
    """Run as a process of its own, which ends with SIGTERM or with its recorder."""
    data, parent = Path(sys.argv[1]), int(sys.argv[2])
    telling = unspelled(sys.stdin.buffer.read())
    end = End(parent, linger_s(telling.blocks))
    signal.signal(signal.SIGTERM, end.tell)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # held back by the recorder until now
    begin("alerter")
    with suppress(KeyboardInterrupt):
        try:
            run(data, telling, end)
        except OSError as error:
            fail("alerter", f"{error}; recording goes on without it")


if __name__ == "__main__":
    main()
