"""Option computations: what IB derives from an option's bid, ask, last and model price at each sample."""

from typing import Any

import numpy as np
import pyarrow as pa

from capture.option_prices import greeks, implied_volatility, years_to
from capture.schemas import GREEKS
from capture.times import SECOND_US
from capture.wire.messages.ticktypes import TICK_TYPES

from .level1 import ask, bid, changed, last
from .noise import Floats
from .price import model_volatility
from .rows import arrow
from .sampling import Sampled

# Tick type -> the option price it is computed from; the model has a price of its own.
COMPUTATIONS = {10: bid, 11: ask, 12: last, 13: None}


def greeks_table(option: Sampled, spot: Floats, first: bool) -> pa.Table:
    """Return rows of the lake's table `greeks` for each point at which a computation changes.

    `spot` is the underlying's price at the points. The first point is compared with, not returned, unless `first`.
    """
    parts = [_rows(option, spot, number, first) for number in COMPUTATIONS]
    table = pa.concat_tables(parts)
    return table.take(pa.array(np.argsort(table["ts"].to_numpy(), kind="stable")))


def _rows(option: Sampled, spot: Floats, number: int, first: bool) -> pa.Table:
    instrument, source = option.instrument, COMPUTATIONS[number]
    years = years_to(instrument.expiry_s, option.points / SECOND_US)
    model = model_volatility(instrument)
    volatility = np.full(len(spot), model)
    price = greeks(spot, instrument.strike, years, model, instrument.right).price
    if source is not None:
        price = source(option)
        volatility = implied_volatility(price, spot, instrument.strike, years, model, instrument.right)
    # A model's price moves with time alone; only a move of the underlying is worth a row.
    moved = changed(spot, first) | (changed(price, first) & (source is not None))
    rows = np.flatnonzero(moved & ~np.isnan(price) & ~np.isnan(spot))
    here = greeks(spot[rows], instrument.strike, years[rows], volatility[rows], instrument.right)
    columns: dict[str, Any] = {
        "price_based": np.ones(len(rows), np.bool_),
        "implied_volatility": volatility[rows],
        "delta": here.delta,
        "option_price": price[rows],
        "dividend_value": np.zeros(len(rows)),
        "gamma": here.gamma,
        "vega": here.vega,
        "theta": here.theta,
        "underlying_price": spot[rows],
    }
    names = {"tick_type": np.full(len(rows), number), "tick_name": [TICK_TYPES[number].name] * len(rows)}
    return arrow(GREEKS, instrument, {"ts": option.points[rows], **names, **columns})
