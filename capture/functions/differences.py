"""What IB says of accounts against what follows from fills: each difference with what explains it, none corrected."""

from .fills import ACCOUNT, ID, SYMBOL
from .function import ACCOUNTS, AT, Function
from .ledger import QUIET_S
from .statement import FAMILY

# A fill is told within seconds. One that is off by quarters of an hour, and by no more than a zone can be, has its time
# from a clock in another zone; a replay of another day is off by days.
QUARTER_S, SLACK_S, MOST_ZONE_S = 900, 60, 26 * 3600
CENT = 0.01  # to which amounts are compared: IB writes them so
OF_COST = 1e-4  # to which part of a cost two are the same

# Whose sum, in base currency, is what an account is worth. IB has FundValue a second time, as MutualFundValue.
PARTS = ("TotalCashBalance", "StockMarketValue", "OptionMarketValue", "FutureOptionValue", "FuturesPNL", "WarrantValue",
         "IssuerOptionValue", "CorporateBondValue", "TBondValue", "TBillValue", "FundValue", "MoneyMarketFundValue",
         "Cryptocurrency", "AccruedCash", "NetDividend")  # fmt: skip

LAG, MISSED, ACTION, TRANSFER = "lag", "missed fill", "corporate action", "transfer"
ZONE = "time zone"
EXPIRED, OVERDUE, GONE = "expired, not yet removed", "expired, not removed in time", "expired"
BEFORE, PENDING, MOVED = "before recording began", "commission not reported", "cash moved"
UNEXPLAINED = "unexplained"
PASSING = (LAG, BEFORE, PENDING, EXPIRED, GONE, MOVED)  # nothing has to be done about these
# The kinds of difference that are about a day, or a definition; all others are about what IB and fills say.
WORTH, DEFINITION, EXPIRY = "worth_change", "definition", "expired"
REMOVED_WITHIN_DAYS = 2  # business days after its last in which IB takes what expired out of positions
_TOLD_DAYS = 3  # for how long a changed definition is told of



def _weekdays(until: str) -> str:
    """Return SQL for how many Mondays to Fridays there were up to a date, that day among them."""
    days = f"date_diff('day', date '1970-01-05', {until})"  # since a Monday
    return f"({days} // 7 * 5 + least({days} % 7 + 1, 5))"


