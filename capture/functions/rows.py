"""Rows of a table with each event once; trades beside the quote they met; the last that is known of everything."""

from capture.schemas import TABLES

from .bars import ID, SYMBOL
from .function import AT, RECORDER, SYMBOLS, Function, Kind, Parameter
from .sql_pieces import OPTIONS, RANGE, missing, once, source

_NAMES = {table: ", ".join(f't."{column.name}"' for column in TABLES[table].columns) for table in OPTIONS}

_MEANING = ("Each {thing} once, in order of time. For each instrument and UTC date the rows of one recorder: the one "
            "that has most of them{more}. Rows that history restored are among them.")
_MORE = {"trades": ("trade", ", and where `last` and `all_last` were recorded, those of `all_last`; without notices of "
                    "halts"),
         "quotes": ("quote", ""), "midpoints": ("midpoint", "")}  # fmt: skip


def _once(table: str) -> Function:
    thing, more = _MORE[table]
    return Function(
        f"{table}_once",
        _MEANING.format(thing=thing, more=more),
        (*RANGE, *OPTIONS[table]),
        tuple((column.name, column.meaning) for column in TABLES[table].columns),
        f"with {source(table)}, {once(table)}\nselect {_NAMES[table]} from once t\n"
        'order by t.ts, t.recorder, t.seq, t."row"',
        "'AAPL', '2026-11-18T15:00Z', '2026-11-18T15:01Z'")


LOOKBACK = Parameter("lookback", Kind.WIDTH, "how far before the range a quote may lie", "'1 hour'")
BY_EVENT = Parameter("by_event", Kind.FLAG, "match by IB's times, whole seconds, and within one of them by arrival: "
                     "for where quotes or trades came late", "false")
_FROM = "(utc(start) - cast(lookback as interval))"
_TOLD = "case when by_event then coalesce(t.ts_event, t.ts) else t.ts end"

# Trade and quote are of one recorder, so that their order is the one in which they arrived.
_WITH_QUOTES = f"""with {source("trades")}, {once("trades")},
{missing("quotes", start=_FROM, name="unquoted")},
quoted as not materialized (
    select t.instrument_id, t.recorder, t.ts, {_TOLD} as told_ts, place({_TOLD}, t.seq, t."row") as place,
        t.bid_price, t.ask_price, t.bid_size, t.ask_size
    from quotes t
    where has_symbol(t.symbol, symbols) and in_time(t.ts, t.date, {_FROM}, "end") and t.stream in ('quotes', 'history')
), placed as (
    select t.*, {_TOLD} as told_ts, place({_TOLD}, t.seq, t."row") as place, sign(t.price - lag(t.price) over (
            partition by t.symbol, t.instrument_id order by {_TOLD}, t.seq, t."row")) as step
    from once t
), events as (
    select p.*, null as quote, null::timestamptz as quotes_again from placed p
    union all by name
    select q.instrument_id, q.recorder, q.place, {{'ts': q.ts, 'told_ts': q.told_ts,
        'bid_price': q.bid_price, 'ask_price': q.ask_price,
        'bid_size': q.bid_size, 'ask_size': q.ask_size}} as quote
    from quoted q
    union all by name
    select u.instrument_id, s.recorder, place(u.from_ts, 0, 0) as place, u.to_ts as quotes_again
    from unquoted u join (select distinct s.instrument_id, s.recorder from source s) s
        on s.instrument_id = u.instrument_id
), followed as (
    select e.* exclude (quote, quotes_again), last_value(e.quote ignore nulls) over w as met,
        last_value(e.quotes_again ignore nulls) over w as again
    from events e window w as (partition by e.instrument_id, e.recorder order by e.place)
), met as (
    select f.*, coalesce(f.again > f.met.ts, false) as stale, case when not stale then f.met end as quote
    from followed f where f.price is not null
), middled as (
    select m.*, (m.quote.bid_price + m.quote.ask_price) / 2 as mid from met m
), signed as (
    select m.*, nullif(sign(round(m.price - m.mid, 9)), 0) as by_quote,
        last_value(nullif(m.step, 0) ignore nulls)
            over (partition by m.symbol, m.instrument_id order by m.place) as by_tick
    from middled m
)
select s.symbol, s.instrument_id, s.ts, s.price, s.size, s.exchange, s.conditions, s.quote.bid_price as bid_price,
    s.quote.ask_price as ask_price, s.quote.bid_size as bid_size, s.quote.ask_size as ask_size, s.mid,
    s.quote.ask_price - s.quote.bid_price as spread, 2 * abs(s.price - s.mid) as effective_spread,
    case coalesce(s.by_quote, s.by_tick) when 1 then 'buy' when -1 then 'sell' end as side,
    case when s.by_quote is not null then 'quote' when s.by_tick is not null then 'tick' end as side_by,
    epoch(s.told_ts) - epoch(s.met.told_ts) as quote_age_s, s.stale, s.seq, s."row", s.recorder
from signed s order by s.symbol, s.instrument_id, s.place"""

_PREVIOUS = Parameter("lookback", Kind.WIDTH, "how old a row may be", "'1 day'")
_SINCE, _UNTIL = '(utc("at") - cast(lookback as interval))', '(utc("at") + interval 1 microsecond)'


