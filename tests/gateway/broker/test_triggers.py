"""What sets stops and touches off, method by method, and which markets say nothing."""

import pytest

from capture.gateway.broker.exchange.displayed import Quote, Trade
from capture.gateway.broker.exchange.triggers import DEFAULT_OF, METHODS, Trigger, method_of
from tests.gateway.broker.placing import broker, order
from tests.gateway.broker.trading import CALL, FUTURE, PAIR, SHARE

NAN = float("nan")
AROUND = Quote(1, 99.98, 10.0, 100.02, 10.0)


def bid(price: float, size: float = 10.0) -> Quote:
    """A quote with this bid; the ask is far."""
    return Quote(1, price, size, 200.0, 10.0)


def ask(price: float, size: float = 10.0) -> Quote:
    """A quote with this ask; the bid is far."""
    return Quote(1, 1.0, 10.0, price, size)


def last(price: float, size: float = 10.0, quote: Quote = AROUND) -> Trade:
    """A trade."""
    return Trade(1, price, size, quote)


# Method, what happens to a trigger at 100 that fires from below, and which of these fires it (None: none)
CASES = [
    (1, [bid(100.0)], None),
    (1, [bid(100.0), bid(100.0)], None),  # the same bid, told again as the ask changed
    (1, [bid(100.0), bid(100.01)], 1),
    (1, [bid(100.0), bid(99.99), bid(100.0)], None),
    (1, [bid(100.0), bid(99.99), bid(100.0), bid(100.0, 11.0)], 3),
    (1, [bid(100.0), bid(100.0, 11.0)], 1),
    (1, [bid(100.0), bid(100.0, 5.0)], None),
    (1, [bid(100.0), bid(100.0, 5.0), bid(100.0, 6.0)], 2),  # it grew, though it had been larger
    (1, [last(101.0), last(101.0), bid(100.0)], None),
    (2, [last(100.0)], 0),
    (2, [last(99.99), bid(101.0), last(100.01)], 2),
    (2, [last(100.5, quote=Quote(1, 99.0, 1.0, 99.5, 1.0))], None),  # nobody could have bought so high
    (2, [last(100.0, quote=Quote(1, 99.0, 1.0, NAN, 0.0))], 0),
    (3, [last(100.0)], None),
    (3, [last(100.0), last(100.0)], 1),
    (3, [last(100.0), last(99.99), last(100.0)], None),
    (3, [last(100.0), bid(99.0), last(100.0)], 2),
    (4, [bid(99.99), bid(100.0)], 1),
    (4, [ask(100.0), last(101.0)], None),
    (4, [Quote(1, NAN, 0.0, 101.0, 5.0)], None),
    (7, [bid(100.0)], 0),
    (7, [last(100.0)], 0),
    (8, [Quote(1, 99.98, 1.0, 100.01, 1.0)], None),
    (8, [Quote(1, 99.99, 1.0, 100.01, 1.0)], 0),
    (8, [Quote(1, 100.5, 1.0, NAN, 0.0)], None),
    (8, [last(101.0)], None),
]


@pytest.mark.parametrize(("method", "market", "at"), CASES)
def test_a_trigger_fires_by_its_method(method: int, market: list[Quote | Trade], at: int | None) -> None:
    assert _fires(Trigger(100.0, True, method), market) == at


@pytest.mark.parametrize(("method", "market", "at"), CASES)
def test_a_trigger_from_above_is_the_mirror_of_one_from_below(
    method: int, market: list[Quote | Trade], at: int | None
) -> None:
    assert _fires(Trigger(100.0, False, method), [_mirrored(one) for one in market]) == at


def _fires(trigger: Trigger, market: list[Quote | Trade]) -> int | None:
    for place, event in enumerate(market):
        if trigger.quoted(event) if isinstance(event, Quote) else trigger.traded(event):
            return place
    return None


def _mirrored(event: Quote | Trade) -> Quote | Trade:
    """Return an event with prices turned about 100, and the sides of the quote with them."""
    if isinstance(event, Trade):
        quote = _mirrored(event.quote)
        assert isinstance(quote, Quote)
        return Trade(event.at_us, round(200 - event.price, 6), event.size, quote)
    return Quote(event.at_us, round(200 - event.ask, 6), event.ask_size, round(200 - event.bid, 6), event.bid_size)


def test_each_kind_of_security_has_its_own_default_method() -> None:
    found = [method_of(0, security.sec_type) for security in (SHARE, FUTURE, CALL, PAIR)]
    assert found == [2, 2, 1, 4]
    assert method_of(0, "BAG") == 4 and DEFAULT_OF.keys() == {"OPT", "CASH", "BAG", "CFD"}
    assert [method_of(number, "STK") for number in METHODS if number] == [1, 2, 3, 4, 7, 8]


@pytest.mark.parametrize("method", [5, 6, 9])
def test_a_method_that_does_not_exist_is_refused(method: int) -> None:
    paper = broker()
    paper.place(1, 1, 1, SHARE, order("BUY", 1, "STP", auxiliary_price=100.0, trigger_method=method))
    assert [one.values["code"] for one in paper.reports.take()] == [146]


def test_a_stop_that_is_set_off_takes_the_next_quote_and_not_the_one_that_set_it_off() -> None:
    paper = broker()
    paper.place(1, 1, 1, SHARE, order("SELL", 5, "STP", auxiliary_price=99.0, trigger_method=4))
    paper.quote(SHARE.con_id, Quote(2, 98.0, 10.0, 98.5, 10.0))
    assert not paper.executions.done
    paper.quote(SHARE.con_id, Quote(3, 97.0, 3.0, 97.5, 10.0))
    [fill] = paper.executions.done.values()
    assert (float(fill.fill.price), float(fill.fill.quantity), fill.fill.at_us) == (97.0, 3.0, 3)
