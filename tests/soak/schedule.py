"""When a gateway restarts, and when what else goes wrong: drawn from a seed."""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from capture.gateway.control.commands import COMMANDS
from capture.wanted.windows import IB_RESTART_WINDOWS, parse_window

EASTERN = ZoneInfo("America/New_York")
WINDOWS = [parse_window(text) for text in IB_RESTART_WINDOWS]
FRIDAY = 4
# What IB's gateways do: some minutes every night, and a logoff when the week is over.
RESTARTS = {"daily": (23, 45, 300.0), "weekly": (23, 5, 7_200.0)}

AWAY_S = 3_600  # between a fault and a window in which the gateway restarts, and the end
APART_S = 900  # between two faults
LASTS_S = (5.0, 600.0)
STALLS_S = (3_600.0, 5_400.0)  # a stall that is over sooner cannot be told from a quiet market


def clock(at_s: float) -> str:
    """Return a moment as people in New York tell it."""
    return f"{datetime.fromtimestamp(at_s, EASTERN):%a %H:%M}"


def calm(at_s: float) -> bool:
    """Return whether a moment lies in a window in which a lost line is routine."""
    return any(window.holds(at_s) for window in WINDOWS)


def restarts(from_s: float, to_s: float) -> Iterator[tuple[float, float]]:
    """Yield when the gateway restarts, and for how long it is gone."""
    day = datetime.fromtimestamp(from_s, UTC).astimezone(EASTERN).replace(minute=0, second=0, microsecond=0)
    while day.timestamp() < to_s:
        hour, minute, lasts_s = RESTARTS["weekly" if day.weekday() == FRIDAY else "daily"]
        at_s = day.replace(hour=hour, minute=minute).timestamp()
        if from_s < at_s < to_s:
            yield at_s, lasts_s
        day += timedelta(days=1)


def moments(random: Random, count: int, from_s: float, to_s: float) -> list[float]:
    """Return so many random moments, not too close to each other or to the gateway's restarts."""
    found: list[float] = []
    while len(found) < count:
        at_s = random.uniform(from_s + AWAY_S, to_s - AWAY_S)
        near = any(abs(at_s - other_s) < APART_S for other_s in found)
        if not near and not calm(at_s) and not calm(at_s + AWAY_S):
            found.append(at_s)
    return sorted(found)


def lasting(random: Random, command: tuple[Any, ...]) -> tuple[str, dict[str, Any]]:
    """Return a command's name and arguments, with another number of seconds where it had one."""
    name, *arguments = command
    _, *parameters = inspect.signature(COMMANDS[name]).parameters  # the first is the gateway
    named = dict(zip(parameters, arguments, strict=False))
    if "seconds" in named:
        named["seconds"] = random.uniform(*(STALLS_S if name == "stall" else LASTS_S))
    return name, named
