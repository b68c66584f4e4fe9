"""Reports that are kept from clients for a time, or for good, to try what programs make of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .reports import Told

KINDS = {
    "open-orders": "open_order", "statuses": "order_status", "executions": "execution_details",
    "commissions": "commission_report", "errors": "error"}  # fmt: skip  # a word -> the message that it stands for
STATE = ("open_order", "order_status")


@dataclass(eq=False, slots=True)
class Hold:
    """Keeps back the reports that it `concerns`; those that are `lost` never come."""

    concerns: Callable[[Told], bool]
    lost: bool = False
    waiting: list[Told] = field(default_factory=list)


class ReportHolds:
    """What all reports pass through on their way to clients.

    `executions_first` is of how many orders to come nothing is told before their first execution.
    """

    def __init__(self) -> None:
        self.executions_first = 0
        self._holds: list[Hold] = []
        self._unseen: dict[int, list[Told]] = {}  # by account-wide id, orders of which nothing was told
        self._newest = 0

    def add(self, hold: Hold) -> None:
        """Begin to keep reports back."""
        self._holds.append(hold)

    def release(self, hold: Hold, at_us: int) -> list[Told]:
        """Keep them back no longer, and return those that come late: from this moment on."""
        self._holds.remove(hold)
        return [told._replace(at_us=at_us) for told in hold.waiting]

    def through(self, told: Sequence[Told]) -> list[Told]:
        """Return the reports that pass, in their order."""
        if not (self._holds or self._unseen or self.executions_first):
            self._newest = max(self._newest, *(one.order for one in told)) if told else self._newest
            return list(told)
        return [one for each in told for one in self._in_turn(each) if not self._is_held(one)]

    def _is_held(self, told: Told) -> bool:
        hold = next((hold for hold in self._holds if hold.concerns(told)), None)
        if hold is not None and not hold.lost:
            hold.waiting.append(told)
        return hold is not None

    def _in_turn(self, told: Told) -> list[Told]:
        """Return a report with those that go out with it now: an order's state behind its first execution."""
        if self.executions_first and told.name == "open_order" and told.order > self._newest:
            self.executions_first -= 1
            self._unseen[told.order] = []
        self._newest = max(self._newest, told.order)
        if told.order not in self._unseen:
            return [told]
        if told.name in STATE:
            self._unseen[told.order].append(told)
            return []
        waiting = self._unseen.pop(told.order)
        return [told, *waiting] if told.name == "execution_details" else [*waiting, told]
