"""What the recorders of a data folder are doing, from the files they leave there."""

import os
import time
from datetime import UTC, datetime
from typing import Any

from capture.data_folder import ROLLER_STATUS, STATUS
from capture.lake.layout import Layout, Rolled, read_rolled
from capture.status_model import read_status
from capture.tape import segments

SILENT_AFTER_S = 10.0  # status.json is touched every few seconds
MUTE = "does not answer"
ENDED = frozenset({"stopped", "ended without stopping"})


def recorder_state(layout: Layout, recorder: str, now: datetime | None = None) -> dict[str, Any]:
    """Return what a recorder last said of itself, whether it still runs, and how far its roller is behind.

    `running` is true while its process lives and speaks. `behind_marks` counts the finished ranges that are not
    rolled yet, `behind_s` the seconds since the roller last finished one while there are any. `said_s` is the age of
    all this, `heard` when it last showed that it lives. `roller` is what its roller said, None where it said nothing.
    `rows_without_instrument` counts, by table, rolled rows of market data that name none; `gaps` how many are open, and
    how many wait for history, as far as the tape is rolled. Of a recorder that said
    nothing yet, only these and its name are there; `has_tape` is true where it recorded something. Raises
    LakeStateError where its rolled position cannot be read.
    """
    from capture.lake.roll import first_unrolled  # late: who records comes by this module, and needs no Arrow

    return _placed(layout, recorder, first_unrolled(layout, recorder, segments(layout.tape / recorder)), now)


def own_state(layout: Layout, recorder: str) -> dict[str, Any]:
    """Return what `recorder_state` does, of a recorder that runs in this process, whose position fits the archive."""
    rolled, tape = read_rolled(layout, recorder), segments(layout.tape / recorder)
    return _placed(layout, recorder, rolled or (Rolled(tape[0].first_mark) if tape else None))


def _placed(layout: Layout, recorder: str, rolled: Rolled | None, now: datetime | None = None) -> dict[str, Any]:
    state = said_alone(layout, recorder, now)
    if rolled is None:
        return state
    behind = max(state.get("mark", 0) - rolled.mark, 0)
    return state | {"behind_marks": behind, "rows_without_instrument": rolled.nameless, "gaps": _gaps(rolled.state),
                    "behind_s": _since_rolled_s(layout, recorder) if behind else 0.0}


def said_alone(layout: Layout, recorder: str, now: datetime | None = None) -> dict[str, Any]:
    """Return what `recorder_state` does where a recorder's rolled position is not known: as if all were rolled."""
    now, folder = now or datetime.now(UTC), layout.tape / recorder
    said = read_status(folder / STATUS)
    said_s, heard_s = age_s(said.get("written"), now), age_s(said.get("heard"), now)
    stopped = said.get("state") in (None, "stopped")
    return {
        "recorder": recorder,
        **said,
        "running": not stopped and heard_s is not None and heard_s < SILENT_AFTER_S and _lives(said["pid"]),
        "said_s": said_s,
        "has_tape": bool(segments(folder)),
        "roller": read_status(folder / ROLLER_STATUS) or None,
        "behind_marks": 0,
        "rows_without_instrument": {},
        "gaps": _gaps(None),
        "behind_s": 0.0,
    }


def _gaps(state: dict[str, Any] | None) -> dict[str, int]:
    """Return how many gaps are open and wait for history, by the state of decoding."""
    known = state or {}
    return {"open": sum(1 for watch in known.get("watches", ()) if watch.get("gap")),
            "waiting": len(known.get("waiting", ()))}


def condition(state: dict[str, Any]) -> str:
    """Return in words how a recorder is."""
    if state["running"] or state.get("state") == "stopped":
        return str(state["state"])
    if "pid" not in state:
        return "ended before it said anything" if state["has_tape"] else "has not started"
    return MUTE if _lives(state["pid"]) else "ended without stopping"


def stale(state: dict[str, Any], lack: str | None) -> str | None:
    """Return in words that what a living recorder last said is old, and why; None where it is not.

    `lack` says that there is no room on its disk, None where there is (see capture.disk_space).
    """
    if state["running"] or condition(state) != MUTE:
        return None
    why = lack or f"see whether process {state['pid']} hangs, or what it says"
    return f"{STATUS} was last written {state['said_s']:.0f} s ago, what it says is of then; {why}"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, as another user's
    return True


def age_s(written: str | None, now: datetime | None = None) -> float | None:
    """Return how long ago a time in ISO form was, None for none."""
    now = now or datetime.now(UTC)
    return max((now - datetime.fromisoformat(written)).total_seconds(), 0.0) if written else None


def last_row_age_s(recorder: dict[str, Any], stream: dict[str, Any], now: datetime) -> float | None:
    """Return how long ago at least a stream's last row came: since it was said, the recorder may have had more.

    Where nothing was written for longer than a recorder rests, nothing more came.
    """
    found = age_s(stream.get("last_row"), now)
    unsaid_s = min(recorder["said_s"] or 0.0, recorder.get("rest_s", 0.0)) if recorder["running"] else 0.0
    return None if found is None else max(found - unsaid_s, 0.0)


def _since_rolled_s(layout: Layout, recorder: str) -> float | None:
    try:
        return max(time.time() - layout.rolled(recorder).stat().st_mtime, 0.0)
    except FileNotFoundError:
        return None
