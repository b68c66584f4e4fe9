"""When bars made of ticks are sent where the line lagged: once their ticks have come, and not before."""

import numpy as np
import numpy.typing as npt

ON_TIME_US = 500_000  # a bar is sent so long after its end: its ticks come a little late
LAGGED_US = 1_500_000  # IB's times are whole seconds: what comes later than this after them lagged
RECENT_US = 60_000_000  # what came longer ago says nothing of how late the line is, and so long a silence is quiet
FOREVER_US = np.iinfo(np.int64).max // 2

Numbers = npt.NDArray[np.int64]


def sent_us(ends_us: Numbers, size_us: int, came_us: Numbers, event_us: Numbers) -> Numbers:
    """Return when bars of a size that end at some moments are sent, given all ticks so far in the order they came.

    That is ON_TIME_US after the end. Where the line lagged then, or the first tick of the bar came later, it is once
    the line came past the bar's end or fell quiet. What came afterwards makes no difference.
    """
    on_time_us = ends_us + ON_TIME_US
    if not len(came_us):
        return on_time_us
    count = np.searchsorted(came_us, on_time_us)  # of ticks by then
    newest = np.maximum(count - 1, 0)
    is_recent = (count > 0) & (on_time_us - came_us[newest] < RECENT_US)
    lagged = is_recent & (came_us[newest] - event_us[newest] > LAGGED_US)
    first = _first(ends_us // size_us - 1, event_us // size_us)
    begins_late = (first >= 0) & (came_us[first] > on_time_us)
    since = np.where(begins_late, first, newest)
    past = np.maximum(np.searchsorted(np.maximum.accumulate(event_us), ends_us), since)
    past_us = np.append(came_us + 1, FOREVER_US)[past]
    silences = np.flatnonzero(np.diff(came_us, append=FOREVER_US) > RECENT_US)  # the last tick so far ends in one
    quiet_us = came_us[silences[np.searchsorted(silences, since)]] + RECENT_US
    return np.where(lagged | begins_late, np.maximum(np.minimum(past_us, quiet_us), on_time_us), on_time_us)


def _first(bars: Numbers, bar_of_tick: Numbers) -> Numbers:
    """Return the place of the first tick of each bar, -1 where it has none."""
    begun, first = np.unique(bar_of_tick, return_index=True)
    place = np.searchsorted(begun, bars)
    return np.where(np.append(begun, -1)[place] == bars, np.append(first, -1)[place], -1)
