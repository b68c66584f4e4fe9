"""Option prices by QuantLib's finite differences: slow, and what ours are held against.

Needs QuantLib, `pip install 'ticktape[risk]'`.
"""

import math
from typing import Any

import numpy as np

from capture.option_prices import Floats
from capture.risk.risk_error import RiskError

from .options import Options

TIMES, PRICES = 200, 400  # nodes of its grid
# QuantLib counts whole days. As only volatility² × time and rate × time matter, an option of any length is priced as
# one of so many days, at rates and volatilities to match: dividends are then exact to a 20,000th of its life.
_DAYS = 20_000


def quantlib_prices(options: Options, spots: Floats, times: int = TIMES, prices: int = PRICES) -> Floats:
    """Return what options are worth, in the shape of `spots`: (prices of the underlying, options).

    `times` and `prices` are the nodes of QuantLib's grid. Raises RiskError where QuantLib is not installed.
    """
    try:
        import QuantLib
    except ImportError:
        raise RiskError("the method quantlib needs QuantLib, which is not installed: pip install 'ticktape[risk]', or "
                        "use the method quick") from None  # fmt: skip
    found = np.empty(spots.shape)
    for column in range(len(options)):
        for row in range(len(spots)):
            found[row, column] = _price(QuantLib, options, column, float(spots[row, column]), (times, prices))
    return found


def _price(ql: Any, options: Options, column: int, spot: float, nodes: tuple[int, int]) -> float:
    today = ql.Date(1, 1, 2020)
    ql.Settings.instance().evaluationDate = today
    years, last = float(options.years[column]), today + _DAYS
    scale = years / (_DAYS / 365)
    kind = ql.Option.Call if options.sign[column] > 0 else ql.Option.Put
    exercise = ql.AmericanExercise(today, last) if options.is_american[column] else ql.EuropeanExercise(last)
    option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, float(options.strike[column])), exercise)
    deviation = float(options.volatility[column]) * math.sqrt(scale)
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)), _flat(ql, today, options.yield_[column] * scale),
        _flat(ql, today, options.rate[column] * scale),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), deviation, ql.Actual365Fixed())))
    dividends = [ql.FixedDividend(float(amount), today + max(1, round(ex_years / years * _DAYS)))
                 for ex_years, amount, paid in zip(options.ex_years[:, column], options.amounts[:, column],
                                                   options.paid[:, column], strict=True) if paid]  # fmt: skip
    option.setPricingEngine(ql.FdBlackScholesVanillaEngine(process, dividends, *nodes))
    return float(option.NPV())


def _flat(ql: Any, today: Any, rate: float) -> Any:
    return ql.YieldTermStructureHandle(ql.FlatForward(today, float(rate), ql.Actual365Fixed()))
