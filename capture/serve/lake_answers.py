"""What pages ask of a lake, by name: functions of a lake and the values of an address, which give values for JSON."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from capture.lake.pruned import read_pruned_tables
from capture.lake.sealed import sealed_dates
from capture.query import LakeReader, QueryError
from capture.query.sizes import sizes
from capture.schemas import MARKET_TABLES
from capture.times import DAY
from capture.wire.messages.live_streams import streams_of

Given = Mapping[str, str]
Values = Any
Answering = Callable[[LakeReader, Given], Values]

MOST_NOTICES, MOST_GAPS, MOST_LEVELS = 2_000, 5_000, 20
POINTS = 600  # of a chart
HALF_HOUR = timedelta(minutes=30)
# Lengths of bars in seconds: the shortest by which a span has no more than POINTS.
_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800)
_MISSING = ("open", "closed", "unavailable")
_DOWN = "".join(chr(code) for code in range(ord("A"), ord("A") + 11))  # share of a day in tenths, as a letter
_INSTRUMENTS = """
select symbol, instrument_id, arg_max(security_type, ts) as security_type, arg_max(time_zone, ts) as time_zone,
       arg_max(currency, ts) as currency, arg_max(exchange, ts) as exchange
from instruments where symbol is not null group by all order by symbol
"""
_WANTED = """
select distinct symbol, instrument_id, stream from subscriptions
where event = 'requested' and symbol is not null order by all
"""
_NOTICES = """
select ts, source, kind, code, meaning, message, symbol, stream, recorder from notices
where ts >= $start and ts < $end and ($kind = '' or kind = $kind)
  and ($text = '' or contains(lower(concat_ws(' ', message, meaning, symbol, code)), lower($text)))
order by ts desc, seq desc, "row" desc limit $most
"""
_UNDECODED = "select count(*) as frames, min(ts) as first_ts, max(ts) as last_ts from undecoded"


def _rows(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.arrow().to_pylist()
    return found


def instruments(lake: LakeReader, _: Given) -> Values:
    """Return instruments with their zone, and the streams that were wanted of each."""
    known = {row["instrument_id"]: row for row in _rows(lake.sql(_INSTRUMENTS))}
    found: dict[str, dict[str, Any]] = {}
    for row in _rows(lake.sql(_WANTED)):
        one = found.setdefault(row["symbol"], {"symbol": row["symbol"], "instrument_id": row["instrument_id"],
                                               "streams": []} | known.get(row["instrument_id"], {}))  # fmt: skip
        one["streams"].append(row["stream"])
    return sorted(found.values(), key=lambda one: str(one["symbol"]))


def coverage(lake: LakeReader, given: Given) -> Values:
    """Return by instrument and stream how much of each day is covered.

    `days` are the first and the last; of each row `shares` has a letter per day: A for nothing, K for all, a blank
    where nothing was expected; lower case where history restored some.
    """
    start, end = asked_span(given, timedelta(days=92))
    rows = lake.coverage(_symbols(given), start, end)
    if not rows:
        return {"days": None, "rows": []}
    first, last = (date.fromisoformat(pick(row["day"] for row in rows)) for pick in (min, max))
    count = (last - first).days + 1
    lines: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        line = lines.setdefault((row["symbol"], row["stream"]), {
            "symbol": row["symbol"], "stream": row["stream"], "zone": row["zone"], "letters": [" "] * count,
            "expected_s": 0.0, "missing_s": 0.0})  # fmt: skip
        line["letters"][(date.fromisoformat(row["day"]) - first).days] = _letter(row)
        line["expected_s"] += row["expected_s"]
        line["missing_s"] += row["down_s"] + row["unknown_s"]
    return {"days": [first, last], "rows": [
        {"shares": "".join(line.pop("letters")), **line} for line in lines.values()]}  # fmt: skip


def _letter(row: Mapping[str, Any]) -> str:
    if row["share"] is None:
        return " "
    letter = _DOWN[int(row["share"] * 10)]
    return letter.lower() if row["backfilled_s"] else letter


def day(lake: LakeReader, given: Given) -> Values:
    """Return how a day of an instrument is covered by stream, and its gaps."""
    at = date.fromisoformat(given["day"])
    start, end = (datetime(one.year, one.month, one.day, tzinfo=UTC) for one in (at - DAY, at + 2 * DAY))
    rows = [row for row in lake.coverage(given["symbol"], start, end) if row["day"] == given["day"]]
    return {"streams": rows, "gaps": _rows(lake.gaps(given["symbol"], start, end))[:MOST_GAPS]}


def missing(lake: LakeReader, given: Given) -> Values:
    """Return how much is missing of tables, in a span and of some instruments: what stands beside every answer."""
    tables = [name for name in given.get("tables", "").split(",") if name in {one.name for one in MARKET_TABLES}]
    streams = {stream for table in tables for stream in streams_of(table)}
    start, end = utc_moment(given.get("start")), utc_moment(given.get("end"))
    gaps = [row for row in _rows(lake.gaps(_symbols(given), start, end)) if row["stream"] in streams]
    now = datetime.now(UTC)
    lost = [row for row in gaps if row["state"] in _MISSING]
    lost_s = sum((min(row["to_ts"] or now, end or now) - max(row["from_ts"], start or row["from_ts"])).total_seconds()
                 for row in lost)  # fmt: skip
    return {"tables": tables, "gaps": len(lost), "lost_s": max(lost_s, 0.0), "restored": len(gaps) - len(lost),
            "instruments": sorted({row["symbol"] for row in lost if row["symbol"]})[:20],
            "recorded": _sealed(lake, tables), "heard": datetime.fromtimestamp(lake.heard_s(), UTC)}  # fmt: skip


def _sealed(lake: LakeReader, tables: list[str]) -> list[dict[str, Any]]:
    """Return the first and the last date of some tables."""
    found = [row for row in lake.tables() if row["table"] in tables]
    return [{"table": row["table"], "first": row["first_date"], "last": row["last_date"]} for row in found]


def prices(lake: LakeReader, given: Given) -> Values:
    """Return bars of an instrument's trades and quotes in a span, its gaps, and where prices are not to be trusted."""
    symbol = given["symbol"]
    start, end = _recorded(lake, symbol, given)
    width_s = _WIDTHS_S[min(bisect_left(_WIDTHS_S, (end - start).total_seconds() / POINTS), len(_WIDTHS_S) - 1)]
    width, span = f"{width_s} seconds", (start, end)
    trades = _rows(lake.call("time_bars", symbol, width, *span, False, False, False, None))
    quotes = _rows(lake.call("quote_bars", symbol, width, *span, False, None))
    lacking = _rows(lake.call("missing_time", symbol, *span, None))
    return {
        "symbol": symbol, "start": start, "end": end, "width_s": width_s,
        "trades": _columns(trades, ("open", "high", "low", "close", "volume", "trades")),
        "quotes": _columns(quotes, ("bid_close", "ask_close", "quotes")),
        "missing": lacking, "gaps": _rows(lake.gaps(symbol, start, end))[:MOST_GAPS],
    }  # fmt: skip


