"""How a process that works beside others begins, and how it ends where it fails."""

import logging
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from .log_lines import is_json, say_line
from .printable import one_line


class _Lines(logging.Handler):
    """Says each message as a line: what came from the line is in some, and could draw or forge others."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def emit(self, record: logging.LogRecord) -> None:
        """Say it; for people without its level, as all that is said here is a warning."""
        say_line(record.levelname.lower() if is_json() else "info", record.getMessage(), self._process)


def begin(name: str, niceness: int = 0) -> None:
    """Begin a process: its warnings are said under its name, and it gives way to others by its niceness."""
    logging.basicConfig(level=logging.WARNING, handlers=[_Lines(f"ticktape {name}")], force=True)
    for one in (signal.SIGINT, signal.SIGHUP):  # of a terminal they reach the recorder, which then ends us
        signal.signal(one, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(niceness)


def fail(name: str, text: str) -> NoReturn:
    """End a process with 1, and say why."""
    if is_json():
        say_line("error", text, f"ticktape {name}")
        sys.exit(1)
    sys.exit(one_line(f"ticktape {name}: {text}"))
