"""Historical ticks: a number of trades, quotes or midpoints from a moment on, or before one."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from capture.gateway.feed import Feed
from capture.gateway.refusal import invalid
from capture.gateway.replies import AnsweredRows, Compute, Reply, Telling, answer
from capture.gateway.shared_state import Peer
from capture.times import DAY_S, SECOND_US
from capture.wire.messages.live_streams import TABLE_OF_WHAT
from capture.wire.text.codec import Values

from .contract_search import Details
from .history_times import moment_us

# whatToShow -> table of the lake, message
MESSAGES = {what: (table, f"historical_{table}") for what, table in TABLE_OF_WHAT.items()}
MOST_TICKS = 1_000
TICKS_PER_MESSAGE = 500
FIRST_REACH_US, FARTHEST_REACH_US = 60 * SECOND_US, DAY_S * SECOND_US  # how far is looked at first, and at most
LOOK_BACK_US = 10 * SECOND_US  # for the quote in front of a range

Source = Callable[[int, int], pa.Table]


def historical_ticks(peer: Peer, values: Values, details: Details) -> Telling[Compute]:
    """Return what makes the ticks from a start on, or before an end."""
    what, count, now_us = values["what"], values["number_of_ticks"] or 0, peer.now_us
    if what not in MESSAGES:
        raise invalid(f"'{what}' is not a kind of historical tick; these are: {', '.join(MESSAGES)}")
    if not 0 < count <= MOST_TICKS:
        raise invalid(f"{count} ticks were asked for; 1 to {MOST_TICKS} are possible")
    start_us = yield from moment_us(peer, values, "start")
    end_us = yield from moment_us(peer, values, "end")
    if (start_us is None) == (end_us is None):
        raise invalid("Either the start or the end must be given, and not both")
    rows_of = past_source(peer.state.feed, details["con_id"], what, values["ignore_size"], now_us)

    def compute() -> list[Reply]:
        rows = (ticks_from(rows_of, start_us, count, now_us) if start_us is not None
                else ticks_before(rows_of, min(end_us or now_us, now_us), count))
        return ticks(values["request_id"], what, rows)

    return compute


def source(feed: Feed, con_id: int, what: str, ignore_size: bool, reported_only: bool) -> Source:
    """Return where rows of a range of time come from; quotes with `ignore_size` only where a price changes.

    Of trades with `reported_only` only those that move the last price.
    """
    table = MESSAGES[what][0]
    more = {"reported_only": True} if reported_only else {}

    def fetch(from_us: int, to_us: int) -> pa.Table:
        rows: pa.Table = getattr(feed, table)(con_id, from_us, to_us, **more)
        return rows

    return _changes(fetch, "ts") if table == "quotes" and ignore_size else fetch


def past_source(feed: Feed, con_id: int, what: str, ignore_size: bool, known_us: int) -> Source:
    """As `source`, for ranges of IB's own times, and only what was known by a moment."""
    table = MESSAGES[what][0]

    def fetch(from_us: int, to_us: int) -> pa.Table:
        return feed.past(table, con_id, from_us, to_us, known_us)

    return _changes(fetch, "ts_event") if table == "quotes" and ignore_size else fetch


def _changes(fetch: Source, time: str) -> Source:
    """Return what leaves out the quotes that have the prices of the one before."""

    def fetch_changes(from_us: int, to_us: int) -> pa.Table:
        rows = fetch(from_us - LOOK_BACK_US, to_us)
        changed = np.ones(len(rows), np.bool_)
        prices = [rows[name].to_numpy() for name in ("bid_price", "ask_price")]
        changed[1:] = np.logical_or.reduce([price[1:] != price[:-1] for price in prices])
        return rows.filter(pa.array(changed & (_times_us(rows, time) >= from_us)))

    return fetch_changes


def ticks_from(rows_of: Source, start_us: int, count: int, now_us: int) -> pa.Table:
    """Return `count` ticks from `start_us` on, and those that share the second of the last."""
    reach_us = FIRST_REACH_US
    while True:
        to_us = min(start_us + reach_us, now_us)
        rows = rows_of(start_us, max(to_us, start_us))
        if len(rows) > count or to_us == now_us or reach_us >= FARTHEST_REACH_US:
            break
        reach_us *= 4
    seconds = _times_us(rows, "ts_event")
    return rows if len(rows) <= count else rows.slice(0, int(np.searchsorted(seconds, seconds[count - 1], "right")))


def ticks_before(rows_of: Source, end_us: int, count: int) -> pa.Table:
    """Return the last `count` ticks before `end_us`, and those that share the second of the first."""
    reach_us = FIRST_REACH_US
    while len(rows := rows_of(end_us - reach_us, end_us)) <= count and reach_us < FARTHEST_REACH_US:
        reach_us *= 4
    seconds = _times_us(rows, "ts_event")
    return rows if len(rows) <= count else rows.slice(int(np.searchsorted(seconds, seconds[-count], "left")))


def ticks(request_id: int, what: str, rows: pa.Table) -> list[Reply]:
    """Return the messages that carry historical ticks, the last of them marked as such, and the rows."""
    table, message = MESSAGES[what]
    found = [TICKS[what](row) | {"time": int(row["ts_event"].timestamp())} for row in rows.to_pylist()]
    pieces = [found[at : at + TICKS_PER_MESSAGE] for at in range(0, len(found), TICKS_PER_MESSAGE)] or [[]]
    answers = [answer(message, request_id=request_id, ticks=piece, done=piece is pieces[-1]) for piece in pieces]
    return [*answers, AnsweredRows(request_id, "history", table, rows, in_answers=True)]


def _times_us(rows: pa.Table, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    times: np.ndarray[tuple[int], np.dtype[np.int64]] = rows[name].cast(pa.int64()).to_numpy()
    return times


def _trade(row: Values) -> Values:
    return {name: row[name] for name in ("price", "size", "exchange", "conditions")} | {
        "mask": row["past_limit"] + 2 * row["unreported"]}


def _quote(row: Values) -> Values:
    """The mask's bits stand the other way round than in live quotes."""
    return {name: row[name] for name in ("bid_price", "ask_price", "bid_size", "ask_size")} | {
        "mask": row["ask_past_high"] + 2 * row["bid_past_low"]}


def _midpoint(row: Values) -> Values:
    return {"price": row["price"], "size": 0}


TICKS = {"TRADES": _trade, "BID_ASK": _quote, "MIDPOINT": _midpoint}
