"""What systemd, or another service manager, is told: ready, how it goes, that socket and tape advance, stopping.

The protocol is sd_notify's: datagrams to the socket that NOTIFY_SOCKET names. Without one nothing is said.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from capture.printable import one_line
from capture.session.machine import Machine
from capture.session.phases import IN_SESSION

from .journal import Journal

STALLED_S = 60.0  # a silent gateway is given up after 45 s: then there is no session in which bytes are expected


class Progress:
    """Whether a recorder gets on: in a session bytes come, what comes is on the tape, and the tape on the disk."""

    def __init__(self, now_s: float) -> None:
        self._received = self._tape = 0
        self._moved_s = self._synced_s = now_s

    def synced(self, now_s: float) -> None:
        """Take note that the tape was synced."""
        self._synced_s = now_s

    def look(self, now_s: float, in_session: bool, received_bytes: int, tape_bytes: int) -> bool:
        """Return whether it gets on, given how much came and how much tape there is by now."""
        came, written = received_bytes - self._received, tape_bytes - self._tape
        if written < came:
            return False
        if came or not in_session:
            self._moved_s = now_s
        self._received, self._tape = received_bytes, tape_bytes
        return now_s - self._moved_s <= STALLED_S and now_s - self._synced_s <= STALLED_S


class ServiceManager:
    """Tells the service manager that started this process, if one did and wants to know."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._watchdog = watched and environment.get("WATCHDOG_USEC", "0") != "0"
        self._status = ""

    def ready(self) -> None:
        """Say that the tape is open, and that it begins: a session may have to wait for a gateway."""
        self._tell("READY=1")

    def alive(self) -> None:
        """Say so where a watchdog waits for it."""
        if self._watchdog:
            self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Say how it goes, in a line, where that is new."""
        if text != self._status:
            self._status = text
            self._tell(f"STATUS={text}")

    def stopping(self, within_s: float) -> None:
        """Say that it ends, and how long that may take."""
        self._tell(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={within_s * 1_000_000:.0f}")

    def _tell(self, text: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.setblocking(False)  # a manager that does not listen must not hold up the loop
            to.sendto(text.encode(), address)


class Service:
    """A recorder as a service: looked at each second, it has its manager told how it gets on."""

    def __init__(self, now_s: float) -> None:
        self.manager, self.progress = ServiceManager(), Progress(now_s)

    def look(self, machine: Machine, journal: Journal, now_s: float) -> None:
        """Tell the manager what is new, and the watchdog where the recorder gets on."""
        tape_bytes = journal.finished_bytes + journal.tape.size_bytes
        if self.progress.look(now_s, machine.state in IN_SESSION, journal.received_bytes, tape_bytes):
            self.manager.alive()
        wanted = len(machine.subscriptions.all)
        self.manager.status(one_line(machine.trouble or f"{machine.state}, {wanted} streams wanted"))
