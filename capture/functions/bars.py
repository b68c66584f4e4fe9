"""Bars from trades, quotes and midpoints: of time, of trades, of volume, of turnover, and of trading sessions."""

from .function import Function, Kind, Parameter
from .sql_pieces import OPTIONS, RANGE, begin, with_gap_s

WIDTH = Parameter("width", Kind.WIDTH, "how long a bar is; bars begin at multiples of it from a UTC midnight")
WHOLE = Parameter("whole", Kind.FLAG, "only bars of which no time is missing: neither a gap, nor time before the "
                  "recording began or since the recorder last heard anything", "false")
FULL = Parameter("whole", Kind.FLAG, "only bars of which no time is missing, and not the last one where it holds less",
                 "false")
FILL = Parameter("fill", Kind.FLAG, "also bars without trades, from an instrument's first to its last: all prices are "
                 "the close before, but null where time is missing", "false")

SYMBOL = ("symbol", "IB's local symbol")
ID = ("instrument_id", "IB's contract id")
_START = ("ts", "when the bar begins; it ends before the next begins")
TRADES = ("trades", "number of trades")
VOLUME = ("volume", "traded size")
VWAP = ("vwap", "average price weighted by size; null where no trade had a size")
GAP = ("gap_s", "seconds of the bar, from the range's beginning on, that were not recorded and that history did not "
       "restore; 0 for a whole bar")
OHLC = tuple((name, f"{word} price") for name, word in
              (("open", "first"), ("high", "highest"), ("low", "lowest"), ("close", "last")))
RECORDER_OF = ("recorder", "whose rows they are; the first by name where several take turns")

_FIRST, _LAST = "arg_min({}, place(t.ts, t.seq, t.\"row\"))", "arg_max({}, place(t.ts, t.seq, t.\"row\"))"


def ohlc(price: str, prefix: str = "") -> str:
    """Return open, high, low and close of rows `t` as SQL, by these names."""
    return (f"{_FIRST.format(price)} as {prefix}open, max({price}) as {prefix}high, min({price}) as {prefix}low, "
            f"{_LAST.format(price)} as {prefix}close")


TRADED = ("sum(t.size) as volume, sum(t.price * t.size) / nullif(sum(t.size), 0) as vwap, count(*) as trades, "
           "min(t.recorder) as recorder")

# Empty bars lie between the first and the last that have trades; `last_value` carries the close over them.
_TIME_BARS = f"""{begin("trades")}, bars as (
    select t.symbol, t.instrument_id, bucket(width, t.ts) as ts, {ohlc("t.price")}, {TRADED}
    from once t group by t.symbol, t.instrument_id, bucket(width, t.ts)
), ends as (
    select b.symbol, b.instrument_id, min(b.ts) at time zone 'UTC' as first_ts, max(b.ts) at time zone 'UTC' as last_ts
    from bars b where fill group by b.symbol, b.instrument_id
), empty as (
    select e.symbol, e.instrument_id, e.ts at time zone 'UTC' as ts
    from (select e.symbol, e.instrument_id,
            unnest(generate_series(e.first_ts, e.last_ts, cast(width as interval))) as ts from ends e) e
), filled as (
    select b.symbol, b.instrument_id, b.ts, b.open, b.high, b.low, b.close, b.volume, b.vwap, b.trades, b.recorder
    from bars b
    union all
    select e.symbol, e.instrument_id, e.ts, null, null, null, null, 0, null, 0, null
    from empty e anti join bars b on b.symbol = e.symbol and b.instrument_id = e.instrument_id and b.ts = e.ts
), carried as (
    select f.*, bucket_end(width, f.ts) as end_ts,
        case when not fill then null
             else last_value(f.close ignore nulls) over (partition by f.symbol, f.instrument_id order by f.ts) end
            as before
    from filled f
), {with_gap_s("carried", "ts", "end_ts")}
select symbol, instrument_id, ts,
    coalesce(open, case when gap_s = 0 then before end) as open,
    coalesce(high, case when gap_s = 0 then before end) as high,
    coalesce(low, case when gap_s = 0 then before end) as low,
    coalesce(close, case when gap_s = 0 then before end) as close,
    volume, vwap, trades, gap_s, f.recorder
from flagged f where not whole or gap_s = 0
order by symbol, instrument_id, ts"""

_MID = "(t.bid_price + t.ask_price) / 2"
_QUOTE_BARS = f"""{begin("quotes")}, bars as (
    select t.symbol, t.instrument_id, bucket(width, t.ts) as ts, {ohlc("t.bid_price", "bid_")},
        {ohlc("t.ask_price", "ask_")}, {ohlc(_MID, "mid_")}, avg(t.ask_price - t.bid_price) as spread,
        count(*) as quotes, min(t.recorder) as recorder, bucket_end(width, bucket(width, any_value(t.ts))) as end_ts
    from once t group by t.symbol, t.instrument_id, bucket(width, t.ts)
), {with_gap_s("bars", "ts", "end_ts")}
select f.* exclude (end_ts, recorder), f.recorder from flagged f where not whole or gap_s = 0
order by symbol, instrument_id, ts"""

