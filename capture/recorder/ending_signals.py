"""Signals that end a recorder: what the terminal, the system or a person sends."""

import asyncio
import signal
import threading
from collections.abc import Callable

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # SIGHUP: the terminal was closed


def listen_for_signals(loop: asyncio.AbstractEventLoop, stop: Callable[[str], object]) -> None:
    """Have `stop` called with a reason when a signal comes; only a process's main thread gets any."""
    if threading.current_thread() is threading.main_thread():
        for name in ENDING:
            if signal.getsignal(name) is not signal.SIG_IGN or name is not signal.SIGHUP:  # nohup ignores it
                loop.add_signal_handler(name, stop, f"received {name.name}")


def ignore_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Have signals do again what they do by themselves."""
    for name in ENDING:
        loop.remove_signal_handler(name)
