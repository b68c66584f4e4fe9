"""What a roller says of itself: roller.json beside the tape, written where it rolled something, seldom touched else."""

import logging
import os
from collections import Counter
from datetime import UTC, datetime

from capture.data_folder import ROLLER_STATUS
from capture.lake.layout import Layout
from capture.lake.roll import Roll
from capture.status_model import VERSION, FailingStatus, RollerStatus, write_status
from capture.times import moment_of

INTERVAL_S = 5.0  # between two that are written, and between two signs of life

log = logging.getLogger("ticktape.roller")


class RollCounts:
    """Counts what a roller does, and tells it."""

    def __init__(self, layout: Layout, recorder: str) -> None:
        self._path = layout.tape / recorder / ROLLER_STATUS
        self._recorder, self._started = recorder, datetime.now(UTC)
        self._mark: int | None = None
        self._ranges = self._frames = 0
        self._through: str | None = None
        self._rows: Counter[str] = Counter()
        self._gaps: Counter[str] = Counter()
        self._failing: dict[str, FailingStatus] = {}
        self._rolling_s = self._rows_per_second = 0.0
        self._news = True
        self._due_s = self._shown_s = float("-inf")
        self._failed = False

    def rolled(self, roll: Roll, seconds: float) -> None:
        """Count a range that was rolled, and how long that took."""
        assert self._mark is None or roll.to_mark > self._mark, "ranges are rolled one after the other"
        self._mark, self._news = roll.to_mark, True
        self._ranges += 1
        self._frames += roll.frames
        self._rows.update(roll.rows)
        self._gaps.update(roll.gaps)
        if roll.through_ns is not None:
            self._through = moment_of(roll.through_ns // 1_000).isoformat()
        self._rolling_s += seconds
        self._rows_per_second = sum(roll.rows.values()) / max(seconds, 1e-3)

    def fails(self, **failing: FailingStatus | None) -> None:
        """Take which processes that the roller starts end with an error, by name; None for one that does not."""
        found = {name: one for name, one in failing.items() if one}
        self._news |= found != self._failing
        self._failing = found

    def tell(self, now_s: float, last: bool = False) -> None:
        """Write what is due, at a time that never goes back, and all of it the `last` time; else touch the file."""
        try:
            if self._news and (last or now_s >= self._due_s):
                write_status(self._path, self._status())
                self._news, self._due_s, self._shown_s = False, now_s + INTERVAL_S, now_s
            elif last or now_s >= self._shown_s + INTERVAL_S:
                os.utime(self._path)
                self._shown_s = now_s
        except FileNotFoundError:  # removed by somebody
            self._news = True
        except OSError as error:  # rolling goes on without it
            if not self._failed:
                log.warning("cannot write %s: %s; rolling goes on", self._path, error.strerror)
            self._failed = True

    def _status(self) -> RollerStatus:
        return {
            "version": VERSION, "recorder": self._recorder, "pid": os.getpid(), "started": self._started.isoformat(),
            "written": datetime.now(UTC).isoformat(), "mark": self._mark, "ranges": self._ranges,
            "through": self._through, "frames": self._frames, "rows": dict(self._rows), "gaps": dict(self._gaps),
            "rolling_s": round(self._rolling_s, 3),
            "rows_per_second": round(self._rows_per_second, 1), "failing": self._failing}  # fmt: skip
