"""Sets of time as ordered lists of (from, to) in seconds, none touching the next."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Spans = list[tuple[float, float]]


def union(spans: Iterable[tuple[float, float]]) -> Spans:
    """Return the spans in order, those that touch made one and empty ones left out."""
    joined: Spans = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def intersection(some: Spans, others: Spans) -> Spans:
    """Return the time that is in both."""
    common: Spans = []
    i = j = 0
    while i < len(some) and j < len(others):
        start, end = max(some[i][0], others[j][0]), min(some[i][1], others[j][1])
        if start < end:
            common.append((start, end))
        if some[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return common


def difference(some: Spans, others: Spans) -> Spans:
    """Return the time that is in the first but not in the second."""
    edges = [-float("inf"), *(edge for span in others for edge in span), float("inf")]
    between = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2)]
    return intersection(some, [span for span in between if span[0] < span[1]])


def totals(spans: Spans, parts: Sequence[tuple[float, float]]) -> list[float]:
    """Return how long the spans are within each of some parts of time, in seconds, to the microsecond."""
    if not spans:
        return [0.0] * len(parts)
    starts, ends = np.array(spans).T
    lengths = ends - starts
    before = np.concatenate(([0.0], np.cumsum(lengths)))

    def up_to(moments: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        last = np.searchsorted(starts, moments, side="right") - 1
        within = np.clip(moments - starts[last], 0.0, lengths[last])
        return np.where(last < 0, 0.0, before[last] + within)

    edges = np.array(parts, float).reshape(-1, 2)
    found: list[float] = (up_to(edges[:, 1]) - up_to(edges[:, 0])).round(6).tolist()
    return found
