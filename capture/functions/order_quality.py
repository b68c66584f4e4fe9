"""What became of orders on their way: each change of them, and what their fills cost against the quotes they met."""

from .fills import ACCOUNT, ID, SYMBOL, SYMBOLS
from .function import ACCOUNTS, END, START, Function, Kind, Parameter
from .order_lives import CHANGEABLE, OF_ORDERS

_WORDS = ", ".join(f"{{'field': '{name}', 'now': cast({sql} as varchar)}}" for name, sql in CHANGEABLE.items())

_ORDER_CHANGES = f"""with {OF_ORDERS}, said as (
    select t.account, t.permanent_id, t.by_client, t.by_order, t.client_id, t.order_id, t.instrument_id, t.symbol, t.ts,
        t.place, t.recorder, t.seq, unnest([{_WORDS}]) as word
    from keyed t where t.message = 'open_order' and has_symbol(t.symbol, symbols)
        and (accounts is null or has_symbol(t.account, accounts))
), followed as (
    select s.*, s.word.field as field, s.word.now as now, lag(s.word.now) over w as before, row_number() over w as n
    from said s
    window w as (partition by s.permanent_id, s.by_client, s.by_order, s.word.field order by s.place)
)
select f.account, f.permanent_id, f.client_id, f.order_id, f.instrument_id, f.symbol, f.ts, f.field, f.before, f.now,
    f.recorder, f.seq
from followed f where f.n > 1 and f.before is distinct from f.now and (start is null or f.ts >= utc(start))
order by f.ts, f.permanent_id, f.field"""

_LOOKBACK = Parameter("lookback", Kind.WIDTH, "how old a quote may be", "'1 minute'")
_AGES = "epoch(o.{0}) - epoch({1}.ts)"


def _met(name: str, moment: str) -> str:
    return (f"asof left join quoted {name} on {name}.instrument_id = o.instrument_id and {name}.ts <= o.{moment}")


def _fresh(name: str, moment: str, value: str) -> str:
    return f"case when {name}.ts >= o.{moment} - cast(lookback as interval) then {value} end"


# Tick types of level 1, live and delayed: what is recorded of options, for which there are no quotes tick by tick.
BIDS, ASKS = (1, 66), (2, 67)
_NEAR = """t.instrument_id in (select l.instrument_id from lived l)
        and t.ts >= (select min(l.submitted_ts) - cast(lookback as interval) from lived l)
        and (start is null or t.date >= utc_date(utc(start)) - 1) and has_symbol(t.symbol, symbols)"""
_TWO_SIDED = "{0}.bid not in (0, -1) and {0}.ask not in (0, -1) and {0}.bid <= {0}.ask"

