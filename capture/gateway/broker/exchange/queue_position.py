"""Where a resting order stands in the queue at its price, by what was printed and what was taken away."""

from dataclasses import dataclass


@dataclass(slots=True)
class QueuePosition:
    """The size that stands before an order at its price.

    `ahead` is None while the market has not shown what stands there. Trades at the price serve the queue from the
    front. What goes without a trade was cancelled: IB's books do not say where in the queue, so the part before the
    order goes pro rata, and never more than is shown stands before it.
    """

    price: float
    ahead: float | None = None
    _shown: float = 0.0
    _printed: float = 0.0  # traded at the price since the market showed a size

    def shows(self, size: float) -> None:
        """Take the size that the market shows at the price now."""
        if self.ahead is None:
            self.ahead = size
        else:
            gone = self._shown - self._printed - size
            if gone > 0 and self._shown > 0:
                self.ahead -= self.ahead * min(gone / self._shown, 1.0)
            self.ahead = min(self.ahead, size)
        self._shown, self._printed = size, 0.0

    def prints(self, size: float) -> float:
        """Take a trade at the price that its other side began, and return how much of it got to the order."""
        if self.ahead is None:
            return 0.0
        served = min(self.ahead, size)
        self.ahead -= served
        self._printed += size
        return size - served

    def passes(self) -> None:
        """Take note that nothing stands at the price any more."""
        self.ahead, self._shown, self._printed = 0.0, 0.0, 0.0
