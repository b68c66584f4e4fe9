"""Troubles of a recorder's streams: silent, refused, not answered, or late."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from capture.session.lateness import LATE_S
from capture.session.subscriptions import Life
from capture.trouble import Trouble
from capture.trouble_kinds import inside, trouble

from .line_troubles import has_session, moment, silences

# Whose turn it is while a stream waits: ours, held back by pacing, or IB's.
WAITS = {Life.WANTED: "not requested yet: it waits in the recorder's own queue, for pacing",
         Life.REQUESTED: "requested, and IB has not answered"}
WAITING_S = 300.0  # how long a stream may wait for its request, and that for an answer
LEAST_SILENT = 2  # of all that are expected: one alone is a stream's trouble, not its feed's


def stream_troubles(state: Mapping[str, Any], now: datetime, others: Iterable[Trouble]) -> Iterator[Trouble]:
    """Yield the troubles of a recorder's streams, given those of its line and farms: they may be the cause."""
    if not has_session(state):
        return
    cause = next((one for one in others if silences(one)), None)
    silent = [stream for stream in state["streams"] if stream["state"] == Life.SILENT]
    if cause is None and (feed := _feed_silent(state, silent)):
        yield (cause := feed)
    for stream in state["streams"]:
        for found in _of_stream(state, stream, now):
            yield inside(found, cause) if cause and found.kind == "stream-silent" else found


def is_late(stream: Mapping[str, Any]) -> bool:
    """Return whether a stream's rows come late that were not asked for delayed."""
    return (stream.get("lag_p50_s") or 0.0) >= LATE_S and not stream.get("delayed")


def _feed_silent(state: Mapping[str, Any], silent: list[Mapping[str, Any]]) -> Trouble | None:
    """Return the trouble of all streams together, where none flows of which rows are expected."""
    flowing = any(stream["state"] == Life.FLOWING and stream.get("market") != "closed" for stream in state["streams"])
    if flowing or len(silent) < LEAST_SILENT:
        return None
    times = [found for stream in silent if (found := _silent_since(stream))]
    facts = {"silent": len(silent), "recorder": state["recorder"]}
    return trouble("feed-silent", state["recorder"], max(times, default=None),
                   f"all {len(silent)} streams of which rows are expected are silent", facts)


def _silent_since(stream: Mapping[str, Any]) -> datetime | None:
    return moment(stream.get("last_row")) or moment(stream.get("since"))


def _of_stream(state: Mapping[str, Any], stream: Mapping[str, Any], now: datetime) -> Iterator[Trouble]:
    name = f"{state['recorder']} {stream['instrument']} {stream['word']}"
    facts = {**stream, "recorder": state["recorder"]}
    since = moment(stream.get("since"))
    match stream["state"]:
        case Life.SILENT:
            yield trouble("stream-silent", name, _silent_since(stream), stream["message"] or "silent", facts)
        case Life.REFUSED:
            yield trouble("stream-refused", name, since, _reason(stream), facts)
        case Life.WANTED | Life.REQUESTED if since and now - since >= timedelta(seconds=WAITING_S):
            yield trouble("stream-waiting", name, since, WAITS[Life(stream["state"])], facts)
    if is_late(stream):
        yield trouble("stream-late", name, None, f"rows come {stream['lag_p50_s']:,.0f} s after their events, up to "
                      f"{stream['lag_max_s']:,.0f} s", facts)


def _reason(stream: Mapping[str, Any]) -> str:
    """Return why a stream was refused, without its own name before it."""
    why = str(stream["message"]).partition("\n")[0]
    return why.removeprefix(f"{stream['instrument']} {stream['word']}: ").removeprefix(f"{stream['instrument']}: ")
