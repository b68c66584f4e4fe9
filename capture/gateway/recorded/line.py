"""What was said to all clients: IB's own notices about its line and farms, and the times when the recorder had none."""

from bisect import bisect_left
from collections.abc import Iterator

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
select epoch_us(ts) as ts_us, code, message from notices
where source = 'gateway' and request_id is null and code is not null and recorder = $recorder order by ts, seq, "row"
"""
# The line was down from the last row before a session's end, until the first stream is whole. Gaps begin at IB's time
# of a stream's last row, which came `lag_s` later.
_DOWN = f"""
with newest as (select * from {NEWEST_GAPS} where recorder = $recorder)
select epoch_us(max(from_ts + to_microseconds((coalesce(lag_s, 0) * 1e6)::bigint))) as from_us,
    epoch_us(min(to_ts)) as to_us
from (select distinct ts from sessions where event = 'closed' and recorder = $recorder) as ended
join newest on newest.code is null and from_ts <= ended.ts and coalesce(to_ts, 'infinity') >= ended.ts
group by ended.ts
"""
_RECORDERS = "select distinct recorder from sessions order by recorder"


class LineNotices:
    """The notices of one recorder's line, in order: of `recorder`, or the first by name."""

    def __init__(self, store: Store, recorder: str | None = None) -> None:
        names = store.query(_RECORDERS)["recorder"].to_pylist()
        parameters = {"recorder": recorder or (names[0] if names else "")}
        found = [(row["ts_us"], _told(row["code"], row["message"])) for row in
                 store.query(_TOLD, parameters).to_pylist() if describe(row["code"], NO_REQUEST).scope in SCOPES]
        for row in store.query(_DOWN, parameters).to_pylist():
            # A line that never came back is the end of the recording, not a fault of it.
            found += [(row["from_us"], LOST), (row["to_us"], RESTORED)] if row["to_us"] is not None else []
        self._all: list[tuple[int, Notice]] = sorted(found, key=lambda one: one[0])
        self._ts_us = [ts_us for ts_us, _ in self._all]

    def between(self, from_us: int, to_us: int) -> pa.Table:
        """Return the notices of a range: `ts`, `code` and `message`."""
        found = self._all[bisect_left(self._ts_us, from_us) : bisect_left(self._ts_us, to_us)]
        return pa.table({
            "ts": pa.array(np.array([ts_us for ts_us, _ in found], np.int64)).cast(TIMESTAMP),
            "code": pa.array([code for _, (code, _) in found], pa.int32()),
            "message": pa.array([text for _, (_, text) in found], pa.string())})  # fmt: skip

    def standing(self, at_us: int) -> Iterator[Notice]:
        """Yield what was said last about the line and each farm before a moment, where it was nothing good."""
        newest: dict[str, Notice] = {}
        for _, notice in self._all[: bisect_left(self._ts_us, at_us)]:
            code, text = notice
            newest["line" if code in LINE_CODES else text.rpartition(":")[2]] = notice
        yield from (notice for notice in newest.values() if notice[0] not in FINE and notice != RESTORED)


def _told(code: int, text: str) -> Notice:
    return RESTORED if code in (DATA_LOST, RESTORED[0]) else (code, text)
