"""Units of time, and moments as microseconds since 1970, UTC: what times are stored in."""

from datetime import UTC, datetime, timedelta

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
SECOND_US = 1_000_000
MINUTE_US, HOUR_US, DAY_US = MINUTE_S * SECOND_US, HOUR_S * SECOND_US, DAY_S * SECOND_US
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return (moment - EPOCH) // _US


def moment_of(at_us: int) -> datetime:
    """Return the moment so many microseconds after 1970, UTC. Raises OverflowError beyond the calendar."""
    return EPOCH + at_us * _US
