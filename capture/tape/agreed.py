"""What those who write a tape and those who roll it agree upon, as neither imports the other."""

from capture.schemas import TABLES

# Notes: before a request to IB's history, with its request_id and what is wanted of the answer (from, to: whole
# seconds since 1970, both included; gap_id or null); and once a gap needs no more requests (gap_id, state, reason).
BACKFILL, BACKFILLED = "backfill", "backfilled"
# Note: after an answer (request_id) that gave as many rows of one second (second, rows) as IB gives at most, so that
# nobody knows whether there were more. gap_id is that of the gap it was asked for, or null.
CUT = "history cut"

# Note: once a recorder that was started knows its contracts, and when it leaves, what it wants from then on; streams:
# instrument_id (null where IB did not say it; `symbol` is then what it begins with), symbol, stream, bar_size, what.
WANTED = "wanted"

# In a note: the request that the recorder takes as refused, as its rows did not come after a code that may mean so.
REFUSED = "refused_request_id"

# File beside the tape that says how far it is rolled, and which gaps wait for history.
ROLLED = "rolled.json"

# File of a data folder that lists damaged files of the archive: path (below it), why, repair, found (ISO 8601).
DAMAGED = "sealed/damaged.json"

# How long to keep what: days per word, which is the name of a table, TABLES for all that are not named, or TAPE. What
# no word says is kept for ever, and so is what says what other rows mean, and which are missing.
RETENTION_TABLES, RETENTION_TAPE = "tables", "tape"
KEPT_FOR_EVER = frozenset({"instruments", "sessions", "subscriptions", "gaps"})
LEAST_DAYS = 2  # a date must be over everywhere, and sealed


def retention_fault(days: dict[str, int]) -> str | None:
    """Return in words what is wrong with days per word; None for nothing."""
    allowed = [name for name in TABLES if name not in KEPT_FOR_EVER] + [RETENTION_TABLES, RETENTION_TAPE]
    for word, count in days.items():
        if word in KEPT_FOR_EVER:
            return f"{word} is kept for ever: it says what rows of other tables mean, and which are missing"
        if word not in allowed:
            return f"there is nothing named {word!r} to keep; there are {', '.join(allowed)}"
        if count < LEAST_DAYS:
            return f"{word} = {count}: the least is {LEAST_DAYS} days"
    return None
