"""What was won between two moments: what is held is worth more, less what was paid for it; never the money traded."""

from .fills import ACCOUNT, DEFINED, ID, SYMBOL, SYMBOLS
from .function import ACCOUNTS, END, START, Function, Kind, Parameter

_LOOKBACK = Parameter("lookback", Kind.WIDTH, "how old a price may be", "'4 days'")
_START = "coalesce(utc(start), timestamptz 'epoch')"
_END = 'coalesce(utc("end"), now())'
NO_SIDE = "(0, -1)"  # how IB writes a side that is not there


def _mark(name: str, moment: str) -> str:
    """Return the CTE of the newest price of each instrument before a moment, and where it is from."""
    within = (f"t.ts < {moment} and t.ts >= {moment} - cast(lookback as interval) and t.date <= utc_date({moment})"
              f" and t.date >= utc_date({moment} - cast(lookback as interval))"
              " and t.instrument_id in (select k.instrument_id from keys k)")
    return f"""{name} as materialized (
    select p.instrument_id, arg_max({{'price': p.price, 'ts': p.ts, 'source': p.source}}, (p.ts, p.rank)) as mark
    from (select t.instrument_id, t.ts, t.market_price as price, 'portfolio' as source, 1 as rank
          from portfolio t where t.market_price not in {NO_SIDE} and {within}
          union all
          select t.instrument_id, t.ts, t.price, 'last', 2 from trades t
          where t.price is not null and not t.unreported and {within}
          union all
          select t.instrument_id, t.ts, t.price, case t.tick_type when 37 then 'mark' else 'last' end, 3 from ticks t
          where t.tick_type in (4, 37) and t.price not in {NO_SIDE} and {within}
          union all
          select t.instrument_id, t.ts, (t.bid_price + t.ask_price) / 2, 'mid', 4 from quotes t
          where t.bid_price not in {NO_SIDE} and t.ask_price not in {NO_SIDE} and t.bid_price <= t.ask_price
            and {within}) p
    group by p.instrument_id
)"""


def _newest(column: str, condition: str) -> str:
    return f"arg_max({column}, b.number) filter ({condition})"


_BEFORE = f"b.kind = 'opening' or b.filled_ts < {_START}"
_WORTH = """case when {0}.position_{1} = 0 then 0.0
        else {0}.position_{1} * {0}.{1}_mark.price * {0}.unit_value end"""

