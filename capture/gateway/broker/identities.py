"""The names that a broker gives: account-wide ids of orders, ids of executions, and the order ids a client may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

FIRST_PERMANENT_ID = 1_000_000_001


@dataclass(slots=True)
class Identities:
    """Counters that never give a name twice, over restarts too where `keep`, told what changed, writes them down.

    `order_ids` is the highest order id that each client used. The same orders get the same names every time.
    """

    orders: int = 0
    executions: int = 0
    order_ids: dict[int, int] = field(default_factory=dict)
    keep: Callable[[Mapping[str, int]], None] = lambda given: None

    def permanent_id(self) -> int:
        """Return the account-wide id of a new order."""
        self.orders += 1
        self.keep({"orders": self.orders})
        return FIRST_PERMANENT_ID + self.orders

    def execution_id(self) -> str:
        """Return the id of a new execution: its last part counts corrections."""
        self.executions += 1
        self.keep({"executions": self.executions})
        return f"0000e0d5.{self.executions:08x}.01.01"

    def use(self, client_id: int, order_id: int) -> None:
        """Take note of an order id of a client."""
        if order_id > self.order_ids.get(client_id, 0):
            self.order_ids[client_id] = order_id
            self.keep({"client_id": client_id, "order_id": order_id})

    def next_order_id(self, client_id: int) -> int:
        """Return the lowest order id that a client may use."""
        return self.order_ids.get(client_id, 0) + 1


def corrected(execution_id: str) -> str:
    """Return the id of the correction of an execution: the last part is one higher."""
    front, _, last = execution_id.rpartition(".")
    return f"{front}.{int(last) + 1:02}"


def precursor(execution_id: str) -> str:
    """Return the id of the execution that one corrects; one that nobody ever gave where it corrects none."""
    front, _, last = execution_id.rpartition(".")
    return f"{front}.{int(last) - 1:02}"


def leg_execution_id(execution_id: str, leg: int) -> str:
    """Return the id of a leg of a combination's execution: one part more, of which the last counts corrections."""
    front, _, _ = execution_id.rpartition(".")
    return f"{front}.{leg:02}.01"
