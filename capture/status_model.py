"""What a recorder and its roller say of themselves while they run, each in a file of its own beside the tape.

Whoever watches them reads nothing else. Times are ISO 8601 in UTC, sizes in bytes, what is not known is null; counters
rise as long as the process lives. Files are not synced: nobody needs them after a power cut.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from .publish import publish

LEAST_INTERVAL_S = 5.0  # between two that differ in figures only
BYTES_PER_SECOND = 10_000  # on average at most: a status of many streams is written the more seldom
VERSION = 1  # one more where a field changes its meaning or goes; a new one is no change


class StreamStatus(TypedDict):
    """A wanted stream: `state` from wanted to flowing, `rows` since the recorder began, rates of the last seconds.

    `since` is when `state` became so, to some seconds. `market` says by the contract's hours whether `venue` is closed,
    open or liquid.
    """

    instrument: str
    symbol: str | None
    instrument_id: int | None
    word: str
    stream: str
    table: str
    request_id: int | None
    state: str
    rows: int
    rows_per_second: float
    last_row: str | None
    lag_p50_s: float | None
    lag_max_s: float | None
    delayed: bool
    code: int | None
    message: str
    since: str
    venue: str | None
    market: str | None


class AccountStreamStatus(TypedDict):
    """A stream of an account, named in short, or of all that the login has where `account` is None.

    `state` is unknown, empty (IB said that there is nothing) or rows, `since` when it became so. `rows` came since the
    recorder began; `last_row` is when the last came, or IB's word that there are none. `positions` are asked for one
    by one. `message` says why something is not known, with IB's `code` where IB refused it.
    """

    stream: str
    account: str | None
    state: str
    rows: int
    last_row: str | None
    positions: int
    code: int | None
    message: str
    since: str


class RecorderStatus(TypedDict):
    """A recorder: `frames` and `tape_bytes` of its tape, `received_bytes` since it began, `trouble` without a session.

    `history` says how many jobs wait, how much of IB's budget of requests is left, and since when (`still_since`)
    nothing more of them was fetched. `line_since` is when the session began, or the last one ended; `lost_in` the
    state in which that was, None in the first. `ib_line_lost_since`: the gateway's own line to IB is lost.
    `farms_since` says of each farm since when it is as it is. `accounts` are the streams of accounts, none where none
    are wanted, and `unknown_accounts` those that are wanted and that the login does not have.
    """

    version: int
    recorder: str
    pid: int
    started: str
    written: str
    state: str
    host: str
    port: int
    client_id: int
    server_version: int | None
    sessions: int
    frames: int
    received_bytes: int
    mark: int
    tape_bytes: int
    history: dict[str, Any]
    trouble: str | None
    line_since: str
    lost_in: str | None
    ib_line_lost_since: str | None
    restart_windows: list[str]
    retention: dict[str, int]
    farms: dict[str, str]
    farms_since: dict[str, str]
    wanted: int
    acknowledged: int
    flowing: int
    streams: list[StreamStatus]
    accounts: list[AccountStreamStatus]
    unknown_accounts: list[str]


class FailingStatus(TypedDict):
    """A process that a roller starts, and that ended with an error so many `times` in a row, at first at `since`.

    `exit_code` is the last one, below 0 where a signal ended it.
    """

    times: int
    exit_code: int
    since: str


class RollerStatus(TypedDict):
    """A roller since it began: ranges, frames and rows by table that it rolled, and the seconds which that took.

    `mark` is the one up to which the tape is rolled, and `through` when that was written, None before the first;
    `rows_per_second` of the last range. `gaps` counts their changes by the state they came to. `failing` are those of
    its sealer, its checker and its auditor that ended with an error, by name.
    """

    version: int
    recorder: str
    pid: int
    started: str
    written: str
    mark: int | None
    through: str | None
    ranges: int
    frames: int
    rows: dict[str, int]
    gaps: dict[str, int]
    rolling_s: float
    rows_per_second: float
    failing: dict[str, FailingStatus]


def rest_s(size_bytes: int) -> float:
    """Return how long a recorder may wait before it writes a status again whose figures alone are new."""
    return max(LEAST_INTERVAL_S, size_bytes / BYTES_PER_SECOND)


def write_status(path: Path, status: Mapping[str, Any]) -> int:
    """Publish a status and return its size in bytes. Raises OSError.

    Streams are written as rows below their columns' names.
    """
    if (streams := status.get("streams")) is not None:
        columns = list(streams[0]) if streams else []
        status = {**status, "streams": {"columns": columns, "rows": [list(stream.values()) for stream in streams]}}
    text = json.dumps(status, separators=(",", ":"))
    publish(path, lambda temporary: temporary.write_text(text), sync=False)
    return len(text)


def read_status(path: Path) -> dict[str, Any]:
    """Return what a file says, as it was given to `write_status`, `heard` and `rest_s`.

    `heard` is when its writer last showed that it lives, as ISO 8601 in UTC; `rest_s` how long after `written` there
    may have been other figures that are not in it: they hold from then until `heard`. Empty where it said nothing, or
    what a power cut left cannot be read. Fields that a writer of before did not know are not there.
    """
    try:
        said: dict[str, Any] = json.loads(path.read_text())
        stat = path.stat()
    except (FileNotFoundError, ValueError):
        return {}
    if isinstance(table := said.get("streams"), dict):  # a list in what a recorder of before wrote
        said["streams"] = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    heard = datetime.fromtimestamp(stat.st_mtime, UTC)
    return said | {"heard": heard.isoformat(), "rest_s": rest_s(stat.st_size)}
