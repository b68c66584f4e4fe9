"""What holds of IB's own statements: trades as they stand, their money, splits, profits, and fills beside them."""

from .fills import ACCOUNT, ID, MODEL, SYMBOL, SYMBOLS
from .function import ACCOUNTS, AT, END, START, Function

AUTOMATIC = "AFx"  # IB's code of a conversion of currencies that nobody ordered
CANCELLED = "Ca"
PAIRS = "CASH"  # IB's asset category of currency pairs
SPLITS = ("RS", "FS")
SOCKET, STATEMENT, BOTH = "socket", "statement", "both"

_MINE = "(accounts is null or has_symbol(t.account, accounts))"
_IN_TIME = '(start is null or {0} >= utc(start)) and ("end" is null or {0} < utc("end"))'


def _has_code(row: str, code: str) -> str:
    """Return SQL for whether a row has one of IB's codes."""
    return f"coalesce(list_contains(string_split({row}.notes, ';'), '{code}'), false)"


# A cancelled booking has a row of its own with the opposite quantity. It names what it cancels by the booking's id; in
# older statements by the trade's id alone: then the first of that quantity which no other cancels. What is booked again
# has the trade's id. IB gives fees back in any of these rows, so that only their sum is right: it goes to the first
# booking that stands.
_BOOKED = f"""came as materialized (
    select t.*, coalesce(t.transaction_type = 'TradeCancel', false) or {_has_code("t", CANCELLED)} as is_cancel,
        coalesce(t.trade_id, t.original_trade_id, t.transaction_id, t.key) as chain,
        row_number() over (partition by t.account
            order by try_cast(t.transaction_id as bigint) nulls last, t.key) as age
    from statement_trades t where {_MINE}
), by_id as (
    select c.account, c.key as cancel, o.key from came c
    join came o on o.account = c.account and o.transaction_id = c.original_transaction_id
    where c.original_transaction_id is not null and o.key <> c.key
), left_over as (
    select c.*, row_number() over (partition by c.account, c.chain, c.is_cancel,
            case when c.is_cancel then -c.quantity else c.quantity end order by c.age) as place
    from came c
    where (c.is_cancel and (c.account, c.key) not in (select (b.account, b.cancel) from by_id b))
        or (not c.is_cancel and (c.account, c.key) not in (select (b.account, b.key) from by_id b))
), void as materialized (
    select b.account, b.key from by_id b
    union
    select b.account, b.cancel from by_id b join came c on c.account = b.account and c.key = b.cancel where c.is_cancel
    union
    select unnest([o.account, c.account]), unnest([o.key, c.key]) from left_over c
    join left_over o on o.account = c.account and o.chain = c.chain and o.quantity = -c.quantity and o.place = c.place
    where c.is_cancel and not o.is_cancel and o.trade_id = c.original_trade_id and o.age < c.age
), marked as (
    select c.*, (c.account, c.key) in (select (v.account, v.key) from void v) as is_void from came c
), standing as (
    select m.*, row_number() over (partition by m.account, m.chain, m.is_void order by m.age) as place,
        sum(m.commission) filter (m.is_void) over (partition by m.account, m.chain) as void_commission,
        sum(m.taxes) filter (m.is_void) over (partition by m.account, m.chain) as void_taxes,
        count(*) filter (not m.is_void) over (partition by m.account, m.chain) as standing_count
    from marked m
), booked as materialized (
    select s.* replace (
        case when s.is_void then 0.0 else s.quantity end as quantity,
        case when s.is_void then 0.0 else s.proceeds end as proceeds,
        case when s.is_void then 0.0 else s.realized end as realized,
        case when s.is_void then s.void_commission when s.place = 1 and s.void_commission is not null
            then coalesce(s.commission, 0.0) + s.void_commission else s.commission end as commission,
        case when s.is_void then s.void_taxes when s.place = 1 and s.void_taxes is not null
            then coalesce(s.taxes, 0.0) + s.void_taxes else s.taxes end as taxes)
    from standing s
    where not s.is_void or (s.standing_count = 0 and s.place = 1
        and (coalesce(abs(s.void_commission), 0) > 1e-9 or coalesce(abs(s.void_taxes), 0) > 1e-9))
)"""

