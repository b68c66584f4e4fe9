"""How fast requests may go out: a token bucket, without a clock of its own."""


class TokenBucket:
    """Lets `per_second` requests through, and after a pause a quarter of that at once.

    With the default of 40 no second ever carries more than 50 requests: what IB allows at 100 market data lines.
    Times are seconds of any clock that never goes back.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.burst = max(per_second / 4, 1.0)
        self._tokens = self.burst
        self._at_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Take a token; False when there is none yet."""
        if self.wait_s(now_s) > 0:
            return False
        self._tokens -= 1
        return True

    def wait_s(self, now_s: float) -> float:
        """Return how long to wait for the next token, 0 when there is one."""
        elapsed_s = max(now_s - self._at_s, 0.0) if self._at_s is not None else 0.0
        self._at_s = now_s
        self._tokens = min(self._tokens + elapsed_s * self.per_second, self.burst)
        # Waiting for the exact moment can come out a rounding error short of a whole token.
        missing = 1 - self._tokens
        return missing / self.per_second if missing > 1e-9 else 0.0
