"""What commands may do with the server of a gateway: little besides opening and closing its port."""

from typing import Protocol

from capture.gateway.shared_state import State


class Controlled(Protocol):
    """A gateway as commands know it; `port` is the one that it listens on."""

    port: int

    @property
    def state(self) -> State:
        """What its clients share."""

    def refuse(self) -> None:
        """Take no new connections, until `listen_again`; those that are there stay."""

    def listen_again(self) -> None:
        """Take new connections again, at the same port."""
