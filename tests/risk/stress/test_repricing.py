import math
from dataclasses import replace

import numpy as np
import pytest

from capture.risk.holding import BALANCE, Holding
from capture.risk.pricing.bonds import bond_price, bond_yield
from capture.risk.pricing.market import Market
from capture.risk.pricing.option_terms import NOT_YET_REMOVED
from capture.risk.risk_error import RiskError
from capture.risk.stress.grid import RISK_NAVIGATOR, Grid
from capture.risk.stress.known_scenarios import known_scenarios
from capture.risk.stress.repricing import stress
from capture.risk.stress.scenario import Scenario
from capture.risk.valuation import value
from capture.times import DAY_US
from tests.risk.pricing.some_options import option as an_option
from tests.risk.stress.held import CASH, MARKET, NOW_US, PORTFOLIO, held, option

STILL = Grid((0.0,), (0.0,), (0.0,))
DOWN = Grid((-0.1,), (0.0,), (0.0,))


def gain(one: Holding, moves: Grid | Scenario, *others: Holding) -> float:
    """Return what a holding gains at the one point of a grid, or in a scenario; others are in the portfolio with it."""
    found = stress([one, *others], moves if isinstance(moves, Grid) else [moves], MARKET)
    assert found.reasons[0] == ""
    return float(found.gains[0, 0])


def test_the_grid_is_that_of_risk_navigator_unless_another_is_given() -> None:
    found = stress(PORTFOLIO, RISK_NAVIGATOR, MARKET)
    assert found.gains.shape == (len(PORTFOLIO), 175)
    points = found.totals.to_pylist()
    assert {row["price_move"] for row in points} == {-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3}
    assert {row["volatility_move"] for row in points} == {-0.3, -0.15, 0, 0.15, 0.3}
    assert {row["rate_move"] for row in points} == {-0.01, -0.005, 0, 0.005, 0.01}
    assert len({tuple(row[name] for name in list(row)[:3]) for row in points}) == 175
    assert {row["priced"] for row in points} == {len(PORTFOLIO)}
    small = stress(PORTFOLIO, Grid((-0.05, 0.05), (0.0,), (0.02,)), MARKET)
    assert small.totals.num_rows == 2


def test_nothing_is_gained_where_nothing_moves() -> None:
    assert stress(PORTFOLIO, STILL, MARKET).gains == pytest.approx(np.zeros((len(PORTFOLIO), 1)), abs=1e-9)


@pytest.mark.parametrize(("one", "expected"), [
    (held(position=100), -1_000.0),
    (held(position=-100), 1_000.0),
    (held("VOD", position=1_000, currency="GBP", price_magnifier=100, price=72.5), -72.5 * 1.25),
    (held("ES", "FUT", 1, price=5_000.0, multiplier=50.0), -25_000.0),
    (held("EUR.USD", "CASH", 10_000, price=1.1), -1_100.0),
    (held("F", "FUND", 10), -100.0),
    (held("B", "CRYPTO", 10), -100.0),
    (held("AAPL", "CFD", 10), -100.0),
    (held("AAPL", "CFD", 10, average_cost=250.0), -100.0),
    (held("T", "BOND", 1_000, price=99.0), 0.0),
    (CASH, 0.0),
])  # fmt: skip
def test_what_is_no_option_moves_with_its_price(one: Holding, expected: float) -> None:
    assert gain(one, DOWN) == pytest.approx(expected)


def test_each_point_is_what_pricing_anew_at_it_gives() -> None:
    """Every option at every point of the grid against itself in a portfolio of its own, in a market of that point."""
    found = stress(PORTFOLIO, RISK_NAVIGATOR, MARKET)
    rows = [row for row, holding in enumerate(PORTFOLIO) if holding.is_option]
    for point in range(0, 175, 29):
        moves = {name: values[point] for name, values in found.labels.items()}
        market = Market(NOW_US, "USD", MARKET.rates, {"USD": 0.04 + moves["rate_move"]})
        for row in rows:
            own = replace(PORTFOLIO[row], price=None)
            assert own.implied_volatility and own.underlying_price
            moved = replace(own, implied_volatility=own.implied_volatility * (1 + moves["volatility_move"]),
                            underlying_price=own.underlying_price * (1 + moves["price_move"]))  # fmt: skip
            alone, now = stress([moved], STILL, market), stress([own], STILL, MARKET)
            assert found.gains[row, point] == pytest.approx(alone.values[0] - now.values[0], abs=1e-6)


