"""Level 1 as a state: what the ticks of an instrument said last of bid, ask, last trade and the day's figures."""

from capture.wire.messages.ticktypes import LIVE_OF_DELAYED, SIZE_OF_PRICE

from .function import AT, END, RECORDER, START, SYMBOLS, Function

# Column -> the tick type that says it, where its value stands, and what it means.
_SAID = {
    "bid_price": (1, "price", "best bid"),
    "ask_price": (2, "price", "best ask"),
    "bid_size": (0, "size", "size at the best bid"),
    "ask_size": (3, "size", "size at the best ask"),
    "last_price": (4, "price", "price of the last trade"),
    "last_size": (5, "size", "size of the last trade"),
    "volume": (8, "size", "the day's volume"),
    "open": (14, "price", "the day's first price"),
    "high": (6, "price", "the day's highest price"),
    "low": (7, "price", "the day's lowest price"),
    "close": (9, "price", "the close of the day before"),
    "mark_price": (37, "price", "IB's mark price"),
    "halted": (49, "value", "0 trading, above that halted"),
}
_PRICE_OF_SIZE = {size: price for price, size in SIZE_OF_PRICE.items()}
_LIVE = f"""case {' '.join(f"when t.tick_type = {delayed} then {live}" for delayed, live in LIVE_OF_DELAYED.items())}
        else t.tick_type end"""


def _said(column: str) -> str:
    """Return SQL for what a tick says of a column: a struct, as it may say that there is no value; null for nothing."""
    number, field, _ = _SAID[column]
    which = f"t.live = {number}"
    if number in _PRICE_OF_SIZE:  # a price tick brings a size too, where IB sends one; where there is no price, none
        which += f" or (t.live = {_PRICE_OF_SIZE[number]} and (t.size is not null or t.price is null))"
    return f"case when {which} then {{'v': t.{field}}} end"


def _ticks(since: str, until: str) -> str:
    """Return CTEs up to `said`: the ticks up to a moment, each with the life of its stream that it belongs to.

    A life begins with a request, and with the end of a gap. Ticks are there from where the life of `since` began.
    """
    return f"""with begun as materialized (
    select t.recorder, t.symbol, t.ts, t.seq, t.request_id
    from subscriptions t where t.event = 'requested' and t.stream = 'ticks' and has_symbol(t.symbol, symbols)
    union all
    select t.recorder, t.symbol, t.ts, t.seq - 1, null
    from gaps t where t.state = 'closed' and t.stream = 'ticks' and has_symbol(t.symbol, symbols)
), bound as materialized (
    select coalesce(min(b.ts), timestamptz 'epoch') as ts
    from (select max(t.ts) as ts from begun t where t.ts < {since} group by t.recorder, t.symbol) b
), events as (
    select t.*, null as begin from ticks t
    where has_symbol(t.symbol, symbols) and t.stream = 'ticks' and t.recorder = coalesce(recorded_by, t.recorder)
        and t.ts >= (select f.ts from bound f) and t.date >= (select utc_date(f.ts) from bound f) and {until}
    union all by name
    select b.recorder, b.symbol, b.seq, {{'seq': b.seq, 'request_id': b.request_id}} as begin from begun b
), followed as (
    select e.* exclude (begin), e.begin is not null as begins, last_value(e.begin ignore nulls) over w as life
    from events e
    window w as (partition by e.recorder, e.symbol order by e.seq, e.begin is not null rows unbounded preceding)
), said as not materialized (
    select t.* exclude (life, begins), {_LIVE} as live, t.life.seq as life, t.life.request_id as asked_by
    from followed t where not t.begins
)"""


_UNTIL = """("end" is null or (t.ts < utc("end") and t.date <= utc_date(utc("end") - interval 1 microsecond)))"""
_RUNNING = ",\n    ".join(
    f"(last_value({_said(column)} ignore nulls) over w).v as {column}" for column in _SAID)

