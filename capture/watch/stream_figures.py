"""Figures of streams by kind and by venue: never by instrument, as an option chain would make thousands of series."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from capture.session.subscriptions import Life

from .metric import State

MOST_VENUES = 20  # by the number of their streams; the others are counted as one
OTHER_VENUES, NO_VENUE = "other", "unknown"


def by_state(state: State) -> dict[str, int]:
    """Return how many streams of a recorder are in each state, also in those that none is in."""
    found = Counter(stream["state"] for stream in state["streams"])
    return {life.value: found[life.value] for life in Life} if state["running"] else {}


def by_stream(figure: str, together: Callable[[Iterable[float]], float]) -> Callable[[State], dict[str, float]]:
    """Return what puts a figure of a recorder's streams together by kind of stream."""

    def read(state: State) -> dict[str, float]:
        found: dict[str, list[float]] = defaultdict(list)
        for stream in state["streams"]:
            if (value := stream.get(figure)) is not None:
                found[stream["stream"]].append(value)
        return {kind: together(values) for kind, values in found.items()}

    return read


def by_venue(read: Callable[[list[Mapping[str, Any]]], float | None]) -> Callable[[State], dict[str, float]]:
    """Return what reads a figure from the streams of each venue, of a recorder that runs."""

    def read_all(state: State) -> dict[str, float]:
        found = {venue: read(streams) for venue, streams in _venues(state).items()}
        return {venue: value for venue, value in found.items() if value is not None}

    return read_all


def _venues(state: State) -> dict[str, list[Mapping[str, Any]]]:
    if not state["running"]:
        return {}
    counts = Counter(stream.get("venue") or NO_VENUE for stream in state["streams"])
    named = {venue for venue, _ in counts.most_common(MOST_VENUES)}
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for stream in state["streams"]:
        venue = stream.get("venue") or NO_VENUE
        found[venue if venue in named else OTHER_VENUES].append(stream)
    return found


def expected_open(streams: list[Mapping[str, Any]]) -> float:
    """Return 1 while any of some streams trades by its contract's hours, or has none that are known; else 0."""
    return float(any(stream.get("market") != "closed" for stream in streams))


def newest_row_age_s(streams: list[Mapping[str, Any]]) -> float | None:
    """Return how long ago the newest row of some streams came, None where none ever did."""
    return min((age_s for stream in streams if (age_s := stream["last_row_age_s"]) is not None), default=None)


def silent(streams: list[Mapping[str, Any]]) -> float:
    """Return how many of some streams are silent against expectation."""
    return float(sum(stream["state"] == Life.SILENT for stream in streams))


def rows_per_second(streams: list[Mapping[str, Any]]) -> float:
    """Return the rows of some streams per second together."""
    return float(sum(stream["rows_per_second"] for stream in streams))


def coverage(state: State) -> float | None:
    """Return which share of a recorder's wanted streams is whole now: they flow, or need not; None while none runs."""
    if not state["running"] or not state["streams"]:
        return None
    whole = sum(stream["state"] in (Life.FLOWING, Life.ACKNOWLEDGED) for stream in state["streams"])
    return whole / len(state["streams"])
