"""What a recorder says of itself while it runs: status.json beside its tape, replaced every second."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from capture.tape import publish

from .journal import Journal
from .machine import Machine
from .subscriptions import Subscription

FILE_NAME = "status.json"


def describe_recorder(machine: Machine, journal: Journal, started: datetime) -> dict[str, Any]:
    """Return a recorder's state as plain values; times are ISO 8601 in UTC, sizes in bytes, what is unknown None."""
    settings = machine.settings
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
        "streams": [_stream(subscription) for subscription in machine.subscriptions.all],
    }


def _stream(subscription: Subscription) -> dict[str, Any]:
    contract = subscription.contract
    return {
        "instrument": subscription.instrument.word,
        "symbol": (contract.local_symbol or contract.symbol) if contract else None,
        "instrument_id": contract.con_id if contract else None,
        "word": subscription.stream.word,
        "stream": subscription.stream.kind.stream,
        "table": subscription.stream.kind.table,
        "request_id": subscription.request_id,
        "state": subscription.life.value,
        "code": subscription.code,
        "message": subscription.message,
    }


def write_status(folder: Path, status: dict[str, Any]) -> None:
    """Publish a status in a recorder's tape folder. Raises OSError."""
    publish(folder / FILE_NAME, lambda path: path.write_text(json.dumps(status, indent=1)))
