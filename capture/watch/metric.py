"""What a metric is, and how figures of recorders and of the lake become its samples."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from .condition import Condition

State = Mapping[str, Any]
Sample = tuple[tuple[str, ...], float]  # the values of its labels, and its own


class Metric(NamedTuple):
    """A metric: its name without `ticktape_`, type (gauge or counter), what it says, its labels, whence, and how.

    Units are in the names, as Prometheus wants: seconds, bytes, ratio; counters end in _total.
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...]
    source: str
    samples: Callable[[Condition], Iterable[Sample]]

    @property
    def full_name(self) -> str:
        """The name under which it is exposed."""
        return f"ticktape_{self.name}"

    @property
    def unit(self) -> str:
        """Its unit in words, of a plain number nothing."""
        plain = self.name.removesuffix("_total")
        return next((unit for suffix, unit in _UNITS.items() if plain.endswith(suffix)), "")


_UNITS = {"_timestamp_seconds": "s since 1970", "_bytes_per_second": "bytes/s", "_per_second": "1/s", "_seconds": "s",
          "_bytes": "bytes", "_ratio": "0 to 1"}


def of_recorders(read: Callable[[State], float | None]) -> Callable[[Condition], Iterator[Sample]]:
    """Return samples of one figure of each recorder; none where it is not known."""

    def samples(condition: Condition) -> Iterator[Sample]:
        for state in condition.recorders:
            value = read(state)
            if value is not None:
                yield (state["recorder"],), float(value)

    return samples


def by_label(read: Callable[[State], Mapping[str, float]]) -> Callable[[Condition], Iterator[Sample]]:
    """Return samples of figures of each recorder that have a label of their own, by its value."""

    def samples(condition: Condition) -> Iterator[Sample]:
        for state in condition.recorders:
            for label, value in read(state).items():
                yield (state["recorder"], label), float(value)

    return samples


def of_lake(*path: str) -> Callable[[Condition], Iterator[Sample]]:
    """Return the sample of a figure of the lake, by the names that lead to it; none where it is not known."""

    def samples(condition: Condition) -> Iterator[Sample]:
        found: Any = condition.lake
        for name in path:
            found = None if found is None else found[name]
        if found is not None:
            yield (), found if isinstance(found, int | float) else epoch_s(found) or 0.0

    return samples


def said(name: str) -> Callable[[State], float | None]:
    """Return what reads a figure that a recorder says of itself."""
    return lambda state: state.get(name)


def epoch_s(at: str | datetime | None) -> float | None:
    """Return a time, also in ISO form, in seconds since 1970; None for none."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return None if moment is None else moment.timestamp()
