"""What rows of market data tell of each day of an instrument and stream: minutes that had any, and how late they came.

A day is the local one of the instrument's exchange: it lies in one UTC date, or two. So of days that were kept those
hold good that touch no date whose files changed; all others are made of rows again.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from capture.decode.event_time import LAG_SQL
from capture.times import DAY

UNKNOWN_ZONE = "UTC"  # of an instrument of which nobody knows it

# `first_date` and `last_date` are the UTC dates that a day touches; of lists the runs of minutes with rows, in seconds
# since 1970, each up to its last minute's end; lags are in seconds, null where IB gave no times.
SCHEMA = pa.schema([
    ("instrument_id", pa.int64()), ("stream", pa.string()), ("zone", pa.string()), ("day", pa.date32()),
    ("first_date", pa.date32()), ("last_date", pa.date32()), ("lag_p50_s", pa.float64()), ("lag_max_s", pa.float64()),
    ("from_s", pa.list_(pa.float64())), ("to_s", pa.list_(pa.float64())),
])  # fmt: skip

# Days of the rows that fulfil a condition in SQL, of some UTC dates or of all.
Ask = Callable[[str, set[date] | None], pa.Table]


def local_days_sql(table: str, source: str, where: str) -> str:
    """Return the query for the days of rows of a table in `source`; its parameters are `zones_of` instruments.

    Each row is read once. Few runs come out of many minutes.
    """
    lag = LAG_SQL.get(table, "null::double")
    return f"""
with named as (
    select instrument_id, stream, coalesce(zone, '{UNKNOWN_ZONE}') as zone, ts, {lag} as lag_s
    from {source} left join (select unnest($ids::bigint[]) as instrument_id, unnest($zones::varchar[]) as zone)
    using (instrument_id) where instrument_id is not null and stream is not null and {where}
), days as materialized (
    select instrument_id, stream, zone, timezone(zone, ts)::date as day, median(lag_s) as lag_p50_s,
           max(lag_s) as lag_max_s, list(distinct epoch(date_trunc('minute', ts))) as minutes
    from named group by all
), runs as (
    select instrument_id, stream, day, min(minute) as run_from_s, max(minute) + 60 as run_to_s
    from (select *, minute - 60 * row_number() over (partition by instrument_id, stream, day order by minute)
                    as beginning
          from (select instrument_id, stream, day, unnest(minutes) as minute from days))
    group by instrument_id, stream, day, beginning
), spans as (
    select instrument_id, stream, day, list(run_from_s order by run_from_s) as from_s,
           list(run_to_s order by run_from_s) as to_s
    from runs group by all
)
select instrument_id, stream, zone, day, timezone(zone, day::timestamp)::date as first_date,
       (timezone(zone, (day + 1)::timestamp) - interval 1 microsecond)::date as last_date,
       lag_p50_s, lag_max_s, from_s, to_s
from days join spans using (instrument_id, stream, day) order by day, instrument_id, stream
"""


def zones_of(zones: Mapping[int, str]) -> dict[str, list[object]]:
    """Return the parameters of `local_days_sql`: time zones by instrument."""
    return {"ids": list(zones), "zones": list(zones.values())}


def merged(kept: pa.Table, changed: set[date], zones: Mapping[int, str], ask: Ask) -> pa.Table:
    """Return days as rows give them, those that were kept as far as they hold good.

    `changed` are UTC dates whose rows may be others than when days were kept, `zones` the time zones of instruments:
    all days of one whose zone was another are made of rows.
    """
    moved = _moved(kept, zones)
    among = f"instrument_id in ({', '.join(map(str, moved))})"
    parts = [holding_good(kept, changed, zones)]
    if changed:
        near = {day + distance for day in changed for distance in (-DAY, 0 * DAY, DAY)}
        made = ask(f"not {among}" if moved else "true", near)
        parts.append(made.filter(touching(made, changed)))
    if moved:
        parts.append(ask(among, None))
    return pa.concat_tables(parts)


def holding_good(kept: pa.Table, changed: set[date], zones: Mapping[int, str]) -> pa.Table:
    """Return the days that are as rows give them, of those that were kept."""
    moved = pc.is_in(kept["instrument_id"], pa.array(_moved(kept, zones), pa.int64()))
    return kept.filter(pc.invert(pc.or_(touching(kept, changed), moved)))


def touching(days: pa.Table, dates: Iterable[date]) -> pa.ChunkedArray:
    """Return for each day whether it touches any of some UTC dates."""
    wanted = pa.array(sorted(dates), pa.date32())
    return pc.or_(pc.is_in(days["first_date"], wanted), pc.is_in(days["last_date"], wanted))


def _moved(kept: pa.Table, zones: Mapping[int, str]) -> list[int]:
    """Return the instruments whose time zone is another than when their days were kept."""
    pairs = kept.select(["instrument_id", "zone"]).group_by(["instrument_id", "zone"]).aggregate([]).to_pylist()
    return sorted({pair["instrument_id"] for pair in pairs
                   if pair["zone"] != zones.get(pair["instrument_id"], UNKNOWN_ZONE)})
