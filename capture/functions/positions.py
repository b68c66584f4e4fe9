"""What accounts hold and are worth as of a moment, by what IB said last, and whether that is known to be so still.

Three states are kept apart: nothing is known, it is known that there is nothing, and there are rows. Only the end of
an answer says that what it did not list is not there.
"""

from .fills import ACCOUNT, ID, MODEL, SYMBOL
from .function import ACCOUNTS, AT, Function, Kind, Parameter
from .sql_pieces import LAST_HEARD

UPDATES = -6  # how the request for account updates is known: it has no id, and its message is number 6
UNHEARD = "60 second"  # a recorder that lives hears its gateway more often

_MODEL_ASKED = """nullif(regexp_extract(s.parameters, '"model_code": ?"([^"]*)"', 1), '')"""


AT_MOMENT = 'utc("at")'


def lives(streams: str, until: str = AT_MOMENT) -> str:
    """Return CTEs up to `lives`: the requests of some streams up to a moment, a row each.

    `whole_seq` and `whole_ts` are where IB said that all was sent, null where it did not. `alive` says whether the
    request was open at the moment, its recorder heard its gateway, and no gap of the stream lasted.
    """
    return f"""events as materialized (
    select s.recorder, s.stream, s.request_id, s.seq, s."row", s.ts, s.event, s.account, {_MODEL_ASKED} as model_code
    from subscriptions s where s.stream in ({streams}) and s.ts <= {until}
        and s.event in ('requested', 'completed', 'cancelled', 'refused')
), closed as materialized (
    select s.recorder, s.seq from sessions s where s.event = 'closed' and s.ts <= {until}
), bounded as (
    select e.*, min(e.seq) filter (e.event <> 'completed') over w as next_seq,
        arg_min({{'seq': e.seq, 'ts': e.ts}}, e.seq) filter (e.event = 'completed') over w as whole
    from events e
    window w as (partition by e.recorder, e.stream, e.request_id order by e.seq, e."row"
                 rows between 1 following and unbounded following)
), broken as (
    select g.recorder, g.stream, g.account from gaps g
    where g.stream in ({streams}) and g.from_ts < {until}
    qualify row_number() over (partition by g.gap_id order by g.seq desc, g."row" desc) = 1
        and coalesce(g.to_ts, timestamptz 'infinity') > {until}
), lives as materialized (
    select b.recorder, b.stream, b.request_id, b.account as of_account, b.model_code as of_model, b.seq, b.ts,
        case when coalesce(b.whole.seq < b.next_seq, true) and coalesce(b.whole.seq < c.seq, true)
             then b.whole.seq end as whole_seq,
        case when whole_seq is not null then b.whole.ts end as whole_ts,
        b.next_seq is null and c.seq is null
            and coalesce(h.ts >= {until} - interval '{UNHEARD}', true)
            and not exists (select 1 from broken g where g.recorder = b.recorder and g.stream = b.stream
                            and (g.account is null or b.account is null or g.account = b.account)) as alive
    from bounded b asof left join closed c on c.recorder = b.recorder and c.seq > b.seq
    left join {LAST_HEARD} h on h.recorder = b.recorder
    where b.event = 'requested'
)"""


_SAME_SCOPE = """(l.of_account = k.account
        or (l.of_account is null and (l.stream = 'positions' or (select count(*) from whose) = 1)))"""

# Values and the portfolio are told again every few minutes; positions once, and then where they change.
_TOLD_SINCE = '(utc("at") - interval 8 day)'

# When what it is of ends: its last trade, else midnight in New York after its last day.
_EXPIRY = """coalesce(e.last_trade_ts,
        utc(try_strptime(left(r.last_trade_date, 8), '%Y%m%d') + interval 29 hour))"""

_FIELDS = """t.account, t.model_code, t.instrument_id, t.symbol, t.ib_symbol, t.security_type, t.last_trade_date,
    t.strike, t."right", t.multiplier, t.currency, t.trading_class, t.position, t.average_cost, t.ts, t.seq, t."row",
    t.recorder, t.stream, t.request_id"""

