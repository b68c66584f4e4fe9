"""IB's bars against bars made from what was recorded tick by tick.

They differ for good reasons: IB filters what it makes bars of, and its history more than its live bars. So each
difference is a figure, not a fault; what stands out is a bar that differs although nothing was missed.

How bars are made here: of rows of the same recorder, in the second that IB gave them (`ts_event`; receive time where
it gave none), as a trade may arrive in the next bar; of TRADES without those that IB did not report (odd lots, combos),
and of one stream, `last` where it was recorded, else `all_last`, with what history restored. A bar of MIDPOINT is made
of midpoints where they were recorded, else of quotes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from capture.lake.sql_text import NEWEST_GAPS
from capture.suggestion import unknown
from capture.wire.messages.bar_sizes import BAR_SIZES_S

from .answer import Answer, AskedError
from .known import check_span
from .lake_reader import LakeReader
from .selection import Moment, moment, symbols_and_ids

# What IB's bars can be made of -> the streams, in order of preference, that tell the same; the first that there is.
SOURCES: dict[str, tuple[tuple[str, str], ...]] = {
    "TRADES": (("trades", "last"), ("trades", "all_last")),
    "AGGTRADES": (("trades", "last"), ("trades", "all_last")),
    "MIDPOINT": (("midpoints", "midpoints"), ("quotes", "quotes")),
    "BID": (("quotes", "quotes"),),
    "ASK": (("quotes", "quotes"),),
}
MOST_WIDTH = "1 hour"  # longer ones begin with the session, not with the clock

# A table's rows as (price, size) of what a bar is made of.
_PRICES = {
    ("trades", "TRADES"): ("price", "size", "not unreported and size > 0"),
    ("trades", "AGGTRADES"): ("price", "size", "not unreported and size > 0"),
    ("midpoints", "MIDPOINT"): ("price", "null", "true"),
    ("quotes", "MIDPOINT"): ("(bid_price + ask_price) / 2", "null", "true"),
    ("quotes", "BID"): ("bid_price", "null", "true"),
    ("quotes", "ASK"): ("ask_price", "null", "true"),
}

_THEIRS = """
series_bars as (
    select b.*, case when contains(bar_size, ' ') then try_cast(bar_size as interval) end as width,
           row_number() over (
               partition by recorder, instrument_id, symbol, bar_size, what, regular_hours, form, ts_event
               order by seq desc, "row" desc) as age,
           -- The newest bar of an answer, and of updates, may not have been finished.
           form <> 'closed' and ts_event = max(ts_event) over (
               partition by recorder, request_id, symbol, bar_size, what, form) as unfinished
    from bars b where ts_event is not null {chosen}
), theirs as (
    select recorder, instrument_id, symbol, bar_size, what, regular_hours, form, width, ts_event as ts, open, high, low,
           close, volume, trade_count, time_bucket(width, ts_event) = ts_event as on_the_clock
    from series_bars
    where age = 1 and not unfinished and width <= interval '{most}' and what in ({whats})
)"""

_PART = """
    select '{what}' as what, '{table}' as source, {rank} as rank, '{stream}' as wanted, recorder, instrument_id, symbol,
           stream, coalesce(ts_event, ts) as at_ts, seq, "row", {price} as price, {size} as size
    from {table} where stream in ('{stream}', 'history') and {price} is not null and {condition} {chosen}"""

_OURS = """
ticks as ({parts}
), picked as (
    -- The stream to take, by preference, of those that have live rows.
    select recorder, instrument_id, symbol, what, arg_min(wanted, rank) as wanted, arg_min(source, rank) as source,
           min(rank) as rank
    from ticks where stream = wanted group by all
), used as (
    select t.* from ticks t join picked p
    on t.recorder = p.recorder and t.instrument_id is not distinct from p.instrument_id and t.symbol = p.symbol
    and t.what = p.what and t.rank = p.rank
), reach as (
    select recorder, instrument_id, symbol, what, min(at_ts) as first_at, max(at_ts) as last_at from used
    where stream = wanted group by all
), series as (
    select recorder, instrument_id, symbol, bar_size, what, regular_hours, form, any_value(width) as width,
           min(ts) as first_ts, max(ts) as last_ts
    from theirs group by all
), ours as (
    select s.recorder, s.instrument_id, s.symbol, s.bar_size, s.what, s.regular_hours, s.form,
           time_bucket(s.width, u.at_ts) as ts, arg_min(u.price, (u.at_ts, u.seq, u."row")) as open,
           max(u.price) as high, min(u.price) as low, arg_max(u.price, (u.at_ts, u.seq, u."row")) as close,
           sum(u.size) as volume, count(*) as trade_count
    from series s join used u
    on s.recorder = u.recorder and s.instrument_id is not distinct from u.instrument_id and s.symbol = u.symbol
    and s.what = u.what
    where u.at_ts >= s.first_ts and u.at_ts < s.last_ts + s.width
    group by all
)"""

_COMPARED = f"""
paired as (
    select coalesce(t.recorder, o.recorder) as recorder, coalesce(t.instrument_id, o.instrument_id) as instrument_id,
           coalesce(t.symbol, o.symbol) as symbol, coalesce(t.bar_size, o.bar_size) as bar_size,
           coalesce(t.what, o.what) as what, coalesce(t.regular_hours, o.regular_hours) as regular_hours,
           coalesce(t.form, o.form) as form, coalesce(t.ts, o.ts) as ts, t.on_the_clock,
           t.open, t.high, t.low, t.close, t.volume, t.trade_count,
           o.open as our_open, o.high as our_high, o.low as our_low, o.close as our_close, o.volume as our_volume,
           o.trade_count as our_count, t.ts is not null as is_theirs, o.ts is not null as is_ours
    from theirs t full join ours o
    on t.recorder = o.recorder and t.instrument_id is not distinct from o.instrument_id and t.symbol = o.symbol
    and t.bar_size = o.bar_size and t.what = o.what and t.form = o.form and t.ts = o.ts
    and t.regular_hours is not distinct from o.regular_hours
), last_gaps as {NEWEST_GAPS}, judged as (
    select p.*, k.source, k.wanted as stream,
           abs(p.open - p.our_open) < 1e-9 and abs(p.high - p.our_high) < 1e-9 and abs(p.low - p.our_low) < 1e-9
               and abs(p.close - p.our_close) < 1e-9 as same_prices,
           p.volume is null or p.our_volume is null or abs(p.volume - p.our_volume) < 1e-6 as same_volume,
           p.is_theirs and not p.is_ours
               and (p.trade_count = 0 or p.volume = 0 or (p.volume is null and p.high = p.low)) as quiet,
           r.first_at is null or not coalesce(p.on_the_clock, true) or p.ts < r.first_at
               or p.ts + s.width > r.last_at as outside,
           exists (from last_gaps g where g.recorder = p.recorder and g.symbol = p.symbol and g.stream = k.wanted
                   and g.state <> 'backfilled' and g.from_ts < p.ts + s.width
                   and coalesce(g.to_ts, 'infinity'::timestamptz) > p.ts) as in_gap
    from paired p
    join series s on s.recorder = p.recorder and s.instrument_id is not distinct from p.instrument_id
        and s.symbol = p.symbol and s.bar_size = p.bar_size and s.what = p.what and s.form = p.form
        and s.regular_hours is not distinct from p.regular_hours
    left join reach r on r.recorder = p.recorder and r.instrument_id is not distinct from p.instrument_id
        and r.symbol = p.symbol and r.what = p.what
    left join picked k on k.recorder = p.recorder and k.instrument_id is not distinct from p.instrument_id
        and k.symbol = p.symbol and k.what = p.what
), bars_checked as (
    select *, case when outside then 'outside' when quiet then 'equal' when not is_ours then 'missing_ours'
                   when not is_theirs and regular_hours then 'outside' when not is_theirs then 'missing_theirs'
                   when same_prices and same_volume then 'equal' when same_prices then 'volume' else 'prices'
              end as verdict
    from judged
)"""

_SERIES = """
select recorder, symbol, instrument_id, bar_size, what, regular_hours, form, any_value(source) as source,
       any_value(stream) as stream,
       count(*) filter (verdict in ('equal', 'volume', 'prices')) as compared,
       count(*) filter (verdict = 'equal') as equal,
       count(*) filter (verdict = 'prices') as prices_differ,
       count(*) filter (verdict = 'volume') as volume_differs,
       count(*) filter (verdict = 'missing_ours') as missing_ours,
       count(*) filter (verdict = 'missing_theirs') as missing_theirs,
       count(*) filter (in_gap and verdict in ('volume', 'prices', 'missing_ours')) as in_gaps,
       count(*) filter (verdict = 'outside') as outside,
       max(greatest(abs(open - our_open), abs(high - our_high), abs(low - our_low), abs(close - our_close)))
           filter (verdict <> 'outside') as most_price_difference,
       median(volume / our_volume) filter (verdict <> 'outside' and our_volume > 0) as volume_ratio
