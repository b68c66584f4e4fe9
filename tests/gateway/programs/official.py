"""Runs where IB's own newest client is installed: `PORT` asks a gateway for everything, and places an order.

Prints what came for each request as JSON: the names of the calls, and whether each that was waited for came.
"""

import inspect
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.scanner import ScannerSubscription
from ibapi.wrapper import EWrapper

PATIENCE_S = 60.0


class App(EWrapper, EClient):  # type: ignore[misc]  # untyped
    """Takes down what comes, by the name of the call."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.came: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)


def noting(name: str) -> Callable[..., None]:
    original = getattr(EWrapper, name)
    names = list(inspect.signature(original).parameters)

    def note(*args: Any, **more: Any) -> None:
        args[0].came[name].append(dict(zip(names[1:], args[1:], strict=False)) | more)

    note.__wrapped__ = original  # type: ignore[attr-defined]  # by whose annotations the client converts
    return note


for name in [name for name in vars(EWrapper) if not name.startswith("_") and name not in ("logAnswer", "connectAck")]:
    setattr(App, name, noting(name))


def contract(**values: Any) -> Any:
    one = Contract()
    for name, value in values.items():
        setattr(one, name, value)
    return one


AAPL = contract(symbol="AAPL", secType="STK", exchange="SMART", currency="USD")
CALL = contract(symbol="AAPL", secType="OPT", exchange="SMART", currency="USD", strike=250.0, right="C",
                lastTradeDateOrContractMonth="20261218")  # fmt: skip
SCAN = ScannerSubscription()
SCAN.instrument, SCAN.locationCode, SCAN.scanCode = "STK", "STK.US.MAJOR", "TOP_PERC_GAIN"

# What is called, with its arguments behind the request id where it has one, and the call that says it worked.
STEPS: list[tuple[str, tuple[Any, ...], str]] = [
    ("reqContractDetails", (1, AAPL), "contractDetailsEnd"),
    ("reqContractDetails", (2, CALL), "contractDetailsEnd"),
    ("reqMatchingSymbols", (3, "aap"), "symbolSamples"),
    ("reqSecDefOptParams", (4, "AAPL", "", "STK", 265598), "securityDefinitionOptionParameterEnd"),
    ("reqHeadTimeStamp", (5, AAPL, "TRADES", 0, 2), "headTimestamp"),
    ("reqHistoricalData", (6, AAPL, "", "60 S", "5 secs", "TRADES", 0, 2, False, []), "historicalDataEnd"),
    ("reqHistoricalTicks", (7, AAPL, "", "NOW", 20, "TRADES", 0, False, []), "historicalTicksLast"),
    ("reqHistogramData", (8, AAPL, False, "1 day"), "histogramData"),
    ("reqMktData", (9, AAPL, "233,236", False, False, []), "tickPrice"),
    ("reqMktData", (10, CALL, "", True, False, []), "tickSnapshotEnd"),
    ("reqTickByTickData", (11, AAPL, "AllLast", 0, False), "tickByTickAllLast"),
    ("reqTickByTickData", (12, AAPL, "BidAsk", 5, True), "tickByTickBidAsk"),
    ("reqMktDepth", (13, AAPL, 5, True, []), "updateMktDepthL2"),
    ("reqRealTimeBars", (14, AAPL, 5, "TRADES", False, []), "realtimeBar"),
    ("reqAccountSummary", (15, "All", "NetLiquidation,FullAvailableFunds"), "accountSummaryEnd"),
    ("reqAccountUpdates", (True, "DU1234567"), "accountDownloadEnd"),
    ("reqAccountUpdatesMulti", (16, "DU1234567", "", False), "accountUpdateMultiEnd"),
    ("reqPositions", (), "positionEnd"),
    ("reqPositionsMulti", (17, "DU1234567", ""), "positionMultiEnd"),
    ("reqPnL", (18, "DU1234567", ""), "pnl"),
    ("reqPnLSingle", (19, "DU1234567", "", 265598), "pnlSingle"),
    ("reqExecutions", (20, ExecutionFilter()), "execDetailsEnd"),
    ("reqOpenOrders", (), "openOrderEnd"),
    ("reqCompletedOrders", (False,), "completedOrdersEnd"),
    ("reqNewsProviders", (), "newsProviders"),
    ("reqHistoricalNews", (21, 265598, "BRFG", "", "", 10, []), "historicalNewsEnd"),
    ("reqNewsArticle", (22, "BRFG", "BRFG$1", []), "error"),
    ("reqScannerParameters", (), "scannerParameters"),
    ("reqScannerSubscription", (23, SCAN, [], []), "scannerDataEnd"),
    ("calculateImpliedVolatility", (24, CALL, 9.0, 240.0, []), "tickOptionComputation"),
    ("calculateOptionPrice", (25, CALL, 0.3, 240.0, []), "tickOptionComputation"),
    ("reqFamilyCodes", (), "familyCodes"),
    ("reqSoftDollarTiers", (26,), "softDollarTiers"),
    ("queryDisplayGroups", (27,), "displayGroupList"),
    ("subscribeToGroupEvents", (28, 1), "displayGroupUpdated"),
    ("requestFA", (1,), "receiveFA"),
    ("reqMarketRule", (26,), "marketRule"),
    ("reqSmartComponents", (29, "9c0001"), "smartComponents"),
    ("reqMktDepthExchanges", (), "mktDepthExchanges"),
    ("reqWshMetaData", (30,), "error"),
    ("reqUserInfo", (31,), "userInfo"),
    ("reqCurrentTime", (), "currentTime"),
    ("reqCurrentTimeInMillis", (), "currentTimeInMillis"),
    ("reqManagedAccts", (), "managedAccounts"),
]


def worked(app: App, answer: str, request_id: int | None) -> bool:
    """Return whether the answer came, on the request's own id where it has one."""
    own = {"reqId", "tickerId", "id"}
    return any(request_id is None or not own & one.keys() or request_id in (one.get(name) for name in own)
               for one in app.came[answer])  # fmt: skip


