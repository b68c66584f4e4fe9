"""Runs where ib_insync or ib_async is installed: `MODULE PORT` takes the steps of their ordering notebook, and more.

Prints a line of JSON when it has traded; when it is told to go on, one of what it knows, and one of what a second
session is told of the same account.
"""

import importlib
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

api = importlib.import_module(sys.argv[1])
logging.getLogger(sys.argv[1]).setLevel(logging.CRITICAL)
PORT, ACCOUNT, CLIENT = int(sys.argv[2]), "DU1234567", 13
TAGS = ("NetLiquidation", "TotalCashValue", "GrossPositionValue", "EquityWithLoanValue")
PATIENCE_S = 30.0
found: dict[str, Any] = {}


def session() -> Any:
    ib = api.IB()
    ib.RequestTimeout = PATIENCE_S
    ib.connect("127.0.0.1", PORT, clientId=CLIENT, timeout=PATIENCE_S)
    return ib


def until(condition: Callable[[], Any], what: str) -> None:
    for _ in range(int(PATIENCE_S / 0.02)):
        if condition():
            return
        ib.sleep(0.02)
    sys.exit(f"{what} did not come; what came last: {ib.trades()[-3:]}")


def is_(trade: Any, *statuses: str) -> Callable[[], bool]:
    return lambda: trade.orderStatus.status in statuses


def place(contract: Any, order: Any, *statuses: str) -> Any:
    trade = ib.placeOrder(contract, order)
    until(is_(trade, *statuses), f"{order.orderType} {order.action}: {statuses}")
    return trade


def view(ib: Any) -> dict[str, Any]:
    """Return what a session knows, in the same shape as the test has it of the broker."""
    return {
        "orders": {one.orderStatus.permId or one.order.permId: [
            one.orderStatus.status, one.orderStatus.filled, one.orderStatus.remaining, one.orderStatus.avgFillPrice]
            for one in ib.trades() if one.orderStatus.permId or one.order.permId},
        "fills": {one.execution.execId: [
            one.execution.permId, one.contract.conId, one.execution.side, one.execution.shares, one.execution.price,
            one.commissionReport.commission, one.commissionReport.realizedPNL] for one in ib.fills()},
        "positions": {one.contract.conId: [one.position, one.avgCost] for one in ib.positions() if one.position},
        "portfolio": {one.contract.conId: [one.position, one.marketPrice, one.marketValue, one.averageCost,
                                           one.unrealizedPNL, one.realizedPNL] for one in ib.portfolio()},
        "values": {one.tag: float(one.value) for one in ib.accountValues() if one.tag in TAGS},
    }  # fmt: skip


ib = session()
aapl = api.Stock("AAPL", "SMART", "USD")
ib.qualifyContracts(aapl)
ticker = ib.reqMktData(aapl)
until(lambda: ticker.bid > 0 and ticker.ask > ticker.bid, "a quote")
middle = float(ticker.bid + ticker.ask) / 2


def near(offset: float) -> float:
    return round(middle + offset, 2)


errors: list[tuple[int, int]] = []
ib.errorEvent += lambda request_id, code, *_: errors.append((request_id, code))

# A market order; it is known by all the names
trade = place(aapl, api.MarketOrder("BUY", 10), "Filled")
assert trade in ib.trades() and trade.order in ib.orders() and trade not in ib.openTrades()
# A limit order that nobody takes; its limit is changed, then it is cancelled
resting = place(aapl, api.LimitOrder("BUY", 20, near(-50)), "Submitted")
assert resting in ib.openTrades()
resting.order.lmtPrice = near(-49)
ib.placeOrder(aapl, resting.order)
until(lambda: any(entry.message.startswith("Modif") for entry in resting.log), "a change")
found["open"] = [one.order.lmtPrice == resting.order.lmtPrice for one in ib.openTrades()]
ib.cancelOrder(resting.order)
until(is_(resting, "Cancelled"), "a cancel")
# Another market order that is waited for
blocking = ib.placeOrder(aapl, api.MarketOrder("BUY", 5))
while not blocking.isDone():
    ib.waitOnUpdate(timeout=PATIENCE_S)