from bars_checked group by all order by all"""

_DIFFERENCES = """
select recorder, symbol, instrument_id, bar_size, what, form, ts, verdict, in_gap, open, our_open, high, our_high, low,
       our_low, close, our_close, volume, our_volume, trade_count, our_count
from bars_checked where verdict in ('prices', 'volume', 'missing_ours', 'missing_theirs')
order by symbol, bar_size, what, form, recorder, ts"""


def check_bars(
    lake: LakeReader,
    instruments: Sequence[str | int] = (),
    start: Moment | None = None,
    end: Moment | None = None,
    width: str | None = None,
) -> Answer:
    """Return how IB's bars agree with ours, a row per recorder, instrument, bar size, kind and form of bar.

    `compared` bars are `equal` (prices and volume), or their `prices_differ`, or only the `volume_differs`; bars of
    which only one side has any are `missing_ours` or `missing_theirs` (not counted where IB's are of regular hours
    only). `in_gaps` of these lie where something was missed. `outside` are bars of times from which there are no ticks,
    and those that do not begin on the clock. A bar in which nothing happened is equal to none. `volume_ratio` is the
    median of IB's volume over ours. Bars of more than an hour, and of other kinds than TRADES, AGGTRADES, MIDPOINT, BID
    and ASK, are left out. Narrowed down to symbols or contract ids, bars that begin in [start, end), and a bar size in
    IB's words. Raises QueryError.
    """
    _check(lake, instruments, start, end, width)
    return lake.sql(f"{_with(instruments, start, end, width)}{_SERIES}", _parameters(instruments, start, end, width))


def bar_differences(
    lake: LakeReader,
    instruments: Sequence[str | int] = (),
    start: Moment | None = None,
    end: Moment | None = None,
    width: str | None = None,
) -> Answer:
    """Return the bars that differ or that only one side has, with both sides' values; see `check_bars`."""
    _check(lake, instruments, start, end, width)
    query = f"{_with(instruments, start, end, width)}{_DIFFERENCES}"
    return lake.sql(query, _parameters(instruments, start, end, width))


