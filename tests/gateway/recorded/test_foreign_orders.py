"""Programs with the clients of others trade, against a market and a replay; what each knows is what the broker has."""

import json
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.rivals.environment import python_with
from capture.gateway import Clock, Gateway, running
from capture.gateway.broker.orders import algorithms, order_types
from capture.gateway.broker.orders.order import Order
from capture.gateway.market import Market
from capture.gateway.recorded import Recording
from capture.gateway.trading import Terms, Trading
from tests.foreign import PATIENCE_S, run, talking

from .conftest import AAPL, MSFT, SECOND_US, START_US, replay

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parents[1] / "programs"
SPEED = 4.0
HOUR_US = 3600 * SECOND_US


def market(speed: float = SPEED, paused: bool = False, **options: Any) -> Gateway:
    """A gateway that invents, for an hour, so that its time can be made to stand still."""
    clock = Clock(START_US, speed, (START_US, START_US + HOUR_US), paused)
    return Gateway(Market(), clock=clock, limits=None, **options)


@pytest.fixture(params=["market", "replay"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    """A gateway that waits: however long a program takes to start, it is given all of the time that is played."""
    if request.param == "market":
        one = market(paused=True)
    else:
        recording: Recording = request.getfixturevalue("recording")
        one = replay(recording, START_US + 20 * SECOND_US, speed=SPEED)
    with running(one):
        yield one


def begin(gateway: Gateway) -> None:
    """Let time go on once a program listens to the market."""
    until_s = time.monotonic() + PATIENCE_S
    while not any(client.subscriptions for client in gateway.state.clients):
        assert time.monotonic() < until_s
        time.sleep(0.02)
    gateway.control("resume")


def number(value: Decimal | float | None) -> float:
    """A number as programs have it: what IB says nothing of is 0 there."""
    return round(float(value or 0), 4)


def rounded(values: Any) -> Any:
    """What a program said, with its numbers rounded like those of the broker."""
    if isinstance(values, dict):
        return {name: rounded(value) for name, value in values.items()}
    if isinstance(values, list):
        return [rounded(value) for value in values]
    return values if isinstance(values, str) else number(values)


def all_orders(trading: Trading) -> list[Order]:
    return [*trading.paper.orders.done, *trading.paper.orders.open()]


def books(trading: Trading) -> dict[str, Any]:
    """What the broker's books say, in the shape in which programs say what they know."""
    account, ledger = trading.account, trading.account.ledger
    return {
        "orders": {str(one.permanent_id): [str(one.status), number(one.filled), number(one.remaining),
                                           number(one.average_price)] for one in all_orders(trading)},
        "fills": {key: [number(one.fill.permanent_id), number(one.fill.security.con_id),
                        "BOT" if one.fill.side > 0 else "SLD", number(one.fill.quantity), number(one.fill.price),
                        number(one.fee), number(one.realised)] for key, one in ledger.executions.items()},
        "positions": {str(con_id): [number(one.quantity), number(one.average_cost)]
                      for con_id, one in ledger.positions.items() if one.quantity},
        "portfolio": {str(row.security.con_id): [number(one) for one in row[1:]] for row in account.portfolio()},
        "pnl": [number(one) for one in account.pnl()],
    }  # fmt: skip


def worth(trading: Trading) -> dict[str, Any]:
    """What the account is worth by its books alone, to the cent: it has money, and shares that are half its own."""
    rows = trading.account.portfolio()
    rates = {row.security.symbol: row.price for row in rows if row.security.sec_type == "CASH"} | {"USD": Decimal(1)}
    held = [row.value for row in rows if row.security.sec_type != "CASH"]
    cash = sum((amount * rates[currency] for currency, amount in trading.account.ledger.cash.items()), Decimal(0))
    gross = sum(map(abs, held), Decimal(0))
    equity = cash + sum(held)
    amounts = {"TotalCashValue": cash, "NetLiquidation": equity, "EquityWithLoanValue": equity,
               "GrossPositionValue": gross, "FullAvailableFunds": equity - gross / 2}  # fmt: skip
    return {tag: pytest.approx(float(amount), abs=0.0051) for tag, amount in amounts.items()}


@pytest.mark.parametrize("module", ["ib_insync", "ib_async"])
def test_the_ordering_notebook_knows_what_the_broker_has(gateway: Gateway, module: str) -> None:
    requirements = {"ib_insync": ("ib_insync==0.9.86",), "ib_async": ("ib_async==2.1.0",)}[module]
    trading = gateway.state.trading
    with talking(requirements, PROGRAMS / "insync_orders.py", module, gateway.port) as program:
        begin(gateway)
        traded = program.heard()
        gateway.control("pause")
        program.go_on()
        told = rounded(program.heard())
    # Whether a note says that less was displayed than an order is for, depends on the moment.
    assert [code for _, code in traded.pop("errors") if code != 399] == [202, 202, 202, 201, 110]
    filled = traded.pop("filled")
    assert filled > 8 and traded == {
        "open": [True], "what if": [True, True, "PreSubmitted"], "parts": True, "pair": "PreSubmitted"}
    known = books(trading)
    first, second = told["first"], told["second"]
    assert first["orders"] == known["orders"]
    assert first["fills"] == second["fills"] == known["fills"] and told["executions"] == len(known["fills"]) == filled
    assert first["positions"] == second["positions"] == known["positions"]
    assert second["portfolio"] == known["portfolio"] and second["pnl"] == known["pnl"]
    expected = worth(trading)
    assert second["values"] == {tag: expected[tag] for tag in second["values"]} and len(second["values"]) == 4
    profit = trading.account.pnl_single(AAPL)
    assert profit is not None
    assert second["single"] == [number(one) for one in profit]
    completed = {str(one.permanent_id): ["Cancelled" if one.status == "Inactive" else str(one.status),
                                         number(one.filled)] for one in trading.paper.orders.done}  # fmt: skip
    assert told["completed"] == completed and len(completed) == 12
    assert told["open"] == {str(one.permanent_id): [one.order_id, str(one.status)]
                            for one in trading.paper.orders.open()}  # fmt: skip


THETAGANG = ("thetagang==2.1.1",)
POSITION = re.compile(r"│ +│P │ +(-?\d+) │ +\$([\d.]+) │ +\$([\d.]+) │\$(-?[\d,]+) │\$(-?[\d,]+) │ +\$(-?[\d,]+) │")


def thetagang(port: int, folder: Path, *options: str) -> str:
    """Run thetagang to its end, and return all that it says; it has to end with 0."""
    given = folder / "thetagang.toml"
    given.write_text((PROGRAMS / "thetagang.toml").read_text().replace("PORT", str(port)))
    program = Path(python_with(THETAGANG)).with_name("thetagang")
    return run(THETAGANG, program, "--without-ibc", "--config", given, *options)


def test_thetagang_writes_puts_and_sees_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Live it sells at the bid, or cancels and sells at what is bid; its dry run sees that, and orders nothing."""
    monkeypatch.setenv("COLUMNS", "250")  # of its tables
    with running(market(20.0, terms=Terms(cash=Decimal(250_000)))) as gateway:
        trading = gateway.state.trading
        live = thetagang(gateway.port, tmp_path)
        gateway.control("pause")
        orders = [(order.security.symbol, str(order.status), order.values["algo_strategy"])
                  for order in all_orders(trading)]  # fmt: skip
        dry = thetagang(gateway.port, tmp_path, "--dry-run")
        assert len(all_orders(trading)) == len(orders)
    assert "shutting down! Cya" in live and "no trades will be executed" in dry
    # Of one that it replaces when it is half filled it says nothing.
    said = re.findall(r"(\w+): ([\d.]+) filled, 0.0 remaining", live)
    filled = [(order.security.symbol, str(float(order.filled))) for order in all_orders(trading)
              if order.status == "Filled"]  # fmt: skip
    assert sorted(said) == sorted(filled)
    held = {row.security.symbol: row for row in trading.account.portfolio()}
    assert {symbol: float(-row.position) for symbol, row in held.items()} == {"AAPL": 2.0, "MSFT": 1.0}
    assert {("MSFT", "Filled", "Adaptive")} < set(orders) and trading.paper.orders.open() == []
    seen = [[float(one.replace(",", "")) for one in row] for row in POSITION.findall(dry)]
    wanted = sorted(held.values(), key=lambda row: row.position)
    assert [row[0] for row in sorted(seen)] == [row.position for row in wanted]
    for (_, *prices_and_amounts), row in zip(sorted(seen), wanted, strict=True):
        prices = row.price, row.average_cost / row.security.multiplier  # in cents, amounts in dollars
        amounts = row.value, row.average_cost * row.position, row.unrealised
        assert prices_and_amounts == [*(pytest.approx(float(each), abs=0.0051) for each in prices),
                                      *(pytest.approx(float(each), abs=0.51) for each in amounts)]  # fmt: skip


NAUTILUS = ("nautilus-ibapi==10.30.1", "nautilus_trader==1.221.0", "defusedxml")
WORDS = {"Filled": "FILLED", "Cancelled": "CANCELED", "Submitted": "ACCEPTED", "PreSubmitted": "ACCEPTED"}


def by_reference(trading: Trading) -> dict[str, Order]:
    """The orders of nautilus_trader, by the ids that it gave them."""
    return {order.values["order_reference"].partition(":")[0]: order for order in all_orders(trading)}


def require_nautilus_knows(told: dict[str, Any], trading: Trading, first_fill: int = 0) -> None:
    """What a node that trades knows of its orders and fills is what the broker has."""
    orders = by_reference(trading)
    names = {order.permanent_id: name for name, order in orders.items()}
    assert told["orders"] == {name: [WORDS[order.status], number(order.filled), number(order.average_price)]
                              for name, order in orders.items() if name in told["orders"]}  # fmt: skip
    fills = {key: [names[one.fill.permanent_id], "BUY" if one.fill.side > 0 else "SELL", number(one.fill.quantity),
                   number(one.fill.price), number(one.fee)]
             for key, one in trading.account.ledger.executions.items()}  # fmt: skip
    assert told["fills"] == dict(list(fills.items())[first_fill : first_fill + len(told["fills"])])


def test_nautilus_trader_trades_and_finds_what_it_left(gateway: Gateway) -> None:
    trading = gateway.state.trading
    program = PROGRAMS / "nautilus_orders.py"
    with talking(NAUTILUS, program, "trade", gateway.port) as node:
        begin(gateway)
        closed, left = rounded(node.heard()), rounded(node.heard())
    assert (left.pop("left"), len(closed["fills"]), len(left["fills"]), len(left["orders"])) == (0.0, 3, 4, 9)
    require_nautilus_knows(closed, trading)
    require_nautilus_knows(left, trading)
    executions = list(trading.account.ledger.executions.values())
    won = sum(-one.fill.side * one.fill.value - one.fee for one in executions[:3])
    assert closed["positions"][0][0] == 0 and closed["positions"][0][2] == number(won)
    assert left["positions"][-1] == [7.0, number(executions[3].fill.price), number(-executions[3].fee)]
    gateway.control("pause")
    with talking(NAUTILUS, program, "return", gateway.port) as node:
        found = rounded(node.heard())
        (held,) = trading.account.portfolio()
        assert found["account"] == [worth(trading)["NetLiquidation"], worth(trading)["FullAvailableFunds"]]
        assert found["positions"] == [[7.0, pytest.approx(float(held.average_cost), abs=0.0051), 0.0]]
        assert [one for one in found["orders"].values() if one[0] == "ACCEPTED"] == [["ACCEPTED", 0.0, 0.0]]
        gateway.control("resume")
        node.go_on()
        gone = rounded(node.heard())
    known = by_reference(trading)  # beside which there is an order that it made up for what it found held
    require_nautilus_knows(gone | {"orders": {name: one for name, one in gone["orders"].items() if name in known}},
                           trading, 4)  # fmt: skip
    assert gone.pop("left") == 0 and gone["positions"][0][0] == 0 and trading.paper.orders.open() == []
    assert [one.quantity for one in trading.account.ledger.positions.values()] == [0]


# IB's own clients: every type of order, every time in force, every algorithm, and the blocks that expand. By the name
# of each: its contract, where that is no share of AAPL, and its attributes, by IB's names.
Case = tuple[dict[str, Any], dict[str, Any]]
ATS: dict[str, Any] = {"exchange": "IBKRATS"}
LATER = "20261118-15:59:00"


def resting(**more: Any) -> Case:
    """A limit order that nobody takes."""
    return {}, {"orderType": "LMT", "lmtPrice": "@-50"} | more


def typed(word: str, at: dict[str, Any] | None = None, **values: Any) -> Case:
    return at or {}, {"orderType": word} | values


OF_TYPES: dict[str, Case] = {
    "MKT": typed("MKT", fills=True),
    "LMT": typed("LMT", lmtPrice="@5", fills=True),
    "STP": typed("STP", auxPrice="@-5", fills=True),
    "STP LMT": typed("STP LMT", auxPrice="@-5", lmtPrice="@5", fills=True),
    "TRAIL": typed("TRAIL", auxPrice=5.0),
    "TRAIL LIMIT": typed("TRAIL LIMIT", auxPrice=5.0, trailStopPrice="@5", lmtPriceOffset=0.1),
    "MIT": typed("MIT", auxPrice="@5", fills=True),
    "LIT": typed("LIT", auxPrice="@5", lmtPrice="@5", fills=True),
    "MOC": typed("MOC"),
    "LOC": typed("LOC", lmtPrice="@-5"),
    "MTL": typed("MTL", fills=True),
    "MKT PRT": typed("MKT PRT", fills=True),
    "STP PRT": typed("STP PRT", auxPrice="@50"),
    "REL": typed("REL", lmtPrice="@-50", auxPrice=0.01),
    "PASSV REL": typed("PASSV REL", lmtPrice="@-50", auxPrice=0.01),
    "PEG PRIM": typed("PEG PRIM", lmtPrice="@-50", auxPrice=0.01),
    "PEG MKT": typed("PEG MKT", lmtPrice="@-50", auxPrice=0.01),
    "PEG MID": typed("PEG MID", ATS, lmtPrice="@-50", notHeld=True),
    "PEG BEST": typed("PEG BEST", ATS, lmtPrice="@-50", notHeld=True),
    "MIDPRICE": typed("MIDPRICE", lmtPrice="@-50"),
    "SNAP MKT": typed("SNAP MKT", auxPrice=0.0),
    "SNAP MID": typed("SNAP MID", auxPrice=0.0),
    "SNAP PRIM": typed("SNAP PRIM", auxPrice=0.0),
}
OF_TIMES: dict[str, Case] = {
    "DAY": resting(tif="DAY"), "GTC": resting(tif="GTC"), "GTD": resting(tif="GTD", goodTillDate=LATER),
    "IOC": resting(tif="IOC"), "FOK": resting(tif="FOK"), "OPG": resting(tif="OPG"),
}  # fmt: skip
CONDITIONS: dict[str, Any] = {
    "price": [1, {"conId": AAPL, "exchange": "SMART", "price": "@50", "isMore": True, "triggerMethod": 0}],
    "time": [3, {"time": LATER, "isMore": True}],
    "margin": [4, {"percent": 5, "isMore": False}],
    "execution": [5, {"secType": "STK", "exchange": "SMART", "symbol": "MSFT"}],
    "volume": [6, {"conId": AAPL, "exchange": "SMART", "volume": 1_000_000_000, "isMore": True}],
    "percent": [7, {"conId": AAPL, "exchange": "SMART", "changePercent": 50.0, "isMore": True}],
}
MET = [1, {"conId": AAPL, "exchange": "SMART", "price": "@-50", "isMore": True, "triggerMethod": 0}]
PAIR = {"secType": "BAG", "legs": [[AAPL, 1, "BUY"], [MSFT, 1, "SELL"]]}
FREE = {"smartComboRoutingParams": [["NonGuaranteed", "1"]]}
JOINED: dict[str, Case] = {
    **{f"condition on {name}": resting(conditions=[one], lmtPrice="@5") for name, one in CONDITIONS.items()},
    "all conditions": resting(conditions=list(CONDITIONS.values())),
    "condition that is met": resting(conditions=[MET], lmtPrice="@5", fills=True),
    "cancelled by a condition": resting(conditions=[MET], conditionsCancelOrder=True),
    "combination": typed("MKT", PAIR, totalQuantity=1, fills=True),
    "combination at a limit": typed("LMT", PAIR, totalQuantity=1, lmtPrice=-1000.0),
    "legs by themselves": typed("MKT", PAIR, totalQuantity=1, fills=True, **FREE),
    "parent": typed("LMT", lmtPrice="@5", transmit=False, fills=True),
    "profit": typed("LMT", lmtPrice="@60", action="SELL", parent="parent", transmit=False),
    "trail": typed("TRAIL", auxPrice=60.0, action="SELL", parent="parent"),
    **{f"{name} of group {kind}": resting(ocaGroup=f"group {kind}", ocaType=kind, **more)
       for kind in (1, 2, 3) for name, more in (("rest", {}), ("take", {"lmtPrice": "@5", "fills": True}))},
    "adjusted stop": typed("STP", auxPrice="@-60", action="SELL", adjustedOrderType="TRAIL", triggerPrice="@40",
                           adjustedStopPrice="@30", adjustedTrailingAmount=1.0),
    "trail by percent": typed("TRAIL", trailingPercent=5.0, action="SELL"),
    "discretion": resting(discretionaryAmt=0.1),
    "iceberg": resting(displaySize=2),
    "outside hours": resting(outsideRth=True),
    "hidden": resting(hidden=True),
    "all or none": resting(allOrNone=True),
    "later": resting(goodAfterTime=LATER),
    "what if": typed("MKT", whatIf=True),
}  # fmt: skip
ALGORITHMS = {f"algorithm {name}": resting(algoStrategy=name) for name in sorted(algorithms.ALGORITHMS)}
PLACED = {**OF_TYPES, **{f"in force {name}": case for name, case in OF_TIMES.items()}, **JOINED, **ALGORITHMS}
GONE = ["in force IOC", "cancelled by a condition", *(f"rest of group {kind}" for kind in (1, 2, 3))]


def test_orders_of_every_kind_are_tried() -> None:
    """No type of the broker's tables is left out, nor a time in force."""
    assert OF_TYPES.keys() == {kind.word for kind in order_types.TYPES.values()}
    assert OF_TIMES.keys() == set(order_types.TIMES)


@pytest.mark.parametrize("client", ["newest", "oldest"])
def test_ibs_own_clients_place_orders_of_every_kind(client: str) -> None:
    requirements: tuple[str, ...] = {"newest": ("ibapi-latest==10.51.1",), "oldest": ()}[client]
    with running(market()) as gateway, talking(requirements, PROGRAMS / "official_orders.py", gateway.port) as program:
        trading = gateway.state.trading
        program.go_on(json.dumps([[name, *case] for name, case in PLACED.items()]))
        told = program.heard()
        assert told["answered"], told["said"]
        gateway.control("pause")
        program.go_on()
        known = rounded(program.heard())
    assert told["version"] == {"newest": 200, "oldest": 157}[client]
    words = {name: values["orderType"] for name, (_, values) in PLACED.items()}
    assert {name: word for name, (_, _, word) in told["said"].items()} == words
    codes = {name: codes for name, (_, codes, _) in told["said"].items() if codes}
    assert codes.keys() >= ALGORITHMS.keys() and all(codes.pop(name) == [399] for name in ALGORITHMS)
    gone = [name for name, (status, _, _) in told["said"].items() if status == "Cancelled"]
    assert codes == {name: [202] for name in gone} and gone == GONE
    kept = books(trading)
    assert known["orders"] == kept["orders"] and len(kept["orders"]) == len(PLACED) - 1  # one asks only what it costs
    assert known["positions"] == kept["positions"] and known["portfolio"] == kept["portfolio"]
    assert known["pnl"] == kept["pnl"]
    assert known["values"] == {tag: worth(trading)[tag] for tag in known["values"]} and len(known["values"]) == 2
    # Of a combination each client is told the whole besides, which no account books.
    whole = {one.permanent_id for one in all_orders(trading) if one.legs}
    assert {key for key, one in known["fills"].items() if key not in kept["fills"]} == {
        key for key, one in known["fills"].items() if one[0] in whole and key.count(".") == 3}  # fmt: skip
    assert {key: one for key, one in known["fills"].items() if key in kept["fills"]} == kept["fills"]
    assert known["asked"] == known["fills"] and len(kept["fills"]) >= 17
    assert known["completed"] == {
        str(one.permanent_id): ["Cancelled" if one.status == "Inactive" else str(one.status), number(one.filled)]
        for one in trading.paper.orders.done}  # fmt: skip
