"""What a hand from outside does to orders and executions, to try programs: fills, corrections, busts, twins.

What follows is booked and told as if the exchange had done it. Each raises InterventionError where it cannot be.
"""

from dataclasses import replace
from decimal import Decimal
from math import isnan

from capture.gateway.broker.account.ledger import UnknownExecutionError
from capture.gateway.broker.exchange.displayed import exact
from capture.gateway.broker.exchange.matching import Taken
from capture.gateway.broker.orders.order import Held, Order, Status

from .executions import Execution
from .fill import REMOVED, Fill
from .identities import corrected
from .paper import Paper
from .till import Booked

MOST_NAMED = 10

class InterventionError(ValueError):
    """What was asked of an order or an execution cannot be done; the text says why, and what can."""


def fill(paper: Paper, order: Order, at_us: int, quantity: Decimal | None = None, price: float | None = None) -> None:
    """Fill an order, all of it or so many, whatever holds it back; one that was cancelled stays so.

    Without a price at its limit, else at the quote, else at the last trade.
    """
    quantity = order.remaining if quantity is None else quantity
    if not 0 < quantity <= order.remaining:
        raise InterventionError(f"{quantity} of order {order.permanent_id} cannot fill: {order.remaining} remain")
    step = Decimal(str(order.security.details.get("size_increment") or 1))
    if quantity % step and order.remaining % step == 0:
        raise InterventionError(f"{quantity} of order {order.permanent_id} cannot fill: it fills by steps of {step}")
    if order.status == Status.INACTIVE:
        raise InterventionError(f"order {order.permanent_id} was rejected: it never was in the market")
    if Held.UNSENT in order.held:
        raise InterventionError(f"order {order.permanent_id} is not sent: its client did not say transmit")
    if order.legs:
        raise InterventionError(f"order {order.permanent_id} is a combination, which fills by the quotes of its legs")
    at = price if price is not None else _price(paper, order)
    was_done = order.is_done
    order.held.clear()
    order.trigger = None
    paper.executions.fill(order, Taken(at, quantity, REMOVED), at_us)
    if not was_done and not order.is_done and order.resting is None:
        paper.floor.enter(order, at_us)


def _price(paper: Paper, order: Order) -> float:
    shown = paper.floor.displayed(order.security.con_id)
    other = shown.quote.price(order.buys)
    limit = order.limit or (order.values["limit_price"] if order.type.limit == "must" else None)
    price = limit or (shown.last.price if isnan(other) and shown.last else other)
    if isnan(price):
        raise InterventionError(f"order {order.permanent_id} has no limit, and its market no quote: say at which price")
    return float(price)


def bust(paper: Paper, execution_id: str, at_us: int) -> None:
    """Take an execution back: it is told once more with nothing filled, and its fee is paid back.

    An order that was filled by it is then cancelled: what was taken back does not go to the market again. Of a
    combination all legs are taken back.
    """
    done, order = _execution(paper, execution_id)
    if bool(order.legs) != (not done.commission):
        raise InterventionError(f"{execution_id} is of one leg: take the execution of the combination back")
    parts = (done, *_legs(paper, done))
    for one in parts:
        if one.commission:
            _bust_booked(paper, one.fill.execution_id)
            order.commission = (order.commission or Decimal(0)) - one.commission["commission"]
    order.take_back(done.fill.quantity, done.fill.price)
    if order.status == Status.FILLED:
        order.status, order.done_reason = Status.CANCELLED, "Busted"
    charged = [(one.commission, _bust_one(paper, one, order, at_us)) for one in parts]
    paper.executions.reports.state(order, at_us)
    for commission, new in charged:
        if commission:
            _charge(paper, new, order, at_us, Decimal(0), None)


def _bust_one(paper: Paper, old: Execution, order: Order, at_us: int) -> Execution:
    new_id = corrected(old.fill.execution_id)
    details = {
        **old.details, "execution_id": new_id, "shares": Decimal(0), "cumulative_quantity": order.filled,
        "average_price": order.average_price}
    new = Execution(replace(old.fill, execution_id=new_id), details)
    _put(paper, old, new)
    paper.executions.reports.corrected(order, at_us, details)
    return new


def correct(paper: Paper, execution_id: str, price: float, at_us: int) -> None:
    """Give an execution another price: it is told anew, in the place of what was told of it."""
    done, order = _execution(paper, execution_id)
    if not done.commission:
        raise InterventionError(f"{execution_id} is of a combination: correct its legs")
    new = replace(done.fill, execution_id=corrected(execution_id), price=exact(price))
    booked = _correct_booked(paper, execution_id, new)
    order.worth += new.side * order.side * new.quantity * (new.price - done.fill.price)
    if not order.legs:
        order.last_price = new.price
    order.commission = (order.commission or Decimal(0)) - done.commission["commission"] + booked.fee
    details = {
        **done.details, "execution_id": new.execution_id, "price": new.price, "average_price": order.average_price}
    told = Execution(new, details)
    _put(paper, done, told)
    paper.executions.reports.corrected(order, at_us, details)
    paper.executions.reports.status(order, at_us)
    _charge(paper, told, order, at_us, booked.fee, booked.realised)


def double(paper: Paper, order: Order, at_us: int) -> Order:
    """Return a second order that is open beside one, with its order id and an account-wide id of its own.

    What its client does by the order id concerns the twin; the first goes on.
    """
    if order.is_done or Held.UNSENT in order.held:
        raise InterventionError(f"order {order.permanent_id} is {order.status}: only one that is open has a twin")
    twin = Order(order.client_id, order.order_id, paper.identities.permanent_id(), order.security, order.type,
                 dict(order.values), at_us, order.remaining, order.legs)  # fmt: skip
    paper.orders.add(twin)
    paper.till.changed(twin, at_us)
    paper.gate.submit(twin, at_us)
    return twin


def _execution(paper: Paper, execution_id: str) -> tuple[Execution, Order]:
    done = paper.executions.done.get(execution_id)
    order = paper.orders.known(done.fill.permanent_id) if done is not None else None
    if done is None or order is None:
        latest = ", ".join(list(paper.executions.done)[-MOST_NAMED:]) or "none"
        raise InterventionError(f"no execution of today has the id {execution_id!r}; the latest are: {latest}")
    if not done.details["shares"]:
        raise InterventionError(f"{execution_id} was taken back already")
    return done, order


def _bust_booked(paper: Paper, execution_id: str) -> None:
    try:
        paper.executions.till.bust(execution_id)
    except UnknownExecutionError as error:  # of a day before, which the ledger has closed
        raise InterventionError(str(error)) from None


def _correct_booked(paper: Paper, execution_id: str, new: Fill) -> Booked:
    try:
        return paper.executions.till.correct(execution_id, new)
    except UnknownExecutionError as error:
        raise InterventionError(str(error)) from None


def _legs(paper: Paper, done: Execution) -> list[Execution]:
    """Return the executions of the legs of a combination's."""
    front = done.fill.execution_id.rpartition(".")[0]
    return [one for key, one in paper.executions.done.items() if key.rpartition(".")[0].rpartition(".")[0] == front]


def _put(paper: Paper, old: Execution, new: Execution) -> None:
    """Put an execution in the place of another one, so that whoever asks is told of it alone."""
    executions = paper.executions
    executions.done = {(new if one is old else one).fill.execution_id: new if one is old else one
                       for one in executions.done.values()}  # fmt: skip


def _charge(paper: Paper, one: Execution, order: Order, at_us: int, fee: Decimal, realised: Decimal | None) -> None:
    one.commission = paper.executions.reports.commission(one.fill, order, at_us, fee, realised)
