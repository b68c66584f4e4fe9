from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from capture.lake.proof.gap_check import GapCheck

EARLY, LATE = datetime(2026, 1, 5, 14, tzinfo=UTC), datetime(2026, 1, 5, 15, tzinfo=UTC)


def row(state: str, to: datetime | None = None, gap_id: str = "a") -> dict[str, Any]:
    return {"gap_id": gap_id, "state": state, "from_ts": EARLY if to != EARLY else LATE, "to_ts": to}


@pytest.mark.parametrize(("rows", "fault"), [
    ([row("open"), row("closed", LATE), row("backfilled", LATE)], None),
    ([row("open"), row("open", None, "b"), row("closed", LATE, "b"), row("unavailable", LATE, "b")], None),
    ([row("open") | {"from_ts": LATE}, row("closed", LATE) | {"from_ts": LATE}], None),
    ([row("open"), row("open")], "a: open after open"),
    ([row("closed", LATE)], "a: closed after nothing"),
    ([row("open"), row("closed", LATE), row("closed", LATE)], "a: closed after closed"),
    ([row("open"), row("closed", EARLY)],
     "a: it ends at 2026-01-05 14:00:00.000000, before it begins at 2026-01-05 15:00:00.000000"),
    ([row("forgotten")], "a: forgotten after nothing"),
])
def test_a_gap_opens_once_and_ends_once(rows: list[dict[str, Any]], fault: str | None) -> None:
    check = GapCheck()
    found = [one for part in rows for one in check.faults(pa.Table.from_pylist([part]))]
    assert found == ([fault] if fault else [])
