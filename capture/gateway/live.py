"""Live streams: level 1, tick-by-tick, depth and 5-second bars, with IB's reasons to refuse them, and their cancels."""

from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from capture.gateway.answers.contract_search import Details, require_bars, resolve_live
from capture.gateway.answers.handlers import Handler, Handlers, started
from capture.gateway.control.faults import RESET
from capture.wire.messages.live_streams import STREAM_OF_TICK_KIND, WHAT_OF_STREAM
from capture.wire.text.codec import Values

from .answers import generic_ticks as level1
from .answers import past_ticks
from .limits import TICK_BY_TICK_PACING_S, Rule
from .refusal import Refusal, invalid
from .replies import Answer, AnsweredRows, Reply, Telling, answer, error
from .shared_state import Peer
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


def _check_room(peer: Peer, family: str, limit: str, request_id: int) -> None:
    """Refuse a request id that is in use, and streams beyond the limit."""
    if (family, request_id) in peer.subscriptions:
        raise Refusal(102, "Duplicate ticker id")
    most: int | None = getattr(peer.state.limits, limit)
    if most is not None and peer.state.subscribed(*SHARED.get(family, (family,))) >= most:
        code, text = FULL[limit]
        raise Refusal(code, text.format(most))


def _rerouted(peer: Peer, request_id: int, details: Details, name: str) -> Answer | None:
    """Return what tells the client of a CFD to ask for its underlying instead, which is where its data comes from."""
    if details["sec_type"] != "CFD":
        return None
    under = peer.state.feed.find(peer.now_us, con_id=details["under_con_id"])
    return answer(name, request_id=request_id, con_id=details["under_con_id"],
                  exchange=under[0]["exchange"] if under else details["exchange"])


def _has(peer: Peer, details: Details, stream: str) -> bool:
    """Return whether the account has a stream of an instrument."""
    con_id = details["con_id"]
    return con_id not in peer.state.unsubscribed and peer.state.feed.offers(con_id, stream)


def _data_type(peer: Peer, request_id: int, details: Details) -> Telling[int]:
    """Return the market data type that is delivered, with a word where that is delayed; refuses (354) without any."""
    if not peer.state.feed.offers(details["con_id"], "ticks"):
        raise Refusal(354, f"Requested market data is not subscribed.{details['local_symbol']}/TOP/ALL")
    if details["con_id"] not in peer.state.unsubscribed:
        return peer.state.feed.data_type(details["con_id"])
    name = f"{details['symbol']} {details['primary_exchange'] or details['exchange']}/TOP/ALL"
    if peer.data_type not in level1.DELAYED_TYPES:
        raise Refusal(354, f"Requested market data is not subscribed.Delayed market data is available.{name}")
    text = f"Requested market data is not subscribed. Displaying delayed market data.{name}"
    yield error(request_id, 10167, text, peer.now_us)
    return peer.data_type


# Level 1


def req_market_data(peer: Peer, values: Values) -> Iterator[Reply]:
    """Start level 1, or send a snapshot of it."""
    request_id, snapshot = values["request_id"], values["snapshot"]
    if snapshot and values["generic_ticks"]:
        raise Refusal(414, "Snapshot market data subscription is not applicable to generic ticks")
    _check_room(peer, "market_data", "market_data", request_id)
    details = resolve_live(peer, values)
    if reroute := _rerouted(peer, request_id, details, "reroute_market_data"):
        yield reroute
        return
    wanted = level1.parse_generic(values["generic_ticks"], details["sec_type"])
    data_type = yield from _data_type(peer, request_id, details)
    yield answer("tick_request_parameters", request_id=request_id, min_tick=details["min_tick"],
                 bbo_exchange=BBO_EXCHANGE, snapshot_permissions=ALL_PERMISSIONS)
    yield answer("market_data_type", request_id=request_id, data_type=data_type)
    late = details["con_id"] in peer.state.unsubscribed
    fetch = level1.source(peer.state.feed, details["con_id"], wanted, delayed=late)
    if snapshot:
        found = fetch(peer.now_us, peer.now_us + 1, True)
        yield from (AnsweredRows(request_id, "snapshot", table, rows) for table, rows in found)
        yield answer("snapshot_end", request_id=request_id)
    else:
        yield from started(peer, Subscription(request_id, "market_data", "ticks", details, fetch))


# Tick-by-tick


