"""Display groups: programs that show the same instrument. Here they only tell each other which."""

from collections.abc import Iterable, Iterator

from capture.gateway.refusal import invalid
from capture.gateway.replies import Reply, answer
from capture.gateway.shared_state import Peer
from capture.wire.text.codec import Values

from .handlers import Handlers

GROUPS = range(1, 8)
NONE_CHOSEN = "none"


def display_groups(_peer: Peer, values: Values) -> Iterator[Reply]:
    """Send the numbers of the groups."""
    yield answer("display_groups", request_id=values["request_id"], groups="|".join(map(str, GROUPS)))


def subscribe(peer: Peer, values: Values) -> Iterator[Reply]:
    """Say what a group shows, now and whenever it changes."""
    if values["group"] not in GROUPS:
        raise invalid(f"Display group {values['group']} is unknown; there are {GROUPS[0]} to {GROUPS[-1]}")
    peer.display_groups[values["request_id"]] = values["group"]
    shown = peer.state.shown.get(values["group"], NONE_CHOSEN)
    yield answer("display_group", request_id=values["request_id"], contract_info=shown)


def update(peer: Peer, values: Values) -> Iterable[Reply]:
    """Let the group of a subscription show another instrument, and tell all who follow it."""
    group = peer.display_groups.get(values["request_id"])
    if group is None:
        raise invalid("The request id belongs to no subscription to a display group")
    peer.state.shown[group] = values["contract_info"]
    for other in peer.state.clients:
        for request_id, followed in other.display_groups.items():
            if followed == group:
                other.tell([answer("display_group", request_id=request_id, contract_info=values["contract_info"])])
    return ()


def unsubscribe(peer: Peer, values: Values) -> Iterable[Reply]:
    """Say no more what a group shows."""
    peer.display_groups.pop(values["request_id"], None)
    return ()


HANDLERS: Handlers = {
    "req_display_groups": display_groups,
    "subscribe_display_group": subscribe,
    "update_display_group": update,
    "unsubscribe_display_group": unsubscribe,
}
