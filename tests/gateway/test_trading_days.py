"""The same orders at the same moments are told the same, however time is cut into steps and whatever is looked at."""

from random import Random

import pytest

from capture.gateway import Clock
from capture.gateway.broker.interest import Interest
from capture.gateway.market import Market
from capture.gateway.passage.passage import Passage
from capture.gateway.trading import Terms
from tests.gateway.recorded.conftest import AAPL, ESZ6, MSFT, SECOND_US, START_US
from tests.gateway.trading_days import Request, play, requests

pytestmark = pytest.mark.slow

END_US = START_US + 150 * SECOND_US
CON_IDS = (AAPL, MSFT, ESZ6)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(rate=3)


def asked(market: Market, seed: int) -> list[Request]:
    return requests(market, CON_IDS, START_US, END_US - SECOND_US, seed, 40)


@pytest.mark.parametrize("seed", range(4))
def test_reports_do_not_depend_on_how_time_is_cut(market: Market, seed: int) -> None:
    random, orders = Random(seed), asked(market, seed)
    terms = Terms(latency_us=random.choice((0, 30_000)))
    whole = play(market, Clock(START_US), orders, END_US, terms=terms)
    cuts = [random.randrange(START_US, END_US) for _ in range(random.choice((5, 500)))]
    assert play(market, Clock(START_US), orders, END_US, cuts, terms=terms) == whole
    assert sum(" execution_details " in line for line in whole) > 5


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_out_has_no_effect(market: Market, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = asked(market, seed)
    some = play(market, Clock(START_US), orders, END_US)
    monkeypatch.setattr(Passage, "_interest", lambda *_: Interest(quotes=True, trades=True))
    assert play(market, Clock(START_US), orders, END_US) == some
