"""Which ranges of a tape a span covers: of marks its end is not included, of dates it is."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from capture.lake.proof.tape_part import Bound, Span

FIRST, SECOND, THIRD = date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7)
HOUR_NS = 3_600_000_000_000


def found(mark: int, begun: int, ended: int) -> Any:
    """A range from a mark on, begun and ended some hours after the midnight that the second date begins with."""
    midnight_ns = int(datetime(2026, 1, 6, tzinfo=UTC).timestamp()) * 1_000_000_000
    times = (SimpleNamespace(wall_ns=midnight_ns + hours * HOUR_NS) for hours in (begun, ended))
    return SimpleNamespace(from_mark=mark, **dict(zip(("start", "end"), times, strict=True)))


@pytest.mark.parametrize(("begin", "end", "covered"), [
    (None, None, "abcdef"),
    (2, None, "cdef"), (None, 2, "ab"), (2, 3, "c"), (2, 2, ""),
    (SECOND, None, "bcdef"),  # one that ended in it has rows of it
    (None, THIRD, "abcd"), (None, SECOND, "ab"), (None, FIRST, ""), (SECOND, THIRD, "bcd"), (SECOND, SECOND, "b"),
    (THIRD, date(2026, 1, 8), "ef"), (date(2026, 1, 8), None, ""), (THIRD, 5, "e"), (4, THIRD, ""), (3, THIRD, "d"),
])  # fmt: skip
def test_what_is_covered(begin: Bound, end: Bound, covered: str) -> None:
    hours = {"a": (-5, -1), "b": (-1, 0), "c": (0, 12), "d": (12, 23), "e": (24, 30), "f": (30, 40)}
    ranges = {name: found(mark, *of_one) for mark, (name, of_one) in enumerate(hours.items())}
    span = Span(begin, end)
    assert "".join(name for name, one in ranges.items() if span.covers(one)) == covered
    assert span.everything == (begin is None and end is None)
    after = [name for name, one in ranges.items() if span.passed(one)]
    assert after == [name for name in ranges if end is not None and name not in covered and (
        ranges[name].from_mark >= end if isinstance(end, int) else hours[name][0] >= 24 * (end - SECOND).days)]
