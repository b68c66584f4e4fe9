"""Orders from the first that was seen of them to their end: a row each, under the id that IB gives them for good."""

from .fills import ACCOUNT, ID, MODEL, SYMBOL, SYMBOLS
from .function import ACCOUNTS, END, START, Function

DONE = ("Filled", "Cancelled", "ApiCancelled", "Inactive")  # an order that is inactive may come back to life
TAKEN = ("PreSubmitted", "Submitted", "Filled")  # IB has accepted it
OPEN_ORDERS = (-5, -16)  # how requests for open orders are known, by the numbers of their messages
ALL_OPEN_ORDERS = -16

# What its owner can change of an order. IB itself moves the stop of a trailing order, and works out limits of others.
_OWN_LIMIT = "not regexp_matches(coalesce(t.order_type, ''), '^(MKT|STP$|STP PRT|TRAIL|MIT)')"
CHANGEABLE = {
    "total_quantity": "t.total_quantity", "order_type": "t.order_type",
    "limit_price": f"case when {_OWN_LIMIT} then t.limit_price end", "auxiliary_price": "t.auxiliary_price",
    "trailing_percent": "t.trailing_percent", "time_in_force": "t.time_in_force", "good_till_date": "t.good_till_date",
    "outside_regular_hours": "t.outside_regular_hours"}  # fmt: skip

# Before IB has given an order its id for good, it is known by client and order id: what follows says which it became.
# An order id may be used again, so what comes next counts before what came last.
OF_ORDERS = """told as materialized (
    select t.* replace (coalesce(t.permanent_id, first_value(t.permanent_id ignore nulls) over later,
                                 last_value(t.permanent_id ignore nulls) over sooner) as permanent_id)
    from orders t where t.ts < coalesce(utc("end"), timestamptz 'infinity')
    window later as (partition by t.client_id, t.order_id order by t.ts, t.recorder, t.seq, t."row"
                     rows between 1 following and unbounded following),
        sooner as (partition by t.client_id, t.order_id order by t.ts, t.recorder, t.seq, t."row"
                   rows between unbounded preceding and 1 preceding)
), keyed as materialized (
    select t.*, case when t.permanent_id is null then t.client_id end as by_client,
        case when t.permanent_id is null then t.order_id end as by_order, place(t.ts, t.seq, t."row") as place
    from told t
)"""

# The end of an order is told without what remained; of a filled one without what was wanted, too.
_REMAINING = """(case when k.message <> 'completed_order' then k.remaining when k.status = 'Filled' then 0.0
                      when k.total_quantity > 0 then greatest(k.total_quantity - coalesce(k.filled, 0), 0.0) end)"""

_WORDS = ", ".join(f"'{name}': {sql}" for name, sql in CHANGEABLE.items())

