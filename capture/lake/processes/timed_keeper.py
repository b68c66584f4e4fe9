"""Who starts a process beside a recorder now and then."""

import subprocess
import sys
import time
from datetime import UTC, datetime

from capture.status_model import FailingStatus


class Keeper:
    """Starts a process now and then, one at a time; `stop` ends it, which does no harm: the next one goes on.

    `failing` says how often in a row it ended with an error, None where the last one did not.
    """

    def __init__(self, module: str, arguments: list[str], interval_s: float, first_look_s: float = 0.0) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._interval_s, self._due_s = interval_s, time.monotonic() + first_look_s
        self._process: subprocess.Popen[bytes] | None = None
        self.failing: FailingStatus | None = None

    def look(self) -> None:
        """Start the process if it is time and there is work for it; take note of how the one before ended."""
        if self._process and self._process.poll() is not None:
            self._ended(self._process.returncode)
            self._process = None
        now_s = time.monotonic()
        if now_s < self._due_s or self._process:
            return
        self._due_s = now_s + self._interval_s
        if self.has_work():
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)

    def _ended(self, exit_code: int) -> None:
        before = self.failing or {"times": 0, "exit_code": 0, "since": datetime.now(UTC).isoformat()}
        self.failing = {**before, "times": before["times"] + 1, "exit_code": exit_code} if exit_code else None

    def has_work(self) -> bool:
        """Return whether there may be something to do."""
        return True

    def stop(self) -> None:
        """End the process, if it runs."""
        if self._process:
            self._process.terminate()
            self._process.wait()
