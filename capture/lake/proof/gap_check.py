"""What must hold for rows of `gaps`: a gap opens once, under a name of its own, and closes at most once, later."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from capture.decode.gaps import State, leads_of


@dataclass(slots=True)
class GapCheck:
    """Follows gaps by their names, over any number of ranges in order."""

    _states: dict[str, str] = field(default_factory=dict)

    def begin_with(self, state: dict[str, Any]) -> None:
        """Take the state of decoding where a tape begins that was pruned (see capture.decode.gaps)."""
        self._states = {watch["gap"]["gap_id"]: State.OPEN for watch in state["watches"] if watch["gap"]}
        self._states |= {gap["gap_id"]: State.CLOSED for gap in state["waiting"]}

    def faults(self, rows: pa.Table) -> list[str]:
        """Take rows of `gaps` and return, in words, what is wrong with them."""
        found = []
        for row in rows.select(["gap_id", "state", "from_ts", "to_ts"]).to_pylist():
            before, self._states[row["gap_id"]] = self._states.get(row["gap_id"]), row["state"]
            if fault := _fault(row, before):
                found.append(f"{row['gap_id']}: {fault}")
        return found


def _fault(row: dict[str, Any], before: str | None) -> str | None:
    if row["state"] not in leads_of(row["gap_id"]).get(before, ()):
        return f"{row['state']} after {before or 'nothing'}"
    if row["to_ts"] is not None and row["to_ts"] < row["from_ts"]:
        return f"it ends at {row['to_ts']:%F %T.%f}, before it begins at {row['from_ts']:%F %T.%f}"
    return None
