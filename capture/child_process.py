"""How a process that works beside others begins, and how it ends where it fails."""

import logging
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from .printable import one_line


class _OneLine(logging.Formatter):
    """Makes each message a line: what came from the line is in some, and could draw or forge others."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


def begin(name: str, niceness: int = 0) -> None:
    """Begin a process: its warnings go to stderr under its name, and it gives way to others by its niceness."""
    words = logging.StreamHandler(sys.stderr)
    words.setFormatter(_OneLine(f"ticktape {name}: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[words], force=True)
    for one in (signal.SIGINT, signal.SIGHUP):  # of a terminal they reach the recorder, which then ends us
        signal.signal(one, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(niceness)


def fail(name: str, text: str) -> NoReturn:
    """End a process with 1, and say why."""
    sys.exit(one_line(f"ticktape {name}: {text}"))
