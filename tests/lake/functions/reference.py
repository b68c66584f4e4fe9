"""What the research functions must answer, worked out row by row in plain Python from the rows that were written."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from capture.query.intervals import Spans, difference, totals, union

Row = dict[str, Any]
STREAMS = {"trades": ("all_last", "last", "history"), "quotes": ("quotes", "history"),
           "midpoints": ("midpoints", "history")}  # fmt: skip


def place(row: Row) -> tuple[Any, ...]:
    return (row["ts"], row["seq"], row["row"])


def once(rows: Iterable[Row], table: str = "trades") -> list[Row]:
    """Return each event once: a recorder per instrument and date, of trades `all_last` from its first to its last."""
    by_day: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        if row["stream"] in STREAMS[table]:
            by_day[row["instrument_id"], row["ts"].date()].append(row)
    found: list[Row] = []
    for day in by_day.values():
        counts = Counter[str]()
        for stream in ("last", "all_last"):  # a trade that came by both is one
            counts |= Counter(row["recorder"] for row in day if row["stream"] != stream)
        best = min(counts, key=lambda name: (-counts[name], name))
        found += _of_best([row for row in day if row["recorder"] == best])
    kept = [row for row in found if table == "quotes" or (row["price"] is not None and not row.get("unreported"))]
    return sorted(kept, key=lambda row: (row["symbol"], *place(row)))


def _of_best(day: list[Row]) -> list[Row]:
    times = [row["ts"] for row in day if row["stream"] == "all_last"]
    if not times:
        return day
    return [row for row in day if row["stream"] != "last" or not min(times) <= row["ts"] <= max(times)]


def missing(gaps: Iterable[Row], rows: Iterable[Row], streams: tuple[str, ...], table: str) -> dict[str, Spans]:
    """Return per symbol the missing time, in epoch seconds; of `last` only what is outside the time of `all_last`."""
    picked = {(row["symbol"], row["ts"].date()): row["recorder"] for row in once(rows, table)}
    times: dict[Any, list[float]] = defaultdict(list)
    for row in rows:
        key = (row["symbol"], row["ts"].date())
        if row["stream"] == "all_last" and picked.get(key) == row["recorder"]:
            times[key].append(row["ts"].timestamp())
    found: dict[str, Spans] = defaultdict(list)
    for gap in gaps:
        if gap["state"] != "backfilled" and gap["stream"] in streams:
            for date, span in _by_day(gap["from_ts"], gap["to_ts"]):
                key = (gap["symbol"], date)
                if picked.get(key, gap["recorder"]) == gap["recorder"]:
                    apart = times[key] if gap["stream"] == "last" else []
                    found[gap["symbol"]] += difference([span], [(min(apart), max(apart))] if apart else [])
    return {symbol: union(spans) for symbol, spans in found.items()}


def _by_day(start: datetime, end: datetime) -> Iterable[tuple[date, tuple[float, float]]]:
    while start < end:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        yield start.date(), (start.timestamp(), min(end, midnight).timestamp())
        start = min(end, midnight)


def gap_s(lost: dict[str, Spans], symbol: str, since: datetime, until: datetime) -> float:
    return totals(union(lost.get(symbol, [])), [(since.timestamp(), until.timestamp())])[0]


def floor(ts: datetime, width: timedelta) -> datetime:
    midnight = datetime(2000, 1, 3, tzinfo=UTC)
    return ts - (ts - midnight) % width


def grouped(rows: Iterable[Row], width: timedelta) -> dict[tuple[str, datetime], list[Row]]:
    groups: dict[tuple[str, datetime], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["symbol"], floor(row["ts"], width)].append(row)
    return groups


def ohlc(prices: list[float]) -> Row:
    if not prices:
        return dict.fromkeys(("open", "high", "low", "close"))
    return {"open": prices[0], "high": max(prices), "low": min(prices), "close": prices[-1]}


def traded(rows: list[Row]) -> Row:
    volume = sum(row["size"] for row in rows)
    turnover = sum(row["price"] * row["size"] for row in rows)
    return {**ohlc([row["price"] for row in rows]), "volume": volume, "vwap": turnover / volume if volume else None,
            "trades": len(rows)}  # fmt: skip


def twap(rows: list[Row], since: datetime, until: datetime) -> tuple[float, float]:
    """Return the average over [since, until) and the seconds that have a price; `rows` go back as far as need be."""
    weighed = held = 0.0
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        start, end = max(row["ts"], since), min(following["ts"] if following else until, until)
        if start < end:
            weighed += row["price"] * (end - start).total_seconds()
            held += (end - start).total_seconds()
    return (weighed / held, held) if held else (rows[-1]["price"], 0.0)