_TRADE_COLUMNS = (
    ("filled_ts", "when it was filled, by IB; midnight UTC of its date where no time of day is known"),
    ("dated_by", "what says when: time, date, report_date, statement"), ID, SYMBOL,
    ("security_type", "IB's asset category"), ("underlying_symbol", "symbol of the underlying"),
    ("quantity", "quantity, below 0 sold"), ("price", "price"), ("currency", "currency of its money"),
    ("proceeds", "what it brought, below 0 paid; fees left out"), ("taxes", "taxes, below 0 paid"),
    ("commission", "commission as IB sends it, below 0 paid; with what cancelled bookings of the trade cost or gave "
     "back"),
    ("commission_currency", "currency of the commission"), ("realized", "profit that IB says it realized"),
    ("trade_id", "IB's id of the trade"), ("transaction_id", "IB's id of the booking that stands"),
    ("execution_id", "IB's id of the execution"), ("notes", "IB's codes"),
    ("statement", "SHA-256 of the statement"))

_FILLS = f"""with {_BOOKED}
select b.account, b.model_code, b.ts as filled_ts, b.dated_by, b.instrument_id, b.symbol, b.security_type,
    b.underlying_symbol, b.quantity, b.price, b.currency, b.proceeds, b.taxes, b.commission, b.commission_currency,
    b.realized, b.trade_id, b.transaction_id, b.execution_id, b.notes, b.statement
from booked b
where not {_has_code("b", AUTOMATIC)} and has_symbol(b.symbol, symbols) and {_IN_TIME.format("b.ts")}
order by b.ts, b.account, b.key"""

# A conversion of currencies is two movements of cash: of the pair's first currency its quantity, of the other what it
# brought.
_MONEY = f"""with {_BOOKED}, moved as (
    select t.account, t.ts, t.dated_by, t.currency, t.amount, t.type as kind, t.symbol, t.description, t.notes
    from statement_cash t where {_MINE}
    union all by name
    select b.account, b.ts, b.dated_by, unnest([split_part(b.symbol, '.', 1), b.currency]) as currency,
        unnest([b.quantity, b.proceeds]) as amount,
        case when {_has_code("b", AUTOMATIC)} then 'automatic conversion' else 'conversion' end as kind,
        b.symbol, b.description, b.notes
    from booked b where b.security_type = '{PAIRS}'
    union all by name
    select b.account, b.ts, b.dated_by, coalesce(b.commission_currency, b.currency) as currency,
        b.commission as amount, 'conversion fee' as kind, b.symbol, b.description, b.notes
    from booked b where b.security_type = '{PAIRS}' and b.commission <> 0
    union all by name
    select t.account, t.ts, t.dated_by, t.currency, t.cash as amount, 'transfer' as kind, t.symbol, t.description,
        t.notes
    from statement_actions t where t.kind = 'transfer' and t.cash <> 0 and {_MINE}
    union all by name
    select t.account, t.ts, t.dated_by, t.currency, t.proceeds as amount, 'corporate action' as kind, t.symbol,
        t.description, t.notes
    from statement_actions t where t.kind = 'action' and t.proceeds <> 0 and {_MINE}
)
select m.* from moved m where {_IN_TIME.format("m.ts")} order by m.ts, m.account, m.currency, m.kind, m.amount"""

