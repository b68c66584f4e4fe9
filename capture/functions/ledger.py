"""A ledger: what is held after every fill, what it cost, and what was won: by average cost, or first in, first out.

Sums are of decimals, so that they are the same in whatever order they are made. Both methods do without a loop:

- average cost: each fill multiplies the cost before it by the part that it leaves and adds what it opens. Two such
  steps, one after the other, make one; so each row joins itself to the row 1, 2, 4, … before it, until all are reached.
- first in, first out: the k-th unit ever bought meets the k-th unit ever sold, whichever came first. So what was
  bought and what was sold lie beside each other, and are cut where either begins a new fill.
"""

from .fills import ACCOUNT, ID, SYMBOL, SYMBOLS
from .function import ACCOUNTS, END, START, Function, Kind, Parameter
from .positions import lives

QUIET_S = 10  # after a fill IB's positions may not know of it yet
AVERAGE, FIFO = "average", "fifo"
METHOD = Parameter("method", Kind.TEXT, "average: by average cost, as IB does; fifo: first in, first out",
                   f"'{AVERAGE}'")

_UNTIL = """coalesce(utc("end"), timestamptz 'infinity')"""

# What was held before the first fill that is known: what IB says is held, less the fills before it says so. Of several
# words of IB the first counts that comes when nothing was filled for a while.
_OPENING = f"""{lives("'positions', 'values'", _UNTIL)}, done as materialized (
    select f.*, money(f.quantity) as moved,
        sum(money(f.quantity)) over (partition by f.account, f.instrument_id order by f.filled_ts) as moved_through
    from fills(null, null, accounts := accounts, symbols := symbols) f
    where f.combo is distinct from 'bag' and f.quantity is not null and f.filled_ts < {_UNTIL}
), words as materialized (
    select t.account, t.instrument_id, t.ts, t.position, t.symbol, t.currency
    from positions t where t.model_code is null and t.ts < {_UNTIL} and has_symbol(t.symbol, symbols)
        and (accounts is null or has_symbol(t.account, accounts))
    union all
    select t.account, t.instrument_id, t.ts, t.position, t.symbol, t.currency
    from portfolio t where t.model_code is null and t.ts < {_UNTIL} and has_symbol(t.symbol, symbols)
        and (accounts is null or has_symbol(t.account, accounts))
    union all
    select d.account, d.instrument_id, l.whole_ts, 0.0, d.symbol, d.currency
    from (select f.account, f.instrument_id, any_value(f.symbol) as symbol, any_value(f.currency) as currency
          from done f group by f.account, f.instrument_id) d
    join lives l on l.stream = 'positions' and l.whole_ts is not null and l.of_model is null
        and coalesce(l.of_account, d.account) = d.account
    where not exists (select 1 from positions p where p.recorder = l.recorder and p.request_id = l.request_id
                      and p.seq >= l.seq and p.ts <= l.whole_ts and p.account = d.account
                      and p.instrument_id = d.instrument_id and p.ts < {_UNTIL})
), reached as (
    select w.*, coalesce(d.moved_through, 0) as moved_through,
        coalesce(epoch(w.ts) - epoch(d.filled_ts) > {QUIET_S}, true) as quiet
    from (select w.* from words w qualify w.ts <= min(w.ts) over (partition by w.account, w.instrument_id)
                                               + interval 1 day) w
    asof left join done d on d.account = w.account and d.instrument_id = w.instrument_id
        and d.filled_ts <= w.ts
), opening as materialized (
    select r.account, r.instrument_id, r.symbol, r.currency, r.ts, money(r.position) - r.moved_through as moved
    from reached r
    qualify row_number() over (partition by r.account, r.instrument_id order by not r.quiet, r.ts) = 1
        and money(r.position) <> r.moved_through
)"""

_NUMBERED = f"""entries as (
    select d.account, d.instrument_id, d.symbol, d.currency, 'fill' as kind, d.filled_ts, d.ts, d.recorder, d.seq,
        d."row", d.price, d.unit_value, d.moved, d.execution_id, d.permanent_id, d.order_reference, d.commission,
        d.commission_currency, d.realized as realized_reported,
        case when coalesce(d.commission_currency, d.currency) = d.currency then money(d.commission) end as fee,
        money(d.value) + coalesce(fee, 0) as paid
    from done d
    union all by name
    select o.account, o.instrument_id, o.symbol, o.currency, 'opening' as kind, least(o.ts, f.first_ts) as filled_ts,
        o.ts, o.moved
    from opening o left join (select d.account, d.instrument_id, min(d.filled_ts) as first_ts from done d
                              group by d.account, d.instrument_id) f
        on f.account is not distinct from o.account and f.instrument_id is not distinct from o.instrument_id
), keyed as (
    select e.*, dense_rank() over (order by e.account, e.instrument_id) as k from entries e where e.moved <> 0
        and case when method in ('{AVERAGE}', '{FIFO}') then true
                 else error('the method ' || method || ' is none: say {AVERAGE} or {FIFO}') end
), ranked as (
    -- Numbered through all instruments, so that a number alone names a row.
    select e.*, row_number() over (order by e.k, e.kind = 'fill', e.filled_ts, e.ts, e.recorder, e.seq, e."row") as n
    from keyed e
), numbered as materialized (
    select e.*,
        sum(e.moved) over w as position, abs(e.moved) as size, sign(e.moved) as side
    from ranked e window w as (partition by e.k order by e.n rows unbounded preceding)
)"""

