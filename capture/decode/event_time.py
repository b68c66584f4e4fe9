"""IB's own time of what a live row tells: up to when it proves its stream whole, and so how late it came (D38)."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.schemas import TABLES
from capture.times import DAY_S, SECOND_US
from capture.wire.lookup import BACKFILL
from capture.wire.messages.bar_sizes import BAR_SIZES_S
from capture.wire.table_rows import Rows

# Delayed data comes no later, and no clock is further off: a time beyond is none.
LONGEST_LAG_US = DAY_S * SECOND_US

Integers = npt.NDArray[np.int64]

# Table -> the SQL of the moment by which what a live row tells was over, by IB's time; null where IB gave none.
OVER_SQL = {table.name: table.over_sql for table in TABLES.values() if table.over_sql is not None}
# How late a row came, in seconds, as SQL: null where IB's time is none, and for rows of IB's history.
LAG_SQL = {table: f"case when origin <> 'backfill' and abs(epoch(ts) - epoch({over})) <= {DAY_S} "
                  f"then epoch(ts) - epoch({over}) end" for table, over in OVER_SQL.items()}  # fmt: skip

# The moment at which a row is played in the order of events, as SQL: when it came, but within the second that IB gives.
MOMENT_SQL = {table: f"case when {lag} is null then ts else least(greatest(ts, {OVER_SQL[table]}), {OVER_SQL[table]} + "
                     "interval 999999 microseconds) end" for table, lag in LAG_SQL.items()}  # fmt: skip


def proven_us(rows: Rows, times_us: Integers) -> Integers:
    """Return for each row the moment up to which it proves its stream whole, by IB's time.

    `times_us` says when each frame came. A tick proves all before its second, a finished bar all before its end, one in
    the making what came before that. Where IB gave no time, or one that cannot be, and in rows of IB's history, it is
    the moment of arrival.
    """
    came_us = times_us[rows.frames]
    if "ts_event" not in rows.columns:
        return came_us
    proven = rows.columns["ts_event"].cast(pa.int64()).fill_null(0).to_numpy()
    if rows.table == "bars":
        proven = _ends(rows, proven, came_us)
    unknown = (np.abs(came_us - proven) > LONGEST_LAG_US) | (rows.columns["origin"].indices.to_numpy() == BACKFILL)
    return np.where(unknown, came_us, proven)


def _ends(rows: Rows, starts_us: Integers, came_us: Integers) -> Integers:
    words = rows.columns["bar_size"]
    known_s = [BAR_SIZES_S.get(word, DAY_S) for word in words.dictionary.to_pylist()]
    widths_us = np.array([*known_s, DAY_S])[words.indices.fill_null(-1).to_numpy()] * SECOND_US
    ends_us = starts_us + widths_us
    in_the_making = pc.equal(rows.columns["form"].cast(pa.string()), "update").to_numpy(zero_copy_only=False)
    ends_us = np.where(in_the_making, np.minimum(ends_us, came_us), ends_us)
    # The date of a trading day, or longer, is no moment.
    return np.where(widths_us < DAY_S * SECOND_US, ends_us, came_us)
