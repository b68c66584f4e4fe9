"""Troubles that only an alert knows, as its block says from where on they are: silence, lag, disk, coverage, gaps."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from capture.schemas import TABLES
from capture.trouble import Severity, Trouble
from capture.trouble_kinds import trouble
from capture.wanted.alert_block import AlertBlock
from capture.watch.line_troubles import has_session, in_restart_window, moment
from capture.wire.messages.live_streams import TABLE_OF_STREAM

LEAST_EXPECTED_S = 600.0  # of a stream's day, before which its share says nothing
RESTORED_AFTER_S = 3_600.0  # by when history has given what it has
GAPS_BACK_S = 86_400.0
_COVERING = frozenset({"recorders", "recorder", "line", "feed", "farm"})  # slots of what leaves gaps in all streams

Rows = Iterable[Mapping[str, Any]]


def of_recorders(block: AlertBlock, recorders: Rows, now: datetime) -> Iterator[Trouble]:
    """Yield the streams of recorders that are silent, or late, for more than a block says."""
    for state in recorders:
        if has_session(state):
            routine = Severity.ROUTINE if in_restart_window(state, now) else None
            for stream in state["streams"]:
                yield from _silent(block, state, stream, now, routine)
                yield from _late(block, state, stream, routine)


def of_disk(block: AlertBlock, data: str, free_bytes: int) -> Iterator[Trouble]:
    """Yield the disk, where it has less room than a block says."""
    if block.disk_below_gb is not None and free_bytes < block.disk_below_gb * 1e9:
        yield trouble("disk-below", data, None, f"{free_bytes / 1e9:,.1f} GB are free",
                      {"data": data, "free_bytes": free_bytes, "limit_gb": block.disk_below_gb})


def of_coverage(block: AlertBlock, covered: Rows) -> Iterator[Trouble]:
    """Yield the streams of which less was recorded today than a block says, by rows of `Lake.coverage`."""
    for row in covered:
        share = row["share"]
        if block.coverage_below is None or share is None or row["expected_s"] < LEAST_EXPECTED_S:
            continue
        if share < block.coverage_below:
            lost_s = row["down_s"] + row["unknown_s"]
            yield trouble("coverage-below", f"{row['symbol']} {row['stream']} {row['day']}", None,
                          f"{share:.2%} of its trading time so far is there, {lost_s:,.0f} s are not",
                          {name: row[name] for name in ("symbol", "stream", "day", "share", "reasons")})


def open_gaps(gaps: Rows, recorders: Rows, others: Iterable[Trouble], now: datetime) -> Iterator[Trouble]:
    """Yield the gaps that are open, but for those of streams of which another trouble tells already."""
    states = {state["recorder"]: state for state in recorders}
    told = list(others)
    for gap in gaps:
        if gap["state"] == "open" and not any(_tells(one, gap) for one in told):
            state = states.get(gap["recorder"])
            routine = Severity.ROUTINE if state and _is_calm(state, gap, now) else None
            yield trouble("gap-open", f"{gap['recorder']} {_named(gap)} {gap['stream']}", gap["from_ts"],
                          str(gap["reason"]), _facts(gap), severity=routine)


def unrestored(gaps: Rows, now: datetime) -> Iterator[Trouble]:
    """Yield the gaps of the last day that IB's history did not fill, though it has such rows."""
    for gap in gaps:
        if gap["state"] not in ("closed", "unavailable") or gap["to_ts"] is None:
            continue
        age_s = (now - gap["to_ts"]).total_seconds()
        late = gap["state"] == "unavailable" or age_s >= RESTORED_AFTER_S
        table = TABLE_OF_STREAM.get(gap["stream"])  # None of accounts, of which IB keeps no history
        if late and age_s <= GAPS_BACK_S and table and TABLES[table].equal_by:
            lasted_s = (gap["to_ts"] - gap["from_ts"]).total_seconds()
            yield trouble("gap-not-restored", str(gap["gap_id"]), gap["from_ts"],
                          f"{lasted_s:,.0f} s of {_named(gap)} {gap['stream']} are missing: {gap['reason']}",
                          _facts(gap))


def _silent(
    block: AlertBlock, state: Mapping[str, Any], stream: Mapping[str, Any], now: datetime, routine: Severity | None
) -> Iterator[Trouble]:
    since = moment(stream.get("last_row")) or moment(stream.get("since"))
    if block.silent_above_s is None or since is None or stream.get("market") == "closed":
        return
    silent_s = (now - since).total_seconds()
    if stream["state"] != "refused" and silent_s > block.silent_above_s:
        yield trouble("silent-above", _name(state, stream), since, f"no row for {silent_s:,.0f} s",
                      {**stream, "recorder": state["recorder"]}, severity=routine)


def _late(
    block: AlertBlock, state: Mapping[str, Any], stream: Mapping[str, Any], routine: Severity | None
) -> Iterator[Trouble]:
    lag_s = stream.get("lag_p50_s")
    if block.lag_above_s is not None and lag_s is not None and lag_s > block.lag_above_s and not stream.get("delayed"):
        yield trouble("lag-above", _name(state, stream), None, f"rows come {lag_s:,.1f} s after their events",
                      {**stream, "recorder": state["recorder"]}, severity=routine)


def _name(state: Mapping[str, Any], stream: Mapping[str, Any]) -> str:
    return f"{state['recorder']} {stream['instrument']} {stream['word']}"


def _tells(one: Trouble, gap: Mapping[str, Any]) -> bool:
    """Return whether a trouble is that of a gap, or the cause of it."""
    facts = one.facts
    if one.key.partition(":")[0] in _COVERING:
        return bool(facts.get("recorder", gap["recorder"]) == gap["recorder"])
    return bool(facts.get("stream") == gap["stream"] and facts.get("instrument_id") == gap["instrument_id"])


def _is_calm(state: Mapping[str, Any], gap: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a gap is routine: its gateway may be restarting, or the market of its instrument is closed."""
    id_ = gap["instrument_id"]
    markets = [stream.get("market") for stream in state["streams"] if stream.get("instrument_id") == id_]
    return in_restart_window(state, now) or (bool(markets) and all(market == "closed" for market in markets))


def _named(gap: Mapping[str, Any]) -> str:
    return str(gap["symbol"] or gap["instrument_id"] or "accounts:")


def _facts(gap: Mapping[str, Any]) -> dict[str, Any]:
    names = ("recorder", "symbol", "instrument_id", "stream", "gap_id", "state", "from_ts", "to_ts", "reason")
    return {name: gap.get(name) for name in names}


def today(now: datetime) -> datetime:
    """Return from when on coverage of the present day may be: days are the instruments' own, UTC-12 to UTC+14."""
    return datetime.fromtimestamp(now.timestamp() - 36 * 3_600, UTC)