@pytest.mark.slow
def test_quantlib_gives_the_same_within_a_cent_a_share() -> None:
    grid = Grid((-0.2, 0.0, 0.1), (-0.15, 0.0), (0.0, 0.01))
    quick, slow = (stress(PORTFOLIO, grid, MARKET, method) for method in ("quick", "quantlib"))
    of_shares = [row for row, holding in enumerate(PORTFOLIO) if holding.moved_by == "AAPL"]
    assert np.abs(quick.prices - slow.prices)[of_shares].max() < 0.01
    of_indices = [row for row, holding in enumerate(PORTFOLIO) if holding.is_option and row not in of_shares]
    assert np.abs(quick.prices - slow.prices)[of_indices].max() < 0.1  # of 5,000 points


def test_gains_are_of_the_market_s_price_by_as_much_as_the_model_moves() -> None:
    model, market = option(price=None), option(price=4.2)
    assert gain(market, DOWN) == pytest.approx(gain(model, DOWN))
    found = stress([market], DOWN, MARKET)
    assert found.values[0] == 420
    assert found.prices[0, 0] == pytest.approx(4.2 + gain(model, DOWN) / 100)


def test_an_option_loses_no_more_than_its_price() -> None:
    assert gain(option(price=0.8), Grid((-0.5,), (0.0,), (0.0,))) == pytest.approx(-80)


def test_equal_options_of_two_accounts_are_priced_once_and_counted_twice() -> None:
    pair = [option(position=2), option(position=-1, account="DU2")]
    found = stress(pair, RISK_NAVIGATOR, MARKET)
    assert found.gains[0] == pytest.approx(-2 * found.gains[1])
    assert found.table.num_rows == 350


def test_a_volatility_that_is_not_given_is_that_of_the_price() -> None:
    known = stress([option(volatility=0.42)], STILL, MARKET)
    implied = stress([option(volatility=None, price=float(known.prices[0, 0]))], RISK_NAVIGATOR, MARKET)
    assert implied.gains == pytest.approx(stress([option(volatility=0.42)], RISK_NAVIGATOR, MARKET).gains, abs=0.01)


@pytest.mark.parametrize(("one", "reason"), [
    (held(price=None), "no price"),
    (held(price=None, reason_unpriced="no definition"), "no definition"),
    (held("X", "BAG"), "nobody knows how to value the security type 'BAG'"),
    (held(currency="CHF"), "no rate for CHF"),
    (option(spot=None), "no price of the underlying"),
    (option(spot=-3.0), "a price of the underlying of -3 cannot be priced"),
    (option(strike=0.0), "a strike of 0.0 cannot be priced"),
    (option(expiry_us=None), "no expiry"),
    (option(volatility=None), "neither a volatility nor a price"),
    (option(volatility=0.0), "an implied volatility of 0 cannot be priced"),
    (option(volatility=-2.0), "an implied volatility of -2 cannot be priced"),  # IB's word for none
    (option(volatility=math.nan), "an implied volatility of nan cannot be priced"),
    (option(volatility=30.0), "an implied volatility of 30 cannot be priced"),
    (option(spot=math.nan), "a price of the underlying of nan cannot be priced"),
    (option(volatility=None, price=99.0),
     "no volatility: its price is above what it is worth at a volatility of 500 %"),
    (option(strike=50.0, volatility=None, price=40.0),
     "no volatility: its price is below what it is worth at a volatility of 1 %"),
    (option(currency="JPY"), "no interest rate of JPY"),
    (option(days=-1, spot=None), f"{NOT_YET_REMOVED}: no settlement price of its underlying"),
    (held("T", "BOND", price=99.0), "no coupon or maturity, without which its price at other rates is not known"),
    (held("T", "BOND", price=500.0, coupon=1.0, expiry_us=NOW_US + DAY_US),
     "its price has no yield between -50 and 200 %"),
])  # fmt: skip
def test_what_cannot_be_priced_is_listed_with_the_reason_and_counted_in_every_total(one: Holding, reason: str) -> None:
    found = stress([one, held(position=10)], RISK_NAVIGATOR, MARKET)
    assert found.unpriced.to_pylist() == [{
        "account": "DU1", "instrument_id": one.instrument_id, "symbol": one.symbol, "position": 1.0, "points": 175,
        "security_type": one.security_type, "reason": reason}]  # fmt: skip
    assert {(row["priced"], row["unpriced"]) for row in found.totals.to_pylist()} == {(1, 1)}
    rows = [row for row in found.table.to_pylist() if row["symbol"] == one.symbol and row["reason"]]
    assert len(rows) == 175
    assert {row["gain"] for row in rows} == {None}
    assert found.worst["gain"] == -300


