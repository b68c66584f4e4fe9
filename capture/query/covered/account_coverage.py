"""Coverage of account streams: for how much of the time since each was wanted nothing says that it was missed."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from capture.lake.sql_text import NEWEST_GAPS
from capture.query.intervals import Spans, difference, intersection, union
from capture.wire.messages.account_requests import ACCOUNT_STREAMS

# Streams of single positions are left out: they are wanted while these are held.
_OF_ACCOUNTS = "instrument_id is null and stream in (select unnest($streams))"
_WANTED = f"""
select stream, account, recorder, event, request_id, epoch(ts) as at from subscriptions
where event in ('requested', 'cancelled', 'unwanted') and {_OF_ACCOUNTS} order by subscriptions.ts, seq, "row"
"""
_GAPS = f"""
select stream, account, recorder, epoch(from_ts) as from_s, epoch(coalesce(to_ts, now())) as to_s
from {NEWEST_GAPS} where {_OF_ACCOUNTS}
"""

Ask = Callable[..., list[dict[str, Any]]]
Key = tuple[str, str | None]  # stream and account, None for all


@dataclass(slots=True)
class _Life:
    """When one recorder wanted a stream, and when it was missed, in seconds since 1970; by `request` alone it ends."""

    wanted: Spans = field(default_factory=list)
    missed: Spans = field(default_factory=list)
    since_s: float | None = None
    request: int | None = None


def account_coverage(ask: Ask, heard_s: Mapping[str, float], now_s: float) -> list[dict[str, Any]]:
    """Ask a lake, and return one dict per account stream and account (None: all), in this order.

    Times are seconds: `expected_s` since it was first asked for, but for what came after it was given up; of it
    `down_s` is missing, and `unknown_s` came after the last byte on the tape: `heard_s` says when that was, by
    recorder. Where several recorders wanted a stream it is there as soon as one of them had it. `share` is the rest's.
    """
    lives: dict[Key, dict[str, _Life]] = defaultdict(lambda: defaultdict(_Life))
    streams = {"streams": list(ACCOUNT_STREAMS)}
    for event in ask(_WANTED, streams):
        _take(lives[event["stream"], event["account"]][event["recorder"]], event)
    for gap in ask(_GAPS, streams):
        lives[gap["stream"], gap["account"]][gap["recorder"]].missed.append((gap["from_s"], gap["to_s"]))
    order = sorted(lives, key=lambda key: (ACCOUNT_STREAMS.index(key[0]), key[1] or ""))
    return [{"stream": key[0], "account": key[1], **_told(lives[key], heard_s, now_s)} for key in order]


def _take(life: _Life, event: dict[str, Any]) -> None:
    """Take a request, or that it was given up: a former one's end, once it was asked anew, ends nothing."""
    if event["event"] == "requested":
        life.since_s = event["at"] if life.since_s is None else life.since_s
        life.request = event["request_id"]
    elif life.since_s is not None and life.request == event["request_id"]:
        life.wanted.append((life.since_s, event["at"]))
        life.since_s = None


def _told(by_recorder: Mapping[str, _Life], heard_s: Mapping[str, float], now_s: float) -> dict[str, float | None]:
    wanted, known, there = Spans(), Spans(), Spans()
    for recorder, life in by_recorder.items():
        spans = union([*life.wanted, *([] if life.since_s is None else [(life.since_s, now_s)])])
        heard = intersection(spans, [(0.0, heard_s.get(recorder, 0.0))])
        wanted, known = wanted + spans, known + heard
        there += difference(heard, union(life.missed))
    expected_s, known_s, there_s = (sum(end - start for start, end in union(part)) for part in (wanted, known, there))
    return {"expected_s": round(expected_s, 6), "down_s": round(known_s - there_s, 6),
            "unknown_s": round(expected_s - known_s, 6), "share": there_s / expected_s if expected_s else None}