_PNL_BETWEEN = f"""with {DEFINED}, booked as materialized (
    select l.* from ledger(null, {_END}, symbols := symbols, accounts := accounts) l
), keys as materialized (
    select b.account, b.instrument_id, any_value(b.symbol) as symbol, any_value(b.currency) as currency,
        coalesce({_newest("b.position", _BEFORE)}, 0.0) as position_start,
        {_newest("b.position", "true")} as position_end,
        sum(b.realized) filter (b.filled_ts >= {_START}) as realized,
        count(*) filter (b.kind = 'fill' and b.filled_ts >= {_START}) as fills
    from booked b group by b.account, b.instrument_id
), moved as materialized (
    select f.account, f.instrument_id, any_value(f.unit_value) as unit_value,
        cast(sum(money(f.value)) filter (f.filled_ts >= {_START}) as double) as traded,
        cast(sum(money(f.commission)) filter (f.filled_ts >= {_START}
            and coalesce(f.commission_currency, f.currency) = f.currency) as double) as fees,
        count(*) filter (f.filled_ts >= {_START}
            and (f.commission is null or f.commission_currency <> f.currency)) as fees_missing
    from fills(null, {_END}, symbols := symbols, accounts := accounts) f
    where f.combo is distinct from 'bag' group by f.account, f.instrument_id
), held as (
    select p.instrument_id, any_value(unit_value(p.security_type, coalesce(p.multiplier, d.multiplier), d.magnifier,
            p.currency)) as unit_value
    from (select t.instrument_id, t.security_type, t.multiplier, t.currency from positions t
          union all select t.instrument_id, t.security_type, t.multiplier, t.currency from portfolio t) p
    left join first_defined d on d.instrument_id = p.instrument_id
    group by p.instrument_id
), {_mark("first_marks", _START)}, {_mark("last_marks", _END)}, joined as (
    select k.*, coalesce(m.unit_value, h.unit_value) as unit_value, coalesce(m.traded, 0) as traded,
        coalesce(m.fees, 0) as fees, coalesce(m.fees_missing, 0) as fees_missing, a.mark as start_mark,
        z.mark as end_mark
    from keys k left join moved m on m.account = k.account and m.instrument_id = k.instrument_id
    left join held h on h.instrument_id = k.instrument_id
    left join first_marks a on a.instrument_id = k.instrument_id
    left join last_marks z on z.instrument_id = k.instrument_id
), said as (
    select p.account, p.instrument_id, arg_max(p, place(p.ts, p.seq, p."row")) as last
    from pnl p where p.ts < {_END} and p.ts >= {_END} - interval 1 day and p.date >= utc_date({_END}) - 1
        and p.model_code is null and has_symbol(p.symbol, symbols)
        and (accounts is null or has_symbol(p.account, accounts))
    group by p.account, p.instrument_id
), valued as (
    select j.*, {_WORTH.format("j", "start")} as value_start,
        {_WORTH.format("j", "end")} as value_end
    from joined j
)
select coalesce(v.account, s.account) as account, coalesce(v.instrument_id, s.instrument_id) as instrument_id,
    coalesce(v.symbol, s.last.symbol) as symbol, v.currency, v.position_start, v.start_mark.price as price_start,
    v.value_start, v.position_end, v.end_mark.price as price_end, v.value_end, v.fills, v.traded, v.fees,
    v.fees_missing, v.value_end - v.value_start - v.traded - v.fees as profit, cast(v.realized as double) as realized,
    v.start_mark.ts as start_mark_ts, v.start_mark.source as start_mark_source, v.end_mark.ts as end_mark_ts,
    v.end_mark.source as end_mark_source, s.last.daily as daily_reported, s.last.realized as realized_reported,
    s.last.unrealized as unrealized_reported, s.last.ts as reported_ts
from valued v full join said s on s.account = v.account and s.instrument_id = v.instrument_id
order by account, symbol nulls first, instrument_id"""

PROFITS = (
    Function(
        "pnl_between",
        "What was won between two moments, for each instrument of each account: what is held is worth at the end, less "
        "what it was worth at the start, less what was paid for what was traded, less commissions. What IB says of its "
        "own day stands beside it, also of the account as a whole in a row without an instrument. Prices are the "
        "newest there are before each moment: the middle of a quote, a trade, a mark of level 1, or of the portfolio.",
        (START, END, SYMBOLS, ACCOUNTS, _LOOKBACK),
        (ACCOUNT, (ID[0], f"{ID[1]}; null in the row of the account"), SYMBOL, ("currency", "currency of its money"),
         ("position_start", "what was held at the start"), ("price_start", "price then; null where none is known"),
         ("value_start", "worth then; 0 where nothing was held"), ("position_end", "what is held at the end"),
         ("price_end", "price then"), ("value_end", "worth then"), ("fills", "number of fills between"),
         ("traded", "what was paid for them, below 0 received; fees left out"), ("fees", "commissions between"),
         ("fees_missing", "fills whose commission that lacks: not reported, or in another currency"),
         ("profit", "what was won; null where a price is not known of something held"),
         ("realized", "what closing fills between won, by average cost; null where none did, or the cost is not known"),
         ("start_mark_ts", "when the price at the start was received"),
         ("start_mark_source", "mid, last, mark or portfolio"), ("end_mark_ts", "when that at the end was"),
         ("end_mark_source", "the same of the end"),
         ("daily_reported", "profit of IB's day, as IB said last before the end, in base currency"),
         ("realized_reported", "what was realized in IB's day"), ("unrealized_reported", "unrealized profit by IB"),
         ("reported_ts", "when IB said so")),
        _PNL_BETWEEN,
        "'2026-11-18', '2026-11-19'"),
)