# Each row's step on the cost: `keeps` is the part of the cost before that stays, `adds` what it opens.
_AVERAGE = f"""stepped as (
    select e.*, e.position - e.moved as before,
        case when sign(before) = -e.side then least(abs(before), e.size) else 0 end as closed
    from numbered e where method <> '{FIFO}'  -- of a word that is none the error is then raised
), begun as (
    select s.*, s.before = 0 or sign(s.before) <> sign(s.position) and s.position <> 0 as begins,
        case when s.before <> 0 then 1.0 - cast(s.closed as double) / cast(abs(s.before) as double) end as keeps,
        cast(s.paid as double) * (cast(s.size - s.closed as double) / cast(s.size as double)) as adds
    from stepped s
), lifted as (
    select b.*, sum(cast(b.begins as integer)) over (order by b.k, b.n rows unbounded preceding) as life from begun b
), placed as materialized (
    select l.*, row_number() over (partition by l.life order by l.n) as i from lifted l
), lengths as materialized (
    select p.life, cast(ceil(log2(count(*))) as integer) as rounds from placed p group by p.life
), folded as (
    select 0 as round, l.rounds, p.life, p.i, case when p.begins then 0.0 else p.keeps end as keeps, p.adds
    from placed p join lengths l on l.life = p.life
    union all
    select f.round + 1, f.rounds, f.life, f.i, case when g.i is null then f.keeps else f.keeps * g.keeps end as keeps,
        case when g.i is null then f.adds when f.keeps = 0 then f.adds else f.keeps * g.adds + f.adds end as adds
    from folded f left join folded g on g.life = f.life and g.i = f.i - (1 << f.round)
    where f.round < f.rounds
), costed as (
    select p.*, case when p.position = 0 then money(0) else money(f.adds) end as cost
    from placed p join folded f on f.life = p.life and f.i = p.i and f.round = f.rounds
), averaged as (
    select c.*, case when c.closed > 0 then
            money(-(cast(c.paid as double) * (cast(c.closed as double) / cast(c.size as double)))
                  - cast(lag(c.cost) over (partition by c.k order by c.n) as double)
                    * (cast(c.closed as double) / cast(abs(c.before) as double))) end as realized
    from costed c
)"""


def _part(lot: str, until: str) -> str:
    """Return SQL for what a lot paid for its units up to one."""
    return (f"case when {until} = {lot}.size then {lot}.paid"
            f" else money(cast({lot}.paid as double) * (cast({until} as double) / cast({lot}.size as double))) end")


def _given(lot: str) -> str:
    return f"{_part(lot, f'm.at + m.length - {lot}.lo')} - ({_part(lot, f'm.at - {lot}.lo')})"


_FIFO = f"""lots as materialized (
    select e.k, e.n, e.side, e.size, e.paid, sum(e.size) over w as hi, hi - e.size as lo
    from numbered e where method = '{FIFO}'
    window w as (partition by e.k, e.side order by e.n rows unbounded preceding)
), cuts as (
    select c.k, c.at, max(c.bought) as bought, max(c.sold) as sold
    from (select l.k, l.lo as at, case when l.side > 0 then l.n end as bought, case when l.side < 0 then l.n end as sold
          from lots l
          union all select l.k, max(l.hi), null, null from lots l group by l.k, l.side) c
    group by c.k, c.at
), cut as (
    select c.k, c.at, last_value(c.bought ignore nulls) over w as bought,
        last_value(c.sold ignore nulls) over w as sold
    from cuts c window w as (partition by c.k order by c.at rows between unbounded preceding and current row)
), spans as (
    select c.*, lead(c.at) over (partition by c.k order by c.at) - c.at as length from cut c
), met as (
    select greatest(m.bought, m.sold) as n, m.length, {_given("b")} as given_bought, {_given("s")} as given_sold
    from spans m join lots b on b.n = m.bought and m.at < b.hi
    join lots s on s.n = m.sold and m.at < s.hi
    where m.length > 0
), closings as (
    select m.n, case when count(*) = count(m.given_bought + m.given_sold)
            then -sum(m.given_bought + m.given_sold) end as realized,
        sum(coalesce(m.given_bought, 0) + coalesce(m.given_sold, 0)) as given,
        sum(case when m.given_bought is null then m.length else 0 end
            + case when m.given_sold is null then m.length else 0 end) as unknown
    from met m group by m.n
), first_out as (
    select e.*, c.realized, case when e.position = 0 then money(0) when
            sum(case when e.paid is null then e.size else 0 end - coalesce(c.unknown, 0)) over w = 0
            then sum(coalesce(e.paid, 0) - coalesce(c.given, 0)) over w end as cost
    from numbered e left join closings c on c.n = e.n
    where method = '{FIFO}'
    window w as (partition by e.k order by e.n rows unbounded preceding)
)"""

