"""What changes in accounts from one day to the next: what they are worth, and how what they hold is defined."""

from capture.risk.valuation import KINDS, Counts

from .fills import ACCOUNT, ID, SYMBOL
from .function import ACCOUNTS, AT, END, START, Function

# Quotes and marks are not of the same moment as IB's word, which comes every three minutes: of what is held and was
# traded a hundredth may be the time between them.
NEARLY, LEAST = 0.01, 1.0
_BEFORE = '(utc("at") - interval 1 day)'
# What a fill of these moves is no cash: futures settle their gains, and of a pair of currencies both legs are balances.
_SETTLED = tuple(kind for kind, (_, counts) in KINDS.items() if counts is not Counts.VALUE)
_PAIR = "CASH"


def _told(name: str, moment: str) -> str:
    """Return the CTE of what IB said of accounts as of a moment."""
    return f"""{name} as materialized (
    select v.account, v.tag, v.currency, v.number, v.said_ts
    from account_at({moment}, accounts := accounts, lookback := '4 days') v
    where v.model_code is null and v.segment is null and v.number is not null
)"""


def _tag(row: str, tag: str, currency: str = "= 'BASE'") -> str:
    return f"any_value({row}.number) filter ({row}.tag = '{tag}' and {row}.currency {currency})"


def _sums(name: str, told: str) -> str:
    """Return the CTE of the sums of each account, from what IB said of it."""
    return f"""{name} as materialized (
    select t.account, {_tag("t", "NetLiquidation", "<> 'BASE'")} as net,
        any_value(t.currency) filter (t.tag = 'NetLiquidation' and t.currency <> 'BASE') as currency,
        max(t.said_ts) filter (t.tag = 'NetLiquidation') as said_ts,
        coalesce({_tag("t", "TotalCashBalance")}, {_tag("t", "TotalCashValue", "<> 'BASE'")}) as cash,
        coalesce({_tag("t", "AccruedCash")}, 0) + coalesce({_tag("t", "NetDividend")}, 0) as accrued
    from {told} t group by t.account
)"""


_WORTH = f"""with {_told("told", 'utc("at")')}, {_told("told_before", _BEFORE)}, {_sums("sums", "told")},
{_sums("sums_before", "told_before")}, rates as materialized (
    select t.account, t.currency, t.number as rate from told t where t.tag = 'ExchangeRate' and t.currency <> 'BASE'
), kinds as materialized (
    select k.instrument_id, any_value(k.security_type) as security_type
    from (select t.instrument_id, t.security_type from positions t
          union all select t.instrument_id, t.security_type from portfolio t
          union all select t.instrument_id, t.security_type from executions t) k group by k.instrument_id
), parts as materialized (
    select p.account, k.security_type in {_SETTLED} as settles, p.profit * r.rate as profit,
        (p.traded + p.fees) * r.rate as paid,
        (coalesce(abs(p.value_start), 0) + coalesce(abs(p.value_end), 0) + abs(p.traded)) * r.rate as size
    from pnl_between({_BEFORE}, utc("at") + interval 1 microsecond, accounts := accounts) p
    left join kinds k on k.instrument_id = p.instrument_id
    left join (select r.account, r.currency, r.rate from rates r
               union select s.account, s.currency, 1.0 from sums s) r
        on r.account = p.account and r.currency = p.currency
    where p.instrument_id is not null and p.position_end is not null and k.security_type is distinct from '{_PAIR}'
        and (p.position_start <> 0 or p.position_end <> 0 or p.fills > 0)
), won as (
    select p.account, sum(p.profit) as profit, count(*) filter (p.profit is null) as unpriced, sum(p.size) as size,
        sum(case when p.settles then p.profit else -p.paid end) as paid_in
    from parts p group by p.account
), translated as (
    select b.account, sum(b.number * (r.rate - c.number)) as gain, sum(abs(b.number * r.rate)) as size
    from told_before b
    join told_before c on c.account = b.account and c.currency = b.currency and c.tag = 'ExchangeRate'
    join rates r on r.account = b.account and r.currency = b.currency
    where b.tag = 'CashBalance' and b.currency <> 'BASE' and r.rate <> c.number group by b.account
), known as (
    select s.account, b.said_ts as from_ts, s.said_ts as to_ts, s.currency, b.net as worth_start, s.net as worth_end,
        s.net - b.net as change, coalesce(w.profit, 0) as profit, coalesce(t.gain, 0) as currency_gain,
        s.accrued - b.accrued as accrued, s.cash - b.cash - coalesce(w.paid_in, 0) - coalesce(t.gain, 0) as cash_moved,
        coalesce(w.unpriced, 0) as unpriced,
        {LEAST} + {NEARLY} * (coalesce(w.size, 0) + coalesce(t.size, 0)) as tolerance
    from sums s join sums_before b on b.account = s.account left join won w on w.account = s.account
    left join translated t on t.account = s.account
    where s.net is not null and b.net is not null
)
select k.account, k.from_ts, k.to_ts, k.currency, k.worth_start, k.worth_end, k.change, k.profit, k.currency_gain,
    k.accrued, case when k.unpriced = 0 then k.cash_moved end as cash_moved, k.unpriced,
    case when k.unpriced = 0 then k.change - k.profit - k.currency_gain - k.accrued end as unexplained, k.tolerance
from known k order by k.account"""

