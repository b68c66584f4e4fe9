"""What handlers of requests are, and what several of them do."""

from collections.abc import Callable, Iterable, Iterator

from capture.gateway.control.faults import COMPETING
from capture.gateway.refusal import invalid
from capture.gateway.replies import Reply, error
from capture.gateway.shared_state import Peer
from capture.gateway.subscription import Subscription
from capture.wire.text.codec import Values

# Who asks, and the request's values -> what it is answered with, in order. It may raise a Refusal at any point.
Handler = Callable[[Peer, Values], Iterable[Reply]]
Handlers = dict[str, Handler]  # by the name of the request


def nothing(_peer: Peer, _values: Values) -> Iterable[Reply]:
    """Take note of what needs no answer."""
    return ()


def started(peer: Peer, subscription: Subscription) -> Iterator[Reply]:
    """Start a live stream, and say what keeps it from flowing."""
    peer.subscribe(subscription)
    if peer.state.faults.active("competing"):
        yield error(subscription.request_id, *COMPETING, peer.now_us)


def require_account(peer: Peer, values: Values) -> None:
    """Refuse a request for an account that is not the gateway's."""
    if values["account"] not in ("", peer.state.account):
        raise invalid(f"Invalid account code '{values['account']}'")


def client_id_of(peer: Peer) -> int:
    """Return the id of a client whose session has started."""
    assert peer.id is not None
    return peer.id
