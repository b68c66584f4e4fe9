"""Live bars made from bars of the past: 5-second bars as they close, and the state of a bar in the making."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from capture.schemas import BARS
from capture.times import DAY_S, HOUR_S, SECOND_US

from .subscription import with_column

CLOSED_S = 5
CLOSED_US = CLOSED_S * SECOND_US

# Bars are kept up to date by their whole state so far, those wider than an hour less often.
UPDATE_US, SLOW_UPDATE_US = 5 * SECOND_US, 60 * SECOND_US

BarsOf = Callable[[int, int, int], pa.Table]  # the bars that start in [from, to), known by a moment
EMPTY = BARS.schema.empty_table().select(["ts", "ts_event"])


def closed_bars(bars_of: BarsOf, from_us: int, to_us: int) -> pa.Table:
    """Return the 5-second bars that end in [from, to), `ts` their end."""
    ends = range(-(-from_us // CLOSED_US) * CLOSED_US, to_us, CLOSED_US)
    if not ends:
        return EMPTY
    bars = bars_of(ends[0] - CLOSED_US, ends[-1], ends[-1])
    return with_column(bars, "ts", pa.array(bars["ts_event"].cast(pa.int64()).to_numpy() + CLOSED_US))


def bar_updates(bars_of: BarsOf, from_us: int, to_us: int, bar_size_s: int) -> pa.Table:
    """Return the state of the bar in the making at every step of [from, to), as `ts`."""
    size_us = bar_size_s * SECOND_US
    step_us = UPDATE_US if bar_size_s <= HOUR_S else SLOW_UPDATE_US

    def bar_at(at_us: int) -> pa.Table:
        start_us = (at_us - 1) // size_us * size_us if bar_size_s < DAY_S else at_us - 2 * size_us
        bars = bars_of(start_us, at_us, at_us)
        bar = bars.slice(max(len(bars) - 1, 0))
        return with_column(bar, "ts", pa.array(np.full(len(bar), at_us)))

    found = [bar_at(at_us) for at_us in range(-(-from_us // step_us) * step_us, to_us, step_us)]
    bars = [bar for bar in found if len(bar)]  # none where nothing happened in the bar yet
    return pa.concat_tables(bars) if bars else EMPTY
