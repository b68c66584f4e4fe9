"""What is broken on purpose: faults that last or are due, and what they mean; no client is known here."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from capture.gateway.feed import Notice
from capture.gateway.refusal import historical, invalid
from capture.gateway.subscription import Subscription
from capture.wire.text.framing import boundaries, frame

Silences = Callable[[object, Subscription], bool]  # a client, of which only its identity counts, and its stream

LOST: Notice = (1100, "Connectivity between IB and Trader Workstation has been lost.")
RESTORED: Notice = (
    1102, "Connectivity between IB and Trader Workstation has been restored - data maintained.")
COMPETING: Notice = (10197, "No market data during competing live session")
RESET: Notice = (
    317, "Market depth data has been RESET. Please empty deep book contents before applying any new entries.")
EXTRA_FIELD = b"extra\0"


class Farm(NamedTuple):
    """One of IB's data farms: what it is called, and the codes for its being broken and its being fine."""

    title: str
    broken: int
    fine: int

    def notice(self, name: str, broken: bool) -> Notice:
        """Return what clients are told about its state."""
        return (self.broken if broken else self.fine, f"{self.title} is {'broken' if broken else 'OK'}:{name}")


FARMS = {
    "usfarm": Farm("Market data farm connection", 2103, 2104),
    "usfuture": Farm("Market data farm connection", 2103, 2104),
    "ushmds": Farm("HMDS data farm connection", 2105, 2106),
    "secdefnj": Farm("Sec-def data farm connection", 2157, 2158),
}


def farm_of(subscription: Subscription) -> str:
    """Return the name of the farm that a stream comes from."""
    return "usfuture" if subscription.details["sec_type"] == "FUT" else "usfarm"


@dataclass(eq=False, slots=True)
class Lasting:
    """A fault that goes on: which streams it silences, what is done when it ends, and how much of it there is."""

    name: str
    silences: Silences
    end: Callable[[], None]
    amount: float
    timer: asyncio.TimerHandle | None


class Faults:
    """The faults of a gateway. Commands begin them; server, clients and answers ask here what they mean for them.

    `lasting` are those that go on, and `due` says how many of the next requests go wrong, by fault. `changed` is called
    when one began or ended.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.lasting: list[Lasting] = []
        self.due: Counter[str] = Counter()
        self._changed = changed

    # For commands

    def begin(
        self, name: str, seconds: float | None = None, *, silences: Silences = lambda client, subscription: False,
        end: Callable[[], None] = lambda: None, amount: float = 0.0,
    ) -> None:
        """Begin a fault that lasts some seconds of real time, or until it is cleared; then `end` is called."""
        fault = Lasting(name, silences, end, amount, None)
        if seconds is not None:
            fault.timer = asyncio.get_running_loop().call_later(seconds, self.clear, fault)
        self.lasting.append(fault)
        self._changed()

    def clear(self, fault: Lasting) -> None:
        """End a fault."""
        if fault.timer is not None:
            fault.timer.cancel()
        self.lasting.remove(fault)
        fault.end()
        self._changed()

    def stop(self) -> None:
        """Forget the faults that last, as the gateway ends."""
        for fault in self.lasting:
            if fault.timer is not None:
                fault.timer.cancel()
        self.lasting.clear()

    # For server, clients and answers

    def active(self, *names: str) -> bool:
        """Return whether one of these faults goes on."""
        return any(fault.name in names for fault in self.lasting)

    def amount(self, name: str) -> float:
        """Return how much of a fault there is, 0 without it."""
        return sum(fault.amount for fault in self.lasting if fault.name == name)

    def take(self, name: str) -> bool:
        """Return whether a fault is due for the request at hand, which is then one less."""
        due = self.due[name] > 0
        self.due[name] -= due
        return due

    def take_number(self, word: str) -> int:
        """Return the number of the first fault so called that is due for the request at hand, 0 without one."""
        name = next((name for name, due in self.due.items() if due > 0 and name.startswith(f"{word} ")), "")
        return int(name.removeprefix(word)) if name and self.take(name) else 0

    def silence(self, client: object, subscription: Subscription) -> str:
        """Return the fault that keeps a stream from being sent; empty without one."""
        silent = (fault.name for fault in self.lasting if fault.silences(client, subscription))
        return subscription.dead or next(silent, "")

    def check_history(self) -> None:
        """Refuse (162) a request for history while a fault forbids it."""
        if self.take("pacing"):
            raise historical("Historical data request pacing violation")
        if self.active("outage", "farm ushmds"):
            raise historical("HMDS server disconnect occurred.  Attempting reconnection...")

    def check_read_only(self) -> None:
        """Refuse (321) what is about orders while the API is read-only."""
        if self.active("read-only"):
            raise invalid("The API interface is currently in Read-Only mode.")

    def farm_notices(self) -> Iterator[Notice]:
        """Yield the state of each farm."""
        for name, farm in FARMS.items():
            yield farm.notice(name, self.active(f"farm {name}"))

    def later(self, name: str, act: Callable[[], None]) -> None:
        """Act after as many seconds as there are of a fault, at once without it."""
        if delay_s := self.amount(name):
            asyncio.get_running_loop().call_later(delay_s, act)
        else:
            act()

    def padded(self, data: bytes) -> bytes:
        """Return whole frames, each with one more field at its end if that fault goes on."""
        if not self.active("extra-fields"):
            return data
        return b"".join(frame(data[a + 4 : b] + EXTRA_FIELD) for a, b in pairwise(boundaries(data).tolist()))