# Attributes of what is held -> what must stay the same of an instrument's whole life: SQL over a row of its table.
_HELD = ("symbol", "ib_symbol", "trading_class", "currency", "multiplier", "strike", "last_trade_date")
_DEFINED = (*_HELD, "underlying_id", "underlying_symbol", "price_magnifier")
_LOOKBACK = "interval 8 day"  # for what was said before the time that is asked for


def _attributes(table: str, names: tuple[str, ...], since: str) -> str:
    """Return a query for the attributes that a table gives of instruments, a row each."""
    pairs = ", ".join(f"{{'name': '{name}', 'value': nullif({_text(name)}, '')}}" for name in names)
    return f"""select t.instrument_id, t.recorder, '{table}' as source, t.ts, t.seq, t."row", unnest([{pairs}]) as fact
    from {table} t where t.instrument_id in (select h.instrument_id from held h){since}"""


def _text(name: str) -> str:
    """Return SQL for an attribute as text; multipliers of 100 and 100.0 are the same."""
    text = f'cast(t."{name}" as varchar)'
    return f"coalesce(cast(try_cast({text} as double) as varchar), {text})" if name == "multiplier" else text


_SAID_SINCE = f"""
    and (start is null or (t.ts >= utc(start) - {_LOOKBACK} and t.date >= utc_date(utc(start) - {_LOOKBACK})))"""
_DEFINITIONS = f"""with held as materialized (
    select distinct t.account, t.instrument_id
    from (select p.account, p.instrument_id, p.position, p.ts, p.date from positions p
          union all select p.account, p.instrument_id, p.position, p.ts, p.date from portfolio p) t
    where t.position <> 0 and (accounts is null or has_symbol(t.account, accounts)){_SAID_SINCE}
        and ("end" is null or t.ts < utc("end"))
), facts as (
    {_attributes("positions", _HELD, _SAID_SINCE)}
    union all
    {_attributes("portfolio", _HELD, _SAID_SINCE)}
    union all
    {_attributes("instruments", _DEFINED, "")}
), steps as (
    select f.instrument_id, f.source, f.ts, f.fact.name as attribute, f.fact.value as value,
        lag(f.fact.value) over (partition by f.instrument_id, f.recorder, f.source, f.fact.name
                                order by f.ts, f.seq, f."row") as value_before
    from facts f where f.fact.value is not null
), changed as (
    select s.instrument_id, s.attribute, s.value_before, s.value, min(s.ts) as ts, arg_min(s.source, s.ts) as source
    from steps s where s.value <> s.value_before and in_time(s.ts, utc_date(s.ts), start, "end")
    group by s.instrument_id, s.attribute, s.value_before, s.value
), named as (
    select p.instrument_id, arg_max(p.symbol, p.ts) as symbol from positions p group by p.instrument_id
    union
    select p.instrument_id, arg_max(p.symbol, p.ts) as symbol from portfolio p
    where p.instrument_id not in (select o.instrument_id from positions o where o.instrument_id is not null)
    group by p.instrument_id
)
select h.account, c.instrument_id, n.symbol, c.attribute, c.value_before as "before", c.value as "after", c.ts, c.source
from changed c join held h on h.instrument_id = c.instrument_id
left join named n on n.instrument_id = c.instrument_id
order by c.ts, h.account, n.symbol, c.instrument_id, c.attribute"""

DAY_CHANGES = (
    Function(
        "worth_change",
        "By how much what an account is worth changed in a day up to a moment, and what of it nothing explains: the "
        "change, less what its positions won, what its balances gained by rates of exchange, and what accrued. Money "
        "of positions comes from the one valuation that all else uses: a unit that it has wrong shows here.",
        (AT, ACCOUNTS),
        (ACCOUNT, ("from_ts", "when IB said what it was worth a day before; at most four days older"),
         ("to_ts", "when it said what it is worth"), ("currency", "base currency, of all money"),
         ("worth_start", "net liquidation a day before"), ("worth_end", "net liquidation at the moment"),
         ("change", "the one less the other"),
         ("profit", "what positions won by recorded prices, commissions taken off: see pnl_between"),
         ("currency_gain", "what the balances of a day before gained by rates of exchange"),
         ("accrued", "change of accrued interest and dividends"),
         ("cash_moved", "by how much cash changed beyond fills, gains of futures and rates of exchange: deposits, "
          "withdrawals, dividends, interest, fees, taxes; null where a price is not known"),
         ("unpriced", "instruments whose profit is not known: a price, a unit or a rate is missing"),
         ("unexplained", "change less profit, currency_gain and accrued: of cash that moved, this amount; null where a "
          "price is not known"),
         ("tolerance", f"up to which that is nothing: {LEAST:g}, and {NEARLY:.0%} of what was held and traded")),
        _WORTH,
        "'2026-11-18T15:30Z'"),
    Function(
        "definition_changes",
        "What changed in the definitions of what accounts hold: IB keeps the contract id of an option or a future that "
        "it adjusts, and gives it another multiplier, root or underlying. Each attribute holds from one change to the "
        "next.",
        (START, END, ACCOUNTS),
        (ACCOUNT, ID, SYMBOL, ("attribute", "which: a column of `instruments`"), ("before", "what it was"),
         ("after", "what it is since"), ("ts", "when IB first said so"),
         ("source", "the table that says so first: positions, portfolio or instruments")),
        _DEFINITIONS,
        "'2026-11-18', '2026-11-19'"),
)
