"""How a recording goes, while it goes, as a line now and then; `Live` draws it on a terminal."""

import asyncio
import os
import time
from contextlib import suppress
from datetime import datetime
from itertools import count
from typing import Any

from capture.lake.layout import Layout
from capture.log_lines import JSON, say_line
from capture.session.machine import Machine
from capture.session.phases import State
from capture.wanted.settings import Settings
from capture.watch.recorder_state import own_state

from ..recording.status import behind_text
from .output import age_text, size_text

LOOK_INTERVAL_S = 1.0  # at what the recorder says, which is new every few seconds


class Pulse:
    """Rates from a recorder's growing counts of frames and bytes: per second since it said others.

    Times are seconds since 1970: those at which the recorder wrote what it says, which is not every second.
    """

    def __init__(self) -> None:
        self.frames_per_second = self.bytes_per_second = 0.0
        self._last: tuple[float, int, int] | None = None
        self._heard_s: float | None = None

    def take(self, now_s: float, frames: int, received_bytes: int) -> None:
        """Take the counts that were written at a moment; the same ones again say nothing new."""
        then_s, frames_then, bytes_then = self._last or (now_s, 0, 0)
        if self._last is not None and now_s == then_s:
            return
        if self._last is not None:
            self.frames_per_second = (frames - frames_then) / (now_s - then_s)
            self.bytes_per_second = (received_bytes - bytes_then) / (now_s - then_s)
        self._heard_s = now_s if received_bytes > bytes_then else self._heard_s
        self._last = now_s, frames, received_bytes

    def silent_s(self, now_s: float) -> float | None:
        """Return for how long no byte has come, 0 while some came before each writing; None before the first.

        When in between they came is not known, so what was written a while ago is no silence.
        """
        if self._heard_s is None or self._last is None:
            return None
        return 0.0 if self._heard_s == self._last[0] else max(now_s - self._heard_s, 0.0)


class Lines:
    """Progress where there is no terminal: a line on stderr every few seconds; of a service, and as JSON, each minute.
    """

    looks = 5  # at the session, for each time that the recorder is looked at and shown

    def __init__(self, settings: Settings) -> None:
        self._as_json = settings.log_format == JSON
        if self._as_json or "NOTIFY_SOCKET" in os.environ:
            self.looks = 60
        self._layout, self._recorder = Layout(settings.data), settings.recorder
        self._pulse = Pulse()
        self._state: State | None = None
        self._since_s = 0.0

    def say(self, level: str, text: str) -> None:
        """Print what the recorder says."""
        say_line(level, text, as_json=self._as_json)

    async def watch(self, machine: Machine) -> None:
        """Show how it goes until the recorder is stopped."""
        for look in count(1):
            await asyncio.sleep(LOOK_INTERVAL_S)
            if machine.state is State.STOPPED:
                return
            if machine.state is not self._state:
                self._state, self._since_s = machine.state, time.monotonic()
            if look % self.looks == 0:  # not oftener: it is work, beside that of the recorder
                with suppress(FileNotFoundError):  # the recorder has no folder yet
                    self._look()

    def _look(self) -> None:
        state = own_state(self._layout, self._recorder)
        if state["running"]:
            written_s = datetime.fromisoformat(state["written"]).timestamp()
            self._pulse.take(written_s, state["frames"], state["received_bytes"])
            self._show(state)

    def _show(self, state: dict[str, Any]) -> None:
        self.say("info", self._summary(state))

    def _summary(self, state: dict[str, Any]) -> str:
        now_s = time.monotonic()
        lives = [stream["state"] for stream in state["streams"]]
        counts = ", ".join(f"{lives.count(life)} {life}" for life in dict.fromkeys(lives))
        silent_s = self._pulse.silent_s(time.time())
        return " · ".join([
            f"{self._state} for {now_s - self._since_s:.0f} s",
            f"streams: {counts}",
            f"{state['frames']:,} frames, {self._pulse.frames_per_second:,.0f}/s",
            f"{size_text(state['tape_bytes'])} of tape, {size_text(self._pulse.bytes_per_second)}/s",
            "no byte yet" if silent_s is None else f"last byte {age_text(silent_s)} ago" if silent_s else "bytes come",
            f"roller {behind_text(state)}",
        ])
