"""Keys that move a replay while it runs, and a line that says where it is: where someone sits at the terminal."""

import asyncio
import contextlib
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .output import redraw, say

if TYPE_CHECKING:
    from capture.gateway import Gateway

REFRESH_S = 0.25
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_000.0, float("inf"))
HELP = "keys: space pause and go on, + and - speed, left and right a minute, q quit"


def _faster(gateway: "Gateway") -> None:
    _set_speed(gateway, next((speed for speed in SPEEDS if speed > gateway.clock.speed), SPEEDS[-1]))


def _slower(gateway: "Gateway") -> None:
    _set_speed(gateway, next((speed for speed in reversed(SPEEDS) if speed < gateway.clock.speed), SPEEDS[0]))


def _set_speed(gateway: "Gateway", speed: float) -> None:
    gateway.control("speed", "max" if speed == SPEEDS[-1] else speed)


def _toggle(gateway: "Gateway") -> None:
    gateway.control("resume" if gateway.clock.paused else "pause")


def _step(gateway: "Gateway", step_s: int) -> None:
    """Move by some seconds, at most to an end of what is played; say where that cannot be."""
    from capture.gateway.trading import NoWayBackError

    assert gateway.clock.span is not None
    first_us, last_us = gateway.clock.span
    try:
        gateway.state.seek(min(max(gateway.clock.now_us() + step_s * 1_000_000, first_us), last_us))
    except NoWayBackError as error:
        say(f"\nticktape: {error}")


KEYS: dict[str, Callable[["Gateway"], None]] = {
    " ": _toggle,
    "+": _faster,
    "=": _faster,  # the same key without shift
    "-": _slower,
    "\x1b[C": lambda gateway: _step(gateway, 60),
    "\x1b[D": lambda gateway: _step(gateway, -60),
}
QUIT = "q"


def press(gateway: "Gateway", keys: str) -> bool:
    """Do what keys that were pressed say, and return whether one of them was to quit."""
    while keys:
        name = next((name for name in KEYS if keys.startswith(name)), keys[0])
        if name in KEYS:
            KEYS[name](gateway)
        if name == QUIT:
            return True
        keys = keys[len(name) :]
    return False


def line(gateway: "Gateway") -> str:
    """Return in words where a replay is, and how its account stands."""
    from capture.gateway.control.order_commands import told_of_orders
    from capture.gateway.control.replay_commands import told

    where, account = told(gateway), told_of_orders(gateway)
    return (f"{where['time'][:19].replace('T', ' ')} UTC  {where['state']}  speed {where['speed']}  "
            f"open orders {account['orders']}  worth {account['net_liquidation']}, today {account['daily_pnl']}")


@contextlib.contextmanager
def watching(gateway: "Gateway", end: Callable[[], None]) -> Iterator[None]:
    """While a replay runs, listen to keys and show where it is; without a terminal only say once that it ended."""
    on_terminal = _has_terminal()
    loop = asyncio.get_running_loop()
    with _keyboard(gateway, end) if on_terminal else contextlib.nullcontext():
        telling = loop.create_task(_tell(gateway, on_terminal))
        try:
            yield
        finally:
            telling.cancel()


def _has_terminal() -> bool:
    """Return whether someone may press keys: in the background the terminal would stop who changes its settings."""
    stdin, stderr = 0, 2
    return os.isatty(stdin) and os.isatty(stderr) and os.tcgetpgrp(stdin) == os.getpgrp()


@contextlib.contextmanager
def _keyboard(gateway: "Gateway", end: Callable[[], None]) -> Iterator[None]:
    """Hand every key on at once, and leave the terminal as it was."""

    def pressed() -> None:
        keys = b""
        with contextlib.suppress(OSError):  # as a terminal that is gone says it
            keys = os.read(descriptor, 64)
        if not keys:
            loop.remove_reader(descriptor)
        if press(gateway, keys.decode(errors="replace")):
            end()

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()
    say(f"ticktape: {HELP}")
    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, pressed)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        with contextlib.suppress(termios.error, OSError):  # the terminal may be gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
            sys.stderr.write("\n")


async def _tell(gateway: "Gateway", on_terminal: bool) -> None:
    told_of_end = False
    while True:
        ended = gateway.clock.ended
        if on_terminal:
            redraw(line(gateway))
        elif ended and not told_of_end:
            say("ticktape: the replay is at its end; its clients stay connected")
        told_of_end = ended
        await asyncio.sleep(REFRESH_S)
