"""What was told of which trouble: troubles and a clock in, messages out; it does nothing itself.

A trouble that lasts is told once, told again only where it got worse, and told to be over once it has stayed away for
a while. One that comes and goes is one trouble: what comes back soon after its end must stay away twice as long.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FIRING, RESOLVED, HAPPENED = "firing", "resolved", "happened"
ALARM, WARNING, ROUTINE = "alarm", "warning", "routine"
_RANKS = {ROUTINE: 0, WARNING: 1, ALARM: 2}

MOST_ELAPSED_S = 30.0  # between two looks; of a longer time nobody knows how it was
MEMORY_S = 3600.0  # in which what comes back counts as the same
LONGEST_HOLD_S = 3600.0

Told = Mapping[str, Any]  # a trouble as plain values: key, kind, severity, name and more
Muted = Callable[[Told], bool]


@dataclass(slots=True)
class Entry:
    """A trouble, as it was last seen. It was there for `held_s` in all, and is away for `absent_s`: 0 while it is
    there, None before. It fires; `told` is the severity that people know of. `hold_s` is how long it must stay away to
    be over, None where it never fired; `calm_s` how long it does not fire, or was not seen while it does.
    """

    trouble: dict[str, Any]
    held_s: float = 0.0
    absent_s: float | None = None
    firing: bool = False
    told: str | None = None
    hold_s: float | None = None
    calm_s: float = 0.0

    @property
    def over(self) -> bool:
        """Whether nothing of it need be known any more."""
        forgotten = self.hold_s is None or self.calm_s >= MEMORY_S
        return not self.firing and self.told is None and not self.held_s and self.absent_s != 0 and forgotten


@dataclass(slots=True)
class Ledger:
    """The troubles of one alert. `for_s` is how long one lasts before it is told, `keep_firing_s` how long it stays
    away before it is over. With `quiet`, what is routine is not told, though what was told may become so.
    """

    for_s: float
    keep_firing_s: float
    quiet: bool = True
    entries: dict[str, Entry] = field(default_factory=dict)
    looked_s: float | None = None

    def look(self, now_s: float, troubles: Iterable[Told], muted: Muted) -> list[tuple[str, dict[str, Any]]]:
        """Take which troubles there are now, and return what is to be told: "firing" or "resolved", and the trouble.

        What is muted waits: once it is not, troubles that began meanwhile and last are told, and those that had been
        told and are over are told to be.
        """
        seen = {one["key"]: dict(one) for one in troubles}
        elapsed_s = 0.0 if self.looked_s is None else min(max(now_s - self.looked_s, 0.0), MOST_ELAPSED_S)
        self.looked_s = now_s
        for key, trouble in seen.items():
            self.entries.setdefault(key, Entry(trouble))
        for key, entry in self.entries.items():
            self._step(entry, seen.get(key), elapsed_s)
        news = [said for entry in self.entries.values() if (said := self._news(entry, muted))]
        self.entries = {key: entry for key, entry in self.entries.items() if not entry.over}
        return news

    def _step(self, entry: Entry, seen: dict[str, Any] | None, elapsed_s: float) -> None:
        entry.calm_s = 0.0 if entry.firing and seen else entry.calm_s + elapsed_s
        entry.trouble = seen or entry.trouble
        if seen is None:
            self._away(entry, elapsed_s)
        elif entry.firing:
            entry.absent_s = 0.0
        elif self.quiet and seen["severity"] == ROUTINE:
            entry.held_s, entry.absent_s = 0.0, None
        else:
            self._there(entry, elapsed_s)

    def _there(self, entry: Entry, elapsed_s: float) -> None:
        """Count for how long it is there; what came since the last look begins now."""
        entry.held_s += elapsed_s if entry.absent_s == 0 else 0.0
        entry.absent_s = 0.0
        if entry.held_s >= self.for_s:
            again = entry.hold_s if entry.calm_s < MEMORY_S else None
            entry.hold_s = self.keep_firing_s if again is None else min(again * 2, max(LONGEST_HOLD_S, again))
            entry.firing, entry.calm_s = True, 0.0

    def _away(self, entry: Entry, elapsed_s: float) -> None:
        entry.absent_s = (entry.absent_s or 0.0) + elapsed_s
        wanted_s = (entry.hold_s or 0.0) if entry.firing else self.for_s
        if entry.absent_s >= wanted_s:
            entry.firing, entry.held_s = False, 0.0

    def _news(self, entry: Entry, muted: Muted) -> tuple[str, dict[str, Any]] | None:
        severity = entry.trouble["severity"]
        worse = entry.told is None or _RANKS[severity] > _RANKS[entry.told]
        if entry.firing and worse and not muted(entry.trouble):
            entry.told = severity
            return FIRING, entry.trouble
        if not entry.firing and entry.told is not None and not muted(entry.trouble):
            entry.told = None
            return RESOLVED, entry.trouble
        return None

    def as_json(self) -> dict[str, Any]:
        """Return what is known as plain values."""
        return {"looked_s": self.looked_s, "entries": {key: asdict(entry) for key, entry in self.entries.items()}}

    def restore(self, said: Mapping[str, Any]) -> None:
        """Take up what `as_json` gave."""
        self.looked_s = said.get("looked_s")
        self.entries = {key: Entry(**entry) for key, entry in said.get("entries", {}).items()}
