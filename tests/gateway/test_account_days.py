"""A day of the account ends at midnight in New York: what clients ask about today begins anew."""

from decimal import Decimal

from capture.gateway.broker.account.account_values import values
from capture.gateway.market import Market
from capture.gateway.trading import Terms, Trading, open_account
from capture.replay.clock import Clock
from capture.wire.text.codec import request_codec

AAPL = 265598
MIDNIGHT_US = 1_795_064_400_000_000  # 2026-11-19T00:00-05:00
SECOND_US = 1_000_000
CODEC = request_codec(200)


def order(trading: Trading, order_id: int, at_us: int, always_open: bool = True, quantity: int = 100,
          **fields: object) -> None:  # fmt: skip
    """Place an order for a hundred shares, and let a few seconds go by."""
    payload = CODEC.encode("place_order", order_id=order_id, con_id=AAPL, total_quantity=quantity, order_type="MKT",
                           transmit=True, **fields)  # fmt: skip
    (details,) = Market(always_open=always_open).find(at_us, con_id=AAPL)
    trading.place(at_us, 1, details, CODEC.decode(payload).values, ())
    trading.run(at_us + 5 * SECOND_US)


def test_the_equity_of_the_day_before_is_that_with_which_the_account_began_and_a_refusal_names_what_is_there() -> None:
    clock = Clock(MIDNIGHT_US - 60 * SECOND_US, speed=0.001)
    trading = open_account(Market(), clock, Terms(cash=Decimal(100_000)), "DU1234567", "US/Eastern")
    order(trading, 1, MIDNIGHT_US - 50 * SECOND_US, action="BUY")
    found = {one.key: one.value for one in values(trading.account)}
    assert found["PreviousDayEquityWithLoanValue"] == "100000.00" != found["EquityWithLoanValue"]
    trading.outbox.open(1)
    order(trading, 2, MIDNIGHT_US - 40 * SECOND_US, action="BUY", quantity=1_000_000)
    told = trading.outbox.next(1, MIDNIGHT_US)
    assert told is not None and told.values["code"] == 201
    found = {one.key: one.value for one in values(trading.account)}
    assert f"Equity with Loan Value [{found['EquityWithLoanValue']} USD]" in told.values["message"]


def test_at_midnight_executions_done_orders_and_realised_profits_begin_anew() -> None:
    clock = Clock(MIDNIGHT_US - 60 * SECOND_US, speed=0.001)
    trading = open_account(Market(), clock, Terms(cash=Decimal(100_000)), "DU1234567", "US/Eastern")
    order(trading, 1, MIDNIGHT_US - 50 * SECOND_US, action="BUY")
    order(trading, 2, MIDNIGHT_US - 40 * SECOND_US, action="SELL")
    order(trading, 3, MIDNIGHT_US - 30 * SECOND_US, action="BUY")
    assert len(trading.executions()) >= 3 and len(trading.paper.orders.done) == 3
    realised, cash = trading.account.pnl().realised, trading.account.ledger.cash["USD"]
    assert realised != 0
    trading.run(MIDNIGHT_US - 1)
    assert trading.account.pnl().realised == realised
    trading.run(MIDNIGHT_US)
    trading.mark()
    assert trading.executions() == [] and trading.paper.orders.done == []
    assert trading.account.pnl().realised == trading.account.pnl().daily == 0
    assert trading.account.ledger.cash["USD"] == cash
    order(trading, 4, MIDNIGHT_US + SECOND_US, action="SELL")
    assert trading.account.ledger.positions[AAPL].quantity == 0
    assert {done.fill.order_id for done in trading.executions()} == {4}


def test_hours_of_orders_that_stay_are_those_of_the_days_to_come() -> None:
    clock, at_us = Clock(MIDNIGHT_US - 60 * SECOND_US, speed=0.001), MIDNIGHT_US - 50 * SECOND_US
    trading = open_account(Market(always_open=False), clock, Terms(), "DU1234567", "US/Eastern")
    order(trading, 1, at_us, False, action="BUY", time_in_force="GTC")
    assert trading.paper.orders.open()[0].security.details["liquid_hours"].startswith("20261118")
    trading.run(MIDNIGHT_US + SECOND_US)
    assert trading.paper.orders.open()[0].security.details["liquid_hours"].startswith("20261119")
    week_us = 8 * 86_400 * SECOND_US
    trading.cancel(MIDNIGHT_US + 2 * SECOND_US, 1, 1)
    order(trading, 2, at_us + week_us, False, action="BUY")
    assert not trading.paper.gate.hours(trading.paper.orders.open()[0]).is_open(at_us + week_us)