_MIDPOINT_BARS = f"""{begin("midpoints")}, bars as (
    select t.symbol, t.instrument_id, bucket(width, t.ts) as ts, {ohlc("t.price")}, count(*) as changes,
        min(t.recorder) as recorder, bucket_end(width, bucket(width, any_value(t.ts))) as end_ts
    from once t group by t.symbol, t.instrument_id, bucket(width, t.ts)
), {with_gap_s("bars", "ts", "end_ts")}
select f.* exclude (end_ts, recorder), f.recorder from flagged f where not whole or gap_s = 0
order by symbol, instrument_id, ts"""

# What comes before a trade, of what is counted, says which bar it is of.
_COUNTED = {
    "tick": ("trades", "trades in a bar", "1"),
    "volume": ("volume", "traded size in a bar", "t.size"),
    "dollar": ("turnover", "price times size in a bar", "t.price * t.size"),
}


def _counted_sql(parameter: str, measure: str) -> str:
    return f"""{begin("trades")}, numbered as (
    select t.*, floor((sum({measure}) over (partition by t.symbol, t.instrument_id order by t.ts, t.seq, t."row"
            rows unbounded preceding) - {measure})
            / case when per_bar > 0 then cast(per_bar as double) else error('per_bar must be above 0') end) as bar,
        sum({measure}) over (partition by t.symbol, t.instrument_id order by t.ts, t.seq, t."row"
            rows unbounded preceding) as done
    from once t
), bars as (
    select t.symbol, t.instrument_id, t.bar, min(t.ts) as ts, max(t.ts) as end_ts, {ohlc("t.price")}, {TRADED},
        sum(t.price * t.size) as turnover, max(t.done) as done
    from numbered t group by t.symbol, t.instrument_id, t.bar
), since as (
    select b.*, coalesce(lag(b.end_ts) over w, b.ts) as since_ts,
        lead(b.bar) over w is not null or b.done >= (b.bar + 1) * per_bar as full
    from bars b window w as (partition by b.symbol, b.instrument_id order by b.bar)
), {with_gap_s("since", "since_ts", "end_ts")}
select symbol, instrument_id, f.ts, end_ts, open, high, low, close, volume, vwap, f.trades, turnover, gap_s, f.recorder
from flagged f where not whole or (gap_s = 0 and f.full)
order by symbol, instrument_id, bar"""


def _counted(word: str, parameter: str, meaning: str, measure: str) -> Function:
    return Function(
        f"{word}_bars",
        f"Bars of a fixed amount of {parameter}, counted from the first trade of the range. A trade belongs whole to "
        "the bar in which it begins; the last bar of an instrument may hold less.",
        (RANGE[0], Parameter("per_bar", Kind.NUMBER, meaning), *RANGE[1:], FULL, *OPTIONS["trades"]),
        (SYMBOL, ID, ("ts", "first trade of the bar"), ("end_ts", "last trade of the bar"), *OHLC, VOLUME, VWAP,
         TRADES, ("turnover", "sum of price times size, without the contract's multiplier"),
         ("gap_s", "seconds that were missed between the bar before, or its first trade, and its last trade"),
         RECORDER_OF),
        _counted_sql(parameter, measure),
        f"'AAPL', {({'tick': '100', 'volume': '5000', 'dollar': '1000000'}[word])}, '2026-11-18', '2026-11-19'")


BARS = (
    Function(
        "time_bars",
        "Bars of trades. A bar without trades is no row unless `fill` says so.",
        (RANGE[0], WIDTH, *RANGE[1:], FILL, WHOLE, *OPTIONS["trades"]),
        (SYMBOL, ID, _START, *OHLC, VOLUME, VWAP, TRADES, GAP, RECORDER_OF),
        _TIME_BARS,
        "'AAPL', '1 minute', '2026-11-18T15:00Z', '2026-11-18T15:30Z'"),
    Function(
        "quote_bars",
        "Bars of best bid, best ask and their mid. Each price is that of the bar's own quotes: a bar without quotes is "
        "no row, and the quote that stood at its beginning is not in it.",
        (RANGE[0], WIDTH, *RANGE[1:], WHOLE, *OPTIONS["quotes"]),
        (SYMBOL, ID, _START,
         *((f"{side}_{name}", f"{meaning.removesuffix('price')}{side}{null}") for side, null in
           (("bid", ""), ("ask", ""), ("mid", ", of quotes with both sides")) for name, meaning in OHLC),
         ("spread", "average of ask less bid over the quotes that have both, each counted once"),
         ("quotes", "number of quotes"), GAP, RECORDER_OF),
        _QUOTE_BARS,
        "'AAPL', '1 minute', '2026-11-18T15:00Z', '2026-11-18T15:30Z'"),
    Function(
        "midpoint_bars",
        "Bars of the midpoint stream. A bar in which the midpoint did not change is no row.",
        (RANGE[0], WIDTH, *RANGE[1:], WHOLE, *OPTIONS["midpoints"]),
        (SYMBOL, ID, _START, *OHLC, ("changes", "number of midpoints"), GAP, RECORDER_OF),
        _MIDPOINT_BARS,
        "'AAPL', '1 minute', '2026-11-18T15:00Z', '2026-11-18T15:30Z'"),
    *(_counted(word, *what) for word, what in _COUNTED.items()),
)
