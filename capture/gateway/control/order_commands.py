"""The commands that show orders and the account, and do to orders what an exchange or a bad line may do (D106).

An ORDER is named by its account-wide id (permId), or as CLIENT/ID, the id of its client and the order id there.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from capture.gateway.broker import interventions
from capture.gateway.broker.account.account import PortfolioRow
from capture.gateway.broker.account.account_values import numbers, text
from capture.gateway.broker.account.figures import figures
from capture.gateway.broker.executions import Execution
from capture.gateway.broker.identities import corrected
from capture.gateway.broker.interventions import InterventionError
from capture.gateway.broker.orders.order import Order
from capture.gateway.broker.paper import Paper
from capture.gateway.broker.report_holds import KINDS, Hold
from capture.gateway.broker.reports import Told
from capture.gateway.trading import Trading

from .controlled import Controlled
from .replay_commands import CommandError, as_text

Times = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(coerce_numbers_to_str=True)]
Quantity = Annotated[Decimal, Field(gt=0)]
Done = TypeVar("Done")
Kind = Literal["all", "open-orders", "statuses", "executions", "commissions", "errors"]


FIGURES = {
    "net_liquidation": "NetLiquidation", "total_cash": "TotalCashValue", "available_funds": "AvailableFunds",
    "buying_power": "BuyingPower", "initial_margin": "InitMarginReq", "maintenance_margin": "MaintMarginReq"}


# What there is


def orders(gateway: Controlled) -> list[dict[str, Any]]:
    """Return the open orders of all clients, those that are not sent yet, too."""
    return [_row(order) for order in _now(gateway).paper.orders.open()]


def executions(gateway: Controlled) -> list[dict[str, Any]]:
    """Return the executions of today; of the whole of a combination and before it is charged there is no commission."""
    return [_execution(done) for done in _now(gateway).executions()]


def account(gateway: Controlled) -> dict[str, Any]:
    """Return what the account has: its figures, its cash by currency, and its positions; money in `currency`."""
    trading = _now(gateway)
    trading.mark()
    held, amounts = trading.account, numbers(figures(trading.account))
    pnl = held.pnl()
    return {
        "account": held.name, "type": held.kind, "currency": held.ledger.base_currency,
        **{name: text(amounts[key]) for name, key in FIGURES.items()},
        "daily_pnl": text(pnl.daily), "unrealized_pnl": text(pnl.unrealised), "realized_pnl": text(pnl.realised),
        "cash": [f"{text(amount)} {currency}" for currency, amount in sorted(held.ledger.cash.items())],
        "positions": [_position(row) for row in held.portfolio()]}  # fmt: skip


def _execution(done: Execution) -> dict[str, Any]:
    fill, commission = done.fill, done.commission.get("commission")
    return {
        "time": as_text(fill.at_us), "order": fill.permanent_id, "client_id": fill.client_id,
        "order_id": fill.order_id, "instrument": fill.security.local_symbol, "side": done.details["side"],
        "quantity": float(fill.quantity), "price": float(fill.price), "exchange": fill.exchange,
        "commission": None if commission is None else float(commission), "execution": fill.execution_id}  # fmt: skip


def _position(row: PortfolioRow) -> dict[str, Any]:
    return {
        "con_id": row.security.con_id, "instrument": row.security.local_symbol, "position": float(row.position),
        "price": float(row.price), "average_cost": float(row.average_cost), "value": text(row.value),
        "unrealized_pnl": text(row.unrealised), "realized_pnl": text(row.realised), "currency": row.security.currency}


def told_of_orders(gateway: Controlled) -> dict[str, Any]:
    """Return how many orders are open, and how the account stands: what a line of status has room for."""
    trading = _now(gateway)
    trading.mark()
    return {"orders": len(trading.paper.orders.open()),
            "net_liquidation": f"{text(numbers(figures(trading.account))['NetLiquidation'])} "
                               f"{trading.account.ledger.base_currency}",
            "daily_pnl": text(trading.account.pnl().daily)}  # fmt: skip


def _row(order: Order) -> dict[str, Any]:
    values = order.values
    return {
        "order": order.permanent_id, "client_id": order.client_id, "order_id": order.order_id,
        "instrument": order.security.local_symbol, "action": values["action"], "type": values["order_type"],
        "quantity": float(order.quantity), "filled": float(order.filled), "limit": values["limit_price"],
        "stop": order.stop or values["auxiliary_price"], "time_in_force": values["time_in_force"] or "DAY",
        "status": str(order.status), "held": ", ".join(sorted(order.held)), "reference": values["order_reference"],
        "placed": as_text(order.placed_us)}  # fmt: skip


# Fills, corrections, rejections


def fill(gateway: Controlled, order: Name, quantity: Quantity | None = None, price: float | None = None) -> str:
    """Fill an order, or so many of it: at its limit or the quote, or at a price; a cancelled one stays cancelled."""

    def act(paper: Paper, at_us: int) -> str:
        filled = _order(paper, order)
        interventions.fill(paper, filled, at_us, quantity, price)
        filled_so_far = f"{_plain(filled.filled)} of {_plain(filled.quantity)}"
        return f"{_name(filled)}: {filled_so_far} filled, the last at {_plain(filled.last_price)}; {filled.status}"

    return _act(gateway, act)


def correct(gateway: Controlled, execution: str, price: float) -> str:
    """Give an execution another price: it is told anew, its id with the last part raised."""
    _act(gateway, lambda paper, at_us: interventions.correct(paper, execution, price, at_us))
    return f"{execution} is at {price} now, as {corrected(execution)}"


def bust(gateway: Controlled, execution: str) -> str:
    """Take an execution back: it is told anew with nothing filled, its id with the last part raised."""
    _act(gateway, lambda paper, at_us: interventions.bust(paper, execution, at_us))
    return f"{execution} is taken back, by {corrected(execution)}"


def reject_next(gateway: Controlled, code: Annotated[int, Field(ge=1)], times: Times = 1) -> None:
    """Refuse the next orders and changes with a code; by 201 an order becomes inactive."""
    gateway.state.faults.due[f"reject-next {code}"] = times


def twin(gateway: Controlled, order: Name) -> str:
    """Let a second order be open under the order id of one, as after a change over a bad line."""
    double = _act(gateway, lambda paper, at_us: interventions.double(paper, _order(paper, order), at_us))
    return f"{_name(double)} is open, too"


def roll_back_ids(gateway: Controlled, client_id: int, count: Times = 1) -> None:
    """Give the last order ids of a client out once more, as after a restart that forgot them."""
    identities = gateway.state.trading.paper.identities
    last = identities.order_ids.get(client_id, 0)
    if last == 0:
        raise CommandError(f"client {client_id} has used no order id yet")
    identities.order_ids[client_id] = max(last - count, 0)


# Reports


def hold_reports(
    gateway: Controlled, seconds: Annotated[float, Field(ge=0)], how: Literal["late", "lost"] = "late",
    kind: Kind = "all",
) -> None:  # fmt: skip
    """Keep what is told of orders back for some seconds: then it comes late, or never."""
    trading, name = gateway.state.trading, KINDS.get(kind)

    def concerns(told: Told) -> bool:
        return name in (None, told.name)

    def end() -> None:
        trading.outbox.post(trading.holds.release(hold, trading.at_us))

    hold = Hold(concerns, how == "lost")
    trading.holds.add(hold)
    gateway.state.faults.begin("hold-reports", seconds, end=end)


def execution_first(gateway: Controlled, times: Times = 1) -> None:
    """Tell nothing of the next orders until their first execution, which then comes before all else."""
    gateway.state.trading.holds.executions_first += times


def disconnect_client(gateway: Controlled, client_id: int) -> None:
    """Close the connection of one client; its orders stay."""
    client = gateway.state.client(client_id)
    if client is None:
        there = ", ".join(str(one.id) for one in gateway.state.clients if one.started) or "none"
        raise CommandError(f"no client {client_id} is connected; these are: {there}")
    client.close()


def _now(gateway: Controlled) -> Trading:
    """Return the broker, as far as the gateway's time."""
    gateway.state.trading.run(gateway.state.clock.now_us())
    return gateway.state.trading


