"""Executions as they stand, each once: corrected, with what they cost, and what they moved in money."""

from .function import ACCOUNTS, END, START, Function, Kind, Parameter

SYMBOLS = Parameter("symbols", Kind.SYMBOLS, "of these instruments only", "null")
WITH_BUSTED = Parameter("with_busted", Kind.FLAG, "also executions that were taken back: their shares are 0", "false")
ACCOUNT = ("account", "IB's account name")
MODEL = ("model_code", "model within the account; null for none")
ID, SYMBOL = ("instrument_id", "IB's contract id (conId)"), ("symbol", "IB's local symbol")

BAG = "BAG"  # IB's security type of a combination

# Of one instrument the newest definition of each moment, for what executions do not say of it.
DEFINED = """defined as materialized (
    select i.instrument_id, i.ts, any_value(i.multiplier) as multiplier, any_value(i.price_magnifier) as price_magnifier
    from instruments i where i.instrument_id is not null group by i.instrument_id, i.ts
), first_defined as materialized (
    select d.instrument_id, arg_min(d.multiplier, d.ts) as multiplier, arg_min(d.price_magnifier, d.ts) as magnifier
    from defined d group by d.instrument_id
)"""


def unit_value(row: str, moment: str) -> tuple[str, str]:
    """Return SQL for what one price of a row is worth at a moment, and the joins that it needs, with DEFINED."""
    joins = f"""asof left join defined d on d.instrument_id = {row}.instrument_id and d.ts <= {moment}
    left join first_defined fd on fd.instrument_id = {row}.instrument_id"""
    value = (f"unit_value({row}.security_type, coalesce({row}.multiplier, d.multiplier, fd.multiplier),"
             f" coalesce(d.price_magnifier, fd.magnifier), {row}.currency)")
    return value, joins


_UNIT, _JOINS = unit_value("o", "o.filled_ts")

# An execution may come any number of times: live, asked for anew after a reconnect, by several recorders. A correction
# has the same family and comes later than what it corrects, so nothing can be left out by an end.
_FILLS = f"""with {DEFINED}, came as materialized (
    select t.*, min(t.ts) over w as first_ts,
        row_number() over (w order by coalesce(t.revision, 1) desc, t.ts_event is null, t.ts, t.recorder, t.seq) as age
    from executions t
    where has_symbol(t.symbol, symbols) and (accounts is null or has_symbol(t.account, accounts))
        and (start is null or t.date >= utc_date(utc(start)) - 1)
    window w as (partition by t.account, t.execution_family)
), once as materialized (
    select c.*, coalesce(c.ts_event, c.first_ts) as filled_ts from came c
    where c.age = 1 and (with_busted or c.shares <> 0)
), combined as (
    select distinct c.account, c.permanent_id from came c
    where c.security_type = '{BAG}' and c.permanent_id is not null
), paid as (
    select c.execution_id, arg_max({{'commission': c.commission, 'currency': c.currency}},
            place(c.ts, c.seq, c."row")) filter (c.commission is not null) as fee,
        arg_max(c.realized, place(c.ts, c.seq, c."row")) as realized
    from commissions c where start is null or c.date >= utc_date(utc(start)) - 1
    group by c.execution_id
), valued as (
    select o.*, {_UNIT} as unit_value,
        case when o.security_type = '{BAG}' then 'bag' when b.permanent_id is not null then 'leg'
             when length(o.execution_family) - length(replace(o.execution_family, '.', '')) > 2
                 and o.revision is not null then 'leg' end as combo,
        case o.side when 'BOT' then o.shares when 'SLD' then -o.shares end as quantity
    from once o {_JOINS}
    left join combined b on b.account = o.account and b.permanent_id = o.permanent_id
    where (start is null or o.filled_ts >= utc(start)) and ("end" is null or o.filled_ts < utc("end"))
)
select v.account, v.model_code, v.filled_ts, v.ts_event, v.first_ts as ts, v.instrument_id, v.symbol, v.ib_symbol,
    v.security_type, v.side, v.shares, v.quantity, v.price, money_currency(v.currency) as currency, v.unit_value,
    v.quantity * v.price * v.unit_value as value, p.fee.commission as commission,
    p.fee.currency as commission_currency, p.realized, v.combo, v.execution_id, v.execution_family,
    coalesce(v.revision, 1) > 1 as corrected, v.permanent_id, v.order_id, v.client_id, v.order_reference,
    v.execution_exchange, v.last_liquidity, v.liquidation, v.pending_price_revision, v.recorder, v.seq, v."row"
from valued v left join paid p on p.execution_id = v.execution_id
order by v.filled_ts, v.first_ts, v.recorder, v.seq, v."row\""""

FILLS = (
    Function(
        "fills",
        "Executions as they stand, each once however often it came: the last correction of each, without those that "
        "were taken back, with its commission. Of a combination there is a row of the whole (`combo` is bag) and one "
        "of each leg: sums count the one or the others.",
        (START, END, SYMBOLS, ACCOUNTS, WITH_BUSTED),
        (ACCOUNT, MODEL,
         ("filled_ts", "when it was filled: IB's time; where that cannot be read, when it was first received"),
         ("ts_event", "IB's time, a whole second; null where it cannot be read"),
         ("ts", "when it was first received"), ID, SYMBOL,
         ("ib_symbol", "IB's symbol: the root of futures and options"),
         ("security_type", "IB's security type; BAG of a combination as a whole"), ("side", "BOT or SLD"),
         ("shares", "quantity of this fill"), ("quantity", "quantity, below 0 sold"), ("price", "price of this fill"),
         ("currency", "currency of its money: GBP also where the price is in pence"),
         ("unit_value", "what a price of 1 is worth; null where nobody knows"),
         ("value", "quantity × price × unit_value: what was paid for it, below 0 received; fees left out"),
         ("commission", "commission, below 0 a rebate; null until it is reported"),
         ("commission_currency", "currency of the commission"),
         ("realized", "profit that IB says it realized; null where it closed nothing, or until that is reported"),
         ("combo", "bag: a combination as a whole; leg: of one; null for neither"),
         ("execution_id", "IB's id of the execution, or of its last correction"),
         ("execution_family", "the id without its last part, which counts corrections"),
         ("corrected", "it replaces what was told before"), ("permanent_id", "IB's id of the order for good"),
         ("order_id", "the client's id of the order"), ("client_id", "client that placed the order"),
         ("order_reference", "the client's reference"), ("execution_exchange", "where it was filled"),
         ("last_liquidity", "1 added, 2 removed, 3 routed out"), ("liquidation", "1: IB liquidated the position"),
         ("pending_price_revision", "the price may be revised later"),
         ("recorder", "whose tape it comes from"), ("seq", "number of its frame on that tape"),
         ("row", "place in its frame")),
        _FILLS,
        "'2026-11-18', '2026-11-19'"),
)
