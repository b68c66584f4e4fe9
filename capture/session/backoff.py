"""How long to wait before the next try: twice as long each time, with jitter so that many do not come at once."""

from random import Random


class Backoff:
    """Waits that double from `first_s` up to `most_s`, each shortened by up to a quarter at random."""

    def __init__(self, first_s: float = 1.0, most_s: float = 60.0, random: Random | None = None) -> None:
        self.first_s, self.most_s = first_s, most_s
        self._random = random or Random()
        self._plain_s = first_s

    def next_s(self) -> float:
        """Return how long to wait this time."""
        plain_s, self._plain_s = self._plain_s, min(self._plain_s * 2, self.most_s)
        return plain_s * self._random.uniform(0.75, 1.0)

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._plain_s = self.first_s
