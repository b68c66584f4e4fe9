"""Scenarios that come with ticktape: rounded moves of well-known weeks, and plain ones; TOML, as in a user's file."""

from functools import cache

from .scenario import Scenario
from .scenario_file import parse_scenarios

# Index moves are those of the S&P 500 from close to close, currencies against the dollar; volatilities are orders of
# magnitude of what options on it implied then, falling with tenor.
KNOWN_SCENARIOS = """
[[scenario]]
name = "1987 crash"
about = "19 October 1987: the S&P 500 fell by 20.5 % in a day"
price = -0.205
volatility = { 7d = 3.0, 30d = 2.0, 90d = 1.0, 365d = 0.4 }
rates = -0.0075

[[scenario]]
name = "2008 week"
about = "6 to 10 October 2008: the S&P 500 fell by 18.2 % in a week, the yen and the dollar rose"
price = -0.182
sector = { Financial = -0.25 }
volatility = { 7d = 1.5, 30d = 0.9, 90d = 0.5, 365d = 0.2 }
rates = -0.005
currency = { EUR = -0.03, GBP = -0.04, AUD = -0.16, CAD = -0.09, JPY = 0.045 }

[[scenario]]
name = "2020 March"
about = "16 March 2020: the S&P 500 fell by 12.0 % in a day, after a week of -8.8 %"
price = -0.12
sector = { Energy = -0.15, Financial = -0.145 }
volatility = { 7d = 1.2, 30d = 0.8, 90d = 0.45, 365d = 0.2 }
rates = -0.01

[[scenario]]
name = "rally"
about = "prices up by 10 %, volatility down"
price = 0.10
volatility = -0.25

[[scenario]]
name = "prices -10 %"
price = -0.10
volatility = { 7d = 0.5, 30d = 0.35, 90d = 0.2, 365d = 0.1 }

[[scenario]]
name = "index -10 % by beta"
about = "each by its beta; what has none is listed"
beta = -0.10

[[scenario]]
name = "rates +100"
about = "all interest rates up by 100 basis points"
rates = 0.01

[[scenario]]
name = "rates -100"
about = "all interest rates down by 100 basis points"
rates = -0.01

[[scenario]]
name = "volatility +30 %"
about = "all implied volatilities up by three tenths of themselves"
volatility = 0.30

[[scenario]]
name = "dollar +10 %"
about = "all major currencies fall by a tenth against the dollar; for a base currency of USD"
currency = { EUR = -0.1, GBP = -0.1, JPY = -0.1, CHF = -0.1, AUD = -0.1, CAD = -0.1, HKD = -0.1, CNH = -0.1 }
"""


@cache
def known_scenarios() -> tuple[Scenario, ...]:
    """Return the scenarios that come with ticktape."""
    return tuple(parse_scenarios(KNOWN_SCENARIOS, "the scenarios that come with ticktape"))
