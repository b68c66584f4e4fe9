"""Stress of portfolios over Risk Navigator's 175 points, against QuantLib's engines, on one core.

    python -m bench.stress [--positions 500 10000] [--rounds 3] [--sample 30]

A fifth of each portfolio is stocks and futures, the rest options, all different: American ones on shares, of which six
in ten pay dividends, and European ones on indices, of a day to 500 days. Timed from holdings to the table of totals,
and to the long table of all holdings at all points. QuantLib prices a sample of the same American options at every
point, an option at a time, as its engines do: by finite differences (100 x 200 nodes, dividends in it), and by QdPlus
those that pay none. What it would take for all follows from that.
"""

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

import capture.schemas  # noqa: F401 - as whatever opens a lake does: Arrow loads pandas later then
from capture.option_prices import Floats
from capture.risk.holding import AMERICAN, EUROPEAN, Holding
from capture.risk.pricing.market import Market
from capture.risk.pricing.option_terms import option_terms
from capture.risk.pricing.option_worth import price
from capture.risk.pricing.options import Options
from capture.risk.pricing.quantlib_prices import quantlib_prices
from capture.risk.stress.grid import RISK_NAVIGATOR
from capture.risk.stress.repricing import stress
from capture.times import DAY_US

NOW_US = 1_795_446_000_000_000  # 2026-11-23T15:00Z
MARKET = Market(NOW_US, "USD", {}, {"USD": [(0.0, 0.043), (1.0, 0.04), (5.0, 0.038)]})
DAYS = (1, 7, 30, 60, 120, 250, 500)
EACH = 20  # positions on an underlying
POINTS = len(RISK_NAVIGATOR.labels()["price_move"])


@dataclass(frozen=True, slots=True)
class Underlying:
    """What options are on."""

    symbol: str
    price: float
    volatility: float
    is_index: bool
    pays: bool