def req_tick_by_tick(peer: Peer, values: Values) -> Iterator[Reply]:
    """Start tick-by-tick data, historical ticks first where the client asks for some."""
    request_id, stream = values["request_id"], STREAM_OF_TICK_KIND.get(values["tick_kind"])
    if stream is None:
        kinds = ", ".join(STREAM_OF_TICK_KIND)
        raise invalid(f"'{values['tick_kind']}' is not a tick-by-tick type; these are: {kinds}")
    _check_room(peer, "tick_by_tick", "tick_by_tick", request_id)
    details = resolve_live(peer, values)
    _check_tick_by_tick(peer, details, stream)
    what = WHAT_OF_STREAM[stream]
    of = peer.state.feed, details["con_id"], what, values["ignore_size"]
    if count := values["number_of_ticks"]:
        past = past_ticks.past_source(*of, peer.now_us)
        yield from past_ticks.ticks(request_id, what, past_ticks.ticks_before(past, peer.now_us, count))
    fetch = _tick_by_tick(past_ticks.source(*of, reported_only=stream == "last"), past_ticks.MESSAGES[what][0])
    yield from started(peer, Subscription(request_id, "tick_by_tick", stream, details, fetch))


def _check_tick_by_tick(peer: Peer, details: Details, stream: str) -> None:
    """Refuse what there is not in a way that is not tried again at once, as clients do after 10189."""
    if details["sec_type"] in TICKLESS:
        raise invalid(f"Tick-by-tick requests are not supported for {details['local_symbol']}")
    if not _has(peer, details, stream):
        raise Refusal(354, f"Requested market data is not subscribed.{details['local_symbol']}/TICK-BY-TICK/{stream}")
    once = Rule(1, TICK_BY_TICK_PACING_S)
    if peer.state.limits.tick_by_tick_pacing and not peer.tick_by_tick_pacing.admit(
            (details["con_id"], stream), once, peer.state.clock.real_s()):
        raise Refusal(10189, "Failed to request tick-by-tick data."
                             "Pacing violation: the same instrument was requested within 15 seconds.")  # fmt: skip


def _tick_by_tick(rows_of: past_ticks.Source, table: str) -> Callable[[int, int, bool], Rows]:
    return lambda from_us, to_us, _first: [(table, rows_of(from_us, to_us))]


# Depth


def req_market_depth(peer: Peer, values: Values) -> Iterator[Reply]:
    """Start a book: all its rows as inserts, then its operations."""
    request_id, smart, rows = values["request_id"], values["smart"], max(values["rows"] or 1, 1)
    _check_room(peer, "market_depth", "market_depth", request_id)
    details = resolve_live(peer, values)
    con_id, feed = details["con_id"], peer.state.feed
    if reroute := _rerouted(peer, request_id, details, "reroute_market_depth"):
        yield reroute
        return
    if con_id in peer.state.unsubscribed:  # depth is never delayed
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

    yield from started(peer, Subscription(request_id, "market_depth", stream, details, fetch))


def _reset_notices(resets: pa.Table) -> pa.Table:
    """Return what says that a book is to be emptied."""
    code, text = RESET
    told = with_column(resets, "code", pa.array([code] * len(resets), pa.int32()))
    return with_column(told, "message", pa.array([text] * len(resets), pa.string()))


# 5-second bars


def req_real_time_bars(peer: Peer, values: Values) -> Iterator[Reply]:
    """Start 5-second bars, each sent when it is over."""
    request_id, what, regular_hours = values["request_id"], values["what"], values["regular_hours"]
    if what not in BAR_WHATS:
        raise invalid(f"'{what}' is not a kind of real-time bar; these are: {', '.join(BAR_WHATS)}")
    _check_room(peer, "real_time_bars", "market_data", request_id)
    details = resolve_live(peer, values)
    if not _has(peer, details, "bars"):
        raise Refusal(420, "Invalid Real-time Query:No market data permissions")
    require_bars(details, what)

    def fetch(from_us: int, to_us: int, _first: bool) -> Rows:
        bars = peer.state.feed.closed_bars(details["con_id"], from_us, to_us, what, regular_hours)
        return [("bars", with_column(bars, "form", pa.array(["closed"] * len(bars), pa.string())))]

    yield from started(peer, Subscription(request_id, "real_time_bars", "bars", details, fetch, what))


# Cancels


def _cancel(family: str, code: int | None = None, text: str = "") -> Handler:
    """Return what ends a stream; an unknown id is refused by `code`, silently passed over without."""

    def cancel(peer: Peer, values: Values) -> Iterable[Reply]:
        if not peer.unsubscribe(family, values["request_id"]) and code is not None:
            raise Refusal(code, f"{text}:{values['request_id']}")
        return ()

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
