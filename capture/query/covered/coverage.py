"""Coverage: how much trading time is in the lake, per instrument, stream and day, and what became of the rest."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from capture.lake.sql_text import NEWEST_GAPS
from capture.query.intervals import Spans, difference, intersection, totals, union
from capture.wanted.hours import parse_hours
from capture.wire.messages.live_streams import LIVE_STREAMS, TABLE_OF_STREAM
from capture.wire.zones import exchange_zone

from .instrument_days import InstrumentDays, SpanS, among

# Trading hours that IB names are of the days before and after the one on which it names them, not of more.
HOURS_AHEAD_S = 40 * 86_400.0
HOURS_BEHIND_S = 7 * 86_400.0

_WANTED = """
select instrument_id, symbol, stream, recorder, event, request_id, epoch(ts) as at from subscriptions
where event in ('requested', 'cancelled', 'unwanted')
  and instrument_id is not null and stream in (select unnest($streams))
  and ($symbols = [] or symbol in (select unnest($symbols)))
order by symbol, stream, recorder, subscriptions.ts, seq, "row"
"""
_HOURS = """
select instrument_id, time_zone, trading_hours from instruments
where {of_instruments} and {of_dates} order by ts, recorder, seq, "row"
"""
_GAPS = f"""
select instrument_id, stream, recorder, state, reason, epoch(from_ts) as from_s, epoch(coalesce(to_ts, now())) as to_s
from {NEWEST_GAPS} where {{of_instruments}}
  and coalesce(to_ts, now()) >= coalesce(to_timestamp($start_s), '-infinity')
  and from_ts <= coalesce(to_timestamp($end_s), 'infinity')
