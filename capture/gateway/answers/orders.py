"""Orders: the gateway takes none, and says so as IB does to whoever sent one."""

from capture.gateway.replies import Reply, answer, error
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import message_id

PLACE, CANCEL, EXERCISE, CANCEL_ALL = 3, 4, 21, 58
CANCEL_WITHOUT_VERSION_SINCE = 192
QUANTITY = 16  # which word of an order, behind its message id, is how many are wanted
NONE_TAKEN = "Order rejected - reason:This gateway takes no orders."


def refused(peer: Peer, payload: bytes) -> list[Reply] | None:
    """Return what refuses a frame's wish about orders; None where it has none that can be read.

    Orders are in no table of messages, so that none can be encoded: all that is read of one is its id and quantity.
    """
    kind, words = message_id(payload), payload.split(b"\0")[1:-1]
    if kind == CANCEL_ALL:
        return []  # there are none
    order_id = _number(words, _place_of_id(kind, peer.server_version)) if kind in (PLACE, CANCEL, EXERCISE) else None
    if order_id is None:
        return None
    if kind == CANCEL:
        text = f"OrderId {order_id} that needs to be cancelled is not found."
        return [error(order_id, 10147, text, peer.now_us)]
    rejected = error(order_id, 201, NONE_TAKEN, peer.now_us)
    # After the error: a client that holds the order done would not write its reason down.
    return [rejected, _status(peer, order_id, words)] if kind == PLACE else [rejected]


def _status(peer: Peer, order_id: int, words: list[bytes]) -> Reply:
    return answer("order_status", order_id=order_id, status="Inactive", client_id=peer.id, filled=0,
                  remaining=_number(words, QUANTITY) or 0, average_fill_price=0, permanent_id=0, parent_id=0,
                  last_fill_price=0, market_cap_price=0)  # fmt: skip


def _place_of_id(kind: int | None, server_version: int) -> int:
    """Return which word is the id: the first, or the second where a version of the message is in front of it."""
    return int(kind == EXERCISE or (kind == CANCEL and server_version < CANCEL_WITHOUT_VERSION_SINCE))


def _number(words: list[bytes], place: int) -> int | None:
    """Return a word as a whole number, None where it is none."""
    word = words[place].partition(b".")[0] if place < len(words) else b""
    return int(word) if word.isdigit() and len(word) < 10 else None
