"""The commands to a running gateway, as a table: a function's name, parameters and first line say it all.

Commands concern all clients. `seconds` are of real time, whatever the market's speed; without them a fault lasts until
`clear`.
"""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from capture.gateway.answers import session_start as session
from capture.gateway.refusal import Refusal
from capture.gateway.shared_state import Connected
from capture.gateway.subscription import Subscription
from capture.suggestion import unknown
from capture.wanted.streams import KINDS
from capture.wire.text.framing import frame

from . import order_commands, replay_commands
from .controlled import Controlled
from .faults import COMPETING, FARMS, LOST, RESET, RESTORED, farm_of
from .replay_commands import CommandError

Seconds = Annotated[float | None, Field(ge=0)]
Times = Annotated[int, Field(ge=1)]
Streams = Iterator[tuple[Connected, Subscription]]

LIVE = ("market_data", "tick_by_tick", "market_depth", "real_time_bars")
STREAM_OF_WORD = {kind.word: kind.stream for kind in KINDS}
UNKNOWN = b"9999\x001\0what is this\0"
MALFORMED = b"1\x006\x001\x001\0no price\x00100\x000\0"
CUT_SHORT = b"99\x001\x001\0"
LENGTHS = {"zero": b"\0\0\0\0", "huge": b"\xff\xff\xff\xff"}


# What there is


def status(gateway: Controlled) -> dict[str, Any]:
    """Return clients, streams and what silences them, faults that go on or are due, orders, where a replay is."""
    streams = [
        {"client_id": client.id, "request_id": subscription.request_id, "stream": subscription.stream,
         "instrument": subscription.details["local_symbol"],
         "state": gateway.state.faults.silence(client, subscription) or "flowing"}
        for client, subscription in _streams(gateway)
    ]
    return {"port": gateway.port, **replay_commands.told(gateway),
            "clients": [client.id for client in gateway.state.clients if client.started],
            "faults": [fault.name for fault in gateway.state.faults.lasting], "due": dict(+gateway.state.faults.due),
            **order_commands.told_of_orders(gateway),
            "streams": streams}


def missed(gateway: Controlled) -> list[dict[str, Any]]:
    """Return when streams were not sent, in microseconds since 1970; `to_us` is null while it lasts."""
    return [
        {"client_id": one.client_id, "stream": one.subscription.stream, "con_id": one.subscription.details["con_id"],
         "instrument": one.subscription.details["local_symbol"], "reason": one.reason,
         "from_us": one.from_us, "to_us": one.to_us}
        for one in gateway.state.ledger.missed
    ]


def clear(gateway: Controlled, command: str = "") -> None:
    """End the faults that go on or are due, or those of one command."""
    if command not in ("", *COMMANDS):
        raise CommandError(f"clear: {unknown('command', command, COMMANDS)}")
    for fault in list(gateway.state.faults.lasting):
        if command in ("", fault.name.partition(" ")[0]):
            gateway.state.faults.clear(fault)
    for name in list(gateway.state.faults.due):
        if command in ("", name.partition(" ")[0]):
            del gateway.state.faults.due[name]


# The connection


def drop(gateway: Controlled, where: Literal["whole", "mid-frame"] = "whole") -> None:
    """Close every connection, after a whole frame or in the middle of one."""
    for client in list(gateway.state.clients):
        if where == "mid-frame" and client.started:
            client.write(frame(UNKNOWN)[:-4])
        client.close()


def half_open(gateway: Controlled, seconds: Seconds = None) -> None:
    """Neither read nor write any more, but keep the connections; after the seconds close them."""
    _hold(gateway, "half-open", seconds)


def corrupt(gateway: Controlled, length: Literal["zero", "huge"] = "huge", seconds: Seconds = None) -> None:
    """Send a frame of impossible length, and then nothing more."""
    for client in gateway.state.clients:
        client.write(LENGTHS[length])
    _hold(gateway, "corrupt", seconds)


def _hold(gateway: Controlled, name: str, seconds: float | None) -> None:
    held = list(gateway.state.clients)

    def end() -> None:
        for client in held:
            client.abort()

    for client in held:
        client.dead = True
    gateway.state.faults.begin(name, seconds, silences=lambda client, _: client in held, end=end)


def refuse(gateway: Controlled, seconds: Seconds = None) -> None:
    """Accept no connections; those that are there stay."""
    _shut(gateway, "refuse", seconds)