_LEVEL1 = f"""{_ticks("utc(start)", _UNTIL)}, running as (
    select t.symbol, t.instrument_id, t.ts, t.tick_name,
    {_RUNNING},
        t.origin, t.request_id, t.seq, t."row", t.recorder
    from said t
    window w as (partition by t.recorder, t.symbol, t.request_id, t.life order by t.seq, t."row"
                 rows unbounded preceding)
)
select r.* from running r where start is null or r.ts >= utc(start)
order by r.symbol, r.instrument_id, r.recorder, r.seq, r."row\""""

_NEWEST = ",\n        ".join(
    f"arg_max({_said(column)}, place(t.ts, t.seq, t.\"row\")).v as {column}" for column in _SAID)

_LEVEL1_AT = f"""{_ticks('utc("at")', 't.ts <= utc("at") and t.date <= utc_date(utc("at"))')}, newest as (
    select b.symbol, b.recorder, max(b.seq) as life from begun b where b.ts <= utc("at") group by b.symbol, b.recorder
), state as (
    select t.symbol, any_value(t.instrument_id) as instrument_id, max(t.ts) as updated_ts,
        {_NEWEST},
        arg_max(t.origin, place(t.ts, t.seq, t."row")) as origin, any_value(t.request_id) as request_id, t.recorder
    from said t join newest n on n.symbol = t.symbol and n.recorder = t.recorder and n.life = t.life
    where t.request_id = coalesce(t.asked_by, t.request_id)
    group by t.symbol, t.recorder
), gap as (
    select g.recorder, g.symbol, g.from_ts, coalesce(g.to_ts, timestamptz 'infinity') as to_ts
    from gaps g where has_symbol(g.symbol, symbols) and g.stream = 'ticks'
    qualify row_number() over (partition by g.gap_id order by g.seq desc, g."row" desc) = 1
)
select s.symbol, s.instrument_id, s.updated_ts, epoch(utc("at")) - epoch(s.updated_ts) as age_s,
    exists (select 1 from gap g where g.recorder = s.recorder and g.symbol = s.symbol
            and g.from_ts < utc("at") and g.to_ts > s.updated_ts) as stale,
    s.* exclude (symbol, instrument_id, updated_ts)
from state s order by s.symbol, s.instrument_id, s.recorder"""

_VALUES = tuple((column, f"{meaning}; null where IB says that there is none, or has said nothing of it yet")
                for column, (_, _, meaning) in _SAID.items())
_ROOT = (("origin", "live, delayed, frozen or delayed_frozen: what IB says of the {}"),
         ("request_id", "request it came by"))
_WHOSE = (("symbol", "IB's local symbol"), ("instrument_id", "IB's contract id"))
_ABOUT = ("What ticks have said since the request, or since the last gap: what was known before either does not count, "
          "and what was said before the range does. Delayed ticks fill the same columns.")

LEVEL1 = (
    Function(
        "level1",
        f"Level 1 after each tick. {_ABOUT}",
        (SYMBOLS, START, END, RECORDER),
        (*_WHOSE, ("ts", "when the tick was received"), ("tick_name", "the tick that came"), *_VALUES,
         *((name, meaning.format("tick")) for name, meaning in _ROOT),
         ("seq", "number of the tick's frame on the tape"), ("row", "place in its frame"),
         ("recorder", "whose tick it is")),
        _LEVEL1,
        "'AAPL', '2026-11-18T15:00Z', '2026-11-18T15:01Z'"),
    Function(
        "level1_at",
        f"Level 1 as of a moment, one row per instrument and recorder; none where no tick has come since the request. "
        f"{_ABOUT}",
        (SYMBOLS, AT, RECORDER),
        (*_WHOSE, ("updated_ts", "when the last tick was received"), ("age_s", "seconds from then to the moment"),
         ("stale", "ticks were missed since, or are being missed"), *_VALUES,
         *((name, meaning.format("last tick")) for name, meaning in _ROOT), ("recorder", "whose ticks they are")),
        _LEVEL1_AT,
        "'AAPL', '2026-11-18T15:01Z'"),
)
