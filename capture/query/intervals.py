"""Sets of time as ordered lists of (from, to) in seconds, none touching the next."""

from collections.abc import Iterable

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


def total(spans: Spans) -> float:
    """Return how long the spans are together, in seconds."""
    return sum(end - start for start, end in spans)
