"""A part of a tape to look at: between two marks, or of some UTC dates."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from capture.lake.ranges import Range

Bound = int | date | None


@dataclass(frozen=True, slots=True)
class Span:
    """Ranges from a mark, or a UTC date of arrival, up to a mark or date that is no longer among them.

    None is no bound.
    """

    begin: Bound = None
    end: Bound = None

    @property
    def everything(self) -> bool:
        """Whether there is no bound."""
        return self.begin is None and self.end is None

    def covers(self, found: Range) -> bool:
        """Return whether a range is one of them."""
        return not self.passed(found) and not self._before(found)

    def passed(self, found: Range) -> bool:
        """Return whether a range lies after them."""
        if isinstance(self.end, date):
            return found.start.wall_ns >= _midnight_ns(self.end)
        return self.end is not None and found.from_mark >= self.end

    def _before(self, found: Range) -> bool:
        if isinstance(self.begin, date):
            return found.end.wall_ns < _midnight_ns(self.begin)
        return self.begin is not None and found.from_mark < self.begin


def _midnight_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000_000
