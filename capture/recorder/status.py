"""What a recorder says of itself while it runs: status.json beside its tape.

It is written where something changed, and seldom: what it says is 180 bytes a stream (D61). That its recorder lives
shows in the file's time of change; the time since which its figures hold is in it.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from capture.account_alias import short_name
from capture.data_folder import STATUS
from capture.session.accounts.known_streams import KnownStream
from capture.session.history_job import State
from capture.session.machine import Machine
from capture.session.phases import IN_SESSION
from capture.session.subscriptions import ACKNOWLEDGED, Life, Subscription
from capture.status_model import VERSION, AccountStreamStatus, RecorderStatus, StreamStatus, rest_s, write_status
from capture.wire.messages.data_types import DATA_TYPES

from .journal import Journal
from .since import Since

SHOWN_S = 2.0  # between two signs of life: who waits for them has more patience
_NO_NEWS = frozenset({"written"})


class StatusFile:
    """The status.json of one recorder: asked each second, it writes where that is due, and else says it is alive."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._news: tuple[Any, ...] = ()
        self._said: Mapping[str, Any] = {}
        self._due_s = 0.0
        self._shown_s = float("-inf")
        self._started = datetime.now(UTC)
        self._since = Since()

    def news(self, machine: Machine, journal: Journal, now_s: float) -> RecorderStatus | None:
        """Return what to hand to `write_status` where it is due; else say that the recorder lives, and return None."""
        if self.is_due(machine, now_s):
            return describe_recorder(machine, journal, self._started, self._since)
        self.live(now_s)
        return None

    def is_due(self, machine: Machine, now_s: float) -> bool:
        """Return whether a status is wanted, at a time that never goes back; at once of what is no figure."""
        news = (machine.state, machine.sessions, machine.trouble, machine.upstream.out)
        due = now_s >= self._due_s or news != self._news
        self._news = news
        return due

    def write_status(self, status: RecorderStatus, now_s: float) -> None:
        """Publish a status, where it says something new. Raises OSError."""
        if _figures(status) == _figures(self._said):
            self._due_s = now_s + rest_s(0)
            self.live(now_s)
        else:
            size_bytes = write_status(self._folder / STATUS, status)
            self._said, self._due_s, self._shown_s = status, now_s + rest_s(size_bytes), now_s

    def live(self, now_s: float) -> None:
        """Show that the recorder lives, once in a few seconds. Raises OSError."""
        if now_s < self._shown_s + SHOWN_S:
            return
        self._shown_s = now_s
        try:
            os.utime(self._folder / STATUS)
        except FileNotFoundError:  # removed by somebody, or never written for want of room
            self._said, self._due_s = {}, 0.0


def describe_recorder(
    machine: Machine, journal: Journal, started: datetime, since: Since | None = None
) -> RecorderStatus:
    """Return a recorder's state; `since` remembers what was said before, None where nothing was."""
    since = since or Since()
    farms, out_since = machine.upstream.describe(), since.when("IB's line", machine.upstream.out)
    settings, lives = machine.settings, [subscription.life for subscription in machine.subscriptions.all]
    return {
        "version": VERSION,
        "recorder": settings.recorder,
        "pid": os.getpid(),
        "started": started.isoformat(),
        "written": datetime.now(UTC).isoformat(),
        "state": machine.state.value,
        "host": settings.host,
        "port": settings.port,
        "client_id": settings.client_id,
        "server_version": machine.server_version,
        "sessions": machine.sessions,
        "frames": journal.line.seq,
        "received_bytes": journal.received_bytes,
        "mark": journal.mark_number,
        "tape_bytes": journal.finished_bytes + journal.tape.size_bytes,
        "history": _history(machine, since),
        "trouble": journal.masked(machine.trouble) or None,
        "line_since": since.when("line", (machine.state in IN_SESSION, machine.sessions)),
        "lost_in": machine.lost_in.value if machine.lost_in else None,
        "ib_line_lost_since": out_since if machine.upstream.out else None,
        "restart_windows": settings.restart_windows,
        "retention": settings.retention,
        "farms": farms,
        "farms_since": {name: since.when(name, state) for name, state in farms.items()},
        "wanted": len(lives),
        "acknowledged": sum(life in ACKNOWLEDGED for life in lives),
        "flowing": lives.count(Life.FLOWING),
        "streams": [_stream(machine, journal, subscription, since) for subscription in machine.subscriptions.all],
        "accounts": [_account_stream(machine, journal, stream, since) for stream in machine.accounts.streams],
        "unknown_accounts": [short_name(journal.masked(account)) for account in machine.accounts.unknown],
    }


def _history(machine: Machine, since: Since) -> dict[str, Any]:
    waiting = [job for job in machine.history.jobs.values() if job.state is State.WANTED]
    fetched = sorted((job.name, job.pages.next_s) for job in waiting)
    return {"wanted": len(waiting), **machine.history.pacing.budget(time.time()),
            "still_since": since.when("history", fetched)}


def _stream(machine: Machine, journal: Journal, subscription: Subscription, since: Since) -> StreamStatus:
    contract, flow = subscription.contract, subscription.flow
    request = journal.line.context.requests.get(subscription.request_id or 0)
    last = _iso(machine.wall_s(flow.last_s)) if flow.last_s is not None else None
    return {
        "instrument": subscription.instrument.word,
        "symbol": (contract.local_symbol or contract.symbol) if contract else None,
        "instrument_id": contract.con_id if contract else None,
        "word": subscription.stream.word,
        "stream": subscription.stream.kind.stream,
        "table": subscription.stream.kind.table,
        "request_id": subscription.request_id,
        "state": subscription.life.value,
        "rows": flow.rows,
        "rows_per_second": round(flow.rows_per_second, 3),
        "last_row": last,
        "lag_p50_s": _rounded(subscription.lateness.p50_s),
        "lag_max_s": _rounded(subscription.lateness.max_s),
        "delayed": request is not None and DATA_TYPES.get(request.data_type, "").startswith("delayed"),
        "code": subscription.code,
        "message": subscription.message,
        "since": since.when(subscription, subscription.life),
        "venue": (contract.primary_exchange or contract.exchange or None) if contract else None,
        "market": subscription.hours.phase(time.time()).value if subscription.hours else None,
    }


def _account_stream(machine: Machine, journal: Journal, one: KnownStream, since: Since) -> AccountStreamStatus:
    return {
        "stream": one.stream,
        "account": short_name(journal.masked(one.account)) or None,
        "state": one.known.value,
        "rows": one.rows,
        "last_row": _iso(machine.wall_s(one.last_s)) if one.last_s is not None else None,
        "positions": one.positions,
        "code": one.code,
        "message": journal.masked(one.problem),
        "since": since.when(("account", one.stream, one.account), one.known),
    }


def _iso(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).isoformat()


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _figures(status: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in status.items() if name not in _NO_NEWS}