_POSITIONS = f"""with {lives("'positions', 'values'")}, relevant as materialized (
    select l.* from lives l where l.stream = 'positions' or l.request_id = {UPDATES}
), said as materialized (
    select {_FIELDS}, 'positions' as source, null as market_price, null as market_value, null as unrealized,
        null as realized
    from positions t
    where t.ts <= utc("at") and t.date <= utc_date(utc("at")) and (accounts is null or has_symbol(t.account, accounts))
    union all by name
    select {_FIELDS}, 'portfolio' as source, t.market_price, t.market_value, t.unrealized, t.realized
    from portfolio t
    where t.ts <= utc("at") and t.date <= utc_date(utc("at")) and t.ts >= {_TOLD_SINCE}
        and t.date >= utc_date({_TOLD_SINCE}) and (accounts is null or has_symbol(t.account, accounts))
), placed as materialized (
    select t.*, l.seq as life, l.alive
    from said t asof left join relevant l on l.recorder = t.recorder and l.stream = t.stream
        and l.request_id = t.request_id and l.seq <= t.seq
), keys as materialized (
    select p.account, p.model_code, p.instrument_id, arg_max(p, place(p.ts, p.seq, p."row")) as newest,
        arg_max(p, place(p.ts, p.seq, p."row")) filter (p.source = 'portfolio') as marked,
        arg_max(p.position, place(p.ts, p.seq, p."row")) filter (p.alive) as living
    from placed p group by p.account, p.model_code, p.instrument_id
), whose as materialized (
    select k.account from keys k
    union select t.account from account_values t where t.ts <= utc("at") and t.date <= utc_date(utc("at"))
        and t.ts >= {_TOLD_SINCE} and t.date >= utc_date({_TOLD_SINCE})
    union select t.account from executions t where t.ts <= utc("at")
    union select t.account from orders t where t.ts <= utc("at")
    union select l.of_account from lives l where l.of_account is not null
), whole as materialized (
    select l.* from relevant l where l.whole_seq is not null
    qualify row_number() over (partition by l.recorder, l.stream, l.request_id, l.of_account, l.of_model
                               order by l.seq desc) = 1
), unlisted as (
    select k.account, k.model_code, k.instrument_id, max(l.whole_ts) as whole_ts,
        arg_max(l.alive, l.whole_ts) as alive, arg_max(l.recorder, l.whole_ts) as recorder,
        arg_max(l.stream, l.whole_ts) as stream
    from keys k join whole l on {_SAME_SCOPE} and l.of_model is not distinct from k.model_code
    where not exists (select 1 from placed p where p.recorder = l.recorder and p.stream = l.stream
            and p.request_id = l.request_id and p.life = l.seq and p.account = k.account
            and p.model_code is not distinct from k.model_code and p.instrument_id is not distinct from k.instrument_id)
    group by k.account, k.model_code, k.instrument_id
), known as (
    select k.*, u.whole_ts > k.newest.ts as gone, u.whole_ts, u.alive as gone_alive, u.recorder as gone_recorder,
        u.stream as gone_stream
    from keys k left join unlisted u on u.account is not distinct from k.account
        and u.model_code is not distinct from k.model_code and u.instrument_id is not distinct from k.instrument_id
), listed as materialized (
    select k.account, bool_or(l.whole_ts is not null) as complete
    from whose k join relevant l on l.alive and {_SAME_SCOPE}
    group by k.account
), rows as (
    select n.account, n.model_code, n.instrument_id, n.newest.symbol as symbol, n.newest.ib_symbol as ib_symbol,
        n.newest.security_type as security_type, n.newest.last_trade_date as last_trade_date,
        n.newest.strike as strike, n.newest."right" as "right", n.newest.multiplier as multiplier,
        n.newest.currency as currency, n.newest.trading_class as trading_class,
        case when coalesce(n.gone, false) then 0.0 else n.newest.position + 0.0 end as position,
        case when not coalesce(n.gone, false) and n.newest.position <> 0 then n.newest.average_cost end as average_cost,
        case when not coalesce(n.gone, false) then n.marked.market_price end as market_price,
        case when coalesce(n.gone, false) then 0.0 else n.marked.market_value end as market_value,
        case when coalesce(n.gone, false) then 0.0 else n.marked.unrealized end as unrealized,
        n.marked.realized as realized, n.marked.ts as marked_ts,
        case when coalesce(n.gone, false) then n.whole_ts else n.newest.ts end as said_ts,
        case when coalesce(n.gone, false) then n.gone_alive
             else coalesce(n.living = n.newest.position, false) end as is_known,
        case when coalesce(n.gone, false) then n.gone_recorder else n.newest.recorder end as recorder,
        case when not coalesce(n.gone, false) then n.newest.source when n.gone_stream = 'values' then 'portfolio'
             else 'positions' end as source
    from known n
    union all by name
    select w.account, null as position from whose w
    where w.account not in (select k.account from keys k where k.account is not null)
        and (accounts is null or has_symbol(w.account, accounts))
    union all by name
    select null as account, null as position where not exists (from whose)
), ends as materialized (
    select i.instrument_id, arg_max(i.last_trade_ts, i.ts) as last_trade_ts
    from instruments i where i.last_trade_ts is not null group by i.instrument_id
)
select r.account, r.model_code, r.instrument_id, r.symbol, r.ib_symbol, r.security_type, r.last_trade_date, r.strike,
    r."right", r.multiplier, r.currency, r.trading_class, r.position, r.average_cost, r.market_price, r.market_value,
    r.unrealized, r.realized, r.marked_ts,
    case when r.said_ts is null
        then case when coalesce(c.complete, r.account is null and any_whole.complete) then 'empty' else 'unknown' end
         when r.is_known then 'known' else 'stale' end as state,
    coalesce(c.complete, r.account is null and any_whole.complete, false) as complete, r.said_ts,
    epoch(utc("at")) - epoch(r.said_ts) as age_s, epoch(utc("at")) - epoch(r.marked_ts) as mark_age_s, r.source,
    r.recorder, case when {_EXPIRY} <= utc("at") then {_EXPIRY} end as expired_ts
from rows r left join listed c on c.account = r.account left join ends e on e.instrument_id = r.instrument_id
cross join (select coalesce(bool_or(l.whole_ts is not null and l.alive), false) as complete from relevant l
            where l.stream = 'positions') any_whole
order by r.account, r.model_code nulls first, r.symbol, r.instrument_id"""

