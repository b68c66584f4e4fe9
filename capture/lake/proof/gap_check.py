"""What must hold for rows of `gaps`: a gap opens once, under a name of its own, and closes at most once, later."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from capture.decode.gaps import CUT_MARK

# State -> the states after which it may come; None: the gap is new.
_AFTER: dict[str, tuple[str | None, ...]] = {
    "open": (None,), "closed": ("open",), "backfilled": ("closed",), "unavailable": ("closed",)}  # fmt: skip
# Of a second that history cut: it is known at once that it is, and again whenever the same is asked for.
_AFTER_OF_CUT: dict[str, tuple[str | None, ...]] = {"unavailable": (None, "unavailable")}


@dataclass(slots=True)
class GapCheck:
    """Follows gaps by their names, over any number of ranges in order."""

    _states: dict[str, str] = field(default_factory=dict)

    def begin_with(self, state: dict[str, Any]) -> None:
        """Take the state of decoding where a tape begins that was pruned (see capture.decode.gaps)."""
        self._states = {watch["gap"]["gap_id"]: "open" for watch in state["watches"] if watch["gap"]}
        self._states |= {gap["gap_id"]: "closed" for gap in state["waiting"]}

    def faults(self, rows: pa.Table) -> list[str]:
        """Take rows of `gaps` and return, in words, what is wrong with them."""
        found = []
        for row in rows.select(["gap_id", "state", "from_ts", "to_ts"]).to_pylist():
            before, self._states[row["gap_id"]] = self._states.get(row["gap_id"]), row["state"]
            if fault := _fault(row, before):
                found.append(f"{row['gap_id']}: {fault}")
        return found


def _fault(row: dict[str, Any], before: str | None) -> str | None:
    after = _AFTER_OF_CUT if CUT_MARK in row["gap_id"] else _AFTER
    if before not in after.get(row["state"], ()):
        return f"{row['state']} after {before or 'nothing'}"
    if row["to_ts"] is not None and row["to_ts"] < row["from_ts"]:
        return f"it ends at {row['to_ts']:%F %T.%f}, before it begins at {row['from_ts']:%F %T.%f}"
    return None