def wait(condition: Callable[[], bool]) -> bool:
    until_s = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < until_s:
        time.sleep(0.02)
    return condition()


def connected(port: int, client_id: int) -> tuple[App, threading.Thread]:
    app = App()
    app.connect("127.0.0.1", port, client_id)
    thread = threading.Thread(target=app.run, daemon=True)
    thread.start()
    assert wait(lambda: bool(app.came["nextValidId"]))
    return app, thread


def main(port: int) -> None:
    app, thread = connected(port, 7)
    app.reqCurrentTime()
    assert wait(lambda: bool(app.came["currentTime"]))
    now_s = app.came.pop("currentTime")[0]["time"]
    wanted: list[tuple[str, str, Any]] = []
    for method, arguments, answer in STEPS:
        if method == "reqCurrentTime":
            time.sleep(1.1)  # it is told once a second
        given = [time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(now_s)) if one == "NOW" else one for one in arguments]
        getattr(app, method)(*given)
        has_id = bool(given) and type(given[0]) is int and method not in ("requestFA", "reqMarketRule")
        wanted.append((method, answer, given[0] if has_id else None))
        time.sleep(0.03)  # 50 a second are too fast
    failed = [method for method, *answer in wanted if not wait(partial(worked, app, *answer))]
    order = Order()
    order.action, order.totalQuantity, order.orderType = "BUY", 5, "MKT"
    app.placeOrder(50, AAPL, order)
    filled = wait(lambda: any(one["status"] == "Filled" for one in app.came["orderStatus"]))
    codes = sorted({(one["reqId"], one["errorCode"]) for one in app.came["error"] if one["reqId"] >= 0})
    details = [one["contractDetails"].contract.localSymbol for one in app.came["contractDetails"]]
    print(json.dumps({"version": app.serverVersion(), "failed": failed, "filled": filled, "codes": codes,
                      "details": details, "bars": len(app.came["historicalData"])}))  # fmt: skip
    app.disconnect()
    thread.join(10)


if __name__ == "__main__":
    main(int(sys.argv[1]))