def portfolio(count: int, seed: int = 7) -> list[Holding]:
    """Return so many positions."""
    rng = np.random.default_rng(seed)
    names = [Underlying(f"U{number}", float(np.exp(rng.uniform(np.log(10), np.log(500)))),
                        float(rng.uniform(0.15, 0.7)), rng.random() < 0.1, rng.random() < 0.6)
             for number in range(max(1, count // EACH))]  # fmt: skip
    return [_position(names[number % len(names)], number, rng) for number in range(count)]


def _position(of: Underlying, number: int, rng: np.random.Generator) -> Holding:
    if number // max(1, len(DAYS)) % 5 == 0:
        kind, multiplier = ("FUT", 50.0) if of.is_index else ("STK", 1.0)
        return Holding("DU1", number, of.symbol, kind, "USD", 100, multiplier, price=of.price)
    days = int(rng.choice(DAYS))
    strike = round(of.price * float(np.exp(rng.normal() * of.volatility * np.sqrt(days / 365))), 2)
    pays = of.pays and not of.is_index
    return Holding(
        "DU1", number, f"{of.symbol} {number}", "OPT", "USD", float(rng.integers(1, 20) * rng.choice([-1, 1])), 100.0,
        underlying_symbol=of.symbol, underlying_price=of.price, strike=strike, right="CP"[number % 2],
        underlying_security_type="IND" if of.is_index else "STK", exercise=EUROPEAN if of.is_index else AMERICAN,
        expiry_us=NOW_US + days * DAY_US + DAY_US // 4, implied_volatility=of.volatility * float(rng.uniform(0.9, 1.2)),
        dividends=tuple((NOW_US + (20 + 91 * each) * DAY_US, round(of.price * 0.004, 2)) for each in range(6))
        if pays else ())  # fmt: skip


def measured(positions: int, rounds: int) -> float:
    """Print how long stress of a portfolio takes, and return the shortest CPU time in seconds."""
    held = portfolio(positions)
    found = []
    for _ in range(rounds):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        done = stress(held, RISK_NAVIGATOR, MARKET)
        worst, total_s, cpu_s = done.worst, time.perf_counter() - begin, time.process_time() - begin_cpu
        rows = done.table.num_rows
        found.append(cpu_s)
        print(f"{positions:>9,} positions x {POINTS}  {total_s:8.2f} s  {cpu_s:8.2f} s of CPU  "
              f"{time.perf_counter() - begin:8.2f} s with {rows:,} rows  worst {worst['gain']:,.0f}")  # fmt: skip
        assert not done.unpriced.num_rows and worst["priced"] == positions
    return min(found)


def rivals(positions: int, sample: int) -> dict[str, tuple[float, float, float]]:
    """Return CPU seconds for an option at all points by each engine, ours for it, and the largest difference."""
    terms = option_terms(portfolio(positions), MARKET)
    options, spots = terms.options, terms.spots
    american = options.is_exercised_early
    with_dividends = np.flatnonzero(american & options.has_dividend)[:sample]
    without = np.flatnonzero(american & ~options.has_dividend)[:sample]
    return {
        "finite differences": _compared(options.take(with_dividends), spots[with_dividends], 100, 200),
        "QdPlus": _compared_qd_plus(options.take(without), spots[without]),
    }


def _moved(options: Options) -> Sequence[Options]:
    grid = RISK_NAVIGATOR
    return [options.at_volatility(options.volatility * (1 + volatility)).at_rate_shift(rate)
            for volatility in grid.volatility_moves for rate in grid.rate_moves]  # fmt: skip


def _compared(options: Options, spots: Floats, times: int, prices: int) -> tuple[float, float, float]:
    at = spots * (1 + np.array(RISK_NAVIGATOR.price_moves))[:, None]
    begin = time.process_time()
    theirs = [quantlib_prices(moved, at, times, prices) for moved in _moved(options)]
    their_s = time.process_time() - begin
    our_s, ours = _ours(options, at)
    return their_s / len(options), our_s / len(options), _difference(ours, theirs)


def _compared_qd_plus(options: Options, spots: Floats) -> tuple[float, float, float]:
    import QuantLib as ql  # noqa: N813 - as everybody writes it

    at = spots * (1 + np.array(RISK_NAVIGATOR.price_moves))[:, None]
    today = ql.Date(1, 1, 2020)
    ql.Settings.instance().evaluationDate = today

    def flat(rate: float) -> object:
        return ql.YieldTermStructureHandle(ql.FlatForward(today, rate, ql.Actual365Fixed()))

    def one(moved: Options, column: int, spot: float) -> float:
        kind = ql.Option.Call if moved.sign[column] > 0 else ql.Option.Put
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, float(moved.strike[column])),
                                  ql.AmericanExercise(today, today + max(1, round(moved.years[column] * 365))))
        volatility = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(
            today, ql.NullCalendar(), float(moved.volatility[column]), ql.Actual365Fixed()))
        process = ql.BlackScholesMertonProcess(
            ql.QuoteHandle(ql.SimpleQuote(spot)), flat(float(moved.yield_[column])), flat(float(moved.rate[column])),
            volatility)
        option.setPricingEngine(ql.QdPlusAmericanEngine(process))
        return float(option.NPV())

    whole_days = replace(options, years=np.maximum(np.rint(options.years * 365), 1) / 365)
    begin = time.process_time()
    theirs = [np.array([[one(moved, column, float(spot)) for column, spot in enumerate(row)] for row in at])
              for moved in _moved(whole_days)]  # fmt: skip
    their_s = time.process_time() - begin
    our_s, ours = _ours(whole_days, at)
    return their_s / len(options), our_s / len(options), _difference(ours, theirs)


def _ours(options: Options, at: Floats) -> tuple[float, list[Floats]]:
    begin = time.process_time()
    found = [price(moved, at) for moved in _moved(options)]
    return time.process_time() - begin, found


def _difference(ours: Sequence[Floats], theirs: Sequence[Floats]) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(ours, theirs, strict=True))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--positions", type=int, nargs="+", default=[500, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=30)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    best = {positions: measured(positions, options.rounds) for positions in options.positions}
    most = max(best)
    live = sum(holding.is_option for holding in portfolio(most))
    ours_s = best[most] / live
    for name, (their_s, same_s, difference) in rivals(most, options.sample).items():
        print(f"QuantLib, {name}: {their_s * 1e3:.1f} ms of CPU for an option at {POINTS} points, ours "
              f"{ours_s * 1e3:.2f} ms in the portfolio and {same_s * 1e3:.2f} ms in so small a sample: ratio "
              f"{their_s / ours_s:,.0f}; largest difference {difference:.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
