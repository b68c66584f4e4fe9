"""Greeks and betas of holdings: IB's where it sent some, else by pricing; betas by recorded bars."""

from dataclasses import replace

from capture.query.answer import AskedError
from capture.risk.exposure import UnitGreeks
from capture.risk.pricing.greeks import option_greeks
from capture.risk.pricing.option_terms import option_terms
from capture.times import moment_of

from .daily_closes import betas, daily_closes
from .marks import Ask
from .portfolio import Portfolio


def with_greeks(held: Portfolio) -> list[UnitGreeks | None]:
    """Return greeks of each holding: IB's, else of a model at the volatility that the price implies.

    None for what is no option, and where neither is known.
    """
    lacking = [place for place, (holding, sent) in enumerate(zip(held.holdings, held.greeks, strict=True))
               if holding.is_option and sent is None]  # fmt: skip
    terms = option_terms([held.holdings[place] for place in lacking], held.market)
    found = list(held.greeks)
    if len(terms.rows):
        computed = option_greeks(terms.options, terms.spots)
        for row, place in zip(terms.rows.tolist(), terms.places.tolist(), strict=True):
            found[lacking[row]] = UnitGreeks(
                float(computed.delta[place]), float(computed.gamma[place]), float(computed.vega[place]),
                float(computed.theta[place]), "computed")  # fmt: skip
    return found


def with_betas(held: Portfolio, ask: Ask, index: str) -> Portfolio:
    """Return holdings with their betas to an index, None where fewer than 60 days are known. Raises AskedError."""
    ids = {holding.underlying_id or holding.instrument_id for holding in held.holdings} - {0}
    closes, named = daily_closes(ask, ids, [index], moment_of(held.market.at_us))
    if index not in named:
        raise AskedError(f"no bars of {index} were recorded, which betas are measured by: record `live_bars:1 day` of "
                         "it, or `ticktape backfill` its daily bars")
    by_id = betas(closes, named[index])
    return replace(held, holdings=tuple(
        replace(holding, beta=by_id.get(holding.underlying_id or holding.instrument_id)) for holding in held.holdings))
