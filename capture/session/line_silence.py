"""Whether a line still carries anything: one that is half open is silent, and never ends by itself."""

PROBE_AFTER_S = 15.0  # silence after which the gateway is asked for its time, and again each time as long
PROBE_DEADLINE_S = 30.0  # how long the first such question may go unanswered
LINE_QUIET_S = 2.5  # silence of the whole line after which it is asked before a stream is blamed


class LineSilence:
    """Since when a line is silent, and when it is asked, by the session's clock."""

    def __init__(self) -> None:
        self._heard_s = self._probe_s = self._asked_s = 0.0

    def heard(self, now_s: float) -> None:
        """Take note that bytes came."""
        self._heard_s, self._probe_s = now_s, now_s + PROBE_AFTER_S

    def asked(self, now_s: float) -> None:
        """Take note that the gateway is being asked for its time."""
        self._probe_s, self._asked_s = now_s + PROBE_AFTER_S, now_s

    def over_s(self) -> float:
        """Return when the line is given up, if nothing comes until then."""
        return self._heard_s + self.limit_s()

    def limit_s(self) -> float:
        """Return after how much silence that is."""
        return PROBE_AFTER_S + PROBE_DEADLINE_S

    def due_s(self) -> float:
        """Return when the gateway is to be asked, if nothing comes until then."""
        return self._probe_s

    def answers(self, now_s: float) -> bool:
        """Return whether the line carried something just now; where it did not, it is to be asked at once."""
        if now_s - self._heard_s <= LINE_QUIET_S:
            return True
        if self._asked_s <= self._heard_s:
            self._probe_s = now_s
        return False