# What came in one read has one time: the last of it stands.
_ORDER_SLIPPAGE = f"""with lived as materialized (
    select o.* from order_lives(start, "end", symbols := symbols, accounts := accounts) o
    where o.filled > 0 and o.submitted_ts is not null
), units as (
    select f.permanent_id, any_value(f.unit_value) as unit_value, any_value(f.currency) as currency
    from fills(null, null, accounts := accounts) f where f.combo is distinct from 'leg' group by f.permanent_id
), shown as materialized (
    select t.instrument_id, t.ts, arg_max(t.bid_price, place(t.ts, t.seq, t."row")) as bid,
        arg_max(t.ask_price, place(t.ts, t.seq, t."row")) as ask
    from quotes t where t.stream in ('quotes', 'history') and {_NEAR}
    group by t.instrument_id, t.ts
), sides as (
    select t.instrument_id, t.recorder, t.ts, t.seq, t."row", case when t.tick_type in {BIDS} then t.price end as bid,
        case when t.tick_type in {ASKS} then t.price end as ask
    from ticks t where t.tick_type in {(*BIDS, *ASKS)} and {_NEAR}
        and t.instrument_id not in (select q.instrument_id from shown q)
), standing as (
    select s.instrument_id, s.ts, s.seq, s."row", last_value(s.bid ignore nulls) over w as bid,
        last_value(s.ask ignore nulls) over w as ask
    from sides s
    window w as (partition by s.instrument_id, s.recorder order by s.ts, s.seq, s."row" rows unbounded preceding)
), quoted as materialized (
    select q.* from shown q where {_TWO_SIDED.format("q")}
    union all
    select q.instrument_id, q.ts, q.bid, q.ask from (
        select s.instrument_id, s.ts, arg_max(s.bid, place(s.ts, s.seq, s."row")) as bid,
            arg_max(s.ask, place(s.ts, s.seq, s."row")) as ask
        from standing s where s.bid is not null and s.ask is not null group by s.instrument_id, s.ts) q
    where {_TWO_SIDED.format("q")}
), met as (
    select o.*, u.unit_value, u.currency as money, case o.action when 'SELL' then -1 else 1 end as side,
        {_fresh("s", "submitted_ts", "s.bid")} as bid_price, {_fresh("s", "submitted_ts", "s.ask")} as ask_price,
        {_fresh("a", "acknowledged_ts", "(a.bid + a.ask) / 2")} as arrival_mid,
        {_AGES.format("submitted_ts", "s")} as quote_age_s, {_AGES.format("acknowledged_ts", "a")} as arrival_age_s
    from lived o {_met("s", "submitted_ts")} {_met("a", "acknowledged_ts")}
    left join units u on u.permanent_id = o.permanent_id
)
select m.account, m.permanent_id, m.order_reference, m.instrument_id, m.symbol, m.action, m.order_type, m.filled,
    m.average_price, m.submitted_ts, m.uncertain_s, m.bid_price, m.ask_price, m.quote_age_s, m.acknowledged_ts,
    m.arrival_mid, m.arrival_age_s,
    m.side * (m.average_price - case when m.side > 0 then m.ask_price else m.bid_price end) as slippage_quote,
    m.side * (m.average_price - m.arrival_mid) as slippage_mid,
    m.side * (m.average_price - m.arrival_mid) * m.filled * m.unit_value as cost, m.money as currency
from met m order by m.submitted_ts, m.permanent_id"""

_ORDER = ("permanent_id", "IB's id of the order for good")

ORDER_QUALITY = (
    Function(
        "order_changes",
        "Every change of an order by its owner: a row for each field that IB tells otherwise than before. Stops that "
        "IB moves itself do not count.",
        (START, END, SYMBOLS, ACCOUNTS),
        (ACCOUNT, (_ORDER[0], f"{_ORDER[1]}; null until IB gives it one"), ("client_id", "client that placed it"),
         ("order_id", "the client's id of it"), ID, SYMBOL, ("ts", "when the change was received"),
         ("field", "column of `orders` that changed"), ("before", "its value before, as text; null for none"),
         ("now", "its value from then on"), ("recorder", "whose tape it comes from"),
         ("seq", "number of its frame on that tape")),
        _ORDER_CHANGES,
        "'2026-11-18', '2026-11-19'"),
    Function(
        "order_slippage",
        "What the fills of each order cost against the quotes that it met: the other side of the quote as it was "
        "submitted, and the middle of the quote as it arrived at IB. Above 0 is worse than that. Of orders with fills, "
        "of which it is known when they were submitted, and only where quotes of theirs were recorded: tick by tick, "
        "else bid and ask of level 1, as of options.",
        (START, END, SYMBOLS, ACCOUNTS, _LOOKBACK),
        (ACCOUNT, _ORDER, ("order_reference", "the client's reference"), ID, SYMBOL, ("action", "BUY or SELL"),
         ("order_type", "IB's order type"), ("filled", "quantity filled"), ("average_price", "average price of it"),
         ("submitted_ts", "when it was submitted"),
         ("uncertain_s", "how many seconds sooner that may have been; see `order_lives`"),
         ("bid_price", "best bid then; null where there is no quote, or only an old one"),
         ("ask_price", "best ask then"),
         ("quote_age_s", "how old that quote was"), ("acknowledged_ts", "when IB had accepted it"),
         ("arrival_mid", "half way between bid and ask then"), ("arrival_age_s", "how old that quote was"),
         ("slippage_quote", "price paid above the ask, or received below the bid"),
         ("slippage_mid", "price paid above the middle, or received below it"),
         ("cost", "that of all that was filled, in money"), ("currency", "its currency")),
        _ORDER_SLIPPAGE,
        "'2026-11-18', '2026-11-19'"),
)
