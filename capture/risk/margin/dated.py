"""Rows that hold from a date on: which of them held on a day."""

from collections.abc import Callable, Hashable, Iterable
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeVar


class Certainty(StrEnum):
    """How sure a figure is."""

    RULE = "rule"  # text of a regulator's or an exchange's rule
    PUBLISHED = "published"  # by the broker or the clearing house, or by a page that lists their figures
    UNVERIFIED = "unverified"  # recalled, rounded, or read where nobody vouches for it
    SEEN = "seen"  # asked of the broker at one moment
    OWN = "own"  # given by the user


class Dated(Protocol):
    """A row that holds from a date until a later row of the same key."""

    @property
    def valid_from(self) -> date:
        """The first day on which it holds."""

    @property
    def source(self) -> str:
        """Whence it is."""

    @property
    def certainty(self) -> Certainty:
        """How sure it is."""


Row = TypeVar("Row", bound=Dated)
Key = TypeVar("Key", bound=Hashable)


def held_on(day: date, rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, Row]:
    """Return the row of each key that held on a day; keys that came later have none."""
    return {key(row): row for row in sorted(rows, key=lambda row: row.valid_from) if row.valid_from <= day}


def held_or_oldest(day: date, rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, Row]:
    """Return the row of each key that held on a day; of keys that came later their oldest."""
    given = list(rows)
    oldest = {key(row): row for row in sorted(given, key=lambda row: row.valid_from, reverse=True)}
    return oldest | held_on(day, given, key)
