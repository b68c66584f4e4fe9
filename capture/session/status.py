"""What a recorder says of itself while it runs: status.json beside its tape, replaced every second."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from capture.tape import publish
from capture.wire.context import DATA_TYPES

from .history import State
from .journal import Journal
from .machine import Machine
from .subscriptions import ACKNOWLEDGED, Life, Subscription

FILE_NAME = "status.json"


def describe_recorder(machine: Machine, journal: Journal, started: datetime) -> dict[str, Any]:
    """Return a recorder's state as plain values; times are ISO 8601 in UTC, sizes in bytes, what is unknown None."""
    settings, lives = machine.settings, [subscription.life for subscription in machine.subscriptions.all]
    return {
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
        "history": {"wanted": sum(job.state is State.WANTED for job in machine.history.jobs.values()),
                    **machine.history.pacing.budget(time.time())},
        "trouble": machine.trouble or None,
        "farms": machine.upstream.describe(),
        "wanted": len(lives),
        "acknowledged": sum(life in ACKNOWLEDGED for life in lives),
        "flowing": lives.count(Life.FLOWING),
        "streams": [_stream(machine, journal, subscription) for subscription in machine.subscriptions.all],
    }


def _stream(machine: Machine, journal: Journal, subscription: Subscription) -> dict[str, Any]:
    contract, flow = subscription.contract, subscription.flow
    request = journal.line.context.requests.get(subscription.request_id or 0)
    last = datetime.fromtimestamp(machine.wall_s(flow.last_s), UTC).isoformat() if flow.last_s is not None else None
    return {
        "instrument": subscription.instrument.word,
        "symbol": (contract.local_symbol or contract.symbol) if contract else None,
        "instrument_id": contract.con_id if contract else None,
        "word": subscription.stream.word,
        "stream": subscription.stream.kind.stream,
        "table": subscription.stream.kind.table,
        "request_id": subscription.request_id,
        "state": subscription.life.value,
        "rows_per_second": round(flow.rows_per_second, 3),
        "last_row": last,
        "lag_p50_s": _rounded(subscription.lateness.p50_s),
        "lag_max_s": _rounded(subscription.lateness.max_s),
        "delayed": request is not None and DATA_TYPES.get(request.data_type, "").startswith("delayed"),
        "code": subscription.code,
        "message": subscription.message,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def write_status(folder: Path, status: dict[str, Any]) -> None:
    """Publish a status in a recorder's tape folder. Raises OSError."""
    publish(folder / FILE_NAME, lambda path: path.write_text(json.dumps(status, indent=1)))
