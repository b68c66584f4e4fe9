"""What differs from one of IB's gateways to the next, or by the mood of the day: settings for tests of programs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Habits:
    """How the broker behaves where IB does so at times only.

    `tells_preset_force`: an order without a time in force brings warning 10349, as newer gateways send it; the order
    lives. `not_locatable` are symbols of shares that cannot be borrowed: sales of them come back with 404 and wait.
    """

    tells_preset_force: bool = False
    not_locatable: frozenset[str] = frozenset()
