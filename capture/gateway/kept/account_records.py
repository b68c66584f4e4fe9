"""Orders, fills and operations of the ledger as records of a journal, and back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from capture.gateway.broker.account.ledger import Ledger
from capture.gateway.broker.account.position import Position
from capture.gateway.broker.fill import Fill
from capture.gateway.broker.orders.defaults import DEFAULTS, said
from capture.gateway.broker.orders.order import Held, Leg, Order, Status
from capture.gateway.broker.orders.order_types import find_type
from capture.gateway.broker.security import Security, security

from .account_journal import Record

COMBINATION = "BAG"  # the type of what is no instrument of its own
Instruments = Mapping[int, Security]

_OF_ORDER = ("client_id", "order_id", "permanent_id", "placed_us", "quantity", "filled", "worth", "last_price",
          "commission", "stop", "oca_group", "oca_type", "warning", "done_us", "done_reason", "closes_us",
          "let_in")  # fmt: skip


# Instruments


def instrument_record(of: Security) -> Record:
    """Return an instrument: all that is known of its contract."""
    return {"instrument": of.con_id, "details": dict(of.details)}


def _combination(order: Order) -> Record | None:
    return dict(order.security.details) if order.legs else None


# Orders


def order_record(order: Order) -> Record:
    """Return an order as it is; instruments by their contract id."""
    waits = Held.TRIGGER, Held.CHILD, Held.UNSENT
    return {
        "order": {name: getattr(order, name) for name in _OF_ORDER} | {
            "con_id": order.security.con_id, "combination": _combination(order), "status": str(order.status),
            "values": said(order.values),
            "legs": [[leg.security.con_id, leg.ratio, leg.side, leg.exchange] for leg in order.legs],
            "legs_worth": [list(one) for one in order.legs_worth.items()],
            "parent": order.parent.permanent_id if order.parent else 0, "unsent": order.is_unsent,
            "set_off": bool(order.type.trigger) and order.held.isdisjoint(waits)}}  # fmt: skip


def order_of(record: Record, instruments: Instruments, orders: Mapping[int, Order]) -> Order:
    """Return the order that a record was made of; `orders` are those before it, by account-wide id.

    What held it back, and where it stood in the market, is not known any more.
    """
    values = {**DEFAULTS, **record["values"]}
    kind = find_type(values["order_type"])
    assert kind is not None, values["order_type"]
    details = record["combination"]
    order = Order(
        record["client_id"], record["order_id"], record["permanent_id"],
        instruments[record["con_id"]] if details is None else security(details), kind, values, record["placed_us"],
        record["quantity"], [Leg(instruments[leg[0]], *leg[1:]) for leg in record["legs"]])  # fmt: skip
    for name in _OF_ORDER[5:]:
        setattr(order, name, record[name])
    order.status = Status(record["status"])
    order.legs_worth = dict(record["legs_worth"])
    order.parent = orders.get(record["parent"])
    if order.parent is not None:
        order.parent.children.append(order)
    return order


# Fills


def fill_record(fill: Fill) -> Record:
    """Return a fill; of the whole of a combination with what there is of its contract."""
    return _plain(fill) | {
        "con_id": fill.security.con_id,
        "combination": dict(fill.security.details) if fill.security.sec_type == COMBINATION else None}


def fill_of(record: Record, instruments: Instruments) -> Fill:
    """Return the fill that a record was made of."""
    details = record["combination"]
    of = instruments[record["con_id"]] if details is None else security(details)
    named = {field.name: record[field.name] for field in fields(Fill) if field.name != "security"}
    return Fill(security=of, **named)


# The ledger


def position_record(position: Position) -> Record:
    """Return a position; its instrument by contract id."""
    return _plain(position) | {"con_id": position.security.con_id}


def _plain(of: Fill | Position) -> Record:
    return {field.name: getattr(of, field.name) for field in fields(of) if field.name != "security"}


def position_of(record: Record, instruments: Instruments) -> Position:
    """Return the position that a record was made of."""
    named = {name: value for name, value in record.items() if name != "con_id"}
    return Position(instruments[record["con_id"]], **named)


class KeptLedger(Ledger):
    """A ledger that notes each operation, so that these, done once more, lead to what it is.

    `noted` are those that nobody took yet; what is restored to a snapshot has not happened.
    """

    def __init__(self, base_currency: str, cash: Mapping[str, Decimal], positions: Iterable[Position] = ()) -> None:
        super().__init__(base_currency, cash, positions)
        self.noted: list[Record] = []

    def snapshot(self) -> tuple[Any, ...]:
        """As of any ledger."""
        return *super().snapshot(), len(self.noted)

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        """As of any ledger."""
        *state, count = snapshot
        super().restore(tuple(state))
        del self.noted[count:]


def _noting(name: str) -> Callable[..., Any]:
    """Return an operation of the ledger that is noted once it is done."""
    do = getattr(Ledger, name)

    def operation(self: KeptLedger, *given: Any) -> Any:
        answer = do(self, *given)
        self.noted.append(operation_record(name, given))
        return answer

    operation.__doc__ = do.__doc__
    return operation


OPERATIONS = ("book", "correct", "bust", "deposit", "receive_dividend", "settle_future", "new_day")
for _name in OPERATIONS:
    setattr(KeptLedger, _name, _noting(_name))


def operation_record(name: str, given: tuple[Any, ...]) -> Record:
    """Return an operation of the ledger."""
    return {"ledger": name, "given": [fill_record(one) if isinstance(one, Fill) else one for one in given]}


def do_again(record: Record, ledger: Ledger, instruments: Instruments) -> None:
    """Do an operation of the ledger once more."""
    given = [fill_of(one, instruments) if isinstance(one, dict) else one for one in record["given"]]
    getattr(ledger, record["ledger"])(*given)

