"""Troubles of a recorder, of its line and of IB's farms, from what it last said of itself."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from capture.session.phases import IN_SESSION
from capture.trouble import Severity, Trouble
from capture.trouble_kinds import inside, trouble
from capture.wanted.windows import WindowError, parse_window

from .recorder_state import ENDED, MUTE

LOGIN_AFTER_S = 180.0  # a gateway that restarts is back by then
STARTING_S = 60.0  # in which a recorder that was just started is neither well nor in trouble
_FACTS = ("recorder", "pid", "host", "port", "client_id", "state", "trouble", "sessions")
_BEFORE_HELLO = frozenset({"connecting", "greeting"})
_HISTORY, _MARKET = "(historical data farm)", "(market data farm)"


def moment(text: str | None) -> datetime | None:
    """Return a time that a status file names, None for none."""
    return datetime.fromisoformat(text) if text else None


def in_restart_window(state: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a lost line is routine for a recorder at a moment, by its setting restart_windows."""
    try:
        return any(parse_window(text).holds(now.timestamp()) for text in state.get("restart_windows", ()))
    except WindowError:  # of a recorder of another version
        return False


def has_session(state: Mapping[str, Any]) -> bool:
    """Return whether a recorder runs and has a session with its gateway."""
    return bool(state["running"]) and state["state"] in IN_SESSION


def is_starting(state: Mapping[str, Any], now: datetime) -> bool:
    """Return whether a recorder runs, was just started and had neither a session nor a failure."""
    started = moment(state.get("started"))
    young = started is not None and now - started < timedelta(seconds=STARTING_S)
    return bool(state["running"]) and not has_session(state) and not state.get("trouble") and young


def recorder_troubles(state: Mapping[str, Any], now: datetime, no_room: Trouble | None) -> Iterator[Trouble]:
    """Yield what is wrong with a recorder itself, and with its line; `no_room` is the trouble of a full disk."""
    condition, name = state["condition"], state["recorder"]
    heard = moment(state.get("heard"))
    if condition in ENDED and condition != "stopped":
        yield trouble("recorder-ended", name, heard, condition, _facts(state))
    elif condition == MUTE:
        mute = trouble("recorder-mute", name, heard, f"{condition}: {state['stale']}", _facts(state))
        yield inside(mute, no_room) if no_room else mute
    elif state["running"] and not has_session(state) and not is_starting(state, now):
        lost = _line_lost(state, now)
        yield inside(lost, no_room) if no_room else lost
    elif since := state.get("ib_line_lost_since"):
        routine = Severity.ROUTINE if in_restart_window(state, now) else None
        yield trouble("ib-line-lost", name, moment(since), "the gateway lost its line to IB (code 1100)",
                      _facts(state), severity=routine)


def _line_lost(state: Mapping[str, Any], now: datetime) -> Trouble:
    since = moment(state.get("line_since"))
    routine = Severity.ROUTINE if in_restart_window(state, now) else None
    long = since is not None and now - since >= timedelta(seconds=LOGIN_AFTER_S)
    kind = "login-needed" if long and state.get("lost_in") in _BEFORE_HELLO else "line-lost"
    return trouble(kind, state["recorder"], since, state.get("trouble") or str(state["state"]), _facts(state),
                   severity=routine)


def _facts(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: state.get(name) for name in _FACTS}


def farm_troubles(state: Mapping[str, Any], now: datetime) -> Iterator[Trouble]:
    """Yield the farms that IB calls broken, of a recorder that has a session."""
    if not has_session(state):
        return
    routine = Severity.ROUTINE if in_restart_window(state, now) else None
    for farm, how in state.get("farms", {}).items():
        if how == "broken":
            kind = "history-farm-broken" if farm.endswith(_HISTORY) else "farm-broken"
            since = moment(state.get("farms_since", {}).get(farm))
            yield trouble(kind, f"{state['recorder']} {farm}", since, f"IB says that {farm} is broken",
                          {"farm": farm, "recorder": state["recorder"]}, severity=routine)


def silences(one: Trouble) -> bool:
    """Return whether a trouble is why streams are silent."""
    return one.kind == "ib-line-lost" or (one.kind == "farm-broken" and one.name.endswith(_MARKET))