def test_an_option_that_has_expired_is_worth_its_settlement_and_moves_no_more() -> None:
    expired = option(days=-1, settlement_price=104.0, position=2, spot=90.0, price=7.0)
    found = stress([expired], RISK_NAVIGATOR, MARKET)
    assert found.ways == (NOT_YET_REMOVED,)
    assert found.values.tolist() == [800]
    assert np.unique(found.gains).tolist() == [0]
    at_spot = stress([replace(expired, settlement_price=None)], STILL, MARKET)
    assert at_spot.values.tolist() == [0]


def test_the_worst_point_is_the_one_that_loses_most() -> None:
    found = stress([option(position=-10)], RISK_NAVIGATOR, MARKET)
    assert (found.worst["price_move"], found.worst["volatility_move"]) == (0.3, 0.3)
    assert found.worst["gain"] == found.gains.min()


def test_the_table_has_each_holding_at_each_point_and_totals_are_its_sums() -> None:
    found = stress([*PORTFOLIO, held("X", "BAG")], RISK_NAVIGATOR, MARKET)
    rows = found.table.to_pylist()
    assert len(rows) == 175 * (len(PORTFOLIO) + 1)
    keys = ("price_move", "volatility_move", "rate_move")
    for total in found.totals.to_pylist()[::25]:
        mine = [row for row in rows if all(row[key] == total[key] for key in keys)]
        assert sum(row["gain"] or 0.0 for row in mine) == pytest.approx(total["gain"])
        assert sum(row["gain"] is None for row in mine) == total["unpriced"] == 1


def test_net_liquidation_counts_what_gains_are_measured_from() -> None:
    found = stress(PORTFOLIO, STILL, MARKET)
    priced = [replace(holding, price=float(found.prices[row, 0])) for row, holding in enumerate(PORTFOLIO)]
    rates = [1.25 if holding.currency == "GBP" else 1.0 for holding in PORTFOLIO]
    assert found.values == pytest.approx(value(priced).net_liquidation * rates)


def test_no_holdings_gain_nothing() -> None:
    found = stress([], RISK_NAVIGATOR, MARKET)
    assert found.table.num_rows == found.unpriced.num_rows == 0
    assert found.worst["gain"] == 0


@pytest.mark.parametrize(("arguments", "error"), [
    (((), (0.0,), (0.0,)), r"price moves are \[\]"),
    (((-1.0,), (0.0,), (0.0,)), r"price moves are \[-1.0\]: give one at least, and fractions between -1 and 100"),
    (((0.0,), (-30.0,), (0.0,)), "volatility moves"),
    (((0.0,), (0.0,), (50.0,)), "rate moves are .* between -0.5 and 0.5, as 0.1 for 10 %"),
])  # fmt: skip
def test_a_grid_that_cannot_be_is_refused(arguments: tuple[tuple[float, ...], ...], error: str) -> None:
    with pytest.raises(RiskError, match=error):
        Grid(*arguments)


def test_a_scenario_moves_the_first_of_what_it_names() -> None:
    scenario = Scenario("s", price=-0.01, underlying={"AAPL": -0.5}, sector={"Technology": -0.2, "Energy": -0.1})
    assert gain(held("AAPL", position=10, sector="Technology"), scenario) == pytest.approx(-500)
    assert gain(held("MSFT", position=10, sector="Technology"), scenario) == pytest.approx(-200)
    assert gain(held("KO", position=10, sector="Food"), scenario) == pytest.approx(-10)
    half = gain(option(), Grid((-0.5,), (0.0,), (0.0,)))
    assert gain(option(position=-1), scenario) == pytest.approx(-half)
    assert gain(held("EUR.USD", "CASH", 10, price=1.1), scenario) == 0
    assert gain(held("T", "BOND", price=99.0), scenario) == 0


def test_by_beta_each_moves_by_its_own_and_what_has_none_is_listed() -> None:
    found = stress([held(position=10, beta=1.5), held("KO", position=10), held("T", "BOND", price=99.0)],
                   [Scenario("index", beta=-0.1), Scenario("all", price=-0.1)], MARKET)  # fmt: skip
    assert found.gains[0].tolist() == pytest.approx([-150, -100])
    assert np.isnan(found.gains[1, 0]) and found.gains[1, 1] == pytest.approx(-100)
    assert found.totals.to_pylist()[0] == {"scenario": "index", "gain": pytest.approx(-150), "priced": 2, "unpriced": 1}
    assert [(row["symbol"], row["points"], row["reason"]) for row in found.unpriced.to_pylist()] == [
        ("KO", 1, "no beta, which the scenario 'index' moves it by")]  # fmt: skip
    missing = [row for row in found.table.to_pylist() if row["reason"]]
    assert [(row["symbol"], row["scenario"], row["gain"]) for row in missing] == [("KO", "index", None)]


