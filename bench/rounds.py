"""What a benchmark measured, round by round, for who compares afterwards: JSON lines in a file, where one is named.

`bench.all` names the file in TICKTAPE_BENCH_ROUNDS; without it nothing is kept, and a benchmark only prints.
"""

import json
import os
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

KEPT_IN = "TICKTAPE_BENCH_ROUNDS"

Measures = dict[str, dict[str, list[float]]]  # measure -> who -> a value for each round


def note(measure: str, who: str, values: Iterable[float]) -> None:
    """Keep what somebody reached in each round, where that is asked for."""
    if path := os.environ.get(KEPT_IN):
        with Path(path).open("a") as file:
            file.write(json.dumps({"measure": measure, "who": who, "values": list(values)}) + "\n")


def read(path: Path) -> Measures:
    """Return what was kept in a file; what was kept twice, as it was the last time."""
    found: Measures = {}
    for line in path.read_text().splitlines():
        said = json.loads(line)
        found.setdefault(said["measure"], {})[said["who"]] = said["values"]
    return found


class Spread(NamedTuple):
    """The median of some rounds, and their least and most."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of what was reached in some rounds, of which there is at least one."""
    return Spread(statistics.median(values), min(values), max(values))


def times_as_fast(ours: Sequence[float], theirs: Sequence[float], more_is_better: bool) -> Spread:
    """Return how many times as fast as somebody else we are, round by round; more than 1 is faster."""
    assert ours and len(ours) == len(theirs), "both take part in each round"
    pairs = zip(ours, theirs, strict=True)
    return spread([mine / other if more_is_better else other / mine for mine, other in pairs])
