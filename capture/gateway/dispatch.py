"""Hands each request to what answers it: the tables of all handlers as one, and refusals as messages. No sockets."""

from collections.abc import Iterator

from capture.gateway.answers.contract_search import as_taken
from capture.gateway.answers.handlers import Handlers
from capture.wire.connection import BadFrame
from capture.wire.text.codec import Decoded, Values

from . import live
from .answers import account, calculations, display_groups, history, news, orders, scanner
from .answers import contract_details as reference
from .answers import session_start as session
from .refusal import Refusal
from .replies import Reply, error
from .shared_state import Peer

HANDLERS: Handlers = {
    **session.HANDLERS, **account.HANDLERS, **reference.HANDLERS, **live.HANDLERS, **history.HANDLERS,
    **calculations.HANDLERS, **display_groups.HANDLERS, **news.HANDLERS, **scanner.HANDLERS,
    **orders.HANDLERS}  # fmt: skip


def replies(peer: Peer, request: Decoded) -> Iterator[Reply]:
    """Yield what a request is answered with, in order; what it does to the peer is done on the way."""
    try:
        if request.name in history.REQUESTS:
            peer.state.faults.check_history()
        if request.name in orders.OF_ORDERS:
            peer.state.faults.check_read_only()
        yield from HANDLERS[request.name](peer, as_taken(request.values))
    except Refusal as refusal:
        yield error(_id(request.values), refusal.code, refusal.text, peer.now_us)


def replies_to_unread(peer: Peer, frame: BadFrame) -> list[Reply]:
    """Return the error that a frame is answered with that is no request we know."""
    request_id = -1 if frame.request_id is None else frame.request_id
    return [error(request_id, 320, f"Error reading request. {frame.reason}", peer.now_us)]


def _id(values: Values) -> int:
    """Return the id that a request is answered under: that of an order, or of the request; -1 where it has none."""
    found = values["order_id"] if "order_id" in values else values.get("request_id")
    return -1 if found is None else int(found)