def _columns(rows: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    times = {"ts": [row["ts"].timestamp() for row in rows]}
    return times | {name: [row[name] for row in rows] for name in names}


def _recorded(lake: LakeReader, symbol: str, given: Given) -> tuple[datetime, datetime]:
    """Return the span that is asked for; without one the last half hour in which there were rows."""
    start, end = utc_moment(given.get("start")), utc_moment(given.get("end"))
    if start is None or end is None:
        last = max((found for table in ("trades", "quotes", "midpoints") if (found := _last(lake, table, symbol))),
                   default=datetime.now(UTC))  # fmt: skip
        end = end or last.replace(microsecond=0) + timedelta(seconds=1)
        start = start or _first(lake, symbol, end - HALF_HOUR, end)
    if not start < end:
        raise QueryError("the span ends before it begins")
    return start, end


def _first(lake: LakeReader, symbol: str, start: datetime, end: datetime) -> datetime:
    """Return the time of the first row of an instrument in a span, to the second; its start where there is none."""
    query = ("select min(ts) as ts from (select ts, symbol, date from trades union all select ts, symbol, date from "
             "quotes) where symbol = $symbol and ts >= $start and ts < $end and date >= cast($start as date)")
    found = _rows(lake.sql(query, {"symbol": symbol, "start": start, "end": end}))[0]["ts"]
    return start if found is None else found.replace(microsecond=0)


def _last(lake: LakeReader, table: str, symbol: str) -> datetime | None:
    """Return the time of the last row of an instrument on the last dates that have any."""
    for row in _rows(lake.sql(f"select date, max(ts) as ts from {table} where symbol = $symbol group by date "
                              "order by date desc limit 1", {"symbol": symbol})):  # fmt: skip
        return row["ts"]  # type: ignore[no-any-return]
    return None


def book(lake: LakeReader, given: Given) -> Values:
    """Return the books of an instrument at a moment, each valid or with the reason why it is not."""
    return _rows(lake.book(given["symbol"], utc_moment(given["at"]), levels=MOST_LEVELS))


def notices(lake: LakeReader, given: Given) -> Values:
    """Return notices of a span, newest first, and how many frames could not be decoded."""
    start, end = asked_span(given, timedelta(days=7))
    found = _rows(lake.sql(_NOTICES, {"start": start, "end": end, "kind": given.get("kind", ""),
                                      "text": given.get("text", ""), "most": MOST_NOTICES + 1}))  # fmt: skip
    undecoded = _rows(lake.sql(_UNDECODED))[0]
    return {"start": start, "end": end, "notices": found[:MOST_NOTICES], "more": len(found) > MOST_NOTICES,
            "undecoded": undecoded}  # fmt: skip


def disk(lake: LakeReader, _: Given) -> Values:
    """Return what the lake takes on disk, up to when tables are sealed, and what was pruned."""
    pruned = read_pruned_tables(lake.layout).tables
    return sizes(lake.layout) | {"sealed": sealed_dates(lake.layout),
                                 "pruned": {name: rows.through for name, rows in pruned.items()}}


def _symbols(given: Given) -> list[str] | None:
    return [name for name in given.get("symbols", "").split(",") if name] or None


def utc_moment(text: str | None) -> datetime | None:
    """Return the moment that an address names, in UTC where it says no zone; None where it names none."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def asked_span(given: Given, length: timedelta) -> tuple[datetime, datetime]:
    """Return the span that is asked for; without one so long a time up to now."""
    end = utc_moment(given.get("end")) or datetime.now(UTC) + timedelta(minutes=1)
    return utc_moment(given.get("start")) or end - length, end


ANSWERS: Mapping[str, Answering] = {
    one.__name__: one for one in (instruments, coverage, day, missing, prices, book, notices, disk)}  # fmt: skip

