"""Coverage: how much trading time is in the lake, per instrument, stream and day, and what became of the rest."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from capture.lake.event_time import LAG_SQL
from capture.lake.gaps import WATCHED
from capture.lake.sql import NEWEST_GAPS
from capture.session.hours import parse_hours
from capture.wire.zones import exchange_zone

from .intervals import Spans, difference, intersection, total, union

# Which table holds the rows of a stream.
TABLE_OF_STREAM = {
    "last": "trades", "all_last": "trades", "quotes": "quotes", "midpoints": "midpoints", "ticks": "ticks",
    "depth": "depth", "smart_depth": "depth", "bars": "bars", "live_bars": "bars",
}  # fmt: skip
assert TABLE_OF_STREAM.keys() == WATCHED

MINUTE_S = 60.0

_WANTED = """
select instrument_id, symbol, stream, recorder, event, request_id, epoch(ts) as at from subscriptions
where event in ('requested', 'cancelled', 'unwanted')
  and instrument_id is not null and stream in (select unnest($streams))
  and ($symbols = [] or symbol in (select unnest($symbols)))
order by symbol, stream, recorder, subscriptions.ts, seq, "row"
"""
_HOURS = "select instrument_id, time_zone, trading_hours, liquid_hours from instruments order by ts, seq, row"
_GAPS = f"""
select instrument_id, stream, recorder, state, reason, epoch(from_ts) as from_s, epoch(coalesce(to_ts, now())) as to_s
from {NEWEST_GAPS}
"""
_MINUTES = """
select distinct instrument_id, stream, epoch(date_trunc('minute', ts)) as minute
from {table} where instrument_id is not null
  and date >= coalesce(to_timestamp($start_s)::date, '-infinity'::date)
  and date <= coalesce(to_timestamp($end_s)::date, 'infinity'::date)
"""

# How late rows came, by the instrument's own day.
_LAGS = """
select instrument_id, stream, day, median(lag_s) as lag_p50_s, max(lag_s) as lag_max_s
from (select instrument_id, stream, timezone(coalesce(zone, 'UTC'), ts)::date::varchar as day, {lag_s} as lag_s
      from {table} left join (select unnest($ids::bigint[]) as instrument_id, unnest($zones::varchar[]) as zone)
      using (instrument_id)
      where date >= coalesce(to_timestamp($start_s)::date, '-infinity'::date)
        and date <= coalesce(to_timestamp($end_s)::date, 'infinity'::date))
