"""Orders: the gateway takes none, and says so as IB does to whoever sent one."""

from collections.abc import Iterator

from capture.gateway.replies import Reply, answer, error
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import Values

from .handlers import Handlers, nothing

NONE_TAKEN = "Order rejected - reason:This gateway takes no orders."


def place(peer: Peer, values: Values) -> Iterator[Reply]:
    """Reject an order, and say that it is inactive."""
    yield error(values["order_id"], 201, NONE_TAKEN, peer.now_us)
    # After the error: a client that holds the order done would not write its reason down.
    yield answer("order_status", order_id=values["order_id"], status="Inactive", client_id=peer.id, filled=0,
                 remaining=values["total_quantity"] or 0, average_fill_price=0, permanent_id=0, parent_id=0,
                 last_fill_price=0, market_cap_price=0)  # fmt: skip


def cancel(peer: Peer, values: Values) -> Iterator[Reply]:
    """Say that there is no such order."""
    text = f"OrderId {values['order_id']} that needs to be cancelled is not found."
    yield error(values["order_id"], 10147, text, peer.now_us)


def exercise(peer: Peer, values: Values) -> Iterator[Reply]:
    """Reject an exercise of options."""
    yield error(values["request_id"], 201, NONE_TAKEN, peer.now_us)


HANDLERS: Handlers = {
    "place_order": place,
    "cancel_order": cancel,
    "cancel_all_orders": nothing,  # there are none
    "exercise_options": exercise,
}
