"""What clients are told of their orders: states, fills and errors as messages of the protocol, by the moment."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from capture.gateway.broker.orders.order import Order, Status, Values
from capture.times import moment_of
from capture.wire.messages.order_answers import COMPLETED_ORDER, OPEN_ORDER

from .fill import Fill
from .security import Security

CONTRACT = ("con_id", "symbol", "sec_type", "last_trade_date", "strike", "right", "multiplier", "currency",
            "local_symbol", "trading_class")  # fmt: skip
NONE_YET = {"delta_neutral_order_type": "None", "delta_neutral_open_close": "?", "adjusted_order_type": "None",
            "clearing_intent": "IB", "automatic_price_for_hedge_off": True}  # fmt: skip  # as IB writes nothing


@dataclass(frozen=True, slots=True)
class Told:
    """A message to the client of an id, due at a moment: by its name in the tables of the protocol, with its values.

    `order` is the account-wide id of what it is about, 0 for none.
    """

    at_us: int
    client_id: int
    name: str
    values: Mapping[str, Any]
    order: int = 0


class Later(Mapping[str, Any]):
    """Values that are made when they are first looked at: most messages about orders nobody reads.

    `make` may use only what does not change any more.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._made: dict[str, Any] | None = None

    def _values(self) -> dict[str, Any]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())


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
        self._tell(order, at_us, "open_order", self.open_order(order))
        self.status(order, at_us)

    def opened(self, order: Order, at_us: int, **state: Any) -> None:
        """Tell all of an order, with what else is to be said of its state."""
        self._tell(order, at_us, "open_order", self.open_order(order, **state))

    def status(self, order: Order, at_us: int) -> None:
        """Tell the status of an order."""
        self._tell(order, at_us, "order_status", self.order_status(order))

    def execution(self, fill: Fill, order: Order) -> dict[str, Any]:
        """Tell a fill, and return what was told of it."""
        details = self.execution_details(fill, order)
        self._tell(order, fill.at_us, "execution_details", {"request_id": -1} | details)
        return details

    def corrected(self, order: Order, at_us: int, details: Mapping[str, Any]) -> None:
        """Tell an execution anew, in the place of what was told of it."""
        self._tell(order, at_us, "execution_details", {"request_id": -1, **details})

    def settled(self, fill: Fill, at_us: int) -> dict[str, Any]:
        """Tell what became of an option or a future that ended, which was no order; return what was told."""
        details = self._details(fill) | {
            "order_id": 0, "permanent_id": 0, "client_id": 0, "cumulative_quantity": fill.quantity,
            "average_price": fill.price, "model_code": ""}  # fmt: skip
        self._told.append(Told(at_us, fill.client_id, "execution_details", {"request_id": -1} | details))
        return details

    def commission(
        self, fill: Fill, order: Order, at_us: int, fee: Decimal, realised: Decimal | None
    ) -> dict[str, Any]:
        """Tell what a fill cost, and what it won or lost; return what was told."""
        report = commission_report(fill, fee, realised)
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

    def open_order(self, order: Order, **state: Any) -> Mapping[str, Any]:
        """Return the values of message 5 as they are now, and of `state`; they are put together when somebody asks."""
        now, more = self._now(order), {
            "order_id": order.order_id, "client_id": order.client_id,
            "parent_id": order.parent.order_id if order.parent else 0, "total_quantity": order.quantity,
            "shares_allocation": f"{order.permanent_id}.0/{self.account}/{order.quantity}",
            "commission": order.commission, "commission_currency": order.security.currency if order.commission else "",
            "warning_text": order.warning, **state}  # fmt: skip
        values, security = order.values, order.security
        return Later(lambda: OPEN_ORDER.pick({**values, **_as_ib_writes(values, security), **now}) | more)

    def completed_order(self, order: Order) -> dict[str, Any]:
        """Return the values of message 101: of what filled it says how much, and of nothing how much was wanted."""
        filled = order.status == Status.FILLED
        reason = order.done_reason or (f"Filled Size: {order.filled}" if filled else "Cancelled by Trader")
        said = {**order.values, **_as_ib_writes(order.values, order.security), **self._now(order)}
        return COMPLETED_ORDER.pick(said) | {
            "auto_cancel_date": self._auto_cancel_date(order), "total_quantity": 0 if filled else order.quantity,
            "filled_quantity": order.filled, "completed_status": reason,
            "completed_time": self.time_text(order.done_us),
            "parent_permanent_id": order.parent.permanent_id if order.parent else None,
            "status": Status.CANCELLED if order.status == Status.INACTIVE else order.status}  # fmt: skip

    def _auto_cancel_date(self, order: Order) -> str:
        """Return when an order would have been cancelled by itself that is good until it is cancelled."""
        lives_on = order.values["time_in_force"] == "GTC" and order.closes_us is not None
        return self.time_text(order.closes_us) if lives_on and order.closes_us else ""

    def order_status(self, order: Order) -> dict[str, Any]:
        """Return the values of message 3."""
        return {
            "order_id": order.order_id, "status": order.status, "filled": order.filled, "remaining": order.remaining,
            "average_fill_price": order.average_price, "permanent_id": order.permanent_id,
            "parent_id": order.parent.order_id if order.parent else 0, "last_fill_price": order.last_price,
            "client_id": order.client_id, "why_held": order.why_held, "market_cap_price": 0}  # fmt: skip

    def execution_details(self, fill: Fill, order: Order) -> dict[str, Any]:
        """Return the values of message 11 but its request id: of a leg, so far as it was filled."""
        worth = order.legs_worth.get(fill.security.con_id)
        filled = order.leg_filled(fill.security.con_id) if worth is not None else order.filled
        average = order.average_price if worth is None else worth / filled
        return self._details(fill) | {
            "order_id": order.order_id, "permanent_id": order.permanent_id, "client_id": order.client_id,
            "cumulative_quantity": filled, "average_price": average, "model_code": order.values["model_code"]}

    def _details(self, fill: Fill) -> dict[str, Any]:
        """Return what is said of a fill whatever it is of."""
        return contract(fill.security, fill.exchange, nothing="") | {
            "execution_id": fill.execution_id, "time": self.time_text(fill.at_us), "account": self.account,
            "execution_exchange": fill.exchange, "side": "BOT" if fill.side > 0 else "SLD", "shares": fill.quantity,
            "price": fill.price, "liquidation": 0, "order_reference": fill.order_reference, "ev_rule": "",
            "ev_multiplier": None, "last_liquidity": fill.liquidity, "pending_price_revision": False,
            "submitter": ""}  # fmt: skip

    def _now(self, order: Order) -> dict[str, Any]:
        """Return what is said of any order otherwise than its client did, as that is now."""
        return {
            "account": self.account, "permanent_id": order.permanent_id, "status": order.status,
            "oca_group": order.oca_group, "oca_type": order.oca_type or 3, "exempt_code": -1,
            "trail_stop_price": order.stop if order.type.trigger == "trail" else order.values["trail_stop_price"],
            "limit_price": order.values["limit_price"] or order.limit or 0.0,
            "auxiliary_price": order.values["auxiliary_price"] or 0.0}  # fmt: skip

    def time_text(self, at_us: int) -> str:
        """Return a moment as IB writes it: YYYYMMDD HH:MM:SS and the zone."""
        return f"{moment_of(at_us).astimezone(self._zone):%Y%m%d %H:%M:%S} {self._zone.key}"


def _as_ib_writes(values: Values, security: Security) -> dict[str, Any]:
    """Return the contract of an order's values, and what IB writes where nothing is given."""
    return contract(security, values["exchange"]) | {name: values.get(name) or none for name, none in NONE_YET.items()}


def commission_report(fill: Fill, fee: Decimal, realised: Decimal | None) -> dict[str, Any]:
    """Return the values of message 59; `realised` is None for what opened a position."""
    return {"execution_id": fill.execution_id, "commission": fee, "currency": fill.security.currency,
            "realized": realised, "yield": None, "yield_redemption_date": None}  # fmt: skip


def contract(security: Security, exchange: str = "", nothing: str = "?") -> dict[str, Any]:
    """Return the contract's fields; `nothing` is the right of what is no option."""
    details = security.details
    return {name: details.get(name) for name in CONTRACT} | {
        "con_id": security.con_id, "symbol": security.symbol, "sec_type": security.sec_type,
        "currency": security.currency, "local_symbol": security.local_symbol,
        "exchange": exchange, "strike": float(security.strike), "right": security.right or nothing}