# Its last day: where no time of it is known, it counts as over at midnight in New York, which is 05:00 UTC.
_LAST_DAY = "utc_date(p.expired_ts - interval 5 hour - interval 1 microsecond)"
_DIFFERENCES = f"""with held as materialized (
    select p.* from positions_at("at", accounts := accounts) p
    where p.instrument_id is not null and p.model_code is null and p.state = 'known'
), booked as materialized (
    select l.* from ledger(null, utc("at") + interval 1 microsecond, accounts := accounts) l
), ours as materialized (
    select b.account, b.instrument_id, arg_max(b, b.number) as last,
        min(b.ts) as began_ts, max(b.filled_ts) filter (b.kind = 'fill') as filled_ts,
        max(b.ts) filter (b.kind = 'fill') as told_ts,
        sum(b.realized) filter (b.realized_reported is not null) as realized,
        count(*) filter (b.realized_reported is not null and b.realized is null) as unknown,
        sum(b.realized_reported) as reported
    from booked b group by b.account, b.instrument_id
), lives as (
    select o.account, o.instrument_id,
        sum(case o.action when 'SELL' then -1 else 1 end * (o.filled_reported - o.filled)) as missed
    from order_lives(null, utc("at") + interval 1 microsecond, accounts := accounts) o
    where o.filled_reported is not null and abs(o.filled_reported - o.filled) > 1e-9 and o.instrument_id is not null
        and o.security_type <> 'BAG'
    group by o.account, o.instrument_id
), gap as (
    select g.account, g.from_ts, g.to_ts from gaps g
    where g.stream = 'executions' and g.from_ts <= utc("at")
    qualify row_number() over (partition by g.gap_id order by g.seq desc, g."row" desc) = 1 and g.state <> 'backfilled'
), told as (
    select t.account, t.instrument_id, t.ts, t.date, t.kind, t.quantity from statement_actions t
    where t.instrument_id is not null and (accounts is null or has_symbol(t.account, accounts))
    union all by name
    select t.account, t.instrument_id, t.filled_ts as ts, utc_date(t.filled_ts) as date, 'fill' as kind, t.quantity
    from statement_fills(null, utc("at") + interval 1 microsecond, accounts := accounts) t
    where not exists (select 1 from executions e where e.account = t.account and e.execution_family = {FAMILY})
), witness as (
    select t.account, t.instrument_id, sum(t.quantity) filter (t.kind = 'action') as acted,
        sum(t.quantity) filter (t.kind = 'transfer') as transferred, sum(t.quantity) filter (t.kind = 'fill') as filled
    from told t left join ours o on o.account = t.account and o.instrument_id = t.instrument_id
    where t.ts <= utc("at") and (o.began_ts is null or t.date >= utc_date(o.began_ts))
    group by t.account, t.instrument_id
), paired as materialized (
    select coalesce(h.account, o.account) as account, coalesce(h.instrument_id, o.instrument_id) as instrument_id,
        coalesce(h.symbol, o.last.symbol) as symbol, h.position as ib_position, h.average_cost as ib_cost, h.said_ts,
        h.expired_ts,
        coalesce(o.last.position, 0.0) as position, o.last.average_cost as average_cost,
        o.last.fees_missing as fees_missing,
        o.filled_ts, o.realized, o.reported, o.unknown, o.last.kind as last_kind,
        coalesce(epoch(utc("at")) - epoch(greatest(o.filled_ts, o.told_ts)) <= {QUIET_S}, false) as lags,
        coalesce(h.said_ts < o.filled_ts, false) as is_behind,
        coalesce(l.missed, 0) as missed, h.position - coalesce(o.last.position, 0.0) as apart,
        case when abs(apart - w.acted) <= 1e-6 then '{ACTION}' when abs(apart - w.transferred) <= 1e-6 then '{TRANSFER}'
             when abs(apart - w.filled) <= 1e-6 then '{MISSED}' end as witnessed,
        exists (select 1 from gap g where coalesce(g.account, h.account) = h.account
                and coalesce(g.to_ts, timestamptz 'infinity') > coalesce(o.last.ts, g.from_ts)) as was_down
    from held h full join ours o on o.account = h.account and o.instrument_id = h.instrument_id
    left join lives l on l.account = coalesce(h.account, o.account)
        and l.instrument_id = coalesce(h.instrument_id, o.instrument_id)
    left join witness w on w.account = coalesce(h.account, o.account)
        and w.instrument_id = coalesce(h.instrument_id, o.instrument_id)
    where h.account is not null
), found as materialized (
    select p.account, p.instrument_id, p.symbol, 'position' as kind, p.ib_position as ib, p.position as ours,
        case when p.lags then '{LAG}'
             when p.witnessed is not null then p.witnessed
             when p.missed <> 0 or p.was_down then '{MISSED}'
             when p.ib_position = 0 and p.expired_ts <= p.said_ts then '{GONE}'
             when p.is_behind then '{UNEXPLAINED}'
             when p.position <> 0 and p.ib_position <> 0
                 and abs(p.ib_position * p.ib_cost - p.position * p.average_cost)
                     <= 0.005 * abs(p.position * p.average_cost) then '{ACTION}'
             else '{TRANSFER}' end as why,
        case when p.witnessed is not null then 'IB''s statement says so'
             when p.missed <> 0 then 'orders say that ' || abs(p.missed) || ' more were filled'
             when p.was_down then 'executions were missed'
             when p.ib_position = 0 and p.expired_ts <= p.said_ts
                 then 'it expired, and IB has taken it out of the positions: of what it paid no fill tells'
             when p.is_behind then 'IB has said nothing of it since the last fill' end as detail, p.said_ts
    from paired p where abs(p.ib_position - p.position) > 1e-6
    union all by name
    select p.account, p.instrument_id, p.symbol, 'average_cost' as kind, p.ib_cost as ib, p.average_cost as ours,
        case when p.average_cost is null then '{BEFORE}' when p.lags then '{LAG}'
             when p.fees_missing > 0 then '{PENDING}' else '{UNEXPLAINED}' end as why, p.said_ts
    from paired p
    where abs(p.ib_position - p.position) <= 1e-6 and p.position <> 0 and p.ib_cost is not null
        and not coalesce(abs(p.ib_cost - p.average_cost) <= greatest({CENT}, {OF_COST} * abs(p.ib_cost)), false)
    union all by name
    select p.account, p.instrument_id, p.symbol, 'realized' as kind, p.reported as ib, p.realized as ours,
        case when p.unknown > 0 then '{BEFORE}' when p.fees_missing > 0 then '{PENDING}'
             else '{UNEXPLAINED}' end as why, p.said_ts
    from paired p
    where p.reported is not null and (p.unknown > 0
        or abs(p.reported - p.realized) > greatest({CENT}, {OF_COST} * abs(p.reported)))
    union all by name
    select p.account, p.instrument_id, p.symbol, '{EXPIRY}' as kind, p.ib_position as ib, 0.0 as ours,
        case when p.weekdays > {REMOVED_WITHIN_DAYS} then '{OVERDUE}' else '{EXPIRED}' end as why,
        'its last day was ' || p.last_day as detail, p.said_ts
    from (select p.*, {_LAST_DAY} as last_day,
            {_weekdays('utc_date(utc("at"))')} - {_weekdays("last_day")} as weekdays from paired p) p
    where p.ib_position <> 0 and p.expired_ts is not null
    union all by name
    select d.account, d.instrument_id, d.symbol, '{DEFINITION}' as kind, try_cast(d.after as double) as ib,
        try_cast(d.before as double) as ours, '{ACTION}' as why,
        d.attribute || ' was ' || d.before || ', and is ' || d.after as detail, d.ts as said_ts
    from definition_changes(utc("at") - interval {_TOLD_DAYS} day, utc("at") + interval 1 microsecond,
        accounts := accounts) d
), unfilled as (
    select f.account, min(f.why) as why from found f
    where f.kind = 'position' and f.why in ('{MISSED}', '{ACTION}', '{TRANSFER}') group by f.account
), changed as (
    select w.account, '{WORTH}' as kind, w.change as ib, w.change - w.unexplained as ours,
        case when abs(w.unexplained - w.cash_moved) <= w.tolerance then '{MOVED}'
             else coalesce(u.why, '{UNEXPLAINED}') end as why,
        'positions won ' || round(w.profit, 2) || ', cash moved by ' || round(w.cash_moved, 2) || ' besides' as detail,
        w.to_ts as said_ts
    from worth_change("at", accounts := accounts) w left join unfilled u on u.account = w.account
    where abs(w.unexplained) > w.tolerance
), said as materialized (
    select v.* from account_at("at", accounts := accounts) v where v.model_code is null and v.state = 'known'
), net as (
    select v.account, any_value(v.number) filter (v.tag = 'NetLiquidation' and v.segment is null) as net,
        sum(v.number) filter (v.tag = 'NetLiquidation' and v.segment is not null) as of_segments,
        sum(v.number) filter (v.tag in {PARTS} and v.currency = 'BASE') as of_parts, max(v.said_ts) as said_ts,
        any_value(v.number) filter (v.tag = 'CashBalance' and v.currency = 'BASE') as cash,
        epoch(utc("at")) - epoch(max(v.said_ts)) < 1 as lags
    from said v group by v.account
), balances as (
    select c.account, sum(c.number * r.number) as cash, sum(abs(c.number * r.number)) as gross
    from said c join said r on r.account = c.account and r.currency = c.currency and r.tag = 'ExchangeRate'
    where c.tag = 'CashBalance' and c.currency <> 'BASE' group by c.account
), worth as (
    select n.account, 'net_liquidation' as kind, n.net as ib, coalesce(n.of_parts, n.of_segments) as ours,
        case when n.of_parts is null then 'its segments' else 'its parts: cash, securities, accruals' end as detail,
        {CENT} as within, n.lags, n.said_ts
    from net n where n.net is not null
    union all by name
    select n.account, 'segments' as kind, n.net as ib, n.of_segments as ours, 'its segments' as detail,
        {CENT} as within, n.lags, n.said_ts
    from net n where n.net is not null and n.of_parts is not null
    union all by name
    select n.account, 'cash' as kind, n.cash as ib, b.cash as ours, 'balances by currency at their rates' as detail,
        greatest({CENT}, 1e-6 * b.gross) as within, n.lags, n.said_ts
    from net n join balances b on b.account = n.account where n.cash is not null
), clock as (
    select e.account, median(epoch(e.ts) - epoch(e.ts_event)) as off_s, round(off_s / {QUARTER_S}) as quarters,
        count(*) as fills, max(e.ts) as ts
    from executions e
    where e.request_id is null and e.ts_event is not null and e.ts <= utc("at") and e.ts > utc("at") - interval 1 day
        and e.date >= utc_date(utc("at")) - 1 and (accounts is null or has_symbol(e.account, accounts))
    group by e.account
)
select f.account, f.instrument_id, f.symbol, f.kind, f.ib, f.ours, f.ib - f.ours as difference, f.why, f.detail,
    f.said_ts
from found f
union all
select w.account, null, null, w.kind, w.ib, w.ours, w.ib - w.ours,
    case when w.lags then '{LAG}' else '{UNEXPLAINED}' end, w.detail, w.said_ts
from worth w where w.ours is not null and abs(w.ib - w.ours) > w.within + 1e-9
union all
select c.account, null, null, c.kind, c.ib, c.ours, c.ib - c.ours, c.why, c.detail, c.said_ts
from changed c
union all
select c.account, null, null, 'clock', null, null, c.off_s, '{ZONE}',
    c.fills || ' live fills are told ' || c.off_s / 3600 || ' h off: the zone of the login, or of the gateway', c.ts
from clock c
where c.quarters <> 0 and abs(c.off_s - {QUARTER_S} * c.quarters) < {SLACK_S} and abs(c.off_s) < {MOST_ZONE_S}
order by account, symbol nulls first, kind"""

