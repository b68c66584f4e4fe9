"""When orders for an instrument work, out of its contract details: in its regular hours, or in its whole sessions."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from capture.gateway.broker.security import Security
from capture.times import DAY_US, SECOND_US
from capture.wanted.hours import parse_hours

REGULAR_ONLY = ("STK", "OPT", "WAR", "FUND", "BOND")  # an order for others works as long as they trade


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions as moments since 1970, (opens, closes), in order; before the first and from `end_us` on all is open."""

    spans: tuple[tuple[int, int], ...] = ()
    end_us: int = 0

    def is_open(self, at_us: int) -> bool:
        """Return whether a moment is in a session; True where the hours of that time are not known."""
        return not self._knows(at_us) or self.begun_us(at_us) is not None

    def begun_us(self, at_us: int) -> int | None:
        """Return when the session of a moment began, None outside of all."""
        place = bisect_right(self.spans, (at_us, 1 << 62)) - 1
        return self.spans[place][0] if place >= 0 and at_us < self.spans[place][1] else None

    def opens_us(self, at_us: int) -> int | None:
        """Return when the next session begins, None where that is not known."""
        return next((opens for opens, _ in self.spans if opens > at_us), None)

    def closes_us(self, at_us: int) -> int | None:
        """Return when the session ends that goes on, or else the next one; None where that is not known.

        One that goes on for days ends each day at the time at which it began.
        """
        for opens, closes in self.spans:
            if closes > at_us:
                return min(closes, opens + (max(at_us - opens, 0) // DAY_US + 1) * DAY_US)
        return None

    def _knows(self, at_us: int) -> bool:
        return bool(self.spans) and self.spans[0][0] - DAY_US <= at_us < self.end_us


def sessions(security: Security, outside_regular: bool) -> Sessions:
    """Return when an order for an instrument works: with `outside_regular`, in its whole sessions."""
    whole = outside_regular or security.sec_type not in REGULAR_ONLY
    return _sessions(*_texts(security), not whole)


def regular_sessions(security: Security) -> Sessions:
    """Return the regular hours of an instrument of any kind."""
    return _sessions(*_texts(security), True)


def has_extended(security: Security) -> bool:
    """Return whether an instrument trades outside of its regular hours, too, or never closes, or nobody knows."""
    whole = sessions(security, True).spans
    return len(whole) < 2 or whole != regular_sessions(security).spans


def _texts(security: Security) -> tuple[str, str, str]:
    details = security.details
    return details.get("trading_hours") or "", details.get("liquid_hours") or "", details.get("time_zone_id") or ""


@lru_cache(1_024)
def _sessions(trading: str, liquid: str, zone: str, regular: bool) -> Sessions:
    hours = parse_hours(trading, liquid, zone)
    if hours is None:
        return Sessions()
    spans = hours.liquid if regular else hours.trading
    return Sessions(tuple((_us(opens), _us(closes)) for opens, closes in spans), _us(hours.end_s))


def _us(moment_s: float) -> int:
    return round(moment_s * SECOND_US)