# A reverse split takes the old instrument out and puts a new one in; a forward split adds to what is held.
_SPLITS = f"""with {_BOOKED}, moved as (
    select t.account, coalesce(t.action_id, t.key) as action_id, t.instrument_id, any_value(t.symbol) as symbol,
        any_value(t.type) as type, sum(t.quantity) as quantity, min(t.ts) as ts
    from statement_actions t where t.kind = 'action' and t.type in {SPLITS} and {_MINE}
    group by t.account, coalesce(t.action_id, t.key), t.instrument_id
), grouped as (
    select m.account, m.action_id, any_value(m.type) as type, min(m.ts) as ts, count(*) as moved,
        arg_min(m, m.place) as old, arg_max(m, m.place) as new
    from (select m.*, case when m.symbol like '%.OLD' then -1e18 when m.type = 'RS' then -abs(m.quantity)
              else abs(m.quantity) end as place
          from moved m where m.quantity <> 0) m
    group by m.account, m.action_id
), held as (
    select g.account, g.action_id,
        (select arg_max(t.position, t.ts) from statement_positions t
         where t.account = g.account and t.instrument_id = (g.new).instrument_id and t.date < utc_date(g.ts)) as said,
        (select sum(b.quantity) from booked b
         where b.account = g.account and b.instrument_id = (g.new).instrument_id and b.ts < g.ts) as traded,
        (select sum(t.quantity) from statement_actions t
         where t.account = g.account and t.instrument_id = (g.new).instrument_id and t.ts < g.ts) as acted
    from grouped g
)
select g.account, g.action_id, g.ts, g.type, (g.old).instrument_id as old_instrument_id, (g.old).symbol as old_symbol,
    (g.new).instrument_id as instrument_id, (g.new).symbol as symbol,
    case when g.moved > 1 then -(g.old).quantity else coalesce(h.said, nullif(coalesce(h.traded, 0)
        + coalesce(h.acted, 0), 0)) end as quantity_before,
    quantity_before + case when g.moved > 1 then (g.new).quantity + (g.old).quantity else (g.new).quantity end
        as quantity_after,
    quantity_after / nullif(quantity_before, 0) as ratio
from grouped g join held h on h.account = g.account and h.action_id = g.action_id
order by g.ts, g.account, g.action_id"""

_HELD = f"""with {_BOOKED}, moved as (
    select b.account, b.instrument_id, b.symbol, b.ts, b.quantity from booked b
    where b.security_type is distinct from '{PAIRS}'
    union all by name
    select t.account, t.instrument_id, t.symbol, t.ts, t.quantity from statement_actions t
    where t.quantity is not null and t.instrument_id is not null and {_MINE}
), ours as (
    select m.account, m.instrument_id, arg_max(m.symbol, m.ts) as symbol, sum(m.quantity) as quantity
    from moved m where m.ts <= utc("at") group by m.account, m.instrument_id
), days as (
    select t.account, max(t.ts) as ts from statement_positions t where t.ts <= utc("at") and {_MINE} group by t.account
), said as (
    select t.account, t.instrument_id, any_value(t.symbol) as symbol, sum(t.position) as position
    from statement_positions t join days d on d.account = t.account and d.ts = t.ts group by t.account, t.instrument_id
)
select coalesce(o.account, s.account) as account, coalesce(o.instrument_id, s.instrument_id) as instrument_id,
    coalesce(o.symbol, s.symbol) as symbol, coalesce(o.quantity, 0.0) as quantity,
    case when d.ts is not null then coalesce(s.position, 0.0) end as ib_quantity, d.ts as said_ts
from ours o full join said s on s.account = o.account and s.instrument_id = o.instrument_id
left join days d on d.account = coalesce(o.account, s.account)
where coalesce(o.quantity, 0) <> 0 or coalesce(s.position, 0) <> 0
order by account, symbol, instrument_id"""