DIFFERENCES = (
    Function(
        "account_differences",
        "Where IB and the fills do not agree as of a moment: positions, average costs, what was realized, and whether "
        "what an account is worth is the sum of its parts, and changed in a day by no more than is explained. Also "
        "what is held that expired, or was defined anew. Nothing is corrected by it. Only what IB's word is known of "
        "is compared. A difference of a position that IB's statements explain, since the fills began, is named by "
        "them.",
        (AT, ACCOUNTS),
        (ACCOUNT, (ID[0], f"{ID[1]}; null where it is about the account"), SYMBOL,
         ("kind", "position, average_cost, realized; of the account net_liquidation (the sum of its parts), segments, "
          f"cash (balances by currency at their rates), {WORTH} (a day's, against what explains it: the function of "
          "that name), and clock (difference: seconds that live fills are told off); of what is held "
          f"{EXPIRY} (its last day is over), and {DEFINITION} (an attribute of it changed within {_TOLD_DAYS} days)"),
         ("ib", "what IB says; of a definition what it is now, null where that is no number"),
         ("ours", "what follows from fills, or from the parts; null where it is not known"),
         ("difference", "the one less the other"),
         ("why", f"{LAG}: within {QUIET_S} s after a fill, or of values within 1 s; {MISSED}: orders were filled more "
          f"than there are executions, or executions were missed; {ACTION}: another quantity of the same cost, or "
          f"another definition; {ZONE}: off by quarters of an hour; {GONE}: IB took out what expired; "
          f"{EXPIRED}, and after {REMOVED_WITHIN_DAYS} business days {OVERDUE}; {MOVED}: as much cash came or went "
          f"otherwise than by fills; {TRANSFER}: nothing else explains it; {BEFORE}: the cost of what was held is not "
          f"known; {PENDING}; {UNEXPLAINED}"),
         ("detail", "what says so"), ("said_ts", "when IB said it")),
        _DIFFERENCES,
        "'2026-11-18T15:30Z'"),
)
