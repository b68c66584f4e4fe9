"""By which rules the orders of an account fill."""

from dataclasses import dataclass

from .matching import Fills


@dataclass(frozen=True, slots=True)
class Rules:
    """By which rules orders fill: see `Fills`; `penetration_ticks` is how far STRICT wants the market to go.

    A tick that comes later than `stale_us` after its event is of a market that is gone: it fills nothing and sets
    nothing off. 0: none is too late.
    """

    fills: Fills = Fills.QUEUE
    penetration_ticks: int = 1
    stale_us: int = 5_000_000

    @property
    def is_strict(self) -> bool:
        """Whether the market has to go beyond an order's price."""
        return self.fills == Fills.STRICT

    def __str__(self) -> str:
        ticks = f" by {self.penetration_ticks} ticks" if self.is_strict else ""
        return f"{self.fills}{ticks}"