"""
_OF_DATES = """
  date >= coalesce(to_timestamp($start_s)::date, '-infinity'::date)
  and date <= coalesce(to_timestamp($end_s)::date, 'infinity'::date)
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
    reasons: dict[Key, dict[str, Spans]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    minutes: dict[Key, Spans] = field(default_factory=lambda: defaultdict(list))
    lags: dict[tuple[Key, str], dict[str, float]] = field(default_factory=dict)  # by day


@dataclass(slots=True)
class _Wanted:
    """A stream, and when each recorder wanted it."""

    instrument_id: int
    stream: str
    spans: dict[str, Spans] = field(default_factory=lambda: defaultdict(list))


def coverage(
    ask: Ask, days: InstrumentDays, symbols: list[str], heard_s: Mapping[str, float], now_s: float,
    kept_s: Mapping[str, float] = MappingProxyType({}), span_s: SpanS = (None, None),
    streams: Iterable[str] = LIVE_STREAMS,
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
    instruments = {event["instrument_id"] for event in events}
    facts = _gather(ask, days, {event["stream"] for event in events}, instruments, bool(symbols), span_s)
    start_s, end_s = (now_s if at is None else at for at in (span_s[0] or 0.0, span_s[1]))
    rows = []
    for (symbol, *_), wanted in _wanted(events, now_s).items():
        key = (wanted.instrument_id, wanted.stream)
        kept = [(max(start_s, kept_s.get(TABLE_OF_STREAM[wanted.stream], 0.0)), min(now_s, end_s))]
        asked = intersection(union(span for spans in wanted.spans.values() for span in spans), kept)
        trading = facts.trading.get(key[0])
        expected = intersection(union(trading), asked) if trading else asked
        zone = facts.zones.get(key[0], "UTC")
        for day, told in _by_day(expected, zone, wanted, facts, heard_s):
            place = {"symbol": symbol, "instrument_id": key[0], "stream": key[1], "day": day, "zone": zone}
            rows.append(place | told | facts.lags.get((key, day), NO_LAG))
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


def _gather(
    ask: Ask, days: InstrumentDays, streams: set[str], instruments: set[int], some: bool, span_s: SpanS
) -> _Facts:
    """Return what is known of instruments, `some` or all that there are, and of streams in a span of time."""
    facts = _Facts()
    asked = instruments if some else None
    limits = {"of_instruments": among(asked), "of_dates": _OF_DATES}
    span = {"start_s": span_s[0], "end_s": span_s[1]}
    _hours(ask, facts, limits, span_s)
    if span_s != (None, None) and (unknown := instruments - facts.trading.keys()):
        _hours(ask, facts, limits | {"of_instruments": among(unknown)}, (None, None))
    for row in ask(_GAPS.format(**limits), span):
        key = (row["instrument_id"], row["stream"])
        spans = facts.gaps[key, row["recorder"]] if row["state"] in MISSING else facts.restored[key]
        spans.append((row["from_s"], row["to_s"]))
        facts.reasons[key][row["reason"]].append((row["from_s"], row["to_s"]))
    for table in sorted({TABLE_OF_STREAM[stream] for stream in streams}):
        for row in days.of(table, asked, facts.zones, span_s):
            key = (row["instrument_id"], row["stream"])
            facts.minutes[key] += zip(row["from_s"], row["to_s"], strict=True)
            if row["lag_max_s"] is not None:
                facts.lags[key, row["day"].isoformat()] = {name: row[name] for name in NO_LAG}
    return facts


def _hours(ask: Ask, facts: _Facts, limits: Mapping[str, str], span_s: SpanS) -> None:
    """Take down trading hours and zones as IB named them close enough to a span to be of it."""
    begin_s, end_s = span_s
    span = {"start_s": None if begin_s is None else begin_s - HOURS_AHEAD_S,
            "end_s": None if end_s is None else end_s + HOURS_BEHIND_S}
    for row in ask(_HOURS.format(**limits), span):
        hours = parse_hours(row["trading_hours"], None, row["time_zone"])
        if hours:
            facts.trading[row["instrument_id"]] += hours.trading
            facts.zones[row["instrument_id"]] = str(exchange_zone(row["time_zone"]))


def _by_day(
    expected: Spans, zone: str, wanted: _Wanted, facts: _Facts, heard_s: Mapping[str, float]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each day of a time zone in which something was expected, and how that time is divided."""
    classes = {"expected_s": expected} | _classes(expected, wanted, facts, heard_s)
    why = facts.reasons[wanted.instrument_id, wanted.stream]
    reasons = {reason: intersection(union(spans), classes["down_s"]) for reason, spans in why.items()}
    days = _days(expected, zone)
    within = {name: totals(spans, list(days.values())) for name, spans in classes.items()}
    missing = {reason: totals(spans, list(days.values())) for reason, spans in reasons.items()}
    for place, day in enumerate(days):
        told = {name: times_s[place] for name, times_s in within.items()}
        whole_s, lost_s = told["expected_s"], told["down_s"] + told["unknown_s"]
        yield day, told | {"share": (whole_s - lost_s) / whole_s if whole_s else None,
                           "reasons": sorted(reason for reason, times_s in missing.items() if times_s[place])}


def _classes(expected: Spans, wanted: _Wanted, facts: _Facts, heard_s: Mapping[str, float]) -> dict[str, Spans]:
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
    return {"captured_s": captured, "quiet_s": difference(known, captured), "backfilled_s": restored,
            "down_s": down, "unknown_s": unknown}


def _days(spans: Spans, zone: str) -> dict[str, tuple[float, float]]:
    """Return the days of a time zone in which spans lie, in ISO form, with their midnights."""
    where, days = ZoneInfo(zone), dict[str, tuple[float, float]]()
    for start, end in spans:
        while start < end:
            local = datetime.fromtimestamp(start, where)
            midnight = datetime(local.year, local.month, local.day, tzinfo=where)
            until_s = (midnight + timedelta(days=1)).timestamp()
            days[local.date().isoformat()] = midnight.timestamp(), until_s
            start = until_s
    return days
