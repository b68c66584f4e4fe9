"""Live streams: level 1, tick-by-tick, depth and 5-second bars, with IB's reasons to refuse them, and their cancels."""

import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway.answers.contract_search import Details, require_bars, resolve_live
from capture.gateway.answers.session_start import Handlers
from capture.gateway.control.faults import RESET
from capture.wire.encode import encode
from capture.wire.messages.streams import STREAM_OF_TICK_KIND, WHAT_OF_STREAM
from capture.wire.text.codec import Values

from .answers import generic_ticks as level1
from .answers import past_ticks
from .client import Client
from .limits import TICK_BY_TICK_PACING_S, Rule
from .refusal import Refusal, invalid
from .subscription import Rows, Subscription, with_column

BAR_WHATS = ("TRADES", "MIDPOINT", "BID", "ASK")
BBO_EXCHANGE = "9c0001"  # which exchange letters the ticks use, see smart components
ALL_PERMISSIONS = 3

TICKLESS = ("IND", "OPT", "BAG")  # kinds of security without tick-by-tick data

# Family -> the families that share its limit, and IB's code and text when that is used up.
LINES = ("market_data", "real_time_bars")
SHARED = {"market_data": LINES, "real_time_bars": LINES}
FULL = {
    "market_data": (101, "Max number of tickers has been reached"),
    "tick_by_tick": (10190, "Max number of tick-by-tick requests has been reached"),
    "market_depth": (309, "Max number ({}) of market depth requests has been reached"),
}


def _check_room(client: Client, family: str, limit: str, request_id: int) -> None:
    """Refuse a request id that is in use, and streams beyond the limit."""
    if (family, request_id) in client.subscriptions:
        raise Refusal(102, "Duplicate ticker id")
    most: int | None = getattr(client.limits, limit)
    if most is not None and client.gateway.subscribed(*SHARED.get(family, (family,))) >= most:
        code, text = FULL[limit]
        raise Refusal(code, text.format(most))


def _rerouted(client: Client, request_id: int, details: Details, answer: str) -> bool:
    """Tell the client of a CFD to ask for its underlying instead, which is where its data comes from."""
    if details["sec_type"] != "CFD":
        return False
    under = client.feed.find(client.now_us, con_id=details["under_con_id"])
    client.send(answer, request_id=request_id, con_id=details["under_con_id"],
                exchange=under[0]["exchange"] if under else details["exchange"])
    return True


def _has(client: Client, details: Details, stream: str) -> bool:
    """Return whether the account has a stream of an instrument."""
    con_id = details["con_id"]
    return con_id not in client.gateway.unsubscribed and client.feed.offers(con_id, stream)


def _data_type(client: Client, request_id: int, details: Details) -> int:
    """Return the market data type that is delivered; refuses (354) where there is none."""
    if not client.feed.offers(details["con_id"], "ticks"):
        raise Refusal(354, f"Requested market data is not subscribed.{details['local_symbol']}/TOP/ALL")
    if details["con_id"] not in client.gateway.unsubscribed:
        return client.feed.data_type(details["con_id"])
    name = f"{details['symbol']} {details['primary_exchange'] or details['exchange']}/TOP/ALL"
    if client.data_type not in level1.DELAYED_TYPES:
        raise Refusal(354, f"Requested market data is not subscribed.Delayed market data is available.{name}")
    client.error(request_id, 10167, f"Requested market data is not subscribed. Displaying delayed market data.{name}")
    return client.data_type


# Level 1


def req_market_data(client: Client, values: Values) -> None:
    """Start level 1, or send a snapshot of it."""
    request_id, snapshot = values["request_id"], values["snapshot"]
    if snapshot and values["generic_ticks"]:
        raise Refusal(414, "Snapshot market data subscription is not applicable to generic ticks")
    _check_room(client, "market_data", "market_data", request_id)
    details = resolve_live(client, values)
    if _rerouted(client, request_id, details, "reroute_market_data"):
        return
    wanted = level1.parse_generic(values["generic_ticks"], details["sec_type"])
    data_type = _data_type(client, request_id, details)
    client.send("tick_request_parameters", request_id=request_id, min_tick=details["min_tick"],
                bbo_exchange=BBO_EXCHANGE, snapshot_permissions=ALL_PERMISSIONS)
    client.send("market_data_type", request_id=request_id, data_type=data_type)
    late = details["con_id"] in client.gateway.unsubscribed
    fetch = level1.source(client.feed, details["con_id"], wanted, delayed=late)
    if snapshot:
        _send_snapshot(client, request_id, fetch(client.now_us, client.now_us + 1, True))
    else:
        client.subscribe(Subscription(request_id, "market_data", "ticks", details, fetch))


def _send_snapshot(client: Client, request_id: int, found: Rows) -> None:
    for table, rows in found:
        request_ids = pa.array(np.full(len(rows), request_id, np.int32))
        client.write(encode(table, rows.append_column("request_id", request_ids), client.server_version).data)
        client.report(request_id, "snapshot", table, rows)
    client.send("snapshot_end", request_id=request_id)


# Tick-by-tick