def test_volatility_moves_by_tenor() -> None:
    scenario = Scenario("v", volatility={7.0: 0.8, 30.0: 0.5, 365.0: 0.2})
    moves = [scenario.volatility_move(days) for days in (0, 7, 18.5, 30, 5_000)]
    assert moves == pytest.approx([0.8, 0.8, 0.65, 0.5, 0.2])
    near, far = option(days=7), option(days=365)
    assert gain(near, scenario) == pytest.approx(gain(near, Grid((0.0,), (0.8,), (0.0,))))
    assert gain(far, scenario) == pytest.approx(gain(far, Grid((0.0,), (0.2,), (0.0,))))


def test_rates_move_by_currency_and_bonds_with_them() -> None:
    scenario = Scenario("r", rates={"EUR": -0.005, "": 0.01})
    bond = held("T", "BOND", 1_000, price=98.5, coupon=4.0, expiry_us=NOW_US + 3_650 * DAY_US)
    own = bond_yield(98.5, 10, 4.0)
    assert gain(bond, scenario) == pytest.approx(10 * (float(bond_price(own + 0.01, 10, 4.0)) - 98.5))
    assert gain(replace(bond, currency="EUR"), scenario) > 0
    put = option(right="P", days=365)
    assert gain(put, scenario) == pytest.approx(gain(put, Grid((0.0,), (0.0,), (0.01,))))
    matured = replace(bond, expiry_us=NOW_US)
    assert gain(matured, scenario) == 0


def test_currencies_move_what_is_worth_something_in_them() -> None:
    scenario = Scenario("fx", currency={"EUR": 0.1, "GBP": -0.2})
    assert gain(held("SAP", position=10, currency="EUR"), scenario) == pytest.approx(10 * 100 * 1.1 * 0.1)
    assert gain(CASH, scenario) == pytest.approx(-5_000 * 1.1 * 0.1)
    assert gain(held("ESTX", "FUT", 1, currency="EUR", multiplier=10.0), scenario) == 0  # its gains alone are in euros
    assert gain(held("EUR.USD", "CASH", 1_000, price=1.1), scenario) == pytest.approx(110)
    cross = gain(held("EUR.GBP", "CASH", 1_000, price=0.88, currency="GBP"), scenario)
    assert cross == pytest.approx(1_000 * 0.88 * (1.1 / 0.8 - 1) * 1.25 * 0.8)
    assert gain(held("DOLLARS", BALANCE, 1_000, price=None), scenario) == 0


def test_a_pair_s_legs_are_counted_once_where_balances_are_given() -> None:
    scenario = Scenario("fx", currency={"EUR": 0.1})
    pair = held("EUR.USD", "CASH", 1_000, price=1.1)
    assert gain(pair, scenario, CASH) == 0
    assert gain(pair, scenario, replace(CASH, account="DU2")) == pytest.approx(110)
    assert gain(pair, Scenario("named", underlying={"EUR.USD": 0.01})) == pytest.approx(11)


def test_known_scenarios_price_all_of_a_portfolio_that_has_what_they_need() -> None:
    found = stress([replace(each, beta=each.beta or 1.0) for each in PORTFOLIO], known_scenarios(), MARKET)
    assert found.unpriced.num_rows == 0
    by_name = {row["scenario"]: row["gain"] for row in found.totals.to_pylist()}
    assert by_name["1987 crash"] < by_name["prices -10 %"] < by_name["rally"]
    assert set(found.totals["priced"].to_pylist()) == {len(PORTFOLIO)}


def test_an_option_on_a_future_keeps_its_forward_where_rates_move() -> None:
    assert an_option(is_on_future=True).at_rate_shift(0.01).yield_.tolist() == [0.05]
    call = option(spot=5_000.0, strike=5_000.0, security_type="FOP", underlying_security_type="FUT", days=365)
    assert gain(call, Grid((0.0,), (0.0,), (0.01,))) < 0  # only discounted by more
    assert gain(replace(call, security_type="OPT", underlying_security_type="STK"), Grid((0.0,), (0.0,), (0.01,))) > 0
