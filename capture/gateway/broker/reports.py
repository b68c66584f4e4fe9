"""What clients are told of their orders: states, fills and errors as messages of the protocol, by the moment."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from capture.gateway.broker.orders.order import Order
from capture.times import moment_of

from . import messages
from .fill import Fill
from .messages import Later, OrderStatus, Seen

NOTHING_ELSE: Mapping[str, Any] = {}


class Told(NamedTuple):
    """A message to the client of an id, due at a moment: by its name in the tables of the protocol, with its values.

    `order` is the account-wide id of what it is about, 0 for none.
    """

    at_us: int
    client_id: int
    name: str
    values: Mapping[str, Any]
    order: int = 0


class Reports:
    """Collects what is to be told; `take` hands it over.

    `account` is its name and `time_zone` that in which the gateway writes times.
    """

    def __init__(self, account: str, time_zone: str) -> None:
        self.account = account
        self._zone = ZoneInfo(time_zone)
        self._told: list[Told] = []

    @property
    def waits(self) -> bool:
        """Whether anything was collected since it was taken last."""
        return bool(self._told)

    def take(self) -> list[Told]:
        """Return what was collected since it was taken last, in order."""
        told, self._told = self._told, []
        return told

    def again(self, told: Iterable[Told]) -> None:
        """Tell what was told before and kept back."""
        self._told += told

    def state(self, order: Order, at_us: int) -> None:
        """Tell all of an order, and then its status."""
        seen, client_id, permanent_id = Seen.of(order), order.client_id, order.permanent_id
        values = Later(messages.open_order, seen, self.account, NOTHING_ELSE)
        self._told += (Told(at_us, client_id, "open_order", values, permanent_id),
                       Told(at_us, client_id, "order_status", OrderStatus(seen), permanent_id))  # fmt: skip

    def opened(self, order: Order, at_us: int, **state: Any) -> None:
        """Tell all of an order, with what else is to be said of its state."""
        self._tell(order, at_us, "open_order", Later(messages.open_order, Seen.of(order), self.account, state))

    def status(self, order: Order, at_us: int) -> None:
        """Tell the status of an order."""
        self._tell(order, at_us, "order_status", self.order_status(order))

    def execution(self, fill: Fill, order: Order) -> Mapping[str, Any]:
        """Tell a fill, and return what was told of it."""
        details = self._execution_details(fill, order)
        self.corrected(order, fill.at_us, details)
        return details

    def corrected(self, order: Order, at_us: int, details: Mapping[str, Any]) -> None:
        """Tell an execution anew, in the place of what was told of it."""
        self._tell(order, at_us, "execution_details", _unasked(details))

    def settled(self, fill: Fill, at_us: int) -> dict[str, Any]:
        """Tell what became of an option or a future that ended, which was no order; return what was told."""
        details = self._details(fill) | {
            "order_id": 0, "permanent_id": 0, "client_id": 0, "cumulative_quantity": fill.quantity,
            "average_price": fill.price, "model_code": ""}  # fmt: skip
        self._told.append(Told(at_us, fill.client_id, "execution_details", _unasked(details)))
        return details

    def commission(
        self, fill: Fill, order: Order, at_us: int, fee: Decimal, realised: Decimal | None
    ) -> dict[str, Any]:
        """Tell what a fill cost, and what it won or lost; return what was told."""
        report = messages.commission_report(fill, fee, realised)
        self._tell(order, at_us, "commission_report", report)
        return report

    def error(self, order: Order, at_us: int, code: int, text: str) -> None:
        """Tell an error or a warning about an order."""
        self.refuse(order.client_id, order.order_id, at_us, code, text, order.permanent_id)

    def refuse(self, client_id: int, order_id: int, at_us: int, code: int, text: str, permanent_id: int = 0) -> None:
        """Tell an error about what is or was no order."""
        values = {"request_id": order_id, "code": code, "message": text, "time_ms": at_us // 1_000}
        self._told.append(Told(at_us, client_id, "error", values, permanent_id))

    def _tell(self, order: Order, at_us: int, name: str, values: Mapping[str, Any]) -> None:
        self._told.append(Told(at_us, order.client_id, name, values, order.permanent_id))

    # The messages

    def open_order(self, order: Order) -> Mapping[str, Any]:
        """Return the values of message 5 as they are now."""
        return messages.open_order(Seen.of(order), self.account, NOTHING_ELSE)

    def order_status(self, order: Order) -> Mapping[str, Any]:
        """Return the values of message 3 as they are now."""
        return OrderStatus(Seen.of(order))

    def completed_order(self, order: Order) -> dict[str, Any]:
        """Return the values of message 101."""
        return messages.completed_order(order, self.account, self.time_text)

    def _execution_details(self, fill: Fill, order: Order) -> Mapping[str, Any]:
        """Return the values of message 11 but its request id: of a leg, so far as it was filled."""
        of_leg = order.legs_worth.get(fill.security.con_id)
        filled = order.filled if of_leg is None else order.leg_filled(fill.security.con_id)
        worth, model_code = order.worth if of_leg is None else of_leg, order.values["model_code"]
        return Later(lambda: self._details(fill) | {
            "order_id": order.order_id, "permanent_id": order.permanent_id, "client_id": order.client_id,
            "cumulative_quantity": filled, "average_price": worth / filled, "model_code": model_code})  # fmt: skip

    def _details(self, fill: Fill) -> dict[str, Any]:
        return messages.execution_details(fill, self.account, self.time_text)

    def time_text(self, at_us: int) -> str:
        """Return a moment as IB writes it: YYYYMMDD HH:MM:SS and the zone."""
        return f"{moment_of(at_us).astimezone(self._zone):%Y%m%d %H:%M:%S} {self._zone.key}"


def _unasked(details: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of an execution that is told to a client which did not ask for it."""
    return Later(lambda: {"request_id": -1, **details})
