"""Orders: the gateway takes none, and says so as IB does to whoever sent one."""

from capture.gateway.client import Client
from capture.wire.text.codec import message_id

PLACE, CANCEL, EXERCISE, CANCEL_ALL = 3, 4, 21, 58
CANCEL_WITHOUT_VERSION_SINCE = 192
QUANTITY = 16  # which word of an order, behind its message id, is how many are wanted
NONE_TAKEN = "Order rejected - reason:This gateway takes no orders."


def refuse(client: Client, payload: bytes) -> bool:
    """Refuse what a frame asks to be done with orders, and return whether it concerned any.

    Orders are in no table of messages, so that none can be encoded: all that is read of one is its id and quantity.
    """
    kind, words = message_id(payload), payload.split(b"\0")[1:-1]
    if kind not in (PLACE, CANCEL, EXERCISE, CANCEL_ALL):
        return False
    order_id = _number(words, _place_of_id(kind, client.server_version))
    if kind == CANCEL_ALL:
        return True  # there are none
    if order_id is None:
        return False
    if kind == CANCEL:
        client.error(order_id, 10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        return True
    client.error(order_id, 201, NONE_TAKEN)
    if kind == PLACE:  # after the error: a client that holds the order done would not write its reason down
        client.send("order_status", order_id=order_id, status="Inactive", client_id=client.id, filled=0,
                    remaining=_number(words, QUANTITY) or 0, average_fill_price=0, permanent_id=0, parent_id=0,
                    last_fill_price=0, market_cap_price=0)  # fmt: skip
    return True


def _place_of_id(kind: int, server_version: int) -> int:
    """Return which word is the id: the first, or the second where a version of the message is in front of it."""
    return int(kind == EXERCISE or (kind == CANCEL and server_version < CANCEL_WITHOUT_VERSION_SINCE))


def _number(words: list[bytes], place: int) -> int | None:
    """Return a word as a whole number, None where it is none."""
    word = words[place].partition(b".")[0] if place < len(words) else b""
    return int(word) if word.isdigit() and len(word) < 10 else None