where lag_s is not null group by all
"""
NO_LAG = {"lag_p50_s": None, "lag_max_s": None}

MISSING = ("open", "closed", "unavailable")

Key = tuple[int, str]  # instrument and stream
# Rows of the answer to an SQL query, given its parameters too.
Ask = Callable[..., list[dict[str, Any]]]


@dataclass(slots=True)
class _Facts:
    """What the lake knows of an instrument or one of its streams, in seconds since 1970."""

    trading: dict[int, Spans] = field(default_factory=lambda: defaultdict(list))
    zones: dict[int, str] = field(default_factory=dict)
    gaps: dict[tuple[Key, str], Spans] = field(default_factory=lambda: defaultdict(list))  # by recorder
    restored: dict[Key, Spans] = field(default_factory=lambda: defaultdict(list))
    reasons: dict[Key, list[tuple[float, float, str]]] = field(default_factory=lambda: defaultdict(list))
    minutes: dict[Key, Spans] = field(default_factory=lambda: defaultdict(list))
    lags: dict[tuple[Key, str], dict[str, float]] = field(default_factory=dict)  # by day


@dataclass(slots=True)
class _Wanted:
    """A stream, and when each recorder wanted it."""

    instrument_id: int
    stream: str
    spans: dict[str, Spans] = field(default_factory=lambda: defaultdict(list))


def coverage(
    ask: Ask, symbols: list[str], heard_s: Mapping[str, float], now_s: float,
    kept_s: Mapping[str, float] = MappingProxyType({}), span_s: tuple[float | None, float | None] = (None, None),
    streams: Iterable[str] = WATCHED,
) -> list[dict[str, Any]]:
    """Ask a lake, and return one dict per symbol, stream and day (the instrument's own calendar day), in this order.

    Only time in `span_s`, [from, to) in seconds since 1970, counts, None for no limit, and only some streams.

    Times are seconds: `expected_s` is trading time since the stream was first asked for, up to now, but for what came
    after it was given up; of it `captured_s` had rows at least once a minute, `quiet_s` had none although nothing says
    that any were missing, `backfilled_s` was restored, `down_s` is missing, with `reasons`, and `unknown_s` came after
    the last byte on the tapes: `heard_s` says when that was, by recorder. Where several recorders wanted a stream it is
    there as soon as one of them had it. `share` is what is not missing or unknown. `kept_s` says since when tables of
    which old rows were pruned are whole: what was before is left out. `lag_p50_s` and `lag_max_s` say
    how late rows came that day, half of them and the most, up to 1 s too much as IB's times are whole seconds; None
    where IB gives the stream no times. Instruments whose trading hours are not known
    count every hour as trading time.
    """
    parameters = {"streams": sorted(streams), "symbols": symbols}
    events = ask(_WANTED, parameters)
    facts = _gather(ask, {event["stream"] for event in events}, {"start_s": span_s[0], "end_s": span_s[1]})
    start_s, end_s = (now_s if at is None else at for at in (span_s[0] or 0.0, span_s[1]))
    rows = []
    for (symbol, *_), wanted in _wanted(events, now_s).items():
        key = (wanted.instrument_id, wanted.stream)
        kept = [(max(start_s, kept_s.get(TABLE_OF_STREAM[wanted.stream], 0.0)), min(now_s, end_s))]
        asked = intersection(union(span for spans in wanted.spans.values() for span in spans), kept)
        trading = facts.trading.get(key[0])
        expected = intersection(union(trading), asked) if trading else asked
        zone = facts.zones.get(key[0], "UTC")
        for day, part in _by_day(expected, zone):
            place = {"symbol": symbol, "instrument_id": key[0], "stream": key[1], "day": day, "zone": zone}
            rows.append(place | _classes(part, wanted, facts, heard_s) | facts.lags.get((key, day), NO_LAG))
    return rows


def _wanted(events: list[dict[str, Any]], now_s: float) -> dict[tuple[str, str, int], _Wanted]:
    """Return who wanted each stream when: from its first request to the cancel of the last one, to the
    start that no longer wants it, or to now."""
    found: dict[tuple[str, str, int], _Wanted] = {}
    last: dict[tuple[int, str, str], int] = {}  # the newest request of each recorder's stream
    for event in events:
        instrument_id, stream, recorder = event["instrument_id"], event["stream"], event["recorder"]
        one = found.setdefault((event["symbol"], stream, instrument_id), _Wanted(instrument_id, stream))
        spans = one.spans[recorder]
        is_open = bool(spans) and spans[-1][1] == now_s
        if event["event"] == "requested":
            last[instrument_id, stream, recorder] = event["request_id"]
            if not is_open:
                spans.append((event["at"], now_s))
        elif is_open and last[instrument_id, stream, recorder] == event["request_id"]:
            spans[-1] = (spans[-1][0], event["at"])
    return found


def _gather(ask: Ask, streams: set[str], span: Mapping[str, float | None]) -> _Facts:
    facts = _Facts()
    for row in ask(_HOURS):
        hours = parse_hours(row["trading_hours"], row["liquid_hours"], row["time_zone"])
        if hours:
            facts.trading[row["instrument_id"]] += hours.trading
            facts.zones[row["instrument_id"]] = str(exchange_zone(row["time_zone"]))
    for row in ask(_GAPS):
        key = (row["instrument_id"], row["stream"])
        spans = facts.gaps[key, row["recorder"]] if row["state"] in MISSING else facts.restored[key]
        spans.append((row["from_s"], row["to_s"]))
        facts.reasons[key].append((row["from_s"], row["to_s"], row["reason"]))
    for table in sorted({TABLE_OF_STREAM[stream] for stream in streams}):
        for row in ask(_MINUTES.format(table=table), span):
            facts.minutes[row["instrument_id"], row["stream"]].append((row["minute"], row["minute"] + MINUTE_S))
        zones = {"ids": list(facts.zones), "zones": list(facts.zones.values())}
        for row in ask(_LAGS.format(table=table, lag_s=LAG_SQL[table]), {**span, **zones}) if table in LAG_SQL else ():
            key = (row["instrument_id"], row["stream"])
            facts.lags[key, row["day"]] = {name: row[name] for name in NO_LAG}
    return facts


def _classes(expected: Spans, wanted: _Wanted, facts: _Facts, heard_s: Mapping[str, float]) -> dict[str, Any]:
    """Divide expected time among the classes, each moment in one only."""
    key = (wanted.instrument_id, wanted.stream)
    had: Spans = []
    unsure: Spans = []
    for recorder, spans in wanted.spans.items():
        whole, heard = difference(union(spans), union(facts.gaps[key, recorder])), heard_s.get(recorder, 0.0)
        had += intersection(whole, [(0.0, heard)])
        unsure += intersection(whole, [(heard, float("inf"))])
    lost = difference(expected, union(had))
    restored = intersection(difference(expected, union(unsure)), union(facts.restored[key]))
    unknown = difference(intersection(lost, union(unsure)), restored)
    down = difference(difference(lost, unknown), restored)
    known = difference(difference(difference(expected, restored), down), unknown)
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
