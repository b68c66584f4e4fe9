"""The commands that move a replay in time, as a table beside those that break a gateway."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from capture.gateway.trading import NoWayBackError
from capture.replay.clock import AT_ONCE, FASTEST
from capture.times import SECOND_US, microseconds, moment_of

from .controlled import Controlled

Speed = Annotated[float, Field(gt=0, le=FASTEST)] | Literal["max"]


class CommandError(ValueError):
    """A command of the gateway that is none, or cannot be done now; the text says what can."""


def as_text(at_us: int) -> str:
    """Return a moment as it is written: 2026-11-20T14:30:00.25Z."""
    moment = moment_of(at_us)
    return f"{moment:%Y-%m-%dT%H:%M:%S}{f'.{moment.microsecond:06}'.rstrip('0').rstrip('.')}Z"


def speed_text(speed: float) -> str:
    """Return a speed as it is written."""
    return "max" if speed == AT_ONCE else f"{speed:g}"


def moment_us(text: str, near_us: int) -> int:
    """Return the moment that a text names, in microseconds since 1970.

    It is a time with its zone (2026-11-20T14:30Z; UTC where it names none), a date (its midnight UTC), a time of the
    day of `near_us` (14:30, 14:30:05.5), or a step from there in seconds with its sign (+60, -3600). Raises
    ValueError for any other text, OverflowError for a moment before the year 1 or after 9999.
    """
    if text[:1] in ("+", "-"):
        at_us = near_us + round(float(text) * SECOND_US)
    else:
        if ":" in text[:3]:
            text = f"{moment_of(near_us):%Y-%m-%d}T{text}"
        moment = datetime.fromisoformat(text)
        at_us = microseconds(moment.replace(tzinfo=moment.tzinfo or UTC))
    moment_of(at_us)  # a moment that can be written
    return at_us


def told(gateway: Controlled) -> dict[str, Any]:
    """Return where a replay is; nothing for a gateway that plays none."""
    clock = gateway.state.clock
    if clock.span is None:
        return {}
    state = "ended" if clock.ended else "paused" if clock.paused else "live" if clock.live else "running"
    return {"time": as_text(clock.now_us()), "state": state, "speed": speed_text(clock.speed),
            "from": as_text(clock.span[0]), "until": as_text(clock.span[1])}


def pause(gateway: Controlled) -> str:
    """Let a replay stand still."""
    _require_replay(gateway, "pause")
    gateway.state.clock.pause()
    return f"stands still at {as_text(gateway.state.clock.now_us())}"


def resume(gateway: Controlled) -> str:
    """Let a replay go on."""
    _require_replay(gateway, "resume")
    at_us = gateway.state.clock.now_us()
    gateway.state.clock.resume()
    return f"goes on from {as_text(at_us)}"


def seek(gateway: Controlled, time: str) -> str:
    """Move a replay to a time: 2026-11-20T14:30Z, 14:30 of its day, or so many seconds on (+60) or back (-60)."""
    first_us, last_us = _require_replay(gateway, "seek")
    try:
        at_us = moment_us(time, gateway.state.clock.now_us())
    except (ValueError, OverflowError):
        raise CommandError(
            f"seek: {time!r} is no time; write 2026-11-20T14:30Z, 14:30 for a time of the day, +60 or -60") from None
    if not first_us <= at_us <= last_us:
        raise CommandError(f"seek: what is played goes from {as_text(first_us)} to {as_text(last_us)}; "
                           f"{as_text(at_us)} is outside")  # fmt: skip
    try:
        gateway.state.seek(at_us)
    except NoWayBackError as error:
        raise CommandError(f"seek: {error}") from None
    return f"plays from {as_text(at_us)}"


def speed(gateway: Controlled, factor: Speed) -> str:
    """Let a replay go on so many times as fast as real time, or at max, as fast as its clients read."""
    _require_replay(gateway, "speed")
    wanted = AT_ONCE if factor == "max" else float(factor)
    gateway.state.clock.run_at(wanted)
    return speed_text(wanted)


def _require_replay(gateway: Controlled, command: str) -> tuple[int, int]:
    if gateway.state.clock.span is None:
        raise CommandError(f"{command}: this gateway plays nothing that was recorded: start one with --replay")
    return gateway.state.clock.span


COMMANDS: dict[str, Callable[..., Any]] = {command.__name__: command for command in (pause, resume, seek, speed)}
