"""What was said to all clients: IB's own notices about its line and farms, and the times when the recorder had none."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from capture.gateway.control.faults import LOST, RESTORED
from capture.gateway.feed import Notice
from capture.lake.sql_text import NEWEST_GAPS
from capture.schemas import TIMESTAMP
from capture.wire.messages.notices import Scope, describe

from .store import Store

SCOPES = frozenset({Scope.LINE, Scope.MARKET_FARM, Scope.HISTORY_FARM, Scope.DEFINITION_FARM})
LINE_CODES = frozenset({1100, 1101, 1102, 2110})
DATA_LOST = 1101  # told as 1102: here the subscriptions go on
FINE = frozenset({2104, 2106, 2158})
NO_REQUEST = -1

_TOLD = """
select epoch_us(ts) as ts_us, seq, "row", code, message from notices
where source = 'gateway' and request_id is null and code is not null and recorder = $recorder order by ts, seq, "row"
"""
# The line was down from the last row before a session's end, until the first stream is whole. Gaps begin at IB's time
# of a stream's last row, which came `lag_s` later.
_DOWN = f"""
with newest as (select * from {NEWEST_GAPS} where recorder = $recorder)
select epoch_us(ended.ts) as ended_us,
    epoch_us(max(from_ts + to_microseconds((coalesce(lag_s, 0) * 1e6)::bigint))) as from_us,
    epoch_us(min(to_ts)) as to_us
from (select distinct ts from sessions where event = 'closed' and recorder = $recorder) as ended
join newest on newest.code is null and from_ts <= ended.ts and coalesce(to_ts, 'infinity') >= ended.ts
group by ended.ts
"""
_RECORDERS = "select distinct recorder from sessions order by recorder"


class LineNotices:
    """The notices of one recorder's line, in order: of `recorder`, or the first by name.

    In a recording that `grows` a line that did not come back is lost; in others this is their end, and no fault.
    """

    def __init__(self, store: Store, recorder: str | None = None, grows: bool = False) -> None:
        self._store, self._grows = store, grows
        names = store.query(_RECORDERS)["recorder"].to_pylist()
        self.recorder = recorder or (names[0] if names else "")
        self._known: set[tuple[Any, ...]] = set()
        self._all: list[tuple[int, Notice]] = []
        self.look(0)

    def look(self, from_us: int) -> None:
        """Look for notices that are not known yet; those that come too late for their time are of `from_us`."""
        found = {key: told for key, told in self._find() if key not in self._known}
        self._known.update(found)
        came = [(max(ts_us, from_us), notice) for ts_us, notice in found.values()]
        self._all = sorted([*self._all, *came], key=_moment)

    def _find(self) -> Iterator[tuple[tuple[Any, ...], tuple[int, Notice]]]:
        """Yield all that was said, each with what tells it apart."""
        parameters = {"recorder": self.recorder}
        for row in self._store.query(_TOLD, parameters).to_pylist():
            if describe(row["code"], NO_REQUEST).scope in SCOPES:
                yield (row["seq"], row["row"]), (row["ts_us"], _told(row["code"], row["message"]))
        for row in self._store.query(_DOWN, parameters).to_pylist():
            if row["to_us"] is not None or self._grows:
                yield ("lost", row["ended_us"]), (row["from_us"], LOST)
            if row["to_us"] is not None:
                yield ("restored", row["ended_us"]), (row["to_us"], RESTORED)

    def between(self, from_us: int, to_us: int) -> pa.Table:
        """Return the notices of a range: `ts`, `code` and `message`."""
        every = self._all
        found = every[bisect_left(every, from_us, key=_moment) : bisect_left(every, to_us, key=_moment)]
        return pa.table({
            "ts": pa.array(np.array([ts_us for ts_us, _ in found], np.int64)).cast(TIMESTAMP),
            "code": pa.array([code for _, (code, _) in found], pa.int32()),
            "message": pa.array([text for _, (_, text) in found], pa.string())})  # fmt: skip

    def standing(self, at_us: int) -> Iterator[Notice]:
        """Yield what was said last about the line and each farm before a moment, where it was nothing good."""
        newest: dict[str, Notice] = {}
        every = self._all
        for _, notice in every[: bisect_left(every, at_us, key=_moment)]:
            code, text = notice
            newest["line" if code in LINE_CODES else text.rpartition(":")[2]] = notice
        yield from (notice for notice in newest.values() if notice[0] not in FINE and notice != RESTORED)


def _moment(told: tuple[int, Notice]) -> int:
    return told[0]


def _told(code: int, text: str) -> Notice:
    return RESTORED if code in (DATA_LOST, RESTORED[0]) else (code, text)