_LOOKBACK = Parameter("lookback", Kind.WIDTH, "how old a value may be", "'8 days'")
_SINCE = '(utc("at") - cast(lookback as interval))'

_ACCOUNT_AT = f"""with {lives("'values'")}, said as materialized (
    select t.* from account_values t
    where t.ts <= utc("at") and t.date <= utc_date(utc("at")) and t.ts >= {_SINCE} and t.date >= utc_date({_SINCE})
        and (accounts is null or has_symbol(t.account, accounts))
), ready as materialized (
    select t.recorder, t.account, t.seq, lower(t.value) <> 'false' as is_ready from said t where t.key = 'AccountReady'
), placed as (
    select t.*, l.alive from said t
    asof left join lives l on l.recorder = t.recorder and l.request_id = t.request_id and l.seq <= t.seq
    asof left join ready r on r.recorder = t.recorder and r.account is not distinct from t.account and r.seq <= t.seq
    where coalesce(r.is_ready, true)
), newest as (
    select p.account, p.model_code, p.tag, p.segment, p.currency, arg_max(p, place(p.ts, p.seq, p."row")) as last,
        arg_max(p.value, place(p.ts, p.seq, p."row")) filter (p.alive) as living
    from placed p group by p.account, p.model_code, p.tag, p.segment, p.currency
)
select n.account, n.model_code, n.tag, n.segment, n.currency, n.last.value as value, n.last.number as number,
    case when coalesce(n.last.alive or n.living = n.last.value, false) then 'known' else 'stale' end as state,
    n.last.ts as said_ts, epoch(utc("at")) - epoch(n.last.ts) as age_s, n.last.key as key, n.last.recorder as recorder
from newest n order by n.account, n.model_code nulls first, n.tag, n.segment nulls first, n.currency nulls first"""

_STATE = ("state", "known; stale: IB said so, and since then the line, the request or its recorder was lost{}")

POSITIONS = (
    Function(
        "positions_at",
        "What accounts hold as of a moment by what IB said last: of positions asked for, and of account updates. A "
        "position that the end of a later answer showed to be gone is 0. An account without any is one row without an "
        "instrument: `empty` where IB said that this is all, `unknown` where it has not answered.",
        (AT, ACCOUNTS),
        (ACCOUNT, MODEL, (ID[0], f"{ID[1]}; null in the row of an account without positions"), SYMBOL,
         ("ib_symbol", "IB's symbol: the root of futures and options"), ("security_type", "IB's security type"),
         ("last_trade_date", "last trading date or contract month, as sent"), ("strike", "strike price"),
         ("right", "C or P"), ("multiplier", "contract multiplier, as sent"), ("currency", "currency of the price"),
         ("trading_class", "trading class"),
         ("position", "quantity held, below 0 short; null where it is not known, 0 where it is known that none is"),
         ("average_cost", "IB's cost of one share or contract, with commission, multiplier in it; null where none is "
          "held"),
         ("market_price", "IB's mark, of account updates; null where they were not asked for"),
         ("market_value", "position at that mark"), ("unrealized", "unrealized profit at that mark"),
         ("realized", "profit realized on the day of that mark"), ("marked_ts", "when IB sent that mark"),
         (_STATE[0], _STATE[1].format("; of an account without positions: empty, or unknown")),
         ("complete", "an answer of IB that lists all positions of the account has ended, and its request lives"),
         ("said_ts", "when IB said it: the row, or the end of the answer that no longer listed it"),
         ("age_s", "seconds from then to the moment"), ("mark_age_s", "seconds from the mark to the moment"),
         ("source", "positions or portfolio: the table that it is of"), ("recorder", "whose tape it comes from"),
         ("expired_ts", "when its last trade was: it has expired, and is not yet removed where its position is not 0; "
          "null for what has not expired, or never does")),
        _POSITIONS,
        "'2026-11-18T15:30Z'"),
    Function(
        "account_at",
        "The values of accounts as of a moment, each as it was sent last: by account, model, tag, segment and "
        "currency. What IB sends while it resets an account (AccountReady false) does not count.",
        (AT, ACCOUNTS, _LOOKBACK),
        (ACCOUNT, MODEL, ("tag", "IB's word without its segment, such as NetLiquidation"),
         ("segment", "S securities, C commodities, P crypto; null for the total, or a value without segments"),
         ("currency", "currency of the value, BASE for the sum in base currency; null of texts"),
         ("value", "the value as sent"), ("number", "the value as a number; null where it is none"),
         (_STATE[0], _STATE[1].format("")), ("said_ts", "when it was sent"),
         ("age_s", "seconds from then to the moment"), ("key", "IB's key as sent"),
         ("recorder", "whose tape it comes from")),
        _ACCOUNT_AT,
        "'2026-11-18T15:30Z'"),
)
