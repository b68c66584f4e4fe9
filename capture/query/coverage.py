"""Coverage: how much trading time is in the lake, per instrument, stream and day, and what became of the rest."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from capture.lake.gaps import WATCHED
from capture.session.hours import parse_hours

from .intervals import Spans, difference, intersection, total, union

# Which table holds the rows of a stream.
TABLE_OF_STREAM = {
    "last": "trades", "all_last": "trades", "quotes": "quotes", "midpoints": "midpoints", "ticks": "ticks",
    "depth": "depth", "smart_depth": "depth", "bars": "bars", "live_bars": "bars",
}  # fmt: skip
assert TABLE_OF_STREAM.keys() == WATCHED

MINUTE_S = 60.0

_WANTED = """
select instrument_id, any_value(symbol) as symbol, stream, epoch(min(ts)) as since
from subscriptions where event = 'requested' and instrument_id is not null and stream in (select unnest($streams))
  and ($symbols = [] or symbol in (select unnest($symbols)))
group by instrument_id, stream order by symbol, stream
"""
_HOURS = "select instrument_id, time_zone, trading_hours, liquid_hours from instruments order by ts, seq"
_GAPS = """
select instrument_id, stream, state, epoch(from_ts) as from_s, epoch(coalesce(to_ts, now())) as to_s, reason from gaps
qualify row_number() over (partition by gap_id order by seq desc, "row" desc) = 1
"""
_MINUTES = """
select distinct instrument_id, stream, epoch(date_trunc('minute', ts)) as minute
from {table} where instrument_id is not null
"""

Key = tuple[int, str]
# Rows of the answer to an SQL query, given its parameters too.
Ask = Callable[..., list[dict[str, Any]]]


@dataclass(slots=True)
class _Facts:
    """What the lake knows of an instrument or one of its streams, in seconds since 1970."""

    trading: dict[int, Spans] = field(default_factory=lambda: defaultdict(list))
    zones: dict[int, str] = field(default_factory=dict)
    gaps: dict[tuple[Key, str], Spans] = field(default_factory=lambda: defaultdict(list))
    reasons: dict[Key, list[tuple[float, float, str]]] = field(default_factory=lambda: defaultdict(list))
    minutes: dict[Key, Spans] = field(default_factory=lambda: defaultdict(list))


def coverage(
    ask: Ask, symbols: list[str], heard_s: float, now_s: float, kept_s: Mapping[str, float] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Ask a lake, and return one dict per symbol, stream and day (the instrument's own calendar day), in this order.

    Times are seconds: `expected_s` is trading time since the stream was first asked for, up to now; of it `captured_s`
    had rows at least once a minute, `quiet_s` had none although nothing says that any were missing, `backfilled_s` was
    restored, `down_s` is missing, with `reasons`, and `unknown_s` is what came after the tape's last byte. `share` is
    what is not missing or unknown. `kept_s` says since when tables of which old rows were pruned are whole: what was
    before is left out. Instruments whose trading hours are not known count every hour as trading time.
    """
    parameters = {"streams": sorted(WATCHED), "symbols": symbols}
    wanted = ask(_WANTED, parameters)
    facts = _gather(ask, {row["stream"] for row in wanted})
    rows = []
    for want in wanted:
        key = (want["instrument_id"], want["stream"])
        span = (max(want["since"], kept_s.get(TABLE_OF_STREAM[want["stream"]], 0.0)), now_s)
        trading = facts.trading.get(key[0]) or [span]
        expected = intersection(union(trading), [span])
        for day, part in _by_day(expected, facts.zones.get(key[0], "UTC")):
            place = {"symbol": want["symbol"], "instrument_id": key[0], "stream": key[1], "day": day}
            rows.append(place | _classes(part, key, facts, heard_s))
    return rows


def _gather(ask: Ask, streams: set[str]) -> _Facts:
    facts = _Facts()
    for row in ask(_HOURS):
        hours = parse_hours(row["trading_hours"], row["liquid_hours"], row["time_zone"])
        if hours:
            facts.trading[row["instrument_id"]] += hours.trading
            facts.zones[row["instrument_id"]] = row["time_zone"]
    for row in ask(_GAPS):
        key = (row["instrument_id"], row["stream"])
        facts.gaps[key, row["state"]].append((row["from_s"], row["to_s"]))
        facts.reasons[key].append((row["from_s"], row["to_s"], row["reason"]))
    for table in sorted({TABLE_OF_STREAM[stream] for stream in streams}):
        for row in ask(_MINUTES.format(table=table)):
            facts.minutes[row["instrument_id"], row["stream"]].append((row["minute"], row["minute"] + MINUTE_S))
    return facts


def _classes(expected: Spans, key: Key, facts: _Facts, heard_s: float) -> dict[str, Any]:
    """Divide expected time among the classes, each moment in one only."""
    unknown = intersection(expected, [(heard_s, float("inf"))])
    known = difference(expected, unknown)
    restored = intersection(known, union(facts.gaps[key, "backfilled"]))
    missing = [span for state in ("open", "closed", "unavailable") for span in facts.gaps[key, state]]
    down = difference(intersection(expected, union(missing)), restored)
    unknown, known = difference(unknown, down), difference(difference(known, restored), down)
    captured = intersection(known, union(facts.minutes[key]))
    whole_s = total(expected)
    lost_s = total(down) + total(unknown)
    return {
        "expected_s": whole_s,
        "captured_s": total(captured),
        "quiet_s": total(difference(known, captured)),
        "backfilled_s": total(restored),
        "down_s": total(down),
        "unknown_s": total(unknown),
        "share": (whole_s - lost_s) / whole_s if whole_s else None,
        "reasons": sorted({why for start, end, why in facts.reasons[key] if intersection(down, [(start, end)])}),
    }


def _by_day(spans: Spans, zone: str) -> list[tuple[str, Spans]]:
    """Split spans at the midnights of a time zone."""
    where, days = ZoneInfo(zone), defaultdict[str, Spans](list)
    for start, end in spans:
        while start < end:
            local = datetime.fromtimestamp(start, where)
            midnight = datetime(local.year, local.month, local.day, tzinfo=where) + timedelta(days=1)
            edge = min(end, midnight.timestamp())
            days[local.date().isoformat()].append((start, edge))
            start = edge
    return sorted(days.items())
