"""A lake of what IB says of accounts, row by row, in the order in which it says it."""

from pathlib import Path
from typing import Any

from .conftest import NOON, MadeLake

UPDATES, POSITIONS, ALL_OPEN_ORDERS = -6, -61, -16  # requests without an id, by the numbers of their messages
STREAM_OF = {UPDATES: "values", POSITIONS: "positions", ALL_OPEN_ORDERS: "orders"}
STOCK: dict[str, Any] = {"security_type": "STK", "currency": "USD", "ib_symbol": "AAPL"}


class AccountLake(MadeLake):
    """Takes what IB says, in seconds after noon; frames are numbered as they come."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.frames = 0
        self.add("sessions", -1000, event="opened")

    def add(self, table: str, seconds: Any, symbol: str | None = "AAPL", **values: Any) -> None:
        self.frames += 1
        super().add(table, seconds, symbol, **{"seq": self.frames} | values)

    def asked(self, seconds: float, request: int, event: str = "requested", **values: Any) -> None:
        """Add what became of a request: requested, completed, cancelled or refused."""
        self.add("subscriptions", seconds, None, **{
            "event": event, "request_id": request, "stream": STREAM_OF[request], "parameters": "{}"} | values)

    def position(self, seconds: float, position: float, symbol: str = "AAPL", **values: Any) -> None:
        row: dict[str, Any] = {"account": "A1", "stream": "positions", "request_id": POSITIONS, "position": position,
                               "average_cost": 100.0}  # fmt: skip
        self.add("positions", seconds, symbol, **row | STOCK | values)

    def value(self, seconds: float, key: str, value: str, currency: str | None = "USD", **values: Any) -> None:
        tag, _, segment = key.rpartition("-") if key[-2:] in ("-S", "-C", "-P") else (key, "", None)
        try:
            number: float | None = float(value)
        except ValueError:
            number = None
        row: dict[str, Any] = {
            "account": "A1", "stream": "values", "request_id": UPDATES, "key": key, "tag": tag, "segment": segment,
            "currency": currency, "value": value, "number": number}  # fmt: skip
        self.add("account_values", seconds, **row | values)

    def fill(self, seconds: float, shares: float, price: float, execution_id: str, symbol: str = "AAPL",
             **values: Any) -> None:
        """Add an execution that came live: `shares` below 0 are sold."""
        family, _, revision = execution_id.rpartition(".")
        row = {"account": "A1", "stream": "executions", "request_id": None, "execution_id": execution_id,
               "execution_family": family, "revision": int(revision), "permanent_id": 77, "order_id": 5,
               "client_id": 3, "side": "BOT" if shares >= 0 else "SLD", "shares": abs(shares), "price": price,
               "time": "", "ts_event": None} | STOCK  # fmt: skip
        self.add("executions", seconds, symbol, **row | values)

    def fee(self, seconds: float, execution_id: str, commission: float | None, **values: Any) -> None:
        self.add("commissions", seconds, **{
            "stream": "executions", "execution_id": execution_id, "commission": commission,
            "commission_sent": -1.0 if commission is None else commission, "currency": "USD"} | values)  # fmt: skip

    def order(self, seconds: float, status: str, permanent_id: int | None = 77, **values: Any) -> None:
        """Add what an open order says, or with `message` another kind of message."""
        self.add("orders", seconds, **{
            "account": "A1", "stream": "orders", "request_id": None, "message": "open_order",
            "permanent_id": permanent_id, "order_id": 5, "client_id": 3, "action": "BUY", "total_quantity": 100.0,
            "order_type": "LMT", "limit_price": 10.0, "time_in_force": "DAY", "status": status} | STOCK | values)

    def status(self, seconds: float, status: str, filled: float, remaining: float, permanent_id: int | None = 77,
               **values: Any) -> None:
        self.add("orders", seconds, None, **{
            "stream": "orders", "message": "order_status", "permanent_id": permanent_id, "order_id": 5, "client_id": 3,
            "status": status, "filled": filled, "remaining": remaining} | values)


def at(seconds: float) -> str:
    """Return a moment, in seconds after noon, as SQL."""
    return f"(timestamptz '{NOON.isoformat(sep=' ')}' + interval '{round(seconds * 1e6)} microseconds')"