def req_tick_by_tick(client: Client, values: Values) -> None:
    """Start tick-by-tick data, historical ticks first where the client asks for some."""
    request_id, stream = values["request_id"], STREAM_OF_TICK_KIND.get(values["tick_kind"])
    if stream is None:
        kinds = ", ".join(STREAM_OF_TICK_KIND)
        raise invalid(f"'{values['tick_kind']}' is not a tick-by-tick type; these are: {kinds}")
    _check_room(client, "tick_by_tick", "tick_by_tick", request_id)
    details = resolve_live(client, values)
    _check_tick_by_tick(client, details, stream)
    what, of = WHAT_OF_STREAM[stream], (client.feed, details["con_id"], WHAT_OF_STREAM[stream], values["ignore_size"])
    if count := values["number_of_ticks"]:
        now_us = client.now_us
        past = past_ticks.past_source(*of, now_us)
        client.answer(request_id, lambda: past_ticks.answer(
            request_id, what, past_ticks.ticks_before(past, now_us, count)))
    fetch = _tick_by_tick(past_ticks.source(*of, reported_only=stream == "last"), past_ticks.MESSAGES[what][0])
    client.subscribe(Subscription(request_id, "tick_by_tick", stream, details, fetch))


def _check_tick_by_tick(client: Client, details: Details, stream: str) -> None:
    """Refuse what there is not in a way that is not tried again at once, as clients do after 10189."""
    if details["sec_type"] in TICKLESS:
        raise invalid(f"Tick-by-tick requests are not supported for {details['local_symbol']}")
    if not _has(client, details, stream):
        raise Refusal(354, f"Requested market data is not subscribed.{details['local_symbol']}/TICK-BY-TICK/{stream}")
    once = Rule(1, TICK_BY_TICK_PACING_S)
    if client.limits.tick_by_tick_pacing and not client.tick_by_tick_pacing.admit(
            (details["con_id"], stream), once, time.monotonic()):
        raise Refusal(10189, "Failed to request tick-by-tick data."
                             "Pacing violation: the same instrument was requested within 15 seconds.")  # fmt: skip


def _tick_by_tick(rows_of: past_ticks.Source, table: str) -> Callable[[int, int, bool], Rows]:
    return lambda from_us, to_us, _first: [(table, rows_of(from_us, to_us))]


# Depth


def req_market_depth(client: Client, values: Values) -> None:
    """Start a book: all its rows as inserts, then its operations."""
    request_id, smart, rows = values["request_id"], values["smart"], max(values["rows"] or 1, 1)
    _check_room(client, "market_depth", "market_depth", request_id)
    details = resolve_live(client, values)
    con_id, feed = details["con_id"], client.feed
    if _rerouted(client, request_id, details, "reroute_market_depth"):
        return
    if con_id in client.gateway.unsubscribed:  # depth is never delayed
        raise Refusal(354, f"Requested market data is not subscribed.{details['local_symbol']}/DEEP/ALL")
    stream = "smart_depth" if smart else "depth"
    if not feed.offers(con_id, stream):
        raise Refusal(10092, "Deep market data is not supported for this combination of security type/exchange")

    def fetch(from_us: int, to_us: int, first: bool) -> Rows:
        operations = feed.depth(con_id, from_us, to_us, rows, smart)
        if first:
            book = feed.book(con_id, from_us, rows, smart)
            operations = pa.concat_tables([book, operations], promote_options="default")
        is_reset = pc.equal(operations["operation"], "reset")
        if not pc.any(is_reset).as_py():
            return [("depth", operations)]
        return [("notices", _reset_notices(operations.filter(is_reset))),
                ("depth", operations.filter(pc.invert(is_reset)))]

    client.subscribe(Subscription(request_id, "market_depth", stream, details, fetch))


def _reset_notices(resets: pa.Table) -> pa.Table:
    """Return what says that a book is to be emptied."""
    code, text = RESET
    told = with_column(resets, "code", pa.array([code] * len(resets), pa.int32()))
    return with_column(told, "message", pa.array([text] * len(resets), pa.string()))


# 5-second bars


def req_real_time_bars(client: Client, values: Values) -> None:
    """Start 5-second bars, each sent when it is over."""
    request_id, what, regular_hours = values["request_id"], values["what"], values["regular_hours"]
    if what not in BAR_WHATS:
        raise invalid(f"'{what}' is not a kind of real-time bar; these are: {', '.join(BAR_WHATS)}")
    _check_room(client, "real_time_bars", "market_data", request_id)
    details = resolve_live(client, values)
    if not _has(client, details, "bars"):
        raise Refusal(420, "Invalid Real-time Query:No market data permissions")
    require_bars(details, what)

    def fetch(from_us: int, to_us: int, _first: bool) -> Rows:
        bars = client.feed.closed_bars(details["con_id"], from_us, to_us, what, regular_hours)
        return [("bars", with_column(bars, "form", pa.array(["closed"] * len(bars), pa.string())))]

    client.subscribe(Subscription(request_id, "real_time_bars", "bars", details, fetch, what))


# Cancels


def _cancel(family: str, code: int | None = None, text: str = "") -> Callable[[Client, Values], None]:
    """Return what ends a stream; an unknown id is refused by `code`, silently passed over without."""

    def cancel(client: Client, values: Values) -> None:
        if not client.unsubscribe(family, values["request_id"]) and code is not None:
            raise Refusal(code, f"{text}:{values['request_id']}")

    return cancel


HANDLERS: Handlers = {
    "req_market_data": req_market_data,
    "req_tick_by_tick": req_tick_by_tick,
    "req_market_depth": req_market_depth,
    "req_real_time_bars": req_real_time_bars,
    "cancel_market_data": _cancel("market_data", 300, "Can't find EId with tickerId"),
    "cancel_tick_by_tick": _cancel("tick_by_tick"),
    "cancel_market_depth": _cancel("market_depth", 310, "Can't find the subscribed market depth with tickerId"),
    "cancel_real_time_bars": _cancel("real_time_bars", 300, "Can't find EId with tickerId"),
}
