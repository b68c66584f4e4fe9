"""Since when something is as it is: whoever describes it now and then need not know when it changed."""

from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any


class Since:
    """Remembers of named things what they were, and since when: to the time between two looks."""

    def __init__(self) -> None:
        self._known: dict[Hashable, tuple[Any, str]] = {}

    def when(self, name: Hashable, value: Any) -> str:
        """Return since when a thing is as it is, as ISO 8601 in UTC; of one that is new or changed, now."""
        known = self._known.get(name)
        if known is None or known[0] != value:
            known = self._known[name] = value, datetime.now(UTC).isoformat(timespec="seconds")
        return known[1]
