"""Rates of margin as the broker asked for them lately: from recorded what-if orders, by name, moment and session.

No rate holds for all: a future takes less in the day than over night, and stocks take from a quarter to all they are
worth. So rates are what was seen, with their age, and nothing is made up where nothing was seen.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from capture.times import DAY_S, SECOND_US, moment_of

from .dated import Certainty
from .span_figures import ScanRange

FRESH_S = DAY_S  # a rate that was seen longer ago is stale


class Seen(NamedTuple):
    """What an order for so much of one name would have changed an account's margin by, in its currency.

    `session` is the word of the caller for the hours of the moment, such as regular or overnight. `value` is what the
    quantity stands for: position × price × multiplier.
    """

    name: str
    at_us: int
    session: str
    quantity: float
    value: float
    initial: float
    maintenance: float


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit takes, in money and as a share of what it stands for, and how that is known."""

    initial: float
    maintenance: float
    initial_share: float
    maintenance_share: float
    seen: Seen
    age_s: float
    is_stale: bool
    is_of_session: bool


def rate_at(seen: Iterable[Seen], name: str, at_us: int, session: str) -> Rate | None:
    """Return the rate of a name at a moment: the latest of its session, else the latest of any; None where none is.

    What was seen after the moment is not used, and neither are changes that are not above 0: those were of a hedge.
    """
    of_name = [one for one in seen if one.name == name and one.at_us <= at_us]
    usable = [one for one in of_name if one.quantity and one.value and one.maintenance > 0]
    latest = max(usable, key=lambda one: (one.session == session, one.at_us), default=None)
    if latest is None:
        return None
    size, worth, age_s = abs(latest.quantity), abs(latest.value), (at_us - latest.at_us) / SECOND_US
    return Rate(latest.initial / size, latest.maintenance / size, latest.initial / worth, latest.maintenance / worth,
                latest, age_s, age_s > FRESH_S, latest.session == session)  # fmt: skip


def seen_range(rate: Rate, listed: ScanRange) -> ScanRange:
    """Return the scan range of a future by what the broker asks to hold one: that is about its price scan range."""
    at = moment_of(rate.seen.at_us)
    return listed._replace(price=rate.maintenance, valid_from=at.date(), certainty=Certainty.SEEN,
                           source=f"what-if order at {at:%Y-%m-%d %H:%M} UTC, {rate.seen.session}")  # fmt: skip