def _newest(table: str, streams: str, columns: str, condition: str) -> str:
    return f"""select t.symbol, t.instrument_id, arg_max({{'ts': t.ts, 'recorder': t.recorder, {columns}}},
            place(t.ts, t.seq, t."row")) as newest
    from {table} t
    where has_symbol(t.symbol, symbols) and in_time(t.ts, t.date, {_SINCE}, {_UNTIL}) and t.stream in ({streams})
        and t.recorder = coalesce(recorded_by, t.recorder) and {condition}
    group by t.symbol, t.instrument_id"""


def _stale(name: str, streams: str) -> str:
    return f"""exists (select 1 from gap g where g.instrument_id = s.instrument_id and g.stream in ({streams})
            and g.recorder = s.{name}.recorder and g.to_ts > s.{name}.ts)"""


_LAST_STATE = f"""with quote as (
    {_newest("quotes", "'quotes', 'history'", "'bid': t.bid_price, 'ask': t.ask_price, 'bid_size': t.bid_size, "
             "'ask_size': t.ask_size", "true")}
), trade as (
    {_newest("trades", "'last', 'all_last', 'history'", "'price': t.price, 'size': t.size",
             "t.price is not null and not t.unreported")}
), gap as (
    select g.instrument_id, g.recorder, g.stream, g.from_ts, coalesce(g.to_ts, timestamptz 'infinity') as to_ts, g.state
    from gaps g where has_symbol(g.symbol, symbols)
    qualify row_number() over (partition by g.gap_id order by g.seq desc, g."row" desc) = 1
        and g.state <> 'backfilled' and g.from_ts <= utc("at")
), state as (
    select coalesce(q.symbol, t.symbol) as symbol, coalesce(q.instrument_id, t.instrument_id) as instrument_id,
        q.newest as quote, t.newest as trade
    from quote q full join trade t on t.symbol = q.symbol and t.instrument_id = q.instrument_id
)
select s.symbol, s.instrument_id, s.quote.bid as bid_price, s.quote.ask as ask_price, s.quote.bid_size as bid_size,
    s.quote.ask_size as ask_size, s.quote.ts as quote_ts, epoch(utc("at")) - epoch(s.quote.ts) as quote_age_s,
    case when s.quote is not null then {_stale("quote", "'quotes'")} end as quote_stale,
    s.trade.price as price, s.trade.size as size, s.trade.ts as trade_ts,
    epoch(utc("at")) - epoch(s.trade.ts) as trade_age_s,
    case when s.trade is not null then {_stale("trade", "'last', 'all_last'")} end as trade_stale
from state s order by s.symbol, s.instrument_id"""

ROWS = (
    *(_once(table) for table in OPTIONS),
    Function(
        "trades_with_quotes",
        "Each trade once, beside the quote that had arrived before it, with its spreads and its side: above the mid a "
        "buy, below it a sale, and at the mid or without a quote by the last change of the trade price (Lee and "
        "Ready). What came in one read has one `ts`: its order is that of the frames.",
        (*RANGE, LOOKBACK, BY_EVENT, *OPTIONS["trades"]),
        (SYMBOL, ID, ("ts", "when the trade was received"), ("price", "trade price"), ("size", "traded size"),
         ("exchange", "exchange that reported the trade"), ("conditions", "IB's special trade conditions"),
         ("bid_price", "best bid; this and what follows from it is null without a quote, or where it is stale"),
         ("ask_price", "best ask"), ("bid_size", "size at the best bid"), ("ask_size", "size at the best ask"),
         ("mid", "half way between bid and ask"), ("spread", "ask less bid"),
         ("effective_spread", "twice the distance of the price from the mid"),
         ("side", "who traded on his own initiative: buy or sell; null where nothing says it"),
         ("side_by", "what says it: quote, or tick for the last change of the price"),
         ("quote_age_s", "seconds since the quote was received, with `by_event` since it was made; a stale one's too"),
         ("stale", "quotes were missed between the quote and the trade"),
         ("seq", "number of the trade's frame on the tape"), ("row", "place of the trade in its frame"),
         ("recorder", "whose rows both are")),
        _WITH_QUOTES,
        "'AAPL', '2026-11-18T15:00Z', '2026-11-18T15:01Z'"),
    Function(
        "last_state",
        "The last tick-by-tick quote and trade of each instrument as of a moment, with their age. Unreported trades do "
        "not count.",
        (SYMBOLS, AT, _PREVIOUS, RECORDER),
        (SYMBOL, ID, ("bid_price", "best bid"), ("ask_price", "best ask"), ("bid_size", "size at the best bid"),
         ("ask_size", "size at the best ask"), ("quote_ts", "when that quote was received; null where there is none"),
         ("quote_age_s", "seconds from then to the moment"),
         ("quote_stale", "quotes were missed since, so that this one may not have stood any more"),
         ("price", "trade price"), ("size", "traded size"),
         ("trade_ts", "when that trade was received; null where there is none"),
         ("trade_age_s", "seconds from then to the moment"), ("trade_stale", "trades were missed since")),
        _LAST_STATE,
        "null, '2026-11-18T15:30Z'"),
)