_COLUMNS = """t.account, t.instrument_id, t.symbol, t.currency, t.kind, t.filled_ts, t.ts, t.recorder, t.seq, t."row",
    t.price, t.unit_value, t.moved, t.execution_id, t.permanent_id, t.order_reference, t.commission,
    t.commission_currency, t.realized_reported, t.fee, t.k, t.n, t.position, t.cost, t.realized"""

_LEDGER = f"""with recursive {_OPENING}, {_NUMBERED}, {_AVERAGE}, {_FIFO}, booked as (
    select {_COLUMNS} from averaged t union all select {_COLUMNS} from first_out t
), summed as (
    select b.*, sum(b.realized) over w as realized_total, sum(b.fee) over w as fees,
        count(*) filter (b.kind = 'fill' and b.fee is null) over w as fees_missing, row_number() over w as number
    from booked b window w as (partition by b.k order by b.n rows unbounded preceding)
)
select s.account, s.instrument_id, s.symbol, s.number, s.filled_ts, s.kind, cast(s.moved as double) as quantity,
    s.price, s.currency, s.commission, s.commission_currency, cast(s.position as double) as position,
    cast(s.cost as double) as cost,
    case when s.position <> 0 then cast(s.cost as double) / cast(s.position as double) end as average_cost,
    cast(s.realized as double) as realized, cast(s.realized_total as double) as realized_total,
    case when s.position = 0 then 0.0
         else cast(s.position as double) * s.price * s.unit_value - cast(s.cost as double) end as unrealized,
    cast(s.fees as double) as fees, s.fees_missing, s.realized_reported, s.execution_id, s.permanent_id,
    s.order_reference, s.ts
from summed s
where (start is null or s.filled_ts >= utc(start))
order by s.filled_ts, s.k, s.n"""

LEDGER = (
    Function(
        "ledger",
        "What is held of each instrument of each account after every fill, what it cost, and what was won. What was "
        "held before the first fill that is known is a row of its own, `opening`, of which the cost is not known: "
        "until it is sold, neither is the cost of what is held, nor what was won by it. Commissions belong to the "
        "cost; one that is not reported, or in another currency, counts as 0 and is counted in `fees_missing`. "
        "Combinations count by their legs.",
        (START, END, SYMBOLS, ACCOUNTS, METHOD),
        (ACCOUNT, ID, SYMBOL, ("number", "1, 2, … in the order in which they count, for each instrument of an account"),
         ("filled_ts", "when it was filled; of an opening, at the latest when the next is"),
         ("kind", "fill or opening"), ("quantity", "what it moved, below 0 sold"),
         ("price", "price of the fill; null of an opening"), ("currency", "currency of all money but the commission"),
         ("commission", "commission; null until it is reported"), ("commission_currency", "its currency"),
         ("position", "what is held after it, below 0 short"),
         ("cost", "what that cost, commissions in it, below 0 received; null while it is not known"),
         ("average_cost", "cost of one unit of position, multiplier in it; null where none is held"),
         ("realized", "what it won by closing, commissions taken off; null where it closed nothing, or the cost is not "
          "known"),
         ("realized_total", "sum of it so far, over what is known"),
         ("unrealized", "what would be won at the price of this fill; null where the cost is not known"),
         ("fees", "sum of commissions so far"), ("fees_missing", "fills so far of which that sum lacks the commission"),
         ("realized_reported", "what IB says that it realized"), ("execution_id", "IB's id of the execution"),
         ("permanent_id", "IB's id of the order for good"), ("order_reference", "the client's reference"),
         ("ts", "when it was first received; of an opening, when IB said what is held")),
        _LEDGER,
        "'2026-11-18', '2026-11-19'"),
)