def _act(gateway: Controlled, act: Callable[[Paper, int], Done]) -> Done:
    trading = _now(gateway)
    try:
        return act(trading.paper, trading.at_us)
    except InterventionError as error:
        raise CommandError(str(error)) from None
    finally:
        trading.collect()


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _name(order: Order) -> str:
    return f"{order.permanent_id} ({order.client_id}/{order.order_id})"


def _order(paper: Paper, named: str) -> Order:
    """Return the order that is named by its account-wide id, or as CLIENT/ID."""
    client_id, slash, order_id = named.partition("/")
    found = None
    if named.isdecimal():
        found = paper.orders.known(int(named))
    elif slash and client_id.isdecimal() and order_id.lstrip("-").isdecimal():
        found = paper.orders.find(int(client_id), int(order_id))
    if found is None:
        there = ", ".join(map(_name, paper.orders.open()[:10]))
        raise CommandError(f"{named!r} is no order of today; name its permId, or CLIENT/ID. "
                           f"Open are: {there or 'none'}")  # fmt: skip
    return found


COMMANDS: dict[str, Callable[..., Any]] = {
    command.__name__.replace("_", "-"): command
    for command in (
        orders, executions, account, fill, correct, reject_next, twin, roll_back_ids, hold_reports, execution_first,
        disconnect_client)
}  # fmt: skip