def _check(
    lake: LakeReader, instruments: Sequence[str | int], start: Moment | None, end: Moment | None, width: str | None
) -> None:
    check_span(start, end)
    if width is not None and width not in BAR_SIZES_S:
        raise AskedError(unknown("bar size", width, BAR_SIZES_S))
    lake.check(instruments, ["bars"])


def _with(
    instruments: Sequence[str | int], start: Moment | None, end: Moment | None, width: str | None
) -> str:
    who = " and (symbol in (select unnest($symbols)) or instrument_id in (select unnest($ids)))" if instruments else ""
    when = "".join([" and ts_event >= $start" * (start is not None), " and ts_event < $end" * (end is not None)])
    theirs = _THEIRS.format(chosen=who + when + " and bar_size = $width" * (width is not None), most=MOST_WIDTH,
                            whats=", ".join(f"'{what}'" for what in SOURCES))
    parts = [_part(what, rank, table, stream, who + _dates(start, end))
             for what, sources in SOURCES.items() for rank, (table, stream) in enumerate(sources)]
    return f"with {theirs}, {_OURS.format(parts=' union all '.join(parts))}, {_COMPARED}"


def _part(what: str, rank: int, table: str, stream: str, chosen: str) -> str:
    price, size, condition = _PRICES[table, what]
    return _PART.format(what=what, rank=rank, table=table, stream=stream, price=price, size=size,
                        condition=condition, chosen=chosen)


def _dates(start: Moment | None, end: Moment | None) -> str:
    """Return a condition by which whole folders are left out; ticks arrive within a day of their event."""
    day = timedelta(days=1)
    begin = "" if start is None else f" and date >= date '{(moment(start) - day).date()}'"
    return begin + ("" if end is None else f" and date <= date '{(moment(end) + day).date()}'")


def _parameters(
    instruments: Sequence[str | int], start: Moment | None, end: Moment | None, width: str | None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if instruments:
        found["symbols"], found["ids"] = symbols_and_ids(instruments)
    moments: dict[str, datetime | None] = {name: None if one is None else moment(one)
                                           for name, one in (("start", start), ("end", end))}
    found |= {name: one for name, one in moments.items() if one is not None}
    if width is not None:
        found["width"] = width
    return found
