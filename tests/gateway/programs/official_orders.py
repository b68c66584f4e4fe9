"""Runs where a client of IB's own is installed: `PORT` places the orders that it reads as a line of JSON.

An order is a list of a name, its contract and its attributes. A text such as `@-5` is a price five below the middle of
the market; a parent or a group is named. Prints what came of each when all are answered and those that should have
filled; when told to go on, what it knows of the account.
"""

import json
import sys
import time
from typing import Any

from ibapi.contract import ComboLeg
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.order_condition import Create
from ibapi.tag_value import TagValue
from official import App, connected, contract, wait  # type: ignore[import-not-found]  # beside this file

ACCOUNT = "DU1234567"
TAGS = ("NetLiquidation", "TotalCashValue")
STOCK = {"symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD"}


def of(given: dict[str, Any]) -> Any:
    """Return the contract that is meant: a share of AAPL with what is said otherwise."""
    legs = given.pop("legs", None)
    one = contract(**STOCK | given)
    if legs:
        one.comboLegs = [leg(*each) for each in legs]
    return one


def leg(con_id: int, ratio: int, action: str) -> Any:
    one = ComboLeg()
    one.conId, one.ratio, one.action, one.exchange = con_id, ratio, action, "SMART"
    return one


def condition(kind: int, values: dict[str, Any]) -> Any:
    one = Create(kind)
    for name, value in values.items():
        setattr(one, name, meant(value))
    return one


def meant(value: Any) -> Any:
    return round(middle + float(value[1:]), 2) if isinstance(value, str) and value.startswith("@") else value


def order(values: dict[str, Any]) -> Any:
    one = Order()
    one.action, one.totalQuantity, one.eTradeOnly, one.firmQuoteOnly = "BUY", 5, False, False
    for name, value in values.items():
        if name == "parent":
            one.parentId = ids[value]
        elif name == "conditions":
            one.conditions = [condition(*each) for each in value]
        elif name in ("algoParams", "smartComboRoutingParams"):
            setattr(one, name, [TagValue(*each) for each in value])
        else:
            setattr(one, name, meant(value))
    return one


def last(name: str, key: str, app: App) -> dict[int, dict[str, Any]]:
    """Return the last call of a name by a key of it."""
    return {int(one[key]): one for one in app.came[name]}


def answered(app: App) -> bool:
    spoken = last("openOrder", "orderId", app).keys() | {one["reqId"] for one in app.came["error"]}
    return set(ids.values()) <= spoken


def filled(app: App) -> bool:
    states = last("orderStatus", "orderId", app)
    return all(states.get(ids[name], {}).get("status") == "Filled" for name in fills)


def charges(app: App) -> dict[str, list[Any]]:
    """Return what each execution cost and won, by its id: both have other names in newer clients."""
    found = {}
    for one in (*app.came["commissionReport"], *app.came["commissionAndFeesReport"]):
        (report,) = one.values()
        cost = getattr(report, "commission", None) or getattr(report, "commissionAndFees", None)
        found[report.execId] = [cost, report.realizedPNL if report.realizedPNL < 1e300 else 0.0]
    return found


def executed(app: App, asked: bool) -> dict[str, list[Any]]:
    costs = charges(app)
    return {one.execId: [one.permId, details["contract"].conId, one.side, float(one.shares), one.price,
                         *costs.get(one.execId, [0.0, 0.0])]
            for details in app.came["execDetails"] for one in [details["execution"]]
            if (details["reqId"] >= 0) == asked}  # fmt: skip


def said(app: App) -> dict[str, Any]:
    states, opened = last("orderStatus", "orderId", app), last("openOrder", "orderId", app)
    errors: dict[int, list[int]] = {}
    for one in app.came["error"]:
        errors.setdefault(one["reqId"], []).append(one["errorCode"])
    return {name: [states.get(number, {}).get("status", ""), errors.get(number, []),
                   opened[number]["order"].orderType if number in opened else ""]
            for name, number in ids.items()}  # fmt: skip


def known(app: App) -> dict[str, Any]:
    states = {one["permId"]: [one["status"], float(one["filled"]), float(one["remaining"]), one["avgFillPrice"]]
              for one in app.came["orderStatus"]}  # fmt: skip
    return {
        "orders": states, "fills": executed(app, False), "asked": executed(app, True),
        "completed": {one["order"].permId: [one["orderState"].status, float(one["order"].filledQuantity)]
                      for one in app.came["completedOrder"]},
        "positions": {one["contract"].conId: [float(one["position"]), one["avgCost"]]
                      for one in app.came["position"] if one["position"]},
        "portfolio": {one["contract"].conId: [float(one["position"]), one["marketPrice"], one["marketValue"],
                                              one["averageCost"], one["unrealizedPNL"], one["realizedPNL"]]
                      for one in app.came["updatePortfolio"]},
        "values": {one["key"]: float(one["val"]) for one in app.came["updateAccountValue"]
                   if one["key"] in TAGS and one["currency"] == "USD"},
        "pnl": [app.came["pnl"][-1][name] for name in ("dailyPnL", "unrealizedPnL", "realizedPnL")],
    }  # fmt: skip


app, thread = connected(int(sys.argv[1]), 5)
app.reqMktData(1_000, contract(**STOCK), "", False, False, [])
assert wait(lambda: {1, 2} <= {one["tickType"] for one in app.came["tickPrice"]})
prices = {one["tickType"]: one["price"] for one in app.came["tickPrice"]}
middle = (prices[1] + prices[2]) / 2
given = json.loads(sys.stdin.readline())
first = app.came["nextValidId"][-1]["orderId"]
ids = {name: first + number for number, (name, *_) in enumerate(given)}
fills = [name for name, _, values in given if values.pop("fills", False)]
for name, contract_values, values in given:
    app.placeOrder(ids[name], of(contract_values), order(values))
answer = wait(lambda: answered(app)) and wait(lambda: filled(app))
time.sleep(0.3)
print("\n" + json.dumps({"version": app.serverVersion(), "answered": answer, "said": said(app)}), flush=True)
sys.stdin.readline()
time.sleep(0.3)  # what was under way when time was made to stand still
app.reqExecutions(2_000, ExecutionFilter())
app.reqCompletedOrders(False)
app.reqPositions()
app.reqAccountUpdates(True, ACCOUNT)
app.reqPnL(2_001, ACCOUNT, "")
for end in ("execDetailsEnd", "completedOrdersEnd", "positionEnd", "accountDownloadEnd", "pnl"):
    assert wait(lambda end=end: bool(app.came[end])), end
print(json.dumps(known(app)))
app.disconnect()
thread.join(10)