# By cash alone: of an option that was assigned IB moves the premium into the cost of the shares, so that its realized
# profits, and those of who books it with the option, are the same in sum and nowhere else.
_PROFITS = f"""with {_BOOKED}, legs as (
    select b.account, coalesce(b.underlying_id, b.instrument_id) as underlying_id,
        coalesce(b.underlying_symbol, b.symbol) as underlying, b.currency, b.instrument_id, b.quantity,
        coalesce(b.proceeds, 0.0) + coalesce(b.taxes, 0.0)
            + case when coalesce(b.commission_currency, b.currency) is not distinct from b.currency
                then coalesce(b.commission, 0.0) else 0.0 end as cash,
        coalesce(b.commission <> 0 and b.commission_currency <> b.currency, false) as is_other_fee, b.realized
    from booked b where b.security_type is distinct from '{PAIRS}' and {_IN_TIME.format("b.ts")}
), held as (
    select l.account, l.underlying_id, l.currency, sum(l.quantity) as quantity from legs l
    group by l.account, l.underlying_id, l.currency, l.instrument_id
), open as (
    select h.account, h.underlying_id, h.currency, max(abs(h.quantity)) > 1e-9 as is_open from held h group by all
)
select l.account, l.underlying_id, any_value(l.underlying) as underlying, l.currency,
    count(*) as bookings, round(sum(l.cash), 9) as cash, o.is_open,
    case when not o.is_open then round(sum(l.cash), 9) end as profit, round(sum(l.realized), 9) as realized,
    count(*) filter (l.is_other_fee) as other_fees
from legs l join open o on o.account = l.account and o.underlying_id is not distinct from l.underlying_id
    and o.currency is not distinct from l.currency
group by l.account, l.underlying_id, l.currency, o.is_open order by l.account, underlying, l.currency"""

# An execution's id without its last part is the same for all corrections; a statement has the last of them.
FAMILY = "regexp_replace(t.execution_id, '[.][0-9]+$', '')"
_BESIDE = f"""with told as materialized (
    select f.* from fills(utc(start) - interval 2 day, utc("end") + interval 2 day, symbols := symbols,
        accounts := accounts) f
), booked as materialized (
    select t.*, {FAMILY} as execution_family from statement_fills(utc(start) - interval 2 day,
        utc("end") + interval 2 day, symbols := null, accounts := accounts) t
), known as materialized (
    select distinct t.account, {FAMILY} as execution_family from statement_trades t
    where t.execution_id is not null and {_MINE}
), joined as (
    select b.account, coalesce(b.model_code, f.model_code) as model_code,
        case when b.dated_by = 'time' then b.filled_ts else coalesce(f.filled_ts, b.filled_ts) end as filled_ts,
        b.instrument_id, coalesce(f.symbol, b.symbol) as symbol, b.security_type, b.quantity, b.price, b.currency,
        -b.proceeds as value, -b.commission as commission, b.commission_currency, b.realized, f.combo,
        coalesce(b.execution_id, f.execution_id) as execution_id, f.permanent_id, b.trade_id, b.notes,
        case when f.account is null then '{STATEMENT}' else '{BOTH}' end as source
    from booked b left join told f on f.account = b.account and f.execution_family = b.execution_family
    union all by name
    select f.account, f.model_code, f.filled_ts, f.instrument_id, f.symbol, f.security_type, f.quantity, f.price,
        f.currency, f.value, f.commission, f.commission_currency, f.realized, f.combo, f.execution_id, f.permanent_id,
        '{SOCKET}' as source
    from told f
    where not exists (select 1 from known k where k.account = f.account and k.execution_family = f.execution_family)
)
select j.* from joined j where has_symbol(j.symbol, symbols) and {_IN_TIME.format("j.filled_ts")}
order by j.filled_ts, j.account, j.execution_id, j.trade_id"""

