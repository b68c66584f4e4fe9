"""Display groups: programs that show the same instrument. Here they only tell each other which."""

from capture.gateway.client import Client
from capture.gateway.refusal import invalid
from capture.wire.text.codec import Values

from .session_start import Handlers

GROUPS = range(1, 8)
NONE_CHOSEN = "none"


def display_groups(client: Client, values: Values) -> None:
    """Send the numbers of the groups."""
    client.send("display_groups", request_id=values["request_id"], groups="|".join(map(str, GROUPS)))


def subscribe(client: Client, values: Values) -> None:
    """Say what a group shows, now and whenever it changes."""
    if values["group"] not in GROUPS:
        raise invalid(f"Display group {values['group']} is unknown; there are {GROUPS[0]} to {GROUPS[-1]}")
    client.display_groups[values["request_id"]] = values["group"]
    shown = client.gateway.shown.get(values["group"], NONE_CHOSEN)
    client.send("display_group", request_id=values["request_id"], contract_info=shown)


def update(client: Client, values: Values) -> None:
    """Let the group of a subscription show another instrument, and tell all who follow it."""
    group = client.display_groups.get(values["request_id"])
    if group is None:
        raise invalid("The request id belongs to no subscription to a display group")
    client.gateway.shown[group] = values["contract_info"]
    for other in client.gateway.clients:
        for request_id, followed in other.display_groups.items():
            if followed == group:
                other.send("display_group", request_id=request_id, contract_info=values["contract_info"])


def unsubscribe(client: Client, values: Values) -> None:
    """Say no more what a group shows."""
    client.display_groups.pop(values["request_id"], None)


HANDLERS: Handlers = {
    "req_display_groups": display_groups,
    "subscribe_display_group": subscribe,
    "update_display_group": update,
    "unsubscribe_display_group": unsubscribe,
}