_ORDER_LIVES = f"""with {OF_ORDERS}, answers as materialized (
    -- Answers to requests for open orders: an order first seen in one was there before, but not in the answer before.
    select s.recorder, s.seq, s.ts, s.event, s.request_id from subscriptions s
    where s.stream = 'orders' and s.request_id in {OPEN_ORDERS} and s.event in ('requested', 'completed')
        and s.ts < coalesce(utc("end"), timestamptz 'infinity')
    union all
    select t.recorder, t.seq, t.ts, t.event, null from sessions t
    where t.ts < coalesce(utc("end"), timestamptz 'infinity')
), followed as materialized (
    select a.*, max(a.ts) filter (a.event = 'completed') over w as whole_ts,
        max(a.ts) filter (a.event in ('opened', 'closed')) over w as session_ts
    from answers a window w as (partition by a.recorder order by a.seq rows between unbounded preceding and current row)
), listed as materialized (
    select a.recorder, a.seq from answers a where a.request_id = {ALL_OPEN_ORDERS} and a.event = 'requested'
        and exists (select 1 from answers b where b.recorder = a.recorder and b.request_id = a.request_id
                    and b.event = 'completed' and b.seq > a.seq)
    qualify row_number() over (partition by a.recorder order by a.seq desc) = 1
), first_told as (
    select k.permanent_id, k.by_client, k.by_order, arg_min(k, k.place) as "first" from keyed k
    group by k.permanent_id, k.by_client, k.by_order
), seen as materialized (
    select f.permanent_id, f.by_client, f.by_order, f."first".ts as first_ts,
        case when f."first".message = 'completed_order' then null
             when a.event is distinct from 'requested' or a.request_id is null then 0.0
             when a.whole_ts >= coalesce(a.session_ts, a.whole_ts) then epoch(f."first".ts) - epoch(a.whole_ts)
        end as uncertain_s
    from first_told f asof left join followed a on a.recorder = f."first".recorder and a.seq <= f."first".seq
), changed as (
    select t.permanent_id, t.by_client, t.by_order, {{{_WORDS}}} as said,
        lag(said) over (partition by t.permanent_id, t.by_client, t.by_order order by t.place) as before
    from keyed t where t.message = 'open_order'
), changes as (
    select c.permanent_id, c.by_client, c.by_order, count(*) as modifications from changed c
    where c.before is not null and c.said is distinct from c.before
    group by c.permanent_id, c.by_client, c.by_order
), unfinished as (
    select k.permanent_id, k.by_client, k.by_order, max(k.place) as place from keyed k
    where k.status not in {DONE} and k.message <> 'completed_order' group by k.permanent_id, k.by_client, k.by_order
), lives as materialized (
    select k.permanent_id, k.by_client, k.by_order, max(k.ts) as last_ts, arg_max(k.recorder, k.place) as recorder,
        arg_max(k.seq, k.place) as last_seq, coalesce(
            arg_max(k, k.place) filter (k.message = 'open_order'),
            arg_max(k, k.place) filter (k.message = 'completed_order'), any_value(k)) as order_,
        arg_max(k.account, k.place) filter (k.account is not null) as account,
        arg_max(k.order_id, k.place) filter (k.order_id > 0) as order_id,
        arg_max(k.client_id, k.place) filter (k.client_id is not null) as client_id,
        arg_max(k.status, k.place) filter (k.status is not null) as status,
        arg_max(k.filled, k.place) filter (k.filled is not null) as filled_reported,
        arg_max({_REMAINING}, k.place) filter ({_REMAINING} is not null) as remaining,
        arg_max(coalesce(k.why_held, ''), k.place) filter (k.message = 'order_status') as why_held,
        arg_max(k.reject_reason, k.place) filter (k.reject_reason is not null) as reject_reason,
        arg_max(k.completed_status, k.place) filter (k.completed_status is not null) as completed_status,
        max(k.ts_event) as completed_ts, min(k.ts) filter (k.status in {TAKEN}) as taken_ts,
        min(k.ts) filter ((k.status in {DONE} or k.message = 'completed_order')
                          and k.place > coalesce(u.place, 0)) as done_ts
    from keyed k left join unfinished u on u.permanent_id is not distinct from k.permanent_id
        and u.by_client is not distinct from k.by_client and u.by_order is not distinct from k.by_order
    group by k.permanent_id, k.by_client, k.by_order
), filled as materialized (
    select f.permanent_id, arg_min(f, f.filled_ts) as "first",
        sum(f.shares) filter (f.combo is distinct from 'leg') as filled,
        sum(f.shares * f.price) filter (f.combo is distinct from 'leg') as worth,
        case when count(*) filter (f.combo is distinct from 'bag') = count(f.commission) filter (
                f.combo is distinct from 'bag')
             then sum(f.commission) filter (f.combo is distinct from 'bag') end as commission,
        count(*) filter (f.combo is distinct from 'bag' and f.commission is null) as fees_missing,
        count(*) filter (f.combo is distinct from 'leg') as fills,
        -- A fill that came live is as exact as it came; IB's own time is a whole second.
        min(case when f.ts - f.filled_ts < interval 10 second then f.ts else f.filled_ts end) as first_fill_ts,
        max(case when f.ts - f.filled_ts < interval 10 second then f.ts else f.filled_ts end) as last_fill_ts
    from fills(null, null, accounts := accounts) f
    where f.permanent_id is not null and f.ts < coalesce(utc("end"), timestamptz 'infinity')
    group by f.permanent_id
), joined as (
    select coalesce(l.permanent_id, f.permanent_id) as permanent_id,
        coalesce(l.account, f."first".account) as account,
        coalesce(l.order_.model_code, f."first".model_code) as model_code,
        coalesce(l.order_.instrument_id, f."first".instrument_id) as instrument_id,
        coalesce(l.order_.symbol, f."first".symbol) as symbol,
        coalesce(l.order_.security_type, f."first".security_type) as security_type,
        coalesce(l.order_.currency, f."first".currency) as currency,
        coalesce(l.order_id, f."first".order_id) as order_id, coalesce(l.client_id, f."first".client_id) as client_id,
        coalesce(l.order_.order_reference, f."first".order_reference) as order_reference,
        coalesce(l.order_.action, case f."first".side when 'BOT' then 'BUY' when 'SLD' then 'SELL' end) as action,
        l.order_ as "order", l.* exclude (permanent_id, order_, account, order_id, client_id),
        s.first_ts, s.uncertain_s, coalesce(c.modifications, 0) as modifications,
        f.* exclude (permanent_id, "first"), coalesce(x.closed, false) as session_closed,
        l.last_seq < p.seq as unlisted
    from lives l
    left join seen s on s.permanent_id is not distinct from l.permanent_id
        and s.by_client is not distinct from l.by_client and s.by_order is not distinct from l.by_order
    left join changes c on c.permanent_id is not distinct from l.permanent_id
        and c.by_client is not distinct from l.by_client and c.by_order is not distinct from l.by_order
    full join filled f on f.permanent_id = l.permanent_id
    left join (select a.recorder, max_by(a.event, a.seq) filter (a.event in ('opened', 'closed')) = 'closed' as closed
               from answers a group by a.recorder) x on x.recorder = l.recorder
    left join listed p on p.recorder = l.recorder
)
select j.account, j.model_code, j.permanent_id, j.client_id, j.order_id, j.order_reference, j.instrument_id, j.symbol,
    j.security_type, j.currency, j.action, nullif(j."order".total_quantity, 0) as total_quantity,
    j."order".order_type as order_type, j."order".limit_price as limit_price,
    j."order".auxiliary_price as auxiliary_price, j."order".time_in_force as time_in_force, j.status,
    case when j.status is null then 'executed' when j.done_ts is not null then 'done' when j.unlisted then 'gone'
         when j.session_closed then 'stale' else 'open' end as state,
    coalesce(j.filled, 0.0) as filled, j.filled_reported, j.remaining, j.worth / nullif(j.filled, 0) as average_price,
    coalesce(j.fills, 0) as fills, j.commission, coalesce(j.fees_missing, 0) as fees_missing,
    nullif(j.why_held, '') as why_held, j.reject_reason, j.completed_status, j.first_ts as seen_ts, j.uncertain_s,
    case when j.uncertain_s is not null then j.first_ts end as submitted_ts,
    case when j.uncertain_s is not null then j.taken_ts end as acknowledged_ts, j.first_fill_ts, j.last_fill_ts,
    coalesce(j.completed_ts, j.done_ts) as ended_ts,
    epoch(acknowledged_ts) - epoch(submitted_ts) as acknowledge_s,
    case when submitted_ts is not null and j.first_fill_ts is not null
         then greatest(0, epoch(j.first_fill_ts) - epoch(submitted_ts)) end as first_fill_s, j.modifications, j.last_ts
from joined j
where has_symbol(j.symbol, symbols) and (accounts is null or has_symbol(j.account, accounts))
    and (start is null or greatest(j.last_ts, j.last_fill_ts) >= utc(start))
order by coalesce(j.first_ts, j.first_fill_ts), j.permanent_id, j.client_id, j.order_id"""