def restart(gateway: Controlled, seconds: Seconds = 5.0) -> None:
    """Close every connection and the port, and be back after the seconds with no session left."""
    _shut(gateway, "restart", seconds)
    drop(gateway)


def _shut(gateway: Controlled, name: str, seconds: float | None) -> None:
    def end() -> None:
        if not gateway.state.faults.active("refuse", "restart"):
            gateway.listen_again()

    gateway.refuse()
    gateway.state.faults.begin(name, seconds, end=end)


def chop(gateway: Controlled, seconds: Seconds = None) -> None:
    """Write every byte by itself."""
    gateway.state.faults.begin("chop", seconds)


# The session


def duplicate_id(gateway: Controlled, times: Times = 1) -> None:
    """Refuse the next sessions with 326, as if the old one were not released yet."""
    gateway.state.faults.due["duplicate-id"] = times


def slow_handshake(gateway: Controlled, delay_s: Annotated[float, Field(gt=0)], seconds: Seconds = None) -> None:
    """Say hello so many seconds late."""
    gateway.state.faults.begin("slow-handshake", seconds, amount=delay_s)


def not_ready(gateway: Controlled, seconds: Seconds = None) -> None:
    """Shake hands, but let no session start until it is over."""

    def end() -> None:
        state = gateway.state
        waiting, state.waiting = state.waiting, []
        for peer, values in waiting:
            if peer in state.clients:
                peer.tell(session.start_api(peer, values))

    gateway.state.faults.begin("not-ready", seconds, end=end)


def skew(gateway: Controlled, offset_s: float, seconds: Seconds = None) -> None:
    """Tell a time that is so many seconds off; below zero it is behind."""
    gateway.state.faults.begin("skew", seconds, amount=offset_s)


def pacing(gateway: Controlled, times: Times = 1) -> None:
    """Refuse the next requests for history with 162, as a pacing violation."""
    gateway.state.faults.due["pacing"] = times


def read_only(gateway: Controlled, seconds: Seconds = None) -> None:
    """Refuse with 321 what is about orders, those that are open or done too, as TWS does with Read-Only API."""
    gateway.state.faults.begin("read-only", seconds)


def message_rate(gateway: Controlled, times: Times = 1) -> None:
    """Reject the next requests with 100, as too many in a second; the third of a client ends its session."""
    gateway.state.faults.due["message-rate"] = times


def notice(gateway: Controlled, code: int, text: str, request_id: int = -1) -> None:
    """Send any of IB's codes, such as 1300 or 2110, with a text."""
    _tell(gateway, code, text, request_id)


def _tell(gateway: Controlled, code: int, text: str, request_id: int = -1) -> None:
    for client in gateway.state.clients:
        if client.started:
            client.error(request_id, code, text)


# Silence


def stall(gateway: Controlled, stream: str, instrument: str = "", seconds: Seconds = None) -> None:
    """Silence a stream of one or all instruments: for some seconds, or else until it is requested anew."""
    found = list(_matching(gateway, stream, instrument))
    if seconds is None:
        for _, subscription in found:
            subscription.dead = "stall"
        gateway.state.refresh()
    else:
        gateway.state.faults.begin("stall", seconds, silences=lambda _, other: _is(other, stream, instrument))


def outage(gateway: Controlled, kind: Literal["lost", "kept"] = "lost", seconds: Seconds = None) -> None:
    """Lose the connection to IB: 1100, silence, then 1101 with subscriptions lost or 1102 with them kept."""

    def end() -> None:
        if kind == "kept":
            _tell(gateway, *RESTORED)
            return
        for client, subscription in list(_streams(gateway)):
            client.end(subscription, "outage")
        _tell(gateway, 1101, "Connectivity between IB and Trader Workstation has been restored - data lost.")

    _tell(gateway, *LOST)
    gateway.state.faults.begin("outage", seconds, silences=lambda *_: True, end=end)
    _fail_history(gateway)


def farm(
    gateway: Controlled, name: Literal["usfarm", "usfuture", "ushmds", "secdefnj"] = "usfarm", seconds: Seconds = None,
    dead: str = "",
) -> None:
    """Break a data farm (usfuture has the futures), then mend it, leaving the first stream of a kind dead."""
    left = next(_matching(gateway, dead, farm=name), None) if dead else None

    def end() -> None:
        _tell(gateway, *FARMS[name].notice(name, broken=False))

    _tell(gateway, *FARMS[name].notice(name, broken=True))
    if left is not None:
        left[1].dead = f"farm {name}"
    gateway.state.faults.begin(f"farm {name}", seconds, silences=lambda _, other: farm_of(other) == name, end=end)
    if name == "ushmds":
        _fail_history(gateway)


