"""Orders: what clients ask of the paper broker. What it answers reaches them through the outbox, in its order."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from capture.gateway.broker.orders.order import Order
from capture.gateway.broker.scripts import ScriptError
from capture.gateway.refusal import Refusal, invalid
from capture.gateway.replies import Reply, answer
from capture.gateway.shared_state import Peer
from capture.wire.ib_times import parse_time_us
from capture.wire.text.codec import Values

from .contract_search import Details, resolve
from .handlers import Handlers, client_id_of, require_account

COMBINATION = "BAG"
OWN_VENUES = {"IBKRATS": "STK", "OVERNIGHT": "STK", "IBUSOPT": "OPT"}  # where IB itself takes orders, and for what
UNKNOWN = 200, "No security definition has been found for the request"


def place(peer: Peer, values: Values) -> Iterable[Reply]:
    """Hand an order to the broker."""
    require_account(peer, values)
    trading, client_id = peer.state.trading, client_id_of(peer)
    try:
        legs = list(trading.legs(values))
    except LookupError:
        raise Refusal(*UNKNOWN) from None
    details = _combination(values) if values["sec_type"] == COMBINATION else _resolve(peer, values)
    try:
        trading.place(peer.now_us, client_id, details, values, legs, peer.state.faults.take_number("reject-next"))
    except ScriptError as error:
        raise invalid(str(error)) from None
    peer.hand_out()
    return ()


def _resolve(peer: Peer, values: Values) -> Details:
    """Return the details of what an order is for: IB's own venues list nothing, and take what is listed anywhere."""
    kind = OWN_VENUES.get(values["exchange"])
    details = resolve(peer, values if kind is None else values | {"exchange": ""})
    if kind not in (None, details["sec_type"]):
        raise Refusal(*UNKNOWN)
    return details


def _combination(values: Values) -> Details:
    """Return what there is of contract details of a combination: it has none of its own."""
    if not values.get("legs"):
        raise Refusal(314, "Combo details are invalid: no legs")
    names = ("symbol", "sec_type", "exchange", "currency", "local_symbol", "trading_class", "multiplier")
    return {name: values[name] for name in names} | {
        "con_id": values["con_id"] or 0, "local_symbol": values["symbol"], "size_increment": 1}


def cancel(peer: Peer, values: Values) -> Iterable[Reply]:
    """Hand a cancel to the broker."""
    peer.state.trading.cancel(peer.now_us, client_id_of(peer), values["order_id"])
    peer.hand_out()
    return ()


def cancel_all(peer: Peer, _values: Values) -> Iterable[Reply]:
    """Let the broker cancel every open order."""
    peer.state.trading.cancel_all(peer.now_us)
    peer.hand_out()
    return ()


def exercise(peer: Peer, values: Values) -> Iterable[Reply]:
    """Hand an exercise of options to the broker."""
    require_account(peer, values)
    peer.state.trading.exercise(peer.now_us, client_id_of(peer), resolve(peer, values), values)
    peer.hand_out()
    return ()


# What there is of orders


def open_orders(peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the open orders of the client."""
    yield from _all(peer, peer.state.trading.paper.orders.open(client_id_of(peer)))


def all_open_orders(peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the open orders of all clients."""
    yield from _all(peer, peer.state.trading.paper.orders.open())


def _all(peer: Peer, orders: list[Order]) -> Iterator[Reply]:
    reports = peer.state.trading.paper.reports
    for order in orders:
        if not order.is_unsent:
            yield answer("open_order", **reports.open_order(order))
            yield answer("order_status", **reports.order_status(order))
    yield answer("open_orders_end")


def auto_open_orders(peer: Peer, _values: Values) -> Iterable[Reply]:
    """Bind orders that are placed by hand to client 0: there are none."""
    if peer.id != 0:
        raise Refusal(327, "Only the default client (i.e 0) can auto bind orders.")
    return ()


def completed_orders(peer: Peer, _values: Values) -> Iterator[Reply]:
    """Send the orders that were done today."""
    paper = peer.state.trading.paper
    for order in paper.orders.done:
        yield answer("completed_order", **paper.reports.completed_order(order))
    yield answer("completed_orders_end")


def executions(peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the executions since midnight that the filter wants, each with its commission."""
    request_id, trading = values["request_id"], peer.state.trading
    since_us, days = _since_us(peer, values), [one["date"] for one in values.get("dates") or ()]
    if days and int(f"{peer.state.local_time(peer.now_us):%Y%m%d}") not in days:
        since_us = peer.now_us + 1  # a gateway knows of today alone
    for done in trading.executions():
        if done.fill.at_us < since_us or not _is_wanted(values, done.fill.client_id, done.details):
            continue
        yield answer("execution_details", **{**done.details, "request_id": request_id})
        if done.commission:
            yield answer("commission_report", **done.commission)
    yield answer("executions_end", request_id=request_id)


def _since_us(peer: Peer, values: Values) -> int:
    midnight = peer.state.local_time(peer.now_us).replace(hour=0, minute=0, second=0)
    first_us = int(midnight.timestamp()) * 1_000_000
    text = values["time"]
    if not text:
        return first_us
    asked_us = parse_time_us(text, peer.state.time_zone)
    if asked_us is None:
        raise invalid(f"Invalid time format: {text}")
    return max(first_us, asked_us)


def _is_wanted(values: Values, client_id: int, details: Mapping[str, Any]) -> bool:
    """Return whether an execution passes a filter, whose empty fields match all."""
    names = ("account", "symbol", "sec_type", "exchange")
    same = all(not values[name] or values[name] == details[name] for name in names)
    side = {"BUY": "BOT", "SELL": "SLD"}.get(values["side"], values["side"])
    return same and (values["client_id"] or client_id) == client_id and side in ("", details["side"])


HANDLERS: Handlers = {
    "place_order": place,
    "cancel_order": cancel,
    "cancel_all_orders": cancel_all,
    "exercise_options": exercise,
    "req_open_orders": open_orders,
    "req_all_open_orders": all_open_orders,
    "req_auto_open_orders": auto_open_orders,
    "req_completed_orders": completed_orders,
    "req_executions": executions,
}
# What TWS refuses where its API is read-only: it tells executions all the same.
OF_ORDERS = frozenset(HANDLERS) - {"req_executions"}
