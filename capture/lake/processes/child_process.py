"""What the processes beside a recorder share: how each begins, and who starts one now and then."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import NoReturn

from capture.printable import one_line


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


class Keeper:
    """Starts a process now and then, one at a time; `stop` ends it, which does no harm: the next one goes on."""

    def __init__(self, module: str, arguments: list[str], interval_s: float, first_look_s: float = 0.0) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._interval_s, self._due_s = interval_s, time.monotonic() + first_look_s
        self._process: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Start the process if it is time and there is work for it."""
        now_s = time.monotonic()
        if now_s < self._due_s or (self._process and self._process.poll() is None):
            return
        self._due_s = now_s + self._interval_s
        if self.has_work():
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)

    def has_work(self) -> bool:
        """Return whether there may be something to do."""
        return True

    def stop(self) -> None:
        """End the process, if it runs."""
        if self._process:
            self._process.terminate()
            self._process.wait()