def competing(gateway: Controlled, seconds: Seconds = None) -> None:
    """Silence live data with 10197, as if the same user were logged in elsewhere."""
    for client, subscription in _streams(gateway, *LIVE):
        client.error(subscription.request_id, *COMPETING)
    gateway.state.faults.begin("competing", seconds, silences=lambda _, other: other.family in LIVE)


def _fail_history(gateway: Controlled) -> None:
    """Refuse what is being worked out, as what is asked for from now on."""
    for client in gateway.state.clients:
        for family, request_id in list(client.tasks):
            client.unsubscribe(family, request_id)
            try:
                gateway.state.faults.check_history()
            except Refusal as refusal:
                client.error(request_id, refusal.code, refusal.text)


# Streams


def reset(gateway: Controlled) -> None:
    """Reset every book: 317, then all its rows once more."""
    for client, subscription in list(_streams(gateway, "market_depth")):
        client.error(subscription.request_id, *RESET)
        client.subscribe(subscription)


def halt(gateway: Controlled) -> None:
    """End every book with 316."""
    _end(gateway, ("market_depth",), 316, "Market depth data has been HALTED. Please re-subscribe.")


def bust(gateway: Controlled, execution: str = "") -> str | None:
    """End all live bars with 10225, as after a correction; or take an execution back, which is told anew as nothing."""
    if execution:
        return order_commands.bust(gateway, execution)
    _end(gateway, ("real_time_bars", "historical_data"), 10225,
         "Bust event occurred, current subscription is deactivated. Please resubscribe real-time bars immediately.")
    return None


def lost_updates(gateway: Controlled) -> None:
    """End bars that are kept up to date with 10182."""
    _end(gateway, ("historical_data",), 10182, "Failed to request live updates (disconnected).")


def _end(gateway: Controlled, families: tuple[str, ...], code: int, text: str) -> None:
    for client, subscription in list(_streams(gateway, *families)):
        client.error(subscription.request_id, code, text)
        client.end(subscription, str(code))


# Frames


def unknown_frame(gateway: Controlled) -> None:
    """Send a message that no one knows."""
    _send(gateway, UNKNOWN)


def malformed_frame(gateway: Controlled) -> None:
    """Send a price tick whose price is no number."""
    _send(gateway, MALFORMED)


def missing_fields(gateway: Controlled) -> None:
    """Send a tick that ends after its first fields."""
    _send(gateway, CUT_SHORT)


def extra_fields(gateway: Controlled, seconds: Seconds = None) -> None:
    """End every message of live streams with a field too many."""
    gateway.state.faults.begin("extra-fields", seconds)


def _send(gateway: Controlled, payload: bytes) -> None:
    for client in gateway.state.clients:
        if client.started:
            client.write(frame(payload))


# Which streams


def _streams(gateway: Controlled, *families: str) -> Streams:
    for client in gateway.state.clients:
        for subscription in client.subscriptions.values():
            if not families or subscription.family in families:
                yield client, subscription


def _matching(gateway: Controlled, stream: str, instrument: str = "", farm: str = "") -> Streams:
    """Yield the streams that a word and an instrument name. Raises CommandError where there is none."""
    found = [(client, one) for client, one in _streams(gateway)
             if _is(one, stream, instrument) and farm in ("", farm_of(one))]
    if not found:
        there = ", ".join(sorted({one.name for _, one in _streams(gateway)})) or "none"
        raise CommandError(f"no client has a stream {stream!r} {instrument} {farm}; there are: {there}")
    yield from found


def _is(subscription: Subscription, stream: str, instrument: str) -> bool:
    details = subscription.details
    names = ("", details["local_symbol"], details["symbol"], str(details["con_id"]))
    return STREAM_OF_WORD.get(stream, stream) == subscription.stream and instrument in names


COMMANDS: dict[str, Callable[..., Any]] = {
    command.__name__.replace("_", "-"): command
    for command in (
        status, missed, clear, drop, half_open, corrupt, refuse, restart, chop, duplicate_id, slow_handshake, not_ready,
        skew, pacing, read_only, message_rate, notice, stall, outage, farm, competing, reset, halt, bust, lost_updates,
        unknown_frame, malformed_frame, missing_fields, extra_fields)
} | order_commands.COMMANDS | replay_commands.COMMANDS