STATEMENTS = (
    Function(
        "statement_fills",
        "Trades of IB's statements as they stand, each once: without bookings that were cancelled, nor the cancelling "
        "ones, and without automatic conversions of currencies. A booking that cancels one which no statement has "
        "stays, as its opposite.",
        (START, END, SYMBOLS, ACCOUNTS), (ACCOUNT, MODEL, *_TRADE_COLUMNS), _FILLS, "'2026-11-01', '2026-12-01'"),
    Function(
        "statement_money",
        "What moved cash beside trades in securities, by IB's statements: dividends, taxes, interest, fees, deposits, "
        "transfers, and both sides of conversions of currencies, automatic ones too. Signs are IB's: below 0 paid.",
        (START, END, ACCOUNTS),
        (ACCOUNT, ("ts", "when, by IB; midnight UTC of its date where no time of day is known"),
         ("dated_by", "what says when: time, date, report_date, statement"), ("currency", "currency of the amount"),
         ("amount", "amount, below 0 paid"),
         ("kind", "IB's type of a cash transaction, or conversion, automatic conversion, conversion fee, transfer, "
          "corporate action"),
         ("symbol", "symbol in the statement"), ("description", "what IB calls it"), ("notes", "IB's codes")),
        _MONEY, "'2026-11-01', '2026-12-01'"),
    Function(
        "statement_splits",
        "Splits by IB's statements, each once: the rows of one action are joined by its id, and the ratio follows from "
        "quantities. Trades stay as they were traded.",
        (ACCOUNTS,),
        (ACCOUNT, ("action_id", "IB's id of the action"), ("ts", "when it took place"),
         ("type", "RS reverse split, FS forward split"),
         ("old_instrument_id", "contract id before; the same where it stays"), ("old_symbol", "symbol before"),
         ("instrument_id", "contract id after"), ("symbol", "symbol after"),
         ("quantity_before", "what was held before; of a forward split by IB's positions of an earlier day, else by "
          "trades and actions; null where neither says it"),
         ("quantity_after", "what was held after"),
         ("ratio", "quantity after for one before: 0.1 of a split 1 for 10")),
        _SPLITS, ""),
    Function(
        "statement_holdings",
        "Positions by IB's statements: the sum of trades, corporate actions and transfers up to a moment, and IB's own "
        "count of the last day that has one. They differ where statements do not reach back to the beginning.",
        (AT, ACCOUNTS),
        (ACCOUNT, ID, ("symbol", "symbol in the statement"),
         ("quantity", "sum of what statements moved, below 0 short"),
         ("ib_quantity", "IB's own count; null where no statement has positions"),
         ("said_ts", "of which day IB's count is")),
        _HELD, "'2026-11-30'"),
    Function(
        "statement_profits",
        "Profit by underlying, of a time, by IB's statements: by cash alone, so that premiums of assigned options "
        "count once; beside it the sum of what IB says was realized.",
        (START, END, ACCOUNTS),
        (ACCOUNT, ("underlying_id", "contract id of the underlying"), ("underlying", "its symbol"),
         ("currency", "currency of the money"), ("bookings", "how many bookings there are"),
         ("cash", "what they brought with taxes and commissions of the same currency, below 0 paid"),
         ("is_open", "a position is left of what was traded in this time"),
         ("profit", "the cash, where no position is left; null else"),
         ("realized", "sum of what IB says was realized"),
         ("other_fees", "how many bookings have a commission in another currency: these are in no sum")),
        _PROFITS, "'2026-01-01', '2027-01-01'"),
    Function(
        "fills_with_statement",
        "Fills, each once: as IB's statements have them where they do, and as executions told of them where no "
        "statement has them yet, as today. Both are joined by the execution's id; what statements say was cancelled is "
        "not there.",
        (START, END, SYMBOLS, ACCOUNTS),
        (ACCOUNT, MODEL, ("filled_ts", "when it was filled, by IB"), ID,
         ("symbol", "IB's local symbol where executions told of it, else that of statements"),
         ("security_type", "IB's security type; BAG of a combination as a whole"),
         ("quantity", "quantity, below 0 sold"), ("price", "price"), ("currency", "currency of its money"),
         ("value", "what was paid for it, below 0 received; fees left out"),
         ("commission", "commission, below 0 a rebate; null until it is known"),
         ("commission_currency", "currency of the commission"), ("realized", "profit that IB says it realized"),
         ("combo", "bag: a combination as a whole; leg: of one; null for neither, or where executions did not tell"),
         ("execution_id", "IB's id of the execution; null for what was none, such as an assignment"),
         ("permanent_id", "IB's id of the order for good; null where executions did not tell"),
         ("trade_id", "IB's id of the trade in statements; null where none has it"), ("notes", "IB's codes"),
         ("source", f"{SOCKET}: executions alone tell of it; {STATEMENT}: a statement alone; {BOTH}: both, and the "
          "statement's values count")),
        _BESIDE, "'2026-11-18', '2026-11-19'"),
)
