"""Offsets of portfolio margin: how gains of one group make up for losses of another, point by point."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from capture.option_prices import Floats


@dataclass(frozen=True, slots=True)
class Part:
    """What one group gains at each point, and the least that must be there for it; both in the base currency."""

    name: str
    changes: Floats  # (points,)
    minimum: float

    @property
    def loss(self) -> float:
        """The largest loss at any point, 0 where nothing is lost."""
        return max(float(-self.changes.min(initial=0.0)), 0.0)

    @property
    def requirement(self) -> float:
        """What the group requires alone: its largest loss, or its minimum where that is more."""
        return max(self.loss, self.minimum)

    @property
    def worst_point(self) -> int | None:
        """The point, from 0, at which most is lost; None where nothing is lost."""
        return int(self.changes.argmin()) if self.loss > 0 else None


def offset(name: str, parts: Sequence[Part], share: float) -> Part:
    """Return parts as one: at each point all losses, less a share of the gains; minima add up.

    What it requires is never more than what its parts require together. Gains of a single part are lessened, too: else
    a second part that gains and loses nothing would raise what a group above requires.
    """
    assert parts, "a group has parts"
    assert 0 <= share <= 1, "a share of gains is from 0 to 1"
    changes = np.stack([part.changes for part in parts])
    losses, gains = np.minimum(changes, 0.0).sum(axis=0), np.maximum(changes, 0.0).sum(axis=0)
    return Part(name, losses + share * gains, sum(part.minimum for part in parts))


def gather(parts: Sequence[Part], group_of: Mapping[str, str], share_of: Mapping[str, float]) -> list[Part]:
    """Return parts offset within their groups, in the order in which groups come; one without a group stays alone."""
    groups: dict[tuple[bool, str], list[Part]] = {}
    for part in parts:
        group = group_of.get(part.name, "")
        groups.setdefault((bool(group), group or part.name), []).append(part)
    return [offset(name, inside, share_of[name] if is_group else 1.0) for (is_group, name), inside in groups.items()]
