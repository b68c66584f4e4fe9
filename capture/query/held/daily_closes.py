"""Daily closes from recorded bars, for betas and for value at risk."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

import numpy as np

from capture.risk.revaluation import moving_name
from capture.risk.tail.daily_returns import daily_returns
from capture.risk.valuation import money_currency
from capture.times import moment_of

from .marks import Ask
from .portfolio import Portfolio

MOST_DAYS = 760
LEAST_DAYS = 60  # of returns, for a beta
# One close of a day and instrument: of its daily bar, else of its last minute bar within regular hours. Bars of trades
# go before those of midpoints.
_CLOSES = """
with found as (
    select instrument_id, symbol, close, ts, what = 'TRADES' as is_of_trades, bar_size = '1 day' as is_daily,
        case when bar_size = '1 day' then cast(ts_event as date)
             else cast(timezone('America/New_York', ts_event) as date) end as day
    from bars
    where bar_size in ('1 day', '1 min') and what in ('TRADES', 'MIDPOINT') and ts <= $at
        and ts_event > $at - interval 760 days and close > 0
        and ($ids is null or list_contains($ids, instrument_id) or list_contains($symbols, symbol))
)
select instrument_id, symbol, day, arg_max(close, {'a': is_daily, 'b': is_of_trades, 'ts': ts}) as close
from found group by all order by day
"""

Closes = dict[int, dict[date, float | None]]


def daily_closes(
    ask: Ask, ids: Collection[int], symbols: Collection[str], at: datetime
) -> tuple[Closes, dict[str, int]]:
    """Return the closes of instruments by day, as far as two years back, and the contract ids of the symbols.

    Empty for instruments without daily or minute bars.
    """
    rows = ask(_CLOSES, {"ids": sorted(ids), "symbols": sorted(symbols), "at": at}).arrow().to_pylist()
    closes: Closes = {}
    for row in rows:
        closes.setdefault(row["instrument_id"], {})[row["day"]] = row["close"]
    return closes, {row["symbol"]: row["instrument_id"] for row in rows if row["symbol"] in symbols}


def closes_by_name(ask: Ask, held: Portfolio) -> dict[str, dict[date, float | None]]:
    """Return the closes of what moves holdings, by the names of `capture.risk.tail.value_at_risk.series_of`."""
    names = {holding.underlying_id or holding.instrument_id: moving_name(holding) for holding in held.holdings
             if holding.instrument_id}  # fmt: skip
    base = held.market.base_currency
    pairs = {f"{one}.{other}" for currency in {money_currency(holding) for holding in held.holdings} - {base}
             for one, other in ((currency, base), (base, currency))}  # fmt: skip
    closes, named = daily_closes(ask, names.keys(), pairs, moment_of(held.market.at_us))
    found = {names[instrument_id]: series for instrument_id, series in closes.items() if instrument_id in names}
    return found | {symbol: closes[instrument_id] for symbol, instrument_id in named.items()}


def betas(closes: Mapping[int, Mapping[date, float | None]], index_id: int) -> dict[int, float]:
    """Return by instrument how many percent it moved with one percent of an index, by daily returns.

    An instrument needs returns of 60 days on which the index has one too.
    """
    returns = daily_returns({str(instrument_id): series for instrument_id, series in closes.items()})
    columns = dict(zip(map(int, returns.names), returns.returns.T, strict=True))
    index = columns.get(index_id, np.zeros(0))
    found = {}
    for instrument_id, series in columns.items():
        both = ~(np.isnan(series) | np.isnan(index)) if len(index) else np.zeros(0, bool)
        if both.sum() >= LEAST_DAYS and np.var(index[both]) > 0:
            found[instrument_id] = float(np.cov(series[both], index[both])[0, 1] / np.var(index[both], ddof=1))
    return found
