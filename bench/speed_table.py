"""The table of speed: which row takes which measures, against whom, to what goal, and near which physical limit."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .rounds import Measures, Spread, spread, times_as_fast

OURS = "ticktape"
WORD_BYTES = 8  # of a value in a column, in memory


@dataclass(frozen=True)
class Row:
    """A row of the table: who of ours reached what in a measure, and what others did.

    Without `rivals` it is a figure in `unit`, of which the sum over `measures` counts; with some, how many times as
    fast as the best of them we are. `goal` is of the same kind. `limit` names the physical limit that it comes near,
    and `bytes_each` how many bytes one unit of it moves: a message's, or a row's.
    """

    what: str
    measures: tuple[str, ...]
    goal: float
    unit: str = "×"
    ours: str = OURS
    rivals: tuple[str, ...] = ()
    more_is_better: bool = False
    limit: str | None = None
    bytes_each: float | None = None


ANY = ("polars", "ArcticDB", "DuckDB's table")
_STEADY = "10,000 messages a second"

ROWS = (
    Row("decoding, per message", ("decoding",), 0.2, "µs", limit="memory"),
    Row("wire → tape → Parquet, one core", ("ingest, one core",), 16, rivals=("ib_async recorder",),
        more_is_better=True, limit="zstd"),
    Row("wire → tape → Parquet, two cores", ("ingest, two cores",), 25, rivals=("ib_async recorder",),
        more_is_better=True, limit="disk"),
    Row(f"recorder + roller at {_STEADY}", ("steady, recorder", "steady, roller"), 6, "% of a core"),
    Row(f"memory of both at {_STEADY}", ("memory, recorder", "memory, roller"), 200, "MiB"),
    *(Row(f"{what}, {state}", (f"{question}, {state}",), goal, rivals=rivals)
      for what, question, goal, rivals in (
          ("one symbol-day of quotes", "symbol_day", 1.0, ("polars", "ArcticDB")),
          ("one symbol's minute bars", "minute_bars", 1.0, ("ArcticDB",)),
          ("trades of a symbol-day with their quotes", "as_of", 1.0, ("polars", "ArcticDB")),
          ("last quotes of all", "last_quotes", 1 / 1.1, ANY),
          ("daily volume of all", "daily_volume", 1 / 1.1, ANY))
      for state in ("cold", "warm")),
    Row("replay, batches", ("columns",), 1.0, ours="ticktape .batches()",
        rivals=("databento to_ndarray()", "databento to_ndarray(count=65536)"), more_is_better=True, limit="memory",
        bytes_each=16 * WORD_BYTES),
    Row("replay, records", ("objects",), 1.0, ours="ticktape records, 10 columns",
        rivals=("databento records", "nautilus catalog.query(QuoteTick)"), more_is_better=True),
    Row("question beside a recorder, p99 from send to seen", ("freshness, p99",), 100, "ms"),
    Row("question beside a recorder, the last over the first", ("growing tail, last over first",), 1.2, "×"),
    Row("ticktape --help", ("ticktape --help",), 0.12, "s of CPU"),
    Row("import capture; open_lake", ("import capture; open_lake",), 0.4, "s of CPU"),
)


def table(rows: Iterable[Row], found: Measures) -> list[str]:
    """Return the table as lines of Markdown; a row of which nothing is kept says so."""
    lines = ["| what | reached | rounds | goal | of the physical limit |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        reached = spread_of(row, found)
        goal = f"{'≥' if row.rivals else '≤'} {row.goal:.3g} {row.unit}"
        if reached is None:
            lines.append(f"| {row.what} | not measured | | {goal} | |")
            continue
        there = reached.median >= row.goal if row.rivals else reached.median <= row.goal
        bold = "**" if there else ""
        lines.append(f"| {row.what} | {bold}{reached.median:.3g} {row.unit}{bold} | {reached.least:.3g} to "
                     f"{reached.most:.3g} | {goal} | {_share_text(row, found)} |")
    return lines


def spread_of(row: Row, found: Measures) -> Spread | None:
    """Return what a row reached: a figure, or how many times as fast as the best rival; None where it is not known."""
    if any(row.ours not in found.get(measure, {}) for measure in row.measures):
        return None
    if not row.rivals:
        each = [found[measure][row.ours] for measure in row.measures]
        return spread([sum(values) for values in zip(*each, strict=True)])
    (measure,) = row.measures
    ours = found[measure][row.ours]
    ratios = list(_ratios(row, ours, found[measure]))
    return min(ratios, default=None)  # to whom we are the least fast: the best of them


def _ratios(row: Row, ours: list[float], by_who: dict[str, list[float]]) -> Iterator[Spread]:
    for rival in row.rivals:
        if rival in by_who:
            yield times_as_fast(ours, by_who[rival], row.more_is_better)


def share_of_limit(row: Row, found: Measures) -> float | None:
    """Return which share of its physical limit a row reached, None where that is not known or there is none."""
    machine = found.get(f"limit: {row.limit}", {}).get("machine")
    (bytes_each,) = found.get("bytes of a message", {}).get(OURS) or (None,)
    bytes_each = row.bytes_each or bytes_each
    ours = found.get(row.measures[0], {}).get(row.ours)
    if not machine or not ours or bytes_each is None:
        return None
    per_second = spread(ours).median if row.more_is_better else 1e6 / spread(ours).median  # else it is in µs
    return per_second * bytes_each / spread(machine).median


def _share_text(row: Row, found: Measures) -> str:
    share = share_of_limit(row, found)
    return "" if share is None else f"{share:.2g} of {row.limit}"
