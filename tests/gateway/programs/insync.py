"""Runs where ib_insync or ib_async is installed: `MODULE PORT` does what their notebooks do, and orders once.

Prints as JSON what each step found; a step that raised says so.
"""

import importlib
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

api = importlib.import_module(sys.argv[1])
logging.getLogger(sys.argv[1]).setLevel(logging.CRITICAL)
ib = api.IB()
ib.RequestTimeout = 60
ib.connect("127.0.0.1", int(sys.argv[2]), clientId=0, timeout=30)
errors: list[tuple[int, int]] = []
ib.errorEvent += lambda request_id, code, *_: errors.append((request_id, code))
found: dict[str, Any] = {}


def step(name: str, of: Callable[[], Any]) -> None:
    try:
        found[name] = of()
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"


def until(condition: Callable[[], Any], seconds: float = 60.0) -> bool:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return True
        ib.sleep(0.05)
    return False


aapl = api.Stock("AAPL", "SMART", "USD")
# Basics
step("qualify", lambda: [one.conId for one in ib.qualifyContracts(aapl)])
step("positions", lambda: len(ib.positions()))
step("account", lambda: sorted({one.tag for one in ib.accountSummary()} & {"NetLiquidation", "BuyingPower"}))
step("values", lambda: bool(ib.accountValues()))
step("open", lambda: (len(ib.openTrades()), len(ib.fills()), len(ib.reqCompletedOrders(False))))
step("pnl", lambda: until(lambda: ib.reqPnL("DU1234567") is not None))
# Contract details
step("details", lambda: [one.contract.localSymbol for one in ib.reqContractDetails(aapl)])
step("future", lambda: [one.contract.localSymbol for one in ib.reqContractDetails(api.Future("ES", exchange="CME"))])
step("continuous", lambda: [one.localSymbol for one in ib.qualifyContracts(api.ContFuture("ES", "CME"))])
step("matching", lambda: sorted({one.contract.symbol for one in ib.reqMatchingSymbols("AAP")}))
# Option chain
step("chain", lambda: sorted({one.exchange for one in ib.reqSecDefOptParams("AAPL", "", "STK", aapl.conId)})[:1])
call = api.Option("AAPL", "20261218", 250, "C", "SMART", currency="USD")
step("option", lambda: [one.localSymbol for one in ib.qualifyContracts(call)])
step("ticker", lambda: [one.contract.conId for one in ib.reqTickers(call)])
step("volatility", lambda: round(ib.calculateOptionPrice(call, 0.3, 240.0).delta, 1))
# Bars
step("head", lambda: str(ib.reqHeadTimeStamp(aapl, "TRADES", False, 2))[:2])
step("bars", lambda: len(ib.reqHistoricalData(aapl, "", "60 S", "5 secs", "TRADES", False, 2)) > 3)
step("schedule", lambda: bool(ib.reqHistoricalSchedule(aapl, 2).sessions))
step("histogram", lambda: len(ib.reqHistogramData(aapl, False, "1 day")) > 0)
live = ib.reqRealTimeBars(aapl, 5, "TRADES", False)
kept = ib.reqHistoricalData(aapl, "", "60 S", "5 secs", "TRADES", False, 2, True)
step("live bars", lambda: until(lambda: len(live) > 0))
step("kept up to date", lambda: until(lambda: kept and len(kept) > 5))
# Ticks
ticker = ib.reqMktData(aapl, "233")
trades = ib.reqTickByTickData(aapl, "AllLast")
step("ticks", lambda: until(lambda: ticker.bid > 0 and ticker.ask > ticker.bid))
step("tick-by-tick", lambda: until(lambda: trades.tickByTicks or trades.last > 0))
step("past ticks", lambda: len(ib.reqHistoricalTicks(aapl, "", ib.reqCurrentTime(), 10, "BID_ASK", False)) >= 10)
# Depth
step("exchanges", lambda: len(ib.reqMktDepthExchanges()) > 3)
book = ib.reqMktDepth(aapl, 5, isSmartDepth=True)
step("depth", lambda: until(lambda: len(book.domBids) >= 3))
ib.cancelMktDepth(aapl, isSmartDepth=True)
# News and scanners
step("news", lambda: (len(ib.reqNewsProviders()), len(ib.reqHistoricalNews(aapl.conId, "BRFG", "", "", 5) or [])))
scan = api.ScannerSubscription(instrument="STK", locationCode="STK.US.MAJOR", scanCode="TOP_PERC_GAIN")
step("scan", lambda: len(ib.reqScannerData(scan)) > 0)
step("scans", lambda: "TOP_PERC_GAIN" in ib.reqScannerParameters())
# An order
order = api.MarketOrder("BUY", 5)
trade = ib.placeOrder(aapl, order)
step("order", lambda: until(lambda: trade.orderStatus.status == "Filled") and "Filled")
found["errors"] = sorted(set(errors))
print(json.dumps(found))
ib.disconnect()
