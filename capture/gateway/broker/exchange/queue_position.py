"""Where a resting order stands in the queue at its price, by what was printed and taken away (D138)."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from .displayed import exact
from .takings import NOTHING


class Seen(NamedTuple):
    """What stood before the order, the size shown at its price, and what was printed there since that was shown."""

    ahead: Decimal
    shown: Decimal
    printed: Decimal = NOTHING

    def after(self, shown: Decimal) -> "Seen":
        """Return what is seen once another size is shown: what went without a print was cancelled."""
        cancelled = max(self.unexplained(shown), NOTHING)
        ahead = self.ahead - _whole(self.ahead * cancelled / self.shown, self.shown) if cancelled else self.ahead
        return Seen(min(ahead, shown), shown)

    def unexplained(self, shown: Decimal) -> Decimal:
        """Return how much less is shown than what was printed explains; below zero where more is shown."""
        return self.shown - self.printed - shown

    def served(self, size: Decimal) -> tuple["Seen", Decimal]:
        """Return what is seen after a print, and how much of it got to the order."""
        served = min(self.ahead, size)
        return Seen(self.ahead - served, self.shown, self.printed + size), size - served


@dataclass(slots=True)
class QueuePosition:
    """The size that stands before an order at its price.

    `ahead` is None while the market has not shown what stands there. Trades at the price serve the queue from the
    front. What goes without a trade was cancelled: IB's books do not say where in the queue, so the part before the
    order goes pro rata, in the pieces in which sizes are shown, and never more than is shown stands before it. Trades
    and quotes come by ways of their own: a trade after a smaller size explains that, as one before it would.
    """

    price: float
    _now: Seen | None = None
    _before: Seen | None = None  # the size was shown that is shown now

    @property
    def ahead(self) -> Decimal | None:
        """The size that stands before the order, None while that is not known."""
        return None if self._now is None else self._now.ahead

    @property
    def is_first(self) -> bool:
        """Whether nothing stands before the order."""
        return self._now is not None and not self._now.ahead

    def shows(self, size: float) -> None:
        """Take the size that the market shows at the price now."""
        shown = exact(size)
        self._before = self._now
        self._now = Seen(shown, shown) if self._now is None else self._now.after(shown)

    def prints(self, size: float) -> Decimal:
        """Take a trade at the price that its other side began, and return how much of it got to the order."""
        if self._now is None:
            return NOTHING
        rest, passed = exact(size), NOTHING
        late = min(max(self._before.unexplained(self._now.shown), NOTHING), rest) if self._before else NOTHING
        if self._before is not None and late:
            self._before, passed = self._before.served(late)
            self._now = self._before.after(self._now.shown)
        self._now, more = self._now.served(rest - late)
        return passed + more

    def passes(self) -> None:
        """Take note that nothing stands at the price any more."""
        self._now, self._before = Seen(NOTHING, NOTHING), None


def _whole(size: Decimal, like: Decimal) -> Decimal:
    """Return a size rounded down to the decimals of another, and to whole pieces at least."""
    exponent = like.as_tuple().exponent
    assert isinstance(exponent, int)
    return size.quantize(Decimal(1).scaleb(min(exponent, 0)), ROUND_DOWN)