ORDER_LIVES = (
    Function(
        "order_lives",
        "Orders as they stand before `end`, with their lives: a row each, of those of which anything came from `start` "
        "on. What IB said before it gave an order its id for good counts to it; an order of which only executions came "
        "is a row too. Fills are counted by executions, of a combination by those of the whole.",
        (START, END, SYMBOLS, ACCOUNTS),
        (ACCOUNT, MODEL, ("permanent_id", "IB's id of the order for good; null until IB gives it one"),
         ("client_id", "client that placed it"),
         ("order_id", "the client's id of it; null of those made by hand, and of which only the end was told"),
         ("order_reference", "the client's reference"), ID, SYMBOL, ("security_type", "IB's security type"),
         ("currency", "currency of the price"), ("action", "BUY or SELL"),
         ("total_quantity", "quantity ordered; null where IB does not say it"), ("order_type", "IB's order type"),
         ("limit_price", "limit"), ("auxiliary_price", "stop price, trailing amount or offset"),
         ("time_in_force", "DAY, GTC, …"), ("status", "IB's last status; null where only executions came"),
         ("state", "open; done: by its last status; gone: IB's last answer no longer lists it, and nothing says how it "
          "ended; stale: the line was lost since; executed: only executions of it came"),
         ("filled", "quantity filled, by executions"), ("filled_reported", "quantity filled as IB's status said last"),
         ("remaining", "quantity that is not filled, as IB's status said last, or as follows from how it ended"),
         ("average_price", "average price of the executions"), ("fills", "number of executions"),
         ("commission", "what all fills cost; null until all are reported"),
         ("fees_missing", "number of fills whose commission is not reported"),
         ("why_held", "why it is held"), ("reject_reason", "why IB rejects it"),
         ("completed_status", "how it ended, in words of IB's"), ("seen_ts", "when it was first seen"),
         ("uncertain_s", "how many seconds sooner it may have been submitted: 0 where it was pushed, the time since "
          "the answer before where it was first seen in an answer; null where it may have been there for long, and "
          "times from its submission are null too"),
         ("submitted_ts", "when it was submitted"), ("acknowledged_ts", "when IB had accepted it"),
         ("first_fill_ts", "when it was first filled"), ("last_fill_ts", "when it was last filled"),
         ("ended_ts", "when it ended: by IB, or when that came"),
         ("acknowledge_s", "seconds from submission to acceptance"),
         ("first_fill_s", "seconds from submission to the first fill"),
         ("modifications", "how often its quantity, prices, type or times changed"),
         ("last_ts", "when IB said something of it last")),
        _ORDER_LIVES,
        "'2026-11-18', '2026-11-19'"),
)
