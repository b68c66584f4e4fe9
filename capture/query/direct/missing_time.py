"""The spans of time of which rows are missing, without SQL (D92), as `capture.functions.sql_pieces` has them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from capture.times import DAY_US

from .sources import Key, Source

AROUND_US = 31 * DAY_US  # how long spans reach beyond what rows there can be: as long as any bar

Row = Mapping[str, Any]
Spans = dict[int, list[tuple[int, int]]]  # by contract id: from and to, in order, none over another


@dataclass(frozen=True, slots=True)
class _Unheard:
    """A span in which a stream of a recorder brought nothing; `alone` where no other recorder knows better."""

    instrument_id: int
    recorder: str
    stream: str
    alone: bool
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class Asking:
    """What is known of who asked for rows: rows of `subscriptions` and `gaps` in the order of the tape, when each
    recorder was heard last, the span that is looked at (None: open), and what time it is. Microseconds since 1970.
    """

    subscriptions: list[Row]
    gaps: list[Row]
    heard_us: Mapping[str, int]
    start_us: int | None
    end_us: int | None
    now_us: int


def missing_time(asking: Asking, found: Mapping[Key, Source], within: Mapping[int, tuple[int, int]]) -> Spans:
    """Return the spans that are missing of instruments, cut to a span of each that is of interest."""
    parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for span in (*_gaps(asking), *_unasked(asking)):
        if span.instrument_id in within:
            parts[span.instrument_id] += _parts(_clipped(span, asking, within[span.instrument_id]), found)
    return {instrument_id: _apart(spans) for instrument_id, spans in parts.items()}


def _gaps(asking: Asking) -> Iterator[_Unheard]:
    """Yield the gaps as they stand now, that history did not restore."""
    newest = {row["gap_id"]: row for row in sorted(asking.gaps, key=lambda row: (row["seq"], row["row"]))}
    for row in newest.values():
        if row["state"] is not None and row["state"] != "backfilled" and row["instrument_id"] is not None:
            to_us = asking.now_us if row["to_ts"] is None else row["to_ts"]
            yield _Unheard(row["instrument_id"], row["recorder"], row["stream"], True, row["from_ts"], to_us)


def _unasked(asking: Asking) -> Iterator[_Unheard]:
    """Yield what was before a recorder was first asked, after it was told to stop, and after it last heard anything."""
    later_us = asking.now_us + AROUND_US
    for instrument_id, by_recorder in _steps(asking.subscriptions).items():
        firsts = {recorder: min(ts for ts, _ in steps) for recorder, steps in by_recorder.items()}
        heard = {recorder: asking.heard_us[recorder] for recorder in by_recorder if asking.heard_us.get(recorder)}
        for recorder, steps in by_recorder.items():
            first = firsts[recorder]
            begin = first - AROUND_US if asking.start_us is None else asking.start_us
            yield _Unheard(instrument_id, recorder, "unasked", first == min(firsts.values()), begin, first)
            nexts = [ts for ts, _ in steps[1:]]
            for (ts, streams), next_us in zip(steps, [*nexts, later_us], strict=True):
                if not streams:
                    yield _Unheard(instrument_id, recorder, "unasked", len(by_recorder) == 1, ts, next_us)
            if recorder in heard:
                last = heard[recorder]
                yield _Unheard(instrument_id, recorder, "unheard", last == max(heard.values()), last, later_us)


def _steps(rows: Iterable[Row]) -> dict[int, dict[str, list[tuple[int, int]]]]:
    """Return by instrument and recorder when streams came and went, and how many there were from then on."""
    found: dict[int, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    newest: dict[tuple[str, int, str], int | None] = {}
    wanted: dict[tuple[str, int, str], bool] = {}
    streams: dict[tuple[int, str], int] = defaultdict(int)
    for row in sorted(rows, key=lambda row: (row["seq"], row["row"])):
        instrument_id, recorder = row["instrument_id"], row["recorder"]
        key = recorder, instrument_id, row["stream"]
        is_request, request_id = row["event"] == "requested", row["request_id"]
        if is_request or (request_id is not None and newest.get(key) == request_id):
            streams[instrument_id, recorder] += is_request - wanted.get(key, False)
            wanted[key] = is_request
            found[instrument_id][recorder].append((row["ts"], streams[instrument_id, recorder]))
        if is_request and request_id is not None:
            newest[key] = request_id
    return found


def _clipped(span: _Unheard, asking: Asking, within: tuple[int, int]) -> _Unheard:
    later_us = asking.now_us + AROUND_US
    begin = span.from_us if asking.start_us is None else max(span.from_us, asking.start_us)
    end = min(span.to_us, later_us if asking.end_us is None else min(later_us, asking.end_us + AROUND_US))
    return replace(span, from_us=max(begin, within[0]), to_us=min(end, within[1]))


def _parts(span: _Unheard, found: Mapping[Key, Source]) -> Iterator[tuple[int, int]]:
    """Yield what is missing of a span, by UTC dates: of a recorder whose rows are not taken, nothing."""
    for day in range(span.from_us // DAY_US, span.to_us // DAY_US + 1) if span.from_us < span.to_us else ():
        source = found.get((span.instrument_id, day))
        begin, end = max(span.from_us, day * DAY_US), min(span.to_us, (day + 1) * DAY_US)
        if span.alone if source is None else source.recorder == span.recorder:
            had = _had(span.stream, source)
            yield begin, (end if had is None else min(end, had[0]))
            if had is not None:
                yield max(begin, had[1]), end


def _had(stream: str, source: Source | None) -> tuple[int, int] | None:
    """Return of what part of a date there are rows all the same."""
    if source is None:
        return None
    return {"last": source.all_us, "unasked": source.history_us}.get(stream)


def _apart(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, none over another; what one leaves of another that begins before is its own."""
    apart, reached = [], None
    for begin, end in sorted(span for span in spans if span[0] < span[1]):
        first = begin if reached is None else max(begin, reached)
        reached = end if reached is None else max(reached, end)
        if first < end:
            apart.append((first, end))
    return apart
