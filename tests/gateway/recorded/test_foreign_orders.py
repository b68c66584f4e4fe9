"""Programs with the clients of others trade, against a market and a replay; what each knows is what the broker has."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.rivals.environment import python_with
from capture.gateway import Clock, Gateway, running
from capture.gateway.broker.orders.order import Order
from capture.gateway.market import Market
from capture.gateway.recorded import Recording
from capture.gateway.trading import Terms, Trading
from tests.foreign import run, talking

from .conftest import SECOND_US, START_US, replay

pytestmark = pytest.mark.slow

PROGRAMS = Path(__file__).parents[1] / "programs"
SPEED = 4.0
HOUR_US = 3600 * SECOND_US


def market(speed: float = SPEED, **options: Any) -> Gateway:
    """A gateway that invents, for an hour, so that its time can be made to stand still."""
    clock = Clock(START_US, speed, (START_US, START_US + HOUR_US))
    return Gateway(Market(), clock=clock, limits=None, **options)


@pytest.fixture(params=["market", "replay"])
def gateway(request: pytest.FixtureRequest) -> Iterator[Gateway]:
    if request.param == "market":
        one = market()
    else:
        recording: Recording = request.getfixturevalue("recording")
        one = replay(recording, START_US + 20 * SECOND_US, paused=False, speed=SPEED)
    with running(one):
        yield one


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
    """What the account is worth by its books alone, to the cent: it has dollars, and shares that are half its own."""
    held = [row.value for row in trading.account.portfolio()]
    cash, gross = trading.account.ledger.cash["USD"], sum(map(abs, held), Decimal(0))
    equity = cash + sum(held)
    amounts = {"TotalCashValue": cash, "NetLiquidation": equity, "EquityWithLoanValue": equity,
               "GrossPositionValue": gross, "FullAvailableFunds": equity - gross / 2}  # fmt: skip
    return {tag: pytest.approx(float(amount), abs=0.0051) for tag, amount in amounts.items()}


@pytest.mark.parametrize("module", ["ib_insync", "ib_async"])
def test_the_ordering_notebook_knows_what_the_broker_has(gateway: Gateway, module: str) -> None:
    requirements = {"ib_insync": ("ib_insync==0.9.86",), "ib_async": ("ib_async==2.1.0",)}[module]
    trading = gateway.state.trading
    with talking(requirements, PROGRAMS / "insync_orders.py", module, gateway.port) as program:
        traded = program.heard()
        gateway.control("pause")
        program.go_on()
        told = rounded(program.heard())
    assert [code for _, code in traded.pop("errors")] == [202, 202, 202, 201, 110]
    assert traded == {"open": [True], "what if": [True, True, "PreSubmitted"], "filled": 6}
    known = books(trading)
    first, second = told["first"], told["second"]
    assert first["orders"] == known["orders"]
    assert first["fills"] == second["fills"] == known["fills"] and told["executions"] == len(known["fills"]) == 6
    assert first["positions"] == second["positions"] == known["positions"]
    assert second["portfolio"] == known["portfolio"] and second["pnl"] == known["pnl"]
    expected = worth(trading)
    assert second["values"] == {tag: expected[tag] for tag in second["values"]} and len(second["values"]) == 4
    (held,) = trading.account.portfolio()
    profit = trading.account.pnl_single(held.security.con_id)
    assert profit is not None
    assert second["single"] == [number(one) for one in profit]
    completed = {str(one.permanent_id): ["Cancelled" if one.status == "Inactive" else str(one.status),
                                         number(one.filled)] for one in trading.paper.orders.done}  # fmt: skip
    assert told["completed"] == completed and len(completed) == 10
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
    filled = {symbol: sum(float(one) for one in re.findall(rf"{symbol}: ([\d.]+) filled, 0.0 remaining", live))
              for symbol in ("AAPL", "MSFT")}  # fmt: skip
    held = {row.security.symbol: row for row in trading.account.portfolio()}
    assert filled == {symbol: float(-row.position) for symbol, row in held.items()} == {"AAPL": 2.0, "MSFT": 1.0}
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
