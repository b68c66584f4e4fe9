"""What clients are told of orders, fills and fees, as values of the protocol's messages: most are made when read."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from capture.gateway.broker.orders.order import NONE, Order, Status, Values
from capture.gateway.broker.orders.order_types import OrderType
from capture.wire.messages.order_answers import COMPLETED_ORDER, OPEN_ORDER

from .fill import Fill
from .security import Security

CONTRACT = ("con_id", "symbol", "sec_type", "last_trade_date", "strike", "right", "multiplier", "currency",
            "local_symbol", "trading_class")  # fmt: skip
NONE_YET = {"delta_neutral_order_type": "None", "delta_neutral_open_close": "?", "adjusted_order_type": "None",
            "clearing_intent": "IB", "automatic_price_for_hedge_off": True}  # fmt: skip  # as IB writes nothing


class Later(Mapping[str, Any]):
    """Values that are made when they are first looked at: most messages about orders nobody reads.

    `make` may use only what does not change any more.
    """

    __slots__ = ("_made", "_make", "_of")

    def __init__(self, make: Callable[..., dict[str, Any]], *of: object) -> None:
        self._make = make
        self._of = of
        self._made: dict[str, Any] | None = None

    def _values(self) -> dict[str, Any]:
        if self._made is None:
            self._made = self._make(*self._of)
        return self._made

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())


class Seen(NamedTuple):
    """An order as it was at a moment. Of `order` only what never changes is looked at later: its ids and groups."""

    order: Order
    security: Security
    type: OrderType
    values: Values
    status: Status
    quantity: Decimal
    filled: Decimal
    worth: Decimal
    last_price: Decimal
    commission: Decimal | None
    limit: float | None
    stop: float | None
    warning: str
    why_held: str

    @classmethod
    def of(cls, order: Order) -> "Seen":
        """Return an order as it is now."""
        return cls(order, order.security, order.type, order.values, order.status, order.quantity, order.filled,
                   order.worth, order.last_price, order.commission, order.limit, order.stop, order.warning,
                   order.why_held if order.held else "")  # fmt: skip

    @property
    def parent_id(self) -> int:
        """Its parent's order id, 0 without one."""
        return self.order.parent.order_id if self.order.parent else 0


class OrderStatus(Mapping[str, Any]):
    """The values of message 3, each made when it is looked at."""

    __slots__ = ("_seen",)

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def __getitem__(self, name: str) -> Any:
        return _STATUS[name](self._seen)

    def __iter__(self) -> Iterator[str]:
        return iter(_STATUS)

    def __len__(self) -> int:
        return len(_STATUS)


_STATUS: dict[str, Callable[[Seen], Any]] = {
    "order_id": lambda seen: seen.order.order_id,
    "status": lambda seen: seen.status,
    "filled": lambda seen: seen.filled,
    "remaining": lambda seen: seen.quantity - seen.filled,
    "average_fill_price": lambda seen: seen.worth / seen.filled if seen.filled else NONE,
    "permanent_id": lambda seen: seen.order.permanent_id,
    "parent_id": lambda seen: seen.parent_id,
    "last_fill_price": lambda seen: seen.last_price,
    "client_id": lambda seen: seen.order.client_id,
    "why_held": lambda seen: seen.why_held,
    "market_cap_price": lambda seen: 0,
}


def open_order(seen: Seen, account: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of message 5, with what else is to be said of its state."""
    return OPEN_ORDER.pick(_said(seen, account)) | {
        "order_id": seen.order.order_id, "client_id": seen.order.client_id, "parent_id": seen.parent_id,
        "total_quantity": seen.quantity,
        "shares_allocation": f"{seen.order.permanent_id}.0/{account}/{seen.quantity}",
        "commission": seen.commission, "commission_currency": seen.security.currency if seen.commission else "",
        "warning_text": seen.warning, **state}  # fmt: skip


def completed_order(order: Order, account: str, time_text: Callable[[int], str]) -> dict[str, Any]:
    """Return the values of message 101: of what filled it says how much, and of nothing how much was wanted."""
    filled = order.status == Status.FILLED
    reason = order.done_reason or (f"Filled Size: {order.filled}" if filled else "Cancelled by Trader")
    lives_on = order.values["time_in_force"] == "GTC" and order.closes_us
    return COMPLETED_ORDER.pick(_said(Seen.of(order), account)) | {
        "auto_cancel_date": time_text(order.closes_us) if lives_on and order.closes_us else "",
        "total_quantity": 0 if filled else order.quantity,
        "filled_quantity": order.filled, "completed_status": reason, "completed_time": time_text(order.done_us),
        "parent_permanent_id": order.parent.permanent_id if order.parent else None,
        "status": Status.CANCELLED if order.status == Status.INACTIVE else order.status}  # fmt: skip


def _said(seen: Seen, account: str) -> dict[str, Any]:
    """Return what its client said of an order, and otherwise what IB says of any."""
    values, order = seen.values, seen.order
    return {
        **values, **contract(seen.security, values["exchange"]),
        **{name: values.get(name) or none for name, none in NONE_YET.items()},
        "account": account, "permanent_id": order.permanent_id, "status": seen.status,
        "oca_group": order.oca_group, "oca_type": order.oca_type or 3, "exempt_code": -1,
        "trail_stop_price": seen.stop if seen.type.trigger == "trail" else values["trail_stop_price"],
        "limit_price": values["limit_price"] or seen.limit or 0.0,
        "auxiliary_price": values["auxiliary_price"] or 0.0}  # fmt: skip


def execution_details(fill: Fill, account: str, time_text: Callable[[int], str]) -> dict[str, Any]:
    """Return the values of message 11 that are the same whatever a fill is of."""
    return contract(fill.security, fill.exchange, nothing="") | {
        "execution_id": fill.execution_id, "time": time_text(fill.at_us), "account": account,
        "execution_exchange": fill.exchange, "side": "BOT" if fill.side > 0 else "SLD", "shares": fill.quantity,
        "price": fill.price, "liquidation": 0, "order_reference": fill.order_reference, "ev_rule": "",
        "ev_multiplier": None, "last_liquidity": fill.liquidity, "pending_price_revision": False,
        "submitter": ""}  # fmt: skip


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
