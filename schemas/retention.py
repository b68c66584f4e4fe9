"""How long rows and tapes are kept: the words of `[retention]`, and what may not go."""

from .tables import TABLES

# How long to keep what: days per word, which is the name of a table, TABLES for all that are not named, or TAPE. What
# no word says is kept for ever, and so is what says what other rows mean, and which are missing.
RETENTION_TABLES, RETENTION_TAPE = "tables", "tape"
KEPT_FOR_EVER = frozenset(table.name for table in TABLES.values() if table.kept_for_ever)
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
