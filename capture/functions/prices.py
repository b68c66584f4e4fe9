"""Prices over a span of time: volume-weighted, time-weighted, and how much they moved."""

from .bars import ID, RECORDER_OF, SYMBOL, WHOLE
from .function import Function, Kind, Parameter
from .sql_pieces import OPTIONS, RANGE, begin, with_gap_s

PER = Parameter("width", Kind.WIDTH, "one row per so much time, from a UTC midnight on; null for one row of all",
                "null")

# Of a span without an end the last trade is the end.
_SPAN = """coalesce(bucket(width, min(t.ts)), utc(start), min(t.ts)) as since_ts,
        coalesce(bucket_end(width, bucket(width, min(t.ts))), utc("end"), max(t.ts)) as till_ts"""

_VWAP = f"""{begin("trades")}, priced as (
    select t.symbol, t.instrument_id, {_SPAN}, sum(t.price * t.size) / nullif(sum(t.size), 0) as vwap,
        sum(t.size) as volume, count(*) as trades, min(t.recorder) as recorder
    from once t group by t.symbol, t.instrument_id, bucket(width, t.ts)
), {with_gap_s("priced", "since_ts", "till_ts")}
select symbol, instrument_id, since_ts as ts, vwap, volume, f.trades, gap_s, f.recorder
from flagged f order by symbol, instrument_id, ts"""

# Each width's beginning is a point too, at which the price before goes on.
_TWAP = f"""{begin("trades")}, spans as (
    select t.symbol, t.instrument_id, bucket(width, min(t.ts)) at time zone 'UTC' as first_ts,
        bucket(width, max(t.ts)) at time zone 'UTC' as last_ts, max(t.ts) as last_trade_ts
    from once t group by t.symbol, t.instrument_id
), edges as (
    select s.symbol, s.instrument_id, unnest(generate_series(s.first_ts, s.last_ts, cast(width as interval))) as ts
    from spans s where width is not null
), points as (
    select t.symbol, t.instrument_id, t.ts, place(t.ts, t.seq, t."row") as place, t.price, t.recorder from once t
    union all
    select e.symbol, e.instrument_id, e.ts at time zone 'UTC', place(e.ts at time zone 'UTC', 0, 0), null, null
    from edges e
), held as (
    select p.symbol, p.instrument_id, p.ts, p.place, p.recorder, p.price is not null as traded,
        last_value(p.price ignore nulls) over w as price,
        lead(p.ts) over (partition by p.symbol, p.instrument_id order by p.place) as next_ts
    from points p window w as (partition by p.symbol, p.instrument_id order by p.place)
), lasting as (
    select h.* exclude (next_ts), epoch(coalesce(h.next_ts, greatest(h.ts, least(now(),
            coalesce(bucket_end(width, bucket(width, h.ts)), utc("end"), s.last_trade_ts),
            coalesce(utc("end"), now()))))) - epoch(h.ts) as held_s
    from held h join spans s on s.symbol = h.symbol and s.instrument_id = h.instrument_id where h.price is not null
), priced as (
    select t.symbol, t.instrument_id, {_SPAN},
        coalesce(sum(t.price * t.held_s) / nullif(sum(t.held_s), 0), arg_max(t.price, t.place)) as twap,
        sum(t.held_s) as held_s, count(*) filter (t.traded) as trades, min(t.recorder) as recorder
    from lasting t group by t.symbol, t.instrument_id, bucket(width, t.ts)
), {with_gap_s("priced", "since_ts", "till_ts")}
select symbol, instrument_id, since_ts as ts, twap, held_s, f.trades, gap_s, f.recorder
from flagged f order by symbol, instrument_id, ts"""

_VOLATILITY = f"""{begin("trades")}, bars as (
    select t.symbol, t.instrument_id, bucket(width, t.ts) as ts, min(t.recorder) as recorder,
        arg_min(t.price, place(t.ts, t.seq, t."row")) as open, arg_max(t.price, place(t.ts, t.seq, t."row")) as close
    from once t group by t.symbol, t.instrument_id, bucket(width, t.ts)
), bounded as (
    select b.*, bucket_end(width, b.ts) as end_ts, bucket(per, b.ts) as since_ts from bars b
), {with_gap_s("bounded", "ts", "end_ts")}, moved as (
    select f.*, coalesce(lag(f.close) over (partition by f.symbol, f.instrument_id, f.since_ts order by f.ts), f.open)
            as before
    from flagged f where not whole or f.gap_s = 0
), summed as (
    select m.symbol, m.instrument_id, m.since_ts as ts, count(*) as bars, sum(m.gap_s) as gap_s,
        min(m.recorder) as recorder,
        sum(case when m.close > 0 and m.before > 0 then pow(ln(m.close / m.before), 2) end) as variance
    from moved m group by m.symbol, m.instrument_id, m.since_ts
)
select symbol, instrument_id, ts, bars, variance, sqrt(variance) as volatility,
    sqrt(variance / bars * cast(bars_per_year as double)) as annual_volatility, gap_s, s.recorder
from summed s order by symbol, instrument_id, ts"""

_MISSED = ("gap_s", "seconds of the span that were not recorded and that history did not restore")
_SINCE = ("ts", "when the span begins: of a width, of the range, or with neither the first trade")

PRICES = (
    Function(
        "vwap",
        "Average trade price weighted by size, of a range or of each width in it that has trades.",
        (*RANGE, PER, *OPTIONS["trades"]),
        (SYMBOL, ID, _SINCE, ("vwap", "average price weighted by size; null where no trade had a size"),
         ("volume", "traded size"), ("trades", "number of trades"), _MISSED, RECORDER_OF),
        _VWAP,
        "'AAPL', '2026-11-18', '2026-11-19', width := '1 hour'"),
    Function(
        "twap",
        "Average trade price weighted by time: each price counts until the next trade, the last one until the width, "
        "the range or, without an end, the trading ends. Time before the first trade of the range does not count; time "
        "in which trades were missed counts with the price before.",
        (*RANGE, PER, *OPTIONS["trades"]),
        (SYMBOL, ID, _SINCE, ("twap", "average price weighted by time"), ("held_s", "seconds that have a price"),
         ("trades", "number of trades"), _MISSED, RECORDER_OF),
        _TWAP,
        "'AAPL', '2026-11-18T14:30Z', '2026-11-18T21:00Z', width := '1 hour'"),
    Function(
        "realized_volatility",
        "Sum of squared log returns between the closes of bars, per day or another span. A span's first return is from "
        "the open of its first bar, so that no night is in it; a bar without trades would add nothing. Prices of 0 and "
        "less have no log return and are left out.",
        (RANGE[0], Parameter("width", Kind.WIDTH, "how long a bar is"), *RANGE[1:],
         Parameter("per", Kind.WIDTH, "how long a span is", "'1 day'"),
         Parameter("bars_per_year", Kind.NUMBER, "how many such bars a year of trading has, for annual_volatility: "
                   "98280 minutes of 252 days of 6.5 hours", "null"),
         WHOLE, *OPTIONS["trades"]),
        (SYMBOL, ID, ("ts", "when the span begins"), ("bars", "bars with trades, each a return"),
         ("variance", "sum of squared log returns"), ("volatility", "its square root: of the span, not annual"),
         ("annual_volatility", "square root of the average squared return times bars_per_year; null without it"),
         ("gap_s", "seconds of these bars that were not recorded and that history did not restore"), RECORDER_OF),
        _VOLATILITY,
        "'AAPL', '1 minute', '2026-11-18', '2026-11-19', bars_per_year := 98280"),
)