# What an order would cost
state = ib.whatIfOrder(aapl, api.MarketOrder("SELL", 15))
found["what if"] = [float(state.initMarginChange) < 0, float(state.commission) > 0, state.status]
# A stop that is set off at once, and a part sold
place(aapl, api.StopOrder("SELL", 5, near(5)), "Filled")
# A bracket: its parent fills, its children work, each with its own end
parent, profit, loss = (ib.placeOrder(aapl, one) for one in ib.bracketOrder(
    "BUY", 10, near(5), near(60), near(-60)))
until(is_(parent, "Filled"), "the parent")
until(is_(profit, "Submitted"), "the profit taker")
until(is_(loss, "PreSubmitted"), "the stop")
profit.order.lmtPrice = near(-5)
ib.placeOrder(aapl, profit.order)
until(is_(profit, "Filled"), "the profit taker that takes any")
until(is_(loss, "Cancelled"), "the stop, whose brother filled")
# One of a group fills, which cancels the other
groups = api.IB.oneCancelsAll([api.LimitOrder("BUY", 5, near(-60)),
                               api.LimitOrder("BUY", 5, near(5))], "a group", 1)
gone, filled = (ib.placeOrder(aapl, one) for one in groups)
until(is_(filled, "Filled"), "one of a group")
until(is_(gone, "Cancelled"), "the other of the group")
# What no account can bear, and what is out of step
place(aapl, api.MarketOrder("BUY", 10_000_000), "Inactive")
ib.placeOrder(aapl, api.LimitOrder("BUY", 1, near(0) + 0.001))
until(lambda: errors[-1][1] == 110, "what says that a price is out of step")
# More than is displayed at one price
large = place(aapl, api.MarketOrder("BUY", 2_000), "Filled")
found["parts"] = len(large.fills) > 1 and sum(one.execution.shares for one in large.fills) == 2_000
# A pair of currencies
pair = api.Forex("EURUSD")
ib.qualifyContracts(pair)
place(pair, api.MarketOrder("BUY", 20_000), "Filled")
found["pair"] = ib.whatIfOrder(pair, api.MarketOrder("SELL", 20_000)).status
# Two that stay, one of them a stop
place(aapl, api.LimitOrder("BUY", 20, near(-50), tif="GTC"), "Submitted")
place(aapl, api.StopOrder("SELL", 5, near(-50), tif="GTC"), "PreSubmitted")
until(lambda: all(one.commissionReport.execId for one in ib.fills()), "the commissions")
print(json.dumps(found | {"errors": errors, "filled": len(ib.fills())}), flush=True)

sys.stdin.readline()
ib.sleep(0.3)
first = view(ib)
ib.disconnect()
ib = session()
executions = ib.reqExecutions()
single, all_of_it = ib.reqPnLSingle(ACCOUNT, "", aapl.conId), ib.reqPnL(ACCOUNT)
completed = ib.reqCompletedOrders(False)
until(lambda: single.value == single.value and all_of_it.dailyPnL == all_of_it.dailyPnL, "P&L")
second = view(ib) | {"pnl": [all_of_it.dailyPnL, all_of_it.unrealizedPnL, all_of_it.realizedPnL],
                     "single": [single.position, single.dailyPnL, single.unrealizedPnL, single.realizedPnL,
                                single.value]}  # fmt: skip
ended = {one.order.permId: [one.orderStatus.status, one.order.filledQuantity] for one in completed}
opened = {one.order.permId: [one.order.orderId, one.orderStatus.status] for one in ib.openTrades()}
print(json.dumps({"first": first, "second": second, "executions": len(executions), "completed": ended,
                  "open": opened}))  # fmt: skip
ib.disconnect()
